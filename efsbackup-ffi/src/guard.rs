//! The edge: what every exported function stands behind.

use crate::error::{Failure, clear_last_error, set_last_error};
use crate::status::{EFSB_OK, EFSB_PANIC, efsb_status};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The body of a function that returns [`efsb_status`]: clears the thread's last error, runs
/// the body (a `Result<(), Failure>`), keeps what went wrong. A panic becomes
/// [`EFSB_PANIC`].
macro_rules! guard {
    ($($body:tt)*) => {
        $crate::guard::status(move || { $($body)* })
    };
}

/// The body of a function that returns a value, or nothing. The thread's last error is left
/// alone. A panic gives the value before the `=>` and sets the last error.
macro_rules! guard_or {
    ($otherwise:expr => $($body:tt)*) => {
        $crate::guard::value($otherwise, move || { $($body)* })
    };
}

pub(crate) use {guard, guard_or};

/// See [`guard!`].
pub(crate) fn status(body: impl FnOnce() -> Result<(), Failure>) -> efsb_status {
    clear_last_error();
    // Unwind safety: after a panic C only gets a status, never a value the body was changing.
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return EFSB_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => panicked(panic),
    };
    let status = failure.status();
    set_last_error(failure);
    status
}

/// See [`guard_or!`]. Without a panic it makes no use of thread-local data, so that
/// `efsb_cancel` may be called from a signal handler.
pub(crate) fn value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(panic) => {
            set_last_error(panicked(panic));
            otherwise
        }
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Failure {
    let text = match panic.downcast::<String>().map_err(|panic| panic.downcast::<&str>()) {
        Ok(text) => *text,
        Err(Ok(text)) => (*text).to_owned(),
        Err(Err(unknown)) => {
            // It could panic again when it is dropped.
            std::mem::forget(unknown);
            "no text".to_owned()
        }
    };
    Failure::of(EFSB_PANIC, "call", format!("panic inside efsbackup: {text}"))
}
