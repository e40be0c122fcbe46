//! Holding a run to so many bytes and so many operations a second.

use super::calls;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much of a second may be done at once after a time of doing less.
const BURST: Duration = Duration::from_millis(100);
/// The longest wait for one piece; an instant is not to overflow.
const LONGEST: Duration = Duration::from_secs(1 << 30);
/// Content is copied in pieces of at least this many bytes, whatever the limit.
const PIECE: usize = 64 << 10;

/// What all threads of a run together may do in a second.
pub(super) struct Limits {
    bytes: Option<Bucket>,
    operations: Option<Bucket>,
    begin: Instant,
}

impl Limits {
    pub(super) fn new(bytes: Option<NonZeroU64>, operations: Option<NonZeroU64>) -> Self {
        let (bytes, operations) = (bytes.map(Bucket::new), operations.map(Bucket::new));
        Limits { bytes, operations, begin: calls::now() }
    }

    /// How much content to copy before paying for it.
    pub(super) fn piece(&self) -> usize {
        let Some(bytes) = &self.bytes else { return usize::MAX };
        usize::try_from(bytes.rate.get() / 10).unwrap_or(usize::MAX).max(PIECE)
    }

    /// Pays for `bytes` of content and for the calls that this thread made since it last
    /// paid. Returns until when to wait before doing more.
    pub(super) fn pay(&self, bytes: u64) -> Option<Instant> {
        if self.bytes.is_none() && self.operations.is_none() {
            return None;
        }
        let now = calls::now();
        let since = now.saturating_duration_since(self.begin);
        let pay = |bucket: &Option<Bucket>, amount| bucket.as_ref().map(|b| b.pay(amount, since));
        let until = pay(&self.bytes, bytes).max(pay(&self.operations, calls::take_count()))?;
        Some(now + until.saturating_sub(since).min(LONGEST))
    }
}

/// What is done is paid for afterwards, with time: the next to come waits until all is paid.
struct Bucket {
    /// A second's worth.
    rate: NonZeroU64,
    /// Up to when, since the run began, the time is spent.
    spent: Mutex<Duration>,
}

impl Bucket {
    fn new(rate: NonZeroU64) -> Self {
        Bucket { rate, spent: Mutex::new(Duration::ZERO) }
    }

    /// Spends the time that `amount` is worth; returns up to when time is spent then.
    fn pay(&self, amount: u64, now: Duration) -> Duration {
        let nanoseconds = u128::from(amount) * 1_000_000_000 / u128::from(self.rate.get());
        let worth = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.max(now.saturating_sub(BURST)).saturating_add(worth);
        *spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes through in ten seconds when each of `threads` takes `amount` and waits.
    fn through(rate: u64, threads: usize, amount: u64) -> u64 {
        let bucket = Bucket::new(NonZeroU64::new(rate).unwrap());
        let mut free_at = vec![Duration::ZERO; threads];
        let mut done = 0;
        loop {
            let next = (0..threads).min_by_key(|thread| free_at[*thread]).unwrap();
            let now = free_at[next];
            if now >= Duration::from_secs(10) {
                return done;
            }
            done += amount;
            free_at[next] = bucket.pay(amount, now).max(now);
        }
    }

    #[test]
    fn threads_share_one_rate() {
        for threads in [1, 2, 16] {
            for amount in [1, 70, 1_000] {
                let done = through(1_000, threads, amount);
                // Each thread has one piece under way, and a burst is a tenth of a second's.
                let most = 10_000 + 100 + threads as u64 * amount;
                assert!((10_000 - 1_000..=most).contains(&done), "{threads} × {amount}: {done}");
            }
        }
    }

    #[test]
    fn after_a_pause_only_a_burst_comes_at_once() {
        let bucket = Bucket::new(NonZeroU64::new(1_000).unwrap());
        let hour = Duration::from_secs(3_600);
        assert_eq!(bucket.pay(100, hour), hour);
        assert_eq!(bucket.pay(500, hour), hour + Duration::from_millis(500));
    }

    #[test]
    fn any_rate_can_be_paid() {
        for rate in [1, 3, u64::MAX] {
            let bucket = Bucket::new(NonZeroU64::new(rate).unwrap());
            for amount in [0, 1, u64::MAX] {
                let _ = bucket.pay(amount, Duration::from_secs(1));
            }
        }
    }
}
