//! A whole run: guards, threads, deletion, durability, report.

use super::handle::{Budget, FileId, Handle};
use super::links::Groups;
use super::meta::{Meta, Ownership, Sync};
use super::options::{Fsync, Jobs, MaxDelete, Mirror, Options};
use super::pool;
use super::report::{EntryError, Outcome, Report};
use super::spool::Spool;
use super::state::{Claims, Roots, Run, Scratch, TemporaryNames};
use super::tally::Tally;
use super::tree::{Dir, Role};
use super::walk::{self, Job};
use super::xattr::Policy;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Observer, Phase, Progress};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::process::Resource;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often cancelling and progress are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often an observer is told.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// Descriptors left for files being copied and for the rest of the program.
const RESERVED_DESCRIPTORS: u64 = 256;
/// NFS_SUPER_MAGIC and the like, from linux/magic.h and statfs(2): NFS, SMB2, CIFS, Ceph,
/// AFS, 9P, FUSE (which EFS-like clients and s3 mounts use).
const NETWORK: [u64; 7] =
    [0x6969, 0xFE53_4D42, 0xFF53_4D42, 0x00C3_6400, 0x5346_414F, 0x0102_1997, 0x6573_5546];

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
        let (root, destination_fd) = open_roots(&source, &destination, &options)?;
        let network = is_network(&root) || destination_fd.as_ref().is_some_and(is_network);
        let threads = threads(&options, &root, destination_fd.as_ref(), network);
        let fsync_files = match options.fsync {
            Fsync::Auto => destination_fd.as_ref().is_some_and(is_network),
            fsync => fsync == Fsync::Files,
        };
        let sync_end = match options.fsync {
            Fsync::Auto => !fsync_files,
            fsync => fsync == Fsync::End,
        };
        let root = root_dir(&source, &destination, &options, root, destination_fd, budget)?;
        let run = Run {
            ownership: Ownership::new(options.owner),
            policy: Policy::new(options.xattrs, options.acls),
            tally: Tally::default(),
            groups: Groups::default(),
            claims: Claims::default(),
            extraneous: Mutex::new(Spool::default()),
            extraneous_entries: AtomicU64::new(0),
            destination_entries: AtomicU64::new(0),
            listener,
            cancel: &cancel,
            deadline: options.stop_after.map(|duration| clock + duration),
            expired: AtomicBool::new(false),
            fatal: Mutex::new(None),
            is_fatal: AtomicBool::new(false),
            device: root.meta.id.dev,
            recheck: if network { Sync::Force } else { Sync::Normal },
            fsync_files: fsync_files && !options.dry_run,
            temporary: TemporaryNames::new(),
            roots: Roots {
                source: Arc::clone(&root.source),
                destination: root.destination.clone(),
            },
            options: &options,
        };
        let mut monitor = Monitor { run: &run, observer, clock, told: None };
        run.tally.scanned.add(super::event::EntryType::Dir);
        monitor.phase(threads, Phase::Copying, walk::first_job(root));
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
}

impl Monitor<'_, '_, '_> {
    /// Works until nothing is left to do.
    fn phase(&mut self, threads: usize, phase: Phase, first: Job) {
        let run = self.run;
        let whole = pool::run(
            threads,
            vec![first],
            TICK,
            Scratch::new,
            |job, queue, scratch| walk::run_job(run, queue, scratch, job),
            || self.tell(phase, false),
        );
        if !whole {
            run.give_up(
                Error::new(ErrorKind::Internal, "mirror").with_message("a thread panicked"),
            );
        }
    }

    fn tell(&mut self, phase: Phase, always: bool) {
        let Some(observer) = &mut self.observer else { return };
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
        };
        if observer.update(&progress).is_break() {
            self.run.cancel.cancel();
        }
    }
}

fn descriptor_budget(options: &Options) -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(1 << 16);
    let per_thread = 8 + 2 * options.link_sources.len() as u64;
    let threads = match options.jobs {
        Jobs::Auto => MAX_THREADS as u64,
        Jobs::Count(count) => count as u64,
    };
    let reserved = RESERVED_DESCRIPTORS.min(limit / 4) + threads * per_thread;
    usize::try_from(limit.saturating_sub(reserved).clamp(16, 1 << 16)).unwrap_or(16)
}

/// Opens both roots, after the guards; the destination's is `None` where it is missing.
fn open_roots(
    source: &Path,
    destination: &Path,
    options: &Options,
) -> Result<(OwnedFd, Option<OwnedFd>)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |path: &Path| fs::openat(CWD, path, flags, Mode::empty());
    let root = open(source).map_err(|errno| at("open source", source, errno))?;
    let existing = match open(destination) {
        Ok(fd) => Some(fd),
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(at("open destination", destination, errno)),
    };
    let nearest = match &existing {
        Some(fd) => fd.try_clone().map_err(|error| Error::from_io("open", error))?,
        None => {
            let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            open(parent).map_err(|errno| at("open destination", parent, errno))?
        }
    };
    if contains(&root, &nearest).map_err(|errno| at("open", destination, errno))? {
        return Err(refuse(destination, "the destination is inside the source, or is the source"));
    }
    if existing.is_some() && contains(&nearest, &root).map_err(|errno| at("open", source, errno))? {
        return Err(refuse(source, "the source is inside the destination"));
    }
    if options.delete
        && !options.allow_empty
        && is_empty(&root).map_err(|errno| at("list", source, errno))?
    {
        return Err(refuse(
            source,
            "the source is empty, so everything in the destination would be removed; is it mounted? (--allow-empty if it is meant)",
        ));
    }
    for link in &options.link_sources {
        open(&link.path).map_err(|errno| at("open link source", &link.path, errno))?;
    }
    Ok((root, existing))
}

fn at(op: &'static str, path: &Path, errno: Errno) -> Error {
    Error::from_errno(op, errno.raw_os_error()).with_path(path)
}

fn refuse(path: &Path, message: &str) -> Error {
    Error::new(ErrorKind::SafetyStop, "mirror").with_path(path).with_message(message)
}

/// Whether the directory `inner` is `outer` or below it.
fn contains(outer: &OwnedFd, inner: &OwnedFd) -> rustix::io::Result<bool> {
    let id = |fd: &OwnedFd| Meta::of(fd, Sync::Normal).map(|meta| meta.id);
    let outer = id(outer)?;
    let mut fd = inner.try_clone().map_err(|_| Errno::MFILE)?;
    let mut here: FileId = id(&fd)?;
    while here != outer {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = fs::openat(&fd, c"..", flags, Mode::empty())?;
        let above_id = id(&above)?;
        if above_id == here {
            return Ok(false);
        }
        (fd, here) = (above, above_id);
    }
    Ok(true)
}

fn is_empty(dir: &OwnedFd) -> rustix::io::Result<bool> {
    let fd =
        fs::openat(dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&fd, &mut buffer);
    while let Some(entry) = entries.next() {
        if !walk::is_dot(entry?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The root's directory on all sides; the destination is made if it is missing.
fn root_dir(
    source: &Path,
    destination: &Path,
    options: &Options,
    root: OwnedFd,
    existing: Option<OwnedFd>,
    budget: Arc<Budget>,
) -> Result<Dir> {
    let meta = Meta::of(&root, Sync::Normal).map_err(|errno| at("stat", source, errno))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = |fd: OwnedFd, path: &Path| {
        Handle::root(fd, Arc::clone(&budget)).map_err(|errno| at("open", path, errno))
    };
    let mut before = None;
    let fd = match existing {
        Some(fd) => {
            let have =
                Meta::of(&fd, Sync::Normal).map_err(|errno| at("stat", destination, errno))?;
            before = Some(have);
            Some(fd)
        }
        None if options.dry_run => None,
        None => {
            fs::mkdirat(CWD, destination, Mode::RWXU)
                .map_err(|errno| at("make destination", destination, errno))?;
            let fd = fs::openat(CWD, destination, flags | OFlags::NOFOLLOW, Mode::empty());
            Some(fd.map_err(|errno| at("open destination", destination, errno))?)
        }
    };
    let mut links = Vec::new();
    for link in &options.link_sources {
        let fd = fs::openat(CWD, &link.path, flags, Mode::empty())
            .map_err(|errno| at("open link source", &link.path, errno))?;
        links.push(Some(handle(fd, &link.path)?));
    }
    Ok(Dir {
        parent: None,
        source: handle(root, source)?,
        destination: fd.map(|fd| handle(fd, destination)).transpose()?,
        links,
        meta,
        before,
        role: Role::Mirror,
        pending: AtomicUsize::new(1),
        touched: AtomicBool::new(false),
    })
}

fn is_network(fd: &OwnedFd) -> bool {
    fs::fstatfs(fd).is_ok_and(|stat| NETWORK.contains(&(stat.f_type as u64)))
}

/// Above this many calls under way at once an NFS client queues them itself: its session
/// has 64 slots.
const MAX_THREADS: usize = 64;

/// How many threads copy. Local storage wants a few more than there are processors; a file
/// server wants as many calls under way as its latency can hide.
fn threads(
    options: &Options,
    source: &OwnedFd,
    destination: Option<&OwnedFd>,
    network: bool,
) -> usize {
    if let Jobs::Count(count) = options.jobs {
        return count.clamp(1, 1024);
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if !network {
        return (2 * processors).clamp(2, 16);
    }
    let latency = round_trip(source).max(destination.map_or(Duration::ZERO, round_trip));
    if latency < Duration::from_micros(300) { 16 } else { MAX_THREADS }
}

/// The shortest of a few round trips to the file server.
fn round_trip(fd: impl AsFd) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..4 {
        let begin = Instant::now();
        if Meta::of(&fd, Sync::Force).is_err() {
            return Duration::ZERO;
        }
        shortest = shortest.min(begin.elapsed());
    }
    shortest
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
    if let Err(errno) = root.fd().and_then(|fd| fs::syncfs(fd.owned())) {
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
