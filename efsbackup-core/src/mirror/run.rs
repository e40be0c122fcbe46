//! A whole run: guards, threads, deletion, durability, report.

use super::ahead;
use super::calls;
use super::claims::Claims;
use super::event::EntryType;
use super::handle::{Budget, Handle};
use super::limit::Limits;
use super::links::Groups;
use super::meta::{Ownership, Sync};
use super::options::{Fsync, Jobs, MaxDelete, Mirror, Share};
use super::ping::Pinger;
use super::pool::{self, Load, Threads};
use super::report::{EntryError, Outcome, Report};
use super::roots::{open_roots, root_dir};
use super::server_copy;
use super::silence::{Server, Silence};
use super::single::Single;
use super::spool::Spool;
use super::state::{Roots, Run, Scratch, TemporaryNames};
use super::sys;
use super::tally::Tally;
use super::tuning::{Width, batch, descriptor_budget, in_memory, is_network, threads};
use super::walk::{self, Job};
use super::xattr::Policy;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Observer, Phase, Progress};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often cancelling and progress are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often an observer is told.
const REPORT_EVERY: Duration = Duration::from_millis(200);
impl Mirror<'_> {
    /// Runs the mirror.
    ///
    /// # Errors
    /// When the run could not begin, or a guard refused it
    /// ([`ErrorKind::SafetyStop`], nothing was changed). What went wrong later, with the
    /// run as a whole or with single entries, is in the report.
    pub fn run(self) -> Result<Report> {
        let Mirror { source, destination, options, cancel, observer, listener } = self;
        let (started, clock) = (SystemTime::now(), Instant::now());
        let budget = Arc::new(Budget::new(descriptor_budget(&options)));
        let recorder = listener.filter(|listener| listener.keeps_record());
        // What a record tells of is a tree.
        let single = match recorder {
            None => Single::find(&source, &destination)?,
            Some(_) => None,
        };
        let (source, destination) = match &single {
            Some(single) => (single.from.clone(), single.into.clone()),
            None => (source, destination),
        };
        let (root, destination_fd, nearest) =
            open_roots(&source, &destination, &options, single.is_some())?;
        let remote = is_network(&nearest);
        let is_network_source = is_network(&root);
        let network = is_network_source || remote;
        let threads = threads(&options, network);
        let fsync_files = match options.fsync {
            Fsync::Auto => remote,
            fsync => fsync == Fsync::Files,
        };
        let sync_end = match options.fsync {
            Fsync::Auto => !fsync_files,
            fsync => fsync == Fsync::End,
        };
        let single = single.as_ref();
        let root = root_dir(&source, &destination, &options, root, destination_fd, budget, single)?;
        let run = Run {
            ownership: Ownership::new(options.owner),
            euid: rustix::process::geteuid().as_raw(),
            policy: Policy::new(options.xattrs, options.acls),
            tally: Tally::default(),
            groups: Groups::new(in_memory(), std::env::temp_dir()),
            claims: Claims::new(&options, &root, in_memory(), std::env::temp_dir()),
            extraneous: Mutex::new(Spool::default()),
            extraneous_entries: AtomicU64::new(0),
            destination_entries: AtomicU64::new(0),
            listener,
            recorder,
            next_group: AtomicU64::new(1),
            cancel: &cancel,
            deadline: options.stop_after.map(|duration| clock + duration),
            expired: AtomicBool::new(false),
            fatal: Mutex::new(None),
            is_fatal: AtomicBool::new(false),
            device: root.meta.id.dev,
            limits: Limits::new(options.limit_bytes, options.limit_ops),
            recheck: if network { Sync::Force } else { Sync::Normal },
            fsync_files: fsync_files && !options.dry_run,
            // A file server's close(2) may fail: names come after it there.
            unnamed: AtomicBool::new(!remote),
            remote,
            copies_in_kernel: !network
                || (root.destination.as_ref().is_some_and(|to| to.id().dev == root.meta.id.dev)
                    && server_copy::is_offered(root.meta.id.dev)),
            ahead: network.then(|| ahead::piece(root.meta.id.dev)),
            batch: batch(network),
            temporary: TemporaryNames::new(),
            roots: Roots {
                source: Arc::clone(&root.source),
                destination: root.destination.clone(),
            },
            options: &options,
        };
        let mut servers = Vec::new();
        if options.jobs == Jobs::Auto || observer.is_some() {
            let mut watch = |root: &Path, handle: &Arc<Handle>| {
                servers.push(Server { root: root.to_owned(), pinger: Pinger::start(handle) });
            };
            if remote && let Some(handle) = &run.roots.destination {
                watch(&destination, handle);
            }
            if is_network_source {
                watch(&source, &run.roots.source);
            }
        }
        let mut monitor = Monitor {
            run: &run,
            observer,
            clock,
            told: None,
            servers,
            width: Width::default(),
            silence: Silence::new(),
            silent: None,
        };
        let only = single.map(|single| single.found(&options.filter));
        if only.is_none() && options.share != Share::Unit {
            run.tally.scanned.add(EntryType::Dir);
        }
        monitor.phase(threads, Phase::Copying, walk::first_job(root, only));
        let withheld = withheld(&run);
        if withheld.is_none() && !run.is_stopping() && !extraneous(&run).is_empty() {
            monitor.phase(threads, Phase::Deleting, Job::NextNote);
        }
        if sync_end && !options.dry_run && !run.must_drop_all() {
            monitor.tell(Phase::Syncing, true);
            sync_all(&run);
        }
        monitor.tell(Phase::Syncing, true);
        Ok(report(&run, withheld, started, clock))
    }
}

fn extraneous<'r>(run: &'r Run<'_>) -> std::sync::MutexGuard<'r, Spool> {
    run.extraneous.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the observer, and hears from it, on the caller's thread.
struct Monitor<'r, 'o, 'd> {
    run: &'r Run<'r>,
    observer: Option<&'o mut (dyn Observer + 'd)>,
    clock: Instant,
    told: Option<Instant>,
    servers: Vec<Server>,
    width: Width,
    silence: Silence,
    silent: Option<PathBuf>,
}

impl Monitor<'_, '_, '_> {
    /// Works until nothing is left to do.
    fn phase(&mut self, threads: Threads, phase: Phase, first: Job) {
        let run = self.run;
        let whole = pool::run(
            threads,
            vec![first],
            TICK,
            || {
                sys::own_umask();
                Scratch::new()
            },
            |job, queue, scratch| walk::run_job(run, queue, scratch, job),
            |load| {
                self.tell(phase, false);
                self.width(load)
            },
        );
        if !whole {
            run.give_up(
                Error::new(ErrorKind::Internal, "mirror").with_message("a thread panicked"),
            );
        }
    }

    /// How many threads are to work.
    fn width(&mut self, load: Load) -> usize {
        match self.run.options.jobs {
            Jobs::Auto => {
                let answers: Vec<_> = self.servers.iter().map(|s| s.pinger.answers()).collect();
                self.width.next(load, self.run.tally.entries_done(), &answers)
            }
            Jobs::Count(_) => load.threads,
        }
    }

    fn tell(&mut self, phase: Phase, always: bool) {
        let Some(observer) = &mut self.observer else { return };
        let now = self.silence.look(&self.servers, self.run.tally.steps());
        let always = always || now != self.silent.as_deref();
        self.silent = now.map(Path::to_path_buf);
        if !always && self.told.is_some_and(|told| told.elapsed() < REPORT_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let tally = &self.run.tally;
        let progress = Progress {
            phase,
            entries: tally.scanned.total(),
            entries_written: tally.created.total() + tally.updated.total() + tally.linked.total(),
            entries_deleted: tally.deleted.total(),
            errors: tally.error_count(),
            bytes: tally.bytes_scanned.load(Ordering::Relaxed),
            bytes_written: tally.bytes_copied.load(Ordering::Relaxed),
            elapsed: self.clock.elapsed(),
            silent: self.silent.clone(),
            waits_for: None,
        };
        if observer.update(&progress).is_break() {
            self.run.cancel.cancel();
        }
    }
}

/// Why nothing may be removed, if more than `max_delete` would be.
fn withheld(run: &Run<'_>) -> Option<EntryError> {
    let doomed = run.extraneous_entries.load(Ordering::Relaxed);
    let all = run.destination_entries.load(Ordering::Relaxed);
    let (exceeded, limit) = match run.options.max_delete {
        MaxDelete::Count(limit) => (doomed > limit, limit.to_string()),
        MaxDelete::Percent(share) => {
            let too_many = all > 100 && doomed * 100 > all * u64::from(share);
            (too_many, format!("{share} %"))
        }
    };
    let exceeded = exceeded && run.options.share != Share::Rest;
    if !exceeded || doomed == 0 || run.is_stopping() {
        return None;
    }
    let error = Error::new(ErrorKind::SafetyStop, "delete").with_message(format!(
        "nothing was removed: {doomed} of the destination's {all} entries would go, more than --max-delete {limit} allows"
    ));
    Some(EntryError::new(BytePath::default(), &error))
}

fn sync_all(run: &Run<'_>) {
    let Some(root) = &run.roots.destination else { return };
    if let Err(errno) = root.fd().and_then(|fd| calls::syncfs(fd.owned())) {
        run.give_up(Error::from_errno("syncfs", errno.raw_os_error()));
    }
}

fn report(
    run: &Run<'_>,
    withheld: Option<EntryError>,
    started: SystemTime,
    clock: Instant,
) -> Report {
    let fatal = run.fatal.lock().unwrap_or_else(PoisonError::into_inner).take();
    let entries = run.tally.entries();
    let outcome = if run.cancel.is_cancelled() {
        Outcome::Cancelled
    } else if fatal.is_some() {
        Outcome::Failed
    } else if run.expired.load(Ordering::Relaxed) {
        Outcome::Unfinished
    } else if withheld.is_some() {
        Outcome::Withheld
    } else if entries.failed.total() + entries.vanished.total() > 0 {
        Outcome::Partial
    } else {
        Outcome::Complete
    };
    let (mut errors, mut errors_total) = run.tally.take_errors();
    // What ended or held back the run comes first.
    let first =
        fatal.map(|error| EntryError::new(error.path().cloned().unwrap_or_default(), &error));
    if let Some(first) = first.or(withheld) {
        errors.retain(|error| *error != first);
        errors.insert(0, first);
        errors.truncate(Report::MAX_ERRORS);
        errors_total = errors_total.max(errors.len() as u64);
    }
    Report {
        outcome,
        entries,
        bytes: run.tally.bytes(),
        started,
        finished: SystemTime::now(),
        elapsed: clock.elapsed(),
        errors,
        errors_total,
        options: run.options.differing(),
    }
}
