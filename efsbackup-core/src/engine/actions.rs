//! What an instance's end or lateness fires: alarms and terminations.
//!
//! An alarm is written with the transition that fires it, in one transaction, and
//! delivered afterwards: neither is lost where the other is kept.

use super::database::failed;
use super::finish;
use super::objects::Objects;
use super::rows::InstanceRow;
use super::scope::ObjectScope;
use super::store::Store;
use crate::error::Result;
use crate::expression::Template;
use crate::pipeline::{FieldValue, Object};
use rusqlite::named_params;

/// Fires the actions that `instance` names in the field `event`.
pub(super) fn fire(db: &Store, instance: &InstanceRow, event: &str, now: i64) -> Result<()> {
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let definition = objects.definition()?;
    let component = definition.object(&instance.component);
    let fields = component.map(|component| definition.effective_fields(component));
    if !fields.iter().flatten().any(|found| found.field.key == event) {
        return Ok(());
    }
    let node = objects.instance(instance)?;
    for id in node.all(event).filter_map(FieldValue::as_reference) {
        let Some(component) = definition.object(id) else { continue };
        match definition.type_of(component) {
            Some("SnsAlarm") => {
                let action = objects.component(&definition, component);
                alarm(&objects, &action, &node, event, now)?;
            }
            // An instance that has ended has nothing left to terminate.
            Some("Terminate") if instance.open => finish::cancel(db, &mut instance.clone(), now)?,
            _ => {}
        }
    }
    Ok(())
}

fn alarm(
    objects: &Objects<'_>,
    action: &Object,
    node: &Object,
    event: &str,
    now: i64,
) -> Result<()> {
    let mut scope = ObjectScope::new(objects, action, false);
    scope.node = Some(node);
    let mut problem = None;
    let mut render = |key: &str| {
        let text = action.first_text(key).unwrap_or_default();
        scope.evaluate(text).map(|value| value.to_string()).unwrap_or_else(|error| {
            // Nobody publishes to the topic here, so it may be unknown.
            if key == "topicArn" {
                return String::new();
            }
            problem.get_or_insert(format!("{}.{key}: {}", action.id, error.message()));
            partially(text, &scope)
        })
    };
    let (topic, subject, message) = (render("topicArn"), render("subject"), render("message"));
    let query = "INSERT INTO notification (pipeline, event, node, action, topic, subject, \
                 message, problem, created) VALUES (:pipeline, :event, :node, :action, :topic, \
                 :subject, :message, :problem, :created)";
    objects
        .db
        .prepare_cached(query)
        .and_then(|mut query| {
            query.execute(named_params! {
                ":pipeline": objects.pipeline,
                ":event": event,
                ":node": node.id,
                ":action": action.id,
                ":topic": topic,
                ":subject": subject,
                ":message": message,
                ":problem": problem,
                ":created": now,
            })
        })
        .map(drop)
        .map_err(failed)
}

/// What can be said of a text that has a fault: an alarm is better odd than lost.
fn partially(text: &str, scope: &ObjectScope<'_>) -> String {
    Template::parse(text)
        .and_then(|template| template.evaluate_partially(scope))
        .map_or_else(|_| text.to_owned(), |value| value.to_string())
}
