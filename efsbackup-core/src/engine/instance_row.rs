//! Instances in the store.

use super::database::failed;
use super::kinds::Kind;
use super::rows::{Columns, ErrorColumns, collect, not_found};
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// A query of whole rows, in the order in which [`InstanceRow::read`] takes their columns.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT instance.pipeline, instance.id, instance.component, instance.kind, \
             instance.version, instance.status, instance.open, instance.created, \
             instance.scheduled_start, instance.scheduled_end, instance.due, \
             instance.late_at, instance.actual_start, instance.actual_end, \
             instance.worker_group, instance.hostname, instance.attempts, \
             instance.tries_left, instance.rerun, instance.creating, instance.cascade_on, \
             instance.checks, instance.checked, instance.error_id, instance.error_message, \
             instance.error_stack \
             FROM instance ",
            $rest
        )
    };
}

/// An instance.
#[derive(Clone, Debug)]
pub(super) struct InstanceRow {
    pub(super) pipeline: String,
    pub(super) id: String,
    pub(super) component: String,
    pub(super) kind: String,
    pub(super) version: i64,
    pub(super) status: String,
    pub(super) open: bool,
    pub(super) created: i64,
    pub(super) scheduled_start: i64,
    pub(super) scheduled_end: i64,
    pub(super) due: i64,
    pub(super) late_at: Option<i64>,
    pub(super) actual_start: Option<i64>,
    pub(super) actual_end: Option<i64>,
    pub(super) worker_group: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) attempts: i64,
    pub(super) tries_left: i64,
    /// A person had it run again; such runs do not count as active ones.
    pub(super) rerun: bool,
    /// When its machine was asked for.
    pub(super) creating: Option<i64>,
    /// The failed instance for which it was passed over.
    pub(super) cascade_on: Option<String>,
    /// How often a precondition was found not to hold, and when last.
    pub(super) checks: i64,
    pub(super) checked: Option<i64>,
    pub(super) error: ErrorColumns,
}

impl InstanceRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut columns = Columns::of(row);
        Ok(InstanceRow {
            pipeline: columns.next()?,
            id: columns.next()?,
            component: columns.next()?,
            kind: columns.next()?,
            version: columns.next()?,
            status: columns.next()?,
            open: columns.next()?,
            created: columns.next()?,
            scheduled_start: columns.next()?,
            scheduled_end: columns.next()?,
            due: columns.next()?,
            late_at: columns.next()?,
            actual_start: columns.next()?,
            actual_end: columns.next()?,
            worker_group: columns.next()?,
            hostname: columns.next()?,
            attempts: columns.next()?,
            tries_left: columns.next()?,
            rerun: columns.next()?,
            creating: columns.next()?,
            cascade_on: columns.next()?,
            checks: columns.next()?,
            checked: columns.next()?,
            error: ErrorColumns::read(&mut columns)?,
        })
    }

    pub(super) fn is_activity(&self) -> bool {
        self.kind == Kind::Activity.name()
    }

    pub(super) fn is_resource(&self) -> bool {
        self.kind == Kind::Resource.name()
    }

    pub(super) fn is_precondition(&self) -> bool {
        self.kind == Kind::Precondition.name()
    }

    /// The instance `id`, if there is one.
    pub(super) fn find(db: &Connection, pipeline: &str, id: &str) -> Result<Option<InstanceRow>> {
        db.prepare_cached(select!("WHERE pipeline = ?1 AND id = ?2"))
            .and_then(|mut query| query.query_row((pipeline, id), Self::read).optional())
            .map_err(failed)
    }

    /// The instance `id`, which another row names.
    pub(super) fn get(db: &Connection, pipeline: &str, id: &str) -> Result<InstanceRow> {
        Self::find(db, pipeline, id)?.ok_or_else(|| not_found("instance", id))
    }

    /// The instance of `component` in the interval that holds `time`: the last one that
    /// begins no later.
    pub(super) fn at(
        db: &Connection,
        pipeline: &str,
        component: &str,
        time: i64,
    ) -> Result<Option<InstanceRow>> {
        let query = select!(
            "WHERE pipeline = ?1 AND component = ?2 \
                     AND scheduled_start <= ?3 ORDER BY scheduled_start DESC LIMIT 1"
        );
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.query_row((pipeline, component, time), Self::read).optional()
            })
            .map_err(failed)
    }

    /// The instances of a pipeline that begin in the interval of `resource`.
    pub(super) fn beside(db: &Connection, resource: &InstanceRow) -> Result<Vec<InstanceRow>> {
        // An interval of an on-demand run has no length.
        let query = select!(
            "INDEXED BY instance_start \
                     WHERE pipeline = :pipeline AND scheduled_start >= :start \
                     AND scheduled_start < max(:end, :start + 1) ORDER BY scheduled_start, id"
        );
        let parameters = named_params! {
            ":pipeline": resource.pipeline,
            ":start": resource.scheduled_start,
            ":end": resource.scheduled_end,
        };
        collect(db, query, parameters, Self::read)
    }

    /// The instances whose status is not final, the earliest first.
    pub(super) fn open(db: &Connection, pipeline: &str) -> Result<Vec<InstanceRow>> {
        let query = select!(
            "INDEXED BY instance_open \
                     WHERE pipeline = :pipeline AND open = 1 \
                     ORDER BY scheduled_start, id"
        );
        collect(db, query, named_params! { ":pipeline": pipeline }, Self::read)
    }

    /// Whether there is one whose status is not final.
    pub(super) fn any_open(db: &Connection, pipeline: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM instance INDEXED BY instance_open \
                     WHERE pipeline = ?1 AND open = 1)";
        db.prepare_cached(query)
            .and_then(|mut query| query.query_row([pipeline], |row| row.get(0)))
            .map_err(failed)
    }

    /// The scheduled starts and ids of the `count` instances that follow `place` in the
    /// order of [`all`](Self::all).
    pub(super) fn after(
        db: &Connection,
        pipeline: &str,
        place: Option<(i64, &str)>,
        count: usize,
    ) -> Result<Vec<(i64, String)>> {
        let (start, id) = place.unwrap_or((i64::MIN, ""));
        let query = "SELECT scheduled_start, id FROM instance INDEXED BY instance_start \
                     WHERE pipeline = :pipeline AND (scheduled_start, id) > (:start, :id) \
                     ORDER BY scheduled_start, id LIMIT :count";
        let parameters = named_params! {
            ":pipeline": pipeline,
            ":start": start,
            ":id": id,
            ":count": count as i64,
        };
        collect(db, query, parameters, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// All instances, the earliest first.
    pub(super) fn all(db: &Connection, pipeline: &str) -> Result<Vec<InstanceRow>> {
        let query = select!(
            "WHERE pipeline = :pipeline \
                     ORDER BY scheduled_start, id"
        );
        collect(db, query, named_params! { ":pipeline": pipeline }, Self::read)
    }

    /// Writes what changes in an instance's life.
    pub(super) fn save(&self, db: &Connection) -> Result<()> {
        let query = "UPDATE instance SET status = :status, open = :open, late_at = :late_at, \
             actual_start = :actual_start, actual_end = :actual_end, \
             worker_group = :worker_group, hostname = :hostname, attempts = :attempts, \
             tries_left = :tries_left, rerun = :rerun, creating = :creating, \
             cascade_on = :cascade_on, checks = :checks, checked = :checked, error_id = :error_id, error_message = :error_message, \
             error_stack = :error_stack WHERE pipeline = :pipeline AND id = :id";
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.execute(named_params! {
                    ":pipeline": self.pipeline,
                    ":id": self.id,
                    ":status": self.status,
                    ":open": self.open,
                    ":late_at": self.late_at,
                    ":actual_start": self.actual_start,
                    ":actual_end": self.actual_end,
                    ":worker_group": self.worker_group,
                    ":hostname": self.hostname,
                    ":attempts": self.attempts,
                    ":tries_left": self.tries_left,
                    ":rerun": self.rerun,
                    ":creating": self.creating,
                    ":cascade_on": self.cascade_on,
                    ":checks": self.checks,
                    ":checked": self.checked,
                    ":error_id": self.error.id,
                    ":error_message": self.error.message,
                    ":error_stack": self.error.stack,
                })
            })
            .map(drop)
            .map_err(failed)
    }

    /// Adds a new instance; one with this id that exists stays as it is.
    pub(super) fn insert(&self, db: &Connection) -> Result<()> {
        let query = "INSERT OR IGNORE INTO instance (pipeline, id, component, kind, version, \
             status, open, created, scheduled_start, scheduled_end, due, late_at, tries_left) \
             VALUES (:pipeline, :id, :component, :kind, :version, :status, :open, :created, \
             :scheduled_start, :scheduled_end, :due, :late_at, :tries_left)";
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.execute(named_params! {
                    ":pipeline": self.pipeline,
                    ":id": self.id,
                    ":component": self.component,
                    ":kind": self.kind,
                    ":version": self.version,
                    ":status": self.status,
                    ":open": self.open,
                    ":created": self.created,
                    ":scheduled_start": self.scheduled_start,
                    ":scheduled_end": self.scheduled_end,
                    ":due": self.due,
                    ":late_at": self.late_at,
                    ":tries_left": self.tries_left,
                })
            })
            .map(drop)
            .map_err(failed)
    }
}
