//! A map in unnamed files, for what would otherwise grow in memory with the number of files.
//!
//! One file holds the values one behind the other, the other an open-addressed table that says
//! where each begins. Space of values that were taken out is not used again.

use super::handle::FileId;
use super::unnamed::{get, number, put, unnamed_file};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How many slots the table begins with.
const FIRST: u64 = 1 << 14;
/// How many slots are read at once, where all are.
const AT_ONCE: usize = 1 << 12;
/// The bytes of a slot: device, inode, and where the value begins.
const SLOT: usize = 24;
/// How many bytes of values are written at once, and how many are read at first.
const TAIL: usize = 64 << 10;
const MOST: usize = 1 << 10;
/// How many bits tell quickly that a key is not there: 128 KiB of them.
const BITS: usize = 1 << 20;
/// What a slot has instead of a place: never used, so no key is behind it; or no longer used.
const FREE: u64 = 0;
const GONE: u64 = u64::MAX;

/// Values by file.
pub(super) struct DiskMap {
    folder: PathBuf,
    table: File,
    slots: u64,
    /// How many slots are not free.
    used: u64,
    values: File,
    /// Where the next value goes. It begins at 8, so that no place is [`FREE`].
    end: u64,
    /// A bit for each of some hashes: clear where no slot has such a key.
    met: Vec<u64>,
    /// The last values, not written yet.
    tail: Vec<u8>,
    hasher: RandomState,
}

struct Slot {
    id: FileId,
    place: u64,
}

impl DiskMap {
    /// An empty map, with its files in `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let (table, values) = (unnamed_file(folder)?, unnamed_file(folder)?);
        table.set_len(FIRST * SLOT as u64)?;
        Ok(DiskMap {
            folder: folder.to_path_buf(),
            table,
            slots: FIRST,
            used: 0,
            values,
            end: 8,
            met: vec![0; BITS / 64],
            tail: Vec::new(),
            hasher: RandomState::new(),
        })
    }

    /// Adds the value of a file that has none.
    pub(super) fn insert(&mut self, id: FileId, value: &[u8]) -> Result<()> {
        if self.used >= self.slots / 2 {
            self.grow()?;
        }
        self.put(&Slot { id, place: self.end })?;
        put(&mut self.tail, value);
        self.end += (8 + value.len()) as u64;
        if self.tail.len() >= TAIL {
            self.values.write_all_at(&self.tail, self.end - self.tail.len() as u64)?;
            self.tail.clear();
        }
        Ok(())
    }

    /// The value of a file.
    pub(super) fn get(&self, id: FileId) -> Result<Option<Vec<u8>>> {
        match self.find(id)? {
            Some((_, place)) => self.value(place).map(Some),
            None => Ok(None),
        }
    }

    /// Takes the value of a file out.
    pub(super) fn take(&mut self, id: FileId) -> Result<Option<Vec<u8>>> {
        let Some((index, place)) = self.find(id)? else { return Ok(None) };
        let value = self.value(place)?;
        self.write(index, &Slot { id, place: GONE })?;
        Ok(Some(value))
    }

    fn find(&self, id: FileId) -> Result<Option<(u64, u64)>> {
        let hash = self.hasher.hash_one(id);
        let (word, bit) = bit(hash);
        if self.met[word] & bit == 0 {
            return Ok(None);
        }
        let mut index = hash % self.slots;
        loop {
            let slot = self.read(index)?;
            match slot.place {
                FREE => return Ok(None),
                GONE => {}
                place if slot.id == id => return Ok(Some((index, place))),
                _ => {}
            }
            index = (index + 1) % self.slots;
        }
    }

    fn put(&mut self, slot: &Slot) -> Result<()> {
        let hash = self.hasher.hash_one(slot.id);
        let (word, bit) = bit(hash);
        self.met[word] |= bit;
        let mut index = hash % self.slots;
        while self.read(index)?.place != FREE {
            index = (index + 1) % self.slots;
        }
        self.used += 1;
        self.write(index, slot)
    }

    /// Moves all that is in the table to one twice as large, or as large where half of it is
    /// gone.
    fn grow(&mut self) -> Result<()> {
        let mut count = 0;
        each(&self.table, self.slots, |_| {
            count += 1;
            Ok(())
        })?;
        let slots = if count > self.slots / 4 { 2 * self.slots } else { self.slots };
        let table = unnamed_file(&self.folder)?;
        table.set_len(slots * SLOT as u64)?;
        let (old, had) = (std::mem::replace(&mut self.table, table), self.slots);
        (self.slots, self.used) = (slots, 0);
        each(&old, had, |slot| self.put(&slot))
    }

    fn value(&self, place: u64) -> Result<Vec<u8>> {
        let written = self.end - self.tail.len() as u64;
        if let Some(at) = place.checked_sub(written) {
            let at = usize::try_from(at).map_err(|_| ErrorKind::InvalidData)?;
            return whole(self.tail.get(at..).unwrap_or_default());
        }
        // Most are short: one call reads length and value.
        let mut bytes = vec![0; usize::try_from(written - place).unwrap_or(MOST).min(MOST)];
        self.values.read_exact_at(&mut bytes, place)?;
        let length = number(&mut bytes.as_slice())?;
        if length <= (bytes.len() - 8) as u64 {
            return whole(&bytes);
        }
        bytes.resize(usize::try_from(length).map_err(|_| ErrorKind::InvalidData)?, 0);
        self.values.read_exact_at(&mut bytes, place + 8)?;
        Ok(bytes)
    }

    fn read(&self, index: u64) -> Result<Slot> {
        let mut bytes = [0; SLOT];
        self.table.read_exact_at(&mut bytes, index * SLOT as u64)?;
        Ok(Slot::decode(&bytes))
    }

    fn write(&self, index: u64, slot: &Slot) -> Result<()> {
        self.table.write_all_at(&slot.encode(), index * SLOT as u64)
    }
}

/// The word and the bit that stand for a hash. The table takes the low bits of it.
fn bit(hash: u64) -> (usize, u64) {
    let number = (hash >> 32) as usize % BITS;
    (number / 64, 1 << (number % 64))
}

/// The value that these bytes begin with.
fn whole(mut bytes: &[u8]) -> Result<Vec<u8>> {
    let length = number(&mut bytes)?;
    get(&mut bytes, length)
}

/// Calls `next` with every slot of a table that has a value.
fn each(table: &File, slots: u64, mut next: impl FnMut(Slot) -> Result<()>) -> Result<()> {
    let mut bytes = vec![0; SLOT * AT_ONCE];
    for first in (0..slots).step_by(AT_ONCE) {
        table.read_exact_at(&mut bytes, first * SLOT as u64)?;
        for slot in bytes.as_chunks().0.iter().map(Slot::decode) {
            if !matches!(slot.place, FREE | GONE) {
                next(slot)?;
            }
        }
    }
    Ok(())
}

impl Slot {
    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        let numbers = [self.id.dev, self.id.ino, self.place];
        for (bytes, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            *bytes = number.to_le_bytes();
        }
        bytes
    }

    fn decode(bytes: &[u8; SLOT]) -> Slot {
        let mut numbers = [0; 3];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_le_bytes(*bytes);
        }
        let [dev, ino, place] = numbers;
        Slot { id: FileId { dev, ino }, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn it_holds_what_a_map_in_memory_holds_through_growing_and_taking() {
        let mut on_disk = DiskMap::new(&std::env::temp_dir()).unwrap();
        let mut in_memory = HashMap::new();
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for round in 0..40_000_usize {
            let id = FileId { dev: random(3), ino: random(20_000) };
            assert_eq!(on_disk.get(id).unwrap().as_ref(), in_memory.get(&id));
            if in_memory.contains_key(&id) || random(4) == 0 {
                assert_eq!(on_disk.take(id).unwrap(), in_memory.remove(&id));
            } else {
                let value = vec![(round % 251) as u8; random([40, 3_000][round % 2]) as usize];
                on_disk.insert(id, &value).unwrap();
                in_memory.insert(id, value);
            }
        }
        assert!(on_disk.slots > FIRST || on_disk.used < FIRST / 2, "it grew or was cleared");
        for (id, value) in &in_memory {
            assert_eq!(on_disk.get(*id).unwrap().as_ref(), Some(value));
        }
    }

    #[test]
    fn a_folder_that_can_t_be_written_is_an_error() {
        assert!(DiskMap::new(Path::new("/nonexistent")).is_err());
    }
}
