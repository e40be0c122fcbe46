//! The core's `mount`.

use crate::errors;
use crate::gate::{self, Caller, CancelToken};
use crate::paths::PathArgument;
use efsbackup_core::mount::{self as core, MountOptions, UnmountOptions};
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use std::time::Duration;

/// The keyword arguments of `efsbackup.mount`, as the Python half passes them on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    region: Option<String>,
    az: Option<String>,
    address: Option<String>,
    access_point: Option<String>,
    tls: bool,
    iam: bool,
    read_only: bool,
    timeout: f64,
    options: Vec<String>,
}

impl Options {
    fn translate(self) -> efsbackup_core::Result<MountOptions> {
        let mut options = MountOptions::default();
        options.region = self.region;
        options.az = self.az;
        options.address = self
            .address
            .map(|address| address.parse().map_err(|_| invalid("address: not an IP address")))
            .transpose()?;
        options.access_point = self.access_point;
        options.tls = self.tls;
        options.iam = self.iam;
        options.read_only = self.read_only;
        options.timeout = seconds(self.timeout)?;
        options.options = self.options;
        Ok(options)
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "mount").with_message(message)
}

fn seconds(seconds: f64) -> efsbackup_core::Result<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid("timeout: not a number of seconds"))
}

/// Mounts, and leaves the mount in place. Says whether it had to, or in a dry run would have to.
#[pyfunction]
pub(crate) fn mount<'py>(
    py: Python<'py>,
    target: &str,
    directory: PathArgument,
    options: Options,
    dry_run: bool,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<bool> {
    let caller = Caller { progress: None, cancel };
    let result = gate::run(py, &caller, |work| {
        let (target, options) = (target.parse()?, options.translate()?);
        if dry_run {
            return Ok(core::find(&target, directory.as_path(), &options)?.is_none());
        }
        let guard = core::mount(&target, directory.as_path(), &options, &work.cancel)?;
        let was_mounted = guard.was_mounted();
        guard.keep();
        Ok(!was_mounted)
    })?;
    result.map_err(|error| errors::raise(py, &error))
}

/// Unmounts what is mounted on a directory.
#[pyfunction]
pub(crate) fn unmount<'py>(
    py: Python<'py>,
    directory: PathArgument,
    lazy: bool,
    timeout: f64,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<()> {
    let caller = Caller { progress: None, cancel };
    let result = gate::run(py, &caller, |work| {
        let mut options = UnmountOptions::default();
        options.lazy = lazy;
        options.timeout = seconds(timeout)?;
        core::unmount(directory.as_path(), &options, &work.cancel)
    })?;
    result.map_err(|error| errors::raise(py, &error))
}

/// Writes the marker of a file system's identity.
#[pyfunction]
pub(crate) fn mark(py: Python<'_>, directory: PathArgument, id: &str) -> PyResult<()> {
    let marked = py.detach(|| core::mark(directory.as_path(), id));
    marked.map(drop).map_err(|error| errors::raise(py, &error))
}
