//! Verifying a snapshot.

use super::manifest_reader::ManifestReader;
use super::repository::Repository;
use super::snapshot::State;
use super::store::Store;
use super::verify_manifest::Subject;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Action, Counts, EntryEvent, Listener, MaxDelete, Mirror, Options, Report};
use crate::progress::Observer;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A snapshot about to be verified; see [`Repository::verify`].
pub struct Verify<'a> {
    repository: &'a Repository,
    id: String,
    source: Option<PathBuf>,
    sample: Option<f64>,
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
    /// Whether every entry was compared. Without a manifest or a tree to compare with, only
    /// the numbers of entries are checked against the record.
    pub contents_compared: bool,
    /// How many files were read and compared with the digest in the manifest, every name of
    /// a file counted.
    pub files_read: u64,
    /// How many files the manifest has no digest of.
    pub files_without_digest: u64,
    /// Why the damaged files could not be noted for later backups, if so.
    pub unrecorded: Option<Error>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The path in the snapshot or the compared tree; empty for the root.
    pub path: BytePath,
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// In words, such as `content differs`.
    pub what: String,
}

/// How an entry of a snapshot is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// Its content or type is another, or can't be read.
    Corrupted,
    /// It should be there and is not.
    Missing,
    /// It is there and should not be.
    Extra,
    /// Only its metadata is another.
    Metadata,
}

impl DifferenceKind {
    /// The stable name, such as `corrupted`.
    pub fn name(self) -> &'static str {
        match self {
            DifferenceKind::Corrupted => "corrupted",
            DifferenceKind::Missing => "missing",
            DifferenceKind::Extra => "extra",
            DifferenceKind::Metadata => "metadata-changed",
        }
    }
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
            sample: None,
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    /// Reads the contents of only this share of the files, in percent, chosen at random;
    /// everything else is compared of all.
    #[must_use]
    pub fn sample(mut self, percent: f64) -> Self {
        self.sample = Some(percent);
        self
    }

    /// Compares content and metadata of every entry with the tree `source`, in place of the
    /// manifest.
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

    /// Verifies: looks at every entry, reads every file, and compares them with the
    /// manifest. Nothing is changed, but damaged files are noted: later backups copy them
    /// anew. Without a manifest only the numbers of entries are compared.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the sample is no share, or a source is given too;
    /// [`ErrorKind::NotFound`] when there is no such snapshot;
    /// [`ErrorKind::Unsupported`] when there is neither a tree to compare with nor a
    /// manifest or record; [`ErrorKind::Cancelled`]; those of [`Mirror::run`].
    pub fn run(self) -> Result<Verification> {
        let mut lost = None;
        if self
            .sample
            .is_some_and(|share| self.source.is_some() || !(share > 0.0 && share <= 100.0))
        {
            return Err(Error::new(ErrorKind::InvalidInput, "verify").with_message(
                "a sample is a share of the files above 0 and up to 100 %, read against the manifest",
            ));
        }
        let snapshot = self.repository.snapshot(&self.id)?;
        if self.source.is_none() {
            match self.manifest()? {
                Kept::Whole(store, recorded, manifest) => {
                    let (id, sample) = (self.id.as_str(), self.sample);
                    let subject = Subject { store: &store, id, recorded, sample };
                    return subject.verify(*manifest, &self.cancel, self.observer);
                }
                Kept::Damaged(what) => lost = Some(what),
                Kept::None => {}
            }
        }
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
        if let Some(what) = lost {
            differences_total += 1;
            let kind = DifferenceKind::Corrupted;
            differences.push(Difference { path: BytePath::default(), kind, what });
        }
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Verification {
            report,
            differences,
            differences_total,
            contents_compared,
            files_read: 0,
            files_without_digest: 0,
            unrecorded: None,
        })
    }

    fn manifest(&self) -> Result<Kept> {
        let store = self.repository.open()?;
        // The record may be damaged where the manifest is not.
        let recorded = store.record(&self.id).ok().flatten().and_then(|record| record.manifest);
        match store.manifest(&self.id) {
            Ok(Some(manifest)) => Ok(Kept::Whole(store, recorded, Box::new(manifest))),
            Ok(None) if recorded.is_none() => Ok(Kept::None),
            Ok(None) => Ok(Kept::Damaged("the manifest is missing".to_owned())),
            Err(error) if error.errno().is_none() => {
                Ok(Kept::Damaged(format!("the manifest: {}", error.message())))
            }
            Err(error) => Err(error),
        }
    }
}

/// What was kept of a snapshot.
enum Kept {
    Whole(Store, Option<String>, Box<ManifestReader<BufReader<File>>>),
    Damaged(String),
    None,
}

/// The differences so far: the first of them, and how many.
#[derive(Default)]
struct Found(Mutex<(Vec<Difference>, u64)>);

impl Listener for Found {
    fn entry(&self, event: &EntryEvent<'_>) {
        let (kind, what) = match event.action {
            Action::Unchanged | Action::Failed => return,
            Action::Created | Action::Linked => {
                (DifferenceKind::Extra, "only in the snapshot".to_owned())
            }
            Action::Deleted => (DifferenceKind::Missing, "not in the snapshot".to_owned()),
            Action::Vanished => (DifferenceKind::Missing, "vanished from the snapshot".to_owned()),
            Action::Adjusted => (DifferenceKind::Metadata, differs(event.itemize)),
            _ => (DifferenceKind::Corrupted, differs(event.itemize)),
        };
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.1 += 1;
        if found.0.len() < Verification::MAX_DIFFERENCES {
            found.0.push(Difference { path: event.path.clone(), kind, what });
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
            kind: if found < recorded { DifferenceKind::Missing } else { DifferenceKind::Extra },
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
