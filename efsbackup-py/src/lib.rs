//! The native half of the Python package `efsbackup`: it translates, and nothing else. What
//! a Python program sees is in `python/efsbackup/`.
//!
//! | file | what is in it |
//! |---|---|
//! | `gate` | runs long work on its own thread, so that Ctrl-C and callbacks work |
//! | `errors` | the core's errors as the package's exceptions |
//! | `paths` | paths in, as the bytes they are |
//! | `mirror` | the core's `mirror` |
//! | `mount` | the core's `mount` |
//! | `snapshot` | the core's `snapshot`: taking, listing, restoring |
//! | `upkeep` | the core's `snapshot`: verifying, comparing, adopting, pruning |
//! | `definition` | the core's `pipeline`, `formats`, `params`, `draw` and `simulate` |
//! | `run` | the core's `run` |
//! | `service` | the core's `service`: plan, apply and what controls pipelines |
//! | `shared` | the core's `shard`, and shared runs |
//! | `command` | the `efsbackup` command |

mod command;
mod definition;
mod errors;
mod gate;
mod mirror;
mod mount;
mod paths;
mod run;
mod service;
mod shared;
mod snapshot;
mod upkeep;

use pyo3::prelude::*;

/// The module `efsbackup._efsbackup`.
#[pymodule(gil_used = false)]
mod _efsbackup {
    #[pymodule_export]
    use crate::command::main;
    #[pymodule_export]
    use crate::definition::NativeDefinition;
    #[pymodule_export]
    use crate::errors::error_kinds;
    #[pymodule_export]
    use crate::gate::CancelToken;
    #[pymodule_export]
    use crate::mirror::{mirror, outcomes};
    #[pymodule_export]
    use crate::mount::{mark, mount, unmount};
    #[pymodule_export]
    use crate::paths::show_path;
    #[pymodule_export]
    use crate::service::{NativePlan, NativeService};
    #[pymodule_export]
    use crate::shared::{NativeRun, begin, copy_unit, finish};
    #[pymodule_export]
    use crate::snapshot::{backup, repository_name, restore, snapshots};
    #[pymodule_export]
    use crate::upkeep::{adopt, diff, history, prune, verify};
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = efsbackup_core::VERSION;
    /// Whether it reaches AWS.
    #[pymodule_export]
    const WITH_AWS: bool = cfg!(feature = "aws");
}
