//! Pieces of one large file, which several processes copy into the same new file.

use super::ahead;
use super::calls;
use super::content::{self, Fault, Steps};
use super::limit::Limits;
use super::meta::{Meta, Sync};
use super::options::Options;
use super::prepared::FileVersion;
use super::settled::ContentHasher;
use super::tuning::is_network;
use crate::error::{Error, ErrorKind, Result};
use rustix::fd::OwnedFd;
use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

#[cfg(feature = "shard")]
impl FileVersion {
    /// That of an open file, as the file server has it now; `None` for what is no regular file
    /// with a single name.
    pub(crate) fn of(file: &OwnedFd) -> Option<FileVersion> {
        let meta = Meta::of(file, Sync::Force).ok()?;
        (meta.is_file() && meta.nlink == 1).then(|| meta.into())
    }
}

/// Copies a piece of the file `source`, which had `version`, into the same place of
/// `destination`, durably, and gives its bytes to `hasher`. Returns how many bytes were written;
/// `None` when the source changed or can't be read. It ends early when `stop` says so.
pub(crate) fn copy(
    (source, version): (&OwnedFd, FileVersion),
    destination: &OwnedFd,
    piece: Range<u64>,
    options: &Options,
    stop: &dyn Fn() -> bool,
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
            while calls::now() < until && !stop() {
                calls::sleep(Duration::from_millis(20).min(until - calls::now()));
            }
        }
        !stop()
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
