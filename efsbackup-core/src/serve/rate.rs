//! A limit of requests a second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket that fills with `a second`'s worth of requests and holds as many.
pub(super) struct Rate {
    a_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(super) fn new(a_second: u32) -> Rate {
        let a_second = f64::from(a_second.max(1));
        Rate { a_second, state: Mutex::new((a_second, Instant::now())) }
    }

    /// Whether one more request may pass at `now`.
    pub(super) fn pass(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.1).as_secs_f64();
        let level = (state.0 + passed * self.a_second).min(self.a_second);
        let passes = level >= 1.0;
        *state = (if passes { level - 1.0 } else { level }, now);
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let (rate, start) = (Rate::new(10), Instant::now());
        let passed = |at: Duration| (0..100).filter(|_| rate.pass(start + at)).count();
        assert_eq!(passed(Duration::ZERO), 10);
        assert_eq!(passed(Duration::from_millis(510)), 5);
        assert_eq!(passed(Duration::from_secs(60)), 10);
    }
}
