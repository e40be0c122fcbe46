//! Making damaged entries of a snapshot anew from the source.

use super::bad::BadList;
use super::chosen::PathSet;
use super::compare::{content, metadata};
use super::lock::Lock;
use super::manifest::ManifestEntry;
use super::manifest_file::Coverage;
use super::name;
use super::record_tree::{TreeEntries, TreeRecord};
use super::remove::{remove_tree, rename_away};
use super::store::Store;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{FileKind, Filter, Mirror, Options, Outcome};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A snapshot, and the tree to repair it from.
pub(super) struct Repair<'a> {
    pub(super) store: &'a Store,
    pub(super) id: &'a str,
    pub(super) source: &'a Path,
    pub(super) coverage: Coverage,
    pub(super) cancel: &'a CancelToken,
}

impl Repair<'_> {
    /// Makes the `broken` entries as they are given, as far as the source has them so. Calls
    /// `repaired` for each that was.
    pub(super) fn run(
        &self,
        broken: &[ManifestEntry],
        mut repaired: impl FnMut(&BytePath),
    ) -> Result<()> {
        let lock = Lock::take_for_upkeep(&self.store.control, self.cancel)?;
        let folder = name::incomplete(SystemClock.now(), &lock.holder.token);
        let done = self.run_with(&lock, &folder, broken, &mut repaired);
        // As far as that can be done: the next backup tidies up too.
        if let Ok(Some(removing)) = rename_away(&self.store.dir, &folder) {
            let Store { dir, control, .. } = self.store;
            let _ = remove_tree(dir, &removing, control, &CancelToken::new());
        }
        done
    }

    fn run_with(
        &self,
        lock: &Lock,
        folder: &str,
        broken: &[ManifestEntry],
        repaired: &mut dyn FnMut(&BytePath),
    ) -> Result<()> {
        let is_dir = |entry: &&ManifestEntry| entry.kind == FileKind::Dir;
        let staged = self.store.dir.path.join(folder);
        let mut fresh = self.copy(&staged, broken)?;
        let wanted: HashMap<&BytePath, &ManifestEntry> =
            broken.iter().map(|entry| (&entry.path, entry)).collect();
        while let Some(have) = fresh.next()? {
            let want = wanted.get(&have.path).filter(|want| !is_dir(want));
            let Some(&want) = want else { continue };
            let same = want.kind == have.kind
                && content(want, &have).is_empty()
                && metadata(want, &have).is_empty();
            if same {
                lock.check()?;
                self.replace(&staged, &want.path)?;
                repaired(&want.path);
            }
        }
        let root = self.store.dir.path.join(self.id);
        for want in broken.iter().filter(is_dir) {
            let path = root.join(want.path.as_path());
            // One that is missing or something else is told of.
            if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                lock.check()?;
                if self.mend_directory(&path, want)? {
                    repaired(&want.path);
                }
            }
        }
        rustix::fs::syncfs(&self.store.dir)
            .map_err(|errno| Error::from_errno("syncfs", errno.raw_os_error()))
    }

    /// Copies what the source has of the broken entries, durably, to a folder of its own.
    fn copy(&self, staged: &Path, broken: &[ManifestEntry]) -> Result<TreeEntries> {
        let mut set = PathSet::default();
        for entry in broken.iter().filter(|entry| entry.kind != FileKind::Dir) {
            set.add(entry.path.as_bytes());
        }
        let options = Options {
            fresh: true,
            allow_empty: true,
            xattrs: self.coverage.xattrs,
            acls: self.coverage.acls,
            filter: Filter::new().only(move |path| set.part(path)),
            ..Options::default()
        };
        let record = TreeRecord::new(&self.store.records, None);
        let mirror = Mirror::new(self.source, staged).options(options).cancel(self.cancel);
        let report = mirror.listener(&record).run()?;
        match report.outcome {
            Outcome::Complete | Outcome::Partial => record.finish(),
            _ => match report.into_result() {
                Err(error) => Err(error),
                Ok(_) => Err(Error::new(ErrorKind::Internal, "repair")),
            },
        }
    }

    /// Puts the staged entry in the place of the damaged one, in each snapshot that shares
    /// that.
    fn replace(&self, staged: &Path, path: &BytePath) -> Result<()> {
        let fresh = staged.join(path.as_path());
        let at = |id: &str| self.store.dir.path.join(id).join(path.as_path());
        let damaged = at(self.id).symlink_metadata().ok();
        let shared = damaged.filter(|damaged| damaged.nlink() > 1);
        for snapshot in self.store.snapshots()? {
            let id = snapshot.id.as_str();
            let same = |other: Metadata| {
                shared
                    .as_ref()
                    .is_some_and(|one| (other.dev(), other.ino()) == (one.dev(), one.ino()))
            };
            if id == self.id || at(id).symlink_metadata().is_ok_and(same) {
                self.install(&fresh, &at(id))?;
                let mut list = BadList::read(self.store, id)?;
                if list.0.remove(path).is_some() {
                    list.write(self.store, id)?;
                }
            }
        }
        Ok(())
    }

    /// Links `fresh` to `place` in one step; the directory keeps its times.
    fn install(&self, fresh: &Path, place: &Path) -> Result<()> {
        let failed = |op, errno: rustix::io::Errno| {
            Error::from_errno(op, errno.raw_os_error()).with_path(place)
        };
        let parent = place.parent().unwrap_or(place);
        let times = times(
            &parent.metadata().map_err(|error| Error::from_io("stat", error).with_path(parent))?,
        );
        let temporary: PathBuf = parent.join(TEMPORARY);
        let _ = std::fs::remove_file(&temporary);
        rustix::fs::linkat(CWD, fresh, CWD, &temporary, AtFlags::empty())
            .map_err(|errno| failed("link", errno))?;
        let renamed = rustix::fs::rename(&temporary, place);
        if renamed.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        renamed.map_err(|errno| failed("rename", errno))?;
        rustix::fs::utimensat(CWD, parent, &times, AtFlags::empty())
            .map_err(|errno| failed("utimens", errno))
    }

    /// Gives a directory its owner, mode and time back; whether nothing else differed.
    fn mend_directory(&self, path: &Path, want: &ManifestEntry) -> Result<bool> {
        use rustix::fs::{Gid, Uid};
        let failed = |op| {
            move |errno: rustix::io::Errno| {
                Error::from_errno(op, errno.raw_os_error()).with_path(path)
            }
        };
        let have =
            path.metadata().map_err(|error| Error::from_io("stat", error).with_path(path))?;
        if (have.uid(), have.gid()) != (want.uid, want.gid) {
            let (uid, gid) = (Uid::from_raw(want.uid), Gid::from_raw(want.gid));
            rustix::fs::chown(path, Some(uid), Some(gid)).map_err(failed("chown"))?;
        }
        rustix::fs::chmod(path, Mode::from_raw_mode(want.mode)).map_err(failed("chmod"))?;
        let mut times = times(&have);
        times.last_modification =
            Timespec { tv_sec: want.mtime.0, tv_nsec: i64::from(want.mtime.1) };
        rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()).map_err(failed("utimens"))?;
        let found = super::look::look_at_directory(self.store, path, self.coverage, self.cancel)?;
        Ok(found.is_some_and(|found| metadata(want, &found).is_empty()))
    }
}

/// The name of an entry on the way to its place.
const TEMPORARY: &str = ".efsbackup-repair";

fn times(meta: &Metadata) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps {
        last_access: time(meta.atime(), meta.atime_nsec()),
        last_modification: time(meta.mtime(), meta.mtime_nsec()),
    }
}
