//! A task, read as something this machine can run.

use crate::deploy::{Task, TaskFailure};
use crate::expression::{Period, Value};
use crate::pipeline::Object;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// What is read, or why the task can't be run here.
type Read<T> = Result<T, TaskFailure>;

/// What a ShellCommandActivity's attempt says.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) component: String,
    pub(super) instance: String,
    pub(super) source: Source,
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

/// Where the script is.
#[derive(Debug)]
pub(super) enum Source {
    Inline(String),
    File(PathBuf),
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
        if kind != "ShellCommandActivity" {
            return Err(not_run_here(format!("{kind} does not run on this machine")));
        }
        if attempt.first_text("stage").is_some_and(|stage| stage.eq_ignore_ascii_case("true")) {
            return Err(not_run_here("stage = true: data nodes are not staged on this machine"));
        }
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
            source: source(attempt)?,
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
}

fn source(attempt: &Object) -> Read<Source> {
    match (attempt.first_text("command"), attempt.first_text("scriptUri")) {
        (Some(command), None) => Ok(Source::Inline(command.to_owned())),
        (None, Some(uri)) => match local_path(uri) {
            Some(path) => Ok(Source::File(path.to_owned())),
            None => Err(not_run_here(format!(
                "scriptUri {uri}: only file:///path or /path is read here"
            ))),
        },
        _ => Err(TaskFailure {
            id: "InvalidActivity".into(),
            message: "exactly one of command and scriptUri is needed".into(),
            stack: String::new(),
        }),
    }
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

/// The path that `file:///path` or `/path` names.
pub(super) fn local_path(uri: &str) -> Option<&Path> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    path.starts_with('/').then(|| Path::new(path))
}

fn not_run_here(message: impl Into<String>) -> TaskFailure {
    TaskFailure { id: "NotRunHere".into(), message: message.into(), stack: String::new() }
}
