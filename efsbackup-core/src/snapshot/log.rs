//! What is done to snapshots, for a log.

use super::{Adopted, BackupReport, PruneReport, RestoreReport, Snapshot, Verification};
use crate::bytepath::BytePath;
use crate::log::{Level, Records};

const PIECE: &str = "snapshot";

impl BackupReport {
    /// Adds what came of the backup: the report, then what was published, removed and left.
    pub fn log(&self, records: &Records) {
        self.report.log(records);
        if let Some(Snapshot { id, state, .. }) = &self.snapshot {
            records.add(Level::Info, PIECE, || format!("{} snapshot {id}", state.name()));
        }
        removed(&self.removed, &self.left_over, records);
    }
}

impl RestoreReport {
    /// Adds what came of the restore: the report, then what undoes it.
    pub fn log(&self, records: &Records) {
        self.report.log(records);
        if let Some(undo) = &self.undo {
            records.add(Level::Info, PIECE, || format!("snapshot {} undoes this", undo.id));
        }
    }
}

impl PruneReport {
    /// Adds what was removed and what is left.
    pub fn log(&self, records: &Records) {
        removed(&self.removed, &self.left_over, records);
    }
}

impl Adopted {
    /// Adds what became of the folder.
    pub fn log(&self, records: &Records) {
        let folder = BytePath::from(self.folder.as_path());
        let done = if self.snapshot.is_some() { "adopted" } else { "would adopt" };
        records.add(Level::Info, PIECE, || format!("{done} {folder} as snapshot {}", self.id));
    }
}

impl Verification {
    /// Adds the differences, as far as they are kept, and a line about the whole.
    pub fn log(&self, records: &Records) {
        for found in &self.differences {
            let path = if found.path.is_empty() { ".".to_owned() } else { found.path.to_string() };
            let repaired = if found.repaired { "; repaired" } else { "" };
            let level = if found.repaired { Level::Warning } else { Level::Error };
            records.add(level, PIECE, || {
                format!("{}: {path}: {}{repaired}", found.kind.name(), found.what)
            });
        }
        let more = self.differences_total.saturating_sub(self.differences.len() as u64);
        if more > 0 {
            records.add(Level::Error, PIECE, || format!("and {more} more differences"));
        }
        for problem in self.unrepaired.iter().chain(&self.unrecorded) {
            records.add(Level::Warning, PIECE, || problem.to_string());
        }
        let (level, verdict) = match self.is_good() {
            true => (Level::Info, "as it should be"),
            false => (Level::Error, "not as it should be"),
        };
        records.add(level, PIECE, || {
            format!(
                "{verdict}: {} entries, {} files read, {} differences, {} repaired",
                self.report.entries.scanned.total(),
                self.files_read,
                self.differences_total,
                self.repaired
            )
        });
    }
}

/// What nothing kept, and what of it could not be removed.
fn removed(removed: &[String], left_over: &[String], records: &Records) {
    for id in removed {
        records.add(Level::Info, PIECE, || format!("removed snapshot {id}"));
    }
    for problem in left_over {
        records.add(Level::Warning, PIECE, || format!("left for the next run: {problem}"));
    }
}
