//! A repository: a folder of snapshots of one source.

use super::adopt::Adopt;
use super::backup::Backup;
use super::diff::Diff;
use super::prune::Prune;
use super::restore::Restore;
use super::retention::Retention;
use super::snapshot::{Snapshot, State};
use super::store::{CONTROL, Store};
use super::verify::Verify;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Report;
use std::path::{Path, PathBuf};

/// What stands for the newest complete snapshot wherever the name of one is asked for.
pub const LATEST: &str = "latest";

/// The snapshots of one source: the folder `ROOT/NAME`. Nothing is opened or made before an
/// operation runs.
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// repository.backup("source").run()?.into_result()?;
/// for snapshot in repository.snapshots()? {
///     println!("{} {}", snapshot.id, repository.snapshot_path(&snapshot.id).display());
///     assert!(repository.verify(&snapshot.id).run()?.is_good());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
    name: String,
}

impl Repository {
    /// The repository `name` under `root`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `name` is no name of a folder, or begins with a dot.
    pub fn new(root: impl AsRef<Path>, name: &str) -> Result<Repository> {
        if name.is_empty()
            || name.len() > 255
            || name.starts_with('.')
            || name.contains(['/', '\0'])
        {
            return Err(Error::new(ErrorKind::InvalidInput, "repository").with_message(format!(
                "a repository's name is 1 to 255 bytes without '/', not beginning with '.': {name:?}"
            )));
        }
        Ok(Repository { root: root.as_ref().to_owned(), name: name.to_owned() })
    }

    /// The only repository under `root`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none; [`ErrorKind::InvalidInput`] when there
    /// are several, naming them.
    pub fn only(root: impl AsRef<Path>) -> Result<Repository> {
        let root = root.as_ref();
        let listed = std::fs::read_dir(root).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let entries = listed.map_err(|error| Error::from_io("list", error).with_path(root))?;
        let mut names: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.path().join(CONTROL).is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort_unstable();
        match names.as_slice() {
            [name] => Repository::new(root, name),
            [] => Err(Error::new(ErrorKind::NotFound, "repository")
                .with_message("there is no repository here; `efsbackup backup` makes one")
                .with_path(root)),
            several => Err(Error::new(ErrorKind::InvalidInput, "repository")
                .with_message(format!("choose one by --name: {}", several.join(", ")))
                .with_path(root)),
        }
    }

    /// The folder of all repositories.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that holds the snapshots.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// The folder of the snapshot `id`.
    pub fn snapshot_path(&self, id: &str) -> PathBuf {
        self.path().join(id)
    }

    /// A snapshot of `source`, about to be made.
    pub fn backup(&self, source: impl AsRef<Path>) -> Backup<'_> {
        Backup::new(self, source.as_ref())
    }

    /// The snapshot `id`, or [`LATEST`], about to be restored into `destination`.
    pub fn restore(&self, id: &str, destination: impl AsRef<Path>) -> Restore<'_> {
        Restore::new(self, id, destination.as_ref())
    }

    /// The snapshot `id`, or [`LATEST`], about to be verified.
    pub fn verify(&self, id: &str) -> Verify<'_> {
        Verify::new(self, id)
    }

    /// What changed from the snapshot `from` to the snapshot `to`, about to be found.
    pub fn diff(&self, from: &str, to: &str) -> Diff<'_> {
        Diff::with_snapshot(self, from, to)
    }

    /// What changed from the snapshot `from` to the directory `to`, about to be found.
    pub fn diff_directory(&self, from: &str, to: impl AsRef<Path>) -> Diff<'_> {
        Diff::with_directory(self, from, to.as_ref())
    }

    /// Existing folders, about to become snapshots without being copied. The repository is
    /// made if it is missing.
    pub fn adopt<P: AsRef<Path>>(&self, folders: impl IntoIterator<Item = P>) -> Adopt<'_> {
        let folders = folders.into_iter().map(|folder| folder.as_ref().to_owned());
        Adopt::new(self, folders.collect())
    }

    /// The snapshots that `retention` does not keep, about to be removed.
    pub fn prune(&self, retention: Retention) -> Prune<'_> {
        Prune::new(self, retention)
    }

    /// Every snapshot, the oldest first, by the instants recorded. Folders without a record
    /// come before all others.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no repository; [`ErrorKind::SafetyStop`] when
    /// its folders belong to someone else or are open to others.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.open()?.snapshots()
    }

    /// The snapshot `id`, or the newest complete one where that is [`LATEST`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], and those of [`Repository::snapshots`].
    pub fn snapshot(&self, id: &str) -> Result<Snapshot> {
        let is_it = |snapshot: &Snapshot| match id {
            LATEST => snapshot.state == State::Complete,
            id => snapshot.id == id,
        };
        self.snapshots()?.into_iter().rfind(is_it).ok_or_else(|| {
            let message = match id {
                LATEST => "no snapshot here is complete; `efsbackup snapshots` lists them",
                _ => "there is no such snapshot; `efsbackup snapshots` lists them",
            };
            Error::new(ErrorKind::NotFound, "snapshot")
                .with_message(message)
                .with_path(self.snapshot_path(id))
        })
    }

    /// The report of the run that made the snapshot `id`; `None` when none was kept.
    ///
    /// # Errors
    /// When it is damaged, and those of [`Repository::snapshots`].
    pub fn report(&self, id: &str) -> Result<Option<Report>> {
        self.open()?.report(id)
    }

    pub(super) fn open(&self) -> Result<Store> {
        Store::open(&self.root, &self.name)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "repository")
                .with_message("there is no repository here; `efsbackup backup` makes one")
                .with_path(BytePath::from(self.path()))
        })
    }
}
