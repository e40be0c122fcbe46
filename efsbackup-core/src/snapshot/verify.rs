//! Verifying a snapshot.

use super::adopt;
use super::manifest_reader::ManifestReader;
use super::record;
use super::repository::Repository;
use super::snapshot::State;
use super::store::{Store, report_name};
use super::verify_manifest::Subject;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::setters::setters;
use crate::mirror::{
    Action, Counts, EntryEvent, EntryType, Filter, Listener, MaxDelete, Mirror, Options, Report,
};
use crate::progress::Observer;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A snapshot about to be verified; see [`Repository::verify`].
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// # let repository = Repository::new("backups", "home")?;
/// # let snapshot = repository.backup("source").run()?.snapshot.ok_or("none")?;
/// // A tenth of the files' contents, and everything else of all.
/// let found = repository.verify(&snapshot.id).sample(10.0).run()?;
/// assert!(found.is_good());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Verify<'a> {
    repository: &'a Repository,
    id: String,
    source: Option<PathBuf>,
    repair: Option<PathBuf>,
    sample: Option<f64>,
    cancel: CancelToken,
    observer: Option<&'a mut dyn Observer>,
}

/// What a verification found.
///
/// ```
/// use efsbackup_core::snapshot::{DifferenceKind, Repository};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// # let repository = Repository::new("backups", "home")?;
/// # let snapshot = repository.backup("source").run()?.snapshot.ok_or("none")?;
/// std::fs::write(repository.snapshot_path(&snapshot.id).join("file"), "rot")?;
/// let found = repository.verify(&snapshot.id).run()?;
/// assert!(!found.is_good());
/// assert_eq!(found.differences[0].kind, DifferenceKind::Corrupted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// How many entries were repaired.
    pub repaired: u64,
    /// Why repairing ended early, if it did.
    pub unrepaired: Option<Error>,
    /// Whether every entry was compared. Without a manifest or a tree to compare with, only
    /// the numbers of entries are checked against the record.
    pub contents_compared: bool,
    /// How many files were read and compared with the digest in the manifest, every name of
    /// a file counted.
    pub files_read: u64,
    /// How many files the manifest has no digest of.
    pub files_without_digest: u64,
    /// Why it could not be noted for later backups which files are damaged, or that an
    /// adopted snapshot is good, if so.
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
    /// Whether the entry was made anew, and now is as it should be.
    pub repaired: bool,
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

    /// Whether the snapshot is as it should be, be it by repair.
    pub fn is_good(&self) -> bool {
        let errors = self.report.errors_total;
        self.differences_total == self.repaired && (errors == 0 || errors <= self.repaired)
    }
}

impl<'a> Verify<'a> {
    pub(super) fn new(repository: &'a Repository, id: &str) -> Self {
        Verify {
            repository,
            id: id.to_owned(),
            source: None,
            repair: None,
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
    /// manifest. What the snapshot's run was told to leave out or not to preserve is left
    /// out here too.
    #[must_use]
    pub fn against(mut self, source: impl AsRef<Path>) -> Self {
        self.source = Some(source.as_ref().to_owned());
        self
    }

    /// Makes entries anew that are not as the manifest says, where `source` still has them
    /// just so: files with the size, time, content and all metadata of then. Each gets a new
    /// inode, in all snapshots that shared the damaged one. Directories get their owner, mode
    /// and time back without `source`. What is extra stays, and what can't be repaired is
    /// told as without. The repository is locked while it is repaired.
    #[must_use]
    pub fn repair(mut self, source: impl AsRef<Path>) -> Self {
        self.repair = Some(source.as_ref().to_owned());
        self
    }

    setters! {
        /// Stops the run when the token is cancelled.
        cancel;

        /// Tells `observer` how far the run is; see [`Observer`].
        progress;
    }

    /// Verifies: looks at every entry, reads every file, and compares them with the
    /// manifest and the record. Nothing is changed, unless it is to be repaired, but damaged
    /// files are noted: later backups copy them anew. An adopted snapshot that is good, without
    /// a sample, counts as complete from then on. Without a manifest only the numbers of entries are compared.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the sample is no share, or a source to compare with is
    /// given too, or one to repair from without a manifest;
    /// [`ErrorKind::NotFound`] when there is no such snapshot;
    /// [`ErrorKind::Unsupported`] when there is neither a tree to compare with nor a
    /// manifest or record; [`ErrorKind::Cancelled`]; those of [`Mirror::run`].
    pub fn run(mut self) -> Result<Verification> {
        if self
            .sample
            .is_some_and(|share| self.source.is_some() || !(share > 0.0 && share <= 100.0))
        {
            return Err(Error::new(ErrorKind::InvalidInput, "verify").with_message(
                "a sample is a share of the files above 0 and up to 100 %, read against the manifest",
            ));
        }
        if self.source.is_some() && self.repair.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, "verify")
                .with_message("compare with a tree, or repair from it by the manifest"));
        }
        let snapshot = self.repository.snapshot(&self.id)?;
        self.id.clone_from(&snapshot.id);
        let mut lost = Vec::new();
        if self.source.is_none() {
            let store = self.repository.open()?;
            let kept = Kept::of(&store, &self.id)?;
            if let Some(manifest) = kept.manifest {
                let subject = Subject {
                    store: &store,
                    id: &self.id,
                    recorded: kept.recorded,
                    damaged: kept.damaged,
                    sample: self.sample,
                    repair: self.repair.as_deref(),
                };
                let mut found = subject.verify(manifest, &self.cancel, self.observer)?;
                if snapshot.state == State::Adopted && found.is_good() && self.sample.is_none() {
                    found.unrecorded = adopt::accept(&store, &self.id, &self.cancel).err();
                }
                return Ok(found);
            }
            lost = kept.damaged;
            if self.repair.is_some() {
                return Err(Error::new(ErrorKind::Unsupported, "repair")
                    .with_message("there is no whole manifest to repair by")
                    .with_path(self.repository.snapshot_path(&self.id)));
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
            ..as_made(self.repository.report(&self.id), contents_compared)?
        };
        let found = Found::new(&destination, &options);
        let mut mirror = Mirror::new(path, &destination).options(options).cancel(&self.cancel);
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
            found.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !contents_compared {
            let counts =
                count_differences(&snapshot.entries, &report.entries.scanned, snapshot.state);
            differences_total = counts.len() as u64;
            differences = counts;
        }
        for what in lost {
            differences_total += 1;
            let kind = DifferenceKind::Corrupted;
            differences.push(Difference { path: BytePath::default(), kind, what, repaired: false });
        }
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Verification {
            report,
            differences,
            differences_total,
            repaired: 0,
            unrepaired: None,
            contents_compared,
            files_read: 0,
            files_without_digest: 0,
            unrecorded: None,
        })
    }
}

/// What was kept of a snapshot.
struct Kept {
    manifest: Option<ManifestReader<BufReader<File>>>,
    /// The manifest's hash, as the record has it.
    recorded: Option<String>,
    /// What of all that is damaged, in words.
    damaged: Vec<String>,
}

impl Kept {
    fn of(store: &Store, id: &str) -> Result<Kept> {
        let mut damaged = Vec::new();
        let mut recorded = None;
        match store.record(id) {
            Ok(Some(record)) => {
                let report = store.records.read(&report_name(id))?;
                let hash = report.map(|text| record::hash(&text));
                if record.report.is_some() && hash != record.report {
                    damaged.push("the report is damaged or missing".to_owned());
                }
                recorded = record.manifest;
            }
            Ok(None) => {}
            Err(error) if error.errno().is_none() => {
                damaged.push(format!("the record is damaged: {}", error.message()));
            }
            Err(error) => return Err(error),
        }
        let manifest = match store.manifest(id) {
            Ok(Some(manifest)) => Some(manifest),
            Ok(None) if recorded.is_none() => None,
            Ok(None) => {
                damaged.push("the manifest is missing".to_owned());
                None
            }
            Err(error) if error.errno().is_none() => {
                damaged.push(format!("the manifest: {}", error.message()));
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Kept { manifest, recorded, damaged })
    }
}

/// What the run of `report` left out, and what it did not preserve. A report that is missing
/// or damaged says nothing.
fn as_made(report: Result<Option<Report>>, wanted: bool) -> Result<Options> {
    let report = report.ok().flatten().filter(|_| wanted);
    let Some(report) = report else { return Ok(Options::default()) };
    let without = |word: &str| !report.options.iter().any(|given| given == word);
    Ok(Options {
        filter: Filter::from_words(&report.options)?,
        one_file_system: !without("--one-file-system"),
        xattrs: without("--no-xattrs"),
        acls: without("--no-acls"),
        hard_links: without("--no-hard-links"),
        owner: without("--no-owner"),
        specials: without("--no-specials"),
        ..Options::default()
    })
}

/// The differences so far: the first of them, and how many.
struct Found<'t> {
    found: Mutex<(Vec<Difference>, u64)>,
    tree: &'t Path,
    /// The device of the tree's root, if what is on others was left out.
    device: Option<u64>,
    specials: bool,
}

impl<'t> Found<'t> {
    fn new(tree: &'t Path, options: &Options) -> Self {
        let device = tree.metadata().ok().map(|root| root.dev());
        let device = device.filter(|_| options.one_file_system);
        Found { found: Mutex::default(), tree, device, specials: options.specials }
    }

    /// Whether the tree's entry is one that the snapshot was not to have.
    fn was_left_out(&self, path: &BytePath, entry_type: EntryType) -> bool {
        let foreign = self.device.is_some_and(|device| {
            let found = self.tree.join(path.as_path()).symlink_metadata();
            found.is_ok_and(|found| found.dev() != device)
        });
        foreign || (entry_type == EntryType::Special && !self.specials)
    }
}

impl Listener for Found<'_> {
    fn entry(&self, event: &EntryEvent<'_>) {
        if event.action == Action::Deleted && self.was_left_out(event.path, event.entry_type) {
            return;
        }
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
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.1 += 1;
        if found.0.len() < Verification::MAX_DIFFERENCES {
            let path = event.path.clone();
            found.0.push(Difference { path, kind, what, repaired: false });
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
            repaired: false,
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
