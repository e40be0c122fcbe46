//! The file of a manifest, written as a stream; `docs/format.md` describes it.
//!
//! LZ4 compresses it, at the speed of memory, but for the digests, which nothing compresses.

use super::calls;
use super::manifest::{self, DIGEST_LEN, FLAGS_AT, Recorded};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Digest;
use lz4_flex::block::compress;
use std::fs::File;
use std::io::{self, BufWriter, Write};

pub(super) const MAGIC: &[u8; 21] = b"efsbackup manifest 2\n";
/// A block is closed once its entries have this many bytes.
const BLOCK: usize = 64 << 10;
/// The most that a block's entries may have: the last may be a long one.
pub(super) const MAX_BLOCK: usize = 16 << 20;
/// What tests know it by.
const MANIFEST: &str = "manifest";

/// Which extended attributes a manifest knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coverage {
    pub(super) xattrs: bool,
    pub(super) acls: bool,
}

/// What a block begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockHead {
    /// The length of its entries.
    pub(super) entries: u32,
    /// Their length as compressed.
    pub(super) compressed: u32,
    /// How many digests there are.
    pub(super) digests: u32,
}

impl BlockHead {
    pub(super) const LEN: usize = 12;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let numbers = [self.entries, self.compressed, self.digests].map(u32::to_le_bytes);
        bytes.copy_from_slice(numbers.as_flattened());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let number = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(number)
        };
        BlockHead { entries: number(0), compressed: number(4), digests: number(8) }
    }
}

/// Writes a manifest.
pub(super) struct ManifestWriter {
    file: BufWriter<File>,
    whole: blake3::Hasher,
    block: Vec<u8>,
    digests: Vec<u8>,
    dir: Vec<u8>,
    count: u64,
}

impl ManifestWriter {
    pub(super) fn new(file: File, coverage: Coverage) -> Result<Self> {
        let mut writer = ManifestWriter {
            file: BufWriter::new(file),
            whole: blake3::Hasher::new(),
            block: Vec::new(),
            digests: Vec::new(),
            dir: Vec::new(),
            count: 0,
        };
        let flags = u8::from(coverage.xattrs) | u8::from(coverage.acls) << 1;
        writer.put(&[MAGIC.as_slice(), &[flags]].concat())?;
        Ok(writer)
    }

    /// Adds an entry, with the digest of its content if `entry` has none; they come in the
    /// order of their places.
    pub(super) fn push(&mut self, entry: &Recorded<'_>, digest: Option<Digest>) -> Result<()> {
        if self.block.is_empty() || self.dir != entry.dir {
            manifest::put(&mut self.block, 0);
            manifest::put_bytes(&mut self.block, entry.dir);
            self.dir.clear();
            self.dir.extend_from_slice(entry.dir);
        }
        manifest::put(&mut self.block, entry.name.len() as u64 + 1);
        self.block.extend_from_slice(entry.name);
        let fields = self.block.len();
        self.block.extend_from_slice(entry.fields);
        self.digests.extend_from_slice(entry.digests);
        if let Some(digest) = digest
            && let Some(flags) = self.block.get_mut(fields + FLAGS_AT)
        {
            *flags |= manifest::DIGEST;
            self.digests.extend_from_slice(&digest);
        }
        self.count += 1;
        if self.block.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<()> {
        if self.block.len() > MAX_BLOCK {
            return Err(Error::new(ErrorKind::Unsupported, "write manifest")
                .with_message("a path is too long")
                .with_path(self.dir.as_slice()));
        }
        let compressed = compress(&self.block);
        let head = BlockHead {
            entries: self.block.len() as u32,
            compressed: compressed.len() as u32,
            digests: (self.digests.len() / DIGEST_LEN) as u32,
        };
        self.put(&head.to_bytes())?;
        self.put(&check(&compressed, &self.digests))?;
        // The check vouches for these.
        for bytes in [&compressed, &self.digests] {
            calls::write(&mut self.file, MANIFEST, bytes).map_err(failed)?;
        }
        self.block.clear();
        self.digests.clear();
        Ok(())
    }

    /// Ends the manifest and makes it durable. Gives its hash, which is also its end.
    pub(super) fn finish(mut self) -> Result<Digest> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.put(&BlockHead::default().to_bytes())?;
        self.put(&self.count.to_le_bytes())?;
        let hash = *self.whole.finalize().as_bytes();
        let written = self.file.write_all(&hash).and_then(|()| self.file.flush());
        written
            .and_then(|()| Ok(calls::fsync(self.file.get_ref(), MANIFEST.as_bytes())?))
            .map_err(failed)?;
        Ok(hash)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.whole.update(bytes);
        calls::write(&mut self.file, MANIFEST, bytes).map_err(failed)
    }
}

/// The hash of a block's compressed entries and its digests.
pub(super) fn check(compressed: &[u8], digests: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(compressed).update(digests);
    *hasher.finalize().as_bytes()
}

fn failed(error: io::Error) -> Error {
    Error::from_io("write manifest", error)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{Fields, ManifestEntry, order, split};
    use super::super::manifest_reader::ManifestReader;
    use super::*;
    use crate::bytepath::BytePath;
    use crate::mirror::FileKind;
    use proptest::prelude::*;
    use std::io::{Read, Seek};

    fn blank(path: &[u8], kind: FileKind) -> ManifestEntry {
        let (dir, name) = split(path);
        let mut entry = ManifestEntry::new(dir, name, &Fields::unreadable(kind));
        entry.unreadable = false;
        entry
    }

    fn entry() -> impl Strategy<Value = ManifestEntry> {
        let kinds = prop_oneof![
            Just(FileKind::File),
            Just(FileKind::Dir),
            Just(FileKind::Symlink),
            Just(FileKind::BlockDevice)
        ];
        let digest = || proptest::option::of(any::<[u8; 32]>());
        let name = || proptest::collection::vec(any::<u8>(), 0..6);
        let path = proptest::collection::vec(name(), 0..3).prop_map(|names| {
            let mut names: Vec<Vec<u8>> = names
                .into_iter()
                .map(|name| name.into_iter().filter(|byte| *byte != b'/').collect())
                .collect();
            names.retain(|name: &Vec<u8>| !name.is_empty());
            names.join(&b'/')
        });
        (
            (path, kinds, any::<[u32; 3]>(), any::<(i64, u32)>()),
            (
                any::<u64>(),
                proptest::option::of(any::<u64>()),
                digest(),
                digest(),
                any::<[bool; 2]>(),
            ),
        )
            .prop_map(
                |((path, kind, [mode, uid, gid], mtime), (number, group, xattrs, hash, flags))| {
                    let mut entry = blank(&path, kind);
                    (entry.mode, entry.uid, entry.gid, entry.mtime) = (mode, uid, gid, mtime);
                    match kind {
                        FileKind::File => (entry.size, entry.digest) = (number, hash),
                        FileKind::BlockDevice => entry.device = number,
                        FileKind::Symlink => entry.target = BytePath::from(&b"to\xff"[..]),
                        _ => {}
                    }
                    (entry.group, entry.xattrs) = (group, xattrs);
                    [entry.changed, entry.stale] = flags;
                    entry
                },
            )
    }

    /// Writes the entries; those without a content digest get `digest`.
    fn write(entries: &[ManifestEntry], digest: Option<Digest>) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        let coverage = Coverage { xattrs: true, acls: false };
        let mut writer = ManifestWriter::new(file.try_clone().unwrap(), coverage).unwrap();
        for entry in entries {
            let (dir, name) = split(entry.path.as_bytes());
            let (mut encoded, mut digests) = (Vec::new(), Vec::new());
            Fields::of_entry(entry).encode(&mut encoded);
            Fields::of_entry(entry).encode_digests(&mut digests);
            let recorded = Recorded { dir, name, fields: &encoded, digests: &digests };
            assert_eq!(recorded.decode(), Some(Fields::of_entry(entry)));
            let digest = digest.filter(|_| recorded.lacks_digest());
            writer.push(&recorded, digest).unwrap();
        }
        writer.finish().unwrap();
        file.rewind().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<ManifestEntry>> {
        let mut reader = ManifestReader::new(bytes)?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.next()? {
            entries.push(entry);
        }
        assert!(reader.hash().is_some());
        Ok(entries)
    }

    fn is_whole(bytes: &[u8]) -> bool {
        ManifestReader::new(bytes).is_ok_and(|reader| reader.check().unwrap())
    }

    fn in_order(mut entries: Vec<ManifestEntry>) -> Vec<ManifestEntry> {
        entries.sort_by(|a, b| order(&a.path, &b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        entries
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in proptest::collection::vec(entry(), 0..60)) {
            let mut entries = in_order(entries);
            prop_assert_eq!(&read(&write(&entries, None)).unwrap(), &entries);
            let written = write(&entries, Some([7; 32]));
            for entry in entries.iter_mut().filter(|entry| entry.kind == FileKind::File) {
                entry.digest.get_or_insert([7; 32]);
            }
            prop_assert_eq!(read(&written).unwrap(), entries);
        }

        #[test]
        fn places_are_found_and_those_that_are_missing_are_not(
            entries in proptest::collection::vec(entry(), 0..60),
            others in proptest::collection::vec(entry(), 0..60),
        ) {
            let entries = in_order(entries);
            let wanted = in_order([entries.clone(), others].concat());
            let bytes = write(&entries, None);
            let mut reader = ManifestReader::new(bytes.as_slice()).unwrap();
            for want in wanted {
                let (dir, name) = split(want.path.as_bytes());
                let found = reader.find((dir, name)).unwrap();
                let found = found.map(|fields| ManifestEntry::new(dir, name, &fields));
                let expected = entries.iter().find(|entry| entry.path == want.path);
                prop_assert_eq!(found.as_ref(), expected);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            let mut head = MAGIC.to_vec();
            head.push(1);
            head.extend(&bytes);
            prop_assert!(read(&head).is_err());
            // Past the checksums, as if someone had made them right.
            let entries = [&[0, 0][..], &bytes].concat();
            for digests in [vec![], vec![1; DIGEST_LEN], vec![1; 9 * DIGEST_LEN]] {
                let compressed = compress(&entries);
                let head = BlockHead {
                    entries: entries.len() as u32,
                    compressed: compressed.len() as u32,
                    digests: (digests.len() / DIGEST_LEN) as u32,
                };
                let mut block = [MAGIC.as_slice(), &[0], &head.to_bytes()].concat();
                block.extend(check(&compressed, &digests));
                block.extend([compressed, digests].concat());
                prop_assert!(read(&block).is_err());
            }
        }

        #[test]
        fn every_flipped_bit_and_every_cut_is_found(
            entries in proptest::collection::vec(entry(), 1..20),
            at in any::<proptest::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let whole = write(&in_order(entries), None);
            prop_assert!(is_whole(&whole));
            let at = at.index(whole.len());
            let mut flipped = whole.clone();
            flipped[at] ^= 1_u8 << bit;
            let longer = [&whole[..], &[0]].concat();
            for damaged in [&whole[..at], &flipped, &longer] {
                prop_assert!(read(damaged).is_err());
                // What the head says besides is of the whole too.
                prop_assert!(!is_whole(damaged));
            }
        }
    }

    #[test]
    fn many_blocks_are_read_in_order() {
        let entries: Vec<_> = (0..20_000)
            .map(|number| blank(format!("dir/{number:08}").as_bytes(), FileKind::Dir))
            .collect();
        let bytes = write(&entries, None);
        assert!(bytes.len() < 20_000 * 14, "{} bytes", bytes.len());
        assert_eq!(read(&bytes).unwrap(), entries);
        let mut swapped = entries;
        swapped.swap(5_000, 5_001);
        assert!(read(&write(&swapped, None)).unwrap_err().message().contains("order"));
    }
}
