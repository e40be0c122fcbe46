//! A regular file: written whole under a temporary name, then put in its place.

use super::attributes;
use super::calls;
use super::content::{self, Fault, Steps};
use super::failure::{Failure, Outcome, Side};
use super::in_place;
use super::meta::{Meta, Sync, Target};
use super::options::Options;
use super::settled::{ContentHasher, Digest, Final};
use super::staged::Staged;
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::xattr;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::ffi::CStr;
use std::sync::atomic::Ordering;

/// A file that was written.
pub(super) struct Written {
    pub(super) inode: u64,
    pub(super) entry: Final,
}

/// A file of the source that is open, and how it was then.
pub(super) struct Opened {
    pub(super) file: OwnedFd,
    pub(super) meta: Meta,
}

/// Copies the file `name` of `dir`, in place of what has the name at the destination.
/// `opened` is that file, where it is open already.
pub(super) fn write(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    mut opened: Option<Opened>,
    want: &Meta,
    have: Option<&Meta>,
) -> Outcome<Written> {
    let known = have.filter(|_| in_place::applies(run, want, have));
    let mut attempt = 0;
    loop {
        let last = attempt >= run.options.retries;
        let written = match known {
            Some(known) => in_place::rewrite_once(run, scratch, dir, name, known, last)?,
            None => {
                let source = match opened.take() {
                    Some(opened) => opened,
                    None => open_regular(dir, name)?,
                };
                write_once(run, scratch, dir, name, source, have.is_some(), last)?
            }
        };
        if let Some(written) = written {
            return Ok(written);
        }
        run.pause(attempt);
        attempt += 1;
    }
}

/// One attempt; `None` if the source changed meanwhile and this is not the last one.
fn write_once(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    source: Opened,
    exists: bool,
    last: bool,
) -> Outcome<Option<Written>> {
    let Opened { file: source, meta: before } = source;
    let Some(handle) = &dir.destination else { return Err(Failure::Stopped) };
    let destination = handle.fd().destination("open")?;
    if let Some(prepared) = run.prepared(dir, name, &before)
        && let Some(staged) = Staged::adopt(run, (dir, &destination), name, &prepared.content)
    {
        dir.touch();
        let written = prepared.fit(run, &staged.file).and_then(|size| {
            let mut written = settle(run, dir, &source, &staged.file, &before, size, last)?;
            if let Some(written) = &mut written {
                written.entry.digest = run.recorder.map(|_| prepared.digest);
            }
            Ok(written)
        });
        return staged.end(written);
    }
    let staged = Staged::create(run, (dir, &destination), name, exists, &before)?;
    dir.touch();
    let mut hasher = run.hasher(|| dir.path_of(name));
    let written = fill(run, scratch, &source, &staged.file, &before, hasher.as_deref_mut())
        .and_then(|copied| {
            let mut written = settle(run, dir, &source, &staged.file, &before, copied, last)?;
            if let (Some(written), Some(mut hasher)) = (&mut written, hasher) {
                content::zeros(&mut *hasher, before.size.saturating_sub(copied));
                written.entry.digest = Some(hasher.finish());
            }
            Ok(written)
        });
    staged.end(written)
}

/// Opens the source's file `name` and looks at it.
pub(super) fn open_regular(dir: &Dir, name: &CStr) -> Outcome<Opened> {
    let file =
        open_source(&*dir.source.fd().source("open")?, dir.in_source(name)).source("open")?;
    let meta = Meta::of(&file, Sync::Normal).source("stat")?;
    if !meta.is_file() {
        return Err(Failure::Vanished);
    }
    Ok(Opened { file, meta })
}

/// Opens a file for reading. Should a fifo or device have taken its name, this does not
/// wait for it.
pub(super) fn open_source(dir: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    calls::openat(dir, name, flags, Mode::empty())
}

fn fill(
    run: &Run<'_>,
    scratch: &mut Scratch,
    source: &OwnedFd,
    file: &OwnedFd,
    before: &Meta,
    hasher: Option<&mut (dyn ContentHasher + 'static)>,
) -> Outcome<u64> {
    let count = counter(run);
    let hasher = hasher.map(|hasher| hasher as &mut dyn ContentHasher);
    let holes = before.may_have_holes();
    content::copy(source, file, before.size, holes, &mut scratch.data, steps(run, &count), hasher)
        .map_err(|fault| failure(fault, "write"))
}

/// Counts what was written, waits as the limits ask, and says whether to go on.
pub(super) fn counter(run: &Run<'_>) -> impl Fn(u64, u64) -> bool {
    |read, written| {
        run.tally.bytes_copied.fetch_add(written, Ordering::Relaxed);
        run.wait(run.limits.pay(read), || run.must_drop_all());
        !run.must_drop_all()
    }
}

/// How content is gone through in this run.
pub(super) fn steps<'a>(run: &Run<'_>, count: &'a dyn Fn(u64, u64) -> bool) -> Steps<'a> {
    let (most, ahead, in_kernel) = (run.limits.piece(), run.ahead, run.copies_in_kernel);
    Steps { done: count, most, ahead, in_kernel }
}

pub(super) fn failure(fault: Fault, other_op: &'static str) -> Failure {
    match fault {
        Fault::Stopped => Failure::Stopped,
        Fault::Read(errno) => Failure::Source(Error::from_errno("read", errno.raw_os_error())),
        Fault::Write(errno) => {
            Failure::Destination(Error::from_errno(other_op, errno.raw_os_error()))
        }
        Fault::Truncate(errno) => {
            Failure::Destination(Error::from_errno("truncate", errno.raw_os_error()))
        }
    }
}

/// Looks at the source again, then sets the copy's metadata; `None` if the source changed
/// and the copy is not to be kept.
pub(super) fn settle(
    run: &Run<'_>,
    dir: &Dir,
    source: &OwnedFd,
    file: &OwnedFd,
    before: &Meta,
    copied: u64,
    last: bool,
) -> Outcome<Option<Written>> {
    let after = Meta::of(source, run.recheck).source("stat")?;
    let changed = copied < before.size || after.changed_since(before);
    if changed && !last {
        return Ok(None);
    }
    if changed && run.options.strict {
        return Err(Failure::Source(changed_error()));
    }
    if changed && copied < before.size {
        calls::ftruncate(file, before.size).destination("truncate")?;
    }
    let have = Meta::of(file, Sync::Normal).destination("stat")?;
    let target = Target::Open(file);
    let wanted = run.policy.read_fd(source, before.id.dev).source("getxattr")?;
    // A file that was there before has attributes of its own.
    let had = if run.options.in_place || hands_down_acl(run, dir)? {
        run.policy.read_fd(file, have.id.dev).destination("getxattr")?
    } else {
        Vec::new()
    };
    // A file server keeps attributes once it has answered: there the time comes after all
    // content is safe, and never stands for content that is not.
    if run.fsync_files && run.remote {
        calls::fsync(file).destination("fsync")?;
    }
    let mtime = attributes::set(run, &target, before, &have, Some((&wanted, &had)), true)?;
    if run.fsync_files && !run.remote {
        calls::fsync(file).destination("fsync")?;
    }
    let mut entry = Final::new(run.ownership.result(before, &have), wanted);
    entry.meta.mtime = mtime;
    entry.changed = changed;
    Ok(Some(Written { inode: have.id.ino, entry }))
}

/// Whether the directory has a default ACL, so that a new file in it has attributes that
/// its source may lack. Looked up once, since it would cost a call a file.
fn hands_down_acl(run: &Run<'_>, dir: &Dir) -> Outcome<bool> {
    if let Some(known) = dir.hands_down_acl.get() {
        return Ok(*known);
    }
    let handle = dir.destination.as_ref().ok_or(Failure::Stopped)?;
    let fd = handle.fd().destination("open")?;
    let xattrs = run.policy.read_fd(&*fd, handle.id().dev).destination("getxattr")?;
    Ok(*dir.hands_down_acl.get_or_init(|| xattr::has_default_acl(&xattrs)))
}

/// The error that says a file kept changing.
pub(super) fn changed_error() -> Error {
    Error::new(ErrorKind::ChangedDuringCopy, "copy").with_message("the file kept changing")
}

/// Whether two files that look different by time or are to be compared anyway hold the
/// same bytes.
pub(super) fn same_content(
    run: &Run<'_>,
    scratch: &mut Scratch,
    source: (&Dir, &CStr),
    other: impl AsFd,
) -> Outcome<bool> {
    let (dir, name) = source;
    let left =
        open_source(&*dir.source.fd().source("open")?, dir.in_source(name)).source("open")?;
    let right = open_source(other, name).destination("open")?;
    content::equal(&left, &right, &mut scratch.data, steps(run, &counter(run)))
        .map_err(|fault| failure(fault, "read"))
}

/// The digest of the file `name` in the open directory `dir`, if one is wanted.
pub(super) fn digest(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: impl AsFd,
    name: &CStr,
    path: impl FnOnce() -> BytePath,
) -> Outcome<Option<Digest>> {
    let Some(mut hasher) = run.hasher(path) else { return Ok(None) };
    let file = open_source(dir, name).source("open")?;
    content::hash(&file, &mut scratch.data, steps(run, &counter(run)), &mut *hasher)
        .map_err(|fault| failure(fault, "read"))?;
    Ok(Some(hasher.finish()))
}

/// Whether size and time, as far as the options ask, say that a file is the same.
pub(super) fn looks_equal(options: &Options, source: &Meta, other: &Meta) -> bool {
    source.size == other.size
        && (options.checksum || options.size_only || source.mtime == other.mtime)
}
