//! One snapshot, as it is listed.

use crate::mirror::Counts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a snapshot is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// It holds everything the source held.
    Complete,
    /// Some entries could not be read: they are missing, or as they were before.
    Partial,
    /// It was made by another program and not verified since.
    Adopted,
    /// It holds only what a restore in place has replaced or removed.
    Undo,
    /// The folder is there, but no record of it, or a damaged one.
    Unknown,
}

impl State {
    /// The stable name, such as `complete`.
    pub fn name(self) -> &'static str {
        match self {
            State::Complete => "complete",
            State::Partial => "partial",
            State::Adopted => "adopted",
            State::Undo => "undo",
            State::Unknown => "unknown",
        }
    }
}

/// One snapshot of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name, which is its folder's name.
    pub id: String,
    /// The instant it is of; not known when `state` is [`State::Unknown`].
    pub time: Option<Timestamp>,
    /// When it was finished.
    pub published: Option<Timestamp>,
    /// What it is worth.
    pub state: State,
    /// How many entries it holds.
    pub entries: Counts,
    /// The sizes of its files in bytes, each counted once.
    pub bytes: u64,
    /// How many bytes were newly stored for it.
    pub new_bytes: u64,
    /// The file system it is proved to be of.
    pub file_system: Option<String>,
}

impl Snapshot {
    pub(super) fn unknown(id: String) -> Snapshot {
        Snapshot {
            id,
            time: None,
            published: None,
            state: State::Unknown,
            entries: Counts::default(),
            bytes: 0,
            new_bytes: 0,
            file_system: None,
        }
    }
}
