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
    /// The BLAKE3 hash of its report's file, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<String>,
    /// The BLAKE3 hash of this record's file with zeros in place of these hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<String>,
    /// What an undo undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<Origin>,
    /// Where it was before it was adopted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adopted: Option<String>,
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

/// As long as a hash in hexadecimal digits.
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The BLAKE3 hash of `bytes`, in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(blake3::hash(bytes).as_bytes())
}

impl Record {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn to_json(&self) -> Result<Vec<u8>> {
        let write = |check: String| {
            let mut text =
                serde_json::to_vec_pretty(&Record { check: Some(check), ..self.clone() }).map_err(
                    |error| Error::new(ErrorKind::Internal, "write record").with_source(error),
                )?;
            text.push(b'\n');
            Ok(text)
        };
        let text = write(ZEROS.to_owned())?;
        write(hash(&text))
    }

    pub(super) fn from_json(text: &[u8]) -> Result<Record> {
        let bad = |message: String| Error::new(ErrorKind::Io, "read record").with_message(message);
        let record: Record =
            serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        match record.version {
            // Older ones had neither.
            Self::VERSION if record.check.is_none() && record.report.is_none() => Ok(record),
            Self::VERSION if record.is_as_written(text) => Ok(record),
            Self::VERSION => Err(bad("its checksum is wrong".to_owned())),
            other => Err(bad(format!("version {other} is not known to this version"))),
        }
    }

    /// Whether the file `text` has the checksum that it tells.
    fn is_as_written(&self, text: &[u8]) -> bool {
        let Some(check) = self.check.as_ref().filter(|check| check.len() == ZEROS.len()) else {
            return false;
        };
        let mut windows = text.windows(check.len());
        let Some(at) = windows.position(|bytes| bytes == check.as_bytes()) else { return false };
        let zeroed = [&text[..at], ZEROS.as_bytes(), &text[at + check.len()..]].concat();
        hash(&zeroed) == *check
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
