//! Hearing what a call does, for a log.

use crate::text::c_string;
use efsbackup_core::log::{Level, Record, Records};
use std::ffi::{c_char, c_void};

/// Each entry that something was done to.
pub const EFSB_LOG_DEBUG: i32 = -1;
/// What is being done, and what came of it.
pub const EFSB_LOG_INFO: i32 = 0;
/// What a person should know, though the call goes on.
pub const EFSB_LOG_WARNING: i32 = 1;
/// What has failed.
pub const EFSB_LOG_ERROR: i32 = 2;

/// Called on the thread that made the call, with what it does: `level` is an EFSB_LOG_ constant,
/// `piece` the part of the library that tells ("mirror", "snapshot", "apply", "wait", "run"),
/// `message` seldom more than a line. Both texts are lent until the callback returns. It must
/// return: neither longjmp nor a C++ exception may leave it.
pub type efsb_log_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        piece: *const c_char,
        message: *const c_char,
    ),
>;

/// The caller's callback for a log.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    /// The function; may be NULL.
    pub(crate) function: efsb_log_fn,
    /// What it is given first.
    pub(crate) user_data: *mut c_void,
    /// The lowest level that it wants.
    pub(crate) level: i32,
}

// SAFETY: it is called on the calling thread only, as those who are given it are.
unsafe impl Send for Log {}

impl Log {
    /// Where records wait until this thread takes them.
    pub(crate) fn records(&self) -> Records {
        match (self.function, self.level) {
            (None, _) => Records::none(),
            (_, ..=EFSB_LOG_DEBUG) => Records::new(Level::Debug),
            (_, EFSB_LOG_INFO) => Records::new(Level::Info),
            (_, EFSB_LOG_WARNING) => Records::new(Level::Warning),
            _ => Records::new(Level::Error),
        }
    }

    /// Gives the callback what waits.
    pub(crate) fn pass_on(&self, records: &Records) {
        records.take().iter().for_each(|record| self.tell(record));
    }

    /// Tells of what happened, if its level is wanted.
    pub(crate) fn tell(&self, record: &Record) {
        let Some(function) = self.function else { return };
        let level = match record.level {
            Level::Debug => EFSB_LOG_DEBUG,
            Level::Info => EFSB_LOG_INFO,
            Level::Warning => EFSB_LOG_WARNING,
            Level::Error => EFSB_LOG_ERROR,
        };
        if level >= self.level {
            let (piece, message) = (c_string(record.piece), c_string(record.message.as_str()));
            // SAFETY: the caller's own function, called as its type says.
            unsafe { function(self.user_data, level, piece.as_ptr(), message.as_ptr()) };
        }
    }
}
