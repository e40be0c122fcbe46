//! One entry of a manifest, and its form in bytes; `docs/format.md` describes it.

use crate::bytepath::BytePath;
use crate::mirror::{Digest, FileKind, Settled};
use std::cmp::Ordering;

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

/// In the flags: a content digest follows.
pub(super) const DIGEST: u8 = 1;
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
    /// The entry whose path is `name` in `dir`.
    pub(super) fn new(dir: &[u8], name: &[u8], fields: &Fields<'_>) -> ManifestEntry {
        ManifestEntry {
            path: BytePath::from(dir).join(name),
            kind: fields.kind,
            mode: fields.mode,
            uid: fields.uid,
            gid: fields.gid,
            mtime: fields.mtime,
            size: fields.size,
            device: fields.device,
            target: BytePath::from(fields.target),
            group: fields.group,
            xattrs: fields.xattrs,
            digest: fields.digest,
            changed: fields.changed,
            stale: fields.stale,
            unreadable: fields.unreadable,
        }
    }
}

/// The directory of a path and the name in it; both empty for the root.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

/// The order of a manifest: directory by directory in the order of their paths, in each the
/// names in their order. A directory comes before all that is in it.
pub(super) fn order(one: &BytePath, other: &BytePath) -> Ordering {
    split(one.as_bytes()).cmp(&split(other.as_bytes()))
}

/// All of an entry but its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: (i64, u32),
    pub(super) size: u64,
    pub(super) device: u64,
    pub(super) target: &'a [u8],
    pub(super) group: Option<u64>,
    pub(super) xattrs: Option<Digest>,
    pub(super) digest: Option<Digest>,
    pub(super) changed: bool,
    pub(super) stale: bool,
    pub(super) unreadable: bool,
}

impl<'a> Fields<'a> {
    /// Those of an entry that a mirror settled.
    pub(super) fn of(settled: &Settled<'a>) -> Self {
        Fields {
            kind: settled.kind,
            mode: settled.mode,
            uid: settled.uid,
            gid: settled.gid,
            mtime: settled.mtime,
            size: settled.size,
            device: settled.device,
            target: settled.target,
            group: settled.group,
            xattrs: xattrs_digest(settled.xattrs),
            digest: settled.digest,
            changed: settled.changed,
            stale: settled.stale,
            unreadable: false,
        }
    }

    /// Those of a manifest's entry.
    pub(super) fn of_entry(entry: &'a ManifestEntry) -> Self {
        Fields {
            kind: entry.kind,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            size: entry.size,
            device: entry.device,
            target: entry.target.as_bytes(),
            group: entry.group,
            xattrs: entry.xattrs,
            digest: entry.digest,
            changed: entry.changed,
            stale: entry.stale,
            unreadable: entry.unreadable,
        }
    }

    fn empty(kind: FileKind) -> Self {
        Fields {
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: (0, 0),
            size: 0,
            device: 0,
            target: &[],
            group: None,
            xattrs: None,
            digest: None,
            changed: false,
            stale: false,
            unreadable: false,
        }
    }

    /// Those of an entry that could not be read.
    pub(super) fn unreadable(kind: FileKind) -> Self {
        Fields { unreadable: true, ..Self::empty(kind) }
    }

    /// Adds everything but the digests to `out`.
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
            FileKind::Symlink => put_bytes(out, self.target),
            FileKind::CharDevice | FileKind::BlockDevice => put(out, self.device),
            _ => {}
        }
        if let Some(group) = self.group {
            put(out, group);
        }
    }

    /// Adds the digests that are known to `out`.
    pub(super) fn encode_digests(&self, out: &mut Vec<u8>) {
        for digest in [&self.xattrs, &self.digest].into_iter().flatten() {
            out.extend_from_slice(digest);
        }
    }

    /// Takes from `bytes` and `digests` what was encoded; `None` if it is none of that.
    pub(super) fn decode(bytes: &mut &'a [u8], digests: &mut &[u8]) -> Option<Self> {
        let kind = *KINDS.get(usize::from(take(bytes, 1)?[0]))?;
        let flags = take(bytes, 1)?[0];
        if flags & !(DIGEST | GROUP | XATTRS | CHANGED | STALE | UNREADABLE) != 0 {
            return None;
        }
        let number = |bytes: &mut &[u8]| u32::try_from(get(bytes)?).ok();
        let mut fields = Fields {
            mode: number(bytes)?,
            uid: number(bytes)?,
            gid: number(bytes)?,
            changed: flags & CHANGED != 0,
            stale: flags & STALE != 0,
            unreadable: flags & UNREADABLE != 0,
            ..Self::empty(kind)
        };
        let seconds = get(bytes)?;
        fields.mtime = ((seconds >> 1) as i64 ^ -((seconds & 1) as i64), number(bytes)?);
        match kind {
            FileKind::File => fields.size = get(bytes)?,
            FileKind::Symlink => fields.target = get_bytes(bytes)?,
            FileKind::CharDevice | FileKind::BlockDevice => fields.device = get(bytes)?,
            _ => {}
        }
        if flags & GROUP != 0 {
            fields.group = Some(get(bytes)?);
        }
        if flags & XATTRS != 0 {
            fields.xattrs = Some(take(digests, DIGEST_LEN)?.try_into().ok()?);
        }
        if flags & DIGEST != 0 {
            fields.digest = Some(take(digests, DIGEST_LEN)?.try_into().ok()?);
        }
        Some(fields)
    }
}

/// An entry as it is recorded: its place and its encoded fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded<'a> {
    pub(super) dir: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) fields: &'a [u8],
    pub(super) digests: &'a [u8],
}

impl<'a> Recorded<'a> {
    /// Where it comes in a manifest.
    pub(super) fn place(&self) -> (&'a [u8], &'a [u8]) {
        (self.dir, self.name)
    }

    pub(super) fn decode(&self) -> Option<Fields<'a>> {
        let (mut fields, mut digests) = (self.fields, self.digests);
        let decoded = Fields::decode(&mut fields, &mut digests)?;
        (fields.is_empty() && digests.is_empty()).then_some(decoded)
    }

    /// The number of its type and the flags of its fields.
    fn kind_and_flags(&self) -> (u8, u8) {
        match self.fields {
            [kind, flags, ..] => (*kind, *flags),
            _ => (0, 0),
        }
    }

    /// Whether it was met, but could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.kind_and_flags().1 & UNREADABLE != 0
    }

    /// Whether it is a file whose digest is not known.
    pub(super) fn lacks_digest(&self) -> bool {
        let (kind, flags) = self.kind_and_flags();
        KINDS.get(usize::from(kind)) == Some(&FileKind::File) && flags & DIGEST == 0
    }
}

/// The byte of encoded fields that holds the flags.
pub(super) const FLAGS_AT: usize = 1;
/// The length of a digest.
pub(super) const DIGEST_LEN: usize = 32;

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
    for (at, byte) in bytes.iter().take(MAX_NUMBER_LEN).enumerate() {
        let (bits, shift) = (u64::from(byte & 0x7f), 7 * at);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if *byte < 0x80 {
            *bytes = &bytes[at + 1..];
            return Some(number);
        }
    }
    None
}

/// How many bytes 64 bits need, 7 in each.
const MAX_NUMBER_LEN: usize = 10;

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
            let mut entry = Fields::unreadable(FileKind::Fifo);
            entry.mtime = (seconds, 999_999_999);
            let mut out = Vec::new();
            entry.encode(&mut out);
            assert_eq!(Fields::decode(&mut out.as_slice(), &mut [].as_slice()), Some(entry));
        }
    }

    #[test]
    fn a_directory_comes_before_what_is_in_it_and_its_names_stay_together() {
        let paths = ["", "a", "a-b", "b", "a/x", "a/x-y", "a-b/c", "a/x/z", "b/a"];
        let mut sorted: Vec<BytePath> = paths.iter().map(|path| path.as_bytes().into()).collect();
        sorted.sort_by(order);
        assert_eq!(sorted.iter().map(BytePath::to_text).collect::<Vec<_>>(), paths);
    }
}
