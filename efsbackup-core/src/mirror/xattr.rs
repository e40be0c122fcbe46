//! Extended attributes, and POSIX ACLs as the attributes that the kernel shows them as.

use super::calls;
use super::meta::{Difference, Target};
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::{Errno, Result};
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const ACL_PREFIX: &[u8] = b"system.posix_acl_";
/// XFS lists its ACLs to root under these names too (fs/xfs/libxfs/xfs_log_format.h).
const XFS_ACLS: [&[u8]; 2] = [b"trusted.SGI_ACL_FILE", b"trusted.SGI_ACL_DEFAULT"];

/// Attributes by name, sorted by name.
pub(super) type Xattrs = Vec<(CString, Vec<u8>)>;

/// Which attributes are preserved, and what is known of the file systems met.
#[derive(Debug)]
pub(super) struct Policy {
    xattrs: bool,
    acls: bool,
    /// Only root sees `trusted.` and may set `security.`.
    root: bool,
    /// Devices of file systems that have no attributes at all.
    without: [AtomicU64; 4],
    /// Whether the kernel has listxattrat(2), as far as is known.
    has_listxattrat: AtomicBool,
}

const NO_DEVICE: u64 = u64::MAX;

impl Policy {
    pub(super) fn new(xattrs: bool, acls: bool) -> Self {
        Policy {
            xattrs,
            acls,
            root: rustix::process::geteuid().is_root(),
            without: [const { AtomicU64::new(NO_DEVICE) }; 4],
            has_listxattrat: AtomicBool::new(true),
        }
    }

    /// Whether attributes play any part.
    pub(super) fn is_on(&self) -> bool {
        self.xattrs || self.acls
    }

    fn wants(&self, name: &[u8]) -> bool {
        if name.starts_with(b"system.") {
            return self.acls && name.starts_with(ACL_PREFIX);
        }
        self.xattrs && (self.root || name.starts_with(b"user.")) && !XFS_ACLS.contains(&name)
    }

    /// The preserved attributes of `name` in `dir`, which is on the device `dev`.
    pub(super) fn read_at(&self, dir: impl AsFd, name: &CStr, dev: u64) -> Result<Xattrs> {
        let path = || {
            let mut path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd()));
            path.push(OsStr::from_bytes(name.to_bytes()));
            path
        };
        self.read(
            dev,
            |list| {
                // A third of what the way through /proc costs.
                if self.has_listxattrat.load(Ordering::Relaxed) {
                    match calls::listxattrat(&dir, name, list) {
                        Err(Errno::NOSYS | Errno::PERM) => {
                            self.has_listxattrat.store(false, Ordering::Relaxed);
                        }
                        result => return result,
                    }
                }
                calls::llistxattr(path(), list)
            },
            |name, value| calls::lgetxattr(path(), name, value),
        )
    }

    /// The preserved attributes of an open file or directory.
    pub(super) fn read_fd(&self, fd: impl AsFd, dev: u64) -> Result<Xattrs> {
        self.read(
            dev,
            |list| calls::flistxattr(&fd, list),
            |name, value| calls::fgetxattr(&fd, name, value),
        )
    }

    /// The preserved attributes of a target.
    pub(super) fn read_target(&self, target: &Target<'_>, dev: u64) -> Result<Xattrs> {
        match target {
            Target::Open(fd) => self.read_fd(fd, dev),
            Target::Path(_) => {
                let path = target.proc_path();
                self.read(
                    dev,
                    |list| calls::listxattr(&path, list),
                    |name, value| calls::getxattr(&path, name, value),
                )
            }
        }
    }

    fn read(
        &self,
        dev: u64,
        list: impl Fn(&mut [u8]) -> Result<usize>,
        get: impl Fn(&CStr, &mut [u8]) -> Result<usize>,
    ) -> Result<Xattrs> {
        if !self.is_on() || self.without.iter().any(|known| known.load(Ordering::Relaxed) == dev) {
            return Ok(Vec::new());
        }
        let mut few = [0; 256];
        let names = match list(&mut few) {
            Ok(length) => Cow::from(&few[..length]),
            Err(Errno::RANGE) => Cow::from(grow(list)?),
            Err(Errno::OPNOTSUPP) => {
                self.note_without(dev);
                return Ok(Vec::new());
            }
            Err(errno) => return Err(errno),
        };
        let mut xattrs = Vec::new();
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if !self.wants(name.to_bytes()) {
                continue;
            }
            match grow(|value| get(name, value)) {
                Ok(value) => xattrs.push((name.to_owned(), value)),
                // Removed since it was listed.
                Err(Errno::NODATA) => {}
                Err(errno) => return Err(errno),
            }
        }
        xattrs.sort_unstable();
        Ok(xattrs)
    }

    /// Remembers a file system without attributes, if there is room.
    fn note_without(&self, dev: u64) {
        let free = |known: &&AtomicU64| {
            known.compare_exchange(NO_DEVICE, dev, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        let _ = self.without.iter().find(free);
    }

    /// Makes the target's preserved attributes equal `want`; `have` is what it has.
    pub(super) fn apply(&self, target: &Target<'_>, want: &Xattrs, have: &Xattrs) -> Result<()> {
        for (name, _) in have {
            if find(want, name).is_none() {
                match remove(target, name) {
                    // Removing an access ACL that chmod has already reduced to the mode.
                    Ok(()) | Err(Errno::NODATA) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        for (name, value) in want {
            if find(have, name) != Some(value) {
                set(target, name, value)?;
            }
        }
        Ok(())
    }
}

/// Notes in `difference` whether attributes or ACLs differ.
pub(super) fn compare(want: &Xattrs, have: &Xattrs, difference: &mut Difference) {
    if want == have {
        return;
    }
    let of = |xattrs: &Xattrs, acl: bool| {
        let is_acl = |name: &CString| name.as_bytes().starts_with(ACL_PREFIX) == acl;
        xattrs.iter().filter(|(name, _)| is_acl(name)).cloned().collect::<Vec<_>>()
    };
    difference.xattrs |= of(want, false) != of(have, false);
    difference.acls |= of(want, true) != of(have, true);
}

/// Whether a directory with these attributes gives an ACL to what is made in it.
pub(super) fn has_default_acl(xattrs: &Xattrs) -> bool {
    find(xattrs, c"system.posix_acl_default").is_some()
}

fn find<'a>(xattrs: &'a Xattrs, name: &CStr) -> Option<&'a Vec<u8>> {
    xattrs.iter().find(|(other, _)| other.as_c_str() == name).map(|(_, value)| value)
}

fn set(target: &Target<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    match target {
        Target::Open(fd) => calls::fsetxattr(fd, name, value),
        Target::Path(_) => calls::setxattr(&target.proc_path(), name, value),
    }
}

fn remove(target: &Target<'_>, name: &CStr) -> Result<()> {
    match target {
        Target::Open(fd) => calls::fremovexattr(fd, name),
        Target::Path(_) => calls::removexattr(&target.proc_path(), name),
    }
}

/// Calls `read` with ever larger buffers until the answer fits (at most 64 KiB, as the
/// kernel's XATTR_SIZE_MAX and XATTR_LIST_MAX say).
fn grow(read: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() <= 1 << 16 => buffer.resize(buffer.len() * 4, 0),
            Err(errno) => return Err(errno),
        }
    }
}
