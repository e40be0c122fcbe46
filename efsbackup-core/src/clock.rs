//! Where the time comes from, so that tests and simulations can bring their own.

use jiff::Timestamp;
use std::time::Duration;

/// A source of the current time that can also wait.
///
/// ```
/// use efsbackup_core::clock::Clock;
/// use jiff::Timestamp;
/// use std::time::Duration;
///
/// /// It is always noon.
/// struct Noon;
///
/// impl Clock for Noon {
///     fn now(&self) -> Timestamp {
///         "2026-03-01T12:00:00Z".parse().unwrap_or_default()
///     }
///
///     fn sleep(&self, _duration: Duration) {}
/// }
/// assert_eq!(Noon.now().to_string(), "2026-03-01T12:00:00Z");
/// ```
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
    /// Waits for `duration`.
    fn sleep(&self, duration: Duration);
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
