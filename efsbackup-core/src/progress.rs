//! How a running operation tells what it has done so far.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

/// What an operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting until the destination is free; see [`Progress::waits_for`].
    Waiting,
    /// Walking the trees and copying.
    Copying,
    /// Removing what the source no longer has.
    Deleting,
    /// Waiting for the data to be durable.
    Syncing,
}

impl Phase {
    /// The phase's name: `waiting`, `copying`, `deleting` or `syncing`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Copying => "copying",
            Phase::Deleting => "deleting",
            Phase::Syncing => "syncing",
        }
    }
}

/// The state of an operation at one moment. All numbers are totals since its start.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Source entries looked at.
    pub entries: u64,
    /// Entries created, updated or hard-linked at the destination.
    pub entries_written: u64,
    /// Entries removed from the destination.
    pub entries_deleted: u64,
    /// Entries that failed.
    pub errors: u64,
    /// Bytes of source files looked at.
    pub bytes: u64,
    /// Bytes of content written.
    pub bytes_written: u64,
    /// Time since the operation began.
    pub elapsed: Duration,
    /// The root (source or destination) whose file server has not answered for 5 seconds. It
    /// is waited for.
    pub silent: Option<PathBuf>,
    /// Who has the destination, and until when that is waited for.
    pub waits_for: Option<String>,
}

#[cfg(feature = "snapshot")]
impl Progress {
    /// Of an operation that waits before it begins.
    pub(crate) fn waiting(waits_for: &str, elapsed: Duration) -> Progress {
        Progress {
            phase: Phase::Waiting,
            entries: 0,
            entries_written: 0,
            entries_deleted: 0,
            errors: 0,
            bytes: 0,
            bytes_written: 0,
            elapsed,
            silent: None,
            waits_for: Some(waits_for.to_owned()),
        }
    }
}

/// Receives [`Progress`] on the thread that called the operation, never concurrently,
/// a few times a second and once at the end. Returning [`ControlFlow::Break`] cancels.
///
/// Any `FnMut(&Progress) -> ControlFlow<()>` is an observer.
///
/// ```
/// use efsbackup_core::progress::{Observer, Progress};
/// use std::ops::ControlFlow;
///
/// /// Ends a run in which too much goes wrong.
/// struct AtMost(u64);
///
/// impl Observer for AtMost {
///     fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
///         match progress.errors > self.0 {
///             true => ControlFlow::Break(()),
///             false => ControlFlow::Continue(()),
///         }
///     }
/// }
/// ```
pub trait Observer {
    /// Called with the state so far.
    fn update(&mut self, progress: &Progress) -> ControlFlow<()>;
}

impl<F: FnMut(&Progress) -> ControlFlow<()>> Observer for F {
    fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
        self(progress)
    }
}
