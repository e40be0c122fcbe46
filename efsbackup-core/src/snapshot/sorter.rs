//! Sorting more than fits in memory: sorted runs in unnamed files, then merged.

use super::files::{Dir, TEMPORARY};
use crate::error::{Error, Result};
use rustix::fs::{Mode, OFlags};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes are kept in memory.
const IN_MEMORY: usize = 16 << 20;
/// How many runs are merged at once; each is an open file with a buffer.
const MAX_RUNS: usize = 64;

/// A key and what belongs to it.
pub(super) type Item = (Vec<u8>, Vec<u8>);

/// Sorts items by their keys. Of equal keys the one added first comes first.
pub(super) struct Sorter<'d> {
    place: &'d Dir,
    limit: usize,
    items: Vec<Item>,
    bytes: usize,
    runs: Vec<File>,
}

impl<'d> Sorter<'d> {
    /// A sorter whose files are in `place`, or in the folder for temporary files if nothing
    /// can be written there.
    pub(super) fn new(place: &'d Dir) -> Self {
        Self::with_limit(place, IN_MEMORY)
    }

    fn with_limit(place: &'d Dir, limit: usize) -> Self {
        Sorter { place, limit, items: Vec::new(), bytes: 0, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.bytes += key.len() + value.len() + size_of::<Item>();
        self.items.push((key, value));
        if self.bytes < self.limit {
            return Ok(());
        }
        self.spill().map_err(failed)
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() >= MAX_RUNS {
            let merged = Merge::new(std::mem::take(&mut self.runs), Vec::new())?;
            self.runs = vec![write_run(self.place, merged)?];
        }
        self.items.sort_by(|a, b| a.0.cmp(&b.0));
        self.bytes = 0;
        let items = std::mem::take(&mut self.items);
        self.runs.push(write_run(self.place, items.into_iter().map(Ok))?);
        Ok(())
    }

    /// All items in order.
    pub(super) fn finish(mut self) -> Result<Sorted> {
        self.items.sort_by(|a, b| a.0.cmp(&b.0));
        let items = std::mem::take(&mut self.items);
        Ok(Sorted(Merge::new(std::mem::take(&mut self.runs), items).map_err(failed)?))
    }
}

/// Items in order.
pub(super) struct Sorted(Merge);

impl Sorted {
    pub(super) fn next(&mut self) -> Result<Option<Item>> {
        self.0.next().transpose().map_err(failed)
    }
}

pub(super) fn failed(error: io::Error) -> Error {
    Error::from_io("sort", error)
}

enum Run {
    File(BufReader<File>),
    Memory(std::vec::IntoIter<Item>),
}

/// A run's next key, the run's number, and what belongs to the key.
type Head = (Vec<u8>, usize, Vec<u8>);

/// Runs merged to one. The earlier run's items come first.
struct Merge {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    fn new(files: Vec<File>, last: Vec<Item>) -> io::Result<Merge> {
        let mut runs = Vec::with_capacity(files.len() + 1);
        for mut file in files {
            file.seek(SeekFrom::Start(0))?;
            runs.push(Run::File(BufReader::with_capacity(1 << 16, file)));
        }
        runs.push(Run::Memory(last.into_iter()));
        let mut merge = Merge { runs, heads: BinaryHeap::new() };
        for number in 0..merge.runs.len() {
            merge.advance(number)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, number: usize) -> io::Result<()> {
        let item = match &mut self.runs[number] {
            Run::File(file) => read_item(file)?,
            Run::Memory(items) => items.next(),
        };
        if let Some((key, value)) = item {
            self.heads.push(Reverse((key, number, value)));
        }
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        let Reverse((key, number, value)) = self.heads.pop()?;
        Some(self.advance(number).map(|()| (key, value)))
    }
}

fn write_run(place: &Dir, items: impl Iterator<Item = io::Result<Item>>) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(1 << 16, unnamed_file(place)?);
    for item in items {
        let (key, value) = item?;
        for bytes in [&key, &value] {
            out.write_all(&(bytes.len() as u64).to_le_bytes())?;
            out.write_all(bytes)?;
        }
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

fn read_item(file: &mut BufReader<File>) -> io::Result<Option<Item>> {
    use io::BufRead;
    if file.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut bytes = || {
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let mut bytes = Vec::new();
        let length = u64::from_le_bytes(length);
        match file.take(length).read_to_end(&mut bytes)? as u64 == length {
            true => Ok(bytes),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        }
    };
    Ok(Some((bytes()?, bytes()?)))
}

/// A file that no name leads to and that ends with its descriptor.
pub(super) fn unnamed_file(place: &Dir) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    if let Ok(fd) = rustix::fs::openat(place, ".", flags | OFlags::TMPFILE, mode) {
        return Ok(File::from(fd));
    }
    // NFS has no unnamed files, but keeps a removed one until it is closed.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sort-{}-{number}{TEMPORARY}", std::process::id());
    if let Ok(file) = place.create(&name)
        && matches!(place.remove(&name), Ok(true))
    {
        return Ok(file);
    }
    let place = std::env::temp_dir();
    Ok(rustix::fs::open(&place, flags | OFlags::TMPFILE, mode)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_items_are_sorted_with_few_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let place = Dir::open(dir.path()).unwrap();
        let limit = 4_000;
        let mut sorter = Sorter::with_limit(&place, limit);
        let mut most = 0;
        for number in 0..20_000_u64 {
            let key = (number * 7_919 % 20_000 / 2).to_be_bytes().to_vec();
            sorter.push(key, number.to_be_bytes().to_vec()).unwrap();
            most = most.max(sorter.items.len());
            assert!(sorter.runs.len() <= MAX_RUNS);
        }
        assert!(most <= limit / size_of::<Item>(), "{most} items in memory");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let mut sorted = sorter.finish().unwrap();
        assert!(sorted.0.heads.len() <= MAX_RUNS + 1);
        let mut last = None;
        let mut count = 0;
        while let Some(item) = sorted.next().unwrap() {
            assert!(last.is_none_or(|last| last < item), "the first added comes first");
            last = Some(item);
            count += 1;
        }
        assert_eq!(count, 20_000);
    }
}
