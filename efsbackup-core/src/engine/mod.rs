//! The embedded `PipelineService`, in one SQLite file.
//!
//! It runs definitions on this machine with Data Pipeline's own semantics: instances of
//! activities, resources, data nodes and preconditions in the intervals of their schedules,
//! their attempts, retries and time limits, and alarms. Whatever a worker or another
//! caller asks, first everything that is due by the [`Clock`] is done; every transition
//! is one durable transaction.
//!
//! What it does not do is refused when a definition is put or a command given, never
//! skipped: other activities than ShellCommandActivity, EmrCluster, other data than S3DataNode,
//! and preconditions on DynamoDB.

mod actions;
mod attempt_row;
mod codec;
mod commands;
mod create;
mod database;
mod dependencies;
mod describe;
mod finish;
mod group;
mod history;
mod horizon;
mod instance_row;
mod kinds;
mod links;
mod notify;
mod objects;
mod pipeline_row;
mod pipelines;
mod queue;
mod refusals;
mod rows;
mod runs;
mod schedule;
mod scope;
mod service;
mod store;
mod tasks;
mod tick;
mod turns;
mod values;
mod waiting;

use crate::clock::Clock;
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;

use group::Shared;
use store::Store;
use turns::Turns;

pub use kinds::needs_field;
pub use notify::{Notification, Outlet};
pub use runs::{AttemptSummary, RunSummary};
pub use values::{missing_values, values_for};
pub use waiting::{Retry, WaitingGroup};

/// The worker group of activities that run on an Ec2Resource: here, that is the machine
/// of any worker that polls this group.
pub const LOCAL_GROUP: &str = "efsbackup:this-machine";

/// The embedded service. Several processes may open the same file.
///
/// ```
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::engine::Engine;
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// let engine = Engine::open(&dir.path().join("state.db"), Arc::new(SystemClock))?;
/// engine.tick()?; // makes the instances that are due
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine {
    store: Shared,
    clock: Arc<dyn Clock>,
}

impl Engine {
    /// Opens the state file at `path`, made (for its owner only) if missing.
    ///
    /// # Errors
    /// `Unsupported` where the file is on a network file system, which SQLite's log does
    /// not bear, or was written by a newer release; `InvalidInput` where it is something
    /// else than this library's state.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Engine> {
        let store = Store::new(database::open(path)?).with_turns(Turns::open(path)?);
        store.read(tick::prepare)?;
        Ok(Engine { store: Shared::new(store), clock })
    }

    /// A service whose state goes with it.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Result<Engine> {
        Ok(Engine { store: Shared::new(Store::new(database::in_memory()?)), clock })
    }

    /// Says that the workers of this service reach S3
    /// ([`WorkerOptions::objects`](crate::worker::WorkerOptions::objects)); else definitions
    /// that need it are refused.
    #[must_use]
    pub fn with_s3(self) -> Engine {
        self.store.with(|store| store.set_reaches_s3(true));
        self
    }

    /// Does what is due by now: makes instances, starts, retries, ends.
    ///
    /// # Errors
    /// Where the state can't be read or written.
    pub fn tick(&self) -> Result<()> {
        self.transact(tick::all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::error::ErrorKind;
    use rusqlite::Connection;

    #[test]
    fn a_strange_or_newer_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open =
            |name: &str| Engine::open(&dir.path().join(name), Arc::new(SystemClock)).map(drop);
        std::fs::write(dir.path().join("text"), "hello, this is no database").unwrap();
        assert_eq!(open("text").unwrap_err().kind(), ErrorKind::InvalidInput);
        let other = Connection::open(dir.path().join("other")).unwrap();
        other.execute_batch("CREATE TABLE t (x)").unwrap();
        assert_eq!(open("other").unwrap_err().kind(), ErrorKind::InvalidInput);
        open("state").unwrap();
        let newer = Connection::open(dir.path().join("state")).unwrap();
        newer.pragma_update(None, "user_version", 99).unwrap();
        assert_eq!(open("state").unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn only_its_owner_can_read_the_state() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        Engine::open(&path, Arc::new(SystemClock)).unwrap();
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
