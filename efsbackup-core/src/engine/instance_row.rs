//! Instances in the store.

use super::database::failed;
use super::kinds::Kind;
use super::rows::{ErrorColumns, collect, not_found};
use crate::error::Result;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

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
        Ok(InstanceRow {
            pipeline: row.get("pipeline")?,
            id: row.get("id")?,
            component: row.get("component")?,
            kind: row.get("kind")?,
            version: row.get("version")?,
            status: row.get("status")?,
            open: row.get("open")?,
            created: row.get("created")?,
            scheduled_start: row.get("scheduled_start")?,
            scheduled_end: row.get("scheduled_end")?,
            due: row.get("due")?,
            late_at: row.get("late_at")?,
            actual_start: row.get("actual_start")?,
            actual_end: row.get("actual_end")?,
            worker_group: row.get("worker_group")?,
            hostname: row.get("hostname")?,
            attempts: row.get("attempts")?,
            tries_left: row.get("tries_left")?,
            rerun: row.get("rerun")?,
            creating: row.get("creating")?,
            cascade_on: row.get("cascade_on")?,
            checks: row.get("checks")?,
            checked: row.get("checked")?,
            error: ErrorColumns::read(row)?,
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
        db.prepare_cached("SELECT * FROM instance WHERE pipeline = ?1 AND id = ?2")
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
        let query = "SELECT * FROM instance WHERE pipeline = ?1 AND component = ?2 \
                     AND scheduled_start <= ?3 ORDER BY scheduled_start DESC LIMIT 1";
        db.prepare_cached(query)
            .and_then(|mut query| {
                query.query_row((pipeline, component, time), Self::read).optional()
            })
            .map_err(failed)
    }

    /// The instances of a pipeline that begin in the interval of `resource`.
    pub(super) fn beside(db: &Connection, resource: &InstanceRow) -> Result<Vec<InstanceRow>> {
        // An interval of an on-demand run has no length.
        let query = "SELECT * FROM instance INDEXED BY instance_start \
                     WHERE pipeline = :pipeline AND scheduled_start >= :start \
                     AND scheduled_start < max(:end, :start + 1) ORDER BY scheduled_start, id";
        let parameters = named_params! {
            ":pipeline": resource.pipeline,
            ":start": resource.scheduled_start,
            ":end": resource.scheduled_end,
        };
        collect(db, query, parameters, Self::read)
    }

    /// The instances whose status is not final, the earliest first.
    pub(super) fn open(db: &Connection, pipeline: &str) -> Result<Vec<InstanceRow>> {
        let query = "SELECT * FROM instance INDEXED BY instance_open \
                     WHERE pipeline = :pipeline AND open = 1 \
                     ORDER BY scheduled_start, id";
        collect(db, query, named_params! { ":pipeline": pipeline }, Self::read)
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
        let query = "SELECT * FROM instance WHERE pipeline = :pipeline \
                     ORDER BY scheduled_start, id";
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
