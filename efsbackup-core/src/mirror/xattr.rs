//! Extended attributes, and POSIX ACLs as the attributes that the kernel shows them as.

use super::calls;
use super::meta::{Difference, Target};
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

const ACL_PREFIX: &[u8] = b"system.posix_acl_";

/// Attributes by name, sorted by name.
pub(super) type Xattrs = Vec<(CString, Vec<u8>)>;

/// Which attributes are preserved, and what is known of the file systems met.
#[derive(Debug)]
pub(super) struct Policy {
    xattrs: bool,
    acls: bool,
    /// Only root sees `trusted.` and may set `security.`.
    root: bool,
    /// The device of the last file system that had no attributes at all.
    without: AtomicU64,
}

impl Policy {
    pub(super) fn new(xattrs: bool, acls: bool) -> Self {
        let root = rustix::process::geteuid().is_root();
        Policy { xattrs, acls, root, without: AtomicU64::new(u64::MAX) }
    }

    /// Whether attributes play any part.
    pub(super) fn is_on(&self) -> bool {
        self.xattrs || self.acls
    }

    fn wants(&self, name: &[u8]) -> bool {
        if name.starts_with(b"system.") {
            return self.acls && name.starts_with(ACL_PREFIX);
        }
        self.xattrs && (self.root || name.starts_with(b"user."))
    }

    /// The preserved attributes of `name` in `dir`, which is on the device `dev`.
    pub(super) fn read_at(&self, dir: impl AsFd, name: &CStr, dev: u64) -> Result<Xattrs> {
        let mut path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd()));
        path.push(OsStr::from_bytes(name.to_bytes()));
        self.read(
            dev,
            |list| calls::llistxattr(&path, list),
            |name, value| calls::lgetxattr(&path, name, value),
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
        list: impl Fn(&mut Vec<u8>) -> Result<usize>,
        get: impl Fn(&CStr, &mut Vec<u8>) -> Result<usize>,
    ) -> Result<Xattrs> {
        if !self.is_on() || self.without.load(Ordering::Relaxed) == dev {
            return Ok(Vec::new());
        }
        let names = match grow(256, list) {
            Ok(names) => names,
            Err(Errno::OPNOTSUPP) => {
                self.without.store(dev, Ordering::Relaxed);
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
            match grow(256, |value| get(name, value)) {
                Ok(value) => xattrs.push((name.to_owned(), value)),
                // Removed since it was listed.
                Err(Errno::NODATA) => {}
                Err(errno) => return Err(errno),
            }
        }
        xattrs.sort_unstable();
        Ok(xattrs)
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
fn grow(first: usize, read: impl Fn(&mut Vec<u8>) -> Result<usize>) -> Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(first);
    loop {
        buffer.clear();
        match read(&mut buffer) {
            Ok(_) => return Ok(buffer),
            Err(Errno::RANGE) if buffer.capacity() <= 1 << 16 => {
                buffer = Vec::with_capacity(buffer.capacity() * 4);
            }
            Err(errno) => return Err(errno),
        }
    }
}
