//! What a worker does, for a log.

use super::WorkerEvent;
use crate::bytepath::BytePath;
use crate::deploy::TaskFailure;
use crate::log::{Level, Record};
use std::path::Path;

impl From<&WorkerEvent> for Record {
    fn from(event: &WorkerEvent) -> Self {
        match event {
            WorkerEvent::Started { attempt, logs, .. } => started("worker", attempt, logs),
            WorkerEvent::Ended { attempt, failure } => ended("worker", attempt, failure.as_ref()),
            WorkerEvent::Recovered { attempt } => recovered("worker", attempt),
            WorkerEvent::LogsKept { attempt, message } => {
                warning("worker", format!("logs of {attempt}: {message}"))
            }
            WorkerEvent::Unreachable { message } => warning("worker", message.clone()),
        }
    }
}

pub(crate) fn started(piece: &'static str, attempt: &str, logs: &Path) -> Record {
    let message = format!("started {attempt}, logs in {}", BytePath::from(logs));
    Record { level: Level::Info, piece, message }
}

pub(crate) fn ended(piece: &'static str, attempt: &str, failure: Option<&TaskFailure>) -> Record {
    let (level, message) = match failure {
        None => (Level::Info, format!("finished {attempt}")),
        Some(TaskFailure { id, message, .. }) if id == TaskFailure::NOT_MET => {
            (Level::Info, format!("not yet {attempt}: {message}"))
        }
        Some(TaskFailure { message, stack, .. }) => {
            // The message tells the last line; nothing more is to be said of a single one.
            let lines = stack.lines().filter(|line| *line != stack || !message.ends_with(line));
            let stack = lines.map(|line| format!("\n  {line}"));
            (Level::Error, format!("failed {attempt}: {message}{}", stack.collect::<String>()))
        }
    };
    Record { level, piece, message }
}

pub(crate) fn recovered(piece: &'static str, attempt: &str) -> Record {
    let message = format!("{attempt} was cut short; what it had left running was ended");
    Record { level: Level::Warning, piece, message }
}

pub(crate) fn warning(piece: &'static str, message: String) -> Record {
    Record { level: Level::Warning, piece, message }
}
