//! The core's `shard`, and the shared runs of `snapshot`.

use crate::errors;
use crate::gate::{self, Caller, CancelToken};
use crate::mirror::MirrorOptions;
use crate::paths::PathArgument;
use crate::snapshot::{Answer, SnapshotOptions, answer, open, to_json};
use efsbackup_core::progress::Progress;
use efsbackup_core::shard::{Cost, Plan, PlanOptions};
use efsbackup_core::snapshot::{Begun, CopiedUnit, Range, SharedRun};
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use std::sync::{Mutex, PoisonError};

/// A shared run that was begun and not ended: it holds the repository.
#[pyclass(frozen, module = "efsbackup")]
pub(crate) struct NativeRun(Mutex<Option<Begun>>);

impl NativeRun {
    fn take(&self) -> efsbackup_core::Result<Begun> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        begun.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "run").with_message("the run is over; begin anew")
        })
    }
}

#[pymethods]
impl NativeRun {
    /// Gives the repository back.
    fn close(&self, py: Python<'_>) {
        let begun = self.take();
        py.detach(|| drop(begun));
    }
}

/// What the Python half keeps as text.
fn read<T: DeserializeOwned>(text: &str) -> efsbackup_core::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "read unit").with_message(error.to_string())
    })
}

/// Begins a shared run and plans its units; gives the plan as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn begin<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    source: PathArgument,
    options: SnapshotOptions,
    copying: MirrorOptions,
    units: usize,
    max_seconds: Option<f64>,
    cost: Option<(f64, f64)>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<(NativeRun, String)> {
    let repository = open(py, &root, name)?;
    let options = options.translate(copying).map_err(|error| errors::raise(py, &error))?;
    let mut how = PlanOptions::default();
    (how.units, how.max_seconds) = (units, max_seconds);
    how.cost =
        cost.map(|(entry_seconds, bytes_per_second)| Cost { entry_seconds, bytes_per_second });
    let caller = Caller { progress: None, cancel };
    let planned = gate::run(py, &caller, |work| {
        let (source, copying) = (source.as_path(), options.mirror.clone());
        let begun = repository.backup(source).options(options).cancel(&work.cancel).begin()?;
        let plan = Plan::new(&begun, source, &copying, &how, &work.cancel)?;
        Ok((begun, plan))
    })?;
    let (begun, plan) = planned.map_err(|error: Error| errors::raise(py, &error))?;
    Ok((NativeRun(Mutex::new(Some(begun))), to_json(py, &plan)?))
}

/// Copies one unit; gives what came of it as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn copy_unit<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    source: PathArgument,
    options: SnapshotOptions,
    copying: MirrorOptions,
    run: &str,
    range: &str,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    let repository = open(py, &root, name)?;
    let caller = Caller { progress: None, cancel };
    let copied = gate::run(py, &caller, |work| {
        let (run, range): (SharedRun, Range) = (read(run)?, read(range)?);
        let options = options.translate(copying)?;
        repository.backup(source.as_path()).options(options).cancel(&work.cancel).unit(&run, &range)
    })?;
    to_json(py, &copied.map_err(|error| errors::raise(py, &error))?)
}

/// Ends a shared run of which all units were copied.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn finish<'py>(
    py: Python<'py>,
    begun: Bound<'py, NativeRun>,
    root: PathArgument,
    name: &str,
    source: PathArgument,
    options: SnapshotOptions,
    copying: MirrorOptions,
    copied: Vec<String>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<Answer<'py>> {
    let repository = open(py, &root, name)?;
    let begun = begun.get();
    let caller = Caller { progress, cancel };
    let done = gate::run(py, &caller, |work| {
        let copied =
            copied.iter().map(|text| read(text)).collect::<Result<Vec<CopiedUnit>, _>>()?;
        let options = options.translate(copying)?;
        let mut observer = |progress: &Progress| work.update(progress);
        repository
            .backup(source.as_path())
            .options(options)
            .cancel(&work.cancel)
            .progress(&mut observer)
            .finish(begun.take()?, &copied)
    })?;
    answer(py, done)
}
