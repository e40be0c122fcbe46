//! What happens during an operation, in lines for a log.
//!
//! The library logs nothing by itself. Whoever wants a log makes [`Records`], has the
//! operation's events put in, and takes them out on a thread of its own choice:
//!
//! ```
//! use efsbackup_core::log::{Level, Records};
//!
//! let records = Records::new(Level::Info);
//! records.add(Level::Info, "apply", || "put the definition".to_owned());
//! records.add(Level::Debug, "mirror", || unreachable!("nobody wants it"));
//! let record = &records.take()[0];
//! assert_eq!(record.to_string(), "info apply: put the definition");
//! ```

use crate::progress::Progress;
use std::collections::VecDeque;
use std::fmt;
use std::mem::take;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Each entry that something was done to.
    Debug,
    /// What is being done, and what came of it.
    Info,
    /// What a person should know, though the operation goes on.
    Warning,
    /// What has failed.
    Error,
}

impl Level {
    /// `debug`, `info`, `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One thing that happened. As text: level, piece and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// Which piece of the library tells: `mirror`, `snapshot`, `apply`, `wait`, `run` or
    /// `worker`.
    pub piece: &'static str,
    /// What happened; seldom more than a line. No secret is in it that a definition marks
    /// as one.
    pub message: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.level.name(), self.piece, self.message)
    }
}

/// How many records wait to be taken; more are counted only.
const MOST: usize = 10_000;

/// Records on their way from an operation's threads to the one that logs them.
///
/// ```
/// use efsbackup_core::log::{Level, Records};
///
/// let records = Records::new(Level::Info);
/// records.add(Level::Debug, "mirror", || unreachable!("not wanted, so it is not made"));
/// records.add(Level::Warning, "mirror", || "a file kept changing".to_owned());
/// for record in records.take() {
///     println!("{record}"); // warning mirror: a file kept changing
/// }
/// ```
#[derive(Debug)]
pub struct Records {
    least: Option<Level>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<Record>,
    left_out: usize,
    silent: Option<PathBuf>,
    waits_for: Option<String>,
}

impl Records {
    /// Keeps records of this level and above.
    pub fn new(least: Level) -> Records {
        Records { least: Some(least), waiting: Mutex::default() }
    }

    /// Keeps none.
    pub fn none() -> Records {
        Records { least: None, waiting: Mutex::default() }
    }

    /// Whether records of this level are kept.
    pub fn wants(&self, level: Level) -> bool {
        self.least.is_some_and(|least| level >= least)
    }

    /// Adds a record, if its level is wanted.
    pub fn add(&self, level: Level, piece: &'static str, message: impl FnOnce() -> String) {
        if self.wants(level) {
            self.push(Record { level, piece, message: message() });
        }
    }

    /// Adds what happened, if its level is wanted.
    pub fn tell(&self, event: impl Into<Record>) {
        let record = event.into();
        if self.wants(record.level) {
            self.push(record);
        }
    }

    /// Adds that a file server has fallen silent, or answers again, and what is waited for.
    pub fn progress(&self, piece: &'static str, progress: &Progress) {
        if !self.wants(Level::Warning) {
            return;
        }
        let waited_for = self.waiting().waits_for.clone();
        if let Some(who) = progress.waits_for.clone().filter(|who| waited_for.as_ref() != Some(who))
        {
            self.waiting().waits_for = Some(who.clone());
            self.add(Level::Warning, piece, || who);
        }
        if self.waiting().silent == progress.silent {
            return;
        }
        let before = std::mem::replace(&mut self.waiting().silent, progress.silent.clone());
        let shown = |path: PathBuf| crate::bytepath::BytePath::from(path);
        self.add(Level::Warning, piece, || match (before, progress.silent.clone()) {
            (_, Some(root)) => format!("the file server of {} is silent; waiting", shown(root)),
            (before, None) => {
                format!("the file server of {} answers again", shown(before.unwrap_or_default()))
            }
        });
    }

    /// The records that were added since this was called last, the oldest first.
    pub fn take(&self) -> Vec<Record> {
        if self.least.is_none() {
            return Vec::new();
        }
        let mut waiting = self.waiting();
        let mut records: Vec<Record> = take(&mut waiting.records).into();
        let left_out = take(&mut waiting.left_out);
        drop(waiting);
        if left_out > 0 {
            let message = format!("{left_out} more were left out, as they came too fast");
            records.push(Record { level: Level::Warning, piece: "log", message });
        }
        records
    }

    fn push(&self, record: Record) {
        let mut waiting = self.waiting();
        // What matters is kept, even when there is too much of it.
        if waiting.records.len() < MOST || record.level > Level::Debug {
            waiting.records.push_back(record);
        } else {
            waiting.left_out += 1;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_records_are_counted_but_warnings_stay() {
        let records = Records::new(Level::Debug);
        for number in 0..MOST + 3 {
            records.add(Level::Debug, "mirror", || number.to_string());
        }
        records.add(Level::Warning, "mirror", || "kept".to_owned());
        let taken = records.take();
        assert_eq!(taken.len(), MOST + 2);
        assert_eq!(taken[MOST].message, "kept");
        assert!(taken[MOST + 1].message.starts_with("3 more were left out"), "{taken:?}");
        assert!(records.take().is_empty());
    }

    #[test]
    fn silence_is_told_once_and_its_end_too() {
        let records = Records::new(Level::Info);
        let mut progress = Progress {
            phase: crate::progress::Phase::Copying,
            entries: 0,
            entries_written: 0,
            entries_deleted: 0,
            errors: 0,
            bytes: 0,
            bytes_written: 0,
            elapsed: std::time::Duration::ZERO,
            silent: Some("/mnt".into()),
            waits_for: None,
        };
        records.progress("mirror", &progress);
        records.progress("mirror", &progress);
        progress.silent = None;
        records.progress("mirror", &progress);
        let lines: Vec<String> = records.take().iter().map(Record::to_string).collect();
        assert_eq!(
            lines,
            [
                "warning mirror: the file server of /mnt is silent; waiting",
                "warning mirror: the file server of /mnt answers again",
            ]
        );
    }
}
