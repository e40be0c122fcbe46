//! Restoring a snapshot.

use super::repository::Repository;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Listener, Mirror, Options, Outcome, Report};
use crate::progress::Observer;
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};
use std::path::{Component, Path, PathBuf};

/// A snapshot about to be restored; see [`Repository::restore`].
///
/// The destination gets files of its own: nothing in it is hard-linked with a snapshot.
pub struct Restore<'a> {
    repository: &'a Repository,
    id: String,
    destination: PathBuf,
    directories: Vec<BytePath>,
    options: Options,
    cancel: CancelToken,
    observer: Option<&'a mut dyn Observer>,
    listener: Option<&'a dyn Listener>,
}

impl<'a> Restore<'a> {
    pub(super) fn new(repository: &'a Repository, id: &str, destination: &Path) -> Self {
        Restore {
            repository,
            id: id.to_owned(),
            destination: destination.to_owned(),
            directories: Vec::new(),
            options: Options::default(),
            cancel: CancelToken::new(),
            observer: None,
            listener: None,
        }
    }

    /// Restores only the directory `path` of the snapshot, to the same path below the
    /// destination; called again, several. The directories above it get the owner, mode and time they have in the
    /// snapshot where they have to be made.
    #[must_use]
    pub fn directory(mut self, path: impl Into<BytePath>) -> Self {
        self.directories.push(path.into());
        self
    }

    /// Sets how it is copied. With `delete` a destination that is not empty is made equal
    /// to the snapshot; without, it is refused. `link_sources` must be empty.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Stops the run when the token is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Tells `observer` how far the run is; see [`Observer`]. The numbers begin anew with
    /// each directory.
    #[must_use]
    pub fn progress(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Tells `listener` of every entry; see [`Listener`].
    #[must_use]
    pub fn listener(mut self, listener: &'a dyn Listener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Restores.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such snapshot or path in it;
    /// [`ErrorKind::SafetyStop`] when the destination is not empty and `delete` is off, or
    /// lies in the repository; those of [`Mirror::run`].
    pub fn run(mut self) -> Result<Report> {
        if !self.options.link_sources.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "restore")
                .with_message("a restored tree has files of its own: link_sources must be empty"));
        }
        let snapshot = self.repository.snapshot(&self.id)?;
        let root = self.repository.snapshot_path(&snapshot.id);
        if self.directories.is_empty() {
            self.refuse_bad_destination(&self.destination)?;
            let destination = self.destination.clone();
            return self.mirror(&root, &destination);
        }
        let paths: Vec<PathBuf> = self.directories.iter().map(inside).collect::<Result<_>>()?;
        for path in &paths {
            check_directory(&root.join(path))?;
            self.refuse_bad_destination(&self.destination.join(path))?;
        }
        let mut total: Option<Report> = None;
        for path in &paths {
            let parents = match self.options.dry_run {
                true => Vec::new(),
                false => self.make_parents(path)?,
            };
            let report = self.mirror(&root.join(path), &self.destination.join(path))?;
            // The innermost first, so that no time is changed again.
            for (from, to) in parents.iter().rev() {
                copy_attributes(from, to, self.options.owner).map_err(|errno| {
                    Error::from_errno("restore", errno.raw_os_error()).with_path(to.as_path())
                })?;
            }
            let stopped = matches!(
                report.outcome,
                Outcome::Cancelled | Outcome::Failed | Outcome::Unfinished
            );
            total = Some(match total {
                Some(total) => sum(total, report),
                None => report,
            });
            if stopped {
                break;
            }
        }
        total.ok_or_else(|| Error::new(ErrorKind::Internal, "restore"))
    }

    fn mirror(&mut self, source: &Path, destination: &Path) -> Result<Report> {
        let mut mirror =
            Mirror::new(source, destination).options(self.options.clone()).cancel(&self.cancel);
        if let Some(observer) = &mut self.observer {
            mirror = mirror.progress(*observer);
        }
        if let Some(listener) = self.listener {
            mirror = mirror.listener(listener);
        }
        mirror.run()
    }

    fn refuse_bad_destination(&self, destination: &Path) -> Result<()> {
        let refused = |message: &str| {
            Err(Error::new(ErrorKind::SafetyStop, "restore")
                .with_message(message)
                .with_path(destination))
        };
        let repository = self.repository.path();
        let repository = repository
            .canonicalize()
            .map_err(|error| Error::from_io("resolve", error).with_path(repository.as_path()))?;
        let absolute = std::path::absolute(destination)
            .map_err(|error| Error::from_io("resolve", error).with_path(destination))?;
        let existing = absolute.ancestors().find_map(|path| path.canonicalize().ok());
        if existing.is_some_and(|path| path.starts_with(&repository)) {
            return refused("the destination is inside the repository; choose another");
        }
        if self.options.delete {
            return Ok(());
        }
        match std::fs::read_dir(destination) {
            Ok(mut entries) => match entries.next() {
                None => Ok(()),
                Some(_) => refused(
                    "the destination is not empty; choose another, or make it equal to the \
                     snapshot with --delete; nothing was changed",
                ),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::from_io("list", error).with_path(destination)),
        }
    }

    /// Makes the directories above `path` in the destination. Those made are returned with
    /// what they are copies of.
    fn make_parents(&self, path: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
        let snapshot = self.repository.snapshot_path(&self.id);
        let mut made = Vec::new();
        let mut parents: Vec<&Path> = path.ancestors().skip(1).collect();
        parents.reverse();
        for parent in parents {
            let destination = self.destination.join(parent);
            match rustix::fs::mkdir(&destination, Mode::RWXU) {
                Ok(()) => made.push((snapshot.join(parent), destination)),
                Err(rustix::io::Errno::EXIST) => {}
                Err(errno) => {
                    let error = Error::from_errno("mkdir", errno.raw_os_error());
                    return Err(error.with_path(destination));
                }
            }
        }
        Ok(made)
    }
}

fn check_directory(path: &Path) -> Result<()> {
    let found = std::fs::symlink_metadata(path);
    let found = found.map_err(|error| Error::from_io("restore", error).with_path(path))?;
    if found.is_dir() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotADirectory, "restore")
        .with_message("only whole directories can be restored; copy a single file from here")
        .with_path(path))
}

/// Both reports as one: of two outcomes the graver.
fn sum(mut total: Report, report: Report) -> Report {
    const GRAVITY: [Outcome; 6] = [
        Outcome::Complete,
        Outcome::Partial,
        Outcome::Withheld,
        Outcome::Unfinished,
        Outcome::Failed,
        Outcome::Cancelled,
    ];
    let gravity = |outcome| GRAVITY.iter().position(|known| *known == outcome);
    if gravity(report.outcome) > gravity(total.outcome) {
        total.outcome = report.outcome;
    }
    let (a, b) = (&mut total.entries, report.entries);
    for (sum, counts) in [
        (&mut a.scanned, b.scanned),
        (&mut a.created, b.created),
        (&mut a.updated, b.updated),
        (&mut a.linked, b.linked),
        (&mut a.unchanged, b.unchanged),
        (&mut a.deleted, b.deleted),
        (&mut a.failed, b.failed),
        (&mut a.vanished, b.vanished),
    ] {
        *sum = *sum + counts;
    }
    total.bytes.scanned += report.bytes.scanned;
    total.bytes.copied += report.bytes.copied;
    total.bytes.linked += report.bytes.linked;
    total.finished = report.finished;
    total.elapsed += report.elapsed;
    total.errors.extend(report.errors);
    total.errors.truncate(Report::MAX_ERRORS);
    total.errors_total += report.errors_total;
    total
}

fn copy_attributes(from: &Path, to: &Path, owner: bool) -> rustix::io::Result<()> {
    use rustix::fs::{Gid, Uid};
    let stat = rustix::fs::stat(from)?;
    if owner && rustix::process::geteuid().is_root() {
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        rustix::fs::chown(to, Some(uid), Some(gid))?;
    }
    rustix::fs::chmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    let time = |tv_sec, tv_nsec: u64| Timespec { tv_sec, tv_nsec: tv_nsec as _ };
    let times = Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    };
    rustix::fs::utimensat(CWD, to, &times, AtFlags::empty())
}

/// A relative path that stays below where it begins.
fn inside(path: &BytePath) -> Result<PathBuf> {
    let plain = path.as_path().components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(Error::new(ErrorKind::InvalidInput, "restore")
            .with_message("a path in a snapshot is relative, without '..'")
            .with_path(path.clone()));
    }
    Ok(path.as_path().to_owned())
}
