//! The core's `run`: a definition run on this machine.

use crate::gate::Work;
use crate::paths::PathArgument;
use efsbackup_core::Result;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::expression::Value;
use efsbackup_core::pipeline::{Definition, ParameterValue};
use efsbackup_core::run::{Run, RunEvent};
use pyo3::prelude::*;
use std::sync::Arc;

/// The keyword arguments of `efsbackup.run`, as the Python half passes them on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct RunOptions {
    name: String,
    log_dir: PathArgument,
    state: Option<PathArgument>,
    once: bool,
    until: Option<String>,
    tasks: usize,
    environment: Vec<(PathArgument, PathArgument)>,
}

/// Runs `definition`; what came of it, as JSON.
pub(crate) fn run(
    definition: &Definition,
    values: Vec<ParameterValue>,
    options: RunOptions,
    work: &Work<'_>,
) -> Result<String> {
    let mut run =
        Run::new(options.name, options.log_dir.as_path()).once(options.once).tasks(options.tasks);
    if let Some(state) = &options.state {
        run = run.state(state.as_path());
    }
    if let Some(until) = &options.until {
        run = run.until(Value::instant(until)?);
    }
    run = values.into_iter().fold(run, Run::value);
    for (name, value) in options.environment {
        run = run.variable(name.into_os_string(), value.into_os_string());
    }
    let mut told = Vec::new();
    let report = run.run(definition, Arc::new(SystemClock), &work.cancel, &mut |event| {
        work.records.tell(event);
        if let RunEvent::Notified(notification) = event {
            told.push((*notification).clone());
        }
    })?;
    Ok(report.to_json(&told).to_string())
}
