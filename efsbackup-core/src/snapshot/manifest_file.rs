//! The file of a manifest, written and read as a stream; `docs/format.md` describes it.
//!
//! LZ4 compresses it: at the speed of memory, and what it leaves is mostly digests, which
//! nothing compresses.

use super::calls;
use super::manifest::{self, ManifestEntry};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Digest;
use lz4_flex::block::{compress, decompress};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

pub(super) const MAGIC: &[u8; 21] = b"efsbackup manifest 1\n";
/// A block is closed once it holds this many bytes.
const BLOCK: usize = 64 << 10;
/// The largest block that is written or read: the last entry may be a long one.
const MAX_BLOCK: usize = 16 << 20;
pub(super) const CHECK_LEN: usize = 16;
/// What tests know it by.
const MANIFEST: &str = "manifest";

/// Which extended attributes a manifest knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coverage {
    pub(super) xattrs: bool,
    pub(super) acls: bool,
}

/// Writes a manifest.
pub(super) struct ManifestWriter {
    file: BufWriter<File>,
    whole: blake3::Hasher,
    block: Vec<u8>,
    previous: BytePath,
    count: u64,
}

impl ManifestWriter {
    pub(super) fn new(file: File, coverage: Coverage) -> Result<Self> {
        let mut writer = ManifestWriter {
            file: BufWriter::new(file),
            whole: blake3::Hasher::new(),
            block: Vec::new(),
            previous: BytePath::default(),
            count: 0,
        };
        let flags = u8::from(coverage.xattrs) | u8::from(coverage.acls) << 1;
        writer.put(&[MAGIC.as_slice(), &[flags]].concat())?;
        Ok(writer)
    }

    /// Adds an entry; they come in the order of their paths.
    pub(super) fn push(&mut self, entry: &ManifestEntry) -> Result<()> {
        let path = entry.path.as_bytes();
        let same = match self.block.is_empty() {
            true => 0,
            false => self.previous.as_bytes().iter().zip(path).take_while(|(a, b)| a == b).count(),
        };
        manifest::put(&mut self.block, same as u64);
        manifest::put_bytes(&mut self.block, &path[same..]);
        entry.encode(&mut self.block);
        self.previous = entry.path.clone();
        self.count += 1;
        if self.block.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<()> {
        if self.block.len() > MAX_BLOCK {
            return Err(Error::new(ErrorKind::Unsupported, "write manifest")
                .with_message("a path is too long")
                .with_path(self.previous.clone()));
        }
        let compressed = compress(&self.block);
        let lengths = [self.block.len() as u32, compressed.len() as u32];
        self.put(&lengths.map(u32::to_le_bytes).concat())?;
        self.put(&blake3::hash(&compressed).as_bytes()[..CHECK_LEN])?;
        self.put(&compressed)?;
        self.block.clear();
        Ok(())
    }

    /// Ends the manifest and makes it durable. Gives the hash of all of it, which is also
    /// its end.
    pub(super) fn finish(mut self) -> Result<Digest> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.put(&[0; 8])?;
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

fn failed(error: io::Error) -> Error {
    Error::from_io("write manifest", error)
}

/// Reads a manifest, entry by entry. What is damaged is found no later than at its end.
pub(super) struct ManifestReader<R> {
    file: R,
    whole: blake3::Hasher,
    coverage: Coverage,
    block: Vec<u8>,
    at: usize,
    previous: Option<BytePath>,
    count: u64,
    end: Option<Digest>,
}

impl ManifestReader<BufReader<File>> {
    pub(super) fn open(file: File) -> Result<Self> {
        Self::new(BufReader::with_capacity(1 << 17, file))
    }
}

impl<R: Read> ManifestReader<R> {
    pub(super) fn new(file: R) -> Result<Self> {
        let mut reader = ManifestReader {
            file,
            whole: blake3::Hasher::new(),
            coverage: Coverage { xattrs: false, acls: false },
            block: Vec::new(),
            at: 0,
            previous: None,
            count: 0,
            end: None,
        };
        let head = reader.take(MAGIC.len() + 1)?;
        let (magic, flags) = head.split_at(MAGIC.len());
        if magic != MAGIC || flags[0] > 3 {
            return Err(damaged("it is of another version, or no manifest"));
        }
        reader.coverage = Coverage { xattrs: flags[0] & 1 != 0, acls: flags[0] & 2 != 0 };
        Ok(reader)
    }

    /// Which extended attributes it knows of.
    pub(super) fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The hash of all of it, once the end was reached.
    pub(super) fn hash(&self) -> Option<Digest> {
        self.end
    }

    /// The next entry; `None` at the end of a whole manifest.
    pub(super) fn next(&mut self) -> Result<Option<ManifestEntry>> {
        if self.end.is_some() || (self.at == self.block.len() && !self.next_block()?) {
            return Ok(None);
        }
        let mut rest = &self.block[self.at..];
        let entry = decode(&mut rest, self.at > 0, self.previous.as_ref())
            .ok_or_else(|| damaged("it holds something that is no entry"))?;
        self.at = self.block.len() - rest.len();
        if self.previous.as_ref().is_some_and(|previous| *previous >= entry.path) {
            return Err(damaged("its entries are out of order"));
        }
        self.previous = Some(entry.path.clone());
        self.count += 1;
        Ok(Some(entry))
    }

    /// Reads it to its end; its hash if it is whole.
    pub(super) fn check(mut self) -> Result<Option<Digest>> {
        loop {
            match self.next() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(self.end),
                Err(error) if error.errno().is_none() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the next block; false at the end.
    fn next_block(&mut self) -> Result<bool> {
        let raw = self.length()?;
        let compressed = self.length()?;
        if (raw, compressed) == (0, 0) {
            self.finish()?;
            return Ok(false);
        }
        if raw == 0 || raw > MAX_BLOCK || compressed > MAX_BLOCK + MAX_BLOCK / 16 {
            return Err(damaged("a block has an impossible length"));
        }
        let check = self.take(CHECK_LEN)?;
        let data = self.take(compressed)?;
        if blake3::hash(&data).as_bytes()[..CHECK_LEN] != check[..] {
            return Err(damaged("a block's checksum is wrong"));
        }
        self.block = decompress(&data, raw).unwrap_or_default();
        self.at = 0;
        if self.block.len() != raw {
            return Err(damaged("a block can't be decompressed"));
        }
        Ok(true)
    }

    fn finish(&mut self) -> Result<()> {
        let count = self.take(8)?;
        let hash = *self.whole.finalize().as_bytes();
        if count != self.count.to_le_bytes() || self.take(32)? != hash {
            return Err(damaged("its checksum is wrong"));
        }
        let mut more = [0];
        if self.file.read(&mut more).map_err(|error| Error::from_io("read manifest", error))? > 0 {
            return Err(damaged("something follows its end"));
        }
        self.end = Some(hash);
        Ok(())
    }

    fn length(&mut self) -> Result<usize> {
        let bytes = self.take(4)?;
        let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    /// The next `length` bytes.
    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.file)
            .take(length as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::from_io("read manifest", error))?;
        if bytes.len() < length {
            return Err(damaged("it is cut short"));
        }
        self.whole.update(&bytes);
        Ok(bytes)
    }
}

fn decode(rest: &mut &[u8], may_share: bool, previous: Option<&BytePath>) -> Option<ManifestEntry> {
    let same = usize::try_from(manifest::get(rest)?).ok()?;
    let shared = match (same, may_share, previous) {
        (0, ..) => &[][..],
        (same, true, Some(previous)) => previous.as_bytes().get(..same)?,
        _ => return None,
    };
    let path = [shared, manifest::get_bytes(rest)?].concat();
    let entry = ManifestEntry::decode(BytePath::from(path), rest)?;
    (!entry.unreadable).then_some(entry)
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Io, "read manifest").with_message(format!("it is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::FileKind;
    use proptest::prelude::*;
    use std::io::Seek;

    fn entry() -> impl Strategy<Value = ManifestEntry> {
        let kinds = prop_oneof![
            Just(FileKind::File),
            Just(FileKind::Dir),
            Just(FileKind::Symlink),
            Just(FileKind::BlockDevice)
        ];
        let digest = || proptest::option::of(any::<[u8; 32]>());
        let path = proptest::collection::vec(prop_oneof![Just(b'/'), any::<u8>()], 0..12);
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
                    let mut entry = ManifestEntry::unreadable(&BytePath::from(path), kind);
                    entry.unreadable = false;
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

    fn write(entries: &[ManifestEntry]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        let coverage = Coverage { xattrs: true, acls: false };
        let mut writer = ManifestWriter::new(file.try_clone().unwrap(), coverage).unwrap();
        for entry in entries {
            writer.push(entry).unwrap();
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

    proptest! {
        #[test]
        fn what_is_written_is_read(mut entries in proptest::collection::vec(entry(), 0..60)) {
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            prop_assert_eq!(read(&write(&entries)).unwrap(), entries);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            let mut head = MAGIC.to_vec();
            head.push(1);
            head.extend(&bytes);
            prop_assert!(read(&head).is_err());
            // Past the checksums, as if someone had made them right.
            let (mut block, checked) = (Vec::new(), bytes);
            let compressed = compress(&checked);
            block.extend_from_slice(&MAGIC[..]);
            block.push(0);
            block.extend((checked.len() as u32).to_le_bytes());
            block.extend((compressed.len() as u32).to_le_bytes());
            block.extend(&blake3::hash(&compressed).as_bytes()[..CHECK_LEN]);
            block.extend(compressed);
            prop_assert!(read(&block).is_err());
        }

        #[test]
        fn every_flipped_bit_and_every_cut_is_found(
            mut entries in proptest::collection::vec(entry(), 1..20),
            at in any::<proptest::sample::Index>(),
            bit in 0..8_u32,
        ) {
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            let whole = write(&entries);
            let at = at.index(whole.len());
            prop_assert!(read(&whole[..at]).is_err());
            let mut flipped = whole.clone();
            flipped[at] ^= 1_u8 << bit;
            prop_assert!(read(&flipped).is_err());
            prop_assert!(read(&[&whole[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn many_blocks_are_read_in_order() {
        let entries: Vec<_> = (0..20_000)
            .map(|number| {
                let path = BytePath::from(format!("dir/{number:08}").into_bytes());
                let mut entry = ManifestEntry::unreadable(&path, FileKind::Dir);
                entry.unreadable = false;
                entry
            })
            .collect();
        let bytes = write(&entries);
        assert!(bytes.len() < 20_000 * 14, "{} bytes", bytes.len());
        assert_eq!(read(&bytes).unwrap(), entries);
        let mut swapped = entries;
        swapped.swap(5_000, 5_001);
        assert!(read(&write(&swapped)).unwrap_err().message().contains("order"));
    }
}
