//! What instances wait for before they start: what they depend on, data and preconditions.

use super::database::failed;
use super::finish::{self, stop};
use super::objects::Objects;
use super::rows::{ErrorColumns, InstanceRow};
use super::scope::ObjectScope;
use super::store::Store;
use super::{LOCAL_GROUP, commands};
use crate::error::Result;
use crate::pipeline::Object;

/// Whether an instance may start.
enum Ready {
    Now,
    NotYet,
    /// This one has ended without success.
    Never(Box<InstanceRow>),
}

fn ready(db: &Store, instance: &InstanceRow) -> Result<Ready> {
    let links = db.links(&instance.pipeline, instance.version)?;
    for component in links.before(&instance.component) {
        let start = instance.scheduled_start;
        let Some(needed) = InstanceRow::at(db, &instance.pipeline, component, start)? else {
            return Ok(Ready::NotYet);
        };
        match needed.status.as_str() {
            "FINISHED" | "MARK_FINISHED" => {}
            _ if needed.open => return Ok(Ready::NotYet),
            _ => return Ok(Ready::Never(Box::new(needed))),
        }
    }
    Ok(Ready::Now)
}

/// `None` where an instance may start; else it waits, and this tells whether it was closed:
/// where failures cascade, and what it waits for has failed.
pub(super) fn hold(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<Option<bool>> {
    match ready(db, instance)? {
        Ready::Now => Ok(commands::is_paused(db, instance)?.then_some(false)),
        Ready::NotYet => Ok(Some(false)),
        Ready::Never(needed) => cascade(db, instance, &needed, now).map(Some),
    }
}

/// A data node is there once what writes it has ended and its preconditions hold.
pub(super) fn data_node(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<bool> {
    if let Some(closed) = hold(db, instance, now)? {
        return Ok(closed);
    }
    instance.actual_start = Some(now);
    finish::close(db, instance, "FINISHED", ErrorColumns::default(), now)?;
    Ok(true)
}

/// A precondition is checked by workers until it holds, its time is over, or nobody waits for
/// it any more.
pub(super) fn precondition(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<bool> {
    let end = finish::precondition_end(db, instance)?;
    let reason = match end {
        // A person who has it run again wants to know.
        _ if !instance.rerun && !is_wanted(db, instance)? => Some(stop::CANCELLED),
        Some(end) if now >= end => Some(stop::PRECONDITION_TIMED_OUT),
        _ => None,
    };
    match reason {
        Some(stop::CANCELLED) => {
            return stop_once(db, instance, stop::CANCELLED, "nothing waits for it any more", now);
        }
        Some(reason) => {
            let message = "it did not hold within preconditionTimeout";
            return stop_once(db, instance, reason, message, now);
        }
        None if instance.status != "WAITING_ON_DEPENDENCIES" => return Ok(false),
        None => {}
    }
    if let Some(closed) = hold(db, instance, now)? {
        return Ok(closed);
    }
    instance.worker_group = group(db, instance)?;
    finish::next_attempt(db, instance, now)?;
    Ok(true)
}

/// Whether something that is open waits for a precondition.
fn is_wanted(db: &Store, instance: &InstanceRow) -> Result<bool> {
    let links = db.links(&instance.pipeline, instance.version)?;
    for component in links.guarded(&instance.component) {
        let start = instance.scheduled_start;
        let guarded = InstanceRow::at(db, &instance.pipeline, component, start)?;
        if guarded.is_none_or(|guarded| guarded.open) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends a precondition; `false` where its worker was asked to before.
fn stop_once(
    db: &Store,
    instance: &mut InstanceRow,
    reason: &str,
    message: &str,
    now: i64,
) -> Result<bool> {
    let asked = "SELECT EXISTS (SELECT 1 FROM attempt WHERE pipeline = ?1 AND instance = ?2 \
                 AND status = 'RUNNING' AND stop IS NOT NULL)";
    let asked = db
        .prepare_cached(asked)
        .and_then(|mut query| {
            query.query_row((&instance.pipeline, &instance.id), |row| row.get::<_, bool>(0))
        })
        .map_err(failed)?;
    if !asked {
        finish::stop_with(db, instance, reason, message, now)?;
    }
    Ok(!asked)
}

/// The worker group that checks a precondition: that of the activity for which it is checked.
fn group(db: &Store, instance: &InstanceRow) -> Result<Option<String>> {
    let links = db.links(&instance.pipeline, instance.version)?;
    let activity = match links.checked_by(&instance.component) {
        Some(id) => InstanceRow::at(db, &instance.pipeline, id, instance.scheduled_start)?,
        None => None,
    };
    let Some(activity) = activity else { return Ok(Some(LOCAL_GROUP.to_owned())) };
    let objects = Objects::new(db, &activity.pipeline, activity.version);
    let object = objects.instance(&activity)?;
    match object.first_reference("runsOn") {
        Some(_) => Ok(Some(LOCAL_GROUP.to_owned())),
        None => ObjectScope::new(&objects, &object, false).text("workerGroup"),
    }
}

/// A dependency has ended without success.
fn cascade(db: &Store, instance: &mut InstanceRow, needed: &InstanceRow, now: i64) -> Result<bool> {
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let object = objects.instance(instance)?;
    if !cascades(&objects, &object)? {
        // As in AWS, it waits without end.
        return Ok(false);
    }
    let message = format!("{} is {}", needed.id, needed.status);
    let error = ErrorColumns::new("DependencyFailed", message);
    // The first of the chain, which a person has to look at.
    instance.cascade_on = needed.cascade_on.clone().or_else(|| Some(needed.id.clone()));
    let status = if instance.is_precondition() { "CANCELED" } else { "CASCADE_FAILED" };
    finish::close(db, instance, status, error, now)?;
    Ok(true)
}

/// Whether failures spread to `object`.
pub(super) fn cascades(objects: &Objects<'_>, object: &Object) -> Result<bool> {
    let mode = ObjectScope::new(objects, object, false).text("failureAndRerunMode")?;
    Ok(mode.is_some_and(|mode| mode.eq_ignore_ascii_case("cascade")))
}
