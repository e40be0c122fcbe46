//! The C interface of efsbackup: `include/efsbackup.h`, generated from this crate.
//!
//! | file | what is in it |
//! |---|---|
//! | `guard` | the edge every exported function stands behind: panics and NULL stop there |
//! | `handle` | Rust values that C holds by an opaque pointer |
//! | `status` | `efsb_status` and its table |
//! | `error` | `efsb_error`, and the last error of each thread |
//! | `option_struct` | option structs of programs compiled with another header |
//! | `text` | strings and paths in and out |
//! | `cancel`, `progress` | asking a call to stop, hearing how far it is |
//! | `mirror_options`, `mirror`, `report` | the core's `mirror` |
//! | `backup_options`, `repository`, `snapshot` | the core's `snapshot` |
//! | `mount_options`, `mount` | the core's `mount` |
//! | `definition`, `finding` | the core's `pipeline`, `formats` and `draw` |
//! | `definition_options`, `definition_values` | the core's `params` and `simulate` |
//! | `service_options`, `service`, `service_calls` | the core's `service` and `run` |
//! | `log` | hearing what a call does |
//! | `version` | the versions of library and ABI |
//!
//! Types and functions carry the names they have in C.

#![allow(non_camel_case_types)]

mod backup_options;
mod cancel;
mod definition;
mod definition_options;
mod definition_values;
mod error;
mod finding;
mod guard;
mod handle;
mod log;
mod mirror;
mod mirror_options;
mod mount;
mod mount_options;
mod option_struct;
mod progress;
mod report;
mod repository;
mod restore;
mod service;
mod service_calls;
mod service_options;
mod snapshot;
mod status;
mod text;
mod upkeep;
mod version;

pub use backup_options::*;
pub use cancel::*;
pub use definition::*;
pub use definition_options::*;
pub use definition_values::*;
pub use error::*;
pub use finding::*;
pub use log::*;
pub use mirror::*;
pub use mirror_options::*;
pub use mount::*;
pub use mount_options::*;
pub use progress::*;
pub use report::*;
pub use repository::*;
pub use restore::*;
pub use service::*;
pub use service_calls::*;
pub use service_options::*;
pub use snapshot::*;
pub use status::*;
pub use text::*;
pub use upkeep::*;
pub use version::*;
