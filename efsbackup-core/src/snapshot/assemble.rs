//! Putting the trees of a shared run's units together, by renaming.

use super::calls;
use super::files::Dir;
use super::store::Store;
use crate::error::{Error, Result};
use rustix::fs::{FileType, Mode, OFlags};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many names one thread renames at a time.
const BATCH: usize = 16;
/// How many threads rename, over a network each waiting for the server.
const THREADS: usize = 16;

/// Moves the tree `unit`, whose first path is `from`, into the tree `folder`, which the trees of
/// all units before it were moved into. A unit has a directory in common with those before it
/// only on the way to `from`.
pub(super) fn add(store: &Store, unit: &str, from: &[u8], folder: &str) -> Result<()> {
    if store.dir.stat(folder)?.is_none() {
        return store.dir.rename_to_free(unit, folder);
    }
    merge(&store.dir.dir(unit)?, from, &store.dir.dir(folder)?)
}

/// Moves all that is in `unit` into `folder`.
fn merge(unit: &Dir, from: &[u8], folder: &Dir) -> Result<()> {
    let mut names: Vec<Vec<u8>> = unit.list()?.into_iter().map(|(name, _)| name).collect();
    let slash = from.iter().position(|byte| *byte == b'/');
    let common = slash.map(|slash| (&from[..slash], &from[slash + 1..]));
    if let Some((name, rest)) = common
        && let Some(at) = names.iter().position(|other| other == name)
        && is_directory(folder, name)?
    {
        names.swap_remove(at);
        merge(&below(unit, name)?, rest, &below(folder, name)?)?;
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        while let Some(batch) = names.chunks(BATCH).nth(next.fetch_add(1, Ordering::Relaxed)) {
            for name in batch {
                if let Err(error) = rename(unit, name, folder) {
                    failed
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .get_or_insert(error);
                    return;
                }
            }
        }
    };
    let threads = names.len().div_ceil(BATCH).min(THREADS);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

fn rename(unit: &Dir, name: &[u8], folder: &Dir) -> Result<()> {
    calls::renameat(unit, name, folder, name).map_err(|errno| failed(unit, "rename", name, errno))
}

fn is_directory(dir: &Dir, name: &[u8]) -> Result<bool> {
    match calls::statat(dir, name) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(errno) => Err(failed(dir, "stat", name, errno)),
    }
}

fn below(dir: &Dir, name: &[u8]) -> Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = calls::openat(dir, name, flags, Mode::empty());
    let fd = fd.map_err(|errno| failed(dir, "open", name, errno))?;
    Ok(Dir { fd, path: dir.path.join(OsStr::from_bytes(name)) })
}

fn failed(dir: &Dir, op: &'static str, name: &[u8], errno: rustix::io::Errno) -> Error {
    let path = dir.path.join(OsStr::from_bytes(name));
    Error::from_errno(op, errno.raw_os_error()).with_path(path)
}
