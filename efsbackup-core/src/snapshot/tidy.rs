//! Removing what a new snapshot makes superfluous.

use super::files::TEMPORARY;
use super::lock::Lock;
use super::name;
use super::remove::{REMOVING_PREFIX, remove_tree, rename_away};
use super::store::{NOTE_PREFIX, Store, journal_name, record_name, run_of_journal};
use crate::cancel::CancelToken;
use crate::error::Result;
use rustix::fs::FileType;

/// Removal, with the lock held; the lock is looked at before each step.
pub(super) struct Tidy<'a> {
    pub(super) store: &'a Store,
    pub(super) lock: &'a Lock,
    /// Stops a removal in the middle; what is left is removed by a later run.
    pub(super) cancel: &'a CancelToken,
}

impl Tidy<'_> {
    /// Removes the snapshot `id`.
    pub(super) fn remove_snapshot(&self, id: &str) -> Result<()> {
        self.lock.check()?;
        let renamed = rename_away(&self.store.dir, id)?;
        self.store.dir.sync()?;
        self.store.remove_record(id)?;
        match renamed {
            Some(removing) => self.remove_tree(&removing),
            None => Ok(()),
        }
    }

    fn remove_tree(&self, name: &str) -> Result<()> {
        remove_tree(&self.store.dir, name, &self.store.control, self.cancel)
    }

    /// Removes what runs that ended early have left. Tells what could not be removed.
    pub(super) fn remove_left_overs(&self) -> Vec<String> {
        let steps = [
            Self::remove_folders,
            Self::remove_records,
            Self::remove_journals,
            Self::remove_unfinished_formats,
            Self::remove_notes,
        ];
        steps.iter().filter_map(|step| step(self).err()).map(|error| error.to_string()).collect()
    }

    /// Trees of runs that did not publish, and those that were being removed.
    fn remove_folders(&self) -> Result<()> {
        for name in self.store.dir.names(FileType::Directory)? {
            self.lock.check()?;
            if let Some(was) = name.strip_prefix(REMOVING_PREFIX) {
                // It may have been a snapshot; then its record goes too.
                if self.store.dir.stat(was)?.is_none() {
                    self.store.remove_record(was)?;
                }
                self.remove_tree(&name)?;
            } else if name.starts_with(name::INCOMPLETE_PREFIX)
                && let Some(removing) = rename_away(&self.store.dir, &name)?
            {
                self.remove_tree(&removing)?;
            }
        }
        Ok(())
    }

    /// Records that were never finished, and those of runs killed before their folder got
    /// its name. The record of a snapshot that someone moved away stays.
    pub(super) fn remove_records(&self) -> Result<()> {
        self.lock.check()?;
        let journals = self.store.control.names(FileType::RegularFile)?;
        for name in self.store.records.names(FileType::RegularFile)? {
            if name.ends_with(TEMPORARY) {
                self.store.records.remove(&name)?;
                continue;
            }
            // Of a run that was killed before it wrote its record, or after it removed it.
            let beside = [".manifest", ".report.json", ".bad", ".created"];
            if let Some(id) = beside.iter().find_map(|suffix| name.strip_suffix(suffix))
                && self.store.dir.stat(id)?.is_none()
                && self.store.records.stat(&record_name(id))?.is_none()
            {
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

    fn remove_unfinished_formats(&self) -> Result<()> {
        self.lock.check()?;
        self.store.remove_unfinished_formats()
    }

    /// What processes of runs that are over told each other: whoever tidies up is alone.
    fn remove_notes(&self) -> Result<()> {
        self.lock.check()?;
        for name in self.store.control.names(FileType::RegularFile)? {
            if name.starts_with(NOTE_PREFIX) {
                self.store.control.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Journals whose folder is gone.
    fn remove_journals(&self) -> Result<()> {
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
