//! Attempts in the store.

use super::database::failed;
use super::rows::{Columns, ErrorColumns, InstanceRow, collect, not_found};
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// A query of whole rows, in the order in which [`AttemptRow::read`] takes their columns.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT attempt.pipeline, attempt.instance, attempt.number, attempt.status, \
             attempt.not_before, attempt.task, attempt.assigned, attempt.reported, \
             attempt.ended, attempt.hostname, attempt.stop, attempt.stop_message, \
             attempt.error_id, attempt.error_message, attempt.error_stack \
             FROM attempt ",
            $rest
        )
    };
}

/// An attempt.
#[derive(Clone, Debug)]
pub(super) struct AttemptRow {
    pub(super) pipeline: String,
    pub(super) instance: String,
    pub(super) number: i64,
    pub(super) status: String,
    pub(super) not_before: i64,
    pub(super) task: Option<String>,
    pub(super) assigned: Option<i64>,
    pub(super) reported: Option<i64>,
    pub(super) ended: Option<i64>,
    pub(super) hostname: Option<String>,
    pub(super) stop: Option<String>,
    pub(super) stop_message: Option<String>,
    pub(super) error: ErrorColumns,
}

impl AttemptRow {
    /// A first or further attempt of `instance`.
    pub(super) fn waiting(instance: &InstanceRow, number: i64, not_before: i64) -> Self {
        AttemptRow {
            pipeline: instance.pipeline.clone(),
            instance: instance.id.clone(),
            number,
            status: "WAITING_FOR_RUNNER".to_owned(),
            not_before,
            task: None,
            assigned: None,
            reported: None,
            ended: None,
            hostname: None,
            stop: None,
            stop_message: None,
            error: ErrorColumns::default(),
        }
    }

    /// `<instance id>_Attempt=<n>`.
    pub(super) fn id(&self) -> String {
        AttemptRow::id_of(&self.instance, self.number)
    }

    /// The id of an instance's attempt.
    pub(super) fn id_of(instance: &str, number: i64) -> String {
        format!("{instance}_Attempt={number}")
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut columns = Columns::of(row);
        Ok(AttemptRow {
            pipeline: columns.next()?,
            instance: columns.next()?,
            number: columns.next()?,
            status: columns.next()?,
            not_before: columns.next()?,
            task: columns.next()?,
            assigned: columns.next()?,
            reported: columns.next()?,
            ended: columns.next()?,
            hostname: columns.next()?,
            stop: columns.next()?,
            stop_message: columns.next()?,
            error: ErrorColumns::read(&mut columns)?,
        })
    }

    /// The attempt with this id, if there is one.
    pub(super) fn find(db: &Connection, pipeline: &str, id: &str) -> Result<Option<AttemptRow>> {
        let Some((instance, number)) = id.rsplit_once("_Attempt=") else { return Ok(None) };
        let query = select!("WHERE pipeline = ?1 AND instance = ?2 AND number = ?3");
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.query_row((pipeline, instance, number), Self::read).optional()
            })
            .map_err(failed)
    }

    /// The attempt that was handed out as `task`.
    pub(super) fn of_task(db: &Connection, task: &str) -> Result<AttemptRow> {
        db.prepare_cached(select!("WHERE task = ?1"))
            .and_then(|mut query| query.query_row([task], Self::read).optional())
            .map_err(failed)?
            .ok_or_else(|| not_found("task", task))
    }

    /// The open attempt of an instance, if there is one.
    pub(super) fn open_of(db: &Connection, instance: &InstanceRow) -> Result<Option<AttemptRow>> {
        let query = select!(
            "WHERE pipeline = ?1 AND instance = ?2 \
                     AND ended IS NULL ORDER BY number DESC LIMIT 1"
        );
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.query_row((&instance.pipeline, &instance.id), Self::read).optional()
            })
            .map_err(failed)
    }

    /// The numbers and instances of the `count` attempts that follow `place` in the order
    /// of [`all`](Self::all).
    pub(super) fn after(
        db: &Connection,
        pipeline: &str,
        place: Option<(i64, &str)>,
        count: usize,
    ) -> Result<Vec<(i64, String)>> {
        let (number, instance) = place.unwrap_or((0, ""));
        let query = "SELECT number, instance FROM attempt WHERE pipeline = :pipeline \
                     AND (instance, number) > (:instance, :number) \
                     ORDER BY instance, number LIMIT :count";
        let parameters = named_params! {
            ":pipeline": pipeline,
            ":instance": instance,
            ":number": number,
            ":count": count as i64,
        };
        collect(db, query, parameters, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// All attempts of a pipeline, in order.
    pub(super) fn all(db: &Connection, pipeline: &str) -> Result<Vec<AttemptRow>> {
        let query = select!("WHERE pipeline = :pipeline ORDER BY instance, number");
        collect(db, query, named_params! { ":pipeline": pipeline }, Self::read)
    }

    /// The attempts of a pipeline that workers have.
    pub(super) fn running(db: &Connection, pipeline: &str) -> Result<Vec<AttemptRow>> {
        let query = select!(
            "INDEXED BY attempt_running \
                     WHERE pipeline = :pipeline AND status = 'RUNNING' \
                     ORDER BY instance, number"
        );
        collect(db, query, named_params! { ":pipeline": pipeline }, Self::read)
    }

    /// The first attempt that a worker of `group` may have.
    pub(super) fn next(db: &Connection, group: &str, now: i64) -> Result<Option<AttemptRow>> {
        let query = select!(
            "INDEXED BY attempt_waiting JOIN instance ON instance.id = \
             attempt.instance AND instance.pipeline = attempt.pipeline \
             WHERE attempt.status = 'WAITING_FOR_RUNNER' AND attempt.not_before <= ?2 \
             AND instance.worker_group = ?1 AND NOT EXISTS (SELECT 1 FROM paused WHERE \
             paused.pipeline = instance.pipeline AND paused.component = instance.component) \
             ORDER BY attempt.not_before, instance.scheduled_start, attempt.instance LIMIT 1"
        );
        db.prepare_cached(query)
            .and_then(|mut query| query.query_row((group, now), Self::read).optional())
            .map_err(failed)
    }

    /// Writes the attempt, new or not.
    pub(super) fn save(&self, db: &Connection) -> Result<()> {
        let query = "INSERT OR REPLACE INTO attempt (pipeline, instance, number, status, \
             not_before, task, assigned, reported, ended, hostname, stop, stop_message, \
             error_id, error_message, error_stack) VALUES (:pipeline, :instance, :number, \
             :status, :not_before, :task, :assigned, :reported, :ended, :hostname, :stop, \
             :stop_message, :error_id, :error_message, :error_stack)";
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.execute(named_params! {
                    ":pipeline": self.pipeline,
                    ":instance": self.instance,
                    ":number": self.number,
                    ":status": self.status,
                    ":not_before": self.not_before,
                    ":task": self.task,
                    ":assigned": self.assigned,
                    ":reported": self.reported,
                    ":ended": self.ended,
                    ":hostname": self.hostname,
                    ":stop": self.stop,
                    ":stop_message": self.stop_message,
                    ":error_id": self.error.id,
                    ":error_message": self.error.message,
                    ":error_stack": self.error.stack,
                })
            })
            .map(drop)
            .map_err(failed)
    }
}
