//! Restoring a snapshot.

use super::chosen::{Chosen, PathSet, above, choose};
use super::lock::Lock;
use super::plan::{Plan, plan};
use super::record_tree::TreeRecord;
use super::repository::Repository;
use super::restored;
use super::snapshot::{Snapshot, State};
use super::store::Store;
use super::undo::{self, Undo};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::setters::setters;
use crate::mirror::{Listener, MaxDelete, Mirror, Options, Outcome, Part, Report};
use crate::progress::Observer;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A snapshot about to be restored; see [`Repository::restore`].
///
/// The destination gets files of its own: nothing in it is hard-linked with a snapshot. What
/// is copied is checked against the digests of the manifest.
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "source/projects", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/projects/plan.txt", "hello")?;
/// # let repository = Repository::new("backups", "home")?;
/// # repository.backup("source").run()?;
/// let newest = repository.snapshots()?.pop().ok_or("no snapshot")?;
/// let restored = repository.restore(&newest.id, "restored").entry(&b"projects"[..]).run()?;
/// assert_eq!(restored.exit_status(), 0);
/// assert_eq!(std::fs::read("restored/projects/plan.txt")?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Restore<'a> {
    repository: &'a Repository,
    id: String,
    destination: PathBuf,
    paths: Vec<BytePath>,
    patterns: Vec<BytePath>,
    in_place: bool,
    undo: bool,
    timezone: TimeZone,
    options: Options,
    cancel: CancelToken,
    observer: Option<&'a mut dyn Observer>,
    listener: Option<&'a dyn Listener>,
}

/// What a restore did. As JSON: the fields of the report, then the others.
///
/// ```
/// use efsbackup_core::mirror::Options;
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// # let repository = Repository::new("backups", "home")?;
/// # let snapshot = repository.backup("source").run()?.snapshot.ok_or("none")?;
/// std::fs::write("source/file", "a mistake")?;
/// let report = repository.restore(&snapshot.id, "source").in_place(true).run()?;
/// let undo = report.undo.ok_or("nothing was replaced")?;
/// repository.restore(&undo.id, "source").in_place(true).run()?;
/// assert_eq!(std::fs::read("source/file")?, b"a mistake");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// What happened to the entries, and how the run ended. An entry whose content is not
    /// what the manifest says was copied all the same, and counts as failed.
    #[serde(flatten)]
    pub report: Report,
    /// The snapshot that undoes this restore, if it is restored in place; `None` where
    /// nothing was replaced, removed or made in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Snapshot>,
}

impl<'a> Restore<'a> {
    pub(super) fn new(repository: &'a Repository, id: &str, destination: &Path) -> Self {
        Restore {
            repository,
            id: id.to_owned(),
            destination: destination.to_owned(),
            paths: Vec::new(),
            patterns: Vec::new(),
            in_place: false,
            undo: true,
            timezone: TimeZone::UTC,
            options: Options::default(),
            cancel: CancelToken::new(),
            observer: None,
            listener: None,
        }
    }

    /// Restores only the entry `path` of the snapshot, a directory with all in it, to the
    /// same path below the destination; called again, several. The directories above it get
    /// the metadata they have in the snapshot where they have to be made, and keep their own
    /// where they are there.
    #[must_use]
    pub fn path(mut self, path: impl Into<BytePath>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Restores only what matches `pattern`, a pattern as of
    /// [`Filter`](crate::mirror::Filter); called again, and with [`Restore::path`], what any
    /// of them names. With `delete`, what the snapshot lacks stays even if it matches, but
    /// not in directories that match.
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<BytePath>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// Restores only `entry`, as a person may type it: a pattern if it has a `*`, `?` or `[`
    /// and the snapshot has no entry called so, else a path.
    #[must_use]
    pub fn entry(self, entry: impl Into<BytePath>) -> Self {
        let entry = entry.into();
        let is_wild = entry.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        // A file may well be called `a[1]`. Where there is no such snapshot, `run` says so.
        let is_there = |snapshot: Snapshot| {
            let place = self.repository.snapshot_path(&snapshot.id).join(entry.as_path());
            place.symlink_metadata().is_ok()
        };
        match is_wild && !self.repository.snapshot(&self.id).is_ok_and(is_there) {
            true => self.pattern(entry),
            false => self.path(entry),
        }
    }

    setters! {
        /// Restores over what is there: differing entries are replaced, and with `delete` those
        /// that the snapshot lacks removed. Before the first change a plan is made, and all that
        /// will be replaced or removed is kept as a snapshot of its own, the undo; the repository
        /// is locked until the end.
        ///
        /// An undo is itself restored in place, into the same directory: it puts back what was
        /// replaced and removed, and removes what was made.
        in_place: bool;

        /// Whether an undo is kept by a restore in place; yes unless set. Without, the
        /// repository is neither locked nor written to.
        undo: bool;

        /// Sets where the undo's name takes the time of day from; UTC unless set.
        timezone: TimeZone;

        /// Sets how it is copied. `delete` says `in_place` too. `link_sources` must be empty.
        options: Options;

        /// Stops the run when the token is cancelled.
        cancel;

        /// Tells `observer` how far the run is; see [`Observer`]. In place, the numbers begin
        /// anew after the plan is made.
        progress;

        /// Tells `listener` of every entry; see [`Listener`]. In place only of those that are
        /// changed.
        listener;
    }

    /// Restores.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such snapshot or path in it;
    /// [`ErrorKind::SafetyStop`] when, before anything was changed, the destination was found
    /// not empty without `in_place`, or in the repository, the undo would not fit, or another
    /// run holds the repository; those of [`Mirror::run`].
    pub fn run(mut self) -> Result<RestoreReport> {
        if !self.options.link_sources.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "restore")
                .with_message("a restored tree has files of its own: link_sources must be empty"));
        }
        let store = self.repository.open()?;
        let snapshot = self.repository.snapshot(&self.id)?;
        self.id.clone_from(&snapshot.id);
        self.refuse_the_repository()?;
        let chosen = choose(&store, &self.id, &self.paths, &self.patterns, &self.cancel)?;
        let some_chosen = !chosen.tops.is_empty();
        self.in_place |= self.options.delete;
        let is_there = self.is_anything_there(&chosen)?;
        let is_undo = snapshot.state == State::Undo && is_there;
        let mut scope = chosen.set;
        if is_undo && some_chosen {
            return Err(Error::new(ErrorKind::InvalidInput, "undo")
                .with_message("an undo is restored in place as a whole, or in part to the side"));
        }
        if is_undo {
            scope = undo::scope(&store, &self.id, &self.destination)?;
            let options = &mut self.options;
            (options.delete, options.checksum, options.allow_empty) = (true, true, true);
            options.max_delete = MaxDelete::Count(u64::MAX);
        } else if !some_chosen {
            scope.add_whole(b"");
        }
        let scope = Arc::new(scope);
        if some_chosen || is_undo {
            self.narrow(&scope);
        }
        match is_there && !self.options.dry_run {
            true => self.restore_in_place(&store, &scope),
            false => {
                let report = self.mirror(&store, None)?;
                Ok(RestoreReport { report, undo: None })
            }
        }
    }

    /// Plans, keeps what will be replaced, and does what was planned.
    fn restore_in_place(mut self, store: &Store, scope: &PathSet) -> Result<RestoreReport> {
        let held = match self.undo {
            true => Some(Lock::take_for_upkeep(&store.control, &self.cancel)?),
            false => None,
        };
        let root = store.dir.path.join(&self.id);
        let mut plan = plan(
            (&root, &self.destination),
            &store.records,
            (&self.options, scope),
            &self.cancel,
            self.observer.as_deref_mut().map(|observer| observer as &mut dyn Observer),
        )?;
        if !matches!(plan.report.outcome, Outcome::Complete | Outcome::Partial) {
            return Ok(RestoreReport { report: plan.report, undo: None });
        }
        let undo = match &held {
            Some(lock) if !plan.changed.is_empty() => {
                let (timezone, cancel) = (&self.timezone, &self.cancel);
                let undo = Undo { store, lock, timezone, cancel };
                Some(undo.make(&self.id, &self.destination, &mut plan, &self.options)?)
            }
            _ => None,
        };
        let Plan { report: planned, changed, .. } = plan;
        let changed = Arc::new(changed);
        // Only what is planned, and so kept, is touched: nothing that came meanwhile.
        self.narrow(&changed);
        self.options.max_delete = MaxDelete::Count(u64::MAX);
        let mut report = self.mirror(store, Some(changed))?;
        report.entries.scanned = planned.entries.scanned;
        report.entries.unchanged = planned.entries.unchanged;
        report.bytes.scanned = planned.bytes.scanned;
        report.options = planned.options.into_iter().filter(|word| word != "--dry-run").collect();
        Ok(RestoreReport { report, undo })
    }

    /// Lets only `part` take part.
    fn narrow(&mut self, part: &Arc<PathSet>) {
        let part = Arc::clone(part);
        let filter = std::mem::take(&mut self.options.filter);
        self.options.filter = filter.only(move |path| part.part(path));
    }

    /// Copies, and checks the contents of the files that are `read`, or all.
    fn mirror(self, store: &Store, read: Option<Arc<PathSet>>) -> Result<Report> {
        let dry_run = self.options.dry_run;
        let mut record = TreeRecord::new(&store.records, self.listener);
        if let Some(read) = read {
            record = record.reading(Box::new(move |path| read.part(path.as_bytes()) == Part::In));
        }
        let root = store.dir.path.join(&self.id);
        let mut mirror =
            Mirror::new(root, &self.destination).options(self.options).cancel(&self.cancel);
        if let Some(observer) = self.observer {
            mirror = mirror.progress(observer);
        }
        if dry_run {
            return match self.listener {
                Some(listener) => mirror.listener(listener).run(),
                None => mirror.run(),
            };
        }
        let mut report = mirror.listener(&record).run()?;
        restored::check(store, &self.id, record.finish()?, &mut report)?;
        Ok(report)
    }

    fn refuse_the_repository(&self) -> Result<()> {
        let repository = self.repository.path();
        let repository = repository
            .canonicalize()
            .map_err(|error| Error::from_io("resolve", error).with_path(repository.as_path()))?;
        let absolute = std::path::absolute(&self.destination)
            .map_err(|error| Error::from_io("resolve", error).with_path(&*self.destination))?;
        let existing = absolute.ancestors().find_map(|path| path.canonicalize().ok());
        match existing.is_some_and(|path| path.starts_with(&repository)) {
            true => Err(refused(
                "the destination is inside the repository; choose another",
                &self.destination,
            )),
            false => Ok(()),
        }
    }

    /// Whether anything is where the chosen entries go. Refuses that unless it is meant, and
    /// whatever else than a directory is where one has to be above them.
    fn is_anything_there(&self, chosen: &Chosen) -> Result<bool> {
        let mut looked_at = PathSet::default();
        for top in &chosen.tops {
            for dir in above(top.as_bytes()).filter(|dir| !dir.is_empty()) {
                if looked_at.part(dir) == Part::In {
                    break;
                }
                looked_at.add(dir);
                let path = self.destination.join(BytePath::from(dir).as_path());
                if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_dir()) {
                    return Err(refused(
                        "a directory has to be here, and something else is; move it away",
                        &path,
                    ));
                }
            }
        }
        let root = [BytePath::default()];
        let tops = if chosen.tops.is_empty() { &root[..] } else { &chosen.tops };
        let mut is_there = false;
        for top in tops {
            let path = self.destination.join(top.as_path());
            if is_occupied(&path, top.is_empty())? {
                if !self.in_place {
                    return Err(refused(
                        "something is there already; restore to another place, or over it with --in-place; nothing was changed",
                        &path,
                    ));
                }
                is_there = true;
            }
        }
        Ok(is_there)
    }
}

impl RestoreReport {
    /// The exit status of the `efsbackup` command for this report.
    pub fn exit_status(&self) -> u8 {
        self.report.exit_status()
    }
}

/// Whether there is anything but an empty directory. Only of the root a symbolic link is
/// followed.
fn is_occupied(path: &Path, is_root: bool) -> Result<bool> {
    use std::io::ErrorKind::NotFound;
    let failed = |error| Error::from_io("look", error).with_path(path);
    let found = if is_root { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
    match found {
        Ok(found) if found.is_dir() => {
            Ok(std::fs::read_dir(path).map_err(failed)?.next().is_some())
        }
        Ok(_) if is_root => Err(Error::new(ErrorKind::NotADirectory, "restore").with_path(path)),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn refused(message: &str, path: &Path) -> Error {
    Error::new(ErrorKind::SafetyStop, "restore").with_message(message).with_path(path)
}
