//! Taking existing folders in as snapshots.

use super::files::TEMPORARY;
use super::folder_time::{TimeFrom, rotation, time_of};
use super::guard::nearest_existing;
use super::lock::Lock;
use super::look::look;
use super::manifest_file::{Coverage, ManifestWriter};
use super::manifest_reader::ManifestReader;
use super::name;
use super::record::{self, Record};
use super::repository::Repository;
use super::snapshot::{Snapshot, State};
use super::store::{Store, journal_name};
use super::tidy::Tidy;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::setters::setters;
use crate::progress::Observer;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders about to become snapshots; see [`Repository::adopt`].
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # std::fs::create_dir_all("backups/2026-01-01")?;
/// # std::fs::write("backups/2026-01-01/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// let adopted = repository.adopt(["backups/2026-01-01"]).dry_run(true).run()?;
/// assert_eq!(adopted[0].id, "2026-01-01-00-00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Adopt<'a> {
    repository: &'a Repository,
    folders: Vec<PathBuf>,
    timezone: TimeZone,
    dry_run: bool,
    cancel: CancelToken,
    observer: Option<&'a mut dyn Observer>,
}

/// A folder that became a snapshot, or would.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Adopted {
    /// Where the folder was.
    pub folder: PathBuf,
    /// What the snapshot is called.
    pub id: String,
    /// The instant it is of.
    pub time: Timestamp,
    /// Where the instant was taken from.
    pub time_from: TimeFrom,
    /// The snapshot; `None` in a dry run.
    pub snapshot: Option<Snapshot>,
}

/// How names of folders begin or end that some program has not finished, or is removing.
const UNFINISHED: [&str; 9] = [
    "_delete.",
    "_deleted",
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".incomplete",
    ".inprogress",
    "~",
];

impl<'a> Adopt<'a> {
    pub(super) fn new(repository: &'a Repository, folders: Vec<PathBuf>) -> Self {
        Adopt {
            repository,
            folders,
            timezone: TimeZone::UTC,
            dry_run: false,
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    setters! {
        /// Sets which timezone dates in folders' names are of, and snapshots' names are in; UTC
        /// unless set.
        timezone: TimeZone;

        /// Only checks the folders and tells what they would be called.
        dry_run: bool;

        /// Stops the run when the token is cancelled.
        cancel;

        /// Tells `observer` how far the reading of each folder is; see [`Observer`].
        progress;
    }

    /// Takes the folders in, the oldest first: each is read for its manifest and then renamed
    /// into the repository. Nothing is copied and nothing in it is changed. Its state is
    /// [`State::Adopted`] until it was verified: whether the program that made it had
    /// finished, nobody can see.
    ///
    /// All folders are checked before the first is touched. Those taken in before an error
    /// stay snapshots.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`], with nothing changed, when a folder is no directory, empty,
    /// on another file system, a mount point, a snapshot already, called like an unfinished
    /// one, or of an instant that is not clear: two folders of one second, rotated folders
    /// such as `daily.0` and `daily.1` whose times are in another order than their numbers, a
    /// time to come; and when the repository is not safe or taken.
    /// [`ErrorKind::Incomplete`] when something in a folder can't be read: it stays where it is.
    pub fn run(mut self) -> Result<Vec<Adopted>> {
        let now = SystemClock.now();
        let found = self.look_at_folders(now)?;
        let (root, repository) = (self.repository.root(), self.repository.name());
        let existing = Store::open(root, repository)?;
        if self.dry_run || found.is_empty() {
            return name_all(found, existing.as_ref(), &self.timezone);
        }
        let store = match existing {
            Some(store) => store,
            None => {
                name_all(found.clone(), None, &self.timezone)?;
                Store::create(root, repository)?
            }
        };
        let lock = Lock::take_for_upkeep(&store.control, &self.cancel)?;
        let holder = &lock.holder;
        // Names that adoptions which were killed have begun to use are free again.
        Tidy { store: &store, lock: &lock, cancel: &self.cancel }.remove_records()?;
        let mut plan = name_all(found, Some(&store), &self.timezone)?;
        // Tells the next run that a record without its folder was never finished.
        drop(store.control.create(&journal_name(&holder.token))?);
        let mut done = Ok(());
        for adopted in &mut plan {
            done = lock.check().and_then(|()| {
                let observer = self.observer.as_deref_mut().map(|o| o as &mut dyn Observer);
                adopted.snapshot =
                    Some(take_in(&store, adopted, holder, (&self.cancel, observer))?);
                Ok(())
            });
            if done.is_err() {
                break;
            }
        }
        store.control.remove(&journal_name(&holder.token))?;
        done.map(|()| plan)
    }

    fn look_at_folders(&self, now: Timestamp) -> Result<Vec<Adopted>> {
        let path = self.repository.path();
        let device = metadata(&nearest_existing(&path)?)?.dev();
        let mut seen: Vec<(PathBuf, Metadata)> = Vec::new();
        let mut found = Vec::new();
        for folder in &self.folders {
            let folder = std::path::absolute(folder)
                .map_err(|error| Error::from_io("resolve", error).with_path(&**folder))?;
            let refuse = |why: &str| Err(refused(why, &folder));
            let meta = metadata(&folder)?;
            if !meta.is_dir() {
                return refuse("it is no directory");
            }
            let (Some(name), Some(parent)) = (folder.file_name(), folder.parent()) else {
                return refuse("it has no name");
            };
            let Some(name) = name.to_str() else {
                return refuse("its name is not UTF-8; rename it");
            };
            if name.starts_with('.')
                || UNFINISHED.iter().any(|mark| name.starts_with(mark) || name.ends_with(mark))
            {
                return refuse("its name is that of an unfinished copy; rename it if it is whole");
            }
            let real = folder.canonicalize();
            let real = real.map_err(|e| Error::from_io("resolve", e).with_path(&*folder))?;
            let repository = path.canonicalize().unwrap_or_else(|_| path.clone());
            let inside = real.strip_prefix(&repository).map(|rest| rest.components().count());
            if repository.starts_with(&real) || inside.is_ok_and(|depth| depth != 1) {
                return refuse("it holds the repository, or is part of a snapshot");
            }
            if meta.dev() != device {
                return refuse("it is on another file system than the repository; mirror it there");
            }
            if metadata(parent)?.dev() != device {
                return refuse("it is a mount point");
            }
            let overlaps = |(other, had): &(PathBuf, Metadata)| {
                (had.dev(), had.ino()) == (meta.dev(), meta.ino())
                    || real.starts_with(other)
                    || other.starts_with(&real)
            };
            if seen.iter().any(overlaps) {
                return refuse("it was named twice, or is inside another one named");
            }
            let entries = std::fs::read_dir(&folder);
            let entries = entries.map_err(|e| Error::from_io("list", e).with_path(&*folder))?;
            if entries.count() == 0 {
                return refuse("it is empty");
            }
            let modified = Timestamp::new(meta.mtime(), meta.mtime_nsec() as i32);
            let modified = modified.or_else(|_| refuse_with("its time is none", &folder))?;
            let (time, time_from) =
                time_of(name, modified, &self.timezone).or_else(|why| refuse_with(why, &folder))?;
            if time > now {
                return refuse("it is of a time to come");
            }
            seen.push((real, meta));
            found.push(Adopted { folder, id: String::new(), time, time_from, snapshot: None });
        }
        found.sort_by_key(|adopted| adopted.time);
        check_order(&found)?;
        Ok(found)
    }
}

fn metadata(path: &Path) -> Result<Metadata> {
    path.symlink_metadata().map_err(|error| Error::from_io("stat", error).with_path(path))
}

fn refused(why: &str, folder: &Path) -> Error {
    Error::new(ErrorKind::SafetyStop, "adopt")
        .with_message(format!("{why}; nothing was changed"))
        .with_path(folder)
}

fn refuse_with<T>(why: &str, folder: &Path) -> Result<T> {
    Err(refused(why, folder))
}

/// Refuses two folders of one second, and rotated ones whose times are in another order than
/// their numbers. They are in the order of their times.
fn check_order(found: &[Adopted]) -> Result<()> {
    for pair in found.windows(2) {
        let [older, newer] = pair else { continue };
        if older.time.as_second() == newer.time.as_second() {
            let other = BytePath::from(&*older.folder);
            return refuse_with(
                &format!("it is of the same second as {other}; which is older is not clear"),
                &newer.folder,
            );
        }
    }
    let number = |adopted: &Adopted| -> Option<(PathBuf, u32)> {
        let (before, number) = rotation(adopted.folder.file_name()?.to_str()?)?;
        Some((adopted.folder.with_file_name(before), number))
    };
    let rotated: Vec<_> =
        found.iter().filter_map(|adopted| Some((adopted, number(adopted)?))).collect();
    for (at, (newer, (of, number))) in rotated.iter().enumerate() {
        let wrong = rotated[..at].iter().find(|(_, (other, older))| of == other && older < number);
        if let Some((older, _)) = wrong {
            let other = BytePath::from(&*older.folder);
            return refuse_with(
                &format!(
                    "by its modification time it is newer than {other}, by its number older; set \
                     the times right, or give the folders dates as names"
                ),
                &newer.folder,
            );
        }
    }
    Ok(())
}

/// Gives each folder the first name that is free. One that is in the repository and called
/// like a snapshot of this time keeps its name.
fn name_all(
    mut found: Vec<Adopted>,
    store: Option<&Store>,
    timezone: &TimeZone,
) -> Result<Vec<Adopted>> {
    let mut taken: Vec<String> = Vec::new();
    for adopted in &mut found {
        let inside = store.and_then(|store| {
            let parent = adopted.folder.parent()?.canonicalize().ok()?;
            (parent == store.dir.path.canonicalize().ok()?).then_some(())?;
            adopted.folder.file_name()?.to_str()
        });
        if let (Some(store), Some(name)) = (store, inside)
            && store.record(name).is_ok_and(|record| record.is_some())
        {
            return refuse_with("it is a snapshot already", &adopted.folder);
        }
        let mut free = None;
        for id in name::candidates(adopted.time, timezone) {
            let own = inside == Some(id.as_str());
            let is_free = match store {
                Some(store) if !own => store.is_free(&id)?,
                _ => true,
            };
            if is_free && !taken.contains(&id) {
                free = Some(id);
                break;
            }
        }
        match free {
            Some(id) => {
                taken.push(id.clone());
                adopted.id = id;
            }
            None => {
                return refuse_with("all names for its time are taken", &adopted.folder);
            }
        }
    }
    Ok(found)
}

/// Reads one folder, keeps what is known of it, and renames it to its new name.
fn take_in(
    store: &Store,
    adopted: &Adopted,
    holder: &super::lease::Holder,
    (cancel, observer): (&CancelToken, Option<&mut dyn Observer>),
) -> Result<Snapshot> {
    let (folder, id) = (adopted.folder.as_path(), adopted.id.as_str());
    let coverage = Coverage { xattrs: true, acls: true };
    let (entries, report) = look(store, folder, coverage, None, cancel, observer)?;
    if let Some(error) = report.errors.first() {
        return Err(Error::new(ErrorKind::Incomplete, "adopt")
            .with_message(format!(
                "{} entries can't be read, the first: {}: {}: {}; it stays where it is",
                report.errors_total, error.op, error.message, error.path
            ))
            .with_path(folder));
    }
    let manifest = format!("manifest-{}{TEMPORARY}", holder.token);
    // Of an adoption that was killed, of a folder that has had this name all along.
    store.remove_record(id)?;
    let file = store.records.create(&manifest)?;
    let writer = ManifestWriter::new(file, coverage)?;
    let hash = entries.write(writer, None::<ManifestReader<std::io::BufReader<File>>>)?;
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|error| Error::new(ErrorKind::Internal, "write report").with_source(error))?;
    let record = Record {
        version: Record::VERSION,
        run: holder.token.clone(),
        state: State::Adopted,
        time: adopted.time,
        published: SystemClock.now(),
        file_system: None,
        host: holder.process.host.clone(),
        entries: report.entries.scanned,
        bytes: report.bytes.scanned,
        new_bytes: 0,
        manifest: Some(data_encoding::HEXLOWER.encode(&hash)),
        report: Some(record::hash(&text)),
        check: None,
        undo: None,
        adopted: Some(BytePath::from(folder).to_text()),
        exit_status: 0,
    };
    store.write_record(id, &record, &text, &manifest)?;
    if let Err(error) = rename_into(store, folder, id) {
        // Best effort: a record without its folder is never listed.
        let _ = store.remove_record(id);
        return Err(error);
    }
    Ok(record.into_snapshot(id.to_owned()))
}

fn rename_into(store: &Store, folder: &Path, id: &str) -> Result<()> {
    let failed = |errno: Errno| {
        let error = Error::from_errno("rename", errno.raw_os_error()).with_path(folder);
        match errno {
            Errno::XDEV => error.with_message("it is on another mount; give its path there"),
            _ => error,
        }
    };
    if folder != store.dir.path.join(id) {
        match rustix::fs::renameat_with(CWD, folder, &store.dir, id, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            // NFS says INVAL, others NOTSUP, old kernels NOSYS.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => {
                if store.dir.stat(id)?.is_some() {
                    return Err(failed(Errno::EXIST));
                }
                rustix::fs::renameat(CWD, folder, &store.dir, id).map_err(failed)?;
            }
            Err(errno) => return Err(failed(errno)),
        }
    }
    store.dir.sync()?;
    match folder.parent() {
        Some(parent) => super::files::Dir::open(parent)?.sync(),
        None => Ok(()),
    }
}

/// Counts the adopted snapshot `id` as complete from now on: it was read, and all is as it was
/// when it was adopted.
pub(super) fn accept(store: &Store, id: &str, cancel: &CancelToken) -> Result<()> {
    let lock = Lock::take_for_upkeep(&store.control, cancel)?;
    match store.record(id)? {
        Some(record) if record.state == State::Adopted => {
            let record = Record { state: State::Complete, ..record };
            let name = super::store::record_name(id);
            store.records.write_over(&name, &lock.holder.token, &record.to_json()?)
        }
        _ => Ok(()),
    }
}
