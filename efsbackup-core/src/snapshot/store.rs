//! The folders of one repository, opened and checked.

use super::files::{Dir, TEMPORARY};
use super::manifest_reader::ManifestReader;
use super::name;
use super::record::Record;
use super::snapshot::Snapshot;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Report;
use rustix::fs::{FileType, Mode};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The folder for all that is not a snapshot.
pub(super) const CONTROL: &str = ".efsbackup";
/// In it: the records of the snapshots.
const RECORDS: &str = "snapshots";
/// In it: what this is, and in which version.
const FORMAT: &str = "format";
const FORMAT_LINE: &str = "efsbackup snapshots 1\n";
/// In it: what each run has finished.
const JOURNAL_PREFIX: &str = "journal-";
/// In it: what processes of a run that was left for others tell each other.
pub(super) const NOTE_PREFIX: &str = "note-";

/// The open folders `ROOT/NAME`, `ROOT/NAME/.efsbackup` and `ROOT/NAME/.efsbackup/snapshots`.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) dir: Dir,
    pub(super) control: Dir,
    pub(super) records: Dir,
}

impl Store {
    /// Opens what is there; `None` when there is no repository.
    pub(super) fn open(root: &Path, name: &str) -> Result<Option<Store>> {
        let found = |opened: Result<Dir>| match opened {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let Some(root) = found(Dir::open(root))? else { return Ok(None) };
        check_owned(&root, Mode::WGRP | Mode::WOTH)?;
        let Some(dir) = found(root.dir(name))? else { return Ok(None) };
        check_owned(&dir, Mode::RWXG | Mode::RWXO)?;
        let Some(control) = found(dir.dir(CONTROL))? else { return Ok(None) };
        check_owned(&control, Mode::WGRP | Mode::WOTH)?;
        let Some(format) = control.read(FORMAT)? else { return Ok(None) };
        if format != FORMAT_LINE.as_bytes() {
            return Err(Error::new(ErrorKind::Unsupported, "open repository")
                .with_message("the repository was written by another version; use that one")
                .with_path(control.path.join(FORMAT)));
        }
        let records = control.dir(RECORDS)?;
        Ok(Some(Store { dir, control, records }))
    }

    /// Opens what is there, or makes it.
    pub(super) fn create(root: &Path, name: &str) -> Result<Store> {
        if let Some(store) = Self::open(root, name)? {
            return Ok(store);
        }
        match rustix::fs::mkdir(root, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => {
                return Err(Error::from_errno("mkdir", errno.raw_os_error()).with_path(root));
            }
        }
        let root_dir = Dir::open(root)?;
        check_owned(&root_dir, Mode::WGRP | Mode::WOTH)?;
        let dir = root_dir.make_dir(name)?;
        check_owned(&dir, Mode::RWXG | Mode::RWXO)?;
        let control = dir.make_dir(CONTROL)?;
        check_owned(&control, Mode::WGRP | Mode::WOTH)?;
        let records = control.make_dir(RECORDS)?;
        // Last: without it the repository is not there yet.
        match control.write_new(FORMAT, &std::process::id().to_string(), FORMAT_LINE.as_bytes()) {
            // Another first run was faster.
            Err(_) if control.stat(FORMAT)?.is_some() => {}
            written => written?,
        }
        Ok(Store { dir, control, records })
    }

    /// Removes what runs that were killed while they made the repository have left.
    pub(super) fn remove_unfinished_formats(&self) -> Result<()> {
        for name in self.control.names(FileType::RegularFile)? {
            if name.starts_with(FORMAT) && name.ends_with(TEMPORARY) {
                self.control.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Every snapshot, the oldest first. Folders without a record come before all others.
    pub(super) fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let mut snapshots = Vec::new();
        for id in self.dir.names(FileType::Directory)? {
            if id.starts_with('.') {
                continue;
            }
            let record = match self.record(&id) {
                // A damaged record is as good as none; one that can't be read now is not.
                Err(error) if error.errno().is_none() => None,
                record => record?,
            };
            match record {
                Some(record) => snapshots.push(record.into_snapshot(id)),
                None if name::is_snapshot_name(&id) => snapshots.push(Snapshot::unknown(id)),
                None => {}
            }
        }
        snapshots.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        Ok(snapshots)
    }

    /// The record of the snapshot `id`.
    pub(super) fn record(&self, id: &str) -> Result<Option<Record>> {
        let name = record_name(id);
        let Some(text) = self.records.read(&name)? else { return Ok(None) };
        Record::from_json(&text).map(Some).map_err(|e| e.with_path(self.records.path.join(name)))
    }

    /// The report of the run that made the snapshot `id`.
    pub(super) fn report(&self, id: &str) -> Result<Option<Report>> {
        let name = report_name(id);
        let Some(text) = self.records.read(&name)? else { return Ok(None) };
        let damaged = || Error::new(ErrorKind::Io, "read report");
        let read = serde_json::from_slice(&text)
            .map_err(|error| damaged().with_message(error.to_string()))
            .and_then(Report::from_json);
        read.map(Some).map_err(|error| {
            damaged().with_message(error.message()).with_path(self.records.path.join(name))
        })
    }

    /// Gives the durable file `manifest` its name, and writes the report and the record of
    /// the snapshot `id`, durably. What another run wrote under this name is never replaced;
    /// after a failure some of the three may be there.
    pub(super) fn write_record(
        &self,
        id: &str,
        record: &Record,
        report: &[u8],
        manifest: &str,
    ) -> Result<()> {
        let written = record.to_json()?;
        self.records.rename_to_free(manifest, &manifest_name(id))?;
        self.records.write_new(&report_name(id), &record.run, report)?;
        self.records.write_new(&record_name(id), &record.run, &written)
    }

    /// Removes what the run `run` wrote for the snapshot `id`, which it could not publish.
    /// Once it has lost the repository (not `held`), what no record says to be its own may be
    /// another's.
    pub(super) fn withdraw_record(&self, id: &str, run: &str, held: bool) -> Result<()> {
        match self.record(id)? {
            Some(record) if record.run == run => self.remove_record(id),
            None if held => self.remove_record(id),
            _ => Ok(()),
        }
    }

    /// The manifest of the snapshot `id`; `None` when it has none.
    pub(super) fn manifest(&self, id: &str) -> Result<Option<ManifestReader<BufReader<File>>>> {
        let name = manifest_name(id);
        let Some(file) = self.records.file(&name)? else { return Ok(None) };
        let opened = ManifestReader::open(file);
        opened.map(Some).map_err(|error| error.with_path(self.records.path.join(name)))
    }

    /// The manifest of the snapshot `id`, if it was read to its end just now and is whole.
    pub(super) fn whole_manifest(
        &self,
        id: &str,
    ) -> Result<Option<ManifestReader<BufReader<File>>>> {
        let whole = match self.manifest(id) {
            Ok(Some(manifest)) => manifest.check()?,
            Ok(None) => false,
            Err(error) if error.errno().is_none() => false,
            Err(error) => return Err(error),
        };
        if whole { self.manifest(id) } else { Ok(None) }
    }

    /// Removes the record of `id` and all that belongs to it.
    pub(super) fn remove_record(&self, id: &str) -> Result<()> {
        self.records.remove(&record_name(id))?;
        self.records.remove(&report_name(id))?;
        self.records.remove(&bad_name(id))?;
        self.records.remove(&created_name(id))?;
        self.records.remove(&manifest_name(id)).map(drop)
    }

    /// Whether a new snapshot may be called `id`.
    pub(super) fn is_free(&self, id: &str) -> Result<bool> {
        Ok(self.dir.stat(id)?.is_none()
            && self.records.stat(&record_name(id))?.is_none()
            && self.records.stat(&manifest_name(id))?.is_none()
            && self.records.stat(&created_name(id))?.is_none()
            && self.records.stat(&report_name(id))?.is_none())
    }

    /// The folders of runs that did not publish, the newest first, with their run's id.
    pub(super) fn incomplete(&self) -> Result<Vec<(String, String)>> {
        let names = self.dir.names(FileType::Directory)?.into_iter().rev();
        Ok(names
            .filter_map(|name| {
                let run = name::run_of_incomplete(&name)?.to_owned();
                Some((name, run))
            })
            .collect())
    }
}

pub(super) fn record_name(id: &str) -> String {
    format!("{id}.json")
}

pub(super) fn report_name(id: &str) -> String {
    format!("{id}.report.json")
}

/// The manifest of a snapshot.
pub(super) fn manifest_name(id: &str) -> String {
    format!("{id}.manifest")
}

/// What the restore made that an undo undoes.
pub(super) fn created_name(id: &str) -> String {
    format!("{id}.created")
}

/// The files of a snapshot that were found to be damaged.
pub(super) fn bad_name(id: &str) -> String {
    format!("{id}.bad")
}

pub(super) fn journal_name(run: &str) -> String {
    format!("{JOURNAL_PREFIX}{run}")
}

/// What the manifest of the run `token` is called until it gets a name.
pub(super) fn unnamed_manifest(token: &str) -> String {
    format!("manifest-{token}{TEMPORARY}")
}

#[cfg(feature = "shard")]
pub(super) fn note_name(name: &str) -> String {
    format!("{NOTE_PREFIX}{name}")
}

/// The run a journal belongs to.
pub(super) fn run_of_journal(name: &str) -> Option<&str> {
    name.strip_prefix(JOURNAL_PREFIX)
}

/// Refuses a folder that someone else owns, or that has one of the `forbidden` mode bits.
fn check_owned(dir: &Dir, forbidden: Mode) -> Result<()> {
    let stat = rustix::fs::fstat(dir).map_err(|errno| {
        Error::from_errno("stat", errno.raw_os_error()).with_path(dir.path.as_path())
    })?;
    let user = rustix::process::geteuid().as_raw();
    let mode = Mode::from_raw_mode(stat.st_mode);
    let problem = if stat.st_uid != user {
        format!("it belongs to user {}, not to user {user} who runs this; chown it", stat.st_uid)
    } else if mode.intersects(forbidden) {
        let (whom, remedy) = match forbidden.contains(Mode::RWXO) {
            true => ("open to", "go-rwx"),
            false => ("writable by", "go-w"),
        };
        let bits = mode.bits() & 0o7777;
        format!("it is {whom} group or others (mode {bits:04o}); chmod {remedy} it")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::SafetyStop, "open repository")
        .with_message(problem)
        .with_path(dir.path.as_path()))
}
