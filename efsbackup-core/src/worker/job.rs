//! A task, read as something this machine can run.

use super::archive::Outlets;
use super::logs::{STD_ERROR, STD_OUTPUT};
use super::place::{Place, local_path};
use super::staging::Staging;
use crate::deploy::{S3Uri, Task, TaskFailure};
use crate::error::Error;
use crate::expression::{Period, Value};
use crate::pipeline::{FieldValue, Object};
use jiff::Timestamp;

/// What is read, or why the task can't be run here.
type Read<T> = Result<T, TaskFailure>;

/// What an attempt says.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    /// Whether it is a precondition, which may not hold yet.
    pub(super) is_check: bool,
    /// What is copied before and after, with `stage`.
    pub(super) staging: Option<Staging>,
    pub(super) component: String,
    pub(super) instance: String,
    pub(super) arguments: Vec<String>,
    pub(super) limits: Vec<Limit>,
    /// Where the definition wants the logs.
    pub(super) log_uri: Option<String>,
    /// Where it wants a copy of each stream, by the field's name.
    pub(super) copies: Vec<(&'static str, String)>,
    /// The resource it runs on; on AWS a machine of its own.
    pub(super) resource: Option<String>,
    /// Values that may not show in any log.
    pub(super) secrets: Vec<String>,
}

/// What is done.
#[derive(Debug)]
pub(super) enum Work {
    /// A script is run.
    Script(Source),
    /// Something is looked for.
    Look(Place),
}

/// Where the script is.
#[derive(Debug)]
pub(super) enum Source {
    Inline(String),
    At(Place),
}

/// When an attempt must have ended.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) deadline: Timestamp,
    pub(super) failure: &'static str,
    pub(super) message: String,
}

impl Job {
    /// Reads `task`, taken at `now`.
    ///
    /// # Errors
    /// Why the task can't be run here.
    pub(super) fn from_task(task: &Task, now: Timestamp) -> Read<Job> {
        let attempt = task
            .attempt_object()
            .ok_or_else(|| not_run_here("the task does not hold its own attempt"))?;
        let kind = attempt.type_name().unwrap_or("no type");
        let work = match kind {
            "ShellCommandActivity" | "ShellCommandPrecondition" => Work::Script(source(attempt)?),
            "Exists" => Work::Look(node(task, attempt)?),
            "S3KeyExists" => Work::Look(Place::Object(s3_uri(attempt, "s3Key")?)),
            "S3PrefixNotEmpty" => Work::Look(Place::Prefix(s3_uri(attempt, "s3Prefix")?)),
            _ => return Err(not_run_here(format!("{kind} does not run on this machine"))),
        };
        let staged = attempt.first_text("stage");
        let staged = staged.is_some_and(|stage| stage.eq_ignore_ascii_case("true"));
        let instance = attempt.first_reference("@instanceParent").map_or_else(
            || task.attempt.split("_Attempt=").next().unwrap_or_default().to_owned(),
            str::to_owned,
        );
        let component = attempt
            .first_reference("@componentParent")
            .or_else(|| attempt.first_reference("parent"))
            .unwrap_or(&instance)
            .to_owned();
        let resource = attempt.first_reference("runsOn").map(str::to_owned);
        let copies = ["stdout", "stderr"]
            .into_iter()
            .filter_map(|key| Some((key, attempt.first_text(key)?.to_owned())))
            .collect();
        Ok(Job {
            work,
            is_check: kind != "ShellCommandActivity",
            staging: staged.then(|| staging(task, attempt)).transpose()?,
            arguments: texts(attempt, "scriptArgument"),
            limits: limits(task, attempt, resource.as_deref(), now)?,
            log_uri: attempt.first_text("pipelineLogUri").map(str::to_owned),
            copies,
            secrets: attempt
                .fields
                .iter()
                .filter(|field| field.key.starts_with('*'))
                .filter_map(|field| field.value.as_text().map(str::to_owned))
                .collect(),
            component,
            instance,
            resource,
        })
    }

    /// Where copies of the logs go on S3, where that can be reached; `names` are those of the
    /// attempt's folder.
    pub(super) fn outlets(&self, reaches_s3: bool, names: &[String]) -> Outlets {
        if !reaches_s3 {
            return Outlets::default();
        }
        let folder = self.log_uri.as_deref().and_then(|uri| uri.parse::<S3Uri>().ok());
        let streams = self.copies.iter();
        let streams = streams.filter_map(|(key, uri)| Some((stream_of(key), uri.parse().ok()?)));
        Outlets {
            folder: folder.map(|base| names.iter().fold(base, |uri, name| uri.join(name))),
            streams: streams.collect(),
        }
    }
}

/// The log that the field `key` wants a copy of.
pub(super) fn stream_of(key: &str) -> &'static str {
    if key == "stdout" { STD_OUTPUT } else { STD_ERROR }
}

fn source(attempt: &Object) -> Read<Source> {
    match (attempt.first_text("command"), attempt.first_text("scriptUri")) {
        (Some(command), None) => Ok(Source::Inline(command.to_owned())),
        (None, Some(uri)) => match (local_path(uri), uri.parse()) {
            (Some(path), _) => Ok(Source::At(Place::File(path.to_owned()))),
            (None, Ok(uri)) => Ok(Source::At(Place::Object(uri))),
            (None, Err(_)) => Err(not_run_here(format!(
                "scriptUri {uri}: only file:///path, /path and s3://BUCKET/KEY are read here"
            ))),
        },
        _ => Err(TaskFailure {
            id: "InvalidActivity".into(),
            message: "exactly one of command and scriptUri is needed".into(),
            stack: String::new(),
        }),
    }
}

fn node(task: &Task, attempt: &Object) -> Read<Place> {
    let node = attempt.first_reference("node").and_then(|id| task.object(id));
    let node = node.ok_or_else(|| not_run_here("the task does not hold the node to look at"))?;
    Place::of_node(node).map_err(not_run_here)
}

fn s3_uri(attempt: &Object, key: &str) -> Read<S3Uri> {
    let text = attempt.first_text(key).unwrap_or_default();
    text.parse().map_err(|error: Error| not_run_here(format!("{key}: {}", error.message())))
}

fn staging(task: &Task, attempt: &Object) -> Read<Staging> {
    let places = |key: &str| -> Read<Vec<Place>> {
        let nodes = attempt.all(key).filter_map(FieldValue::as_reference);
        nodes
            .map(|id| {
                let node = task.object(id);
                let node = node.ok_or_else(|| not_run_here(format!("the task lacks {id}")))?;
                Place::of_node(node).map_err(not_run_here)
            })
            .collect()
    };
    Ok(Staging { inputs: places("input")?, outputs: places("output")? })
}

fn limits(
    task: &Task,
    attempt: &Object,
    resource: Option<&str>,
    now: Timestamp,
) -> Read<Vec<Limit>> {
    let mut limits = Vec::new();
    if let Some(text) = attempt.first_text("attemptTimeout") {
        limits.push(Limit {
            deadline: deadline(text, "attemptTimeout", now)?,
            failure: "AttemptTimedOut",
            message: format!("the attempt did not end within attemptTimeout ({text})"),
        });
    }
    let resource = resource.and_then(|id| task.object(id));
    if let Some((resource, text)) =
        resource.and_then(|resource| Some((resource, resource.first_text("terminateAfter")?)))
    {
        let start = resource.first_text("@actualStartTime").and_then(time).unwrap_or(now);
        limits.push(Limit {
            deadline: deadline(text, "terminateAfter", start)?,
            failure: "ResourceTimedOut",
            message: format!("{} lived past terminateAfter ({text})", resource.id),
        });
    }
    Ok(limits)
}

fn deadline(text: &str, field: &str, start: Timestamp) -> Read<Timestamp> {
    let end = text
        .parse::<Period>()
        .and_then(|period| period.after(&start.to_zoned(jiff::tz::TimeZone::UTC), 1));
    end.map(|end| end.timestamp()).map_err(|error| TaskFailure {
        id: "InvalidActivity".into(),
        message: format!("{field}: {}", error.message()),
        stack: String::new(),
    })
}

fn time(text: &str) -> Option<Timestamp> {
    match Value::time(text) {
        Ok(Value::Time(time)) => Some(time.timestamp()),
        _ => None,
    }
}

fn texts(object: &Object, key: &str) -> Vec<String> {
    object.all(key).filter_map(|value| value.as_text().map(str::to_owned)).collect()
}

fn not_run_here(message: impl Into<String>) -> TaskFailure {
    TaskFailure { id: "NotRunHere".into(), message: message.into(), stack: String::new() }
}
