//! The kernel's list of mounts, `/proc/self/mountinfo` (proc(5)).

use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use std::path::Path;

/// One mount.
///
/// ```
/// use efsbackup_core::mount::Mount;
///
/// let mount = Mount::containing("/proc/self")?;
/// assert_eq!(mount.mount_point.as_bytes(), b"/proc");
/// assert!(!mount.is_nfs() && mount.host().is_none());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// The mount's number, unique while it is mounted.
    pub id: u64,
    /// The number of the mount it is mounted on.
    pub parent: u64,
    /// The file system's device number, `MAJOR:MINOR`.
    pub device: BytePath,
    /// Which directory of the file system is mounted.
    pub root: BytePath,
    /// Where.
    pub mount_point: BytePath,
    /// The mount's own options, such as `rw,nosuid,relatime`.
    pub flags: BytePath,
    /// The file system's type, such as `nfs4`.
    pub fs_type: BytePath,
    /// What is mounted, such as `fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/`.
    pub source: BytePath,
    /// The file system's own options, such as `rw,vers=4.1,port=2049,addr=10.0.0.5`.
    pub options: BytePath,
}

impl Mount {
    /// The mount that contains the directory `path`.
    ///
    /// # Errors
    /// Those of opening `path`, or of reading the kernel's list.
    pub fn containing(path: impl AsRef<Path>) -> Result<Mount> {
        let path = path.as_ref();
        let failed = |op, errno: rustix::io::Errno| {
            Error::from_errno(op, errno.raw_os_error()).with_path(path)
        };
        // Opening (not only looking) makes an automounter mount what belongs here.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed("open", e))?;
        let table = MountTable::read()?;
        let statx = rustix::fs::statx(&dir, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
        if let Ok(statx) = statx
            && statx.stx_mask & StatxFlags::MNT_ID.bits() != 0
            && let Some(mount) = table.mounts.iter().find(|mount| mount.id == statx.stx_mnt_id)
        {
            return Ok(mount.clone());
        }
        // Before Linux 5.8 the mount's number is not told.
        let canonical = path
            .canonicalize()
            .map_err(|error| Error::from_io("resolve", error).with_path(path))?;
        table.containing(&canonical).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "mountinfo")
                .with_message("no mount contains this path")
                .with_path(path)
        })
    }

    /// Whether it is a mount of NFS.
    pub fn is_nfs(&self) -> bool {
        matches!(self.fs_type.as_bytes(), b"nfs" | b"nfs4")
    }

    /// The server's name or address in an NFS source `HOST:/PATH`; an IPv6 address
    /// without its brackets.
    pub fn host(&self) -> Option<&str> {
        let source = self.source.to_utf8()?;
        if let Some(rest) = source.strip_prefix('[') {
            return Some(rest.split_once("]:")?.0);
        }
        Some(source.split_once(":/")?.0)
    }

    /// Whether nothing can be written through it.
    pub fn is_read_only(&self) -> bool {
        let read_only =
            |options: &BytePath| options.as_bytes().split(|b| *b == b',').any(|o| o == b"ro");
        read_only(&self.flags) || read_only(&self.options)
    }

    /// The value of the file system's option `name`.
    pub fn option(&self, name: &str) -> Option<&str> {
        let options = self.options.to_utf8()?.split(',');
        options.filter_map(|option| option.split_once('=')).find(|(n, _)| *n == name).map(|o| o.1)
    }
}

/// All mounts that this process sees.
///
/// ```
/// use efsbackup_core::mount::MountTable;
///
/// let table = MountTable::read()?;
/// for mount in table.mounts.iter().filter(|mount| mount.is_nfs()) {
///     println!("{} on {}", mount.source, mount.mount_point);
/// }
/// assert!(table.at("/proc".as_ref()).is_some());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountTable {
    /// In the kernel's order: later ones lie over earlier ones.
    pub mounts: Vec<Mount>,
}

impl MountTable {
    /// Reads `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// When `/proc` is missing or holds something else.
    pub fn read() -> Result<Self> {
        let path = Path::new("/proc/self/mountinfo");
        let text = std::fs::read(path).map_err(|e| Error::from_io("read", e).with_path(path))?;
        Self::parse(&text)
    }

    /// Reads the text of a mountinfo file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], naming the line.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mounts = lines
            .map(|line| {
                parse_line(line).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidInput, "read mountinfo")
                        .with_message(format!("not a mount: {}", BytePath::from(line)))
                })
            })
            .collect::<Result<_>>()?;
        Ok(MountTable { mounts })
    }

    /// What is mounted exactly on `path`, an absolute path without symbolic links; of
    /// several mounts on each other the one on top.
    pub fn at(&self, path: &Path) -> Option<&Mount> {
        self.containing(path).filter(|mount| mount.mount_point.as_path() == path)
    }

    /// The mount that contains `path`, an absolute path without symbolic links.
    ///
    /// The way from the root is walked as the kernel does, since a mount may be hidden by
    /// a later one on the same place or above it.
    pub fn containing(&self, path: &Path) -> Option<&Mount> {
        let path = BytePath::from(path);
        let is_root = |mount: &&Mount| !self.mounts.iter().any(|other| other.id == mount.parent);
        let mut current = self.mounts.iter().filter(is_root).find(|mount| mount.holds(&path))?;
        // Each step goes down to a child, so there are at most as many as mounts; the
        // bound ends the walk if the list is torn and goes round in a circle.
        for _ in 0..self.mounts.len() {
            let children = self.mounts.iter().filter(|mount| mount.parent == current.id);
            let next = children
                .filter(|mount| mount.id != current.id && mount.holds(&path))
                .min_by_key(|mount| mount.mount_point.as_bytes().len());
            match next {
                Some(mount) => current = mount,
                None => break,
            }
        }
        Some(current)
    }
}

impl Mount {
    /// Whether `path` is the mount point or below it, by name.
    fn holds(&self, path: &BytePath) -> bool {
        path.as_path().starts_with(self.mount_point.as_path())
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let device = unescape(fields.next()?);
    let root = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let flags = unescape(fields.next()?);
    // Any number of optional fields ends with a lone dash.
    fields.by_ref().find(|field| *field == b"-")?;
    let fs_type = unescape(fields.next()?);
    let source = unescape(fields.next()?);
    let options = unescape(fields.next().unwrap_or_default());
    Some(Mount { id, parent, device, root, mount_point, flags, fs_type, source, options })
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Space, tab, newline and backslash are written as a backslash and three octal digits.
pub(super) fn unescape(text: &[u8]) -> BytePath {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|digits| digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match digits {
            Some(&[a, b, c]) if first == b'\\' && a <= b'3' => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    BytePath::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /mnt rw - tmpfs none rw,size=1024k
31 30 0:41 / /mnt/a\\040b\\134 rw master:2 propagate_from:3 - nfs4 fs-1.efs.eu-west-1.amazonaws.com:/ rw,vers=4.1,port=2049,addr=10.0.0.5
32 27 0:42 / /mnt/data rw - tmpfs under rw
33 30 0:43 /exports/x /mnt/data rw - nfs4 [fd00::1]:/exports rw
34 33 0:44 / /mnt/data rw - ext4 over rw
";

    fn source_of(path: &str) -> String {
        let table = MountTable::parse(TABLE).unwrap();
        table.containing(Path::new(path)).unwrap().source.to_text()
    }

    #[test]
    fn octal_escapes_and_optional_fields_are_read() {
        let table = MountTable::parse(TABLE).unwrap();
        let mount = &table.mounts[2];
        assert_eq!(mount.mount_point.as_bytes(), b"/mnt/a b\\");
        assert_eq!(mount.host(), Some("fs-1.efs.eu-west-1.amazonaws.com"));
        assert_eq!(mount.option("port"), Some("2049"));
        assert_eq!(mount.option("rw"), None);
        assert!(mount.is_nfs());
        assert_eq!(table.mounts[4].host(), Some("fd00::1"));
        assert_eq!(table.mounts[4].root.as_bytes(), b"/exports/x");
        assert_eq!(table.mounts[0].host(), None);
    }

    #[test]
    fn the_mount_on_top_contains_the_path() {
        assert_eq!(source_of("/home"), "/dev/vda");
        assert_eq!(source_of("/mnt/other"), "none");
        assert_eq!(source_of("/mnt/a b\\/sub"), "fs-1.efs.eu-west-1.amazonaws.com:/");
        // `over` hides the NFS mount; `under` was hidden when /mnt was mounted over it.
        assert_eq!(source_of("/mnt/data/x"), "over");
        // A common beginning of the name is not the same directory.
        assert_eq!(source_of("/mnt/database"), "none");
    }

    #[test]
    fn a_line_that_is_no_mount_is_named() {
        let error = MountTable::parse(b"27 1 8:1 / / rw\n").unwrap_err();
        assert_eq!(error.to_string(), "read mountinfo: not a mount: 27 1 8:1 / / rw");
    }

    #[test]
    fn the_running_kernel_is_understood() {
        let by_number = Mount::containing("/proc").unwrap();
        let by_name = MountTable::read().unwrap();
        assert_eq!(by_number.fs_type.as_bytes(), b"proc");
        assert_eq!(by_name.containing(Path::new("/proc")), Some(&by_number));
    }
}
