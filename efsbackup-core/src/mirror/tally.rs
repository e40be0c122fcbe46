//! Counts and errors, added up by all threads.

use super::event::EntryType;
use super::report::{Bytes, Counts, Entries, EntryError, Report};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const TYPES: [EntryType; 5] =
    [EntryType::File, EntryType::Dir, EntryType::Symlink, EntryType::HardLink, EntryType::Special];

/// One count by type.
#[derive(Default)]
pub(super) struct Tallies([AtomicU64; 5]);

impl Tallies {
    pub(super) fn add(&self, entry_type: EntryType) {
        self.0[entry_type as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry_type in TYPES {
            *counts.of(entry_type) = self.0[entry_type as usize].load(Ordering::Relaxed);
        }
        counts
    }
}

/// Everything a report counts.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) scanned: Tallies,
    pub(super) created: Tallies,
    pub(super) updated: Tallies,
    pub(super) linked: Tallies,
    pub(super) unchanged: Tallies,
    pub(super) deleted: Tallies,
    pub(super) failed: Tallies,
    pub(super) vanished: Tallies,
    pub(super) bytes_scanned: AtomicU64,
    pub(super) bytes_copied: AtomicU64,
    pub(super) bytes_linked: AtomicU64,
    errors: Mutex<Errors>,
}

#[derive(Default)]
struct Errors {
    first: Vec<EntryError>,
    total: u64,
}

impl Tally {
    /// Keeps an error, or only counts it once a report is full.
    pub(super) fn error(&self, error: EntryError) {
        let mut errors = self.errors();
        errors.total += 1;
        if errors.first.len() < Report::MAX_ERRORS {
            errors.first.push(error);
        }
    }

    /// A number that changes with whatever is done.
    pub(super) fn steps(&self) -> u64 {
        let all = [
            &self.scanned,
            &self.created,
            &self.updated,
            &self.linked,
            &self.unchanged,
            &self.deleted,
            &self.failed,
            &self.vanished,
        ];
        all.iter().map(|tallies| tallies.total()).sum::<u64>()
            + self.bytes_copied.load(Ordering::Relaxed)
    }

    /// How many entries were looked at or removed so far.
    pub(super) fn entries_done(&self) -> u64 {
        self.scanned.total() + self.deleted.total()
    }

    /// How many errors so far.
    pub(super) fn error_count(&self) -> u64 {
        self.errors().total
    }

    pub(super) fn take_errors(&self) -> (Vec<EntryError>, u64) {
        let mut errors = self.errors();
        (std::mem::take(&mut errors.first), errors.total)
    }

    pub(super) fn entries(&self) -> Entries {
        Entries {
            scanned: self.scanned.counts(),
            created: self.created.counts(),
            updated: self.updated.counts(),
            linked: self.linked.counts(),
            unchanged: self.unchanged.counts(),
            deleted: self.deleted.counts(),
            failed: self.failed.counts(),
            vanished: self.vanished.counts(),
        }
    }

    pub(super) fn bytes(&self) -> Bytes {
        Bytes {
            scanned: self.bytes_scanned.load(Ordering::Relaxed),
            copied: self.bytes_copied.load(Ordering::Relaxed),
            linked: self.bytes_linked.load(Ordering::Relaxed),
        }
    }

    fn errors(&self) -> MutexGuard<'_, Errors> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
