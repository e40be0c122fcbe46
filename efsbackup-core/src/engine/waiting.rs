//! What waits for its time or for a worker, and would look as if it hung.

use super::Engine;
use super::database::{from_column, to_column};
use super::finish;
use super::rows::{AttemptRow, InstanceRow, collect};
use crate::error::Result;
use jiff::{SignedDuration, Timestamp};
use rusqlite::named_params;

/// An attempt that is made once a `retryDelay` has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Its id, `<instance>_Attempt=<number>`.
    pub attempt: String,
    /// Its number, from 1 on.
    pub number: u32,
    /// The number of the last attempt that there may be.
    pub of: u32,
    /// From when on a worker may have it.
    pub at: Timestamp,
    /// The `retryDelay`.
    pub delay: SignedDuration,
}

/// A worker group that has a task for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingGroup {
    /// The worker group, or [`LOCAL_GROUP`](super::LOCAL_GROUP).
    pub group: String,
    /// The attempt that has waited longest.
    pub attempt: String,
    /// Since when it could have been taken.
    pub since: Timestamp,
}

impl Engine {
    /// What follows an attempt of a pipeline that has failed, where that waits for its time.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn retry_of(&self, pipeline: &str, attempt: &str) -> Result<Option<Retry>> {
        let now = to_column(self.clock.now());
        self.read(|db| {
            let Some(attempt) = AttemptRow::find(db, pipeline, attempt)? else { return Ok(None) };
            let instance = InstanceRow::get(db, pipeline, &attempt.instance)?;
            let next = AttemptRow::open_of(db, &instance)?;
            let Some(next) = next.filter(|next| next.not_before > now && next.task.is_none())
            else {
                return Ok(None);
            };
            let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
            let delay = finish::after_delay(db, &instance, 0)?;
            Ok(Some(Retry {
                attempt: next.id(),
                number: count(next.number),
                of: count(next.number + instance.tries_left),
                at: from_column(next.not_before),
                delay: SignedDuration::from_millis(delay),
            }))
        })
    }

    /// The worker groups that have tasks which a worker could take now, by name.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn waiting_groups(&self) -> Result<Vec<WaitingGroup>> {
        let now = to_column(self.clock.now());
        // Beside min() SQLite gives the columns of the row that has the least.
        let query = "SELECT instance.worker_group, min(attempt.not_before), attempt.instance, \
             attempt.number FROM attempt INDEXED BY attempt_waiting JOIN instance ON \
             instance.id = attempt.instance AND instance.pipeline = attempt.pipeline \
             WHERE attempt.status = 'WAITING_FOR_RUNNER' AND attempt.not_before <= :now \
             AND instance.worker_group IS NOT NULL AND NOT EXISTS (SELECT 1 FROM paused WHERE \
             paused.pipeline = instance.pipeline AND paused.component = instance.component) \
             GROUP BY instance.worker_group ORDER BY instance.worker_group";
        self.read(|db| {
            collect(db, query, named_params! { ":now": now }, |row| {
                let instance: String = row.get(2)?;
                Ok(WaitingGroup {
                    group: row.get(0)?,
                    since: from_column(row.get(1)?),
                    attempt: AttemptRow::id_of(&instance, row.get(3)?),
                })
            })
        })
    }
}
