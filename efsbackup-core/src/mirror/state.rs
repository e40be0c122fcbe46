//! What all threads of one run share.

use super::calls;
use super::claims::Claims;
use super::event::{Action, EntryEvent, EntryType, Listener};
use super::failure::{Failure, Outcome};
use super::handle::Handle;
use super::limit::Limits;
use super::links::Groups;
use super::meta::{Meta, Ownership, Sync};
use super::options::Options;
use super::report::EntryError;
use super::spool::Spool;
use super::tally::Tally;
use super::xattr::Policy;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind};
use std::borrow::Borrow;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often whoever waits looks whether to stop.
const TICK: Duration = Duration::from_millis(20);

/// What all threads of one run share.
pub(super) struct Run<'a> {
    pub(super) options: &'a Options,
    pub(super) ownership: Ownership,
    /// The user this process acts as.
    pub(super) euid: u32,
    pub(super) policy: Policy,
    pub(super) tally: Tally,
    pub(super) groups: Groups,
    pub(super) claims: Claims,
    /// What the destination has and the source lacks.
    pub(super) extraneous: Mutex<Spool>,
    /// How many entries those are, with all that is in them.
    pub(super) extraneous_entries: AtomicU64,
    /// Entries met at the destination.
    pub(super) destination_entries: AtomicU64,
    pub(super) listener: Option<&'a dyn Listener>,
    /// The listener, if it keeps a record.
    pub(super) recorder: Option<&'a dyn Listener>,
    /// The number of the next group of names.
    pub(super) next_group: AtomicU64,
    pub(super) cancel: &'a CancelToken,
    pub(super) deadline: Option<Instant>,
    pub(super) expired: AtomicBool,
    /// What made going on pointless, such as a full destination.
    pub(super) fatal: Mutex<Option<Error>>,
    pub(super) is_fatal: AtomicBool,
    /// The device of the source's root.
    pub(super) device: u64,
    /// How files just read are looked at again.
    pub(super) recheck: Sync,
    pub(super) limits: Limits,
    pub(super) fsync_files: bool,
    /// How many entries make one job.
    pub(super) batch: usize,
    /// Whether the destination is on a network file system.
    pub(super) remote: bool,
    /// Where any of the trees is, how much of a file to ask for at once.
    pub(super) ahead: Option<u64>,
    /// Whether the kernel copies content without sending it over a network and back.
    pub(super) copies_in_kernel: bool,
    /// Whether the destination, as far as is known, has files without a name.
    pub(super) unnamed: AtomicBool,
    pub(super) temporary: TemporaryNames,
    pub(super) roots: Roots,
}

/// The roots of both trees.
pub(super) struct Roots {
    pub(super) source: Arc<Handle>,
    pub(super) destination: Option<Arc<Handle>>,
}

/// Buffers of one thread.
pub(super) struct Scratch {
    pub(super) names: Vec<MaybeUninit<u8>>,
    pub(super) data: Vec<u8>,
    /// The directory of the destination that was opened last by its path, below the root.
    pub(super) reopened: Option<(BytePath, Arc<Handle>)>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Scratch { names: vec![MaybeUninit::uninit(); 64 << 10], data: Vec::new(), reopened: None }
    }
}

impl Run<'_> {
    /// Whether no further entry should be begun.
    pub(super) fn is_stopping(&self) -> bool {
        if self.must_drop_all() {
            return true;
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.expired.store(true, Ordering::Relaxed);
        }
        self.expired.load(Ordering::Relaxed)
    }

    /// Whether even the file in hand should be left.
    pub(super) fn must_drop_all(&self) -> bool {
        self.cancel.is_cancelled() || self.is_fatal.load(Ordering::Relaxed)
    }

    /// Does it again, after a pause that doubles, while what failed may pass.
    pub(super) fn patiently<T>(&self, mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
        let mut tried = 0;
        loop {
            match attempt() {
                Err(failure) if self.may_try_again(&failure, &mut tried) => {}
                outcome => return outcome,
            }
        }
    }

    /// Whether what failed may pass and was not tried too often: true after a pause.
    pub(super) fn may_try_again(&self, failure: &Failure, tried: &mut u32) -> bool {
        if !failure.is_transient() || *tried >= self.options.retries || self.must_drop_all() {
            return false;
        }
        self.pause(*tried);
        *tried += 1;
        true
    }

    /// Waits before the next attempt: 10 ms, 20 ms, … at most 640 ms.
    pub(super) fn pause(&self, tried: u32) {
        let until = calls::now() + Duration::from_millis(10 << tried.min(6));
        self.wait(Some(until), || self.must_drop_all());
    }

    /// Whether another entry may be begun, after waiting as the limits ask.
    pub(super) fn may_go_on(&self) -> bool {
        self.wait(self.limits.pay(0), || self.is_stopping());
        !self.is_stopping()
    }

    /// Waits until then, or until `stop` says so.
    pub(super) fn wait(&self, until: Option<Instant>, stop: impl Fn() -> bool) {
        let Some(until) = until else { return };
        while !stop() {
            let left = until.saturating_duration_since(calls::now());
            if left.is_zero() {
                return;
            }
            calls::sleep(left.min(TICK));
        }
    }

    /// Counts an entry that is done and tells the listener.
    pub(super) fn done<P: Borrow<BytePath>>(
        &self,
        path: impl FnOnce() -> P,
        entry_type: EntryType,
        action: Action,
        itemize: &str,
        inode: Option<u64>,
    ) {
        let tally = match action {
            Action::Created => &self.tally.created,
            Action::Updated | Action::Adjusted => &self.tally.updated,
            Action::Linked => &self.tally.linked,
            Action::Unchanged => &self.tally.unchanged,
            Action::Deleted => &self.tally.deleted,
            Action::Vanished => &self.tally.vanished,
            Action::Failed => &self.tally.failed,
        };
        tally.add(entry_type);
        if let Some(listener) = self.listener {
            let path = path();
            let path = path.borrow();
            listener.entry(&EntryEvent { path, entry_type, action, itemize, inode });
        }
    }

    /// Counts an entry that could not be done.
    pub(super) fn failed(&self, path: BytePath, entry_type: EntryType, failure: Failure) {
        match failure {
            Failure::Stopped => {}
            Failure::Vanished => {
                let error = Error::new(ErrorKind::NotFound, "read")
                    .with_message("vanished from the source meanwhile");
                self.tally.error(EntryError::new(path.clone(), &error));
                self.done(|| path, entry_type, Action::Vanished, "", None);
            }
            Failure::Source(error) => self.error(path, entry_type, &error),
            Failure::Destination(error) => {
                self.error(path.clone(), entry_type, &error);
                // Every further file would meet the same.
                let hopeless = matches!(error.kind(), ErrorKind::NoSpace)
                    || error.errno() == Some(rustix::io::Errno::ROFS.raw_os_error());
                if hopeless {
                    self.give_up(error.with_path(path));
                }
            }
        }
    }

    /// Counts an error of an entry.
    pub(super) fn error(&self, path: BytePath, entry_type: EntryType, error: &Error) {
        self.tally.error(EntryError::new(path.clone(), error));
        self.done(|| path, entry_type, Action::Failed, "", None);
    }

    /// What was kept on disk of files with several names. The run ends where that failed.
    pub(super) fn noted<T>(&self, result: std::io::Result<T>) -> Outcome<T> {
        result.map_err(|error| {
            let error = Error::from_io("note", error).with_path(std::env::temp_dir());
            self.give_up(error.with_message(
                "can't note which files have several names in the folder for temporary files",
            ));
            Failure::Stopped
        })
    }

    /// Ends the run: going on is pointless.
    pub(super) fn give_up(&self, error: Error) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert(error);
        self.is_fatal.store(true, Ordering::Relaxed);
    }

    /// Whether the entry whose metadata this is lies on a file system to leave out.
    pub(super) fn is_foreign(&self, meta: &Meta) -> bool {
        self.options.one_file_system && meta.id.dev != self.device
    }

    /// Whether this is the metadata of the destination's root.
    pub(super) fn is_destination(&self, meta: &Meta) -> bool {
        self.roots.destination.as_ref().is_some_and(|root| root.id() == meta.id)
    }
}

/// Names for files that are being written: unlike any other run's.
pub(super) struct TemporaryNames {
    run: u64,
    next: AtomicU64,
}

impl TemporaryNames {
    pub(super) fn new() -> Self {
        TemporaryNames { run: RandomState::new().hash_one(Instant::now()), next: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> CString {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        CString::new(format!(".efsbackup-tmp-{:016x}-{number:x}", self.run)).unwrap_or_default()
    }
}
