//! How attempts and instances end.

use super::actions;
use super::objects::Objects;
use super::rows::{AttemptRow, ErrorColumns, InstanceRow};
use super::store::Store;
use super::tick::after;
use crate::deploy::TaskFailure;
use crate::error::Result;

/// The wait before a retry where nothing is said, in minutes; from an older edition of
/// AWS's guide.
const DEFAULT_RETRY_DELAY: i64 = 10 * 60 * 1000;

/// What a worker says of an attempt that it ended because it was told to stop itself.
const HANDED_BACK: &str = "WorkerStopped";

/// Why workers are told to stop an attempt; kept in its row until they have.
pub(super) mod stop {
    /// A person or a deactivation wants it.
    pub(in super::super) const CANCELLED: &str = "Cancelled";
    /// `attemptTimeout` has passed.
    pub(in super::super) const ATTEMPT_TIMED_OUT: &str = "AttemptTimedOut";
    /// No worker came within the resource's `initTimeout`.
    pub(in super::super) const INIT_TIMED_OUT: &str = "InitTimedOut";
    /// The resource's `terminateAfter` has passed. Not retried.
    pub(in super::super) const RESOURCE_TIMED_OUT: &str = "ResourceTimedOut";
    /// A precondition did not come to hold within `preconditionTimeout`. Not retried.
    pub(in super::super) const PRECONDITION_TIMED_OUT: &str = "PreconditionTimedOut";

    /// Whether another try is of no use.
    pub(in super::super) fn is_final(reason: &str) -> bool {
        matches!(reason, RESOURCE_TIMED_OUT | PRECONDITION_TIMED_OUT)
    }
}

/// The end of an attempt, as its worker or the scheduler sees it.
pub(super) enum End {
    Finished,
    Failed(ErrorColumns),
}

/// Ends a running attempt and, unless it is retried, its instance.
pub(super) fn attempt(db: &Store, mut attempt: AttemptRow, end: End, now: i64) -> Result<()> {
    let mut instance = InstanceRow::get(db, &attempt.pipeline, &attempt.instance)?;
    attempt.ended = Some(now);
    attempt.task = None;
    let (status, error) = match end {
        // Done is done, even where a stop was on its way.
        End::Finished => ("FINISHED", ErrorColumns::default()),
        End::Failed(error) => match (attempt.stop.as_deref(), &attempt.stop_message) {
            (Some(stop::CANCELLED), _) => ("CANCELED", error),
            (Some(reason), Some(message)) => (
                "FAILED",
                ErrorColumns { stack: error.stack, ..ErrorColumns::new(reason, message) },
            ),
            _ => ("FAILED", error),
        },
    };
    attempt.status = status.to_owned();
    attempt.error = error.clone();
    attempt.save(db)?;
    if status == "FAILED" && error.id.as_deref() == Some(HANDED_BACK) && instance.open {
        // No fault of the attempt's: it costs no try, and goes on at once.
        instance.tries_left += 1;
        instance.error = error;
        return next_attempt(db, &mut instance, now);
    }
    let final_reason = error.id.as_deref().is_some_and(stop::is_final);
    if status == "FAILED" && instance.tries_left > 0 && !final_reason && instance.open {
        instance.error = error;
        return retry(db, instance, now);
    }
    close(db, &mut instance, status, error, now)
}

/// A precondition does not hold, as its worker says. With a `preconditionTimeout` it is
/// checked again until that has passed; else this was one of its tries.
pub(super) fn does_not_hold(db: &Store, mut checked: AttemptRow, now: i64) -> Result<()> {
    let mut instance = InstanceRow::get(db, &checked.pipeline, &checked.instance)?;
    instance.checks += 1;
    instance.checked = Some(now);
    let error = ErrorColumns::new(TaskFailure::NOT_MET, "the precondition does not hold");
    let end = precondition_end(db, &instance)?;
    if checked.stop.is_some() || end.is_none() {
        instance.save(db)?;
        return attempt(db, checked, End::Failed(error), now);
    }
    checked.task = None;
    checked.assigned = None;
    checked.reported = None;
    checked.status = "WAITING_FOR_RUNNER".to_owned();
    checked.not_before = after_delay(db, &instance, now)?;
    checked.error = error.clone();
    checked.save(db)?;
    instance.status = "WAITING_FOR_RUNNER".to_owned();
    instance.error = error;
    instance.save(db)
}

/// When the `preconditionTimeout` of a precondition passes, once it has been checked.
pub(super) fn precondition_end(db: &Store, instance: &InstanceRow) -> Result<Option<i64>> {
    let Some(start) = instance.actual_start else { return Ok(None) };
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let object = objects.instance(instance)?;
    Ok(after(&objects, &object, "preconditionTimeout", start))
}

fn retry(db: &Store, mut instance: InstanceRow, now: i64) -> Result<()> {
    let not_before = after_delay(db, &instance, now)?;
    next_attempt(db, &mut instance, not_before)
}

/// `now` and the `retryDelay`.
pub(super) fn after_delay(db: &Store, instance: &InstanceRow, now: i64) -> Result<i64> {
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let object = objects.instance(instance)?;
    // A delay that can't be read must not lose the retry.
    Ok(after(&objects, &object, "retryDelay", now).unwrap_or(now + DEFAULT_RETRY_DELAY))
}

/// Gives an instance its next attempt, for workers to take from `not_before` on.
pub(super) fn next_attempt(db: &Store, instance: &mut InstanceRow, not_before: i64) -> Result<()> {
    instance.attempts += 1;
    instance.tries_left -= 1;
    instance.status = "WAITING_FOR_RUNNER".to_owned();
    instance.save(db)?;
    AttemptRow::waiting(instance, instance.attempts, not_before).save(db)
}

/// Gives an instance its final status and fires what that fires.
pub(super) fn close(
    db: &Store,
    instance: &mut InstanceRow,
    status: &str,
    error: ErrorColumns,
    now: i64,
) -> Result<()> {
    if let Some(mut waiting) = AttemptRow::open_of(db, instance)? {
        waiting.status = if status == "CANCELED" { status } else { "FAILED" }.to_owned();
        waiting.ended = Some(now);
        waiting.task = None;
        waiting.error = error.clone();
        waiting.save(db)?;
    }
    instance.status = status.to_owned();
    instance.open = false;
    instance.actual_end = Some(now);
    instance.error = error;
    instance.save(db)?;
    match status {
        "FINISHED" => actions::fire(db, instance, "onSuccess", now),
        "FAILED" | "CASCADE_FAILED" | "TIMEDOUT" => actions::fire(db, instance, "onFail", now),
        _ => Ok(()),
    }
}

/// Asks for the end of an instance: at once where no worker has it, else through the worker.
pub(super) fn cancel(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<()> {
    stop_with(db, instance, stop::CANCELLED, "cancelled", now)
}

/// As [`cancel`], for any of the reasons in [`stop`].
pub(super) fn stop_with(
    db: &Store,
    instance: &mut InstanceRow,
    reason: &str,
    message: &str,
    now: i64,
) -> Result<()> {
    match AttemptRow::open_of(db, instance)? {
        Some(mut running) if running.status == "RUNNING" => {
            if running.stop.is_none() {
                running.stop = Some(reason.to_owned());
                running.stop_message = Some(message.to_owned());
                running.save(db)?;
            }
            Ok(())
        }
        _ => {
            let status = if reason == stop::CANCELLED { "CANCELED" } else { "FAILED" };
            close(db, instance, status, ErrorColumns::new(reason, message), now)
        }
    }
}
