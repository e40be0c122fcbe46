//! Verifying a snapshot.

use super::repository::Repository;
use super::snapshot::State;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Action, Counts, EntryEvent, Listener, MaxDelete, Mirror, Options, Report};
use crate::progress::Observer;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A snapshot about to be verified; see [`Repository::verify`].
pub struct Verify<'a> {
    repository: &'a Repository,
    id: String,
    source: Option<PathBuf>,
    cancel: CancelToken,
    observer: Option<&'a mut dyn Observer>,
}

/// What a verification found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verification {
    /// What was looked at. Counts of changes are of what would have to be done to make the
    /// compared tree equal to the snapshot.
    pub report: Report,
    /// The first 1,000 differences.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub differences_total: u64,
    /// Whether contents were compared. Without a tree to compare with, only the numbers of
    /// entries and bytes are checked against the record.
    pub contents_compared: bool,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The path in the snapshot or the compared tree; empty for the root.
    pub path: BytePath,
    /// In words, such as `content differs`.
    pub what: String,
}

impl Verification {
    /// How many differences are kept.
    pub const MAX_DIFFERENCES: usize = 1_000;

    /// Whether the snapshot is as it should be.
    pub fn is_good(&self) -> bool {
        self.differences_total == 0 && self.report.errors_total == 0
    }
}

impl<'a> Verify<'a> {
    pub(super) fn new(repository: &'a Repository, id: &str) -> Self {
        Verify {
            repository,
            id: id.to_owned(),
            source: None,
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    /// Compares content and metadata of every entry with the tree `source`.
    #[must_use]
    pub fn against(mut self, source: impl AsRef<Path>) -> Self {
        self.source = Some(source.as_ref().to_owned());
        self
    }

    /// Stops the run when the token is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Tells `observer` how far the run is; see [`Observer`].
    #[must_use]
    pub fn progress(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Verifies. Nothing is changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such snapshot;
    /// [`ErrorKind::Unsupported`] when there is neither a tree to compare with nor a
    /// record; [`ErrorKind::Cancelled`]; those of [`Mirror::run`].
    pub fn run(self) -> Result<Verification> {
        let snapshot = self.repository.snapshot(&self.id)?;
        if self.source.is_none() && snapshot.state == State::Unknown {
            return Err(Error::new(ErrorKind::Unsupported, "verify")
                .with_message("no record of this snapshot was kept; compare it with --source DIR")
                .with_path(self.repository.snapshot_path(&self.id)));
        }
        let path = self.repository.snapshot_path(&self.id);
        let contents_compared = self.source.is_some();
        // Without a tree to compare with, everything is compared with nothing and so counted.
        let nothing = self.repository.path().join(".efsbackup/nothing");
        let destination = self.source.unwrap_or(nothing);
        let options = Options {
            dry_run: true,
            delete: contents_compared,
            allow_empty: true,
            checksum: contents_compared,
            max_delete: MaxDelete::Percent(100),
            ..Options::default()
        };
        let found = Found::default();
        let mut mirror = Mirror::new(path, destination).options(options).cancel(&self.cancel);
        if let Some(observer) = self.observer {
            mirror = mirror.progress(observer);
        }
        if contents_compared {
            mirror = mirror.listener(&found);
        }
        let report = mirror.run()?;
        if self.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "verify"));
        }
        let (mut differences, mut differences_total) =
            found.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !contents_compared {
            let counts =
                count_differences(&snapshot.entries, &report.entries.scanned, snapshot.state);
            differences_total = counts.len() as u64;
            differences = counts;
        }
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Verification { report, differences, differences_total, contents_compared })
    }
}

/// The differences so far: the first of them, and how many.
#[derive(Default)]
struct Found(Mutex<(Vec<Difference>, u64)>);

impl Listener for Found {
    fn entry(&self, event: &EntryEvent<'_>) {
        let what = match event.action {
            Action::Unchanged | Action::Failed => return,
            Action::Created | Action::Linked => "only in the snapshot".to_owned(),
            Action::Deleted => "not in the snapshot".to_owned(),
            Action::Vanished => "vanished from the snapshot".to_owned(),
            _ => differs(event.itemize),
        };
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.1 += 1;
        if found.0.len() < Verification::MAX_DIFFERENCES {
            found.0.push(Difference { path: event.path.clone(), what });
        }
    }
}

/// What rsync's `%i` code says, in words.
fn differs(itemize: &str) -> String {
    let words = ["content", "size", "time", "mode", "owner", "group", "", "ACL", "xattrs"];
    let marked = itemize.bytes().skip(2).zip(words);
    let what: Vec<&str> = marked.filter(|(mark, _)| !b". ".contains(mark)).map(|m| m.1).collect();
    match what.is_empty() {
        true => "differs".to_owned(),
        false => format!("{} differ", what.join(", ")),
    }
}

/// How the number of entries differs from the record. A partial snapshot may hold more: what
/// could not be read is there as it was before.
fn count_differences(recorded: &Counts, found: &Counts, state: State) -> Vec<Difference> {
    let types = [
        ("files", recorded.file, found.file),
        ("directories", recorded.dir, found.dir),
        ("symbolic links", recorded.symlink, found.symlink),
        ("further hard links", recorded.hardlink, found.hardlink),
        ("special files", recorded.special, found.special),
    ];
    types
        .into_iter()
        .filter(|(_, recorded, found)| match state {
            State::Partial => found < recorded,
            _ => found != recorded,
        })
        .map(|(name, recorded, found)| Difference {
            path: BytePath::default(),
            what: format!("{found} {name} in place of {recorded}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_in_words() {
        assert_eq!(differs(">fcst......"), "content, size, time differ");
        assert_eq!(differs(".f...pog.ax"), "mode, owner, group, ACL, xattrs differ");
        assert_eq!(differs("*"), "differs");
    }

    #[test]
    fn a_partial_snapshot_may_hold_more_than_was_counted() {
        let recorded = Counts { file: 2, dir: 1, ..Counts::default() };
        let more = Counts { file: 3, dir: 1, ..Counts::default() };
        assert!(count_differences(&recorded, &more, State::Partial).is_empty());
        assert_eq!(count_differences(&recorded, &more, State::Complete).len(), 1);
        let less = count_differences(&more, &recorded, State::Partial);
        assert_eq!(less[0].what, "2 files in place of 3");
    }
}
