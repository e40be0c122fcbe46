//! The journal of a run: which files it has finished.
//!
//! It lets the next run trust what a killed one left. It is not made durable: after a crash
//! of the machine the boot id differs, and nothing in it counts.

use super::calls;
use super::files::Dir;
use super::process::boot_id;
use super::sorter::unnamed_file;
use super::tree_sorter::{SortedTree, TreeSorter};
use crate::bytepath::BytePath;
use crate::error::{Error, Result};
use crate::mirror::{Action, ContentHasher, EntryEvent, EntryType, IsWhole, Listener, Settled};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a journal begins with; the boot id, 36 characters and a newline, follows.
const MAGIC: &[u8; 20] = b"efsbackup journal 1\n";
/// The same of a unit of a shared run.
const UNIT_MAGIC: &[u8; 20] = b"efsbackup journal u\n";
const HEADER_LEN: usize = MAGIC.len() + BOOT_ID_LEN + 1;
const BOOT_ID_LEN: usize = 36;
/// 128 bits of the path's BLAKE3, then the inode number, least byte first.
const RECORD_LEN: usize = HASH_LEN + 8;
const HASH_LEN: usize = 16;
/// What tests know it by.
const JOURNAL: &str = "journal";
/// Records are written in blocks of this many: what is lost of the last one costs only a
/// comparison of those files.
const BLOCK: usize = 128 * RECORD_LEN;

/// Writes the journal of the running run.
pub(super) struct JournalWriter<'a> {
    file: Mutex<(File, Vec<u8>)>,
    next: Option<&'a dyn Listener>,
}

impl<'a> JournalWriter<'a> {
    /// Begins a journal in the new file `file`; every event is passed on to `next`.
    pub(super) fn new(file: File, next: Option<&'a dyn Listener>) -> Result<Self> {
        Self::begin(MAGIC, file, next)
    }

    /// The same for a unit of a shared run, in whose tree each file has a single name.
    pub(super) fn of_unit(file: File, next: Option<&'a dyn Listener>) -> Result<Self> {
        Self::begin(UNIT_MAGIC, file, next)
    }

    fn begin(magic: &[u8; 20], file: File, next: Option<&'a dyn Listener>) -> Result<Self> {
        let header = [magic, format!("{}\n", boot_id()?).as_bytes()].concat();
        calls::write(&file, JOURNAL, &header)
            .map_err(|error| Error::from_io("write journal", error))?;
        Ok(JournalWriter { file: Mutex::new((file, Vec::with_capacity(BLOCK))), next })
    }

    fn record(&self, path: &BytePath, inode: u64) {
        let record = record_of(path, inode);
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, block) = &mut *guard;
        block.extend_from_slice(&record);
        if block.len() >= BLOCK {
            // A record that is not written only means less trust later.
            let _ = calls::write(file, JOURNAL, block);
            block.clear();
        }
    }
}

impl Listener for JournalWriter<'_> {
    fn entry(&self, event: &EntryEvent<'_>) {
        let finished = matches!(event.action, Action::Created | Action::Updated | Action::Linked);
        if finished
            && event.entry_type == EntryType::File
            && let Some(inode) = event.inode
        {
            self.record(event.path, inode);
        }
        if let Some(next) = self.next {
            next.entry(event);
        }
    }

    fn keeps_record(&self) -> bool {
        self.next.is_some_and(|next| next.keeps_record())
    }

    fn hasher(&self, path: &BytePath) -> Option<Box<dyn ContentHasher>> {
        self.next.and_then(|next| next.hasher(path))
    }

    fn settled(&self, entry: &Settled<'_>) {
        if let Some(next) = self.next {
            next.settled(entry);
        }
    }
}

impl Drop for JournalWriter<'_> {
    fn drop(&mut self) {
        let (file, block) = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = calls::write(file, JOURNAL, block);
    }
}

/// Reads a journal: which files of that run's tree are known to be whole. None is, where
/// there is none or it is of another boot. What it lists is sorted into an unnamed file in
/// `place`, so that memory hardly grows with it.
pub(super) fn whole_files(journal: Option<File>, place: &Dir) -> Result<IsWhole> {
    match journal {
        Some(journal) => whole_files_under(journal, place, &boot_id()?),
        None => Ok(Arc::new(|_, _| false)),
    }
}

/// As [`whole_files`], but read when it is first asked. What can't be read then lists none.
pub(super) fn whole_files_later(journal: File, place: Dir) -> IsWhole {
    let (journal, whole) = (Mutex::new(Some(journal)), OnceLock::new());
    let read = move || {
        let journal = journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        whole_files(journal, &place).unwrap_or_else(|_| Arc::new(|_, _| false))
    };
    Arc::new(move |path, inode| whole.get_or_init(&read)(path, inode))
}

/// Whether a journal is that of a unit.
pub(super) fn is_of_unit(journal: &File) -> Result<bool> {
    let mut magic = [0; MAGIC.len()];
    match journal.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(magic == *UNIT_MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::from_io("read journal", error)),
    }
}

fn whole_files_under(journal: File, place: &Dir, boot_id: &str) -> Result<IsWhole> {
    let failed = |error| Error::from_io("read journal", error);
    let mut journal = BufReader::with_capacity(1 << 16, journal);
    let mut header = Vec::with_capacity(HEADER_LEN);
    journal.by_ref().take(HEADER_LEN as u64).read_to_end(&mut header).map_err(failed)?;
    let is_one = header.starts_with(MAGIC) || header.starts_with(UNIT_MAGIC);
    if !is_one || header[MAGIC.len()..] != *format!("{boot_id}\n").as_bytes() {
        return Ok(Arc::new(|_, _| false));
    }
    let sorter = TreeSorter::new(place);
    let mut record = Record::default();
    loop {
        match journal.read_exact(&mut record) {
            Ok(()) => sorter.push(&[], &record, |_| {}, |_| {})?,
            // A torn record at the end is left out.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(failed(error)),
        }
    }
    let records = SortedRecords::write(sorter.finish()?, unnamed_file(place).map_err(failed)?)?;
    Ok(Arc::new(move |path, inode| records.hold(&record_of(path, inode))))
}

type Record = [u8; RECORD_LEN];

/// Records in their order in a file, and the first of each page of it.
struct SortedRecords {
    file: File,
    pages: Vec<Record>,
}

/// How many bytes are read to look for a record.
const PAGE: usize = 170 * RECORD_LEN;

impl SortedRecords {
    fn write(mut sorted: SortedTree, file: File) -> Result<SortedRecords> {
        let failed = |error| Error::from_io("sort journal", error);
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let mut pages = Vec::new();
        let mut length = 0;
        while let Some(entry) = sorted.next()? {
            if length % PAGE == 0 {
                pages.extend(Record::try_from(entry.name));
            }
            out.write_all(entry.name).map_err(failed)?;
            length += RECORD_LEN;
        }
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(SortedRecords { file, pages })
    }

    fn hold(&self, record: &Record) -> bool {
        let Some(page) = self.pages.partition_point(|first| first <= record).checked_sub(1) else {
            return false;
        };
        let mut bytes = [0; PAGE];
        let mut length = 0;
        while length < PAGE {
            match self.file.read_at(&mut bytes[length..], (page * PAGE + length) as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What can't be looked up is compared.
                Err(_) => return false,
            }
        }
        bytes[..length].as_chunks::<RECORD_LEN>().0.binary_search(record).is_ok()
    }
}

fn record_of(path: &BytePath, inode: u64) -> Record {
    let mut record = [0; RECORD_LEN];
    let (start, end) = record.split_at_mut(HASH_LEN);
    start.copy_from_slice(&blake3::hash(path.as_bytes()).as_bytes()[..HASH_LEN]);
    end.copy_from_slice(&inode.to_le_bytes());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Dir) {
        let dir = tempfile::tempdir().unwrap();
        let place = Dir::open(dir.path()).unwrap();
        (dir, place)
    }

    fn journal(files: &[(&str, u64)]) -> Vec<u8> {
        let (dir, place) = place();
        let writer = JournalWriter::new(place.create("journal").unwrap(), None).unwrap();
        for (name, inode) in files {
            writer.record(&BytePath::from(name.as_bytes()), *inode);
        }
        drop(writer);
        std::fs::read(dir.path().join("journal")).unwrap()
    }

    fn listed(journal: &[u8], boot_id: &str) -> IsWhole {
        let (dir, place) = place();
        std::fs::write(dir.path().join("journal"), journal).unwrap();
        let file = place.file("journal").unwrap().unwrap();
        whole_files_under(file, &place, boot_id).unwrap()
    }

    fn holds(journal: &[u8], name: &str, inode: u64) -> bool {
        listed(journal, &boot_id().unwrap())(&BytePath::from(name.as_bytes()), inode)
    }

    #[test]
    fn a_file_counts_only_by_its_path_and_inode() {
        let journal = journal(&[("a/b", 7), ("c", 8)]);
        assert!(holds(&journal, "a/b", 7));
        assert!(holds(&journal, "c", 8));
        assert!(!holds(&journal, "a/b", 8));
        assert!(!holds(&journal, "a", 7));
    }

    #[test]
    fn a_torn_tail_costs_the_last_record_only() {
        let journal = journal(&[("a", 1), ("b", 2)]);
        let torn = &journal[..journal.len() - 1];
        assert!(holds(torn, "a", 1));
        assert!(!holds(torn, "b", 2));
        for length in 0..HEADER_LEN {
            assert!(!holds(&journal[..length], "a", 1));
        }
    }

    #[test]
    fn nothing_of_another_boot_counts() {
        let other = "00000000-0000-0000-0000-000000000000";
        assert!(!listed(&journal(&[("a", 1)]), other)(&b"a"[..].into(), 1));
    }

    #[test]
    fn many_records_are_written_in_blocks_and_all_found() {
        let names: Vec<String> = (0..1000).map(|i| format!("dir/{i}")).collect();
        for count in [169, 170, 171, 340, 1000] {
            let files: Vec<(&str, u64)> =
                names[..count].iter().map(String::as_str).zip(5..).collect();
            let journal = journal(&files);
            assert_eq!(journal.len(), HEADER_LEN + count * RECORD_LEN);
            let whole = listed(&journal, &boot_id().unwrap());
            for (name, inode) in files {
                let path = BytePath::from(name.as_bytes());
                assert!(whole(&path, inode), "{name} of {count}");
                assert!(!whole(&path, inode + 1));
            }
        }
    }
}
