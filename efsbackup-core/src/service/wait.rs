//! Waiting for a future on the calling thread, for as long as it is wanted.

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park_timeout};
use std::time::Duration;

/// Between two looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What comes of `future`; it is dropped once `cancel` is set.
///
/// # Errors
/// `Cancelled`, and those of the future.
pub(super) fn wait<T>(cancel: &CancelToken, future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "service")
                .with_message("stopped; what was asked for last may be done nevertheless"));
        }
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => park_timeout(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn};
    use std::thread;

    #[test]
    fn a_future_is_waited_for_and_one_without_end_only_until_cancelled() {
        let mut polls = 0;
        let twice = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 2 { Poll::Pending } else { Poll::Ready(Ok(polls)) }
        });
        assert_eq!(wait(&CancelToken::new(), twice).unwrap(), 2);
        let cancel = CancelToken::new();
        let error = thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&cancel, pending::<Result<()>>()));
            cancel.cancel();
            waiting.join().unwrap().unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
