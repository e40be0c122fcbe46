//! One entry of a manifest, and its form in bytes; `docs/format.md` describes it.

use crate::bytepath::BytePath;
use crate::mirror::{Digest, FileKind, Settled};

/// One entry of a snapshot, as its manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestEntry {
    /// The path below the snapshot; empty for its root.
    pub path: BytePath,
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
    pub target: BytePath,
    /// The same number for all names of one file; `None` for a file that had one name.
    pub group: Option<u64>,
    /// The BLAKE3 hash of the extended attributes; `None` where there are none.
    pub xattrs: Option<Digest>,
    /// The BLAKE3 hash of a file's content, where it is known.
    pub digest: Option<Digest>,
    /// The source kept changing while it was copied.
    pub changed: bool,
    /// The source could not be read: it is as it was in an older snapshot.
    pub stale: bool,
    /// It was met, but could not be read. Never so in a manifest.
    pub(super) unreadable: bool,
}

const DIGEST: u8 = 1;
const GROUP: u8 = 2;
const XATTRS: u8 = 4;
const CHANGED: u8 = 8;
const STALE: u8 = 16;
/// Only in what is sorted on the way to a manifest or to a comparison.
const UNREADABLE: u8 = 128;

const KINDS: [FileKind; 7] = [
    FileKind::File,
    FileKind::Dir,
    FileKind::Symlink,
    FileKind::Fifo,
    FileKind::Socket,
    FileKind::CharDevice,
    FileKind::BlockDevice,
];

impl ManifestEntry {
    /// The entry that a mirror settled.
    pub(super) fn new(settled: &Settled<'_>) -> ManifestEntry {
        ManifestEntry {
            path: settled.path.clone(),
            kind: settled.kind,
            mode: settled.mode,
            uid: settled.uid,
            gid: settled.gid,
            mtime: settled.mtime,
            size: settled.size,
            device: settled.device,
            target: BytePath::from(settled.target),
            group: settled.group,
            xattrs: xattrs_digest(settled.xattrs),
            digest: settled.digest,
            changed: settled.changed,
            stale: settled.stale,
            unreadable: false,
        }
    }

    /// An entry that could not be read.
    pub(super) fn unreadable(path: &BytePath, kind: FileKind) -> ManifestEntry {
        ManifestEntry {
            path: path.clone(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: (0, 0),
            size: 0,
            device: 0,
            target: BytePath::default(),
            group: None,
            xattrs: None,
            digest: None,
            changed: false,
            stale: false,
            unreadable: true,
        }
    }

    /// Adds everything but the path to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(KINDS.iter().position(|kind| *kind == self.kind).unwrap_or_default() as u8);
        out.push(
            flag(self.digest.is_some(), DIGEST)
                | flag(self.group.is_some(), GROUP)
                | flag(self.xattrs.is_some(), XATTRS)
                | flag(self.changed, CHANGED)
                | flag(self.stale, STALE)
                | flag(self.unreadable, UNREADABLE),
        );
        for number in [self.mode, self.uid, self.gid] {
            put(out, number.into());
        }
        let (seconds, nanoseconds) = self.mtime;
        put(out, ((seconds << 1) ^ (seconds >> 63)) as u64);
        put(out, nanoseconds.into());
        match self.kind {
            FileKind::File => put(out, self.size),
            FileKind::Symlink => put_bytes(out, self.target.as_bytes()),
            FileKind::CharDevice | FileKind::BlockDevice => put(out, self.device),
            _ => {}
        }
        if let Some(group) = self.group {
            put(out, group);
        }
        for digest in [self.xattrs, self.digest].into_iter().flatten() {
            out.extend_from_slice(&digest);
        }
    }

    /// Reads what [`ManifestEntry::encode`] wrote; `None` if it is none of that.
    pub(super) fn decode(path: BytePath, bytes: &mut &[u8]) -> Option<ManifestEntry> {
        let kind = *KINDS.get(usize::from(take(bytes, 1)?[0]))?;
        let flags = take(bytes, 1)?[0];
        if flags & !(DIGEST | GROUP | XATTRS | CHANGED | STALE | UNREADABLE) != 0 {
            return None;
        }
        let mut entry = ManifestEntry::unreadable(&path, kind);
        entry.unreadable = flags & UNREADABLE != 0;
        entry.changed = flags & CHANGED != 0;
        entry.stale = flags & STALE != 0;
        let number = |bytes: &mut &[u8]| u32::try_from(get(bytes)?).ok();
        (entry.mode, entry.uid, entry.gid) = (number(bytes)?, number(bytes)?, number(bytes)?);
        let seconds = get(bytes)?;
        entry.mtime = ((seconds >> 1) as i64 ^ -((seconds & 1) as i64), number(bytes)?);
        match kind {
            FileKind::File => entry.size = get(bytes)?,
            FileKind::Symlink => entry.target = BytePath::from(get_bytes(bytes)?),
            FileKind::CharDevice | FileKind::BlockDevice => entry.device = get(bytes)?,
            _ => {}
        }
        if flags & GROUP != 0 {
            entry.group = Some(get(bytes)?);
        }
        let digest = |bytes: &mut &[u8]| take(bytes, 32)?.try_into().ok();
        if flags & XATTRS != 0 {
            entry.xattrs = Some(digest(bytes)?);
        }
        if flags & DIGEST != 0 {
            entry.digest = Some(digest(bytes)?);
        }
        Some(entry)
    }
}

/// The hash of extended attributes sorted by name: of each the length of its name, its name,
/// the length of its value and its value; lengths are 8 bytes, the least significant first.
fn xattrs_digest(xattrs: &[(std::ffi::CString, Vec<u8>)]) -> Option<Digest> {
    if xattrs.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    for (name, value) in xattrs {
        for bytes in [name.as_bytes(), value] {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }
    Some(*hasher.finalize().as_bytes())
}

/// Adds a number: 7 bits a byte, the least significant first, the last without the top bit.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes a number that [`put`] wrote.
pub(super) fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

pub(super) fn get_bytes<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(get(bytes)?).ok()?;
    take(bytes, length)
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_sizes_come_back_and_too_large_ones_do_not() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX >> 1, u64::MAX] {
            let mut out = Vec::new();
            put(&mut out, number);
            let mut rest = out.as_slice();
            assert_eq!(get(&mut rest), Some(number));
            assert!(rest.is_empty());
            assert_eq!(get(&mut &out[..out.len() - 1]), None);
        }
        assert_eq!(get(&mut [0xff; 11].as_slice()), None);
        let too_large = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(get(&mut too_large.as_slice()), None);
    }

    #[test]
    fn times_before_1970_come_back() {
        for seconds in [0, 1, -1, i64::MAX, i64::MIN] {
            let mut entry = ManifestEntry::unreadable(&BytePath::default(), FileKind::Fifo);
            entry.mtime = (seconds, 999_999_999);
            let mut out = Vec::new();
            entry.encode(&mut out);
            assert_eq!(
                ManifestEntry::decode(BytePath::default(), &mut out.as_slice()),
                Some(entry)
            );
        }
    }
}
