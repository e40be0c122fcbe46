//! Each operation, passed on to the service that it is.

#[cfg(feature = "aws")]
use super::Kind::Aws;
use super::Kind::{Embedded, Remote};
use super::Service;
use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, Page, PipelineDescription,
    PipelineIdName, PipelineService, PollForTask, Query, RunnerHeartbeat, SetTaskStatus, Sphere,
    StatusCommand, Tag, Task,
};
use crate::error::Result;
use crate::pipeline::{Definition, Field, Object};

/// The call of whichever service it is.
macro_rules! pass {
    ($self:ident.$operation:ident($($argument:expr),*)) => {
        match &$self.kind {
            Embedded(service) => service.$operation($($argument),*).await,
            Remote(service) => service.$operation($($argument),*).await,
            #[cfg(feature = "aws")]
            Aws(service) => service.$operation($($argument),*).await,
        }
    };
}

impl PipelineService for Service {
    async fn create_pipeline(&self, request: &CreatePipeline) -> Result<String> {
        pass!(self.create_pipeline(request))
    }

    async fn put_definition(&self, pipeline: &str, definition: &Definition) -> Result<Findings> {
        pass!(self.put_definition(pipeline, definition))
    }

    async fn validate_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> Result<Findings> {
        pass!(self.validate_definition(pipeline, definition))
    }

    async fn definition(&self, pipeline: &str, version: DefinitionVersion) -> Result<Definition> {
        pass!(self.definition(pipeline, version))
    }

    async fn activate(&self, pipeline: &str, request: &Activate) -> Result<()> {
        pass!(self.activate(pipeline, request))
    }

    async fn deactivate(&self, pipeline: &str, cancel_active: bool) -> Result<()> {
        pass!(self.deactivate(pipeline, cancel_active))
    }

    async fn describe_pipelines(&self, pipelines: &[String]) -> Result<Vec<PipelineDescription>> {
        pass!(self.describe_pipelines(pipelines))
    }

    async fn list_pipelines(&self, marker: Option<&str>) -> Result<Page<PipelineIdName>> {
        pass!(self.list_pipelines(marker))
    }

    async fn query_objects(
        &self,
        pipeline: &str,
        sphere: Sphere,
        query: &Query,
        marker: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<String>> {
        pass!(self.query_objects(pipeline, sphere, query, marker, limit))
    }

    async fn describe_objects(
        &self,
        pipeline: &str,
        objects: &[String],
        evaluate: bool,
        marker: Option<&str>,
    ) -> Result<Page<Object>> {
        pass!(self.describe_objects(pipeline, objects, evaluate, marker))
    }

    async fn evaluate_expression(
        &self,
        pipeline: &str,
        object: &str,
        expression: &str,
    ) -> Result<String> {
        pass!(self.evaluate_expression(pipeline, object, expression))
    }

    async fn set_status(
        &self,
        pipeline: &str,
        objects: &[String],
        command: StatusCommand,
    ) -> Result<()> {
        pass!(self.set_status(pipeline, objects, command))
    }

    async fn delete_pipeline(&self, pipeline: &str) -> Result<()> {
        pass!(self.delete_pipeline(pipeline))
    }

    async fn add_tags(&self, pipeline: &str, tags: &[Tag]) -> Result<()> {
        pass!(self.add_tags(pipeline, tags))
    }

    async fn remove_tags(&self, pipeline: &str, keys: &[String]) -> Result<()> {
        pass!(self.remove_tags(pipeline, keys))
    }

    async fn poll_for_task(&self, request: &PollForTask) -> Result<Option<Task>> {
        pass!(self.poll_for_task(request))
    }

    async fn report_task_progress(&self, task: &str, fields: &[Field]) -> Result<bool> {
        pass!(self.report_task_progress(task, fields))
    }

    async fn report_heartbeat(&self, heartbeat: &RunnerHeartbeat) -> Result<bool> {
        pass!(self.report_heartbeat(heartbeat))
    }

    async fn set_task_status(&self, request: &SetTaskStatus) -> Result<()> {
        pass!(self.set_task_status(request))
    }
}
