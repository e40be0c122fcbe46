//! Pipelines and their definitions in the store.

use super::codec;
use super::database::failed;
use super::rows::{collect, not_found};
use crate::error::Result;
use crate::pipeline::Definition;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// A pipeline.
#[derive(Clone, Debug)]
pub(super) struct PipelineRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) unique_id: String,
    pub(super) description: String,
    pub(super) state: String,
    pub(super) created: i64,
    pub(super) latest: Option<i64>,
    pub(super) active: Option<i64>,
    pub(super) first_activated: Option<i64>,
    pub(super) skip_before: Option<i64>,
    pub(super) mode: String,
}

impl PipelineRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(PipelineRow {
            id: row.get("id")?,
            name: row.get("name")?,
            unique_id: row.get("unique_id")?,
            description: row.get("description")?,
            state: row.get("state")?,
            created: row.get("created")?,
            latest: row.get("latest")?,
            active: row.get("active")?,
            first_activated: row.get("first_activated")?,
            skip_before: row.get("skip_before")?,
            mode: row.get("mode")?,
        })
    }

    /// The pipeline `id`.
    pub(super) fn get(db: &Connection, id: &str) -> Result<PipelineRow> {
        db.prepare_cached("SELECT * FROM pipeline WHERE id = ?1")
            .and_then(|mut query| query.query_row([id], Self::read).optional())
            .map_err(failed)?
            .ok_or_else(|| not_found("pipeline", id))
    }

    /// The pipelines whose work goes on.
    pub(super) fn working(db: &Connection) -> Result<Vec<PipelineRow>> {
        let query = "SELECT * FROM pipeline WHERE state IN ('SCHEDULED', 'DEACTIVATING') \
                     ORDER BY created, id";
        collect(db, query, named_params! {}, Self::read)
    }

    pub(super) fn set_state(&mut self, db: &Connection, state: &str) -> Result<()> {
        self.state = state.to_owned();
        db.prepare_cached("UPDATE pipeline SET state = ?2 WHERE id = ?1")
            .and_then(|mut query| query.execute([&self.id, state]))
            .map(drop)
            .map_err(failed)
    }
}

/// A version of a pipeline's definition, and whether it has errors.
pub(super) fn definition(
    db: &Connection,
    pipeline: &str,
    version: i64,
) -> Result<(Definition, bool)> {
    let query = "SELECT body, errored FROM definition WHERE pipeline = ?1 AND version = ?2";
    let (body, errored): (String, bool) = db
        .prepare_cached(query)
        .and_then(|mut query| {
            query.query_row((pipeline, version), |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(failed)?;
    Ok((codec::decode(&body)?, errored))
}
