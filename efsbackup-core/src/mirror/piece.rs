//! Pieces of one large file, which several processes copy into the same new file; and that file,
//! put in its place when all pieces are there.

use super::ahead;
use super::calls;
use super::content::{self, Fault, Steps};
use super::failure::{Outcome, Side};
use super::limit::Limits;
use super::meta::{Meta, Sync};
use super::options::Options;
use super::settled::{ContentHasher, Digest};
use super::state::Run;
use super::tree::Dir;
use super::tuning::is_network;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use rustix::fd::OwnedFd;
use std::cell::Cell;
use std::ffi::CStr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How a file of the source is: as long as this stays, so does its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
pub struct FileVersion {
    /// Its size in bytes.
    pub size: u64,
    /// Its inode number.
    pub inode: u64,
    /// The modification time: seconds since 1970, and nanoseconds.
    pub mtime: (i64, u32),
    /// When anything of it changed last, as `mtime`.
    pub ctime: (i64, u32),
}

impl FileVersion {
    /// That of an open file, as the file server has it now; `None` for what is no regular file
    /// with a single name.
    #[cfg(feature = "snapshot")]
    pub(crate) fn of(file: &OwnedFd) -> Option<FileVersion> {
        let meta = Meta::of(file, Sync::Force).ok()?;
        (meta.is_file() && meta.nlink == 1).then(|| meta.into())
    }
}

impl From<Meta> for FileVersion {
    fn from(meta: Meta) -> Self {
        let Meta { size, mtime, ctime, id, .. } = meta;
        FileVersion { size, inode: id.ino, mtime, ctime }
    }
}

/// A file whose content is on the destination's file system already, copied in pieces. It is
/// put in its place if the source still has this version; else the file is copied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The path below the source's root.
    pub path: BytePath,
    /// The version that was copied.
    pub version: FileVersion,
    /// The file with the content.
    pub content: PathBuf,
    /// The digest of the content.
    pub digest: Digest,
    /// How many bytes were written.
    pub written: u64,
}

impl Prepared {
    /// The file `content`, which is what the source's `path` has in this version.
    pub fn new(
        path: BytePath,
        version: FileVersion,
        content: PathBuf,
        digest: Digest,
        written: u64,
    ) -> Prepared {
        Prepared { path, version, content, digest, written }
    }
}

/// Copies a piece of the file `source`, which had `version`, into the same place of
/// `destination`, durably, and gives its bytes to `hasher`. Returns how many bytes were written;
/// `None` when the source changed or can't be read.
#[cfg(feature = "snapshot")]
pub(crate) fn copy(
    (source, version): (&OwnedFd, FileVersion),
    destination: &OwnedFd,
    piece: Range<u64>,
    options: &Options,
    cancel: &CancelToken,
    hasher: &mut dyn ContentHasher,
) -> Result<Option<u64>> {
    let Ok(meta) = Meta::of(source, Sync::Force) else { return Ok(None) };
    if FileVersion::from(meta) != version {
        return Ok(None);
    }
    let limits = Limits::new(options.limit_bytes, options.limit_ops);
    let copied = Cell::new(0);
    let done = |read, written: u64| {
        copied.set(copied.get() + written);
        if let Some(until) = limits.pay(read) {
            while calls::now() < until && !cancel.is_cancelled() {
                calls::sleep(Duration::from_millis(20).min(until - calls::now()));
            }
        }
        !cancel.is_cancelled()
    };
    let network = is_network(source) || is_network(destination);
    let ahead = network.then(|| ahead::piece(meta.id.dev));
    let steps = Steps { done: &done, most: limits.piece(), ahead, in_kernel: false };
    let holes = meta.may_have_holes().then_some(meta.size);
    let mut buffer = Vec::new();
    let failed = |op, errno: rustix::io::Errno| Err(Error::from_errno(op, errno.raw_os_error()));
    match content::copy_piece(source, destination, piece.clone(), holes, &mut buffer, steps, hasher)
    {
        Ok(end) if end == piece.end => {}
        // What it was is gone, or can't be read.
        Ok(_) | Err(Fault::Read(_)) => return Ok(None),
        Err(Fault::Write(errno) | Fault::Truncate(errno)) => return failed("write", errno),
        Err(Fault::Stopped) => return Err(Error::new(ErrorKind::Cancelled, "copy")),
    }
    if let Err(errno) = calls::fsync(destination) {
        return failed("fsync", errno);
    }
    let after = Meta::of(source, Sync::Force).ok().map(FileVersion::from);
    Ok((after == Some(version)).then(|| copied.get()))
}

impl Run<'_> {
    /// The content of the file `name` of `dir`, which is as `meta` says, if others copied it.
    pub(super) fn prepared(&self, dir: &Dir, name: &CStr, meta: &Meta) -> Option<&Prepared> {
        let prepared = &self.options.prepared;
        if prepared.is_empty() {
            return None;
        }
        let (path, version) = (dir.path_of(name), FileVersion::from(*meta));
        prepared.iter().find(|one| one.path == path && one.version == version)
    }
}

impl Prepared {
    /// Makes `file`, which has the content, as long as it is to be; returns its length.
    pub(super) fn fit(&self, run: &Run<'_>, file: &OwnedFd) -> Outcome<u64> {
        calls::ftruncate(file, self.version.size).destination("truncate")?;
        run.tally.bytes_copied.fetch_add(self.written, Ordering::Relaxed);
        Ok(self.version.size)
    }
}
