//! The core's `service`: pipelines on AWS, of `efsbackup serve`, or embedded.

use crate::definition::{NativeDefinition, parameters};
use crate::errors;
use crate::gate::{self, Caller, CancelToken, Work};
use crate::paths::PathArgument;
use crate::snapshot::to_json;
use efsbackup_core::Result;
use efsbackup_core::deploy::{
    Activate, ApplyEvent, DefinitionVersion, Plan, Standing, StatusCommand, Tag, Until, Wanted,
};
use efsbackup_core::expression::Value;
use efsbackup_core::service::{Blocking, Service};
use efsbackup_core::wire::{Key, Keys};
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use std::time::Duration;

/// A service that was opened.
#[pyclass(frozen, module = "efsbackup._efsbackup")]
pub(crate) struct NativeService(Service);

/// A plan with what it is for.
#[pyclass(frozen, module = "efsbackup._efsbackup")]
pub(crate) struct NativePlan {
    wanted: Wanted,
    plan: Plan,
}

/// The keyword arguments of `Service.aws`.
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only AWS reads them"))]
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct AwsArguments {
    region: Option<String>,
    profile: Option<String>,
    endpoint: Option<String>,
    keys: Option<(String, String, Option<String>)>,
}

/// The keyword arguments of `Service.plan`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct PlanOptions {
    unique_id: Option<String>,
    description: Option<String>,
    tags: Option<Vec<(String, String)>>,
    activate: bool,
    start: Option<String>,
    cancel_running: bool,
    recreate: bool,
}

type Token<'py> = Option<Bound<'py, CancelToken>>;

fn tags(pairs: Vec<(String, String)>) -> Vec<Tag> {
    pairs.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

fn seconds(patience: Option<f64>) -> Result<Option<Duration>> {
    let wrong = |_| {
        Error::new(ErrorKind::InvalidInput, "wait")
            .with_message("patience: not a number of seconds")
    };
    patience.map(Duration::try_from_secs_f64).transpose().map_err(wrong)
}

/// Does `work` behind the gate.
fn behind<T: Send>(
    py: Python<'_>,
    caller: &Caller<'_>,
    work: impl FnOnce(&Work<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    gate::run(py, caller, work)?.map_err(|error| errors::raise(py, &error))
}

impl NativeService {
    /// Makes calls of the service behind the gate.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        cancel: Token<'_>,
        calls: impl FnOnce(&Blocking) -> Result<T> + Send,
    ) -> PyResult<T> {
        let caller = Caller { progress: None, cancel };
        behind(py, &caller, |work| calls(&self.0.blocking(&work.cancel)))
    }
}

#[pymethods]
impl NativeService {
    #[staticmethod]
    fn embedded(py: Python<'_>, state: PathArgument) -> PyResult<NativeService> {
        let caller = Caller { progress: None, cancel: None };
        behind(py, &caller, |_| Service::embedded(state.as_path())).map(NativeService)
    }

    #[staticmethod]
    fn remote(
        py: Python<'_>,
        endpoint: &str,
        key: Option<(String, String)>,
        file: Option<PathArgument>,
    ) -> PyResult<NativeService> {
        let open = || {
            let keys = match (key, &file) {
                (Some((id, secret)), _) => Keys::new([Key::new(id, secret)?]),
                (None, Some(file)) => Keys::from_file(file.as_path())?,
                (None, None) => Keys::from_environment()?,
            };
            Service::remote(endpoint, keys)
        };
        open().map(NativeService).map_err(|error| errors::raise(py, &error))
    }

    #[staticmethod]
    fn aws<'py>(
        py: Python<'py>,
        options: AwsArguments,
        cancel: Token<'py>,
    ) -> PyResult<NativeService> {
        let caller = Caller { progress: None, cancel };
        behind(py, &caller, |work| options.open(work)).map(NativeService)
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn plan<'py>(
        &self,
        py: Python<'py>,
        name: String,
        definition: &NativeDefinition,
        values: Vec<(String, String)>,
        options: PlanOptions,
        cancel: Token<'py>,
    ) -> PyResult<NativePlan> {
        let mut definition = definition.document().definition.clone();
        let values = parameters(values);
        self.call(py, cancel, |calls| {
            definition.values.retain(|old| values.iter().all(|new| new.id != old.id));
            definition.values.extend(values);
            let mut wanted = Wanted::new(name, definition);
            wanted.unique_id = options.unique_id;
            wanted.description = options.description;
            wanted.tags = options.tags.map(tags);
            wanted.activate = options.activate;
            wanted.start = options.start.as_deref().map(Value::instant).transpose()?;
            wanted.cancel_running = options.cancel_running;
            wanted.recreate = options.recreate;
            let plan = calls.plan(&wanted)?;
            Ok(NativePlan { wanted, plan })
        })
    }

    fn apply<'py>(
        &self,
        py: Python<'py>,
        plan: &NativePlan,
        activate: bool,
        patience: Option<f64>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        let caller = Caller { progress: None, cancel };
        behind(py, &caller, |work| {
            let calls = self.0.blocking(&work.cancel);
            let active = match activate && !plan.wanted.activate {
                true => Some(calls.plan_active(&plan.wanted, &plan.plan)?),
                false => None,
            };
            let (wanted, plan) =
                active.as_ref().map_or((&plan.wanted, &plan.plan), |(wanted, plan)| (wanted, plan));
            let mut tell = |event: &ApplyEvent<'_>| work.records.tell(event);
            calls.apply(wanted, plan, seconds(patience)?, &mut tell)
        })
    }

    fn activate<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        values: Vec<(String, String)>,
        start: Option<String>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        self.call(py, cancel, |calls| {
            let start = start.as_deref().map(Value::instant).transpose()?;
            calls.activate(pipeline, &Activate { values: parameters(values), start })
        })
    }

    fn deactivate<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        finish: bool,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        self.call(py, cancel, |calls| calls.deactivate(pipeline, !finish))
    }

    fn delete<'py>(&self, py: Python<'py>, pipeline: &str, cancel: Token<'py>) -> PyResult<String> {
        self.call(py, cancel, |calls| calls.delete(pipeline))
    }

    fn tag<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        pairs: Vec<(String, String)>,
        remove: Vec<String>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        self.call(py, cancel, |calls| calls.tag(pipeline, &tags(pairs), &remove))
    }

    /// How far it then is, as JSON.
    fn wait<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        until: &str,
        patience: Option<f64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        let caller = Caller { progress, cancel };
        behind(py, &caller, |work| {
            let until: Until = until.parse()?;
            let mut tell = |standing: &Standing| work.standing(standing);
            let calls = self.0.blocking(&work.cancel);
            let done = calls.wait_until(pipeline, until, seconds(patience)?, &mut tell)?;
            Ok(done.1.to_json(&done.0).to_string())
        })
    }

    /// Of one pipeline or of all, as JSON.
    fn status<'py>(
        &self,
        py: Python<'py>,
        pipeline: Option<&str>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        let found = self.call(py, cancel, |calls| match pipeline {
            Some(pipeline) => Ok(vec![calls.status(pipeline)?]),
            None => calls.statuses(),
        })?;
        to_json(py, &found)
    }

    /// Instances, as JSON.
    fn runs<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        last: Option<usize>,
        cancel: Token<'py>,
    ) -> PyResult<String> {
        let found = self.call(py, cancel, |calls| calls.runs(pipeline, last))?;
        to_json(py, &found)
    }

    /// Commands instances; their ids.
    fn command<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        instances: Vec<String>,
        status: Option<&str>,
        command: &str,
        cancel: Token<'py>,
    ) -> PyResult<Vec<String>> {
        self.call(py, cancel, |calls| {
            let command: StatusCommand = command.parse()?;
            Ok(calls.command(pipeline, &instances, status, command)?.1)
        })
    }

    /// A plan for a copy of a pipeline.
    fn copy<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        name: &str,
        activate: bool,
        cancel: Token<'py>,
    ) -> PyResult<NativePlan> {
        self.call(py, cancel, |calls| {
            let wanted = Wanted { activate, ..calls.copy_of(pipeline, name)? };
            let plan = calls.plan(&wanted)?;
            Ok(NativePlan { wanted, plan })
        })
    }

    fn definition<'py>(
        &self,
        py: Python<'py>,
        pipeline: &str,
        active: bool,
        cancel: Token<'py>,
    ) -> PyResult<NativeDefinition> {
        let version = if active { DefinitionVersion::Active } else { DefinitionVersion::Latest };
        let found = self.call(py, cancel, |calls| calls.definition(pipeline, version))?;
        Ok(NativeDefinition::new(found.into()))
    }
}

#[pymethods]
impl NativePlan {
    /// All of it, as JSON.
    fn document(&self) -> String {
        self.plan.to_json(None).to_string()
    }

    /// What differs from the definition that is there.
    fn changes(&self) -> Vec<crate::definition::Change> {
        crate::definition::changes(self.plan.changes.clone())
    }
}

impl AwsArguments {
    #[cfg(feature = "aws")]
    fn open(self, work: &Work<'_>) -> Result<Service> {
        use efsbackup_core::aws::{AwsOptions, Credentials};
        let credentials = self.keys.map(|(id, secret, token)| Credentials { id, secret, token });
        let options = AwsOptions {
            region: self.region,
            profile: self.profile,
            endpoint: self.endpoint,
            credentials,
            ..AwsOptions::default()
        };
        Service::aws(&options, &work.cancel)
    }

    #[cfg(not(feature = "aws"))]
    fn open(self, _: &Work<'_>) -> Result<Service> {
        Err(Error::new(ErrorKind::Unsupported, "aws").with_message(
            "this module was built without AWS; build it with the feature `aws`, as `make dist` does",
        ))
    }
}
