//! When the next thing falls due.

use super::create;
use super::finish;
use super::objects::Objects;
use super::rows::{AttemptRow, InstanceRow, PipelineRow};
use super::store::Store;
use super::tick::{ACKNOWLEDGE_WITHIN, DEFAULT_SILENCE, after};
use crate::error::Result;
use rusqlite::OptionalExtension;

/// The next time after `now` at which a tick would do something for this pipeline.
pub(super) fn next(db: &Store, pipeline: &str, now: i64) -> Result<Option<i64>> {
    let row = PipelineRow::get(db, pipeline)?;
    let mut times = Vec::new();
    for instance in InstanceRow::open(db, pipeline)? {
        times.push(instance.due);
        times.extend(instance.late_at);
        if instance.is_precondition() {
            times.extend(finish::precondition_end(db, &instance)?);
        }
        if instance.is_resource() {
            // Until its end it may serve activities of later intervals.
            times.push(instance.scheduled_end);
            times.extend(end_of_life(db, &instance)?);
        }
    }
    times.extend(waiting(db, pipeline, now)?);
    for attempt in AttemptRow::running(db, pipeline)? {
        times.extend(limits(db, &attempt)?);
    }
    if let (Some(version), "SCHEDULED", "schedule") =
        (row.active, row.state.as_str(), row.mode.as_str())
    {
        let activation = row.first_activated.unwrap_or(now);
        if let Some(known) = db.upcoming(pipeline, version, activation) {
            times.extend(known);
            return Ok(times.into_iter().filter(|time| *time > now).min());
        }
        for component in create::known_components(db, pipeline, version, activation)?.iter() {
            let next = component.schedule.as_ref().and_then(|schedule| schedule.first_after(now));
            times.extend(next.map(|next| next.start));
        }
    }
    Ok(times.into_iter().filter(|time| *time > now).min())
}

fn end_of_life(db: &Store, resource: &InstanceRow) -> Result<Option<i64>> {
    let (limit, start) = match (resource.actual_start, resource.creating) {
        (Some(start), _) => ("terminateAfter", start),
        (None, Some(start)) => ("initTimeout", start),
        (None, None) => return Ok(None),
    };
    let objects = Objects::new(db, &resource.pipeline, resource.version);
    let object = objects.instance(resource)?;
    Ok(after(&objects, &object, limit, start))
}

/// When the next attempt may be given to a worker.
fn waiting(db: &Store, pipeline: &str, now: i64) -> Result<Option<i64>> {
    let query = "SELECT min(not_before) FROM attempt INDEXED BY attempt_waiting \
                 WHERE status = 'WAITING_FOR_RUNNER' \
                 AND pipeline = ?1 AND not_before > ?2";
    db.prepare_cached(query)
        .and_then(|mut query| query.query_row((pipeline, now), |row| row.get(0)).optional())
        .map(Option::flatten)
        .map_err(super::database::failed)
}

/// The time limits of an attempt that a worker has.
fn limits(db: &Store, attempt: &AttemptRow) -> Result<Vec<i64>> {
    let Some(assigned) = attempt.assigned else { return Ok(Vec::new()) };
    let instance = InstanceRow::get(db, &attempt.pipeline, &attempt.instance)?;
    let objects = Objects::new(db, &attempt.pipeline, instance.version);
    let object = objects.instance(&instance)?;
    let reported = attempt.reported.unwrap_or(assigned);
    let silence = after(&objects, &object, "reportProgressTimeout", 0).unwrap_or(DEFAULT_SILENCE);
    let mut times = vec![reported + silence];
    if attempt.reported.is_none() {
        times.push(assigned + ACKNOWLEDGE_WITHIN);
    }
    times.extend(after(&objects, &object, "attemptTimeout", assigned));
    Ok(times)
}
