//! Entries as they are once they are done, told to a listener that keeps a record of them.

use super::calls;
use super::failure::{Outcome, Side};
use super::meta::Meta;
use super::state::Run;
use super::xattr::Xattrs;
use crate::bytepath::BytePath;
use rustix::fd::AsFd;
use rustix::fs::FileType;
use std::borrow::Borrow;
use std::ffi::{CStr, CString};

/// What an entry is, as far as the file system tells things apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// The hash of a file's content, of 32 bytes.
pub type Digest = [u8; 32];

/// Computes the digest of one file. Holes come as the zeros that they read as.
///
/// ```
/// use efsbackup_core::mirror::{ContentHasher, Digest};
///
/// #[derive(Default)]
/// struct Blake3(blake3::Hasher);
///
/// impl ContentHasher for Blake3 {
///     fn update(&mut self, bytes: &[u8]) {
///         self.0.update(bytes);
///     }
///
///     fn finish(self: Box<Self>) -> Digest {
///         self.0.finalize().into()
///     }
/// }
///
/// let mut hasher = Box::new(Blake3::default());
/// hasher.update_whole(b"hello");
/// assert_eq!(hasher.finish(), *blake3::hash(b"hello").as_bytes());
/// ```
pub trait ContentHasher {
    /// Takes the next bytes of the content.
    fn update(&mut self, bytes: &[u8]);
    /// Takes the whole content at once, where that is cheaper than bit by bit: before it nothing
    /// was taken, and after it nothing comes.
    fn update_whole(&mut self, content: &[u8]) {
        self.update(content);
    }
    /// The digest of all bytes taken.
    fn finish(self: Box<Self>) -> Digest;
}

/// An entry as it is at the destination once it is done there; in a dry run, as it is in
/// the source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settled<'a> {
    /// The path below the root; empty for the root.
    pub path: &'a BytePath,
    /// What it is.
    pub kind: FileKind,
    /// The permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The modification time: seconds since 1970, and nanoseconds.
    pub mtime: (i64, u32),
    /// A file's size in bytes; 0 for all others.
    pub size: u64,
    /// A device's number; 0 for all others.
    pub device: u64,
    /// What a symbolic link says; empty for all others.
    pub target: &'a [u8],
    /// The same number for all names of one file, and for no other file of this run; `None`
    /// for a file that had one name. In a dry run without hard links, the inode number.
    pub group: Option<u64>,
    /// The preserved extended attributes, sorted by name, ACLs among them.
    pub xattrs: &'a [(CString, Vec<u8>)],
    /// The digest of a file's content, if its content went through this run.
    pub digest: Option<Digest>,
    /// The source kept changing while it was copied.
    pub changed: bool,
    /// The source could not be read: this is what a link source had.
    pub stale: bool,
}

/// What is to be told of an entry.
#[derive(Clone, Debug)]
pub(super) struct Final {
    /// As at the destination, but for the inode.
    pub(super) meta: Meta,
    pub(super) xattrs: Xattrs,
    /// What a symbolic link says, if anybody asked.
    pub(super) target: Vec<u8>,
    pub(super) digest: Option<Digest>,
    /// The source kept changing while it was copied.
    pub(super) changed: bool,
}

impl Final {
    pub(super) fn new(meta: Meta, xattrs: Xattrs) -> Final {
        Final { meta, xattrs, target: Vec::new(), digest: None, changed: false }
    }
}

/// What is to be told of each name of a file with several.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) group: u64,
    pub(super) entry: Final,
}

impl Run<'_> {
    /// A hasher for the content of the file at `path`, if one is wanted.
    pub(super) fn hasher(&self, path: impl FnOnce() -> BytePath) -> Option<Box<dyn ContentHasher>> {
        self.recorder.and_then(|recorder| recorder.hasher(&path()))
    }

    /// What the entry `name` of the open directory `from` says, if it is a symbolic link
    /// and anybody asked.
    pub(super) fn target(&self, from: impl AsFd, name: &CStr, meta: &Meta) -> Outcome<Vec<u8>> {
        if self.recorder.is_none() || !meta.is_symlink() {
            return Ok(Vec::new());
        }
        Ok(calls::readlinkat(from, name).source("readlink")?.into_bytes())
    }

    /// Tells of an entry, if anybody asked.
    pub(super) fn settled<P: Borrow<BytePath>>(
        &self,
        path: impl FnOnce() -> P,
        entry: &Final,
        group: Option<u64>,
        stale: bool,
    ) {
        let Some(recorder) = self.recorder else { return };
        let meta = &entry.meta;
        recorder.settled(&Settled {
            path: path().borrow(),
            kind: meta.kind(),
            mode: meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            mtime: meta.mtime,
            size: if meta.is_file() { meta.size } else { 0 },
            device: if meta.is_device() { meta.rdev } else { 0 },
            target: &entry.target,
            group,
            xattrs: &entry.xattrs,
            digest: entry.digest,
            changed: entry.changed,
            stale,
        });
    }
}

impl Meta {
    fn kind(&self) -> FileKind {
        match self.file_type {
            FileType::Directory => FileKind::Dir,
            FileType::Symlink => FileKind::Symlink,
            FileType::Fifo => FileKind::Fifo,
            FileType::Socket => FileKind::Socket,
            FileType::CharacterDevice => FileKind::CharDevice,
            FileType::BlockDevice => FileKind::BlockDevice,
            FileType::RegularFile | FileType::Unknown => FileKind::File,
        }
    }
}
