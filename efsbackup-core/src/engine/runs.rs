//! One run at a time, and what came of it.

use super::Engine;
use super::database::{failed, from_column, to_column};
use super::pipelines::{self, Runs};
use super::rows::{AttemptRow, InstanceRow, PipelineRow};
use super::{horizon, tick};
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
    /// Whether it is an activity; else it is a resource, a data node or a precondition.
    pub is_activity: bool,
    /// Its status, such as `FINISHED`.
    pub status: String,
    /// Whether its status is not final.
    pub is_open: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// When its interval begins.
    pub scheduled_start: Timestamp,
    /// When its interval ends.
    pub scheduled_end: Timestamp,
    /// When its first attempt began.
    pub actual_start: Option<Timestamp>,
    /// When it ended.
    pub actual_end: Option<Timestamp>,
    /// Why it failed, or the last of its attempts did.
    pub error: Option<String>,
}

/// An attempt, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptSummary {
    /// `<instance>_Attempt=<number>`.
    pub id: String,
    /// The instance's id.
    pub instance: String,
    /// Its number, from 1 on.
    pub number: u32,
    /// Its status, such as `FAILED`.
    pub status: String,
    /// From when on a worker may have it.
    pub not_before: Timestamp,
    /// When a worker took it.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// Why it failed.
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
            db.wake(pipeline);
            tick::all(db, now)
        })
    }

    /// The instances of a pipeline, the earliest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn runs(&self, pipeline: &str) -> Result<Vec<RunSummary>> {
        self.read(|db| {
            PipelineRow::get(db, pipeline)?;
            Ok(InstanceRow::all(db, pipeline)?.iter().map(summary).collect())
        })
    }

    /// The attempts of a pipeline's instances, the earliest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn attempts(&self, pipeline: &str) -> Result<Vec<AttemptSummary>> {
        self.read(|db| {
            PipelineRow::get(db, pipeline)?;
            Ok(AttemptRow::all(db, pipeline)?.into_iter().map(attempt_summary).collect())
        })
    }

    /// When the passing of time alone will next change something, after what is due by now
    /// was done ([`tick`](Engine::tick)); `None` where only a worker or a caller can.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn next_due(&self, pipeline: &str) -> Result<Option<Timestamp>> {
        let now = to_column(self.clock.now());
        self.read(|db| Ok(horizon::next(db, pipeline, now)?.map(from_column)))
    }

    /// Whether nothing of a pipeline is at work or waits for a worker, a retry or its
    /// time. What is still open then waits for something that has failed.
    ///
    /// # Errors
    /// `NotFound` where there is no such pipeline.
    pub fn is_at_rest(&self, pipeline: &str) -> Result<bool> {
        let now = to_column(self.clock.now());
        self.read(|db| {
            PipelineRow::get(db, pipeline)?;
            let query = "SELECT NOT EXISTS (SELECT 1 FROM attempt INDEXED BY attempt_open \
                         WHERE pipeline = ?1 AND ended IS NULL) AND NOT EXISTS (SELECT 1 FROM instance WHERE \
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
        scheduled_end: from_column(row.scheduled_end),
        actual_start: row.actual_start.map(from_column),
        actual_end: row.actual_end.map(from_column),
        error: row.error.message.clone().filter(|_| row.status != "FINISHED"),
    }
}

fn attempt_summary(row: AttemptRow) -> AttemptSummary {
    AttemptSummary {
        id: row.id(),
        number: u32::try_from(row.number).unwrap_or(u32::MAX),
        not_before: from_column(row.not_before),
        start: row.assigned.map(from_column),
        end: row.ended.map(from_column),
        error: row.error.message.filter(|_| row.status != "FINISHED"),
        instance: row.instance,
        status: row.status,
    }
}
