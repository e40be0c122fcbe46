//! Recording what a mirror leaves behind, sorted by path.

use super::files::Dir;
use super::manifest::ManifestEntry;
use super::manifest_file::{ManifestReader, ManifestWriter};
use super::sorter::{Sorted, Sorter};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{
    Action, ContentHasher, Digest, EntryEvent, EntryType, FileKind, Listener, Settled,
};
use std::io::Read;
use std::sync::{Mutex, PoisonError};

/// Which files' contents are to be read.
pub(super) type Wanted = Box<dyn Fn(&BytePath) -> bool + Send + Sync>;

/// Records every entry that a mirror settles.
pub(super) struct TreeRecord<'a> {
    sorter: Mutex<(Sorter<'a>, Option<Error>)>,
    next: Option<&'a dyn Listener>,
    wanted: Option<Wanted>,
    /// Whether entries that failed are recorded as unreadable.
    failures: bool,
}

impl<'a> TreeRecord<'a> {
    /// A record that sorts in files in `place` and passes events on to `next`.
    pub(super) fn new(place: &'a Dir, next: Option<&'a dyn Listener>) -> Self {
        let sorter = Mutex::new((Sorter::new(place), None));
        TreeRecord { sorter, next, wanted: None, failures: false }
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

    fn push(&self, entry: &ManifestEntry) {
        let mut value = Vec::with_capacity(96);
        entry.encode(&mut value);
        let mut guard = self.sorter.lock().unwrap_or_else(PoisonError::into_inner);
        let (sorter, failed) = &mut *guard;
        if failed.is_none() {
            *failed = sorter.push(entry.path.as_bytes().to_vec(), value).err();
        }
    }

    /// The entries in the order of their paths.
    pub(super) fn finish(self) -> Result<TreeEntries> {
        let (sorter, failed) = self.sorter.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) => Err(error),
            None => TreeEntries::new(sorter.finish()?),
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
            self.push(&ManifestEntry::unreadable(event.path, kind));
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
        wanted.then(|| Box::new(Blake3(blake3::Hasher::new())) as Box<dyn ContentHasher>)
    }

    fn settled(&self, entry: &Settled<'_>) {
        self.push(&ManifestEntry::new(entry));
    }
}

struct Blake3(blake3::Hasher);

impl ContentHasher for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Digest {
        *self.0.finalize().as_bytes()
    }
}

/// Recorded entries in the order of their paths, each path once.
pub(super) struct TreeEntries {
    sorted: Sorted,
    ahead: Option<ManifestEntry>,
}

impl TreeEntries {
    fn new(sorted: Sorted) -> Result<Self> {
        let mut entries = TreeEntries { sorted, ahead: None };
        entries.ahead = entries.read()?;
        Ok(entries)
    }

    pub(super) fn next(&mut self) -> Result<Option<ManifestEntry>> {
        let Some(mut entry) = self.ahead.take() else { return Ok(None) };
        loop {
            self.ahead = self.read()?;
            match &self.ahead {
                // Told twice: the later one counts.
                Some(ahead) if ahead.path == entry.path => entry = ahead.clone(),
                _ => return Ok(Some(entry)),
            }
        }
    }

    fn read(&mut self) -> Result<Option<ManifestEntry>> {
        let Some((path, value)) = self.sorted.next()? else { return Ok(None) };
        ManifestEntry::decode(BytePath::from(path), &mut value.as_slice())
            .map(Some)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "sort"))
    }

    /// Writes a manifest. Digests of files that were not read are taken from `base`, the
    /// manifest of the snapshot that they were linked from.
    pub(super) fn write<R: Read>(
        mut self,
        mut writer: ManifestWriter,
        mut base: Option<ManifestReader<R>>,
    ) -> Result<Digest> {
        let mut older: Option<ManifestEntry> = None;
        while let Some(mut entry) = self.next()? {
            if entry.kind == FileKind::File && entry.digest.is_none() {
                while let Some(reader) = &mut base
                    && older.as_ref().is_none_or(|older| older.path < entry.path)
                {
                    older = reader.next()?;
                    if older.is_none() {
                        base = None;
                    }
                }
                let same = |older: &&ManifestEntry| {
                    (&older.path, older.kind, older.size, older.mtime)
                        == (&entry.path, entry.kind, entry.size, entry.mtime)
                };
                entry.digest = older.as_ref().filter(same).and_then(|older| older.digest);
            }
            writer.push(&entry)?;
        }
        writer.finish()
    }
}
