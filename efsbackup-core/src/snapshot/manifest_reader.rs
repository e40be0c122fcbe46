//! The file of a manifest, read as a stream; `docs/format.md` describes it.

use super::manifest::{self, DIGEST_LEN, Fields, ManifestEntry};
use super::manifest_file::{BlockHead, Coverage, MAGIC, MAX_BLOCK, check};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Digest;
use lz4_flex::block::decompress_into;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufReader, Read};

/// Reads a manifest, entry by entry. What is damaged is found no later than at its end.
pub(super) struct ManifestReader<R> {
    file: R,
    whole: blake3::Hasher,
    coverage: Coverage,
    /// A block's compressed entries.
    compressed: Vec<u8>,
    /// The block's entries, and how far they were read.
    block: Vec<u8>,
    at: usize,
    /// The block's digests, and how far they were read.
    digests: Vec<u8>,
    digests_at: usize,
    /// The place of the entry that was read last.
    dir: Vec<u8>,
    name: Vec<u8>,
    /// Whether that entry's fields were not read yet.
    has_fields: bool,
    count: u64,
    /// How many entries there are by its end, and the hash of all of it.
    end: Option<(u64, Digest)>,
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
            compressed: Vec::new(),
            block: Vec::new(),
            at: 0,
            digests: Vec::new(),
            digests_at: 0,
            dir: Vec::new(),
            name: Vec::new(),
            has_fields: false,
            count: 0,
            end: None,
        };
        let head: [u8; MAGIC.len() + 1] = reader.take()?;
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
        self.end.map(|(_, hash)| hash)
    }

    /// The next entry; `None` at the end of a whole manifest.
    pub(super) fn next(&mut self) -> Result<Option<ManifestEntry>> {
        if !self.has_fields && !self.next_place()? {
            return Ok(None);
        }
        let (dir, name) = (std::mem::take(&mut self.dir), std::mem::take(&mut self.name));
        let entry = self.fields().map(|fields| ManifestEntry::new(&dir, &name, &fields));
        (self.dir, self.name) = (dir, name);
        entry.map(Some)
    }

    /// The entry in the directory and of the name `place`, if there is one. Those before are
    /// passed over.
    pub(super) fn find(&mut self, place: (&[u8], &[u8])) -> Result<Option<Fields<'_>>> {
        loop {
            if !self.has_fields && !self.next_place()? {
                return Ok(None);
            }
            match (self.dir.as_slice(), self.name.as_slice()).cmp(&place) {
                Ordering::Less => {
                    self.fields()?;
                }
                Ordering::Equal => return self.fields().map(Some),
                Ordering::Greater => return Ok(None),
            }
        }
    }

    /// Reads it to its end without looking at its entries. True if not one byte of it is
    /// another than was written.
    pub(super) fn check(mut self) -> Result<bool> {
        loop {
            match self.next_block() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(true),
                // What is damaged has no errno.
                Err(error) if error.errno().is_none() => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the place of the next entry; false at the end.
    fn next_place(&mut self) -> Result<bool> {
        let mut begins = false;
        if self.at == self.block.len() {
            if self.digests_at != self.digests.len() {
                return Err(damaged("a block has more digests than it needs"));
            }
            if self.end.is_some() {
                return Ok(false);
            }
            let Some(length) = self.next_block()? else {
                return match self.end.is_some_and(|(count, _)| count == self.count) {
                    true => Ok(false),
                    false => Err(damaged("it has another number of entries than it says")),
                };
            };
            self.decompress(length)?;
            begins = true;
        }
        let order = self.read_place(begins).ok_or_else(not_an_entry)?;
        if self.count > 0 && order.is_le() {
            return Err(damaged("its entries are out of order"));
        }
        self.count += 1;
        self.has_fields = true;
        Ok(true)
    }

    /// How the next entry's place is to that of the one before; `None` if there is none.
    fn read_place(&mut self, begins: bool) -> Option<Ordering> {
        let mut rest = &self.block[self.at..];
        let mut order = Ordering::Equal;
        let mut length = manifest::get(&mut rest)?;
        if length == 0 {
            let dir = manifest::get_bytes(&mut rest)?;
            order = dir.cmp(&self.dir);
            replace(&mut self.dir, dir);
            length = manifest::get(&mut rest)?;
        } else if begins {
            return None;
        }
        let length = usize::try_from(length).ok()?.checked_sub(1)?;
        let (name, rest) = rest.split_at_checked(length)?;
        order = order.then_with(|| name.cmp(&self.name));
        replace(&mut self.name, name);
        self.at = self.block.len() - rest.len();
        Some(order)
    }

    /// The fields of the entry whose place was read last.
    fn fields(&mut self) -> Result<Fields<'_>> {
        let mut rest = &self.block[self.at..];
        let mut digests = &self.digests[self.digests_at..];
        let fields = Fields::decode(&mut rest, &mut digests).filter(|fields| !fields.unreadable);
        let fields = fields.ok_or_else(not_an_entry)?;
        self.at = self.block.len() - rest.len();
        self.digests_at = self.digests.len() - digests.len();
        self.has_fields = false;
        Ok(fields)
    }

    /// Reads the next block and checks it. Gives the length of its entries; `None` after the
    /// last block.
    fn next_block(&mut self) -> Result<Option<usize>> {
        let head = BlockHead::from_bytes(self.take()?);
        let [entries, compressed, digests] =
            [head.entries, head.compressed, head.digests].map(|length| length as usize);
        if head == BlockHead::default() {
            return self.read_end().map(|()| None);
        }
        let most = lz4_flex::block::get_maximum_output_size(MAX_BLOCK);
        if entries > MAX_BLOCK || compressed > most || digests > MAX_BLOCK / DIGEST_LEN {
            return Err(damaged("a block is too long"));
        }
        let wanted: Digest = self.take()?;
        read(&mut self.file, &mut self.compressed, compressed)?;
        read(&mut self.file, &mut self.digests, digests * DIGEST_LEN)?;
        if check(&self.compressed, &self.digests) != wanted {
            return Err(damaged("the checksum of a block is wrong"));
        }
        Ok(Some(entries))
    }

    fn decompress(&mut self, length: usize) -> Result<()> {
        self.block.resize(length, 0);
        let filled = decompress_into(&self.compressed, &mut self.block);
        if length == 0 || !filled.is_ok_and(|filled| filled == length) {
            return Err(damaged("a block can't be decompressed"));
        }
        (self.at, self.digests_at) = (0, 0);
        Ok(())
    }

    fn read_end(&mut self) -> Result<()> {
        let count: [u8; 8] = self.take()?;
        let hash = *self.whole.finalize().as_bytes();
        if self.take::<DIGEST_LEN>()? != hash {
            return Err(damaged("its checksum is wrong"));
        }
        let mut more = [0];
        if self.file.read(&mut more).map_err(failed)? > 0 {
            return Err(damaged("something follows its end"));
        }
        self.end = Some((u64::from_le_bytes(count), hash));
        Ok(())
    }

    /// The next bytes, which the hash of the whole is of too.
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(damaged("it is cut short"));
            }
            Err(error) => return Err(failed(error)),
        }
        self.whole.update(&bytes);
        Ok(bytes)
    }
}

/// Reads `length` bytes into `bytes`.
fn read(file: &mut impl Read, bytes: &mut Vec<u8>, length: usize) -> Result<()> {
    bytes.clear();
    // Nothing is set aside for what is not there.
    let read = file.take(length as u64).read_to_end(bytes).map_err(failed)?;
    if read < length { Err(damaged("it is cut short")) } else { Ok(()) }
}

fn replace(old: &mut Vec<u8>, new: &[u8]) {
    old.clear();
    old.extend_from_slice(new);
}

fn failed(error: std::io::Error) -> Error {
    Error::from_io("read manifest", error)
}

fn not_an_entry() -> Error {
    damaged("it holds something that is no entry")
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Io, "read manifest").with_message(format!("it is damaged: {what}"))
}
