//! The embedded service behind the trait.

use super::database::to_column;
use super::pipelines::{self, Edit, Runs};
use super::rows::{PipelineRow, not_found};
use super::store::Store;
use super::{Engine, commands, describe, history, tasks, tick};
use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, Page, PipelineDescription,
    PipelineIdName, PipelineService, PollForTask, Query, RunnerHeartbeat, SetTaskStatus, Sphere,
    StatusCommand, Tag, Task,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Field, Object};
use jiff::Timestamp;

/// AWS's limit of ids in one call.
const MOST_IDS: usize = 25;

impl PipelineService for Engine {
    async fn create_pipeline(&self, request: &CreatePipeline) -> Result<String> {
        self.transact(|db, now| pipelines::create(db, request, now))
    }

    async fn put_definition(&self, pipeline: &str, definition: &Definition) -> Result<Findings> {
        self.transact(|db, _| pipelines::put(db, pipeline, definition, Edit::AsOnAws))
    }

    async fn validate_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> Result<Findings> {
        let s3 = self.read(|db| PipelineRow::get(db, pipeline).map(|_| db.reaches_s3()))?;
        pipelines::check(definition, s3)
    }

    async fn definition(&self, pipeline: &str, version: DefinitionVersion) -> Result<Definition> {
        self.read(|db| {
            let row = PipelineRow::get(db, pipeline)?;
            let version = match version {
                DefinitionVersion::Latest => row.latest,
                DefinitionVersion::Active => row.active,
            };
            match version {
                Some(version) => Ok(Definition::clone(&*db.definition(pipeline, version)?)),
                None => Err(not_found("definition of pipeline", pipeline)),
            }
        })
    }

    async fn activate(&self, pipeline: &str, request: &Activate) -> Result<()> {
        self.transact(|db, now| {
            pipelines::activate(db, pipeline, request, Runs::AsDefined, now)?;
            db.wake(pipeline);
            tick::all(db, now)
        })
    }

    async fn deactivate(&self, pipeline: &str, cancel_active: bool) -> Result<()> {
        self.transact(|db, now| {
            pipelines::deactivate(db, pipeline, cancel_active, now)?;
            db.wake(pipeline);
            tick::all(db, now)
        })
    }

    async fn describe_pipelines(&self, pipelines: &[String]) -> Result<Vec<PipelineDescription>> {
        if pipelines.len() > MOST_IDS {
            return Err(Error::new(ErrorKind::InvalidInput, "describe pipelines")
                .with_message(format!("at most {MOST_IDS} ids in one call")));
        }
        self.read(|db| pipelines.iter().map(|id| describe::pipeline(db, id)).collect())
    }

    async fn list_pipelines(&self, marker: Option<&str>) -> Result<Page<PipelineIdName>> {
        self.read(|db| describe::list(db, marker))
    }

    async fn query_objects(
        &self,
        pipeline: &str,
        sphere: Sphere,
        query: &Query,
        marker: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<String>> {
        self.read(|db| describe::query(db, pipeline, sphere, query, marker, limit))
    }

    async fn describe_objects(
        &self,
        pipeline: &str,
        objects: &[String],
        evaluate: bool,
        marker: Option<&str>,
    ) -> Result<Page<Object>> {
        self.read(|db| describe::describe(db, pipeline, objects, evaluate, marker))
    }

    async fn evaluate_expression(
        &self,
        pipeline: &str,
        object: &str,
        expression: &str,
    ) -> Result<String> {
        self.read(|db| describe::evaluate(db, pipeline, object, expression))
    }

    async fn set_status(
        &self,
        pipeline: &str,
        objects: &[String],
        command: StatusCommand,
    ) -> Result<()> {
        self.transact(|db, now| {
            commands::set_status(db, pipeline, objects, command, now)?;
            db.wake(pipeline);
            tick::all(db, now)
        })
    }

    async fn delete_pipeline(&self, pipeline: &str) -> Result<()> {
        self.transact(|db, now| pipelines::delete(db, pipeline, now))
    }

    async fn add_tags(&self, pipeline: &str, tags: &[Tag]) -> Result<()> {
        self.transact(|db, _| pipelines::add_tags(db, pipeline, tags))
    }

    async fn remove_tags(&self, pipeline: &str, keys: &[String]) -> Result<()> {
        self.transact(|db, _| pipelines::remove_tags(db, pipeline, keys))
    }

    /// Answers at once: there is no one to wait for in the same process.
    async fn poll_for_task(&self, request: &PollForTask) -> Result<Option<Task>> {
        self.transact(|db, now| {
            tick::all(db, now)?;
            tasks::poll(db, request, now)
        })
    }

    async fn report_task_progress(&self, task: &str, _fields: &[Field]) -> Result<bool> {
        self.transact(|db, now| tasks::report(db, task, now))
    }

    /// This service never asks a worker to shut down.
    async fn report_heartbeat(&self, _heartbeat: &RunnerHeartbeat) -> Result<bool> {
        Ok(false)
    }

    async fn set_task_status(&self, request: &SetTaskStatus) -> Result<()> {
        self.transact(|db, now| {
            tasks::set_status(db, request, now)?;
            tick::all(db, now)
        })
    }
}

impl Engine {
    /// Whether `pipeline` existed and was deleted; the API tells that from an id that was
    /// never given.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn was_deleted(&self, pipeline: &str) -> Result<bool> {
        self.read(|db| pipelines::was_deleted(db, pipeline))
    }

    /// As `put_definition`, also where AWS does not let an active pipeline be edited: for
    /// callers that own the pipeline and its definition.
    ///
    /// # Errors
    /// As `put_definition`.
    pub fn replace_definition(&self, pipeline: &str, definition: &Definition) -> Result<Findings> {
        self.transact(|db, _| pipelines::put(db, pipeline, definition, Edit::Any))
    }

    /// Removes what ended before `before`: instances with their attempts, notifications
    /// that were delivered, definitions that nothing refers to any more. The last
    /// instance of each component stays, for schedules go on from it. Gives the number of
    /// instances.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn prune(&self, before: Timestamp) -> Result<usize> {
        let mut removed = 0;
        loop {
            // In parts, so that workers need not wait.
            let part = self.transact(|db, _| history::prune(db, to_column(before)))?;
            removed += part;
            if part < history::PART {
                return Ok(removed);
            }
        }
    }

    /// Runs `work`, which only reads.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        self.store.read(work)
    }

    /// Runs one transaction: all of `work` happens, or nothing.
    pub(super) fn transact<T>(&self, work: impl FnOnce(&Store, i64) -> Result<T>) -> Result<T> {
        // The time is read after the lock is held, so that times in the store never go back.
        self.store.transact(|store| work(store, to_column(self.clock.now())))
    }
}
