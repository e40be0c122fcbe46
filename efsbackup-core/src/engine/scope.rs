//! What names in expressions stand for while a pipeline runs.

use super::kinds::needs_field;
use super::objects::Objects;
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Scope, Template, Value};
use crate::params::MASK;
use crate::pipeline::{Field, FieldValue, Object};
use std::cell::Cell;

/// Fields whose values lead to other fields may not go round in a circle.
const DEEPEST: u32 = 20;

/// The view of one object.
pub(super) struct ObjectScope<'a> {
    pub(super) objects: &'a Objects<'a>,
    pub(super) object: &'a Object,
    /// The object that refers to this one, for actions.
    pub(super) node: Option<&'a Object>,
    /// Whether secret parameters show their value.
    pub(super) reveal: bool,
    depth: Cell<u32>,
}

impl<'a> ObjectScope<'a> {
    pub(super) fn new(objects: &'a Objects<'a>, object: &'a Object, reveal: bool) -> Self {
        ObjectScope { objects, object, node: None, reveal, depth: Cell::new(0) }
    }

    /// The value of a text with expressions.
    pub(super) fn evaluate(&self, text: &str) -> Result<Value> {
        if !text.contains("#{") {
            return Ok(Value::from(text));
        }
        Template::parse(text)?.evaluate(self)
    }

    /// The first text of a field, evaluated.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        let Some(text) = self.object.first_text(key) else { return Ok(None) };
        let value = self.evaluate(text).map_err(|error| self.named(key, &error))?;
        // An optional parameter without a value leaves the field out.
        Ok(Some(value.to_string()).filter(|text| !text.is_empty()))
    }

    /// The object with every text evaluated; a list becomes several fields. A field that
    /// has no value and is not needed is left out.
    pub(super) fn evaluated(&self) -> Result<Object> {
        let mut object = Object::new(&self.object.id);
        object.name.clone_from(&self.object.name);
        for field in &self.object.fields {
            // The guide says that these are taken as they are.
            let literal = matches!(field.key.as_str(), "id" | "name" | "type" | "@sphere");
            let value = match &field.value {
                FieldValue::Text(text) if !literal => match self.evaluate(text) {
                    Ok(value) => value,
                    Err(error) if self.can_do_without(&field.key, &error) => continue,
                    Err(error) => return Err(self.named(&field.key, &error)),
                },
                other => {
                    object.fields.push(Field { key: field.key.clone(), value: other.clone() });
                    continue;
                }
            };
            let only = self.object.all(&field.key).count() == 1;
            let values = match value {
                Value::List(values) => values,
                // Arguments keep their numbers, but a field of its own is left out.
                empty if only && empty.as_text() == Some("") => Vec::new(),
                single => vec![single],
            };
            object = values
                .into_iter()
                .fold(object, |object, value| object.text(&field.key, value.to_string()));
        }
        Ok(object)
    }

    fn can_do_without(&self, key: &str, error: &Error) -> bool {
        error.kind() == ErrorKind::UnresolvedParameter
            && !needs_field(self.object.type_name().unwrap_or_default(), key)
    }

    fn named(&self, key: &str, error: &Error) -> Error {
        Error::new(error.kind(), "evaluate").with_message(format!(
            "{}.{key}: {}",
            self.object.id,
            error.message()
        ))
    }

    fn parameter(&self, name: &str, as_written: bool) -> Result<Option<Value>> {
        let (definition, parameters) = self.objects.parameters()?;
        let value = match as_written {
            true => parameters.lookup_as_written(name)?,
            false => parameters.lookup(name)?,
        };
        let optional = |id| definition.parameter(id).is_some_and(|found| found.is("optional"));
        Ok(match value {
            Some(_) if !self.reveal && name.starts_with('*') => Some(Value::from(MASK)),
            None if optional(name) => Some(Value::from("")),
            value => value,
        })
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        let mut values = Vec::new();
        for value in self.object.all(name) {
            values.push(match value {
                _ if !self.reveal && name.starts_with('*') => Value::from(MASK),
                FieldValue::Text(text) if text.contains("#{") => self.deeper(text)?,
                FieldValue::Text(text) => Value::from(text.as_str()),
                FieldValue::Reference(id) => Value::from(id.as_str()),
                FieldValue::Intrinsic(_) => return Ok(None),
            });
        }
        if values.is_empty() && is_runtime(name) && self.is_running_object() {
            // It will be set, or never will: an alarm must not fail over it.
            return Ok(Some(Value::from("")));
        }
        Ok(one_or_list(values))
    }

    fn deeper(&self, text: &str) -> Result<Value> {
        if self.depth.get() >= DEEPEST {
            return Err(Error::new(ErrorKind::Loop, "evaluate").with_message(format!(
                "the fields of {} refer to each other in a circle",
                self.object.id
            )));
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.evaluate(text);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn is_running_object(&self) -> bool {
        matches!(self.object.first_text("@sphere"), Some("INSTANCE" | "ATTEMPT"))
    }

    /// Follows a reference, then looks there.
    fn chain(&self, reference: &str, rest: &str, as_written: bool) -> Result<Option<Value>> {
        if let ("node", Some(node)) = (reference, self.node) {
            return self.step(node).find(rest, as_written);
        }
        let mut values = Vec::new();
        for id in self.object.all(reference).filter_map(FieldValue::as_reference) {
            let target = self.objects.get(id)?;
            values.extend(self.step(&target).find(rest, as_written)?);
        }
        Ok(one_or_list(values))
    }

    fn find(&self, name: &str, as_written: bool) -> Result<Option<Value>> {
        if let Some((reference, rest)) = name.split_once('.') {
            return self.chain(reference, rest, as_written);
        }
        match (name, self.node) {
            ("node", Some(node)) => Ok(Some(Value::from(node.id.as_str()))),
            ("name", _) => Ok(Some(Value::from(self.object.name.as_str()))),
            ("id", _) => Ok(Some(Value::from(self.object.id.as_str()))),
            _ => match self.parameter(name, as_written)? {
                Some(value) => Ok(Some(value)),
                None => self.field(name),
            },
        }
    }

    fn step<'b>(&'b self, object: &'b Object) -> ObjectScope<'b> {
        let depth = Cell::new(self.depth.get());
        ObjectScope { objects: self.objects, object, node: None, reveal: self.reveal, depth }
    }
}

impl Scope for ObjectScope<'_> {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        self.find(name, false)
    }

    fn lookup_as_written(&self, name: &str) -> Result<Option<Value>> {
        self.find(name, true)
    }
}

fn is_runtime(name: &str) -> bool {
    name.starts_with('@')
        || matches!(name, "hostname" | "errorId" | "errorMessage" | "errorStackTrace")
}

fn one_or_list(mut values: Vec<Value>) -> Option<Value> {
    match values.len() {
        0 | 1 => values.pop(),
        _ => Some(Value::List(values)),
    }
}
