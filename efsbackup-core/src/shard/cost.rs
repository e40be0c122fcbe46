//! What it takes to copy: a time for each entry, and a rate for its content.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What copying costs. Only the relation of the two matters for the balance of units.
///
/// ```
/// use efsbackup_core::shard::Cost;
///
/// let cost = Cost { entry_seconds: 0.002, bytes_per_second: 100e6 };
/// assert_eq!(cost.of(50_000_000), 0.502); // seconds, of one file of 50 MB
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds for one entry, whatever it holds.
    pub entry_seconds: f64,
    /// Bytes of content copied in a second.
    pub bytes_per_second: f64,
}

impl Cost {
    /// What one small file and the content of a larger one took to copy.
    pub(super) fn measured(small: Duration, large: Option<(u64, Duration)>) -> Cost {
        let entry_seconds = small.as_secs_f64().max(1e-6);
        let rate = large
            .map(|(bytes, took)| bytes as f64 / (took.as_secs_f64() - entry_seconds).max(1e-6));
        Cost { entry_seconds, bytes_per_second: rate.unwrap_or(Self::RATE) }
    }

    /// Bytes a second where no file was large enough to measure: what a gigabit carries. The
    /// content of such trees costs little beside their entries.
    const RATE: f64 = 1e8;

    /// The seconds that one entry with `bytes` of content takes.
    pub fn of(&self, bytes: u64) -> f64 {
        self.entry_seconds + bytes as f64 / self.bytes_per_second
    }

    pub(super) fn check(&self) -> Result<()> {
        let possible = |number: f64| number.is_finite() && number > 0.0;
        if possible(self.entry_seconds) && possible(self.bytes_per_second) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidInput, "plan")
            .with_message("the seconds an entry takes and the bytes a second are above 0"))
    }
}
