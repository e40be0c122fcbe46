//! The core's `pipeline`, `formats`, `params` and `draw`: definitions and what is done with them.

use crate::errors;
use crate::gate::{self, Caller, CancelToken, Work};
use crate::paths::PathArgument;
use crate::run::{self, RunOptions};
use efsbackup_core::Result;
use efsbackup_core::draw::{Options, Picture};
use efsbackup_core::expression::Value;
use efsbackup_core::formats::{Document, Reader, fold_arguments};
use efsbackup_core::params::{self, Given, Moment, mask};
use efsbackup_core::pipeline::{self, FieldValue, MASK, ParameterValue, Severity};
use efsbackup_core::simulate::{self, Plan, Simulation};
use efsbackup_core::snapshot::to_json;
use pyo3::prelude::*;

/// A definition as it was read, with the rest of its file.
#[pyclass(frozen, module = "efsbackup._efsbackup")]
pub(crate) struct NativeDefinition(Document);

/// Code, whether it is an error, object, field, text.
type Finding = (String, bool, Option<String>, Option<String>, String);
/// Place, old values, new values, whether it is in the old and in the new definition.
pub(crate) type Change = (String, Vec<String>, Vec<String>, bool, bool);

#[pymethods]
impl NativeDefinition {
    /// Reads a definition in any form.
    #[staticmethod]
    fn read(
        py: Python<'_>,
        text: &[u8],
        lenient: bool,
        pipeline: Option<&str>,
    ) -> PyResult<NativeDefinition> {
        let read = reader(lenient, pipeline).read(text);
        read.map(NativeDefinition).map_err(|error| errors::raise(py, &error))
    }

    /// As `read`, from a file.
    #[staticmethod]
    fn load(
        py: Python<'_>,
        path: PathArgument,
        lenient: bool,
        pipeline: Option<&str>,
    ) -> PyResult<NativeDefinition> {
        let read = py.detach(|| reader(lenient, pipeline).read_path(path.as_path()));
        read.map(NativeDefinition).map_err(|error| errors::raise(py, &error))
    }

    /// The form it was read from.
    #[getter]
    fn form(&self) -> &'static str {
        self.0.format.name()
    }

    /// The pipeline's name in its file.
    #[getter]
    fn pipeline(&self) -> Option<&str> {
        self.0.pipeline()
    }

    /// Writes it in a form, with the arguments of commands in the commands if `fold` says so.
    fn write(&self, py: Python<'_>, form: &str, fold: bool) -> PyResult<String> {
        let written = form.parse().and_then(|format| {
            let mut document = self.0.clone();
            if fold {
                fold_arguments(&mut document.definition)?;
            }
            document.write(format)
        });
        written.map_err(|error| errors::raise(py, &error))
    }

    /// What the file holds that a form leaves behind.
    fn left_behind(&self, py: Python<'_>, form: &str) -> PyResult<Vec<String>> {
        let format = form.parse().map_err(|error| errors::raise(py, &error))?;
        Ok(self.0.left_behind(format))
    }

    /// What is wrong with it.
    fn validate(&self) -> Vec<Finding> {
        let findings = self.0.definition.validate().findings;
        let finding = findings.into_iter().map(|found| {
            let is_error = found.severity == Severity::Error;
            (found.code.to_string(), is_error, found.object, found.field, found.text)
        });
        finding.collect()
    }

    /// It with values put in; what is a secret stays as it is written. And the parameters,
    /// and what is left unresolved, as JSON.
    fn resolve(
        &self,
        py: Python<'_>,
        values: Vec<(String, String)>,
        options: ResolveOptions,
    ) -> PyResult<(NativeDefinition, String)> {
        self.resolved(values, options).map_err(|error| errors::raise(py, &error))
    }

    /// What would be over a span of time, as JSON.
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        values: Vec<(String, String)>,
        options: SimulateOptions,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> PyResult<String> {
        let caller = Caller { progress: None, cancel };
        let done = gate::run(py, &caller, |work| self.simulated(values, &options, work))?;
        done.map_err(|error| errors::raise(py, &error))
    }

    /// Runs it on this machine; what came of it, as JSON.
    fn run<'py>(
        &self,
        py: Python<'py>,
        values: Vec<(String, String)>,
        options: RunOptions,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> PyResult<String> {
        let caller = Caller { progress: None, cancel };
        let done = gate::run(py, &caller, |work| {
            run::run(&self.0.definition, parameters(values), options, work)
        })?;
        done.map_err(|error| errors::raise(py, &error))
    }

    /// What is different in `new`; secrets are covered.
    fn diff(&self, new: &NativeDefinition) -> Vec<Change> {
        changes(self.0.definition.diff(&new.0.definition))
    }

    /// A picture of it.
    fn draw(
        &self,
        py: Python<'_>,
        kind: &str,
        theme: &str,
        states: Vec<(String, String)>,
    ) -> PyResult<String> {
        let raise = |error| errors::raise(py, &error);
        let picture: Picture = kind.parse().map_err(raise)?;
        let theme = theme.parse().map_err(raise)?;
        Ok(picture.draw(&self.0.definition, &Options { theme, states }))
    }
}

/// How a definition is resolved.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct ResolveOptions {
    at: Option<String>,
    node: Option<String>,
    runtime: Vec<(String, String)>,
    simulated: bool,
    parameters_only: bool,
    inherited: bool,
    require_values: bool,
}

/// How a definition is simulated.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SimulateOptions {
    start: Option<String>,
    until: Option<String>,
    takes: Vec<String>,
    fail: Vec<String>,
    lose: Vec<String>,
}

fn reader(lenient: bool, pipeline: Option<&str>) -> Reader {
    let reader = Reader::new().lenient(lenient);
    match pipeline {
        Some(name) => reader.pipeline(name),
        None => reader,
    }
}

/// Values of parameters.
pub(crate) fn parameters(values: Vec<(String, String)>) -> Vec<ParameterValue> {
    values.into_iter().map(|(id, value)| ParameterValue::new(id, value)).collect()
}

/// Changes, as the Python half takes them; secrets are covered.
pub(crate) fn changes(changes: Vec<pipeline::Change>) -> Vec<Change> {
    let change = changes.into_iter().map(|change| {
        let secret = change.is_secret();
        let shown = |value: &FieldValue| match value {
            _ if secret => MASK.to_owned(),
            FieldValue::Text(text) => text.clone(),
            FieldValue::Reference(id) => format!("→ {id}"),
            FieldValue::Intrinsic(function) => format!("({})", function.function),
        };
        let [old, new] =
            [&change.old, &change.new].map(|values| values.iter().map(shown).collect());
        let (before, after) = change.present;
        (change.place(), old, new, before, after)
    });
    change.collect()
}

impl NativeDefinition {
    pub(crate) fn new(document: Document) -> Self {
        NativeDefinition(document)
    }

    pub(crate) fn document(&self) -> &Document {
        &self.0
    }

    fn resolved(
        &self,
        values: Vec<(String, String)>,
        options: ResolveOptions,
    ) -> Result<(NativeDefinition, String)> {
        let how = params::Options::default()
            .fields(!options.parameters_only)
            .inherited(options.inherited)
            .require_values(options.require_values);
        let (definition, values) = (&self.0.definition, parameters(values));
        let resolved = match options.at {
            Some(at) => {
                let mut moment = Moment::new(Value::instant(&at)?).simulated(options.simulated);
                if let Some(node) = options.node {
                    moment = moment.node(node);
                }
                let runtime = options.runtime.into_iter();
                let moment =
                    runtime.fold(moment, |moment, (name, value)| moment.runtime(name, value));
                params::resolve_at(definition, &values, &moment, how)?
            }
            None => params::resolve(definition, &values, how)?,
        };
        let mut document = self.0.clone();
        document.definition = mask(&resolved.definition);
        Ok((NativeDefinition(document), resolved.to_json(&Given::default()).to_string()))
    }

    fn simulated(
        &self,
        values: Vec<(String, String)>,
        options: &SimulateOptions,
        work: &Work<'_>,
    ) -> Result<String> {
        let (definition, values) = (&self.0.definition, parameters(values));
        let mut plan = Plan::default();
        for takes in &options.takes {
            plan = plan.takes(takes.parse()?);
        }
        for fail in &options.fail {
            plan = plan.fail(fail.parse()?);
        }
        for lose in &options.lose {
            plan = plan.lose(lose.parse()?);
        }
        plan.check(definition)?;
        let time = |text: &Option<String>| text.as_deref().map(Value::instant).transpose();
        let (start, until) = (time(&options.start)?, time(&options.until)?);
        let span = simulate::span(definition, &values, start, until)?;
        let simulation = Simulation::new(span).cancel(&work.cancel);
        let simulation = values.into_iter().fold(simulation, Simulation::value);
        to_json(&simulation.run(definition, &mut |attempt| plan.play(attempt))?)
    }
}
