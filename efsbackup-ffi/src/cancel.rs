//! Asking a call to stop.

use crate::guard::guard_or;
use crate::handle::Handle;
use efsbackup_core::cancel::CancelToken;
use std::ptr::null_mut;

/// Asks running calls to stop. One token may be used by several calls, one after the other or
/// at once; once cancelled it stays so.
pub struct efsb_cancel_token {
    _private: [u8; 0],
}

impl Handle for efsb_cancel_token {
    type Value = CancelToken;
}

/// A token nobody has cancelled. The caller frees it with efsb_cancel_token_free().
#[unsafe(no_mangle)]
pub extern "C" fn efsb_cancel_token_new() -> *mut efsb_cancel_token {
    guard_or!(null_mut() => efsb_cancel_token::give(CancelToken::new()))
}

/// Asks every call that uses `token` to stop; they return #EFSB_CANCELLED. Does nothing but
/// one atomic store, so it may be called from any thread and from a signal handler. NULL is
/// fine.
///
/// # Safety
/// `token` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_cancel(token: *const efsb_cancel_token) {
    guard_or!(() => {
        // SAFETY: by this function's contract.
        if let Some(token) = unsafe { Handle::borrow(token) } {
            token.cancel();
        }
    })
}

/// Whether efsb_cancel() was called for `token`; false for NULL.
///
/// # Safety
/// `token` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_is_cancelled(token: *const efsb_cancel_token) -> bool {
    // SAFETY: by this function's contract.
    guard_or!(false => unsafe { Handle::borrow(token) }.is_some_and(CancelToken::is_cancelled))
}

/// Frees a token. Calls that use it go on, and can no longer be cancelled by it. NULL is fine.
///
/// # Safety
/// `token` is NULL, or came from efsb_cancel_token_new() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_cancel_token_free(token: *mut efsb_cancel_token) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(token) })
}
