//! What a run did.

use super::event::EntryType;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything was done.
    Complete,
    /// The run went to its end, but some entries failed or vanished.
    Partial,
    /// A guard refused before anything was changed.
    Refused,
    /// Everything was copied, but deletion was withheld by `max_delete`.
    Withheld,
    /// Stopped by `stop_after`; the next run continues.
    Unfinished,
    /// Stopped by the caller.
    Cancelled,
    /// The run could not go on.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] = &[
        Outcome::Complete,
        Outcome::Partial,
        Outcome::Refused,
        Outcome::Withheld,
        Outcome::Unfinished,
        Outcome::Cancelled,
        Outcome::Failed,
    ];

    /// The stable name, such as `complete`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Partial => "partial",
            Outcome::Refused => "refused",
            Outcome::Withheld => "withheld",
            Outcome::Unfinished => "unfinished",
            Outcome::Cancelled => "cancelled",
            Outcome::Failed => "failed",
        }
    }
}

/// How many entries, by type.
///
/// ```
/// use efsbackup_core::mirror::{Counts, EntryType};
///
/// let mut counts = Counts { file: 2, dir: 1, ..Counts::default() };
/// *counts.of(EntryType::Symlink) += 1;
/// assert_eq!(counts.total(), 4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Regular files.
    pub file: u64,
    /// Directories.
    pub dir: u64,
    /// Symbolic links.
    pub symlink: u64,
    /// Further names of files already counted.
    pub hardlink: u64,
    /// Fifos, sockets and devices.
    pub special: u64,
}

impl Counts {
    /// All types together.
    pub fn total(&self) -> u64 {
        self.file + self.dir + self.symlink + self.hardlink + self.special
    }

    /// The count of one type.
    pub fn of(&mut self, entry_type: EntryType) -> &mut u64 {
        match entry_type {
            EntryType::File => &mut self.file,
            EntryType::Dir => &mut self.dir,
            EntryType::Symlink => &mut self.symlink,
            EntryType::HardLink => &mut self.hardlink,
            EntryType::Special => &mut self.special,
        }
    }
}

impl Report {
    /// The report of a run that had nothing to do.
    #[cfg(feature = "snapshot")]
    pub(crate) fn of_nothing(started: SystemTime) -> Report {
        let finished = SystemTime::now();
        Report {
            outcome: Outcome::Complete,
            entries: Entries::default(),
            bytes: Bytes::default(),
            started,
            finished,
            elapsed: finished.duration_since(started).unwrap_or_default(),
            errors: Vec::new(),
            errors_total: 0,
            options: Vec::new(),
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            file: self.file + other.file,
            dir: self.dir + other.dir,
            symlink: self.symlink + other.symlink,
            hardlink: self.hardlink + other.hardlink,
            special: self.special + other.special,
        }
    }
}

/// What happened to how many entries. The root directory is counted like any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
pub struct Entries {
    /// Met in the source.
    pub scanned: Counts,
    /// Made at the destination.
    pub created: Counts,
    /// Content, type or metadata changed at the destination.
    pub updated: Counts,
    /// Hard-linked from a link source.
    pub linked: Counts,
    /// Already equal.
    pub unchanged: Counts,
    /// Removed from the destination.
    pub deleted: Counts,
    /// Neither copied nor removed as they should have been.
    pub failed: Counts,
    /// Vanished from the source, or kept changing, while the run went on.
    pub vanished: Counts,
}

/// How many bytes of file content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
pub struct Bytes {
    /// Sizes of the source's files, each counted once.
    pub scanned: u64,
    /// Written at the destination.
    pub copied: u64,
    /// Not written, since the files were hard-linked from a link source.
    pub linked: u64,
}

/// What went wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// The path below the root; empty for the root itself.
    pub path: BytePath,
    /// The operation that failed, such as `open`.
    pub op: Cow<'static, str>,
    /// The operating system's error number.
    pub errno: Option<i32>,
    /// What kind of error.
    pub kind: ErrorKind,
    /// In words.
    pub message: String,
}

impl EntryError {
    /// The entry error that `error` means for the entry at `path`.
    pub fn new(path: BytePath, error: &Error) -> Self {
        EntryError {
            path,
            op: error.op().into(),
            errno: error.errno(),
            kind: error.kind(),
            message: error.message(),
        }
    }
}

/// What a run did. The same fields in every language.
///
/// ```
/// use efsbackup_core::mirror::{Mirror, Outcome};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # std::fs::create_dir("source")?;
/// let report = Mirror::new("source", "copy").run()?;
/// for error in &report.errors {
///     eprintln!("{}: {}: {}", error.op, error.path, error.message);
/// }
/// assert_eq!((report.outcome, report.exit_status()), (Outcome::Complete, 0));
/// let report = report.into_result()?; // an error where entries failed
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// How the run ended.
    pub outcome: Outcome,
    /// What happened to how many entries.
    pub entries: Entries,
    /// How many bytes.
    pub bytes: Bytes,
    /// When the run began.
    pub started: SystemTime,
    /// When it ended.
    pub finished: SystemTime,
    /// How long it took, by a clock that never jumps.
    pub elapsed: Duration,
    /// The first 1,000 errors.
    pub errors: Vec<EntryError>,
    /// How many errors there were in all.
    pub errors_total: u64,
    /// The options that differ from their defaults, as the command would be told them.
    pub options: Vec<String>,
}

impl Report {
    /// How many of the errors a report keeps.
    pub const MAX_ERRORS: usize = 1_000;

    /// The exit status of the `efsbackup` command for this report.
    pub fn exit_status(&self) -> u8 {
        match self.outcome {
            Outcome::Complete => 0,
            Outcome::Partial if self.entries.failed.total() > 0 => 23,
            Outcome::Partial => 24,
            Outcome::Refused => 3,
            Outcome::Withheld => 25,
            Outcome::Unfinished => 26,
            Outcome::Cancelled => 130,
            Outcome::Failed => 1,
        }
    }

    /// The report itself when all that still exists was copied, else the error that says why
    /// not. Entries that vanished or kept changing (exit status 24) are no error: on a file
    /// system in use there are always some.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] or [`ErrorKind::SafetyStop`] for those outcomes,
    /// [`ErrorKind::Incomplete`] for `Partial` with failed entries, `Withheld`, `Unfinished`
    /// and `Failed`.
    pub fn into_result(self) -> Result<Report> {
        let kind = match self.outcome {
            Outcome::Complete => return Ok(self),
            Outcome::Partial if self.entries.failed.total() == 0 => return Ok(self),
            Outcome::Cancelled => ErrorKind::Cancelled,
            Outcome::Refused => ErrorKind::SafetyStop,
            _ => ErrorKind::Incomplete,
        };
        let mut message = format!("the run is {}", self.outcome.name());
        if let Some(first) = self.errors.first() {
            let path = if first.path.is_empty() { ".".into() } else { first.path.to_string() };
            message += &format!(
                ", with {} errors, the first: {}: {}: {path}",
                self.errors_total, first.op, first.message
            );
        }
        Err(Error::new(kind, "mirror").with_message(message))
    }
}
