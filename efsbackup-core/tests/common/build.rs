//! Makes a [`Tree`] on disk. Everything is opened relative to its directory, so that paths
//! may be longer than `PATH_MAX`.

use super::tree::{Entry, Tree, What};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, XattrFlags, chmodat,
    chownat, ftruncate, linkat, makedev, mkdirat, mknodat, openat, setxattr, symlinkat, utimensat,
};
use rustix::io::pwrite;
use rustix::process::{Gid, Uid};
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Makes the directory `path` with the entries of `tree`.
pub(crate) fn build(path: &Path, tree: &Tree) {
    mkdirat(CWD, path, Mode::from(0o755)).unwrap();
    add(path, tree);
}

/// Adds the entries of `tree` to the directory `path`. Hard links come after everything
/// else, directories' metadata last.
pub(crate) fn add(path: &Path, tree: &Tree) {
    let root = openat(CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    make(&root, tree);
    link(&root, &root, tree);
    finish_dirs(&root, tree);
}

/// Opens the directory `name` of `parent`; an empty name is `parent` itself.
pub(crate) fn open_dir(parent: impl AsFd, name: &[u8]) -> OwnedFd {
    let name: &[u8] = if name.is_empty() { b"." } else { name };
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty()).unwrap()
}

fn make(parent: &OwnedFd, tree: &Tree) {
    for (name, entry) in &tree.0 {
        let name = name.as_slice();
        match &entry.what {
            What::HardLink(_) => continue,
            What::Dir(tree) => {
                mkdirat(parent, name, Mode::from(0o755)).unwrap();
                make(&open_dir(parent, name), tree);
                continue;
            }
            What::File(size, data) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = openat(parent, name, flags, Mode::from(0o644)).unwrap();
                for (offset, bytes) in data {
                    write_all(&file, bytes, *offset);
                }
                ftruncate(&file, *size).unwrap();
            }
            What::Symlink(target) => symlinkat(target.as_slice(), parent, name).unwrap(),
            What::Fifo => node(parent, name, FileType::Fifo, 0),
            What::Socket => node(parent, name, FileType::Socket, 0),
            What::CharDevice(major, minor) => {
                node(parent, name, FileType::CharacterDevice, makedev(*major, *minor));
            }
            What::BlockDevice(major, minor) => {
                node(parent, name, FileType::BlockDevice, makedev(*major, *minor));
            }
        }
        set_metadata(parent, name, entry);
    }
}

fn node(parent: &OwnedFd, name: &[u8], file_type: FileType, device: u64) {
    mknodat(parent, name, file_type, Mode::from(0o644), device).unwrap();
}

fn write_all(file: &OwnedFd, mut bytes: &[u8], mut offset: u64) {
    while !bytes.is_empty() {
        let written = pwrite(file, bytes, offset).unwrap();
        bytes = &bytes[written..];
        offset += written as u64;
    }
}

fn link(root: &OwnedFd, parent: &OwnedFd, tree: &Tree) {
    for (name, entry) in &tree.0 {
        match &entry.what {
            What::Dir(tree) => link(root, &open_dir(parent, name), tree),
            What::HardLink(path) => {
                let (dirs, old) = match path.iter().rposition(|byte| *byte == b'/') {
                    Some(at) => (&path[..at], &path[at + 1..]),
                    None => (&b""[..], path.as_slice()),
                };
                let mut from = open_dir(root, b"");
                for dir in dirs.split(|byte| *byte == b'/').filter(|dir| !dir.is_empty()) {
                    from = open_dir(&from, dir);
                }
                linkat(&from, old, parent, name.as_slice(), AtFlags::empty()).unwrap();
            }
            _ => {}
        }
    }
}

fn finish_dirs(parent: &OwnedFd, tree: &Tree) {
    for (name, entry) in &tree.0 {
        if let What::Dir(tree) = &entry.what {
            finish_dirs(&open_dir(parent, name), tree);
            set_metadata(parent, name, entry);
        }
    }
}

/// Sets what the entry asks for, in the order in which nothing undoes what came before.
fn set_metadata(parent: &OwnedFd, name: &[u8], entry: &Entry) {
    if let Some((uid, gid)) = entry.owner {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    if let (Some(mode), false) = (entry.mode, matches!(entry.what, What::Symlink(_))) {
        chmodat(parent, name, Mode::from_raw_mode(mode), AtFlags::empty()).unwrap();
    }
    for (attribute, value) in &entry.xattrs {
        let (path, _fd) = proc_path(parent.as_fd(), name);
        setxattr(&path, attribute.as_slice(), value, XattrFlags::empty()).unwrap();
    }
    if let Some((seconds, nanoseconds)) = entry.mtime {
        set_mtime(parent, name, seconds, nanoseconds);
    }
}

/// Sets the modification time of `name`, not of what it links to.
pub(crate) fn set_mtime(parent: impl AsFd, name: &[u8], seconds: i64, nanoseconds: u32) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    };
    utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// A path that means `name` in `parent` itself (a symbolic link too), however deep it is;
/// valid while the descriptor is held.
pub(crate) fn proc_path(parent: BorrowedFd<'_>, name: &[u8]) -> (String, OwnedFd) {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let name: &[u8] = if name.is_empty() { b"." } else { name };
    let fd = openat(parent, OsStr::from_bytes(name), flags, Mode::empty()).unwrap();
    (format!("/proc/self/fd/{}", fd.as_raw_fd()), fd)
}
