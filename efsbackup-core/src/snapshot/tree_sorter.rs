//! Sorting the entries of a tree as a manifest has them, in bounded memory.
//!
//! A walk meets the entries of a directory mostly together, so they are sorted by directory
//! first; only the names within one are compared with each other. What does not fit in
//! memory goes to sorted runs in unnamed files, which are merged.

use super::files::Dir;
use super::manifest::Recorded;
use super::sorter::{failed, unnamed_file};
use super::tree_lane::{Lane, SortedLane, entry_of, item_at};
use crate::error::Result;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many threads can add entries at once.
const LANES: usize = 8;
/// How many bytes each of them keeps in memory.
const IN_MEMORY: usize = 2 << 20;
/// How many runs are merged at once; each is an open file with two buffers.
const MAX_RUNS: usize = 64;
/// Entries of one directory are written in pieces of this many bytes.
const PIECE: usize = 32 << 10;

/// Sorts entries. Of several in the same place only the one that came last is kept.
pub(super) struct TreeSorter<'d> {
    place: &'d Dir,
    limit: usize,
    /// All entries of a directory come to the same one.
    lanes: [Mutex<Lane>; LANES],
    runs: Mutex<Runs>,
}

/// Sorted files, the older first.
#[derive(Default)]
struct Runs {
    merged: Vec<File>,
    small: Vec<File>,
}

impl<'d> TreeSorter<'d> {
    /// A sorter whose files are in `place`, or in the folder for temporary files if nothing
    /// can be written there.
    pub(super) fn new(place: &'d Dir) -> Self {
        Self::with_limit(place, IN_MEMORY)
    }

    fn with_limit(place: &'d Dir, limit: usize) -> Self {
        TreeSorter {
            place,
            limit,
            lanes: std::array::from_fn(|_| Mutex::default()),
            runs: Mutex::default(),
        }
    }

    /// Adds the entry `name` of the directory `dir`; `fields` and `digests` write theirs.
    pub(super) fn push(
        &self,
        dir: &[u8],
        name: &[u8],
        fields: impl FnOnce(&mut Vec<u8>),
        digests: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut lane = lock(&self.lanes[lane_of(dir)]);
        lane.push(dir, name, fields, digests);
        if lane.size() < self.limit {
            return Ok(());
        }
        let full = std::mem::take(&mut *lane);
        // The lane stays locked: what comes later must not be in an earlier run.
        self.spill(full).map_err(failed)
    }

    fn spill(&self, lane: Lane) -> io::Result<()> {
        let file = write_run(self.place, Merge::new(Vec::new(), vec![lane])?)?;
        let mut runs = lock(&self.runs);
        runs.small.push(file);
        if runs.small.len() >= MAX_RUNS {
            let merge = Merge::new(std::mem::take(&mut runs.small), Vec::new())?;
            let file = write_run(self.place, merge)?;
            runs.merged.push(file);
        }
        Ok(())
    }

    /// All entries in order.
    pub(super) fn finish(self) -> Result<SortedTree> {
        let Runs { merged, small } = self.runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let files = merged.into_iter().chain(small).collect();
        let lanes = self.lanes.into_iter();
        let lanes = lanes.map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner));
        let merge = Merge::new(files, lanes.collect()).map_err(failed)?;
        Ok(SortedTree { merge, dir: Vec::new(), name: Vec::new(), any: false })
    }
}

/// The lane of a directory. It only spreads them: nothing is lost if many get the same.
fn lane_of(dir: &[u8]) -> usize {
    let sum =
        dir.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    (sum ^ sum >> 8) % LANES
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries in order, each place once.
pub(super) struct SortedTree {
    merge: Merge,
    dir: Vec<u8>,
    name: Vec<u8>,
    any: bool,
}

impl SortedTree {
    /// The next entry.
    pub(super) fn next(&mut self) -> Result<Option<Recorded<'_>>> {
        loop {
            if self.any {
                self.merge.advance().map_err(failed)?;
            }
            let Some((dir, item)) = self.merge.item() else { return Ok(None) };
            let name = entry_of(dir, item).name;
            // Of several in one place the first is the one that came last.
            let again = self.any && self.name == name && self.dir == dir;
            self.any = true;
            if again {
                continue;
            }
            if self.dir != dir {
                replace(&mut self.dir, dir);
            }
            replace(&mut self.name, name);
            break;
        }
        Ok(self.merge.item().map(|(dir, item)| entry_of(dir, item)))
    }
}

fn replace(old: &mut Vec<u8>, new: &[u8]) {
    old.clear();
    old.extend_from_slice(new);
}

enum Run {
    File(FileRun),
    Memory(SortedLane),
}

impl Run {
    fn item(&self) -> Option<(&[u8], &[u8])> {
        match self {
            Run::File(run) => run.item(),
            Run::Memory(run) => run.item(),
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        match self {
            Run::File(run) => run.advance(),
            Run::Memory(run) => {
                run.advance();
                Ok(())
            }
        }
    }

    fn place(&self) -> Option<(&[u8], &[u8])> {
        self.item().map(|(dir, item)| entry_of(dir, item).place())
    }
}

/// Runs merged to one. Of several entries in one place the later run's come first.
struct Merge {
    runs: Vec<Run>,
    /// The runs that are not at their end; the last has the next entry.
    order: Vec<usize>,
}

impl Merge {
    fn new(files: Vec<File>, lanes: Vec<Lane>) -> io::Result<Merge> {
        let mut runs = Vec::with_capacity(files.len() + lanes.len());
        for file in files {
            runs.push(Run::File(FileRun::new(file)?));
        }
        let lanes = lanes.into_iter().filter(|lane| !lane.is_empty());
        runs.extend(lanes.map(|lane| Run::Memory(lane.sort())));
        let mut merge = Merge { order: (0..runs.len()).collect(), runs };
        let runs = &merge.runs;
        merge.order.retain(|run| runs[*run].item().is_some());
        merge.order.sort_by(|a, b| later_first(runs, *a, *b));
        Ok(merge)
    }

    fn item(&self) -> Option<(&[u8], &[u8])> {
        self.runs[*self.order.last()?].item()
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some(&run) = self.order.last() else { return Ok(()) };
        self.runs[run].advance()?;
        if self.runs[run].item().is_none() {
            self.order.pop();
        } else if let [rest @ .., _] = self.order.as_slice()
            && rest.last().is_some_and(|next| later_first(&self.runs, *next, run).is_gt())
        {
            let runs = &self.runs;
            let at = rest.partition_point(|other| later_first(runs, *other, run).is_lt());
            self.order.pop();
            self.order.insert(at, run);
        }
        Ok(())
    }
}

/// How two runs come in the order of a merge, which is the reverse of their entries'.
fn later_first(runs: &[Run], one: usize, other: usize) -> Ordering {
    runs[other].place().cmp(&runs[one].place()).then(one.cmp(&other))
}

/// A run in a file: pieces, each the lengths of its directory's path and of its items, the
/// path, the items.
struct FileRun {
    file: BufReader<File>,
    dir: Vec<u8>,
    items: Vec<u8>,
    /// Where the next item is.
    at: std::ops::Range<usize>,
}

impl FileRun {
    fn new(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let file = BufReader::with_capacity(PIECE, file);
        let mut run = FileRun { file, dir: Vec::new(), items: Vec::new(), at: 0..0 };
        run.next_piece()?;
        Ok(run)
    }

    fn item(&self) -> Option<(&[u8], &[u8])> {
        (!self.at.is_empty()).then(|| (self.dir.as_slice(), &self.items[self.at.clone()]))
    }

    fn advance(&mut self) -> io::Result<()> {
        if self.at.end == self.items.len() { self.next_piece() } else { self.look(self.at.end) }
    }

    fn next_piece(&mut self) -> io::Result<()> {
        use io::BufRead;
        self.at = 0..0;
        if self.file.fill_buf()?.is_empty() {
            return Ok(());
        }
        let mut lengths = [[0; 4]; 2];
        self.file.read_exact(lengths.as_flattened_mut())?;
        let [dir, items] = lengths.map(|length| u32::from_le_bytes(length) as usize);
        self.dir.resize(dir, 0);
        self.file.read_exact(&mut self.dir)?;
        self.items.resize(items, 0);
        self.file.read_exact(&mut self.items)?;
        self.look(0)
    }

    fn look(&mut self, at: usize) -> io::Result<()> {
        self.at = item_at(&self.items, at).ok_or(io::ErrorKind::InvalidData)?;
        Ok(())
    }
}

fn write_run(place: &Dir, mut merge: Merge) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(PIECE, unnamed_file(place)?);
    let (mut dir, mut items) = (Vec::new(), Vec::new());
    while let Some((next, item)) = merge.item() {
        if !items.is_empty() && (items.len() + item.len() > PIECE || dir != next) {
            write_piece(&mut out, &dir, &mut items)?;
        }
        if items.is_empty() {
            replace(&mut dir, next);
        }
        items.extend_from_slice(item);
        merge.advance()?;
    }
    write_piece(&mut out, &dir, &mut items)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

fn write_piece(out: &mut impl Write, dir: &[u8], items: &mut Vec<u8>) -> io::Result<()> {
    for bytes in [dir, items] {
        out.write_all(&(bytes.len() as u32).to_le_bytes())?;
    }
    out.write_all(dir)?;
    out.write_all(items)?;
    items.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn push(sorter: &TreeSorter<'_>, dir: &str, name: &str, value: u64) {
        let put = |out: &mut Vec<u8>| out.extend(value.to_be_bytes());
        sorter.push(dir.as_bytes(), name.as_bytes(), put, |out| out.push(1)).unwrap();
    }

    fn all(sorter: TreeSorter<'_>) -> Vec<(String, String, u64)> {
        let mut sorted = sorter.finish().unwrap();
        let mut all = Vec::new();
        while let Some(entry) = sorted.next().unwrap() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!(entry.digests, [1]);
            let value = u64::from_be_bytes(entry.fields.try_into().unwrap());
            all.push((text(entry.dir), text(entry.name), value));
        }
        all
    }

    #[test]
    fn entries_come_by_directory_and_name_and_the_last_told_counts() {
        let dir = tempfile::tempdir().unwrap();
        let place = Dir::open(dir.path()).unwrap();
        for limit in [600, 30_000, IN_MEMORY] {
            let sorter = TreeSorter::with_limit(&place, limit);
            let mut expected = BTreeMap::new();
            for number in 0..10_000_u64 {
                // Wide directories, one in many runs; names with common starts, some empty.
                let dir = match number % 7 {
                    0 => String::new(),
                    some => format!("d{}/{}", some % 3, number * 7_919 % 50),
                };
                let name = match number * 31 % 7_001 {
                    0 => String::new(),
                    some => format!("file-name-{some}"),
                };
                push(&sorter, &dir, &name, number);
                expected.insert((dir, name), number);
            }
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
            let runs = lock(&sorter.runs);
            assert_eq!(!runs.merged.is_empty(), limit == 600);
            assert_eq!(runs.small.is_empty() && runs.merged.is_empty(), limit == IN_MEMORY);
            drop(runs);
            let sorted = all(sorter);
            assert!(sorted.iter().map(|(dir, name, _)| (dir, name)).is_sorted());
            let expected: Vec<_> = expected.into_iter().map(|((d, n), v)| (d, n, v)).collect();
            assert!(sorted == expected, "{} and {} entries", sorted.len(), expected.len());
        }
    }

    #[test]
    fn memory_stays_within_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let place = Dir::open(dir.path()).unwrap();
        let limit = 10_000;
        let sorter = TreeSorter::with_limit(&place, limit);
        for number in 0..20_000 {
            push(&sorter, &(number % 300).to_string(), &number.to_string(), number);
            assert!(sorter.lanes.iter().all(|lane| lock(lane).size() < limit));
            assert!(lock(&sorter.runs).small.len() < MAX_RUNS);
        }
    }
}
