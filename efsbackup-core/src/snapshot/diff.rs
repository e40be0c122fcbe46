//! What changed between two snapshots, or between a snapshot and a directory.

use super::compare::{self, Entries};
use super::look::look;
use super::manifest::ManifestEntry;
use super::manifest_file::Coverage;
use super::repository::Repository;
use super::store::Store;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A comparison about to be made; see [`Repository::diff`].
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// let snapshot = repository.backup("source").run()?.snapshot.ok_or("nothing was published")?;
/// std::fs::write("source/new", "since then")?;
/// let mut added = Vec::new();
/// repository.diff_directory(&snapshot.id, "source").run(|change| {
///     if change.before.is_none() {
///         added.push(change.path.to_string());
///     }
/// })?;
/// assert_eq!(added, ["new"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Diff<'a> {
    repository: &'a Repository,
    from: String,
    to: Side,
    contents: bool,
    cancel: CancelToken,
}

enum Side {
    Snapshot(String),
    Directory(PathBuf),
}

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The path below both; empty for the root.
    pub path: BytePath,
    /// How it was; `None` if it is new.
    pub before: Option<ManifestEntry>,
    /// How it is; `None` if it is gone.
    pub after: Option<ManifestEntry>,
    /// What differs where it is on both sides, such as `content` and `mode`.
    pub what: Vec<&'static str>,
}

impl<'a> Diff<'a> {
    pub(super) fn with_snapshot(repository: &'a Repository, from: &str, to: &str) -> Self {
        Self::new(repository, from, Side::Snapshot(to.to_owned()))
    }

    pub(super) fn with_directory(repository: &'a Repository, from: &str, to: &Path) -> Self {
        Self::new(repository, from, Side::Directory(to.to_owned()))
    }

    fn new(repository: &'a Repository, from: &str, to: Side) -> Self {
        let cancel = CancelToken::new();
        Diff { repository, from: from.to_owned(), to, contents: false, cancel }
    }

    /// Reads the contents of a directory. Without, a file of equal size and time there
    /// counts as equal.
    #[must_use]
    pub fn contents(mut self, contents: bool) -> Self {
        self.contents = contents;
        self
    }

    /// Stops the run when the token is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Calls `each` for every path that differs, directory by directory in the order of
    /// their paths, in each by name. Which names are hard links of each other is not compared.
    ///
    /// A snapshot without a manifest is looked at instead, without its contents.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such snapshot or directory;
    /// [`ErrorKind::Incomplete`] when some of a tree could not be read, after all else was
    /// told; [`ErrorKind::Cancelled`]; a manifest that is damaged.
    pub fn run(self, mut each: impl FnMut(Change)) -> Result<()> {
        let store = self.repository.open()?;
        let (mut before, coverage) = self.snapshot(&store, &self.from)?;
        let mut after = match &self.to {
            Side::Snapshot(id) => self.snapshot(&store, id)?.0,
            Side::Directory(path) => self.tree(&store, path, coverage, self.contents)?,
        };
        let mut unreadable = 0_u64;
        compare::side_by_side(&mut *before, &mut *after, |before, after| {
            if self.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "diff"));
            }
            if before.iter().chain(&after).any(|entry| entry.unreadable) {
                unreadable += 1;
            } else if let Some(change) = change(before, after) {
                each(change);
            }
            Ok(())
        })?;
        match unreadable {
            0 => Ok(()),
            some => Err(Error::new(ErrorKind::Incomplete, "diff")
                .with_message(format!("{some} entries could not be read, and are left out"))),
        }
    }

    fn snapshot(&self, store: &Store, id: &str) -> Result<(Box<dyn Entries>, Coverage)> {
        let id = self.repository.snapshot(id)?.id;
        if let Some(manifest) = store.manifest(&id)? {
            let coverage = manifest.coverage();
            return Ok((Box::new(manifest), coverage));
        }
        let coverage = Coverage { xattrs: true, acls: true };
        let path = self.repository.snapshot_path(&id);
        Ok((self.tree(store, &path, coverage, false)?, coverage))
    }

    fn tree(
        &self,
        store: &Store,
        path: &Path,
        coverage: Coverage,
        contents: bool,
    ) -> Result<Box<dyn Entries>> {
        let wanted = Box::new(move |_: &BytePath| contents);
        let (entries, _) = look(store, path, coverage, Some(wanted), &self.cancel, None)?;
        Ok(Box::new(entries))
    }
}

fn change(before: Option<ManifestEntry>, after: Option<ManifestEntry>) -> Option<Change> {
    let what = match (&before, &after) {
        (Some(before), Some(after)) => {
            let what = differences(before, after);
            if what.is_empty() {
                return None;
            }
            what
        }
        _ => Vec::new(),
    };
    let path = before.as_ref().or(after.as_ref())?.path.clone();
    Some(Change { path, before, after, what })
}

/// Everything that differs between two entries, in words.
pub(super) fn differences(one: &ManifestEntry, other: &ManifestEntry) -> Vec<&'static str> {
    let mut what = compare::content(one, other);
    if one.kind == other.kind {
        what.extend(compare::metadata(one, other));
    }
    what
}
