//! One run at a time, and what came of it.

use super::Engine;
use super::database::{failed, from_column};
use super::pipelines::{self, Runs};
use super::rows::{InstanceRow, PipelineRow};
use super::tick;
use crate::deploy::Activate;
use crate::error::Result;
use jiff::Timestamp;

/// An instance, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// `@<component>_<scheduled start>`.
    pub id: String,
    /// The component's id.
    pub component: String,
    /// Whether it is an activity; else it is a resource.
    pub is_activity: bool,
    /// Its status, such as `FINISHED`.
    pub status: String,
    /// Whether its status is not final.
    pub is_open: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was to run.
    pub scheduled_start: Timestamp,
    /// When its first attempt began.
    pub actual_start: Option<Timestamp>,
    /// When it ended.
    pub actual_end: Option<Timestamp>,
    /// Why it failed, or the last of its attempts did.
    pub error: Option<String>,
}

impl RunSummary {
    /// Whether it ended without success.
    pub fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "FAILED" | "CASCADE_FAILED" | "TIMEDOUT" | "CANCELED")
    }
}

impl Engine {
    /// Activates a pipeline for one run now, whatever its schedule says. Its interval
    /// begins now; once the run is over the pipeline is INACTIVE.
    ///
    /// # Errors
    /// As [`activate`](crate::deploy::PipelineService::activate).
    pub fn activate_once(&self, pipeline: &str, request: &Activate) -> Result<()> {
        self.transact(|db, now| {
            pipelines::activate(db, pipeline, request, Runs::Once, now)?;
            tick::all(db, now)
        })
    }

    /// The instances of a pipeline, the earliest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn runs(&self, pipeline: &str) -> Result<Vec<RunSummary>> {
        self.transact(|db, _| {
            PipelineRow::get(db, pipeline)?;
            Ok(InstanceRow::all(db, pipeline)?.iter().map(summary).collect())
        })
    }

    /// Whether nothing of a pipeline is at work or waits for a worker, a retry or its
    /// time. What is still open then waits for something that has failed.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn is_at_rest(&self, pipeline: &str) -> Result<bool> {
        self.transact(|db, now| {
            PipelineRow::get(db, pipeline)?;
            let query = "SELECT NOT EXISTS (SELECT 1 FROM attempt WHERE pipeline = ?1 AND \
                         ended IS NULL) AND NOT EXISTS (SELECT 1 FROM instance WHERE \
                         pipeline = ?1 AND open = 1 AND due > ?2)";
            db.query_row(query, (pipeline, now), |row| row.get(0)).map_err(failed)
        })
    }
}

fn summary(row: &InstanceRow) -> RunSummary {
    RunSummary {
        id: row.id.clone(),
        component: row.component.clone(),
        is_activity: row.is_activity(),
        status: row.status.clone(),
        is_open: row.open,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        scheduled_start: from_column(row.scheduled_start),
        actual_start: row.actual_start.map(from_column),
        actual_end: row.actual_end.map(from_column),
        error: row.error.message.clone().filter(|_| row.status != "FINISHED"),
    }
}
