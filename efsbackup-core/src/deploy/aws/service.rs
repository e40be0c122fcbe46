//! Each operation, through the SDK.

use super::convert as to;
use super::{DataPipeline, OP};
use crate::aws::error_of;
use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, Page, PipelineDescription,
    PipelineIdName, PipelineService, PollForTask, Query, RunnerHeartbeat, SetTaskStatus, Sphere,
    StatusCommand, Tag, Task,
};
use crate::error::{ErrorKind, Result};
use crate::pipeline::{Definition, Field, Object};
use aws_sdk_datapipeline::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_datapipeline::operation::RequestId;
use aws_sdk_datapipeline::primitives::DateTime;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// How often a throttled activation is made in all.
const ACTIVATIONS: u32 = 8;
/// Between two looks whether a poll is still wanted.
const LOOK: Duration = Duration::from_millis(100);

impl DataPipeline {
    /// Sends a request that was built here, on the session's thread.
    async fn send<T, E, R>(
        &self,
        operation: &'static str,
        request: impl Future<Output = std::result::Result<T, SdkError<E, R>>> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
        SdkError<E, R>: RequestId,
    {
        let work = async move { request.await.map_err(|error| error_of(OP, operation, error)) };
        self.session.run(work).await
    }
}

/// A page; `more` says whether there is another one, whatever the marker is.
fn page<T>(items: Vec<T>, marker: Option<String>, more: bool) -> Page<T> {
    Page { items, marker: marker.filter(|marker| more && !marker.is_empty()) }
}

impl PipelineService for DataPipeline {
    async fn create_pipeline(&self, request: &CreatePipeline) -> Result<String> {
        let description = Some(request.description.clone()).filter(|text| !text.is_empty());
        let request = self
            .client
            .create_pipeline()
            .name(&request.name)
            .unique_id(&request.unique_id)
            .set_description(description)
            .set_tags(to::tags(&request.tags)?);
        Ok(self.send("CreatePipeline", request.send()).await?.pipeline_id)
    }

    async fn put_definition(&self, pipeline: &str, definition: &Definition) -> Result<Findings> {
        let request = self
            .client
            .put_pipeline_definition()
            .pipeline_id(pipeline)
            .set_pipeline_objects(Some(to::objects(definition)?))
            .set_parameter_objects(to::parameters(definition)?)
            .set_parameter_values(to::values(&definition.values)?);
        let said = self.send("PutPipelineDefinition", request.send()).await?;
        Ok(to::findings_from(said.errored, said.validation_errors, said.validation_warnings))
    }

    async fn validate_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> Result<Findings> {
        let request = self
            .client
            .validate_pipeline_definition()
            .pipeline_id(pipeline)
            .set_pipeline_objects(Some(to::objects(definition)?))
            .set_parameter_objects(to::parameters(definition)?)
            .set_parameter_values(to::values(&definition.values)?);
        let said = self.send("ValidatePipelineDefinition", request.send()).await?;
        Ok(to::findings_from(said.errored, said.validation_errors, said.validation_warnings))
    }

    async fn definition(&self, pipeline: &str, version: DefinitionVersion) -> Result<Definition> {
        let version = match version {
            DefinitionVersion::Latest => "latest",
            DefinitionVersion::Active => "active",
        };
        let request = self.client.get_pipeline_definition().pipeline_id(pipeline).version(version);
        let said = self.send("GetPipelineDefinition", request.send()).await?;
        to::definition_from(said.pipeline_objects, said.parameter_objects, said.parameter_values)
    }

    async fn activate(&self, pipeline: &str, request: &Activate) -> Result<()> {
        let start = request.start.map(|start| DateTime::from_millis(start.as_millisecond()));
        let request = self
            .client
            .activate_pipeline()
            .pipeline_id(pipeline)
            .set_parameter_values(to::values(&request.values)?)
            .set_start_timestamp(start);
        let once = self.once.clone();
        let pauses = self.session.config().retry_config().cloned();
        self.session
            .run(async move {
                let mut attempt = 1;
                loop {
                    let request = request.clone().customize().config_override(once.clone());
                    let error = match request.send().await {
                        Ok(_) => return Ok(()),
                        Err(error) => error_of(OP, "ActivatePipeline", error),
                    };
                    if error.kind() != ErrorKind::Throttled || attempt >= ACTIVATIONS {
                        return Err(error);
                    }
                    tokio::time::sleep(pause(pauses.as_ref(), attempt)).await;
                    attempt += 1;
                }
            })
            .await
    }

    async fn deactivate(&self, pipeline: &str, cancel_active: bool) -> Result<()> {
        let request = self.client.deactivate_pipeline().pipeline_id(pipeline);
        let request = request.cancel_active(cancel_active);
        self.send("DeactivatePipeline", request.send()).await.map(drop)
    }

    async fn describe_pipelines(&self, pipelines: &[String]) -> Result<Vec<PipelineDescription>> {
        let request = self.client.describe_pipelines();
        let request = request.set_pipeline_ids(Some(pipelines.to_vec()));
        let said = self.send("DescribePipelines", request.send()).await?;
        said.pipeline_description_list.into_iter().map(to::description_from).collect()
    }

    async fn list_pipelines(&self, marker: Option<&str>) -> Result<Page<PipelineIdName>> {
        let request = self.client.list_pipelines().set_marker(marker.map(str::to_owned));
        let said = self.send("ListPipelines", request.send()).await?;
        let items = said.pipeline_id_list.into_iter().map(|item| PipelineIdName {
            id: item.id.unwrap_or_default(),
            name: item.name.unwrap_or_default(),
        });
        Ok(page(items.collect(), said.marker, said.has_more_results))
    }

    async fn query_objects(
        &self,
        pipeline: &str,
        sphere: Sphere,
        query: &Query,
        marker: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<String>> {
        let request = self
            .client
            .query_objects()
            .pipeline_id(pipeline)
            .sphere(sphere.name())
            .query(to::query(query))
            .set_marker(marker.map(str::to_owned))
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        let said = self.send("QueryObjects", request.send()).await?;
        Ok(page(said.ids.unwrap_or_default(), said.marker, said.has_more_results))
    }

    async fn describe_objects(
        &self,
        pipeline: &str,
        objects: &[String],
        evaluate: bool,
        marker: Option<&str>,
    ) -> Result<Page<Object>> {
        let request = self
            .client
            .describe_objects()
            .pipeline_id(pipeline)
            .set_object_ids(Some(objects.to_vec()))
            .evaluate_expressions(evaluate)
            .set_marker(marker.map(str::to_owned));
        let said = self.send("DescribeObjects", request.send()).await?;
        let items = said.pipeline_objects.into_iter().map(to::object_from);
        Ok(page(items.collect::<Result<_>>()?, said.marker, said.has_more_results))
    }

    async fn evaluate_expression(
        &self,
        pipeline: &str,
        object: &str,
        expression: &str,
    ) -> Result<String> {
        let request = self.client.evaluate_expression();
        let request = request.pipeline_id(pipeline).object_id(object).expression(expression);
        Ok(self.send("EvaluateExpression", request.send()).await?.evaluated_expression)
    }

    async fn set_status(
        &self,
        pipeline: &str,
        objects: &[String],
        command: StatusCommand,
    ) -> Result<()> {
        let request = self.client.set_status().pipeline_id(pipeline);
        let request = request.set_object_ids(Some(objects.to_vec())).status(command.name());
        self.send("SetStatus", request.send()).await.map(drop)
    }

    async fn delete_pipeline(&self, pipeline: &str) -> Result<()> {
        let request = self.client.delete_pipeline().pipeline_id(pipeline);
        self.send("DeletePipeline", request.send()).await.map(drop)
    }

    async fn add_tags(&self, pipeline: &str, tags: &[Tag]) -> Result<()> {
        let tags = to::tags(tags)?.unwrap_or_default();
        let request = self.client.add_tags().pipeline_id(pipeline).set_tags(Some(tags));
        self.send("AddTags", request.send()).await.map(drop)
    }

    async fn remove_tags(&self, pipeline: &str, keys: &[String]) -> Result<()> {
        let request = self.client.remove_tags().pipeline_id(pipeline);
        let request = request.set_tag_keys(Some(keys.to_vec()));
        self.send("RemoveTags", request.send()).await.map(drop)
    }

    async fn poll_for_task(&self, request: &PollForTask) -> Result<Option<Task>> {
        let request = self
            .client
            .poll_for_task()
            .worker_group(&request.worker_group)
            .hostname(&request.hostname)
            .customize()
            .config_override(self.poll.clone());
        let stop = self.stop.clone();
        self.session
            .run(async move {
                let mut said = pin!(request.send());
                loop {
                    match timeout(LOOK, &mut said).await {
                        Ok(said) => {
                            let said = said.map_err(|error| error_of(OP, "PollForTask", error))?;
                            return said.task_object.map(to::task_from).transpose();
                        }
                        Err(_) if stop.is_cancelled() => return Ok(None),
                        Err(_) => {}
                    }
                }
            })
            .await
    }

    async fn report_task_progress(&self, task: &str, fields: &[Field]) -> Result<bool> {
        let fields = Some(to::fields(fields)?).filter(|list| !list.is_empty());
        let request = self.client.report_task_progress().task_id(task).set_fields(fields);
        Ok(self.send("ReportTaskProgress", request.send()).await?.canceled)
    }

    async fn report_heartbeat(&self, heartbeat: &RunnerHeartbeat) -> Result<bool> {
        let request = self
            .client
            .report_task_runner_heartbeat()
            .taskrunner_id(&heartbeat.runner_id)
            .worker_group(&heartbeat.worker_group)
            .hostname(&heartbeat.hostname);
        Ok(self.send("ReportTaskRunnerHeartbeat", request.send()).await?.terminate)
    }

    async fn set_task_status(&self, request: &SetTaskStatus) -> Result<()> {
        let failure = request.failure.clone();
        let (id, message, stack) = match failure {
            Some(failure) => (Some(failure.id), Some(failure.message), Some(failure.stack)),
            None => (None, None, None),
        };
        let request = self
            .client
            .set_task_status()
            .task_id(&request.task)
            .task_status(to::status(request.status))
            .set_error_id(id)
            .set_error_message(message)
            .set_error_stack_trace(stack);
        self.send("SetTaskStatus", request.send()).await.map(drop)
    }
}

/// Before the next attempt, as the session's other requests have it.
fn pause(config: Option<&aws_config::retry::RetryConfig>, attempt: u32) -> Duration {
    let Some(config) = config else { return Duration::from_secs(1) };
    let longest = config.initial_backoff() * 2_u32.saturating_pow(attempt.min(16) - 1);
    // The clock's last digits are random enough to keep clients apart.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().subsec_nanos();
    longest.min(config.max_backoff()).mul_f64(f64::from(now % 1000) / 1000.0)
}
