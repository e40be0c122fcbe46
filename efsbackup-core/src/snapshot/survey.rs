//! Looking at what a tree holds before it is copied: each entry and its size, in the order of a
//! walk, in bounded memory.

use super::backup::Held;
use super::files::Dir;
use super::range::walk_key;
use super::remove::{REMOVING_PREFIX, remove_tree};
use super::shared::Begun;
use super::tree_sorter::{SortedTree, TreeSorter};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{EntryEvent, FileKind, Listener, Mirror, Options, Outcome, Settled};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An entry of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Surveyed {
    /// The path below the root.
    pub(crate) path: BytePath,
    /// A file's size in bytes; 0 for all others.
    pub(crate) size: u64,
    /// Whether it is a regular file.
    pub(crate) is_file: bool,
}

/// The entries of a tree, but for its root and for files with several names.
pub(crate) struct Survey {
    sorted: SortedTree,
}

impl Survey {
    /// Looks at `source` with many threads, as the options for copying it say, and tells `each`
    /// of every entry. What does not
    /// fit in memory is kept in unnamed files in `place`.
    pub(super) fn of(
        place: &Dir,
        source: &Path,
        copying: &Options,
        cancel: &CancelToken,
        each: &(dyn Fn(&Surveyed) + Sync),
    ) -> Result<Survey> {
        let sorter = Sorter { sorter: TreeSorter::new(place), failed: Mutex::default(), each };
        let options = Options {
            dry_run: true,
            allow_empty: true,
            // Then the numbers of those with several names are told.
            hard_links: false,
            xattrs: false,
            acls: false,
            filter: copying.filter.clone(),
            one_file_system: copying.one_file_system,
            specials: copying.specials,
            jobs: copying.jobs,
            limit_ops: copying.limit_ops,
            stop_after: copying.stop_after,
            ..Options::default()
        };
        // Compared with nothing, everything is new and so looked at.
        let nothing = place.path.join("nothing");
        let mirror = Mirror::new(source, nothing).options(options).cancel(cancel);
        let report = mirror.listener(&sorter).run()?;
        match report.outcome {
            // What can't be read now is told when it is copied.
            Outcome::Complete | Outcome::Partial => {}
            Outcome::Cancelled => return Err(Error::new(ErrorKind::Cancelled, "plan")),
            Outcome::Unfinished => {
                return Err(Error::new(ErrorKind::Incomplete, "plan").with_message(
                    "the time is up before all of the source was looked at; nothing was planned",
                ));
            }
            _ => drop(report.into_result()?),
        }
        if let Some(error) = sorter.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        Ok(Survey { sorted: sorter.sorter.finish()? })
    }

    /// The next entry.
    pub(crate) fn next(&mut self) -> Result<Option<Surveyed>> {
        let Some(entry) = self.sorted.next()? else { return Ok(None) };
        let path: Vec<u8> =
            entry.name.iter().map(|byte| if *byte == 0 { b'/' } else { *byte }).collect();
        let size = entry.fields.first_chunk().map_or(0, |size| u64::from_be_bytes(*size));
        let is_file = entry.fields.get(SIZE_LEN) == Some(&1);
        Ok(Some(Surveyed { path: path.into(), size, is_file }))
    }
}

impl Begun {
    /// Looks at the source; `each` is told of every entry, in no order.
    pub(crate) fn survey(
        &self,
        source: &Path,
        copying: &Options,
        cancel: &CancelToken,
        each: &(dyn Fn(&Surveyed) + Sync),
    ) -> Result<Survey> {
        Survey::of(&self.held.store.records, source, copying, cancel, each)
    }

    /// Gives `work` a directory beside the snapshots that is removed afterwards.
    pub(crate) fn in_scratch<T>(&self, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let Held { store, .. } = &self.held;
        // What is called so is removed by the next run, should this one be killed.
        let name = format!("{REMOVING_PREFIX}{}", self.run.token);
        let dir = store.dir.make_dir(&name)?;
        let done = work(&dir.path);
        let removed = remove_tree(&store.dir, &name, &store.control, &CancelToken::new());
        let done = done?;
        removed.map(|()| done)
    }
}

const SIZE_LEN: usize = size_of::<u64>();

struct Sorter<'d> {
    sorter: TreeSorter<'d>,
    failed: Mutex<Option<Error>>,
    each: &'d (dyn Fn(&Surveyed) + Sync),
}

impl Listener for Sorter<'_> {
    fn entry(&self, _event: &EntryEvent<'_>) {}

    fn keeps_record(&self) -> bool {
        true
    }

    fn settled(&self, entry: &Settled<'_>) {
        if entry.path.is_empty() || entry.group.is_some() {
            return;
        }
        let is_file = entry.kind == FileKind::File;
        (self.each)(&Surveyed { path: entry.path.clone(), size: entry.size, is_file });
        let key: Vec<u8> = walk_key(entry.path.as_bytes()).collect();
        let put = |out: &mut Vec<u8>| {
            out.extend(entry.size.to_be_bytes());
            out.push(u8::from(is_file));
        };
        if let Err(error) = self.sorter.push(&[], &key, put, |_| {}) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}
