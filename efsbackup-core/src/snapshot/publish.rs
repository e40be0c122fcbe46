//! Giving a finished tree its name, and removing what it makes superfluous.

use super::files::TEMPORARY;
use super::lock::Lock;
use super::name;
use super::record::Record;
use super::remove::{REMOVING_PREFIX, remove_tree};
use super::snapshot::{Snapshot, State};
use super::store::{Store, journal_name, run_of_journal};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Report;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::FileType;

/// A finished tree that is not published yet.
pub(super) struct Taken<'a> {
    pub(super) run: &'a str,
    pub(super) host: &'a str,
    pub(super) folder: &'a str,
    pub(super) time: Timestamp,
    pub(super) state: State,
    pub(super) file_system: Option<&'a str>,
    pub(super) report: &'a Report,
}

/// The steps after copying, all with the lock held.
pub(super) struct Publication<'a> {
    pub(super) store: &'a Store,
    pub(super) lock: &'a Lock,
    pub(super) clock: &'a dyn Clock,
    pub(super) timezone: &'a TimeZone,
}

impl Publication<'_> {
    /// Publishes the tree, whose data is durable: its record and report become durable,
    /// then it gets its dated name, then that is made durable.
    pub(super) fn publish(&self, taken: &Taken<'_>) -> Result<Snapshot> {
        let report = taken.report;
        let entries = &report.entries;
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
            exit_status: report.exit_status(),
        };
        let report = serde_json::to_vec_pretty(report)
            .map_err(|error| Error::new(ErrorKind::Internal, "write report").with_source(error))?;
        self.lock.check()?;
        let id = self.free_id(taken.time)?;
        self.store.write_record(&id, &record, &report)?;
        let named =
            self.lock.check().and_then(|()| self.store.dir.rename_to_free(taken.folder, &id));
        if let Err(error) = named {
            // Best effort: a record without its folder is never listed.
            let _ = self.store.remove_record(&id);
            return Err(error);
        }
        self.store.dir.sync()?;
        Ok(record.into_snapshot(id))
    }

    /// The first name for `time` that is still free. It was free when the run began, and
    /// the lock was held since; so only a person can have taken it.
    fn free_id(&self, time: Timestamp) -> Result<String> {
        for id in name::candidates(time, self.timezone) {
            if self.store.is_free(&id)? {
                return Ok(id);
            }
        }
        Err(Error::new(ErrorKind::AlreadyExists, "publish")
            .with_message("all names of this snapshot were taken while it was made; run again")
            .with_path(self.store.dir.path.as_path()))
    }

    /// Removes what runs that did not publish have left, but for the folder `own`. Tells
    /// what could not be removed.
    pub(super) fn tidy_up(&self, own: &str) -> Vec<String> {
        let mut left_over = Vec::new();
        let mut keep = |result: Result<()>| left_over.extend(result.err().map(|e| e.to_string()));
        match self.superfluous(own) {
            Ok(folders) => {
                for folder in folders {
                    keep(self.remove(&folder));
                }
            }
            Err(error) => keep(Err(error)),
        }
        keep(self.tidy_records());
        keep(self.tidy_journals());
        left_over
    }

    fn superfluous(&self, own: &str) -> Result<Vec<String>> {
        let names = self.store.dir.names(FileType::Directory)?;
        let superfluous = |name: &String| {
            name != own
                && (name.starts_with(name::INCOMPLETE_PREFIX) || name.starts_with(REMOVING_PREFIX))
        };
        Ok(names.into_iter().filter(superfluous).collect())
    }

    fn remove(&self, folder: &str) -> Result<()> {
        self.lock.check()?;
        remove_tree(&self.store.dir, folder)?;
        Ok(())
    }

    /// Removes records that were never finished, and those of runs killed before their
    /// folder got its name.
    fn tidy_records(&self) -> Result<()> {
        self.lock.check()?;
        let journals = self.store.control.names(FileType::RegularFile)?;
        for name in self.store.records.names(FileType::RegularFile)? {
            if name.ends_with(TEMPORARY) {
                self.store.records.remove(&name)?;
                continue;
            }
            let id = name.strip_suffix(".json").filter(|id| !id.ends_with(".report"));
            let Some(id) = id else { continue };
            if self.store.dir.stat(id)?.is_none()
                && let Ok(Some(record)) = self.store.record(id)
                && journals.contains(&journal_name(&record.run))
            {
                self.store.remove_record(id)?;
            }
        }
        Ok(())
    }

    /// Removes the journals whose folder is gone.
    fn tidy_journals(&self) -> Result<()> {
        let runs: Vec<String> = self.store.incomplete()?.into_iter().map(|(_, run)| run).collect();
        self.lock.check()?;
        for name in self.store.control.names(FileType::RegularFile)? {
            if run_of_journal(&name).is_some_and(|run| !runs.iter().any(|kept| kept == run)) {
                self.store.control.remove(&name)?;
            }
        }
        Ok(())
    }
}
