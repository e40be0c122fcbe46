//! How long waits are.

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use std::time::Duration;

/// Longest sleep before the token is looked at.
const SLICE: Duration = Duration::from_millis(100);

/// What tells the time and waits, between two looks at a service. On an executor of your
/// own, wait with its timer.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::deploy::{OnThread, PipelineService, Standing, Until, wait};
/// use efsbackup_core::Result;
///
/// async fn rested(service: &impl PipelineService, pipeline: &str) -> Result<Standing> {
///     let cancel = CancelToken::new();
///     let pace = OnThread { clock: &SystemClock, cancel: &cancel };
///     wait(service, pipeline, Until::Finished, None, &pace, &mut |standing| {
///         println!("{}", standing.state);
///     })
///     .await
/// }
/// ```
pub trait Pace: Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits. `Cancelled` ends the whole operation.
    fn pause(&self, time: Duration) -> impl Future<Output = Result<()>> + Send;
}

/// Waits on the calling thread, by a clock, until a token is set.
pub struct OnThread<'a> {
    /// Whose time counts.
    pub clock: &'a dyn Clock,
    /// Ends a wait.
    pub cancel: &'a CancelToken,
}

impl Pace for OnThread<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pause(&self, time: Duration) -> Result<()> {
        let mut left = time;
        while !left.is_zero() {
            if self.cancel.is_cancelled() {
                break;
            }
            let slice = left.min(SLICE);
            self.clock.sleep(slice);
            left -= slice;
        }
        match self.cancel.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "wait").with_message("stopped waiting")),
            false => Ok(()),
        }
    }
}
