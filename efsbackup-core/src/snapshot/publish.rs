//! Giving a finished tree its name.

use super::lock::Lock;
use super::name;
use super::record::{self, Origin, Record};
use super::snapshot::{Snapshot, State};
use super::store::{Store, created_name};
use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Digest, Report};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::FileType;
use std::time::Duration;

/// By how many seconds at most a snapshot's name may be later than its time.
const MAX_LATER: i64 = 60;

/// A finished tree that is not published yet.
pub(super) struct Taken<'a> {
    pub(super) run: &'a str,
    pub(super) host: &'a str,
    pub(super) folder: &'a str,
    pub(super) time: Timestamp,
    pub(super) state: State,
    pub(super) file_system: Option<&'a str>,
    pub(super) report: &'a Report,
    /// The name that its manifest has so far.
    pub(super) manifest: &'a str,
    /// The hash that its manifest ends with.
    pub(super) manifest_hash: Digest,
    /// What it undoes, if it is an undo.
    pub(super) undo: Option<Undone<'a>>,
}

/// What an undo undoes.
pub(super) struct Undone<'a> {
    pub(super) origin: Origin,
    /// The name that the list of what was made has so far.
    pub(super) created: &'a str,
}

/// How a tree is published, with the lock held.
pub(super) struct Publication<'a> {
    pub(super) store: &'a Store,
    pub(super) lock: &'a Lock,
    pub(super) clock: &'a dyn Clock,
    pub(super) timezone: &'a TimeZone,
}

impl Publication<'_> {
    /// Publishes the tree, whose data and manifest are durable: its record and report become
    /// durable, then it gets its dated name, then that is made durable.
    pub(super) fn publish(&self, taken: &Taken<'_>) -> Result<Snapshot> {
        let report = taken.report;
        let entries = &report.entries;
        let report_text = serde_json::to_vec_pretty(report)
            .map_err(|error| Error::new(ErrorKind::Internal, "write report").with_source(error))?;
        let record = Record {
            version: Record::VERSION,
            run: taken.run.to_owned(),
            state: taken.state,
            time: taken.time,
            published: self.clock.now(),
            file_system: taken.file_system.map(str::to_owned),
            host: taken.host.to_owned(),
            entries: [entries.created, entries.updated, entries.linked, entries.unchanged]
                .into_iter()
                .reduce(|sum, counts| sum + counts)
                .unwrap_or_default(),
            bytes: report.bytes.scanned,
            new_bytes: report.bytes.copied,
            manifest: Some(data_encoding::HEXLOWER.encode(&taken.manifest_hash)),
            report: Some(record::hash(&report_text)),
            check: None,
            undo: taken.undo.as_ref().map(|undone| undone.origin.clone()),
            adopted: None,
            exit_status: report.exit_status(),
        };
        let _turn = self.lock.turn()?;
        self.lock.check()?;
        let id = self.free_id(taken.time)?;
        if let Some(undone) = &taken.undo {
            self.store.records.rename_to_free(undone.created, &created_name(&id))?;
        }
        let named = self
            .store
            .write_record(&id, &record, &report_text, taken.manifest)
            .and_then(|()| self.lock.check())
            .and_then(|()| self.store.dir.rename_to_free(taken.folder, &id));
        if let Err(error) = named {
            // Best effort: a record without its folder is never listed.
            let _ = self.store.withdraw_record(&id, taken.run, self.lock.check().is_ok());
            return Err(error);
        }
        self.store.dir.sync()?;
        Ok(record.into_snapshot(id))
    }

    /// The first name for `time`, or for a second soon after, that is still free. It was free
    /// when the run began; a person, or another process of the same run, may have taken it.
    fn free_id(&self, time: Timestamp) -> Result<String> {
        for later in 0..MAX_LATER {
            let time = time + SignedDuration::from_secs(later);
            if let Some(id) = free_name(self.store, time, self.timezone)? {
                return Ok(id);
            }
        }
        Err(Error::new(ErrorKind::AlreadyExists, "publish")
            .with_message("all names of this snapshot were taken while it was made; run again")
            .with_path(self.store.dir.path.as_path()))
    }
}

/// The first name for `time` that a new snapshot may have.
///
/// A minute's own name is for the first snapshot of that minute. Given again, after that one was
/// removed, it would come before those that are older, and mean something else to who wrote it down.
fn free_name(store: &Store, time: Timestamp, timezone: &TimeZone) -> Result<Option<String>> {
    let names = name::candidates(time, timezone);
    let there = store.dir.names(FileType::Directory)?;
    let is_first = !there.iter().any(|id| id.starts_with(&names[0]));
    for name in names.into_iter().skip(usize::from(!is_first)) {
        if store.is_free(&name)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The instant of a new snapshot: now, or the first second at which one of its names is free.
pub(super) fn free_instant(
    store: &Store,
    clock: &dyn Clock,
    timezone: &TimeZone,
    cancel: &CancelToken,
) -> Result<Timestamp> {
    loop {
        let now = clock.now();
        if free_name(store, now, timezone)?.is_some() {
            return Ok(now);
        }
        if cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "backup"));
        }
        clock.sleep(Duration::from_millis(100));
    }
}
