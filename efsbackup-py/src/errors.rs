//! The core's errors as the package's exceptions.
//!
//! The classes are Python's (`efsbackup/_errors.py`), so that one wheel serves every Python
//! version and exceptions can be pickled.

use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

/// The exception that `error` means, not raised yet.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static FROM_CORE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FROM_CORE.import(py, "efsbackup._errors", "from_core")?.call1((
        error.kind().name(),
        error.op(),
        error.to_string(),
        error.path().map(|path| PyBytes::new(py, path.as_bytes())),
        error.errno(),
        causes(error),
    ))
}

/// `error` as an exception to raise.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// The exception that a run's `into_result` means; `None` when all is well.
pub(crate) fn of_outcome<T>(
    py: Python<'_>,
    result: efsbackup_core::Result<T>,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    result.err().map(|error| exception(py, &error)).transpose()
}

/// The causes of `error`, the nearest first.
fn causes(error: &Error) -> Vec<String> {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |cause| cause.source()).map(ToString::to_string).collect()
}

/// The name and number of every kind of error.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<(&'static str, i32)> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.code())).collect()
}
