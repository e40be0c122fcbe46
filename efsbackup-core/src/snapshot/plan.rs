//! What a restore in place would do, found before it does anything.

use super::chosen::{PathSet, above};
use super::files::Dir;
use super::sorter::{Sorted, Sorter};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::mirror::{Action, EntryEvent, Filter, Listener, Mirror, Options, Part, Report, Settled};
use crate::progress::Observer;
use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a restore in place would do.
pub(super) struct Plan {
    /// Its report.
    pub(super) report: Report,
    /// Everything that it would make, change or remove.
    pub(super) changed: PathSet,
    /// What of that is there now, so what an undo has to keep.
    pub(super) replaced: PathSet,
    /// What it would make where nothing is now.
    pub(super) created: Sorted,
    /// The room that the files to keep take, in bytes.
    pub(super) bytes: u64,
}

/// Finds out what mirroring `source` into `destination` would do. `scope` is the part that
/// was asked for.
pub(super) fn plan(
    (source, destination): (&Path, &Path),
    place: &Dir,
    (options, scope): (&Options, &PathSet),
    cancel: &CancelToken,
    observer: Option<&mut dyn Observer>,
) -> Result<Plan> {
    let found = Mutex::new(Found::new(place));
    let listener = Look { destination, scope, found: &found };
    let options = Options { dry_run: true, ..options.clone() };
    let mut mirror =
        Mirror::new(source, destination).options(options).cancel(cancel).listener(&listener);
    if let Some(observer) = observer {
        mirror = mirror.progress(observer);
    }
    let report = mirror.run()?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = found.error {
        return Err(error);
    }
    for names in found.groups.into_values() {
        if names.iter().any(|name| found.changed.part(name.as_bytes()) == Part::In) {
            names.iter().for_each(|name| add(&mut found.changed, scope, name.as_bytes()));
        }
    }
    let mut replaced = found.replaced;
    if !found.linked.is_empty() {
        replaced = with_other_names(destination, place, replaced, &found.linked, cancel)?;
    }
    let created = found.created.finish()?;
    Ok(Plan { report, changed: found.changed, replaced, created, bytes: found.bytes })
}

/// Adds `path`, and the directories above it as far as they were asked for: their times
/// would change with what is in them, and are set again.
fn add(changed: &mut PathSet, scope: &PathSet, path: &[u8]) {
    changed.add(path);
    for dir in above(path).take_while(|dir| scope.part(dir) == Part::In) {
        changed.add(dir);
    }
}

struct Found<'d> {
    changed: PathSet,
    replaced: PathSet,
    created: Sorter<'d>,
    bytes: u64,
    /// The names of each file of the snapshot with several.
    groups: HashMap<u64, Vec<BytePath>>,
    /// The inodes of replaced files with several names.
    linked: HashSet<u64>,
    error: Option<Error>,
}

impl<'d> Found<'d> {
    fn new(place: &'d Dir) -> Self {
        Found {
            changed: PathSet::default(),
            replaced: PathSet::default(),
            created: Sorter::new(place),
            bytes: 0,
            groups: HashMap::new(),
            linked: HashSet::new(),
            error: None,
        }
    }

    fn replace(&mut self, path: &BytePath, have: &Metadata) {
        self.replaced.add(path.as_bytes());
        if have.is_file() {
            self.bytes += have.len().min(have.blocks() * 512);
        }
        if !have.is_dir() && have.nlink() > 1 {
            self.linked.insert(have.ino());
        }
    }
}

struct Look<'f, 'd> {
    destination: &'f Path,
    scope: &'f PathSet,
    found: &'f Mutex<Found<'d>>,
}

impl Listener for Look<'_, '_> {
    fn entry(&self, event: &EntryEvent<'_>) {
        if matches!(event.action, Action::Unchanged | Action::Vanished) {
            return;
        }
        let path = event.path;
        let have = match event.action {
            // It will be met again, and told of then; nothing is changed there.
            Action::Failed => Ok(None),
            _ => look(&self.destination.join(path.as_path())),
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut found.changed, self.scope, path.as_bytes());
        match have {
            Ok(Some(have)) => found.replace(path, &have),
            Ok(None) if event.action == Action::Failed => {}
            Ok(None) => {
                // Their times change.
                found.replaced.add_above(path.as_bytes());
                if let Err(error) = found.created.push(path.as_bytes().to_vec(), Vec::new()) {
                    found.error.get_or_insert(error);
                }
            }
            Err(error) => {
                found.error.get_or_insert(error);
            }
        }
    }

    fn keeps_record(&self) -> bool {
        true
    }

    fn settled(&self, entry: &Settled<'_>) {
        if let Some(group) = entry.group {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.groups.entry(group).or_default().push(entry.path.clone());
        }
    }
}

/// What is at `path`; `None` if nothing.
fn look(path: &Path) -> Result<Option<Metadata>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::symlink_metadata(path) {
        Ok(have) => Ok(Some(have)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(Error::from_io("stat", error).with_path(path)),
    }
}

/// Adds the other names of the files `linked` to what an undo keeps: put back, all names are
/// one file again.
fn with_other_names(
    destination: &Path,
    place: &Dir,
    replaced: PathSet,
    linked: &HashSet<u64>,
    cancel: &CancelToken,
) -> Result<PathSet> {
    struct Names<'n>(Mutex<PathSet>, &'n HashSet<u64>);
    impl Listener for Names<'_> {
        fn entry(&self, _: &EntryEvent<'_>) {}

        fn keeps_record(&self) -> bool {
            true
        }

        fn settled(&self, entry: &Settled<'_>) {
            if entry.group.is_some_and(|inode| self.1.contains(&inode)) {
                let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                set.add(entry.path.as_bytes());
            }
        }
    }
    let names = Names(Mutex::new(replaced), linked);
    // In a dry run without hard links, the numbers told of groups are those of inodes.
    let options = Options {
        dry_run: true,
        allow_empty: true,
        hard_links: false,
        xattrs: false,
        acls: false,
        filter: Filter::new(),
        ..Options::default()
    };
    // Compared with nothing, everything is new and so looked at.
    let nothing = place.path.join("nothing");
    Mirror::new(destination, nothing).options(options).cancel(cancel).listener(&names).run()?;
    Ok(names.0.into_inner().unwrap_or_else(PoisonError::into_inner))
}
