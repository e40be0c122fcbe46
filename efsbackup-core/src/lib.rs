//! Exact, fast and safe backups of Amazon EFS and other NFS file systems, and
//! AWS Data Pipeline definitions that also run without AWS.
//!
//! The pieces are independent; each is a cargo feature of the same name.
//!
//! | piece | what it does |
//! |---|---|
//! | [`mirror`] | makes one tree equal to another, exact as `rsync -aHAX --numeric-ids --delete` |
//! | [`mount`] | tells which file system a path is on |
//! | [`snapshot`] | dated, immutable, hard-linked snapshots made by `mirror` |
//! | [`shard`] | one tree cut into units of equal cost, for several machines |
//! | [`expression`] | the `#{…}` language of Data Pipeline |
//! | [`pipeline`] | the model of a pipeline definition, its catalogue, builders and checks |
//! | [`params`] | parameter values, and resolving a definition with them |
//! | [`formats`] | the same definition as AWS CLI JSON, API JSON, CloudFormation or Terraform |
//! | [`draw`] | a definition as a picture |
//! | [`recipe`] | one backup spec made into a whole pipeline definition |
//! | [`stack`] | what stands around that pipeline, and other runners for the same backup |
//! | [`deploy`] | `PipelineService`, the API of Data Pipeline as a trait |
//! | `aws`, `s3` | AWS's own services behind the traits of `deploy` |
//! | [`engine`] | that service embedded, in one SQLite file |
//! | [`service`] | a service, whichever it is, and calls to it that wait |
//! | [`worker`] | polls a service and runs its tasks on this machine |
//! | [`simulate`] | the engine on a clock that jumps: what a definition would do, and when |
//! | [`run`] | engine and worker in one: a definition run on this machine |

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod bytepath;
pub mod cancel;
pub mod error;
pub mod log;
pub mod progress;

#[cfg(feature = "pipeline")]
pub mod expression;
#[cfg(feature = "pipeline")]
pub mod formats;
#[cfg(feature = "pipeline")]
pub mod params;
#[cfg(feature = "pipeline")]
pub mod pipeline;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(any(feature = "pipeline", feature = "snapshot"))]
pub mod clock;
#[cfg(feature = "deploy")]
pub mod deploy;
#[cfg(feature = "draw")]
pub mod draw;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "mirror")]
pub mod mirror;
#[cfg(feature = "mount")]
pub mod mount;
#[cfg(feature = "recipe")]
pub mod recipe;
#[cfg(all(feature = "engine", feature = "worker"))]
pub mod run;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "shard")]
pub mod shard;
#[cfg(all(feature = "engine", feature = "worker"))]
pub mod simulate;
#[cfg(feature = "snapshot")]
pub mod snapshot;
#[cfg(feature = "stack")]
pub mod stack;
#[cfg(feature = "wire")]
pub mod wire;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "cli")]
pub mod cli;

pub use error::{Error, ErrorKind, Result};

/// The version of this library, as in its `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The programs of the guide and the README, which documentation tests compile, and run where
/// they need nothing of the machine.
#[cfg(all(doctest, feature = "cli"))]
mod guides {
    #[doc = include_str!("../../docs/rust.md")]
    mod rust {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
}
