//! Taking a snapshot.

use super::bad::BadFiles;
use super::guard;
use super::journal::{self, JournalWriter};
use super::lease::Holder;
use super::left::RunLease;
use super::lock::Lock;
use super::manifest_file::{Coverage, ManifestWriter};
use super::name;
use super::options::BackupOptions;
use super::prune;
use super::publish::{Publication, Taken, free_instant};
use super::record_tree::TreeRecord;
use super::repository::Repository;
use super::resume;
use super::retention::Decision;
use super::room;
use super::shared::{Units, is_for_good, over};
use super::snapshot::{Snapshot, State};
use super::store::{Store, journal_name, unnamed_manifest};
use super::tidy::Tidy;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::setters::setters;
use crate::mirror::{
    Digest, EntryError, LinkSource, Listener, Mirror, Options, Outcome, Report, Share, Trust,
};
use crate::mount::Mount;
use crate::progress::{Observer, Progress};
use jiff::Timestamp;
use serde::Serialize;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A snapshot about to be made; see [`Repository::backup`].
///
/// A run copies into a hidden folder of its own and hard-links what is wholly equal
/// (content, owner, mode, times, extended attributes) in the newest complete snapshot. Only
/// when everything is durable does the folder get its dated name.
///
/// ```
/// use efsbackup_core::snapshot::{BackupOptions, Repository};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let mut options = BackupOptions::default();
/// options.retention.daily = 7;
/// let repository = Repository::new("backups", "home")?;
/// let report = repository.backup("source").options(options).run()?.into_result()?;
/// assert!(report.snapshot.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Backup<'a> {
    pub(super) repository: &'a Repository,
    pub(super) source: PathBuf,
    pub(super) options: BackupOptions,
    pub(super) cancel: CancelToken,
    pub(super) observer: Option<&'a mut dyn Observer>,
    pub(super) listener: Option<&'a dyn Listener>,
    pub(super) clock: &'a dyn Clock,
}

/// Why nothing was removed after a snapshot was published.
const OTHERS_AT_WORK: &str =
    "what is superfluous; of this run's processes the last one at work removes it";

/// What a backup did. As JSON: the fields of the report, then the others.
///
/// ```
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let report = Repository::new("backups", "home")?.backup("source").run()?;
/// if let Some(snapshot) = &report.snapshot {
///     println!("{}: {} bytes copied", snapshot.id, report.report.bytes.copied);
/// }
/// assert_eq!(report.exit_status(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// What happened to the entries, and how the run ended.
    #[serde(flatten)]
    pub report: Report,
    /// The new snapshot; `None` when nothing was published.
    pub snapshot: Option<Snapshot>,
    /// Older snapshots that were removed by the retention.
    pub removed: Vec<String>,
    /// What could not be tidied up after the snapshot was published. The next run tries
    /// again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<String>,
}

impl<'a> Backup<'a> {
    pub(super) fn new(repository: &'a Repository, source: &Path) -> Self {
        Backup {
            repository,
            source: source.to_owned(),
            options: BackupOptions::default(),
            cancel: CancelToken::new(),
            observer: None,
            listener: None,
            clock: &SystemClock,
        }
    }

    setters! {
        /// Sets all options at once.
        options: BackupOptions;

        /// Stops the run when the token is cancelled.
        cancel;

        /// Tells `observer` how far the run is; see [`Observer`].
        progress;

        /// Tells `listener` of every entry; see [`Listener`].
        listener;

        /// Takes the time from `clock` in place of the machine's.
        clock: &'a dyn Clock;
    }

    /// Takes the snapshot.
    ///
    /// The outcome decides what is published: `Complete`, and `Partial` where entries only
    /// vanished or kept changing, make a complete snapshot; `Partial` with failed entries
    /// makes a partial one, which later runs neither link from nor count; all others
    /// publish nothing, and what was copied serves the next run.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when a guard refused and nothing was changed (an empty
    /// source, no proof of identity, a missing or unsafe repository, one inside the other,
    /// a clock that went back, another run); [`ErrorKind::Conflict`] when the repository
    /// was lost to another run; those of the repository's own files.
    pub fn run(mut self) -> Result<BackupReport> {
        let store = self.prepare()?;
        if self.options.mirror.dry_run {
            return self.dry_run(store.as_ref());
        }
        let run = self.options.run_id.clone();
        let held = self.hold(store, run.as_deref())?;
        self.copy_and_publish(held, None)
    }

    /// Refuses what must not be begun, and opens the repository if there is one.
    pub(super) fn prepare(&self) -> Result<Option<Store>> {
        self.options.check()?;
        let (root, name) = (self.repository.root(), self.repository.name());
        guard::before_anything(&self.source, root, name, &self.options)?;
        let store = Store::open(root, name)?;
        if store.is_none() && self.options.require_existing {
            return Err(Error::new(ErrorKind::SafetyStop, "backup")
                .with_message(
                    "there is no repository here yet; is the backup file system mounted? (the \
                     first backup goes without --require-existing)",
                )
                .with_path(self.repository.path()));
        }
        Ok(store)
    }

    /// Takes the repository, which is made if it is missing, for the run `run` or for one of
    /// its own.
    pub(super) fn hold(&mut self, store: Option<Store>, run: Option<&str>) -> Result<Held> {
        let store = match store {
            Some(store) => store,
            None => Store::create(self.repository.root(), self.repository.name())?,
        };
        let holder = Holder::new(self.clock, self.options.lease, run)?;
        let (began, observer) = (Instant::now(), &mut self.observer);
        let mut tell = |waits_for: &str| match observer {
            Some(observer) => observer.update(&Progress::waiting(waits_for, began.elapsed())),
            None => ControlFlow::Continue(()),
        };
        let lock = Lock::take_telling(&store.control, holder, &self.cancel, &mut tell)?;
        let snapshots = store.snapshots()?;
        guard::clock(self.clock.now(), &snapshots, self.options.accept_clock)?;
        let time = free_instant(&store, self.clock, &self.options.timezone, &self.cancel)?;
        let base = snapshots.into_iter().rfind(|snapshot| snapshot.state == State::Complete);
        Ok(Held { store, lock, time, base, left: None })
    }

    /// Copies into the folder `folder` of this process, and records it; until `stop` says so.
    pub(super) fn copy(
        &mut self,
        (store, lock): (&Store, &Lock),
        folder: &str,
        options: Options,
        record: &TreeRecord<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Report> {
        let journal_name = journal_name(&lock.holder.token);
        let begin = match options.share {
            Share::Unit => JournalWriter::of_unit,
            _ => JournalWriter::new,
        };
        let journal = begin(store.control.create(&journal_name)?, Some(record))?;
        let mut watch = Watch { stop, observer: self.observer.take() };
        let run = Mirror::new(&self.source, self.repository.path().join(folder))
            .options(options)
            .cancel(&self.cancel)
            .progress(&mut watch)
            .listener(&journal)
            .run();
        drop(journal);
        if lock.is_lost() {
            return Err(lock.taken());
        }
        // The mount may have gone between the first look and the copying.
        guard::source_identity(&self.source, &self.options)?;
        if run.is_err() && store.dir.stat(folder)?.is_none() {
            store.control.remove(&journal_name)?;
        }
        run
    }

    /// Makes the snapshot: all of it, or what the units of a shared run have left.
    pub(super) fn copy_and_publish(
        mut self,
        held: Held,
        units: Option<&Units<'_>>,
    ) -> Result<BackupReport> {
        let Held { store, lock, time, base, left } = held;
        let (store, base) = (&store, base.as_ref());
        let Holder { token, process, .. } = &lock.holder.clone();
        let folder = name::incomplete(time, token);
        let holders = lock.holders()?;
        // The trees of units were made in the same second as this run's.
        let of_this_run = name::incomplete(time, "");
        let is_left = |folder: &str, run: &str| {
            !holders.iter().any(|holder| holder == run)
                && (units.is_none() || !folder.starts_with(&of_this_run))
        };
        let mut options = self.mirror_options(store, base, is_left)?;
        let coverage = Coverage { xattrs: options.xattrs, acls: options.acls };
        let mut record = TreeRecord::new(&store.records, self.listener);
        if let Some(units) = units {
            options.share = Share::Rest;
            options.prepared = units.prepared(store);
            let whole = units.check(store, time, &mut record);
            if let Some(left) = left
                && (whole.is_ok() || whole.as_ref().is_err_and(is_for_good))
                // From here on nobody can go on in this process's place.
                && !left.end(store)?
            {
                return Err(over("finish", self.repository.path()));
            }
            whole?;
            units.put_together(store, &lock, time, &folder)?;
        }
        let mut report =
            self.copy((store, &lock), &folder, options, &record, &|| lock.is_lost())?;
        if report.outcome == Outcome::Failed {
            let options = self.mirror_options(store, base, is_left);
            // Best effort: the run has failed anyway, and says why.
            let _ = options.and_then(|options| {
                room::tell_missing(&mut report, store, &self.source, options, &self.cancel)
            });
        }
        if let Some(units) = units {
            units.add_to(&mut report);
        }
        let state = match report.exit_status() {
            0 | 24 => State::Complete,
            23 => State::Partial,
            _ => return Ok(BackupReport::of(report, None)),
        };
        if let Some(error) = guard::shrunk(&report, base, self.options.max_shrink) {
            report.outcome = Outcome::Withheld;
            report.errors.insert(0, EntryError::new(BytePath::default(), &error));
            report.errors.truncate(Report::MAX_ERRORS);
            report.errors_total += 1;
            return Ok(BackupReport::of(report, None));
        }
        let manifest = unnamed_manifest(token);
        let file = store.records.create(&manifest)?;
        let written = write_manifest(store, file, record, coverage, base);
        let manifest_hash = written.inspect_err(|_| remove_unnamed(store, &manifest))?;
        let taken = Taken {
            run: token,
            host: &process.host,
            folder: &folder,
            time,
            state,
            file_system: self.options.expect_id.as_deref(),
            report: &report,
            manifest: &manifest,
            manifest_hash,
            undo: None,
        };
        let publication =
            Publication { store, lock: &lock, clock: self.clock, timezone: &self.options.timezone };
        let published = publication.publish(&taken);
        let snapshot = published.inspect_err(|_| remove_unnamed(store, &manifest))?;
        let Some(lock) = lock.alone()? else {
            return Ok(BackupReport {
                left_over: vec![OTHERS_AT_WORK.to_owned()],
                ..BackupReport::of(report, Some(snapshot))
            });
        };
        let tidy = Tidy { store, lock: &lock, cancel: &self.cancel };
        let mut left_over = tidy.remove_left_overs();
        let mut removed = Vec::new();
        if state == State::Complete && !self.options.retention.is_empty() {
            match self.decide(store, &snapshot.id) {
                Ok(decisions) => {
                    let pruned = prune::apply(&tidy, decisions, &self.cancel);
                    removed = pruned.removed;
                    left_over.extend(pruned.left_over);
                }
                Err(error) => left_over.push(error.to_string()),
            }
        }
        Ok(BackupReport { removed, left_over, ..BackupReport::of(report, Some(snapshot)) })
    }

    fn decide(&self, store: &Store, new: &str) -> Result<Vec<Decision>> {
        let BackupOptions { retention, timezone, .. } = &self.options;
        Ok(retention.decide(&store.snapshots()?, timezone, Some(new)))
    }

    /// What would be done, with nothing made, locked or removed.
    fn dry_run(self, store: Option<&Store>) -> Result<BackupReport> {
        let mut options = self.options.mirror.clone();
        // Nothing is made, so any name will do where there is no repository yet.
        let mut folder = guard::nearest_existing(self.repository.root())?;
        if let Some(store) = store {
            folder = self.repository.path();
            let snapshots = store.snapshots()?;
            guard::clock(self.clock.now(), &snapshots, self.options.accept_clock)?;
            let base = snapshots.into_iter().rfind(|snapshot| snapshot.state == State::Complete);
            options = self.mirror_options(store, base.as_ref(), |_, _| true)?;
        }
        folder.push(name::incomplete(self.clock.now(), "dry-run"));
        let mut mirror = Mirror::new(&self.source, folder).options(options).cancel(&self.cancel);
        if let Some(observer) = self.observer {
            mirror = mirror.progress(observer);
        }
        if let Some(listener) = self.listener {
            mirror = mirror.listener(listener);
        }
        Ok(BackupReport::of(mirror.run()?, None))
    }

    /// The mirror's options: a new tree, sharing with the newest complete snapshot and with
    /// those of the folders of runs that did not publish for which `is_left` says so.
    fn mirror_options(
        &self,
        store: &Store,
        base: Option<&Snapshot>,
        is_left: impl Fn(&str, &str) -> bool,
    ) -> Result<Options> {
        let mut options = self.new_tree(store)?;
        options.stale_from_link_source = base.is_some();
        let bad = BadFiles::read(store)?;
        if let Some(base) = base {
            let path = store.dir.path.join(&base.id);
            let mut link = LinkSource::new(path, Trust::Metadata);
            link.digests_known = store.whole_manifest(&base.id)?.is_some();
            link.bad = bad.of_snapshot(&base.id);
            options.link_sources.push(link);
        }
        for (folder, run) in resume::trees(store, is_left)? {
            let journal = store.control.file(&journal_name(&run))?;
            let trust = Trust::WholeOnly(journal::whole_files(journal, &store.control)?);
            let mut link = LinkSource::new(store.dir.path.join(folder), trust);
            link.bad = bad.of_others();
            options.link_sources.push(link);
        }
        Ok(options)
    }

    /// The mirror's options for a new tree.
    pub(super) fn new_tree(&self, store: &Store) -> Result<Options> {
        let mut options = self.options.mirror.clone();
        options.fresh = true;
        if options.max_links.is_none() {
            options.max_links = Mount::containing(&store.dir.path)?.max_links();
        }
        Ok(options)
    }
}

/// A repository that is held for a run, and what the run begins with.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) store: Store,
    pub(super) lock: Lock,
    /// The instant of the snapshot to be made.
    pub(super) time: Timestamp,
    /// The newest complete snapshot.
    pub(super) base: Option<Snapshot>,
    /// The run's own lease, where another process began it.
    pub(super) left: Option<RunLease>,
}

impl BackupReport {
    /// The exit status of the `efsbackup` command for this report.
    pub fn exit_status(&self) -> u8 {
        self.report.exit_status()
    }

    /// The report itself when the snapshot is complete, else the error that says why not.
    /// Entries that vanished or kept changing leave a snapshot complete.
    ///
    /// # Errors
    /// Those of [`Report::into_result`].
    pub fn into_result(self) -> Result<BackupReport> {
        let report = self.report.into_result()?;
        Ok(BackupReport { report, ..self })
    }

    fn of(report: Report, snapshot: Option<Snapshot>) -> BackupReport {
        BackupReport { report, snapshot, removed: Vec::new(), left_over: Vec::new() }
    }
}

/// Writes the manifest, durably. Digests of files that were linked from `base` are taken
/// from its manifest.
pub(super) fn write_manifest(
    store: &Store,
    file: File,
    record: TreeRecord<'_>,
    coverage: Coverage,
    base: Option<&Snapshot>,
) -> Result<Digest> {
    let older = match base {
        Some(base) => store.whole_manifest(&base.id)?,
        None => None,
    };
    record.finish()?.write(ManifestWriter::new(file, coverage)?, older)
}

/// Removes a manifest that got no name of its own, as far as that can be done.
pub(super) fn remove_unnamed(store: &Store, manifest: &str) {
    // The next run tries again, and the error to tell is another.
    let _ = store.records.remove(manifest);
}

/// Stops the copying, as when the repository was lost, and passes on what the caller wants to
/// know.
struct Watch<'w, 'a> {
    stop: &'w dyn Fn() -> bool,
    observer: Option<&'a mut dyn Observer>,
}

impl Observer for Watch<'_, '_> {
    fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
        if (self.stop)() {
            return ControlFlow::Break(());
        }
        match &mut self.observer {
            Some(observer) => observer.update(progress),
            None => ControlFlow::Continue(()),
        }
    }
}
