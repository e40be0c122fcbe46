//! One tree cut into units of equal cost, for several processes or machines.
//!
//! A unit is a range of paths: plain, to be sent as JSON to wherever it is copied. There is no
//! scheduler here: units may be handed out by anything, done in any order, and done twice. One
//! process begins and ends the run; see [`snapshot::Backup::begin`](crate::snapshot::Backup::begin).
//!
//! ```no_run
//! use efsbackup_core::cancel::CancelToken;
//! use efsbackup_core::mirror::Options;
//! use efsbackup_core::shard::{Plan, PlanOptions};
//! use efsbackup_core::snapshot::Repository;
//!
//! let repository = Repository::new("/mnt/backup", "fs-0123456789abcdef0")?;
//! let source = "/mnt/source";
//! let begun = repository.backup(source).begin()?;
//! let (how, cancel) = (PlanOptions::default(), CancelToken::new());
//! let plan = Plan::new(&begun, source, &Options::default(), &how, &cancel)?;
//! let mut copied = Vec::new();
//! for unit in &plan.units {
//!     // Each of these may run on another machine.
//!     copied.push(repository.backup(source).unit(&plan.run, &unit.range)?);
//! }
//! repository.backup(source).finish(begun, &copied)?.into_result()?;
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod cost;
mod cut;
mod left;
mod measure;
mod plan;

pub use cost::Cost;
pub use plan::{Plan, PlanOptions, Unit};
