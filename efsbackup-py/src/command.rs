//! The `efsbackup` command, as the wheel installs it.

use crate::paths::PathArgument;
use pyo3::prelude::*;
use std::io::Write;

/// Runs the command with `arguments` (the program's name first) and returns its exit status.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<PathArgument>) -> u8 {
    py.detach(|| {
        let arguments = arguments.into_iter().map(PathArgument::into_os_string);
        let status = efsbackup_core::cli::main(arguments);
        // Rust flushes at the end of its own `main` only; an error has nobody left to hear it.
        let _unheard = std::io::stdout().flush();
        status
    })
}
