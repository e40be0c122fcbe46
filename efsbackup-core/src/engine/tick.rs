//! What the passing of time does: the scheduler's step.

use super::create::{self, Component};
use super::database::{from_column, to_column};
use super::finish::{self, End, stop};
use super::objects::Objects;
use super::queue::Queue;
use super::rows::{AttemptRow, ErrorColumns, InstanceRow, PipelineRow};
use super::scope::ObjectScope;
use super::store::Store;
use super::{LOCAL_GROUP, actions, dependencies, horizon};
use crate::error::Result;
use crate::expression::Period;
use crate::pipeline::Object;
use jiff::tz::TimeZone;

/// A task that its worker has not acknowledged is given out again, as in AWS.
pub(super) const ACKNOWLEDGE_WITHIN: i64 = 2 * 60 * 1000;
/// The silence after which a worker counts as lost, where `reportProgressTimeout` is not set.
pub(super) const DEFAULT_SILENCE: i64 = 15 * 60 * 1000;

/// Does for every pipeline what is due at `now`.
pub(super) fn all(db: &Store, now: i64) -> Result<()> {
    for mut pipeline in PipelineRow::working(db)? {
        if db.is_quiet(&pipeline.id, now) {
            continue;
        }
        let Some(version) = pipeline.active else { continue };
        let activation = pipeline.first_activated.unwrap_or(now);
        let components = create::known_components(db, &pipeline.id, version, activation)?;
        if pipeline.state == "SCHEDULED" && pipeline.mode == "schedule" {
            create::due_instances(db, &pipeline, &components, version, now)?;
        }
        running_attempts(db, &pipeline.id, now)?;
        // What one instance does may be what another waits for.
        while progress(db, &pipeline.id, &components, now)? {}
        if pipeline.state == "DEACTIVATING" {
            give_up_waiting(db, &pipeline.id, now)?;
        }
        if !InstanceRow::any_open(db, &pipeline.id)? {
            settle(db, &mut pipeline, &components)?;
        }
        let next = horizon::next(db, &pipeline.id, now)?;
        db.rest(&pipeline.id, now, next.unwrap_or(i64::MAX));
    }
    Ok(())
}

/// Reads what ticks need, which takes longer than a tick may.
pub(super) fn prepare(db: &Store) -> Result<()> {
    for pipeline in PipelineRow::working(db)? {
        // What is wrong with it, ticks tell; it can be mended only in an open state.
        let _ = create::learn(db, &pipeline);
    }
    Ok(())
}

/// Time limits of the attempts that workers have.
fn running_attempts(db: &Store, pipeline: &str, now: i64) -> Result<()> {
    for mut attempt in AttemptRow::running(db, pipeline)? {
        let instance = InstanceRow::get(db, pipeline, &attempt.instance)?;
        let objects = Objects::new(db, pipeline, instance.version);
        let object = objects.instance(&instance)?;
        let assigned = attempt.assigned.unwrap_or(now);
        match attempt.reported {
            None if now >= assigned + ACKNOWLEDGE_WITHIN && attempt.stop.is_none() => {
                // Workers acknowledge before they start, so this one never ran.
                attempt.status = "WAITING_FOR_RUNNER".to_owned();
                attempt.task = None;
                attempt.assigned = None;
                attempt.save(db)?;
            }
            None if now < assigned + ACKNOWLEDGE_WITHIN => {}
            reported => {
                let silence =
                    after(&objects, &object, "reportProgressTimeout", 0).unwrap_or(DEFAULT_SILENCE);
                if now >= reported.unwrap_or(assigned) + silence {
                    let message = "its worker has not reported for longer than \
                                   reportProgressTimeout";
                    let error = ErrorColumns::new("WorkerLost", message);
                    finish::attempt(db, attempt, End::Failed(error), now)?;
                    continue;
                }
                let limit = after(&objects, &object, "attemptTimeout", assigned);
                if attempt.stop.is_none() && limit.is_some_and(|limit| now >= limit) {
                    let text = object.first_text("attemptTimeout").unwrap_or_default();
                    attempt.stop = Some(stop::ATTEMPT_TIMED_OUT.to_owned());
                    attempt.stop_message =
                        Some(format!("the attempt did not end within attemptTimeout ({text})"));
                    attempt.save(db)?;
                }
            }
        }
    }
    Ok(())
}

/// `start` and the period in the field `key`, in milliseconds; `None` where it is not set
/// or, which validation finds, not a period.
pub(super) fn after(objects: &Objects<'_>, object: &Object, key: &str, start: i64) -> Option<i64> {
    let text = ObjectScope::new(objects, object, false).text(key).ok()??;
    let period: Period = text.parse().ok()?;
    let end = period.after(&from_column(start).to_zoned(TimeZone::UTC), 1).ok()?;
    Some(to_column(end.timestamp()))
}

/// Moves each open instance one state on; `true` where something moved.
fn progress(db: &Store, pipeline: &str, components: &[Component], now: i64) -> Result<bool> {
    let mut moved = false;
    let all = InstanceRow::open(db, pipeline)?;
    let queue = Queue::new(&all, components);
    for mut instance in all {
        if instance.late_at.is_none_or(|late| now < late) && queue.holds_back(&instance) {
            continue;
        }
        // An instance before it in the list may have closed it.
        let is_same = InstanceRow::get(db, pipeline, &instance.id)?.status == instance.status;
        if !is_same || instance.due > now {
            moved |= !is_same;
            continue;
        }
        if instance.late_at.is_some_and(|late| now >= late) {
            instance.late_at = None;
            instance.save(db)?;
            actions::fire(db, &instance, "onLateAction", now)?;
            moved = true;
            continue;
        }
        moved |= if instance.is_activity() {
            activity(db, &mut instance, now)?
        } else if instance.is_resource() {
            let is_used = queue.has_users(&instance);
            resource(db, &mut instance, is_used, now)?
        } else if instance.is_precondition() {
            dependencies::precondition(db, &mut instance, now)?
        } else {
            dependencies::data_node(db, &mut instance, now)?
        };
    }
    Ok(moved)
}

fn activity(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<bool> {
    if instance.status != "WAITING_ON_DEPENDENCIES" {
        return Ok(false);
    }
    if let Some(closed) = dependencies::hold(db, instance, now)? {
        return Ok(closed);
    }
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let object = objects.instance(instance)?;
    let scope = ObjectScope::new(&objects, &object, false);
    if !instance.rerun && active_siblings(db, instance)? >= most_active(&scope) {
        return Ok(false);
    }
    instance.worker_group = match object.first_reference("runsOn") {
        Some(id) => {
            let Some(mut resource) = InstanceRow::find(db, &instance.pipeline, id)? else {
                return Ok(false);
            };
            if !resource.open {
                let message = format!("{} is {}", resource.id, resource.status);
                let error = ErrorColumns::new("ResourceNotAvailable", message);
                without_resource(db, instance, &resource, error, now)?;
                return Ok(true);
            }
            if resource.status == "WAITING_ON_DEPENDENCIES" {
                // It is there, and its life begins, when a worker takes what runs on it.
                resource.status = "CREATING".to_owned();
                resource.creating = Some(now);
                resource.save(db)?;
            }
            Some(LOCAL_GROUP.to_owned())
        }
        None => scope.text("workerGroup")?,
    };
    finish::next_attempt(db, instance, now)?;
    Ok(true)
}

/// An activity, not at work, whose resource has failed: where failures cascade it is
/// CANCELED, as AWS has it, and still tells so.
fn without_resource(
    db: &Store,
    activity: &mut InstanceRow,
    resource: &InstanceRow,
    error: ErrorColumns,
    now: i64,
) -> Result<()> {
    let objects = Objects::new(db, &activity.pipeline, activity.version);
    let object = objects.instance(activity)?;
    if !dependencies::cascades(&objects, &object)? {
        return finish::close(db, activity, "FAILED", error, now);
    }
    activity.cascade_on = Some(resource.id.clone());
    finish::close(db, activity, "CANCELED", error, now)?;
    actions::fire(db, activity, "onFail", now)
}

/// `is_used`: an activity on it is open, for sure.
fn resource(db: &Store, instance: &mut InstanceRow, is_used: bool, now: i64) -> Result<bool> {
    let (limit, start) = match instance.status.as_str() {
        "CREATING" => ("initTimeout", instance.creating),
        _ => ("terminateAfter", instance.actual_start),
    };
    if matches!(instance.status.as_str(), "CREATING" | "RUNNING") {
        let objects = Objects::new(db, &instance.pipeline, instance.version);
        let object = objects.instance(instance)?;
        if after(&objects, &object, limit, start.unwrap_or(now)).is_some_and(|end| now >= end) {
            let text = object.first_text(limit).unwrap_or_default();
            end_of_life(db, instance, text, now)?;
            return Ok(true);
        }
    }
    if is_used {
        return Ok(false);
    }
    let users = users(db, instance)?;
    // A resource with a longer period than its activities serves those still to come.
    let serves_more = now < instance.scheduled_end
        && users.iter().any(|user| user.scheduled_end < instance.scheduled_end);
    if users.iter().any(|user| user.open) || serves_more {
        return Ok(false);
    }
    let cancelled = users.iter().any(|user| user.status == "CANCELED");
    let status = if cancelled { "CANCELED" } else { "FINISHED" };
    finish::close(db, instance, status, ErrorColumns::default(), now)?;
    Ok(true)
}

/// The machine did not come within `initTimeout`, or lived past `terminateAfter`, which is
/// `limit`.
fn end_of_life(db: &Store, instance: &mut InstanceRow, limit: &str, now: i64) -> Result<()> {
    let users = users(db, instance)?.into_iter().filter(|user| user.open);
    if instance.status == "CREATING" {
        let message = format!("no worker took {} within initTimeout ({limit})", instance.id);
        for mut user in users {
            let error = ErrorColumns::new(stop::INIT_TIMED_OUT, &*message);
            without_resource(db, &mut user, instance, error, now)?;
        }
        let error = ErrorColumns::new(stop::INIT_TIMED_OUT, message);
        return finish::close(db, instance, "FAILED", error, now);
    }
    let message = format!("{} lived past terminateAfter ({limit})", instance.id);
    for mut user in users {
        finish::stop_with(db, &mut user, stop::RESOURCE_TIMED_OUT, &message, now)?;
    }
    let error = ErrorColumns::new(stop::RESOURCE_TIMED_OUT, message);
    finish::close(db, instance, "TIMEDOUT", error, now)
}

/// The activity instances that run on this resource instance.
fn users(db: &Store, resource: &InstanceRow) -> Result<Vec<InstanceRow>> {
    let objects = Objects::new(db, &resource.pipeline, resource.version);
    let mut users = Vec::new();
    for instance in InstanceRow::beside(db, resource)? {
        if instance.is_activity()
            && objects.reference(&instance, "runsOn")?.as_deref() == Some(&*resource.id)
        {
            users.push(instance);
        }
    }
    Ok(users)
}

/// How many instances of the same component are at work.
fn active_siblings(db: &Store, instance: &InstanceRow) -> Result<i64> {
    let query = "SELECT count(*) FROM instance INDEXED BY instance_open \
                 WHERE pipeline = ?1 AND component = ?2 \
                 AND open = 1 AND rerun = 0 AND status <> 'WAITING_ON_DEPENDENCIES'";
    db.prepare_cached(query)
        .and_then(|mut query| {
            query.query_row((&instance.pipeline, &instance.component), |row| row.get(0))
        })
        .map_err(super::database::failed)
}

/// Runs do not overlap unless the definition allows it.
fn most_active(scope: &ObjectScope<'_>) -> i64 {
    let text = scope.text("maxActiveInstances").ok().flatten();
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(1).max(1)
}

/// Once no activity of a pipeline that is to stop is open, nothing waits for data or checks.
fn give_up_waiting(db: &Store, pipeline: &str, now: i64) -> Result<()> {
    let open = InstanceRow::open(db, pipeline)?;
    if !open.iter().any(|instance| instance.is_activity() || instance.is_resource()) {
        for mut instance in open {
            finish::cancel(db, &mut instance, now)?;
        }
    }
    Ok(())
}

/// The pipeline's own state, once nothing in it is open.
fn settle(db: &Store, pipeline: &mut PipelineRow, components: &[Component]) -> Result<()> {
    let state = match (pipeline.state.as_str(), pipeline.mode.as_str()) {
        ("DEACTIVATING", _) | (_, "once") => "INACTIVE",
        (_, "ondemand") => "FINISHED",
        _ if create::schedules_are_over(db, &pipeline.id, components)? => "FINISHED",
        _ => return Ok(()),
    };
    pipeline.set_state(db, state)
}
