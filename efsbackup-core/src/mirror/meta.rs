//! An entry's metadata: read, compared, applied.

use super::calls;
use super::event::EntryType;
use super::handle::FileId;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, Statx, StatxFlags, Timespec};
use rustix::fs::{Timestamps, UTIME_OMIT, Uid};
use rustix::io::Result;
use std::ffi::CStr;

/// What statx(2) tells of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) file_type: FileType,
    /// The permission bits with setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    /// Bytes of storage, less than `size` where the file has holes.
    pub(super) stored: u64,
    pub(super) mtime: (i64, u32),
    pub(super) ctime: (i64, u32),
    pub(super) nlink: u32,
    pub(super) id: FileId,
    pub(super) rdev: u64,
}

/// Whether the file server must be asked, or its last answer will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    /// As stat(2) does.
    Normal,
    /// Ask the server: after reading, a cached answer would hide another client's change.
    Force,
}

impl Meta {
    /// The metadata of `name` in `dir`, of a symbolic link itself.
    pub(super) fn at(dir: impl AsFd, name: &CStr) -> Result<Meta> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        Ok(Meta::from(calls::statx(dir, name, flags, StatxFlags::BASIC_STATS)?))
    }

    /// The metadata of an open file.
    pub(super) fn of(fd: impl AsFd, sync: Sync) -> Result<Meta> {
        let flags = match sync {
            Sync::Normal => AtFlags::EMPTY_PATH,
            Sync::Force => AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC,
        };
        Ok(Meta::from(calls::statx(fd, c"", flags, StatxFlags::BASIC_STATS)?))
    }

    pub(super) fn is_dir(&self) -> bool {
        self.file_type == FileType::Directory
    }

    pub(super) fn is_file(&self) -> bool {
        self.file_type == FileType::RegularFile
    }

    pub(super) fn is_symlink(&self) -> bool {
        self.file_type == FileType::Symlink
    }

    pub(super) fn is_device(&self) -> bool {
        matches!(self.file_type, FileType::CharacterDevice | FileType::BlockDevice)
    }

    pub(super) fn entry_type(&self) -> EntryType {
        match self.file_type {
            FileType::RegularFile => EntryType::File,
            FileType::Directory => EntryType::Dir,
            FileType::Symlink => EntryType::Symlink,
            _ => EntryType::Special,
        }
    }

    /// Whether this file changed between two looks at it.
    pub(super) fn changed_since(&self, earlier: &Meta) -> bool {
        (self.size, self.mtime, self.ctime) != (earlier.size, earlier.mtime, earlier.ctime)
    }

    /// Whether storage says that parts of the file are holes.
    pub(super) fn may_have_holes(&self) -> bool {
        self.stored < self.size
    }
}

impl From<Statx> for Meta {
    fn from(stat: Statx) -> Self {
        let mode = u32::from(stat.stx_mode);
        Meta {
            file_type: FileType::from_raw_mode(mode),
            mode: mode & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            size: stat.stx_size,
            stored: stat.stx_blocks.saturating_mul(512),
            mtime: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
            ctime: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            nlink: stat.stx_nlink,
            id: FileId {
                dev: fs::makedev(stat.stx_dev_major, stat.stx_dev_minor),
                ino: stat.stx_ino,
            },
            rdev: fs::makedev(stat.stx_rdev_major, stat.stx_rdev_minor),
        }
    }
}

/// What of the metadata differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) mode: bool,
    pub(super) uid: bool,
    pub(super) gid: bool,
    pub(super) mtime: bool,
    pub(super) xattrs: bool,
    pub(super) acls: bool,
}

impl Difference {
    /// All of it: for entries just made.
    pub(super) const ALL: Difference =
        Difference { mode: true, uid: true, gid: true, mtime: true, xattrs: true, acls: true };

    pub(super) fn any(&self) -> bool {
        *self != Difference::default()
    }
}

/// What this process may and should preserve of ownership.
#[derive(Clone, Debug)]
pub(super) struct Ownership {
    /// Preserve owners: asked for, and allowed only to root.
    uid: bool,
    /// Preserve groups; where `None`, any group, else only these.
    gid: Option<Option<Vec<u32>>>,
}

impl Ownership {
    /// For this process. Others than root can give files only to groups they are in.
    pub(super) fn new(wanted: bool) -> Self {
        if !wanted {
            return Ownership { uid: false, gid: None };
        }
        if rustix::process::geteuid().is_root() {
            return Ownership { uid: true, gid: Some(None) };
        }
        let mut groups: Vec<u32> = rustix::process::getgroups()
            .map(|groups| groups.into_iter().map(Gid::as_raw).collect())
            .unwrap_or_default();
        groups.push(rustix::process::getegid().as_raw());
        Ownership { uid: false, gid: Some(Some(groups)) }
    }

    fn may_set_group(&self, gid: u32) -> bool {
        match &self.gid {
            None => false,
            Some(None) => true,
            Some(Some(groups)) => groups.contains(&gid),
        }
    }

    /// The metadata `want`, but with the owner that an entry made as `have` ends up with.
    pub(super) fn result(&self, want: &Meta, have: &Meta) -> Meta {
        Meta {
            uid: if self.uid { want.uid } else { have.uid },
            gid: if self.may_set_group(want.gid) { want.gid } else { have.gid },
            ..*want
        }
    }

    /// How `have` differs from `want`, extended attributes aside.
    pub(super) fn difference(&self, want: &Meta, have: &Meta) -> Difference {
        Difference {
            // Linux has no mode of its own for symbolic links.
            mode: !want.is_symlink() && want.mode != have.mode,
            uid: self.uid && want.uid != have.uid,
            gid: want.gid != have.gid && self.may_set_group(want.gid),
            mtime: want.mtime != have.mtime,
            xattrs: false,
            acls: false,
        }
    }
}

/// A path that leads to the very inode that is open.
pub(super) fn proc_path(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// An entry whose metadata is to be set, by descriptor.
pub(super) enum Target<'a> {
    /// A file or directory opened for reading or writing.
    Open(&'a OwnedFd),
    /// Anything, by an O_PATH descriptor.
    Path(OwnedFd),
}

impl Target<'_> {
    /// The entry `name` of `dir` itself, whatever its type.
    pub(super) fn at(dir: impl AsFd, name: &CStr) -> Result<Target<'static>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Target::Path(calls::openat(dir, name, flags, Mode::empty())?))
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        match self {
            Target::Open(fd) => fd,
            Target::Path(fd) => fd,
        }
    }

    /// A path that leads to this very inode, for the calls that take no O_PATH descriptor.
    pub(super) fn proc_path(&self) -> String {
        proc_path(self.fd())
    }

    /// Sets owner and group where they differ.
    pub(super) fn set_owner(&self, want: &Meta, differs: &Difference) -> Result<()> {
        if !differs.uid && !differs.gid {
            return Ok(());
        }
        let uid = differs.uid.then(|| Uid::from_raw(want.uid));
        let gid = differs.gid.then(|| Gid::from_raw(want.gid));
        calls::chownat(self.fd(), uid, gid)
    }

    /// Sets the permission bits, setuid and setgid included.
    pub(super) fn set_mode(&self, mode: u32) -> Result<()> {
        let mode = Mode::from_raw_mode(mode);
        match self {
            Target::Open(fd) => calls::fchmod(fd, mode),
            Target::Path(_) => calls::chmod(&self.proc_path(), mode),
        }
    }

    /// Sets the modification time and leaves the access time.
    pub(super) fn set_mtime(&self, mtime: (i64, u32)) -> Result<()> {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let mtime = Timespec { tv_sec: mtime.0, tv_nsec: i64::from(mtime.1) };
        let times = Timestamps { last_access: omit, last_modification: mtime };
        match self {
            Target::Open(fd) => calls::futimens(fd, &times),
            Target::Path(_) => calls::utimensat(&self.proc_path(), &times),
        }
    }
}
