//! The worker's half of the service.

use super::database::failed;
use super::finish::{self, End};
use super::objects::Objects;
use super::rows::{AttemptRow, ErrorColumns, InstanceRow};
use super::scope::ObjectScope;
use super::store::Store;
use crate::deploy::{PollForTask, SetTaskStatus, Task, TaskStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{FieldValue, Object};

/// Longest text that `errorStackTrace` holds, in characters.
const STACK: usize = 1024;

/// Hands out the next task of the group, if there is one.
pub(super) fn poll(db: &Store, request: &PollForTask, now: i64) -> Result<Option<Task>> {
    while let Some(mut attempt) = AttemptRow::next(db, &request.worker_group, now)? {
        let mut instance = InstanceRow::get(db, &attempt.pipeline, &attempt.instance)?;
        let id = random_id(db)?;
        attempt.status = "RUNNING".to_owned();
        attempt.task = Some(id.clone());
        attempt.assigned = Some(now);
        attempt.reported = None;
        attempt.hostname = Some(request.hostname.clone());
        attempt.save(db)?;
        instance.status = "RUNNING".to_owned();
        instance.actual_start = instance.actual_start.or(Some(now));
        instance.hostname = Some(request.hostname.clone());
        instance.save(db)?;
        db.wake(&instance.pipeline);
        start_resource(db, &instance, now)?;
        match task_objects(db, &attempt, &instance) {
            Ok(objects) => {
                let (pipeline, attempt) = (instance.pipeline, attempt.id());
                return Ok(Some(Task { id, pipeline, attempt, objects }));
            }
            Err(error) if is_about_definition(&error) => {
                // No retry would evaluate it otherwise.
                instance.tries_left = 0;
                instance.save(db)?;
                let error = ErrorColumns::new("EvaluationFailed", error.message());
                finish::attempt(db, attempt, End::Failed(error), now)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The worker's machine is the resource that the instance runs on.
fn start_resource(db: &Store, instance: &InstanceRow, now: i64) -> Result<()> {
    let object = Objects::new(db, &instance.pipeline, instance.version).instance(instance)?;
    let Some(id) = object.first_reference("runsOn") else { return Ok(()) };
    match InstanceRow::find(db, &instance.pipeline, id)? {
        Some(mut resource) if resource.status == "CREATING" => {
            resource.status = "RUNNING".to_owned();
            resource.actual_start = Some(now);
            resource.save(db)
        }
        _ => Ok(()),
    }
}

fn is_about_definition(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnresolvedParameter
            | ErrorKind::InvalidDefinition
            | ErrorKind::InvalidInput
            | ErrorKind::Loop
            | ErrorKind::NotFound
    )
}

/// The attempt and what it refers to, evaluated, secrets and all.
fn task_objects(db: &Store, attempt: &AttemptRow, instance: &InstanceRow) -> Result<Vec<Object>> {
    let objects = Objects::new(db, &attempt.pipeline, instance.version);
    let raw = objects.attempt(attempt)?;
    let mut own = ObjectScope::new(&objects, &raw, true).evaluated()?;
    let (_, parameters) = objects.parameters()?;
    for id in parameters.ids().filter(|id| id.starts_with('*')) {
        // As a secret field is written, so that workers know what not to show.
        for value in parameters.get(id).map(|(values, _)| values).unwrap_or_default() {
            own = own.text(id, value);
        }
    }
    let mut all = vec![own];
    for field in &raw.fields {
        let FieldValue::Reference(target) = &field.value else { continue };
        let runs_with = matches!(
            field.key.as_str(),
            "runsOn" | "schedule" | "@instanceParent" | "node" | "input" | "output"
        );
        if runs_with && all.iter().all(|object| object.id != *target) {
            let object = objects.get(target)?;
            all.push(ObjectScope::new(&objects, &object, true).evaluated()?);
        }
    }
    Ok(all)
}

/// Notes that a worker works on `task`; `true` where it is to stop.
pub(super) fn report(db: &Store, task: &str, now: i64) -> Result<bool> {
    let mut attempt = AttemptRow::of_task(db, task)?;
    attempt.reported = Some(now);
    attempt.save(db)?;
    Ok(attempt.stop.is_some())
}

/// Ends `request.task`'s attempt as its worker says.
pub(super) fn set_status(db: &Store, request: &SetTaskStatus, now: i64) -> Result<()> {
    let attempt = AttemptRow::of_task(db, &request.task)?;
    db.wake(&attempt.pipeline);
    let end = match request.status {
        TaskStatus::Finished => End::Finished,
        TaskStatus::False => {
            let instance = InstanceRow::get(db, &attempt.pipeline, &attempt.instance)?;
            return match instance.is_precondition() {
                true => finish::does_not_hold(db, attempt, now),
                false => Err(invalid("FALSE is for preconditions only")),
            };
        }
        TaskStatus::Failed => {
            let failure = request.failure.clone().unwrap_or_default();
            if failure.id.starts_with("Service_") {
                return Err(invalid("errorId may not begin with Service_"));
            }
            if failure.stack.chars().count() > STACK {
                return Err(invalid("errorStackTrace is longer than 1024 characters"));
            }
            End::Failed(ErrorColumns {
                id: Some(failure.id),
                message: Some(failure.message),
                stack: Some(failure.stack),
            })
        }
    };
    finish::attempt(db, attempt, end, now)
}

/// 32 capital letters and digits nobody can guess.
pub(super) fn random_id(db: &Store) -> Result<String> {
    let bytes: Vec<u8> =
        db.query_row("SELECT randomblob(20)", [], |row| row.get(0)).map_err(failed)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes))
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "set task status").with_message(text)
}
