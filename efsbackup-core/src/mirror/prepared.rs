//! A file whose content others copied in pieces, put in its place when all pieces are there.

use super::calls;
use super::failure::{Outcome, Side};
use super::meta::Meta;
use super::settled::Digest;
use super::state::Run;
use super::tree::Dir;
use crate::bytepath::BytePath;
use rustix::fd::OwnedFd;
use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

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
