//! The core's `snapshot`.
//!
//! A repository is no more than a folder and a name until an operation runs, so each function
//! is given both and no object is kept here.

use crate::errors;
use crate::gate::{self, Caller, CancelToken};
use crate::mirror::{MirrorOptions, percent};
use crate::paths::PathArgument;
use efsbackup_core::progress::Progress;
use efsbackup_core::snapshot::{BackupOptions, BackupReport, Repository};
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use serde::Serialize;

/// A document in JSON, and the exception to raise unless the caller checks the outcome.
pub(crate) type Answer<'py> = (String, Option<Bound<'py, PyAny>>);

/// The keyword arguments of `Repository.backup` but those of the copying.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SnapshotOptions {
    timezone: String,
    expect_id: Option<String>,
    expect_destination_id: Option<String>,
    require_existing: bool,
    max_shrink: String,
    accept_clock: bool,
    run_id: Option<String>,
    keep_last: u32,
    keep_hourly: u32,
    keep_daily: u32,
    keep_weekly: u32,
    keep_monthly: u32,
    keep_yearly: u32,
}

impl SnapshotOptions {
    pub(crate) fn translate(self, copying: MirrorOptions) -> efsbackup_core::Result<BackupOptions> {
        let mut options = BackupOptions::default();
        options.set_timezone(&self.timezone)?;
        options.expect_id = self.expect_id;
        options.expect_destination_id = self.expect_destination_id;
        options.require_existing = self.require_existing;
        options.max_shrink = percent(&self.max_shrink).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "backup")
                .with_message("max_shrink: give a share such as '50%'")
        })?;
        options.accept_clock = self.accept_clock;
        options.run_id = self.run_id;
        options.retention.last = self.keep_last;
        options.retention.hourly = self.keep_hourly;
        options.retention.daily = self.keep_daily;
        options.retention.weekly = self.keep_weekly;
        options.retention.monthly = self.keep_monthly;
        options.retention.yearly = self.keep_yearly;
        options.mirror = copying.translate()?;
        Ok(options)
    }
}

pub(crate) fn to_json(py: Python<'_>, document: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(document).map_err(|error| {
        errors::raise(py, &Error::new(ErrorKind::Internal, "write").with_source(error))
    })
}

pub(crate) fn open(py: Python<'_>, root: &PathArgument, name: &str) -> PyResult<Repository> {
    Repository::new(root.as_path(), name).map_err(|error| errors::raise(py, &error))
}

/// The name of the repository that is meant: `name` if it is a possible one, else the only one
/// under `root`.
#[pyfunction]
pub(crate) fn repository_name(
    py: Python<'_>,
    root: PathArgument,
    name: Option<&str>,
) -> PyResult<String> {
    let repository = match name {
        Some(name) => open(py, &root, name)?,
        None => py
            .detach(|| Repository::only(root.as_path()))
            .map_err(|error| errors::raise(py, &error))?,
    };
    Ok(repository.name().to_owned())
}

/// Takes a snapshot.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn backup<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    source: PathArgument,
    options: SnapshotOptions,
    copying: MirrorOptions,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<Answer<'py>> {
    let repository = open(py, &root, name)?;
    let options = options.translate(copying).map_err(|error| errors::raise(py, &error))?;
    let caller = Caller { progress, cancel };
    let result = gate::run(py, &caller, |work| {
        let mut observer = |progress: &Progress| work.update(progress);
        let backup = repository
            .backup(source.as_path())
            .options(options)
            .cancel(&work.cancel)
            .progress(&mut observer);
        let done = match work.entries() {
            Some(listener) => backup.listener(listener).run(),
            None => backup.run(),
        }?;
        done.log(work.records);
        Ok(done)
    })?;
    answer(py, result)
}

/// What a backup did, for the Python half.
pub(crate) fn answer(
    py: Python<'_>,
    done: efsbackup_core::Result<BackupReport>,
) -> PyResult<Answer<'_>> {
    let done = done.map_err(|error| errors::raise(py, &error))?;
    let json = to_json(py, &done)?;
    Ok((json, errors::of_outcome(py, done.into_result())?))
}

/// Every snapshot of a repository, as JSON.
#[pyfunction]
pub(crate) fn snapshots(py: Python<'_>, root: PathArgument, name: &str) -> PyResult<String> {
    let repository = open(py, &root, name)?;
    let caller = Caller { progress: None, cancel: None };
    let result = gate::run(py, &caller, |_| repository.snapshots())?;
    to_json(py, &result.map_err(|error| errors::raise(py, &error))?)
}

/// Copies a snapshot, or some entries of it, out of a repository.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn restore<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    snapshot: &str,
    destination: PathArgument,
    entries: Vec<PathArgument>,
    in_place: bool,
    undo: bool,
    copying: MirrorOptions,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<Answer<'py>> {
    let repository = open(py, &root, name)?;
    let options = copying.translate().map_err(|error| errors::raise(py, &error))?;
    let caller = Caller { progress, cancel };
    let result = gate::run(py, &caller, |work| {
        let mut observer = |progress: &Progress| work.update(progress);
        let mut restore = repository
            .restore(snapshot, destination.as_path())
            .in_place(in_place)
            .undo(undo)
            .options(options)
            .cancel(&work.cancel)
            .progress(&mut observer);
        for entry in &entries {
            restore = restore.entry(entry.as_path());
        }
        if let Some(listener) = work.entries() {
            restore = restore.listener(listener);
        }
        let done = restore.run()?;
        done.log(work.records);
        Ok(done)
    })?;
    let done = result.map_err(|error| errors::raise(py, &error))?;
    let json = to_json(py, &done)?;
    Ok((json, errors::of_outcome(py, done.report.into_result())?))
}
