//! What went wrong, in detail: `efsb_error`, and the last error of each thread.

use crate::guard::guard_or;
use crate::handle::Handle;
use crate::status::{EFSB_OK, efsb_status};
use crate::text::{c_string, set};
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::mirror::EntryError;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::ptr::null;

/// What went wrong, where and why. Never changes; may be read from any thread.
pub struct efsb_error {
    _private: [u8; 0],
}

impl Handle for efsb_error {
    type Value = Failure;
}

/// An error in the form that C reads.
pub struct Failure {
    status: efsb_status,
    message: CString,
    op: CString,
    /// The path's bytes and a NUL after them, which a slice of paths from outside may lack.
    path: Option<Vec<u8>>,
    errno: c_int,
}

impl Failure {
    /// An error of this interface itself.
    pub(crate) fn of(status: efsb_status, op: &str, message: impl Into<String>) -> Failure {
        let message = format!("{op}: {}", message.into());
        Failure { status, message: c_string(message), op: c_string(op), path: None, errno: 0 }
    }

    /// The error's status; never [`EFSB_OK`].
    pub(crate) fn status(&self) -> efsb_status {
        self.status
    }

    fn with_path(mut self, path: Option<&BytePath>) -> Failure {
        self.path = path.map(|path| [path.as_bytes(), b"\0"].concat());
        self
    }
}

impl From<efsbackup_core::Error> for Failure {
    fn from(error: efsbackup_core::Error) -> Failure {
        Failure {
            status: error.kind().code(),
            message: c_string(format!("{error:#}")),
            op: c_string(error.op()),
            path: None,
            errno: error.errno().unwrap_or(0),
        }
        .with_path(error.path())
    }
}

impl From<&EntryError> for Failure {
    fn from(error: &EntryError) -> Failure {
        Failure {
            status: error.kind.code(),
            message: c_string(error.message.as_str()),
            op: c_string(error.op.as_ref()),
            path: None,
            errno: error.errno.unwrap_or(0),
        }
        .with_path(Some(&error.path))
    }
}

thread_local! {
    static LAST: RefCell<Option<Box<Failure>>> = const { RefCell::new(None) };
}

/// Keeps `failure` as this thread's last error. A thread that is already ending keeps none.
pub(crate) fn set_last_error(failure: Failure) {
    let _ending = LAST.try_with(|last| last.replace(Some(Box::new(failure))));
}

/// Forgets this thread's last error.
pub(crate) fn clear_last_error() {
    let _ending = LAST.try_with(|last| last.take());
}

/// This thread's last error, lent until the next call that sets or clears it.
fn last_error() -> *const efsb_error {
    LAST.try_with(|last| last.borrow().as_deref().map_or(null(), Handle::lend)).unwrap_or(null())
}

/// The last error of this thread in words: one line, in UTF-8, what cannot be shown escaped;
/// "" when there is none. The string is lent until the next call on this thread that returns
/// an efsb_status: those calls set the last error, or clear it; no others do.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_last_error_message() -> *const c_char {
    // SAFETY: the last error is alive while nobody sets another.
    guard_or!(c"".as_ptr() => unsafe { efsb_error_message(last_error()) })
}

/// What kind of error the last error of this thread is; #EFSB_OK when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_last_error_kind() -> efsb_status {
    // SAFETY: as in efsb_last_error_message.
    guard_or!(EFSB_OK => unsafe { efsb_error_kind(last_error()) })
}

/// The operation that failed, such as "open"; "" when there is no error. Lent as
/// efsb_last_error_message() lends.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_last_error_op() -> *const c_char {
    // SAFETY: as in efsb_last_error_message.
    guard_or!(c"".as_ptr() => unsafe { efsb_error_op(last_error()) })
}

/// The file that the last error of this thread is about, as bytes with a NUL after them; NULL
/// when it is about none. `length` receives the number of bytes without the NUL; it may be
/// NULL. Lent as efsb_last_error_message() lends.
///
/// # Safety
/// `length` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_last_error_path(length: *mut usize) -> *const c_char {
    // SAFETY: as in efsb_last_error_message; `length` by this function's contract.
    guard_or!(null() => unsafe { efsb_error_path(last_error(), length) })
}

/// The operating system's error number in the last error of this thread; 0 when it has none.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_last_error_errno() -> c_int {
    // SAFETY: as in efsb_last_error_message.
    guard_or!(0 => unsafe { efsb_error_errno(last_error()) })
}

/// Takes the last error of this thread, to keep it or give it to another thread; NULL when
/// there is none. The caller frees it with efsb_error_free(). Afterwards there is no last
/// error.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_last_error_take() -> *mut efsb_error {
    guard_or!(std::ptr::null_mut() => {
        let last = LAST.try_with(|last| last.take()).ok().flatten();
        last.map_or(std::ptr::null_mut(), |failure| efsb_error::give(*failure))
    })
}

/// The error in words: one line, in UTF-8, what cannot be shown escaped; "" for NULL. Lent as
/// long as the error.
///
/// # Safety
/// `error` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_message(error: *const efsb_error) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(c"".as_ptr() => unsafe { Handle::borrow(error) }
        .map_or(c"".as_ptr(), |error| error.message.as_ptr()))
}

/// What kind of error it is; #EFSB_OK for NULL.
///
/// # Safety
/// `error` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_kind(error: *const efsb_error) -> efsb_status {
    // SAFETY: by this function's contract.
    guard_or!(EFSB_OK => unsafe { Handle::borrow(error) }
        .map_or(EFSB_OK, |error| error.status))
}

/// The operation that failed, such as "open"; "" for NULL. Lent as long as the error.
///
/// # Safety
/// `error` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_op(error: *const efsb_error) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(c"".as_ptr() => unsafe { Handle::borrow(error) }
        .map_or(c"".as_ptr(), |error| error.op.as_ptr()))
}

/// The file it is about, as bytes with a NUL after them; NULL when it is about none. Paths of
/// a report's errors are below the root, and empty for the root. `length` receives the number
/// of bytes without the NUL; it may be NULL. Lent as long as the error.
///
/// # Safety
/// `error` is NULL or alive; `length` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_path(
    error: *const efsb_error,
    length: *mut usize,
) -> *const c_char {
    guard_or!(null() => {
        // SAFETY: by this function's contract.
        let path = unsafe { Handle::borrow(error) }.and_then(|error| error.path.as_ref());
        // SAFETY: by this function's contract.
        unsafe { set(length, path.map_or(0, |path| path.len() - 1)) };
        path.map_or(null(), |path| path.as_ptr().cast())
    })
}

/// The operating system's error number; 0 when there is none.
///
/// # Safety
/// `error` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_errno(error: *const efsb_error) -> c_int {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { Handle::borrow(error) }.map_or(0, |error| error.errno))
}

/// Frees an error that efsb_last_error_take() gave. NULL is fine.
///
/// # Safety
/// `error` is NULL, or came from efsb_last_error_take() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_error_free(error: *mut efsb_error) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(error) })
}
