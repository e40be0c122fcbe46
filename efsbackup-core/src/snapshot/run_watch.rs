//! Telling a process of a shared run that the run is over, while it copies.

use super::lease::Found;
use super::lock::Lock;
use super::repeated::Repeated;
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often is looked. A look is one lease opened and read.
const EVERY: Duration = Duration::from_secs(1);

/// Looks whether a run still holds the repository, until this is dropped. No executor can stop
/// what is under way in another process; this way it stops by itself, soon after whoever began
/// the run has given the repository back or was killed.
#[derive(Debug)]
pub(super) struct RunWatch {
    over: Arc<AtomicBool>,
    _looks: Repeated,
}

impl RunWatch {
    /// Watches the run whose lease is called by `token`.
    pub(super) fn begin(lock: &Lock, token: &str) -> Result<RunWatch> {
        let (control, token) = (lock.control()?, token.to_owned());
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let looks = Repeated::every(EVERY, move || {
            // What can't be looked at now is looked at again.
            if matches!(Found::of(&control, &token), Ok(None)) {
                told.store(true, Ordering::Release);
            }
        })?;
        Ok(RunWatch { over, _looks: looks })
    }

    /// Whether the run is known to be over.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}
