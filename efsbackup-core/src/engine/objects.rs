//! Components, instances and attempts as the API shows them.

use super::database::from_column;
use super::links::Links;
use super::rows::{AttemptRow, ErrorColumns, InstanceRow, not_found};
use super::schedule::time_text;
use super::store::Store;
use crate::error::Result;
use crate::params::Parameters;
use crate::pipeline::{Definition, Field, FieldValue, Object};
use std::sync::Arc;

/// A pipeline's objects, read on demand.
pub(super) struct Objects<'a> {
    pub(super) db: &'a Store,
    pub(super) pipeline: String,
    /// The version whose components are meant.
    version: i64,
}

impl<'a> Objects<'a> {
    pub(super) fn new(db: &'a Store, pipeline: &str, version: i64) -> Self {
        Objects { db, pipeline: pipeline.to_owned(), version }
    }

    pub(super) fn default_version(&self) -> i64 {
        self.version
    }

    /// The definition of this version.
    pub(super) fn definition(&self) -> Result<Arc<Definition>> {
        self.db.definition(&self.pipeline, self.version)
    }

    /// The definition of this version, and its parameters with their values.
    pub(super) fn parameters(&self) -> Result<(Arc<Definition>, Arc<Parameters>)> {
        Ok((self.definition()?, self.db.parameters(&self.pipeline, self.version)?))
    }

    /// Which components of this version wait for which.
    pub(super) fn links(&self) -> Result<Arc<Links>> {
        self.db.links(&self.pipeline, self.version)
    }

    /// The component, instance or attempt with this id, expressions as they are written.
    pub(super) fn get(&self, id: &str) -> Result<Object> {
        if let Some(object) = self.definition()?.object(id) {
            return Ok(self.component(&*self.definition()?, object));
        }
        if let Some(instance) = InstanceRow::find(self.db, &self.pipeline, id)? {
            return self.instance(&instance);
        }
        match AttemptRow::find(self.db, &self.pipeline, id)? {
            Some(attempt) => self.attempt(&attempt),
            None => Err(not_found("object", id)),
        }
    }

    pub(super) fn component(&self, definition: &Definition, object: &Object) -> Object {
        let fields = definition.effective_fields(object);
        let mut shown = Object::new(&object.id);
        shown.name.clone_from(&object.name);
        shown.fields = fields.iter().map(|effective| effective.field.clone()).collect();
        shown
            .text("@sphere", "COMPONENT")
            .text("@id", &object.id)
            .text("@pipelineId", &self.pipeline)
    }

    pub(super) fn instance(&self, row: &InstanceRow) -> Result<Object> {
        let mut shown = self.of_component(row, &row.id)?;
        set_text(&mut shown, "@sphere", "INSTANCE");
        set_text(&mut shown, "@status", &row.status);
        set_time(&mut shown, "@creationTime", Some(row.created));
        if row.attempts > 0 {
            let head = format!("{}_Attempt={}", row.id, row.attempts);
            shown = shown.reference("@headAttempt", head);
        }
        set_text(&mut shown, "@attemptCount", &row.attempts.to_string());
        set_text(&mut shown, "@triesLeft", &row.tries_left.to_string());
        if let Some(id) = &row.cascade_on {
            shown = shown.reference("@cascadeFailedOn", id);
        }
        if row.is_precondition() {
            set_text(&mut shown, "currentRetryCount", &row.checks.to_string());
            set_time(&mut shown, "lastRetryTime", row.checked);
        }
        set_time(&mut shown, "@actualStartTime", row.actual_start);
        set_time(&mut shown, "@actualEndTime", row.actual_end);
        if let Some(hostname) = &row.hostname {
            set_text(&mut shown, "hostname", hostname);
        }
        set_error(&mut shown, &row.error);
        Ok(shown)
    }

    pub(super) fn attempt(&self, row: &AttemptRow) -> Result<Object> {
        let instance = InstanceRow::get(self.db, &self.pipeline, &row.instance)?;
        let mut shown = self.of_component(&instance, &row.id())?;
        shown = shown.reference("@instanceParent", &row.instance);
        set_text(&mut shown, "@sphere", "ATTEMPT");
        set_text(&mut shown, "@status", &row.status);
        set_text(&mut shown, "@attemptNumber", &row.number.to_string());
        set_time(&mut shown, "@actualStartTime", row.assigned);
        set_time(&mut shown, "@actualEndTime", row.ended);
        if let Some(hostname) = &row.hostname {
            set_text(&mut shown, "hostname", hostname);
        }
        set_error(&mut shown, &row.error);
        Ok(shown)
    }

    /// The instance that the field `key` of an instance leads to.
    pub(super) fn reference(&self, row: &InstanceRow, key: &str) -> Result<Option<String>> {
        let definition = self.db.definition(&self.pipeline, row.version)?;
        let Some(component) = definition.object(&row.component) else { return Ok(None) };
        let fields = definition.effective_fields(component);
        let field = fields
            .iter()
            .find(|found| found.field.key == key && found.field.value.as_reference().is_some());
        let Some(found) = field else { return Ok(None) };
        let field = self.of_interval(found.field, row)?;
        Ok(field.value.as_reference().map(str::to_owned))
    }

    /// What an instance and its attempts take from their component. References to
    /// components that have instances lead to those of the same interval.
    fn of_component(&self, row: &InstanceRow, id: &str) -> Result<Object> {
        let definition = self.db.definition(&self.pipeline, row.version)?;
        let mut shown = Object::new(id);
        if let Some(component) = definition.object(&row.component) {
            shown.name.clone_from(&component.name);
            for effective in definition.effective_fields(component) {
                // `parent` is the component here.
                if effective.field.key != "parent" {
                    shown.fields.push(self.of_interval(effective.field, row)?);
                }
            }
        }
        if row.is_precondition() {
            // What it is checked for.
            let links = self.db.links(&self.pipeline, row.version)?;
            if let Some(node) = links.guarded(&row.component).first() {
                let value = FieldValue::Reference(node.clone());
                let field = Field { key: "node".to_owned(), value };
                shown.fields.push(self.of_interval(&field, row)?);
            }
        }
        let mut shown =
            shown.reference("parent", &row.component).reference("@componentParent", &row.component);
        set_text(&mut shown, "@id", id);
        set_text(&mut shown, "@pipelineId", &self.pipeline);
        set_text(&mut shown, "@version", &row.version.to_string());
        set_time(&mut shown, "@scheduledStartTime", Some(row.scheduled_start));
        set_time(&mut shown, "@scheduledEndTime", Some(row.scheduled_end));
        Ok(shown)
    }

    fn of_interval(&self, field: &Field, row: &InstanceRow) -> Result<Field> {
        let FieldValue::Reference(target) = &field.value else { return Ok(field.clone()) };
        let sibling = InstanceRow::at(self.db, &self.pipeline, target, row.scheduled_start)?;
        let target = sibling.map_or_else(|| target.clone(), |sibling| sibling.id);
        Ok(Field { key: field.key.clone(), value: FieldValue::Reference(target) })
    }
}

fn set_text(object: &mut Object, key: &str, value: &str) {
    let value = FieldValue::Text(value.to_owned());
    object.fields.push(Field { key: key.to_owned(), value });
}

fn set_time(object: &mut Object, key: &str, time: Option<i64>) {
    if let Some(time) = time {
        set_text(object, key, &time_text(from_column(time)));
    }
}

fn set_error(object: &mut Object, error: &ErrorColumns) {
    let ErrorColumns { id, message, stack } = error;
    for (key, text) in [("errorId", id), ("errorMessage", message), ("errorStackTrace", stack)] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            set_text(object, key, text);
        }
    }
}
