//! The trait itself.

use super::{
    Activate, CreatePipeline, DefinitionVersion, Findings, Page, PipelineDescription,
    PipelineIdName, PollForTask, Query, RunnerHeartbeat, SetTaskStatus, Sphere, StatusCommand, Tag,
    Task,
};
use crate::error::Result;
use crate::pipeline::{Definition, Field, Object};
use std::future::Future;

/// AWS Data Pipeline's API, version 2012-10-29.
///
/// Errors: `NotFound` for a pipeline, object or task that does not exist,
/// `InvalidInput` for a request the service refuses, `Conflict` where the pipeline's
/// state does not allow it, `Unsupported` where this service does not do it.
///
/// ```
/// use efsbackup_core::deploy::{Activate, CreatePipeline, PipelineService};
/// use efsbackup_core::pipeline::Definition;
/// use efsbackup_core::Result;
///
/// /// On AWS, on `efsbackup serve`, and embedded alike.
/// async fn start(service: &impl PipelineService, definition: &Definition) -> Result<String> {
///     let mut request = CreatePipeline::default();
///     (request.name, request.unique_id) = ("nightly".to_owned(), "nightly".to_owned());
///     let id = service.create_pipeline(&request).await?;
///     let findings = service.put_definition(&id, definition).await?;
///     if !findings.errored {
///         service.activate(&id, &Activate::default()).await?;
///     }
///     Ok(id)
/// }
/// ```
pub trait PipelineService: Sync {
    /// `CreatePipeline`: the pipeline's id, the earlier one's if name and unique id are known.
    fn create_pipeline(
        &self,
        request: &CreatePipeline,
    ) -> impl Future<Output = Result<String>> + Send;

    /// `PutPipelineDefinition`: replaces the whole definition, and saves it even when it
    /// has errors; such a definition can't be activated.
    fn put_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> impl Future<Output = Result<Findings>> + Send;

    /// `ValidatePipelineDefinition`: what putting it would find.
    fn validate_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> impl Future<Output = Result<Findings>> + Send;

    /// `GetPipelineDefinition`, with expressions as they were put.
    fn definition(
        &self,
        pipeline: &str,
        version: DefinitionVersion,
    ) -> impl Future<Output = Result<Definition>> + Send;

    /// `ActivatePipeline`: starts or resumes it; fails if its definition has errors.
    fn activate(
        &self,
        pipeline: &str,
        request: &Activate,
    ) -> impl Future<Output = Result<()>> + Send;

    /// `DeactivatePipeline`: running work is cancelled, or waited for.
    fn deactivate(
        &self,
        pipeline: &str,
        cancel_active: bool,
    ) -> impl Future<Output = Result<()>> + Send;

    /// `DescribePipelines`, at most 25 ids.
    fn describe_pipelines(
        &self,
        pipelines: &[String],
    ) -> impl Future<Output = Result<Vec<PipelineDescription>>> + Send;

    /// `ListPipelines`.
    fn list_pipelines(
        &self,
        marker: Option<&str>,
    ) -> impl Future<Output = Result<Page<PipelineIdName>>> + Send;

    /// `QueryObjects`: ids of the objects that match; `limit` is the page's size, 100 at
    /// most and by default.
    fn query_objects(
        &self,
        pipeline: &str,
        sphere: Sphere,
        query: &Query,
        marker: Option<&str>,
        limit: Option<usize>,
    ) -> impl Future<Output = Result<Page<String>>> + Send;

    /// `DescribeObjects`: components, instances or attempts with their fields; with
    /// `evaluate`, the expressions in them evaluated.
    fn describe_objects(
        &self,
        pipeline: &str,
        objects: &[String],
        evaluate: bool,
        marker: Option<&str>,
    ) -> impl Future<Output = Result<Page<Object>>> + Send;

    /// `EvaluateExpression`: `expression`'s text as the object sees it.
    fn evaluate_expression(
        &self,
        pipeline: &str,
        object: &str,
        expression: &str,
    ) -> impl Future<Output = Result<String>> + Send;

    /// `SetStatus`: a command to components or to instances, not to both at once.
    fn set_status(
        &self,
        pipeline: &str,
        objects: &[String],
        command: StatusCommand,
    ) -> impl Future<Output = Result<()>> + Send;

    /// `DeletePipeline`: its definition and history go; running work is cancelled.
    fn delete_pipeline(&self, pipeline: &str) -> impl Future<Output = Result<()>> + Send;

    /// `AddTags`: adds or overwrites.
    fn add_tags(&self, pipeline: &str, tags: &[Tag]) -> impl Future<Output = Result<()>> + Send;

    /// `RemoveTags`.
    fn remove_tags(
        &self,
        pipeline: &str,
        keys: &[String],
    ) -> impl Future<Output = Result<()>> + Send;

    /// `PollForTask`: the next task, if there is one; may wait up to 90 seconds for it.
    fn poll_for_task(
        &self,
        request: &PollForTask,
    ) -> impl Future<Output = Result<Option<Task>>> + Send;

    /// `ReportTaskProgress`: the worker took the task, or still works on it. `true` means
    /// that the task was cancelled and must be stopped.
    fn report_task_progress(
        &self,
        task: &str,
        fields: &[Field],
    ) -> impl Future<Output = Result<bool>> + Send;

    /// `ReportTaskRunnerHeartbeat`: `true` asks the worker to shut down.
    fn report_heartbeat(
        &self,
        heartbeat: &RunnerHeartbeat,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// `SetTaskStatus`: the task has ended.
    fn set_task_status(&self, request: &SetTaskStatus) -> impl Future<Output = Result<()>> + Send;
}
