//! Asking a running operation to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag shared between the caller and a running operation.
///
/// Clones share the flag. Setting it is one atomic store, so [`CancelToken::cancel`]
/// may be called from any thread and from a signal handler. A token stays cancelled.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
///
/// let stop = CancelToken::new();
/// let elsewhere = stop.clone();
/// std::thread::spawn(move || elsewhere.cancel()).join().unwrap();
/// assert!(stop.is_cancelled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every operation that holds a clone of this token to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A token over a flag that something else sets, such as a signal handler.
impl From<Arc<AtomicBool>> for CancelToken {
    fn from(flag: Arc<AtomicBool>) -> Self {
        CancelToken(flag)
    }
}
