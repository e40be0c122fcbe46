//! The journal of a run: which files it has finished.
//!
//! It lets the next run trust what a killed one left. It is not made durable: after a crash
//! of the machine the boot id differs, and nothing in it counts.

use super::calls;
use super::process::boot_id;
use crate::bytepath::BytePath;
use crate::error::{Error, Result};
use crate::mirror::{Action, ContentHasher, EntryEvent, EntryType, IsWhole, Listener, Settled};
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

/// What a journal begins with; the boot id, 36 characters and a newline, follows.
const MAGIC: &[u8; 20] = b"efsbackup journal 1\n";
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
        let header = [MAGIC, format!("{}\n", boot_id()?).as_bytes()].concat();
        calls::write(&file, JOURNAL, &header)
            .map_err(|error| Error::from_io("write journal", error))?;
        Ok(JournalWriter { file: Mutex::new((file, Vec::with_capacity(BLOCK))), next })
    }

    fn record(&self, path: &BytePath, inode: u64) {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, block) = &mut *guard;
        block.extend_from_slice(&hash(path));
        block.extend_from_slice(&inode.to_le_bytes());
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
/// the journal is of another boot or is none.
pub(super) fn whole_files(journal: Vec<u8>) -> Result<IsWhole> {
    Ok(whole_files_under(journal, &boot_id()?))
}

fn whole_files_under(mut journal: Vec<u8>, boot_id: &str) -> IsWhole {
    let header = [MAGIC, format!("{boot_id}\n").as_bytes()].concat();
    if !journal.starts_with(&header) {
        return Arc::new(|_, _| false);
    }
    journal.drain(..HEADER_LEN);
    // A torn record at the end is left out.
    journal.as_chunks_mut::<RECORD_LEN>().0.sort_unstable();
    Arc::new(move |path, inode| {
        let mut record = [0; RECORD_LEN];
        let (start, end) = record.split_at_mut(HASH_LEN);
        start.copy_from_slice(&hash(path));
        end.copy_from_slice(&inode.to_le_bytes());
        journal.as_chunks::<RECORD_LEN>().0.binary_search(&record).is_ok()
    })
}

fn hash(path: &BytePath) -> [u8; HASH_LEN] {
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(&blake3::hash(path.as_bytes()).as_bytes()[..HASH_LEN]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(files: &[(&str, u64)]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let writer = JournalWriter::new(File::create(&path).unwrap(), None).unwrap();
        for (name, inode) in files {
            writer.record(&BytePath::from(name.as_bytes()), *inode);
        }
        drop(writer);
        std::fs::read(path).unwrap()
    }

    fn holds(journal: &[u8], name: &str, inode: u64) -> bool {
        whole_files(journal.to_vec()).unwrap()(&BytePath::from(name.as_bytes()), inode)
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
        let journal = journal(&[("a", 1)]);
        let other = "00000000-0000-0000-0000-000000000000";
        assert!(!whole_files_under(journal, other)(&b"a"[..].into(), 1));
    }

    #[test]
    fn many_records_are_written_in_blocks_and_all_found() {
        let names: Vec<String> = (0..1000).map(|i| format!("dir/{i}")).collect();
        let files: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(5..).collect();
        let journal = journal(&files);
        assert_eq!(journal.len(), HEADER_LEN + 1000 * RECORD_LEN);
        assert!(files.iter().all(|(name, inode)| holds(&journal, name, *inode)));
    }
}
