//! A `PipelineService` at the other end of a connection.

use super::convert::*;
use super::fault::{Body, Fault, error_of};
use super::http::{Connection, Patience, Trouble};
use super::keys::Keys;
use super::shapes::*;
use super::{CONTENT_TYPE, TARGET_PREFIX, sigv4};
use crate::cancel::CancelToken;
use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, Page, PipelineDescription,
    PipelineIdName, PipelineService, PollForTask, Query, RunnerHeartbeat, SetTaskStatus, Sphere,
    StatusCommand, Tag, Task,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Field, Object};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// As AWS's guide says, for polls that wait.
const PATIENCE: Patience =
    Patience { idle: Duration::from_secs(90), whole: Duration::from_secs(90) };
const CONNECT: Duration = Duration::from_secs(10);
/// The operation that waits.
const POLL: &str = "PollForTask";
/// Longest answer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A service that `efsbackup serve` offers on this machine.
///
/// Its methods wait for the answer on the calling thread, for 90 seconds at most; each
/// uses a connection of its own. An unreachable service is `Remote` or `Timeout`, a
/// refused key or signature `Auth`.
///
/// ```no_run
/// use efsbackup_core::deploy::all_pipelines;
/// use efsbackup_core::wire::{Keys, Remote};
///
/// // Where `efsbackup serve` listens.
/// let service = Remote::new("http://127.0.0.1:8000", Keys::from_environment()?)?;
/// for pipeline in pollster::block_on(all_pipelines(&service))? {
///     println!("{} {}", pipeline.id, pipeline.name);
/// }
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    address: SocketAddr,
    host: String,
    region: String,
    keys: Keys,
    stop: CancelToken,
    abandon: CancelToken,
}

impl Remote {
    /// The service at `endpoint`, such as `http://127.0.0.1:4664`; requests are signed
    /// with the first of `keys`.
    ///
    /// # Errors
    /// `InvalidInput` for anything but `http://` and an address of this machine (tasks
    /// hold secrets, and nothing is encrypted), `Auth` without a key.
    pub fn new(endpoint: &str, keys: Keys) -> Result<Remote> {
        let wrong = |text: &str| {
            Error::new(ErrorKind::InvalidInput, "endpoint")
                .with_message(format!("'{endpoint}': {text}"))
        };
        let host = endpoint
            .strip_prefix("http://")
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
            .filter(|host| !host.contains('/'))
            .ok_or_else(|| wrong("write http://ADDRESS:PORT"))?;
        let mut addresses = host
            .to_socket_addrs()
            .map_err(|_| wrong("there is no such address; give a port too"))?;
        let address = addresses
            .find(|address| address.ip().is_loopback())
            .ok_or_else(|| wrong("not this machine; reach another one's through `ssh -L`"))?;
        keys.first()?;
        Ok(Remote {
            address,
            host: host.to_owned(),
            region: "us-east-1".to_owned(),
            keys,
            stop: CancelToken::new(),
            abandon: CancelToken::new(),
        })
    }

    /// As this, but its polls for a task return without one once `cancel` is set.
    #[must_use]
    pub fn until(mut self, cancel: &CancelToken) -> Remote {
        self.stop = cancel.clone();
        self
    }

    /// As this, but no call waits for its answer once `cancel` is set.
    #[must_use]
    pub fn abandoned_by(mut self, cancel: &CancelToken) -> Remote {
        self.abandon = cancel.clone();
        self
    }

    fn call<T: DeserializeOwned>(&self, operation: &str, input: &impl Serialize) -> Result<T> {
        let answer = self.exchange(operation, input)?;
        serde_json::from_slice(&answer).map_err(|error| {
            Error::new(ErrorKind::Remote, "pipeline service")
                .with_message(format!("{operation}: the answer can't be read"))
                .with_source(error)
        })
    }

    /// As [`call`](Self::call), where there is nothing in the answer.
    fn tell(&self, operation: &str, input: &impl Serialize) -> Result<()> {
        self.exchange(operation, input).map(drop)
    }

    fn exchange(&self, operation: &str, input: &impl Serialize) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(input)
            .map_err(|error| Error::new(ErrorKind::Internal, "write request").with_source(error))?;
        let target = format!("{TARGET_PREFIX}{operation}");
        let signed =
            [("content-type", CONTENT_TYPE), ("host", &self.host), ("x-amz-target", &target)];
        let (date, authorization) =
            sigv4::sign(self.keys.first()?, &self.region, Timestamp::now(), &signed, &body);
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: {CONTENT_TYPE}\r\nX-Amz-Target: {target}\r\n\
             X-Amz-Date: {date}\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.host,
            body.len()
        );
        let unreachable = |error: std::io::Error| {
            Error::new(ErrorKind::Remote, "pipeline service")
                .with_message(format!("no service answers at {}", self.host))
                .with_source(error)
        };
        let stream = TcpStream::connect_timeout(&self.address, CONNECT).map_err(unreachable)?;
        let mut connection = Connection::new(stream, PATIENCE).map_err(unreachable)?;
        connection.write(&head, &body).map_err(unreachable)?;
        let stop =
            || self.abandon.is_cancelled() || (operation == POLL && self.stop.is_cancelled());
        let read = connection.answer(&stop).and_then(|head| {
            let body = connection.body(&head, LONGEST_ANSWER)?;
            Ok((head.status, body))
        });
        let (status, answer) = read.map_err(|trouble| self.broken(trouble))?;
        if status == 200 {
            return Ok(answer);
        }
        let fault = serde_json::from_slice(&answer).unwrap_or_else(|_| Body {
            code: "UnknownError".to_owned(),
            message: format!("HTTP status {status}"),
        });
        Err(error_of(&fault))
    }

    fn broken(&self, trouble: Trouble) -> Error {
        let error = |kind, text: &str| {
            Error::new(kind, "pipeline service").with_message(format!("{}: {text}", self.host))
        };
        match trouble {
            Trouble::Slow => error(ErrorKind::Timeout, "has not answered in 90 seconds"),
            Trouble::Malformed(text) => error(ErrorKind::Remote, text),
            Trouble::TooLong => error(ErrorKind::Remote, "sends too long an answer"),
            Trouble::Broken(cause) => {
                error(ErrorKind::Remote, "has broken off the connection").with_source(cause)
            }
            Trouble::Stopped => error(ErrorKind::Cancelled, "no longer waited for"),
            Trouble::Closed => {
                error(ErrorKind::Remote, "has closed the connection without an answer")
            }
        }
    }
}

/// An answer that breaks the API's own rules.
fn strange(fault: Fault) -> Error {
    Error::new(ErrorKind::Remote, "pipeline service").with_message(fault.message)
}

fn input(pipeline: &str, definition: &Definition) -> Result<DefinitionInput> {
    let wire = definition_to_wire(definition)?;
    Ok(DefinitionInput {
        pipeline_id: pipeline.to_owned(),
        pipeline_objects: wire.pipeline_objects,
        parameter_objects: Some(wire.parameter_objects).filter(|list| !list.is_empty()),
        parameter_values: Some(wire.parameter_values).filter(|list| !list.is_empty()),
    })
}

fn findings(output: FindingsOutput) -> Findings {
    let errors = output.validation_errors.into_iter();
    let warnings = output.validation_warnings.into_iter();
    Findings {
        errored: output.errored,
        errors: errors.map(|found| findings_from_wire(found.id, found.errors)).collect(),
        warnings: warnings.map(|found| findings_from_wire(found.id, found.warnings)).collect(),
    }
}

impl PipelineService for Remote {
    async fn create_pipeline(&self, request: &CreatePipeline) -> Result<String> {
        let input = CreatePipelineInput {
            name: request.name.clone(),
            unique_id: request.unique_id.clone(),
            description: Some(request.description.clone()).filter(|text| !text.is_empty()),
            tags: Some(tags_to_wire(&request.tags)).filter(|list| !list.is_empty()),
        };
        Ok(self.call::<PipelineId>("CreatePipeline", &input)?.pipeline_id)
    }

    async fn put_definition(&self, pipeline: &str, definition: &Definition) -> Result<Findings> {
        Ok(findings(self.call("PutPipelineDefinition", &input(pipeline, definition)?)?))
    }

    async fn validate_definition(
        &self,
        pipeline: &str,
        definition: &Definition,
    ) -> Result<Findings> {
        Ok(findings(self.call("ValidatePipelineDefinition", &input(pipeline, definition)?)?))
    }

    async fn definition(&self, pipeline: &str, version: DefinitionVersion) -> Result<Definition> {
        let version = match version {
            DefinitionVersion::Latest => "latest",
            DefinitionVersion::Active => "active",
        };
        let input = GetDefinitionInput {
            pipeline_id: pipeline.to_owned(),
            version: Some(version.to_owned()),
        };
        let output: DefinitionOutput = self.call("GetPipelineDefinition", &input)?;
        let DefinitionOutput { pipeline_objects, parameter_objects, parameter_values } = output;
        definition_from_wire(pipeline_objects, parameter_objects, parameter_values).map_err(strange)
    }

    async fn activate(&self, pipeline: &str, request: &Activate) -> Result<()> {
        let input = ActivateInput {
            pipeline_id: pipeline.to_owned(),
            parameter_values: Some(values_to_wire(&request.values)?)
                .filter(|list| !list.is_empty()),
            start_timestamp: request.start.map(|start| start.as_millisecond() as f64 / 1000.0),
        };
        self.tell("ActivatePipeline", &input)
    }

    async fn deactivate(&self, pipeline: &str, cancel_active: bool) -> Result<()> {
        let pipeline_id = pipeline.to_owned();
        let input = DeactivateInput { pipeline_id, cancel_active: Some(cancel_active) };
        self.tell("DeactivatePipeline", &input)
    }

    async fn describe_pipelines(&self, pipelines: &[String]) -> Result<Vec<PipelineDescription>> {
        let input = DescribePipelinesInput { pipeline_ids: pipelines.to_vec() };
        let output: DescribePipelinesOutput = self.call("DescribePipelines", &input)?;
        let list = output.pipeline_description_list.into_iter();
        list.map(|wire| description_from_wire(wire).map_err(strange)).collect()
    }

    async fn list_pipelines(&self, marker: Option<&str>) -> Result<Page<PipelineIdName>> {
        let input = ListPipelinesInput { marker: marker.map(str::to_owned) };
        let output: ListPipelinesOutput = self.call("ListPipelines", &input)?;
        let items = output.pipeline_id_list.into_iter();
        let items = items.map(|item| PipelineIdName { id: item.id, name: item.name }).collect();
        Ok(page(items, output.marker, output.has_more_results))
    }

    async fn query_objects(
        &self,
        pipeline: &str,
        sphere: Sphere,
        query: &Query,
        marker: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<String>> {
        let input = QueryObjectsInput {
            pipeline_id: pipeline.to_owned(),
            sphere: sphere.name().to_owned(),
            query: query_to_wire(query),
            marker: marker.map(str::to_owned),
            limit: limit.and_then(|limit| i64::try_from(limit).ok()),
        };
        let output: QueryObjectsOutput = self.call("QueryObjects", &input)?;
        Ok(page(output.ids, output.marker, output.has_more_results))
    }

    async fn describe_objects(
        &self,
        pipeline: &str,
        objects: &[String],
        evaluate: bool,
        marker: Option<&str>,
    ) -> Result<Page<Object>> {
        let input = DescribeObjectsInput {
            pipeline_id: pipeline.to_owned(),
            object_ids: objects.to_vec(),
            evaluate_expressions: Some(evaluate),
            marker: marker.map(str::to_owned),
        };
        let output: DescribeObjectsOutput = self.call("DescribeObjects", &input)?;
        let items = output.pipeline_objects.into_iter();
        let items = items.map(|wire| object_from_wire(wire).map_err(strange));
        Ok(page(items.collect::<Result<_>>()?, output.marker, output.has_more_results))
    }

    async fn evaluate_expression(
        &self,
        pipeline: &str,
        object: &str,
        expression: &str,
    ) -> Result<String> {
        let input = EvaluateInput {
            pipeline_id: pipeline.to_owned(),
            object_id: object.to_owned(),
            expression: expression.to_owned(),
        };
        Ok(self.call::<EvaluateOutput>("EvaluateExpression", &input)?.evaluated_expression)
    }

    async fn set_status(
        &self,
        pipeline: &str,
        objects: &[String],
        command: StatusCommand,
    ) -> Result<()> {
        let input = SetStatusInput {
            pipeline_id: pipeline.to_owned(),
            object_ids: objects.to_vec(),
            status: command.name().to_owned(),
        };
        self.tell("SetStatus", &input)
    }

    async fn delete_pipeline(&self, pipeline: &str) -> Result<()> {
        self.tell("DeletePipeline", &PipelineId { pipeline_id: pipeline.to_owned() })
    }

    async fn add_tags(&self, pipeline: &str, tags: &[Tag]) -> Result<()> {
        let input = AddTagsInput { pipeline_id: pipeline.to_owned(), tags: tags_to_wire(tags) };
        self.tell("AddTags", &input)
    }

    async fn remove_tags(&self, pipeline: &str, keys: &[String]) -> Result<()> {
        let pipeline_id = pipeline.to_owned();
        self.tell("RemoveTags", &RemoveTagsInput { pipeline_id, tag_keys: keys.to_vec() })
    }

    async fn poll_for_task(&self, request: &PollForTask) -> Result<Option<Task>> {
        let input = PollInput {
            worker_group: request.worker_group.clone(),
            hostname: Some(request.hostname.clone()),
        };
        let output: PollOutput = match self.call(POLL, &input) {
            // The service notices that nobody waits, and keeps the task.
            Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(None),
            output => output?,
        };
        output.task_object.map(|wire| task_from_wire(wire).map_err(strange)).transpose()
    }

    async fn report_task_progress(&self, task: &str, fields: &[Field]) -> Result<bool> {
        let fields = Some(fields_to_wire(fields)?).filter(|list| !list.is_empty());
        let input = ProgressInput { task_id: task.to_owned(), fields };
        Ok(self.call::<ProgressOutput>("ReportTaskProgress", &input)?.canceled)
    }

    async fn report_heartbeat(&self, heartbeat: &RunnerHeartbeat) -> Result<bool> {
        let input = HeartbeatInput {
            taskrunner_id: heartbeat.runner_id.clone(),
            worker_group: Some(heartbeat.worker_group.clone()),
            hostname: Some(heartbeat.hostname.clone()),
        };
        Ok(self.call::<HeartbeatOutput>("ReportTaskRunnerHeartbeat", &input)?.terminate)
    }

    async fn set_task_status(&self, request: &SetTaskStatus) -> Result<()> {
        let (id, message, stack) = match &request.failure {
            Some(failure) => (
                Some(failure.id.clone()),
                Some(failure.message.clone()),
                Some(failure.stack.clone()).filter(|stack| !stack.is_empty()),
            ),
            None => (None, None, None),
        };
        let input = TaskStatusInput {
            task_id: request.task.clone(),
            task_status: request.status.name().to_owned(),
            error_id: id,
            error_message: message,
            error_stack_trace: stack,
        };
        self.tell("SetTaskStatus", &input)
    }
}
