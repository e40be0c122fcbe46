//! What the repository remembers of each snapshot.

use super::snapshot::{Snapshot, State};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Counts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One snapshot's record, `.efsbackup/snapshots/ID.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The version of this record's form.
    pub(super) version: u32,
    /// The run that made it.
    pub(super) run: String,
    /// Complete or partial.
    pub(super) state: State,
    /// The instant it is of: when the run began to read the source.
    pub(super) time: Timestamp,
    /// When it was finished.
    pub(super) published: Timestamp,
    /// The file system that was proved to be the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file_system: Option<String>,
    /// The machine that made it.
    pub(super) host: String,
    /// What it holds.
    pub(super) entries: Counts,
    /// The sizes of its files, each counted once.
    pub(super) bytes: u64,
    /// How many bytes were newly stored for it.
    pub(super) new_bytes: u64,
    /// The hash that its manifest ends with, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<String>,
    /// What an undo undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<Origin>,
    /// The exit status of its run: 0, 23 or 24.
    pub(super) exit_status: u8,
}

/// Which restore an undo undoes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The snapshot that was restored.
    pub(super) snapshot: String,
    /// Into which directory, for people.
    pub(super) destination: String,
    /// The directory's path, in base64.
    pub(super) destination_b64: String,
}

impl Record {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Internal, "write record").with_source(error))?;
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn from_json(text: &[u8]) -> Result<Record> {
        let bad = |message: String| Error::new(ErrorKind::Io, "read record").with_message(message);
        let record: Record =
            serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        match record.version {
            Self::VERSION => Ok(record),
            other => Err(bad(format!("version {other} is not known to this version"))),
        }
    }

    pub(super) fn into_snapshot(self, id: String) -> Snapshot {
        Snapshot {
            id,
            time: Some(self.time),
            published: Some(self.published),
            state: self.state,
            entries: self.entries,
            bytes: self.bytes,
            new_bytes: self.new_bytes,
            file_system: self.file_system,
        }
    }
}
