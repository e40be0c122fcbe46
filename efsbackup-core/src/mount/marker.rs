//! The marker: a small file that names the file system it was written on.

use super::mountinfo::Mount;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The marker's file name.
pub const MARKER_NAME: &str = ".efsbackup-id";

/// The first line: what the file is, and its version.
const HEADER: &str = "efsbackup-id 1";

/// What a marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) id: String,
    /// Whether it was written where it stands. A marker that came here as part of a copied
    /// or restored tree has another inode number than it names, and proves nothing.
    pub(super) original: bool,
}

/// Writes the marker [`MARKER_NAME`] into the directory `dir`: it then proves that whatever
/// is mounted there is the file system `fs_id`. Nothing happens when it is there already; a
/// marker that was copied here from another file system is replaced. Returns the mount
/// that is marked, so that the caller can look whether it is the one meant.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for an id that is not 1 to 255 letters, digits, `-`, `_`, `.`
/// or `:`; [`ErrorKind::AlreadyExists`] when the marker names another file system; those of
/// writing.
pub fn mark(dir: impl AsRef<Path>, fs_id: &str) -> Result<Mount> {
    let dir = dir.as_ref();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if fs_id.is_empty() || fs_id.len() > 255 || !fs_id.chars().all(allowed) {
        return Err(Error::new(ErrorKind::InvalidInput, "mark").with_message(format!(
            "a file system's id is 1 to 255 letters, digits, '-', '_', '.' or ':', not {fs_id:?}"
        )));
    }
    let failed = |op, errno: Errno| Error::from_errno(op, errno.raw_os_error()).with_path(dir);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir_fd = rustix::fs::open(dir, flags, Mode::empty()).map_err(|e| failed("open", e))?;
    match read(&dir_fd).map_err(|error| error.with_path(dir.join(MARKER_NAME)))? {
        Some(marker) if marker.original && marker.id == fs_id => return Mount::containing(dir),
        Some(marker) if marker.original => {
            return Err(Error::new(ErrorKind::AlreadyExists, "mark")
                .with_message(format!(
                    "the marker already names {}; remove it first if this really is {fs_id}",
                    marker.id
                ))
                .with_path(dir.join(MARKER_NAME)));
        }
        Some(_) => {
            let gone = rustix::fs::unlinkat(&dir_fd, MARKER_NAME, AtFlags::empty());
            gone.map_err(|errno| failed("remove the copied marker", errno))?;
        }
        None => {}
    }
    write(dir_fd.as_fd(), fs_id).map_err(|error| error.with_path(dir.join(MARKER_NAME)))?;
    Mount::containing(dir)
}

/// Writes under a temporary name and links it to its own, so that a marker is never seen
/// half written and never replaces another.
fn write(dir: std::os::fd::BorrowedFd<'_>, fs_id: &str) -> Result<()> {
    let temporary = format!("{MARKER_NAME}.{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let failed = |errno: Errno| Error::from_errno("write marker", errno.raw_os_error());
    let file = rustix::fs::openat(dir, &temporary, flags, Mode::from_raw_mode(0o444));
    let mut file = File::from(file.map_err(failed)?);
    let filled = file.metadata().and_then(|metadata| {
        file.write_all(format!("{HEADER}\nid {fs_id}\ninode {}\n", metadata.ino()).as_bytes())?;
        file.sync_all()
    });
    let linked = filled.map_err(|error| Error::from_io("write marker", error)).and_then(|()| {
        rustix::fs::linkat(dir, &temporary, dir, MARKER_NAME, AtFlags::empty()).map_err(failed)
    });
    let removed = rustix::fs::unlinkat(dir, &temporary, AtFlags::empty()).map_err(failed);
    linked.and(removed).and_then(|()| rustix::fs::fsync(dir).map_err(failed))
}

/// The marker in the directory `dir`, if there is one.
///
/// # Errors
/// When it can't be read, or is no marker.
pub(super) fn read(dir: &OwnedFd) -> Result<Option<Marker>> {
    // NONBLOCK: a fifo of this name must not hold the run up.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(dir, MARKER_NAME, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(Error::from_errno("read marker", errno.raw_os_error())),
    };
    let inode = file.metadata().map_err(|error| Error::from_io("read marker", error))?.ino();
    let mut text = String::new();
    let read = file.take(1024).read_to_string(&mut text);
    read.map_err(|error| Error::from_io("read marker", error))?;
    let mut lines = text.lines();
    let fields = (
        lines.next(),
        lines.next().and_then(|line| line.strip_prefix("id ")),
        lines.next().and_then(|line| line.strip_prefix("inode ")),
    );
    match fields {
        (Some(HEADER), Some(id), Some(written)) => {
            Ok(Some(Marker { id: id.to_owned(), original: written.parse() == Ok(inode) }))
        }
        _ => Err(Error::new(ErrorKind::SafetyStop, "read marker")
            .with_message("this is no marker; remove it and run `efsbackup mark` again")),
    }
}
