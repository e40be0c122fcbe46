//! A snapshot that several processes make together, on one machine or on many.
//!
//! One process begins: it takes the repository for a run that others may join. Any number of
//! others copy a unit each, a range of the source, into a folder of their own, where a process
//! that was given up and wakes later can do no harm. Then the first puts their trees together
//! by renaming, makes what units leave (files with several names, the metadata of directories,
//! what failed or is new), and publishes. Nothing is published before every unit is there.

use super::assemble;
use super::backup::{Backup, BackupReport, Held, remove_unnamed, write_manifest};
use super::bad::BadFiles;
use super::guard;
use super::lease::Holder;
use super::left::RunLease;
use super::lock::Lock;
use super::manifest_file::Coverage;
use super::manifest_reader::ManifestReader;
use super::name;
use super::piece::{self, CopiedPiece};
use super::publish::free_instant;
use super::range::Range;
use super::record_tree::TreeRecord;
use super::resume;
use super::run_watch::RunWatch;
use super::snapshot::Snapshot;
use super::store::{Store, unnamed_manifest};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Counts, LinkSource, Options, Outcome, Part, Prepared, Report, Share, Trust};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What every unit of a shared run is told. As JSON it has these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SharedRun {
    /// The run's id, for which all its processes hold the repository.
    pub id: String,
    /// The process that began it.
    pub token: String,
    /// The instant of the snapshot.
    pub time: Timestamp,
    /// The snapshot that it shares files with.
    pub base: Option<String>,
}

/// A unit that was copied: all that publishing needs of it. As JSON it has these fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopiedUnit {
    /// What it is of the source.
    pub range: Range,
    /// Whose folder it is in.
    pub token: String,
    /// The hash of its manifest, in hexadecimal digits.
    pub manifest: String,
    /// What was done.
    pub report: Report,
    /// The pieces of large files that were copied. What was done of them counts once they are
    /// put together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<CopiedPiece>,
}

/// A shared run that was begun. The repository is held as long as this lives.
///
/// ```
/// use efsbackup_core::bytepath::BytePath;
/// use efsbackup_core::snapshot::{Range, Repository};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// let begun = repository.backup("source").begin()?;
/// // The whole tree as one unit; `shard::Plan` cuts it into many.
/// let whole = Range { from: BytePath::default(), to: None, pieces: Vec::new() };
/// let unit = repository.backup("source").unit(begun.run(), &whole)?;
/// let report = repository.backup("source").finish(begun, &[unit])?;
/// assert!(report.snapshot.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Begun {
    pub(super) held: Held,
    pub(super) run: SharedRun,
    pub(super) started: SystemTime,
    /// How long it had been under way when this process came to it.
    pub(super) before: Duration,
    pub(super) clock: Instant,
}

impl Begun {
    /// What the run's units are told.
    pub fn run(&self) -> &SharedRun {
        &self.run
    }
}

impl Backup<'_> {
    /// Begins a shared run: takes the repository, and copies nothing yet.
    ///
    /// # Errors
    /// As those of [`Backup::run`], when a guard refuses.
    pub fn begin(mut self) -> Result<Begun> {
        self.no_dry_run()?;
        let (started, clock) = (SystemTime::now(), Instant::now());
        let store = self.prepare()?;
        let id = match &self.options.run_id {
            Some(id) => id.clone(),
            // One that no other run has.
            None => format!("units-{}", Holder::new(self.clock, self.options.lease, None)?.token),
        };
        let mut held = self.hold(store, Some(&id))?;
        // The trees of this run are known by its second: no other's are to have it.
        while held
            .store
            .incomplete()?
            .iter()
            .any(|(folder, _)| folder.starts_with(&name::incomplete(held.time, "")))
        {
            self.clock.sleep(Duration::from_millis(100));
            let timezone = &self.options.timezone;
            held.time = free_instant(&held.store, self.clock, timezone, &self.cancel)?;
        }
        let token = held.lock.holder.token.clone();
        let base = held.base.as_ref().map(|base| base.id.clone());
        let run = SharedRun { id, token, time: held.time, base };
        Ok(Begun { held, run, started, before: Duration::ZERO, clock })
    }

    /// Copies the unit `range` of the shared run `run`. It may be done again, here or elsewhere,
    /// even at the same time; what counts is which one [`Backup::finish`] is given. It ends
    /// early, within about a second, when the run is over.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when the run is over, or its repository is not the one that is
    /// seen here, and as those of [`Backup::run`]; [`ErrorKind::Incomplete`] and
    /// [`ErrorKind::Cancelled`] when the copying ended early. Entries that can't be read are no
    /// error: the end of the run tries them again.
    pub fn unit(mut self, run: &SharedRun, range: &Range) -> Result<CopiedUnit> {
        self.no_dry_run()?;
        let is_over = || over("unit", self.repository.path());
        let store = self.prepare()?.ok_or_else(is_over)?;
        let holder = Holder::new(self.clock, self.options.lease, Some(&run.id))?;
        let lock = Lock::take(&store.control, holder, &self.cancel)?;
        if !lock.holders()?.contains(&run.token) {
            return Err(is_over());
        }
        let _alive = RunLease::join(&store, &lock, &run.token)?;
        let watch = RunWatch::begin(&lock, &run.token)?;
        let (token, cancel) = (lock.holder.token.clone(), self.cancel.clone());
        let (started, clock) = (SystemTime::now(), Instant::now());
        let until = self.options.mirror.stop_after;
        let is_late = || until.is_some_and(|time| clock.elapsed() >= time);
        let ends = || cancel.is_cancelled() || lock.is_lost() || watch.is_over();
        let stop = || ends() || is_late();
        let copy = |piece| {
            let how = &self.options.mirror;
            piece::copy(&store, &self.source, (run, &lock.holder), piece, how, &stop)
        };
        let pieces = range.pieces.iter().map(copy).collect::<Result<Vec<_>>>();
        if watch.is_over() {
            return Err(is_over());
        }
        let pieces = pieces.map_err(|error| match error.kind() {
            ErrorKind::Cancelled if is_late() && !ends() => {
                Error::new(ErrorKind::Incomplete, "unit").with_message("the time is up")
            }
            _ => error,
        })?;
        self.options.mirror.stop_after = until.map(|time| time.saturating_sub(clock.elapsed()));
        if range.is_empty() {
            lock.check()?;
            guard::source_identity(&self.source, &self.options)?;
            let report = Report::of_nothing(started);
            let (range, manifest) = (range.clone(), String::new());
            return Ok(CopiedUnit { range, token, manifest, report, pieces });
        }
        let snapshots = store.snapshots()?;
        let base = snapshots.iter().find(|snapshot| Some(&snapshot.id) == run.base.as_ref());
        let options = self.unit_options((&store, &lock), run, base, range)?;
        let coverage = Coverage { xattrs: options.xattrs, acls: options.acls };
        let record = TreeRecord::new(&store.records, self.listener);
        let folder = name::incomplete(run.time, &token);
        let report = self.copy((&store, &lock), &folder, options, &record, &ends)?;
        if watch.is_over() {
            return Err(is_over());
        }
        if !matches!(report.exit_status(), 0 | 23 | 24) {
            return Err(match report.into_result() {
                Err(error) => error,
                Ok(_) => Error::new(ErrorKind::Internal, "unit"),
            });
        }
        let manifest = unnamed_manifest(&token);
        let file = store.records.create(&manifest)?;
        let hash = write_manifest(&store, file, record, coverage, base)
            .and_then(|hash| store.records.sync().map(|()| hash))
            .inspect_err(|_| remove_unnamed(&store, &manifest))?;
        lock.check()?;
        let manifest = data_encoding::HEXLOWER.encode(&hash);
        Ok(CopiedUnit { range: range.clone(), token, manifest, report, pieces })
    }

    /// Ends a shared run: puts its units together, makes what they leave, and publishes.
    ///
    /// # Errors
    /// [`ErrorKind::Incomplete`] when a unit is missing: nothing is published; and those of
    /// [`Backup::run`].
    pub fn finish(self, begun: Begun, units: &[CopiedUnit]) -> Result<BackupReport> {
        self.no_dry_run()?;
        let Begun { held, run, started, before, clock } = begun;
        let pieces = units.iter().flat_map(|unit| &unit.pieces).collect();
        let units = Units { units: in_order(units)?, pieces, run, started, before, clock };
        guard_again(&self)?;
        self.copy_and_publish(held, Some(&units))
    }

    pub(super) fn no_dry_run(&self) -> Result<()> {
        if !self.options.mirror.dry_run {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidInput, "options")
            .with_message("a dry run is made by one process: begin no shared run for it"))
    }

    /// The mirror's options for a unit. It links only what had a single name in `base`: an inode
    /// with several might be taken by another unit for another file.
    fn unit_options(
        &self,
        (store, lock): (&Store, &Lock),
        run: &SharedRun,
        base: Option<&Snapshot>,
        range: &Range,
    ) -> Result<Options> {
        let mut options = self.new_tree(store)?;
        options.share = Share::Unit;
        let part = range.clone();
        options.filter = options.filter.only(move |path| part.part(path));
        let bad = BadFiles::read(store)?;
        let left = resume::of_unit(store, lock, run, base, &bad)?;
        if let Some(base) = base {
            options.link_sources.extend(Self::unit_links(store, base, range, &bad)?);
        }
        options.link_sources.extend(left);
        Ok(options)
    }

    fn unit_links(
        store: &Store,
        base: &Snapshot,
        range: &Range,
        bad: &BadFiles,
    ) -> Result<Option<LinkSource>> {
        let Some(mut manifest) = store.whole_manifest(&base.id)? else { return Ok(None) };
        let mut shared: HashSet<BytePath> = HashSet::new();
        while let Some(entry) = manifest.next()? {
            if entry.group.is_some() && range.part(entry.path.as_bytes()) == Part::In {
                shared.insert(entry.path);
            }
        }
        let bad = bad.of_snapshot(&base.id);
        let mut link = LinkSource::new(store.dir.path.join(&base.id), Trust::Metadata);
        link.digests_known = true;
        link.bad = Some(Arc::new(move |path, inode| {
            shared.contains(path) || bad.as_ref().is_some_and(|bad| bad(path, inode))
        }));
        Ok(Some(link))
    }
}

/// The error where a run that is to be joined does not hold the repository.
pub(super) fn over(op: &'static str, repository: PathBuf) -> Error {
    Error::new(ErrorKind::SafetyStop, op)
        .with_message(
            "the run does not hold the repository here: it is over, or this machine has another \
             file system mounted there",
        )
        .with_path(repository)
}

/// Whether no other try to end the run could go better.
pub(super) fn is_for_good(error: &Error) -> bool {
    error.kind() == ErrorKind::Incomplete
}

/// The source may have been unmounted while the units were copied.
fn guard_again(backup: &Backup<'_>) -> Result<()> {
    backup.prepare().map(drop)
}

/// The units by their ranges, each once, if they are the whole tree.
fn in_order(units: &[CopiedUnit]) -> Result<Vec<&CopiedUnit>> {
    let missing = |path: &BytePath| {
        let from = if path.is_empty() { "the beginning".into() } else { format!("\"{path}\"") };
        Error::new(ErrorKind::Incomplete, "finish").with_message(format!(
            "the unit from {from} on is missing, so nothing was published; copy it, or begin anew"
        ))
    };
    let mut next = Some(BytePath::default());
    let mut ordered = Vec::with_capacity(units.len());
    while let Some(from) = next.take() {
        let unit = units.iter().find(|unit| unit.range.from == from && !unit.range.is_empty());
        let unit = unit.ok_or_else(|| missing(&from))?;
        if ordered.len() == units.len() || !is_token(&unit.token) {
            return Err(missing(&from));
        }
        next.clone_from(&unit.range.to);
        ordered.push(unit);
    }
    Ok(ordered)
}

fn is_token(token: &str) -> bool {
    token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// All units of a run that have paths, in order, and the pieces of all.
pub(super) struct Units<'u> {
    units: Vec<&'u CopiedUnit>,
    pieces: Vec<&'u CopiedPiece>,
    run: SharedRun,
    started: SystemTime,
    before: Duration,
    clock: Instant,
}

impl Units<'_> {
    /// Looks that all trees are there, and records what is in them.
    pub(super) fn check(
        &self,
        store: &Store,
        time: Timestamp,
        record: &mut TreeRecord<'_>,
    ) -> Result<()> {
        let gone = |unit: &CopiedUnit, what: &str| {
            Error::new(ErrorKind::Incomplete, "finish").with_message(format!(
                "{what} of the unit from \"{}\" on is missing or damaged, so nothing was published",
                unit.range.from
            ))
        };
        for unit in &self.units {
            let file = store.records.file(&unnamed_manifest(&unit.token))?;
            let file = file.ok_or_else(|| gone(unit, "the manifest"))?;
            let hash = record.absorb(ManifestReader::open(file)?)?;
            if hash.map(|hash| data_encoding::HEXLOWER.encode(&hash)) != Some(unit.manifest.clone())
                || store.dir.stat(&name::incomplete(time, &unit.token))?.is_none()
            {
                return Err(gone(unit, "the tree or the manifest"));
            }
        }
        Ok(())
    }

    /// Moves all trees into `folder`.
    pub(super) fn put_together(
        &self,
        store: &Store,
        lock: &Lock,
        time: Timestamp,
        folder: &str,
    ) -> Result<()> {
        for unit in &self.units {
            lock.check()?;
            let tree = name::incomplete(time, &unit.token);
            assemble::add(store, &tree, unit.range.from.as_bytes(), folder)?;
        }
        Ok(())
    }

    /// The large files that were copied in pieces.
    pub(super) fn prepared(&self, store: &Store) -> Vec<Prepared> {
        piece::prepared(store, &self.run, self.pieces.iter().copied())
    }

    /// Adds what the units did to the report of the run that made the rest. What failed in a
    /// unit was tried again by that run.
    pub(super) fn add_to(&self, report: &mut Report) {
        let all = &mut report.entries;
        // What a unit copied and was removed again had vanished.
        // (Directories were only made for it, and not counted.)
        let removed = Counts { dir: 0, ..std::mem::take(&mut all.deleted) };
        all.vanished = all.vanished + removed;
        for CopiedUnit { report: unit, .. } in &self.units {
            let done = &unit.entries;
            all.scanned = all.scanned + less(done.scanned, done.failed);
            all.created = all.created + done.created;
            all.linked = all.linked + done.linked;
            all.vanished = all.vanished + done.vanished;
            report.bytes.scanned += unit.bytes.scanned;
            report.bytes.copied += unit.bytes.copied;
            report.bytes.linked += unit.bytes.linked;
            let told = [ErrorKind::NotFound, ErrorKind::ChangedDuringCopy];
            let errors = unit.errors.iter().filter(|error| told.contains(&error.kind));
            let before = report.errors.len();
            report.errors.extend(errors.cloned());
            report.errors_total += (report.errors.len() - before) as u64;
            report.errors.truncate(Report::MAX_ERRORS);
        }
        all.created = less(all.created, removed);
        let is_partial = all.failed.total() + all.vanished.total() > 0;
        if is_partial && report.outcome == Outcome::Complete {
            report.outcome = Outcome::Partial;
        }
        report.started = self.started;
        report.elapsed = self.before + self.clock.elapsed();
    }
}

/// `counts` without `fewer`.
fn less(counts: Counts, fewer: Counts) -> Counts {
    Counts {
        file: counts.file.saturating_sub(fewer.file),
        dir: counts.dir.saturating_sub(fewer.dir),
        symlink: counts.symlink.saturating_sub(fewer.symlink),
        hardlink: counts.hardlink.saturating_sub(fewer.hardlink),
        special: counts.special.saturating_sub(fewer.special),
    }
}
