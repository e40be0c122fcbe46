//! Keeping what a restore in place replaces and removes.
//!
//! An undo is a snapshot like any other, of only those entries, and a list of what the
//! restore made. Restored in place, it puts the first back and removes the second.

use super::backup::write_manifest;
use super::chosen::PathSet;
use super::files::TEMPORARY;
use super::journal::JournalWriter;
use super::lease::Holder;
use super::lock::Lock;
use super::manifest_file::Coverage;
use super::name;
use super::plan::Plan;
use super::publish::{Publication, Taken, Undone, free_instant};
use super::record::{Origin, Record};
use super::record_tree::TreeRecord;
use super::remove::{remove_tree, rename_away};
use super::room;
use super::snapshot::{Snapshot, State};
use super::sorter::Sorted;
use super::store::{Store, created_name, journal_name};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Filter, Mirror, Options, Report};
use jiff::tz::TimeZone;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 20] = b"efsbackup created 1\n";
const HASH_LEN: usize = 32;

/// What an undo is made of.
pub(super) struct Undo<'a> {
    pub(super) store: &'a Store,
    pub(super) lock: &'a Lock,
    pub(super) timezone: &'a TimeZone,
    pub(super) cancel: &'a CancelToken,
}

impl Undo<'_> {
    /// Makes the undo of the planned restore of the snapshot `id` into `destination`, before
    /// anything is changed there.
    pub(super) fn make(
        &self,
        id: &str,
        destination: &Path,
        plan: &mut Plan,
        options: &Options,
    ) -> Result<Snapshot> {
        self.check_room(plan.bytes)?;
        let Holder { token, process, .. } = &self.lock.holder;
        let time = free_instant(self.store, &SystemClock, self.timezone, self.cancel)?;
        let folder = name::incomplete(time, token);
        let made = self.copy(&folder, destination, std::mem::take(&mut plan.replaced), options);
        let made = made.and_then(|(report, record, coverage)| {
            let created = format!("created-{token}{TEMPORARY}");
            let manifest = format!("manifest-{token}{TEMPORARY}");
            write_created(self.store.records.create(&created)?, &mut plan.created)?;
            let file = self.store.records.create(&manifest)?;
            let manifest_hash = write_manifest(self.store, file, record, coverage, None)?;
            let undone = Undone { origin: origin(id, destination)?, created: &created };
            let taken = Taken {
                run: token,
                host: &process.host,
                folder: &folder,
                time,
                state: State::Undo,
                file_system: None,
                report: &report,
                manifest: &manifest,
                manifest_hash,
                undo: Some(undone),
            };
            let (store, lock, timezone) = (self.store, self.lock, self.timezone);
            Publication { store, lock, clock: &SystemClock, timezone }.publish(&taken)
        });
        // As far as that can be done: the next backup tidies up too.
        let _ = self.store.control.remove(&journal_name(token));
        made.map_err(|error| {
            if let Ok(Some(removing)) = rename_away(&self.store.dir, &folder) {
                let Store { dir, control, .. } = self.store;
                let _ = remove_tree(dir, &removing, control, &CancelToken::new());
            }
            Error::new(error.kind(), "undo")
                .with_message(format!(
                    "what would be replaced could not be kept, so nothing was restored: {error}"
                ))
                .with_source(error)
        })
    }

    fn check_room(&self, needed: u64) -> Result<()> {
        let path = &self.store.dir.path;
        let free = room::free(self.store)?;
        if needed <= free {
            return Ok(());
        }
        Err(Error::new(ErrorKind::SafetyStop, "undo")
            .with_message(format!(
                "what would be replaced takes {needed} bytes to keep, {free} are free, {} too \
                 few; make room, or restore without an undo (--no-undo); nothing was changed",
                needed - free
            ))
            .with_path(path.as_path()))
    }

    /// Copies what the set `replaced` names to a folder of its own.
    fn copy(
        &self,
        folder: &str,
        destination: &Path,
        replaced: PathSet,
        restore: &Options,
    ) -> Result<(Report, TreeRecord<'_>, Coverage)> {
        let replaced = Arc::new(replaced);
        let mut options = Options {
            fresh: true,
            allow_empty: true,
            filter: Filter::new().only(move |path| replaced.part(path)),
            jobs: restore.jobs,
            fsync: restore.fsync,
            ..Options::default()
        };
        options.max_links = crate::mount::Mount::containing(&self.store.dir.path)?.max_links();
        let coverage = Coverage { xattrs: options.xattrs, acls: options.acls };
        let journal = self.store.control.create(&journal_name(&self.lock.holder.token))?;
        let record = TreeRecord::new(&self.store.records, None);
        let journal = JournalWriter::new(journal, Some(&record))?;
        let report = Mirror::new(destination, self.store.dir.path.join(folder))
            .options(options)
            .cancel(self.cancel)
            .listener(&journal)
            .run()?;
        drop(journal);
        Ok((report.into_result()?, record, coverage))
    }
}

fn origin(id: &str, destination: &Path) -> Result<Origin> {
    let path = resolved(destination)?;
    Ok(Origin {
        snapshot: id.to_owned(),
        destination: path.to_text(),
        destination_b64: data_encoding::BASE64.encode(path.as_bytes()),
    })
}

fn resolved(path: &Path) -> Result<BytePath> {
    let resolved = path.canonicalize();
    resolved.map(BytePath::from).map_err(|error| Error::from_io("resolve", error).with_path(path))
}

/// Writes the list of what a restore makes, durably: a line that says what it is, each path
/// with a NUL after it, and the BLAKE3 hash of all that.
fn write_created(file: File, created: &mut Sorted) -> Result<()> {
    let failed = |error| Error::from_io("write list", error);
    let mut hasher = blake3::Hasher::new();
    let mut out = BufWriter::new(file);
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        out.write_all(bytes).map_err(failed)
    };
    put(MAGIC)?;
    while let Some((path, _)) = created.next()? {
        put(&path)?;
        put(&[0])?;
    }
    out.write_all(hasher.finalize().as_bytes()).map_err(failed)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)
}

/// What restoring the undo `id` into `destination` puts back or removes.
pub(super) fn scope(store: &Store, id: &str, destination: &Path) -> Result<PathSet> {
    let record = store.record(id)?;
    let origin = record.and_then(|Record { undo, .. }| undo);
    let origin = origin.ok_or_else(|| damaged(store, id, "its record names no restore"))?;
    let of = data_encoding::BASE64.decode(origin.destination_b64.as_bytes());
    if of.ok().as_deref() != Some(resolved(destination)?.as_bytes()) {
        return Err(Error::new(ErrorKind::SafetyStop, "undo")
            .with_message(format!(
                "this undoes a restore into {}; restore it there, or to the side",
                origin.destination
            ))
            .with_path(destination));
    }
    let mut set = PathSet::default();
    let mut manifest =
        store.whole_manifest(id)?.ok_or_else(|| damaged(store, id, "its manifest is damaged"))?;
    while let Some(entry) = manifest.next()? {
        set.add(entry.path.as_bytes());
    }
    let list = store.records.read(&created_name(id))?.unwrap_or_default();
    let split = list.len().checked_sub(HASH_LEN).map(|at| list.split_at(at));
    let whole = split.filter(|(paths, hash)| blake3::hash(paths).as_bytes()[..] == **hash);
    let paths = whole.and_then(|(paths, _)| paths.strip_prefix(MAGIC));
    let paths = paths.ok_or_else(|| damaged(store, id, "the list of what was made is damaged"))?;
    paths.split(|byte| *byte == 0).filter(|path| !path.is_empty()).for_each(|path| set.add(path));
    Ok(set)
}

fn damaged(store: &Store, id: &str, what: &str) -> Error {
    Error::new(ErrorKind::Io, "undo")
        .with_message(format!("{what}; restore it to the side, and copy by hand"))
        .with_path(store.dir.path.join(id))
}
