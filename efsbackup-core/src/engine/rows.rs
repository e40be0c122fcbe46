//! Rows of the store as values.

use super::database::failed;
use crate::error::{Error, ErrorKind, Result};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

pub(super) use super::attempt_row::AttemptRow;
pub(super) use super::instance_row::InstanceRow;
pub(super) use super::pipeline_row::{PipelineRow, definition};

/// Why an instance or attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorColumns {
    pub(super) id: Option<String>,
    pub(super) message: Option<String>,
    pub(super) stack: Option<String>,
}

impl ErrorColumns {
    pub(super) fn new(id: &str, message: impl Into<String>) -> Self {
        ErrorColumns { id: Some(id.to_owned()), message: Some(message.into()), stack: None }
    }

    pub(super) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Self> {
        Ok(ErrorColumns { id: columns.next()?, message: columns.next()?, stack: columns.next()? })
    }
}

/// The values of a row in the order of its columns. To look up each by its name takes longer
/// than all the rest of reading it.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    place: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row<'a>) -> Columns<'a> {
        Columns { row, place: 0 }
    }

    pub(super) fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.place += 1;
        self.row.get(self.place - 1)
    }
}

/// All rows of a query.
pub(super) fn collect<T>(
    db: &Connection,
    query: &str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    db.prepare_cached(query)
        .and_then(|mut query| query.query_map(parameters, read)?.collect())
        .map_err(failed)
}

/// What a request names does not exist.
pub(super) fn not_found(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, "pipeline service")
        .with_message(format!("there is no {what} '{id}'"))
}
