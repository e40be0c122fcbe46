//! Recording what a mirror leaves behind, sorted by path.

use super::files::Dir;
use super::manifest::{Fields, ManifestEntry, split};
use super::manifest_file::ManifestWriter;
use super::manifest_reader::ManifestReader;
use super::tree_sorter::{SortedTree, TreeSorter};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{
    Action, ContentHasher, Digest, EntryEvent, EntryType, FileKind, Listener, Settled,
};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which files' contents are to be read.
pub(super) type Wanted = Box<dyn Fn(&BytePath) -> bool + Send + Sync>;

/// Records every entry that a mirror settles.
pub(super) struct TreeRecord<'a> {
    sorter: TreeSorter<'a>,
    failed: Mutex<Option<Error>>,
    next: Option<&'a dyn Listener>,
    wanted: Option<Wanted>,
    spare: Spare,
    /// Whether entries that failed are recorded as unreadable.
    failures: bool,
    /// Whether entries that are removed are taken out again.
    removals: bool,
}

impl<'a> TreeRecord<'a> {
    /// A record that sorts in files in `place` and passes events on to `next`.
    pub(super) fn new(place: &'a Dir, next: Option<&'a dyn Listener>) -> Self {
        let sorter = TreeSorter::new(place);
        TreeRecord {
            sorter,
            failed: Mutex::default(),
            next,
            wanted: None,
            spare: Spare::default(),
            failures: false,
            removals: false,
        }
    }

    /// Takes over all entries of a whole manifest, which are at the destination already; what
    /// is recorded later counts instead. Gives the hash of the manifest.
    pub(super) fn absorb<R: Read>(
        &mut self,
        mut manifest: ManifestReader<R>,
    ) -> Result<Option<Digest>> {
        self.removals = true;
        while let Some(entry) = manifest.next()? {
            self.push(&entry.path, &Fields::of_entry(&entry));
        }
        Ok(manifest.hash())
    }

    /// A record of a tree that is only looked at; of the files that are `wanted`, or all,
    /// the content is read.
    pub(super) fn of_look(place: &'a Dir, wanted: Option<Wanted>) -> Self {
        TreeRecord { wanted, failures: true, ..Self::new(place, None) }
    }

    /// Reads the contents of only the files that are `wanted`.
    pub(super) fn reading(self, wanted: Wanted) -> Self {
        TreeRecord { wanted: Some(wanted), ..self }
    }

    fn push(&self, path: &BytePath, fields: &Fields<'_>) {
        let (dir, name) = split(path.as_bytes());
        let pushed =
            self.sorter.push(dir, name, |out| fields.encode(out), |out| fields.encode_digests(out));
        if let Err(error) = pushed {
            lock(&self.failed).get_or_insert(error);
        }
    }

    /// The entries in the order of a manifest.
    pub(super) fn finish(self) -> Result<TreeEntries> {
        match self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(TreeEntries { sorted: self.sorter.finish()? }),
        }
    }
}

impl Listener for TreeRecord<'_> {
    fn entry(&self, event: &EntryEvent<'_>) {
        if self.failures && event.action == Action::Failed {
            let kind = match event.entry_type {
                EntryType::Dir => FileKind::Dir,
                EntryType::Symlink => FileKind::Symlink,
                _ => FileKind::File,
            };
            self.push(event.path, &Fields::unreadable(kind));
        }
        if self.removals && event.action == Action::Deleted {
            // Nothing is written of what was not read.
            self.push(event.path, &Fields::unreadable(FileKind::File));
        }
        if let Some(next) = self.next {
            next.entry(event);
        }
    }

    fn keeps_record(&self) -> bool {
        true
    }

    fn hasher(&self, path: &BytePath) -> Option<Box<dyn ContentHasher>> {
        let wanted = self.wanted.as_ref().is_none_or(|wanted| wanted(path));
        wanted.then(|| {
            let spare = Arc::clone(&self.spare);
            Box::new(Blake3 { taken: Taken::Nothing, spare }) as Box<dyn ContentHasher>
        })
    }

    fn settled(&self, entry: &Settled<'_>) {
        self.push(entry.path, &Fields::of(entry));
    }
}

/// Hashers at rest: each has two kilobytes, more than many a file that they hash.
type Spare = Arc<Mutex<Vec<Box<blake3::Hasher>>>>;

struct Blake3 {
    taken: Taken,
    spare: Spare,
}

/// What of a file was hashed.
enum Taken {
    Nothing,
    Part(Box<blake3::Hasher>),
    Whole(Digest),
}

impl ContentHasher for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        if let Taken::Part(hasher) = &mut self.taken {
            hasher.update(bytes);
        } else if !bytes.is_empty() {
            let mut hasher = lock(&self.spare).pop().unwrap_or_default();
            hasher.update(bytes);
            self.taken = Taken::Part(hasher);
        }
    }

    fn update_whole(&mut self, content: &[u8]) {
        self.taken = Taken::Whole(*blake3::hash(content).as_bytes());
    }

    fn finish(self: Box<Self>) -> Digest {
        match self.taken {
            Taken::Nothing => *blake3::hash(&[]).as_bytes(),
            Taken::Whole(digest) => digest,
            Taken::Part(mut hasher) => {
                let digest = *hasher.finalize().as_bytes();
                hasher.reset();
                lock(&self.spare).push(hasher);
                digest
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Recorded entries in the order of a manifest, each path once.
pub(super) struct TreeEntries {
    sorted: SortedTree,
}

impl TreeEntries {
    pub(super) fn next(&mut self) -> Result<Option<ManifestEntry>> {
        let Some(entry) = self.sorted.next()? else { return Ok(None) };
        let fields = entry.decode().ok_or_else(|| Error::new(ErrorKind::Internal, "sort"))?;
        Ok(Some(ManifestEntry::new(entry.dir, entry.name, &fields)))
    }

    /// Writes a manifest. Digests of files that were not read are taken from `base`, the
    /// manifest of the snapshot that they were linked from.
    pub(super) fn write<R: Read>(
        mut self,
        mut writer: ManifestWriter,
        mut base: Option<ManifestReader<R>>,
    ) -> Result<Digest> {
        while let Some(entry) = self.sorted.next()? {
            if entry.is_unreadable() {
                continue;
            }
            let older = match &mut base {
                Some(base) if entry.lacks_digest() => base.find(entry.place())?,
                _ => None,
            };
            let same = |older: &Fields<'_>| {
                let fields = entry.decode()?;
                let of = |fields: &Fields<'_>| (fields.kind, fields.size, fields.mtime);
                (of(older) == of(&fields)).then_some(older.digest?)
            };
            writer.push(&entry, older.as_ref().and_then(same))?;
        }
        writer.finish()
    }
}
