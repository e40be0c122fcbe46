//! Hearing how far a call is.

use crate::log::Log;
use efsbackup_core::Result;
use efsbackup_core::log::{Level, Records};
use efsbackup_core::mirror::Listener;
use efsbackup_core::progress::{Observer, Phase, Progress};
use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Copying, in efsb_progress.phase.
pub const EFSB_PHASE_COPYING: i32 = 0;
/// Removing what the source no longer has.
pub const EFSB_PHASE_DELETING: i32 = 1;
/// Waiting for the data to be durable.
pub const EFSB_PHASE_SYNCING: i32 = 2;
/// Something that this version of the header has no name for.
pub const EFSB_PHASE_OTHER: i32 = 3;

/// The state of a call at one moment. All numbers are totals since it began.
#[repr(C)]
pub struct efsb_progress {
    /// The size of this struct in the library; later versions may add fields at the end.
    pub size: usize,
    /// What is being done: an EFSB_PHASE_ constant.
    pub phase: i32,
    /// 0.
    pub reserved: i32,
    /// Source entries looked at.
    pub entries: u64,
    /// Entries created, updated or hard-linked at the destination.
    pub entries_written: u64,
    /// Entries removed from the destination.
    pub entries_deleted: u64,
    /// Entries that failed.
    pub errors: u64,
    /// Bytes of source files looked at.
    pub bytes: u64,
    /// Bytes of content written.
    pub bytes_written: u64,
    /// Seconds since the call began.
    pub seconds: f64,
}

/// Called on the thread that made the call, a few times a second and once at the end; never
/// from another thread, and never after the call returned. `progress` is lent until the
/// callback returns. A result other than 0 cancels the call. The callback may call any
/// function of this library but those that free what the running call uses; it must return:
/// neither longjmp nor a C++ exception may leave it.
pub type efsb_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const efsb_progress) -> c_int>;

impl From<&Progress> for efsb_progress {
    fn from(progress: &Progress) -> Self {
        efsb_progress {
            size: size_of::<Self>(),
            phase: match progress.phase {
                Phase::Copying => EFSB_PHASE_COPYING,
                Phase::Deleting => EFSB_PHASE_DELETING,
                Phase::Syncing => EFSB_PHASE_SYNCING,
                _ => EFSB_PHASE_OTHER,
            },
            reserved: 0,
            entries: progress.entries,
            entries_written: progress.entries_written,
            entries_deleted: progress.entries_deleted,
            errors: progress.errors,
            bytes: progress.bytes,
            bytes_written: progress.bytes_written,
            seconds: progress.elapsed.as_secs_f64(),
        }
    }
}

/// The caller's callback as an observer.
pub(crate) struct Callback {
    /// The function; may be NULL.
    function: efsb_progress_fn,
    /// What it is given first.
    user_data: *mut c_void,
    /// Who is told what is done.
    log: Log,
    /// What it was not told yet.
    records: Arc<Records>,
}

impl Callback {
    pub(crate) fn new(function: efsb_progress_fn, user_data: *mut c_void, log: Log) -> Callback {
        Callback { function, user_data, log, records: log.records().into() }
    }

    /// What is told from other threads. Entries only where somebody logs them, as it takes time.
    pub(crate) fn entries(&self) -> Entries {
        Entries(Arc::clone(&self.records))
    }

    /// Tells what came of the call, and after an error what led to it.
    pub(crate) fn end<T>(&self, done: Result<T>, tell: impl FnOnce(&T, &Records)) -> Result<T> {
        if let Ok(done) = &done {
            tell(done, &self.records);
        }
        self.log.pass_on(&self.records);
        done
    }
}

/// The records that a call's threads add to.
pub(crate) struct Entries(Arc<Records>);

impl Entries {
    /// The listener, where one is wanted.
    pub(crate) fn listener(&self) -> Option<&dyn Listener> {
        self.0.wants(Level::Debug).then_some(&*self.0 as &dyn Listener)
    }
}

impl Observer for Callback {
    fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.records.progress("mirror", progress);
        self.log.pass_on(&self.records);
        let Some(function) = self.function else { return ControlFlow::Continue(()) };
        // SAFETY: the caller's own function, called as its type says.
        match unsafe { function(self.user_data, &efsb_progress::from(progress)) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}
