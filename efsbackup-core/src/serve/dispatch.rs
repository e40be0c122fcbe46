//! From an operation's name and body to the service and back.

use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, PipelineService, PollForTask,
    RunnerHeartbeat, SetTaskStatus, TaskFailure, TaskStatus,
};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::wire::TARGET_PREFIX;
use crate::wire::convert::*;
use crate::wire::fault::Fault;
use crate::wire::shapes::*;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

type Answer = Result<Vec<u8>, Fault>;

/// The pause between two looks for a task.
const LOOK: Duration = Duration::from_millis(200);

/// How a poll waits.
pub(super) struct Waits<'a> {
    pub(super) time: Duration,
    /// Whether nobody waits for the answer any more.
    pub(super) gone: &'a dyn Fn() -> bool,
}

/// Does what the request says.
pub(super) fn call(engine: &Engine, target: &str, body: &[u8], waits: &Waits<'_>) -> Answer {
    let operation = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
    let service = Service { engine };
    match operation {
        "ActivatePipeline" => service.activate(read(body)?),
        "AddTags" => service.add_tags(read(body)?),
        "CreatePipeline" => service.create_pipeline(read(body)?),
        "DeactivatePipeline" => service.deactivate(read(body)?),
        "DeletePipeline" => service.delete_pipeline(read(body)?),
        "DescribeObjects" => service.describe_objects(read(body)?),
        "DescribePipelines" => service.describe_pipelines(read(body)?),
        "EvaluateExpression" => service.evaluate_expression(read(body)?),
        "GetPipelineDefinition" => service.definition(read(body)?),
        "ListPipelines" => service.list_pipelines(read(body)?),
        "PollForTask" => service.poll_for_task(read(body)?, waits),
        "PutPipelineDefinition" => service.put_definition(read(body)?),
        "QueryObjects" => service.query_objects(read(body)?),
        "RemoveTags" => service.remove_tags(read(body)?),
        "ReportTaskProgress" => service.report_task_progress(read(body)?),
        "ReportTaskRunnerHeartbeat" => service.report_heartbeat(read(body)?),
        "SetStatus" => service.set_status(read(body)?),
        "SetTaskStatus" => service.set_task_status(read(body)?),
        "ValidatePipelineDefinition" => service.validate_definition(read(body)?),
        _ => {
            let message = format!("there is no operation '{target}'");
            Err(Fault::new(400, "UnknownOperationException", message))
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        // A missing member is AWS's own check, the rest is not even read as the shape.
        match error.to_string() {
            text if text.starts_with("missing field") => Fault::invalid(text),
            text => Fault::new(400, "SerializationException", text),
        }
    })
}

fn json(output: &impl Serialize) -> Answer {
    serde_json::to_vec(output)
        .map_err(|error| Fault::new(500, "InternalServiceError", error.to_string()))
}

struct Service<'a> {
    engine: &'a Engine,
}

impl Service<'_> {
    /// A fault of an operation on this pipeline.
    fn fault(&self, pipeline: &str) -> impl FnOnce(Error) -> Fault {
        move |error| {
            if error.kind() != ErrorKind::NotFound {
                return Fault::of(&error);
            }
            let known = pollster::block_on(self.engine.describe_pipelines(&[pipeline.to_owned()]));
            let code = match (known.is_ok(), self.engine.was_deleted(pipeline)) {
                // The pipeline is there, so it is something in it that is not.
                (true, _) => return Fault::of(&error),
                (false, Ok(true)) => "PipelineDeletedException",
                (false, _) => "PipelineNotFoundException",
            };
            Fault::new(400, code, error.message())
        }
    }

    fn create_pipeline(&self, input: CreatePipelineInput) -> Answer {
        let request = CreatePipeline {
            name: input.name,
            unique_id: input.unique_id,
            description: input.description.unwrap_or_default(),
            tags: tags_from_wire(input.tags.unwrap_or_default()),
        };
        let created = pollster::block_on(self.engine.create_pipeline(&request));
        json(&PipelineId { pipeline_id: created.map_err(|error| Fault::of(&error))? })
    }

    fn put_definition(&self, input: DefinitionInput) -> Answer {
        let (id, definition) = definition(input)?;
        let found = pollster::block_on(self.engine.put_definition(&id, &definition));
        findings(&found.map_err(self.fault(&id))?)
    }

    fn validate_definition(&self, input: DefinitionInput) -> Answer {
        let (id, definition) = definition(input)?;
        let found = pollster::block_on(self.engine.validate_definition(&id, &definition));
        findings(&found.map_err(self.fault(&id))?)
    }

    fn definition(&self, input: GetDefinitionInput) -> Answer {
        let version = match input.version.as_deref() {
            None | Some("latest") => DefinitionVersion::Latest,
            Some("active") => DefinitionVersion::Active,
            Some(word) => {
                return Err(Fault::invalid(format!(
                    "the version '{word}' is not latest or active"
                )));
            }
        };
        let id = input.pipeline_id;
        let stored = pollster::block_on(self.engine.definition(&id, version));
        let wire = stored.and_then(|definition| definition_to_wire(&definition));
        json(&wire.map_err(self.fault(&id))?)
    }

    fn activate(&self, input: ActivateInput) -> Answer {
        let start = input.start_timestamp.map(|seconds| {
            // Fractions of a millisecond are lost, as in the store.
            Timestamp::from_millisecond((seconds * 1000.0) as i64)
                .map_err(|_| Fault::invalid("startTimestamp is out of range"))
        });
        let request = Activate {
            values: values_from_wire(input.parameter_values.unwrap_or_default()),
            start: start.transpose()?,
        };
        let id = input.pipeline_id;
        pollster::block_on(self.engine.activate(&id, &request)).map_err(self.fault(&id))?;
        json(&Empty {})
    }

    fn deactivate(&self, input: DeactivateInput) -> Answer {
        let (id, cancel) = (input.pipeline_id, input.cancel_active.unwrap_or(true));
        pollster::block_on(self.engine.deactivate(&id, cancel)).map_err(self.fault(&id))?;
        json(&Empty {})
    }

    fn describe_pipelines(&self, input: DescribePipelinesInput) -> Answer {
        let mut list = Vec::new();
        if input.pipeline_ids.len() > 25 {
            return Err(Fault::invalid("at most 25 ids in one call"));
        }
        for id in &input.pipeline_ids {
            let found =
                pollster::block_on(self.engine.describe_pipelines(std::slice::from_ref(id)));
            let found = found.map_err(self.fault(id))?;
            for description in &found {
                list.push(description_to_wire(description).map_err(|error| Fault::of(&error))?);
            }
        }
        json(&DescribePipelinesOutput { pipeline_description_list: list })
    }

    fn list_pipelines(&self, input: ListPipelinesInput) -> Answer {
        let page = pollster::block_on(self.engine.list_pipelines(input.marker.as_deref()));
        let page = page.map_err(|error| Fault::of(&error))?;
        json(&ListPipelinesOutput {
            pipeline_id_list: page.items.into_iter().map(id_name_to_wire).collect(),
            has_more_results: page.marker.is_some(),
            marker: page.marker,
        })
    }

    fn query_objects(&self, input: QueryObjectsInput) -> Answer {
        let (sphere, query) = (sphere(&input.sphere)?, query_from_wire(input.query)?);
        let limit = input.limit.map(|limit| {
            usize::try_from(limit)
                .ok()
                .filter(|limit| *limit > 0)
                .ok_or_else(|| Fault::invalid("limit is not above 0"))
        });
        let (id, marker, limit) = (input.pipeline_id, input.marker.as_deref(), limit.transpose()?);
        let page =
            pollster::block_on(self.engine.query_objects(&id, sphere, &query, marker, limit));
        let page = page.map_err(self.fault(&id))?;
        json(&QueryObjectsOutput {
            ids: page.items,
            has_more_results: page.marker.is_some(),
            marker: page.marker,
        })
    }

    fn describe_objects(&self, input: DescribeObjectsInput) -> Answer {
        let (id, marker) = (input.pipeline_id, input.marker.as_deref());
        let evaluate = input.evaluate_expressions.unwrap_or(false);
        let described = self.engine.describe_objects(&id, &input.object_ids, evaluate, marker);
        let page = pollster::block_on(described).map_err(self.fault(&id))?;
        let objects = page.items.iter().map(object_to_wire).collect::<Result<_, _>>();
        json(&DescribeObjectsOutput {
            pipeline_objects: objects.map_err(|error| Fault::of(&error))?,
            has_more_results: page.marker.is_some(),
            marker: page.marker,
        })
    }

    fn evaluate_expression(&self, input: EvaluateInput) -> Answer {
        let id = input.pipeline_id;
        let value = self.engine.evaluate_expression(&id, &input.object_id, &input.expression);
        let value = pollster::block_on(value).map_err(self.fault(&id))?;
        json(&EvaluateOutput { evaluated_expression: value })
    }

    fn set_status(&self, input: SetStatusInput) -> Answer {
        let (id, command) = (input.pipeline_id, command(&input.status)?);
        pollster::block_on(self.engine.set_status(&id, &input.object_ids, command))
            .map_err(self.fault(&id))?;
        Ok(Vec::new())
    }

    fn delete_pipeline(&self, input: PipelineId) -> Answer {
        let id = input.pipeline_id;
        pollster::block_on(self.engine.delete_pipeline(&id)).map_err(|error| {
            match error.kind() {
                // The one operation on a pipeline that does not know of deleted ones.
                ErrorKind::NotFound => {
                    Fault::new(400, "PipelineNotFoundException", error.message())
                }
                _ => Fault::of(&error),
            }
        })?;
        Ok(Vec::new())
    }

    fn add_tags(&self, input: AddTagsInput) -> Answer {
        let (id, tags) = (input.pipeline_id, tags_from_wire(input.tags));
        pollster::block_on(self.engine.add_tags(&id, &tags)).map_err(self.fault(&id))?;
        json(&Empty {})
    }

    fn remove_tags(&self, input: RemoveTagsInput) -> Answer {
        let id = input.pipeline_id;
        pollster::block_on(self.engine.remove_tags(&id, &input.tag_keys))
            .map_err(self.fault(&id))?;
        json(&Empty {})
    }

    fn poll_for_task(&self, input: PollInput, waits: &Waits<'_>) -> Answer {
        if input.worker_group.is_empty() {
            return Err(Fault::invalid("workerGroup is empty"));
        }
        let request = PollForTask {
            worker_group: input.worker_group,
            hostname: input.hostname.unwrap_or_default(),
        };
        let start = Instant::now();
        // A task given to nobody would be given again only after two minutes.
        while !(waits.gone)() {
            let task = pollster::block_on(self.engine.poll_for_task(&request));
            if let Some(task) = task.map_err(|error| Fault::of(&error))? {
                let task = task_to_wire(&task).map_err(|error| Fault::of(&error))?;
                return json(&PollOutput { task_object: Some(task) });
            }
            if start.elapsed() + LOOK > waits.time {
                break;
            }
            std::thread::sleep(LOOK);
        }
        json(&PollOutput { task_object: None })
    }

    fn report_task_progress(&self, input: ProgressInput) -> Answer {
        let fields = fields_from_wire(input.fields.unwrap_or_default())?;
        let canceled =
            pollster::block_on(self.engine.report_task_progress(&input.task_id, &fields));
        json(&ProgressOutput { canceled: canceled.map_err(of_task)? })
    }

    fn report_heartbeat(&self, input: HeartbeatInput) -> Answer {
        let heartbeat = RunnerHeartbeat {
            runner_id: input.taskrunner_id,
            worker_group: input.worker_group.unwrap_or_default(),
            hostname: input.hostname.unwrap_or_default(),
        };
        let terminate = pollster::block_on(self.engine.report_heartbeat(&heartbeat));
        json(&HeartbeatOutput { terminate: terminate.map_err(|error| Fault::of(&error))? })
    }

    fn set_task_status(&self, input: TaskStatusInput) -> Answer {
        let status = task_status(&input.task_status)?;
        let failure = (status == TaskStatus::Failed).then(|| TaskFailure {
            id: input.error_id.unwrap_or_default(),
            message: input.error_message.unwrap_or_default(),
            stack: input.error_stack_trace.unwrap_or_default(),
        });
        let request = SetTaskStatus { task: input.task_id, status, failure };
        pollster::block_on(self.engine.set_task_status(&request)).map_err(of_task)?;
        json(&Empty {})
    }
}

fn of_task(error: Error) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => Fault::new(400, "TaskNotFoundException", error.message()),
        _ => Fault::of(&error),
    }
}

fn definition(input: DefinitionInput) -> Result<(String, crate::pipeline::Definition), Fault> {
    let parameters = input.parameter_objects.unwrap_or_default();
    let values = input.parameter_values.unwrap_or_default();
    let definition = definition_from_wire(input.pipeline_objects, parameters, values)?;
    Ok((input.pipeline_id, definition))
}

fn findings(found: &Findings) -> Answer {
    json(&FindingsOutput {
        validation_errors: errors_to_wire(&found.errors),
        validation_warnings: warnings_to_wire(&found.warnings),
        errored: found.errored,
    })
}
