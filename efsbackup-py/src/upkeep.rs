//! The core's `snapshot`: looking at snapshots and keeping them. What is found comes as JSON.

use crate::errors;
use crate::gate::{self, Caller, CancelToken, Work};
use crate::paths::PathArgument;
use crate::snapshot::open;
use efsbackup_core::progress::Progress;
use efsbackup_core::snapshot::{BackupOptions, Repository, Retention, to_json};
use pyo3::prelude::*;

/// Runs `work` on a repository and gives what it found.
fn find<'py>(
    py: Python<'py>,
    (root, name): (&PathArgument, &str),
    caller: Caller<'py>,
    work: impl FnOnce(&Repository, &Work<'_>) -> efsbackup_core::Result<String> + Send,
) -> PyResult<String> {
    let repository = open(py, root, name)?;
    let result = gate::run(py, &caller, |inside| work(&repository, inside))?;
    result.map_err(|error| errors::raise(py, &error))
}

/// Verifies a snapshot.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    snapshot: &str,
    source: Option<PathArgument>,
    repair_from: Option<PathArgument>,
    sample: Option<f64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    find(py, (&root, name), Caller { progress, cancel }, |repository, work| {
        let mut observer = |progress: &Progress| work.update(progress);
        let mut verify = repository.verify(snapshot).cancel(&work.cancel).progress(&mut observer);
        if let Some(source) = &source {
            verify = verify.against(source.as_path());
        }
        if let Some(source) = &repair_from {
            verify = verify.repair(source.as_path());
        }
        if let Some(percent) = sample {
            verify = verify.sample(percent);
        }
        let found = verify.run()?;
        found.log(work.records);
        to_json(&found)
    })
}

/// What changed from a snapshot to another one, or to a directory.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn diff<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    snapshot: &str,
    other: Option<&str>,
    directory: Option<PathArgument>,
    contents: bool,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    find(py, (&root, name), Caller { progress: None, cancel }, |repository, work| {
        let diff = match &directory {
            Some(directory) => repository.diff_directory(snapshot, directory.as_path()),
            None => repository.diff(snapshot, other.unwrap_or_default()),
        };
        let mut changes = Vec::new();
        diff.contents(contents).cancel(&work.cancel).run(|change| changes.push(change))?;
        to_json(&changes)
    })
}

/// One path in every snapshot.
#[pyfunction]
pub(crate) fn history(
    py: Python<'_>,
    root: PathArgument,
    name: &str,
    path: PathArgument,
) -> PyResult<String> {
    find(py, (&root, name), Caller { progress: None, cancel: None }, |repository, _| {
        to_json(&repository.history(path.as_path())?)
    })
}

/// Existing folders become snapshots.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "called by the Python half only")]
pub(crate) fn adopt<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    folders: Vec<PathArgument>,
    timezone: &str,
    dry_run: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    find(py, (&root, name), Caller { progress, cancel }, |repository, work| {
        let mut observer = |progress: &Progress| work.update(progress);
        let mut named = BackupOptions::default();
        named.set_timezone(timezone)?;
        let adopt = repository.adopt(folders.iter().map(PathArgument::as_path));
        let adopt = adopt.timezone(named.timezone).dry_run(dry_run).cancel(&work.cancel);
        let adopted = adopt.progress(&mut observer).run()?;
        adopted.iter().for_each(|folder| folder.log(work.records));
        to_json(&adopted)
    })
}

/// Removes what no number of `keep` (last, hourly, daily, weekly, monthly, yearly) keeps.
#[pyfunction]
pub(crate) fn prune<'py>(
    py: Python<'py>,
    root: PathArgument,
    name: &str,
    keep: [u32; 6],
    timezone: &str,
    dry_run: bool,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    find(py, (&root, name), Caller { progress: None, cancel }, |repository, work| {
        let [last, hourly, daily, weekly, monthly, yearly] = keep;
        let retention = Retention { last, hourly, daily, weekly, monthly, yearly };
        let mut named = BackupOptions::default();
        named.set_timezone(timezone)?;
        let prune = repository.prune(retention).timezone(named.timezone).dry_run(dry_run);
        let done = prune.cancel(&work.cancel).run()?;
        done.log(work.records);
        to_json(&done)
    })
}
