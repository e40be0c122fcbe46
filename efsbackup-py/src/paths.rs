//! Paths in, as the bytes they are.

use efsbackup_core::bytepath::BytePath;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path given as `str`, `bytes` or `os.PathLike`, encoded as `os.fsencode` does.
pub(crate) struct PathArgument(PathBuf);

impl PathArgument {
    /// The path.
    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }

    /// The same bytes as a string of the operating system.
    pub(crate) fn into_os_string(self) -> OsString {
        self.0.into_os_string()
    }
}

impl<'py> FromPyObject<'_, 'py> for PathArgument {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let encoded = object.py().import("os")?.call_method1("fsencode", (object,))?;
        let bytes = encoded.cast::<PyBytes>()?.as_bytes();
        if bytes.contains(&0) {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        Ok(PathArgument(OsStr::from_bytes(bytes).into()))
    }
}

/// `path` as text for people: what is not UTF-8 or not printable is escaped.
#[pyfunction]
pub(crate) fn show_path(path: &[u8]) -> String {
    BytePath::from(path).to_text()
}
