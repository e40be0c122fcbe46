//! A file until it is whole: without a name, or under a temporary one, then put in its place.

use super::calls;
use super::failure::{Outcome, Side};
use super::handle::DirFd;
use super::meta::{Meta, Sync, proc_path};
use super::reach::Reach;
use super::state::Run;
use super::tree::Dir;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// A file that is being written.
pub(super) struct Staged<'a> {
    run: &'a Run<'a>,
    reach: &'a Reach,
    dir: &'a DirFd,
    name: &'a CStr,
    /// Open for writing.
    pub(super) file: OwnedFd,
    stage: Stage,
}

/// What name it has meanwhile.
enum Stage {
    /// None: it vanishes by itself should the process die.
    Unnamed,
    /// The final one, where nobody looks before it is whole.
    Final,
    Temporary(CString),
}

impl<'a> Staged<'a> {
    /// Creates the file that will be `name` in `dir`, open as `fd`, with the source's metadata
    /// `want`. `exists`: something has the name already.
    pub(super) fn create(
        run: &'a Run<'_>,
        (dir, fd): (&'a Dir, &'a DirFd),
        name: &'a CStr,
        exists: bool,
        want: &Meta,
    ) -> Outcome<Self> {
        // Nobody else may look in before the file belongs to its owner.
        let safe = want.uid == run.euid || dir.reach.is_hidden();
        let mode = Mode::from_raw_mode(if safe { want.mode & 0o777 } else { 0o600 });
        let (file, stage) = open(run, &dir.reach, fd, name, exists, mode).destination("create")?;
        Ok(Staged { run, reach: &dir.reach, dir: fd, name, file, stage })
    }

    /// Takes the file at `path`, which has the content already; `None` where that can't be had.
    pub(super) fn adopt(
        run: &'a Run<'_>,
        (dir, fd): (&'a Dir, &'a DirFd),
        name: &'a CStr,
        path: &Path,
    ) -> Option<Self> {
        let temporary = run.temporary.next();
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        calls::renameat(CWD, &path, fd, &temporary).ok()?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match calls::openat(fd, &temporary, flags, Mode::empty()) {
            Ok(file) => {
                let stage = Stage::Temporary(temporary);
                Some(Staged { run, reach: &dir.reach, dir: fd, name, file, stage })
            }
            Err(_) => {
                // Left alone it would be removed by the next run with deletion.
                let _ = calls::unlinkat(fd, &temporary, AtFlags::empty());
                None
            }
        }
    }

    /// Puts the file in its place if it was written, and removes it if not.
    pub(super) fn end<T>(self, written: Outcome<Option<T>>) -> Outcome<Option<T>> {
        match &written {
            Ok(Some(_)) => self.publish()?,
            Ok(None) | Err(_) => self.discard(),
        }
        written
    }

    /// Puts the file in its place, in place of what has the name.
    fn publish(self) -> Outcome<()> {
        let Staged { run, reach, dir, name, file, stage } = self;
        let named = match stage {
            Stage::Final => Ok(None),
            Stage::Temporary(temporary) => Ok(Some(temporary)),
            Stage::Unnamed => give_name(run, dir, name, &file).destination("link"),
        };
        let temporary = match named {
            Ok(temporary) => temporary,
            Err(failure) => {
                // The error to tell is the one of the name.
                let _ = calls::close(file);
                return Err(failure);
            }
        };
        let written = temporary.as_deref().unwrap_or(name);
        let result = calls::close(file).destination("close").and_then(|()| match &temporary {
            Some(temporary) => calls::renameat(dir, temporary, dir, name).destination("rename"),
            None => Ok(()),
        });
        if result.is_err() {
            // The error to tell is the one above.
            let removed = calls::unlinkat(dir, written, AtFlags::empty());
            if temporary.is_none() {
                reach.removed(removed);
            }
        }
        result
    }

    /// Removes what was written. A failure to do so leaves a temporary name, which the
    /// next run with deletion removes; the entry's own error is the one to tell.
    fn discard(self) {
        match &self.stage {
            Stage::Unnamed => {}
            Stage::Final => {
                self.reach.removed(calls::unlinkat(self.dir, self.name, AtFlags::empty()));
            }
            Stage::Temporary(name) => {
                let _ = calls::unlinkat(self.dir, name, AtFlags::empty());
            }
        }
    }
}

/// To write under the name that is to be.
const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open(
    run: &Run<'_>,
    reach: &Reach,
    dir: &DirFd,
    name: &CStr,
    exists: bool,
    mode: Mode,
) -> Result<(OwnedFd, Stage)> {
    // A temporary name is like no other, so that only others' doing could be in its way.
    let safeguard = if reach.is_shared() { OFlags::EXCL } else { OFlags::empty() };
    let create = |name: &CStr, safeguard| calls::openat(dir, name, CREATE | safeguard, mode);
    // With `size_only` the time, set last, would not tell what is half written.
    let own = reach.is_own() && !run.options.size_only;
    if !exists && own && run.remote {
        if let Some(file) = open_own(dir, name, mode) {
            return Ok((file, Stage::Final));
        }
    } else if !exists && (own || run.options.fresh && !reach.has_repeats()) {
        match create(name, OFlags::EXCL) {
            Ok(file) => return Ok((file, Stage::Final)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    } else if !exists && run.unnamed.load(Ordering::Relaxed) {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match calls::openat(dir, c".", flags, mode) {
            Ok(file) => return Ok((file, Stage::Unnamed)),
            // The file system has no unnamed files.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                run.unnamed.store(false, Ordering::Relaxed);
            }
            Err(errno) => return Err(errno),
        }
    }
    let temporary = run.temporary.next();
    Ok((create(&temporary, safeguard)?, Stage::Temporary(temporary)))
}

/// Opens a new file in a directory that is this run's alone. Should the name be there all the
/// same, by another of its metamorphoses in the source, it is left as it is.
fn open_own(dir: &DirFd, name: &CStr, mode: Mode) -> Option<OwnedFd> {
    // Something else than a file is neither waited for nor opened.
    let flags = CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = calls::openat(dir, name, flags, mode).ok()?;
    let made = Meta::of(&file, Sync::Normal).ok()?;
    (made.is_file() && made.size == 0 && made.nlink == 1).then_some(file)
}

/// Gives an unnamed file its name. Where something has it by now the file gets a temporary
/// one, which is given back.
fn give_name(run: &Run<'_>, dir: &DirFd, name: &CStr, file: &OwnedFd) -> Result<Option<CString>> {
    match link(file, dir, name) {
        Ok(()) => Ok(None),
        Err(Errno::EXIST) => {
            let temporary = run.temporary.next();
            link(file, dir, &temporary)?;
            Ok(Some(temporary))
        }
        Err(errno) => Err(errno),
    }
}

/// Links an open file. By its descriptor older kernels let only some users: linkat(2).
fn link(file: &OwnedFd, dir: &DirFd, name: &CStr) -> Result<()> {
    match calls::link_open(file, dir, name) {
        Err(Errno::NOENT) => calls::link_path(&proc_path(file), dir, name),
        result => result,
    }
}
