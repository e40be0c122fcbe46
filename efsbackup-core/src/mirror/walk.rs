//! The walk: a directory is entered on all sides, listed piece by piece, its entries done
//! by whichever thread is free, and its own metadata set after all that is in it.

use super::attributes;
use super::calls;
use super::entry;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::handle::Handle;
use super::itemize::{self, Verb};
use super::link_source;
use super::meta::{Difference, Meta, Sync, Target};
use super::names::{NameList, NameSet};
use super::options::Share;
use super::pool::Queue;
use super::reach::{Names, Others, Reach};
use super::settled::Final;
use super::sieve::Sieve;
use super::spool::Note;
use super::state::{Run, Scratch};
use super::sweep::{self, Doomed};
use super::tree::{Dir, Found, Role};
use super::xattr;
use crate::error::{Error, ErrorKind};
use rustix::fs::{AtFlags, FileType, Mode, RawDir, SeekFrom};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

/// How many names make one note of what is to be removed.
const NOTED: usize = 1024;

/// A piece of work.
pub(super) enum Job {
    /// List the root.
    Begin(Arc<Dir>),
    /// Open a directory on all sides.
    Enter(Box<Enter>),
    /// Read the next piece of a directory.
    List(Box<Listing>),
    /// Do these entries of a directory.
    Entries(Arc<Dir>, Vec<Found>),
    /// Count what is in extraneous directories.
    Count(Arc<Handle>, Vec<CString>),
    /// Read the next note of what is to be removed.
    NextNote,
    /// Remove the contents of an extraneous directory.
    Remove(Arc<Doomed>),
}

/// A directory met in the source.
pub(super) struct Enter {
    pub(super) parent: Arc<Dir>,
    pub(super) name: CString,
    pub(super) meta: Meta,
    /// The directory of that name at the destination.
    pub(super) have: Option<Meta>,
}

/// A directory that is being listed.
pub(super) struct Listing {
    dir: Arc<Dir>,
    /// Names at the destination not met in the source so far.
    unmatched: NameSet,
    /// Names at the destination that the filter excludes: they stay.
    protected: NameSet,
    /// Names met in the source, where it matters whether one comes again.
    met: Option<Names>,
}

impl Listing {
    fn new(run: &Run<'_>, dir: Arc<Dir>) -> Listing {
        // Elsewhere O_EXCL tells, which costs nothing there.
        let met = if run.remote { dir.reach.names() } else { None };
        Listing { dir, unmatched: NameSet::default(), protected: NameSet::default(), met }
    }
}

/// The job that begins a run: with all of the root, or only these entries of it.
pub(super) fn first_job(root: Dir, only: Option<Vec<Found>>) -> Job {
    let root = Arc::new(root);
    match only {
        Some(entries) => Job::Entries(root, entries),
        None => Job::Begin(root),
    }
}

/// Does one job.
pub(super) fn run_job(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, job: Job) {
    if !run.may_go_on() {
        return;
    }
    match job {
        Job::Begin(root) => begin(run, queue, scratch, root),
        Job::Enter(enter) => open(run, queue, scratch, *enter),
        Job::List(listing) => list(run, queue, scratch, listing),
        Job::Entries(dir, batch) => {
            for found in batch {
                if !run.may_go_on() {
                    return;
                }
                entry::process(run, queue, scratch, &dir, found);
            }
            end_one(run, dir);
        }
        Job::Count(parent, names) => sweep::count(run, queue, scratch, &parent, names),
        Job::NextNote => sweep::next_note(run, queue, scratch),
        Job::Remove(doomed) => sweep::remove(run, queue, scratch, doomed),
    }
}

fn open(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, enter: Enter) {
    if run.options.share != Share::Unit {
        run.tally.scanned.add(EntryType::Dir);
    }
    let Enter { parent, name, meta, have } = enter;
    if run.is_foreign(&meta) {
        if let Err(failure) = make_mount_point(run, &parent, &name, &meta, have) {
            run.failed(parent.path_of(&name), EntryType::Dir, failure);
        }
        return end_one(run, parent);
    }
    match run.patiently(|| open_all_sides(run, &parent, &name, have)) {
        Ok(dir) => begin(run, queue, scratch, Arc::new(dir)),
        Err(failure) => {
            entry::fail(run, queue, &parent, &name, EntryType::Dir, failure);
            end_one(run, parent);
        }
    }
}

fn open_all_sides(
    run: &Run<'_>,
    parent: &Arc<Dir>,
    name: &CStr,
    have: Option<Meta>,
) -> Outcome<Dir> {
    let source = Handle::open(&parent.source, name).source("open")?;
    let meta = Meta::of(&*source.fd().source("open")?, Sync::Normal).source("stat")?;
    if run.is_destination(&meta) && !run.is_foreign(&meta) {
        // The run would copy what it makes, without end.
        return Err(Failure::Source(Error::new(ErrorKind::SafetyStop, "enter").with_message(
            "this is the destination, met inside the source; exclude it with --exclude",
        )));
    }
    let mut links = Vec::with_capacity(parent.links.len());
    for link in &parent.links {
        let opened = link.as_ref().map(|link| Handle::open(link, name));
        links.push(match opened {
            None | Some(Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) => None,
            Some(opened) => Some(opened.destination("open")?),
        });
    }
    // Last, so that no other failure leaves a directory that nobody knows of.
    let (mut destination, mut made) = (None, false);
    match (&parent.destination, have) {
        (Some(above), Some(have)) => {
            destination = Some(open_destination(run, above, name, &have)?);
        }
        (Some(above), None) if !run.options.dry_run => {
            parent.touch();
            let (opened, is_ours) = make_destination(above, name)?;
            (destination, made) = (Some(opened), is_ours);
        }
        _ => {}
    }
    let role = if parent.role.is_stale() { Role::Stale } else { Role::Mirror };
    let others = match &destination {
        Some(destination) if (made || run.remote) && role == Role::Mirror => {
            let stat = destination.fd().and_then(|fd| Meta::of(&*fd, Sync::Normal));
            let meta = stat.destination("stat").inspect_err(|_| {
                if let (true, Some(handle)) = (made, &parent.destination) {
                    unmake(handle, name);
                }
            })?;
            Others::of(&meta, run.euid, made, parent.reach.others())
        }
        _ => Others::MayWrite,
    };
    Ok(Dir {
        parent: Some(Arc::clone(parent)),
        source,
        destination,
        links,
        meta,
        before: have,
        role,
        alias: None,
        pending: AtomicUsize::new(1),
        touched: AtomicBool::new(false),
        hands_down_acl: OnceLock::new(),
        reach: Reach::new(others),
    })
}

/// Opens an existing directory. Others than root must first be let in.
fn open_destination(
    run: &Run<'_>,
    parent: &Arc<Handle>,
    name: &CStr,
    have: &Meta,
) -> Outcome<Arc<Handle>> {
    if have.mode & 0o700 != 0o700 && run.euid != 0 {
        let target = Target::at(&*parent.fd().destination("open")?, name).destination("open")?;
        target.set_mode(have.mode | 0o700).destination("chmod")?;
    }
    Handle::open(parent, name).destination("open")
}

/// Makes a directory that nobody else may enter until it is done; false if it was there.
fn make_destination(parent: &Arc<Handle>, name: &CStr) -> Outcome<(Arc<Handle>, bool)> {
    let made = match calls::mkdirat(&*parent.fd().destination("open")?, name, Mode::RWXU) {
        Ok(()) => true,
        // A name listed twice, which a directory that changes meanwhile can do.
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(errno).destination("mkdir"),
    };
    let opened = Handle::open(parent, name).destination("open").inspect_err(|_| {
        if made {
            unmake(parent, name);
        }
    });
    Ok((opened?, made))
}

/// As if it had not been made, if that can be done; the error to tell is another.
fn unmake(parent: &Handle, name: &CStr) {
    let _ = parent.fd().and_then(|fd| calls::unlinkat(&*fd, name, AtFlags::REMOVEDIR));
}

/// Another file system's root stays an empty directory, with the root's metadata.
fn make_mount_point(
    run: &Run<'_>,
    parent: &Arc<Dir>,
    name: &CStr,
    meta: &Meta,
    have: Option<Meta>,
) -> Outcome<()> {
    let mut dir = open_all_sides(run, parent, name, have)?;
    dir.meta = *meta;
    finish_dir(run, &dir)
}

/// Begins to list a directory that is open on all sides.
pub(super) fn begin(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, dir: Arc<Dir>) {
    let mut listing = Listing::new(run, dir);
    let dir = &listing.dir;
    if let (Some(destination), Some(_)) = (&dir.destination, &dir.before) {
        match run.patiently(|| list_all(run, destination, scratch)) {
            Ok(Contents { removable, protected }) => {
                run.destination_entries
                    .fetch_add((removable.len() + protected.len()) as u64, Ordering::Relaxed);
                listing.unmatched = NameSet::new(removable);
                listing.protected = NameSet::new(protected);
            }
            Err(Failure::Stopped) => return,
            Err(failure) => {
                // Without the listing nothing here can be called extraneous, or new.
                run.failed(dir.source.path(), EntryType::Dir, failure);
                return end_one(run, listing.dir);
            }
        }
    }
    if run.remote {
        for handle in dir.links.iter().flatten() {
            link_source::learn(handle, scratch);
        }
    }
    list(run, queue, scratch, Box::new(listing));
}

/// All that is in a directory of the destination.
#[derive(Default)]
pub(super) struct Contents {
    /// What may be removed, with its type if the file system tells.
    pub(super) removable: NameList,
    /// What the filter excludes.
    pub(super) protected: NameList,
}

/// Lists a directory of the destination.
pub(super) fn list_all(run: &Run<'_>, handle: &Handle, scratch: &mut Scratch) -> Outcome<Contents> {
    let fd = handle.fd().destination("open")?;
    calls::seek(fd.owned(), SeekFrom::Start(0)).destination("list")?;
    let mut entries = RawDir::new(&*fd, &mut scratch.names);
    let mut sieve = Sieve::new(&run.options.filter, handle);
    let mut contents = Contents::default();
    loop {
        // A wide directory takes long to list.
        if entries.is_buffer_empty() && run.must_drop_all() {
            return Err(Failure::Stopped);
        }
        let Some(entry) = calls::next_entry(&mut entries) else { return Ok(contents) };
        let entry = entry.destination("list")?;
        if is_dot(entry.file_name()) {
            continue;
        }
        let names = if sieve.excludes(&fd, &entry).destination("stat")? {
            &mut contents.protected
        } else {
            &mut contents.removable
        };
        names.push(entry.file_name(), entry.file_type()).destination("list")?;
    }
}

fn is_surely_no_directory(file_type: FileType) -> bool {
    !sweep::is_or_may_be_directory(file_type)
}

fn is_dot(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

/// How a piece of a listing ended.
enum End {
    More,
    Last,
    Failed(Failure),
}

/// Reads one bufferful of a directory and queues its entries. The rest of the listing is
/// queued before them, so that it comes after them for this thread and first for a thread
/// with nothing to do: what waits stays bounded, and a wide directory is shared.
fn list(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, mut listing: Box<Listing>) {
    let dir = Arc::clone(&listing.dir);
    let mut batches = Vec::new();
    let end = read_piece(run, &mut listing, scratch, &mut batches);
    for _ in &batches {
        dir.expect_more();
    }
    match end {
        End::More => queue.push(Job::List(listing)),
        End::Last => {
            listed(run, queue, *listing);
            end_one(run, Arc::clone(&dir));
        }
        End::Failed(failure) => {
            listing_failed(run, queue, &dir, failure);
            end_one(run, Arc::clone(&dir));
        }
    }
    for batch in batches {
        queue.push(Job::Entries(Arc::clone(&dir), batch));
    }
}

/// Adds the next entries to `batches`, but for what the filter excludes.
fn read_piece(
    run: &Run<'_>,
    listing: &mut Listing,
    scratch: &mut Scratch,
    batches: &mut Vec<Vec<Found>>,
) -> End {
    let dir = &listing.dir;
    let fd = match run.patiently(|| dir.source.fd().source("open")) {
        Ok(fd) => fd,
        Err(failure) => return End::Failed(failure),
    };
    let mut sieve = Sieve::new(&run.options.filter, &dir.source);
    let mut entries = RawDir::new(&*fd, &mut scratch.names);
    let mut tried = 0;
    while let Some(entry) = calls::next_entry(&mut entries) {
        let entry = match entry.source("list") {
            Ok(entry) => entry,
            Err(failure) if run.may_try_again(&failure, &mut tried) => continue,
            Err(failure) => return End::Failed(failure),
        };
        // What can't be looked at is told of when its turn comes.
        if !is_dot(entry.file_name()) && !sieve.excludes(&fd, &entry).unwrap_or(false) {
            let name = entry.file_name().to_owned();
            if let Some(met) = &mut listing.met {
                dir.reach.meet(met, &name);
            }
            let had = listing.unmatched.remove(&name);
            let at_destination =
                dir.role.is_stale() || had.is_some() || listing.protected.contains(&name);
            let found = Found { name, file_type: entry.file_type(), at_destination };
            let is_done = run.options.share == Share::Rest
                && had.is_some_and(is_surely_no_directory)
                && is_surely_no_directory(found.file_type);
            match batches.last_mut().filter(|batch| batch.len() < run.batch) {
                _ if is_done => {}
                Some(batch) => batch.push(found),
                None => batches.push(vec![found]),
            }
        }
        if entries.is_buffer_empty() {
            return End::More;
        }
    }
    End::Last
}

/// A listing that failed says nothing of what it did not reach: nothing is removed here.
fn listing_failed(run: &Run<'_>, queue: &Queue<'_, Job>, dir: &Arc<Dir>, failure: Failure) {
    let unreadable = matches!(failure, Failure::Source(_));
    run.failed(dir.source.path(), EntryType::Dir, failure);
    if unreadable
        && run.options.stale_from_link_source
        && !dir.role.is_stale()
        && let Some(Some(handle)) = dir.links.first()
    {
        let dir = Arc::new(Dir::relay(dir, handle));
        queue.push(Job::List(Box::new(Listing::new(run, dir))));
    }
}

/// The whole source directory was listed: what the destination has more is extraneous, but
/// for what the filter excludes.
fn listed(run: &Run<'_>, queue: &Queue<'_, Job>, listing: Listing) {
    let dir = &listing.dir;
    if run.options.removes() && !listing.unmatched.is_empty() && dir.role == Role::Mirror {
        let path = dir.source.path();
        let mut names = listing.unmatched.sorted().peekable();
        while names.peek().is_some() {
            let (mut some, mut directories) = (Vec::new(), Vec::new());
            for (name, file_type) in names.by_ref().take(NOTED) {
                some.push((name.to_bytes().to_vec(), false));
                if sweep::is_or_may_be_directory(file_type) {
                    directories.push(name.to_owned());
                }
            }
            let path = path.as_bytes().to_vec();
            note(run, queue, dir, Note { path, names: some }, directories);
        }
    }
    dir.source.release_if_scarce();
    for handle in dir.destination.iter().chain(dir.links.iter().flatten()) {
        handle.release_if_scarce();
    }
}

/// Notes extraneous names and has what is in `directories`, those of them that are or may be
/// some, counted, unless any number may go.
pub(super) fn note(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    dir: &Arc<Dir>,
    note: Note,
    directories: Vec<CString>,
) {
    run.extraneous_entries.fetch_add(note.names.len() as u64, Ordering::Relaxed);
    let written = run.extraneous.lock().unwrap_or_else(PoisonError::into_inner).write(&note);
    if let Err(error) = written {
        run.give_up(error);
    }
    let unlimited = run.options.removes_any_number();
    if let Some(destination) = &dir.destination
        && !directories.is_empty()
        && !unlimited
    {
        queue.push(Job::Count(Arc::clone(destination), directories));
    }
}

/// Ends one piece of a directory's work; after the last its own metadata is set, which may
/// be the last piece of the directory above.
pub(super) fn end_one(run: &Run<'_>, dir: Arc<Dir>) {
    let mut dir = dir;
    while dir.end_one() {
        if let Err(failure) = run.patiently(|| finish_dir(run, &dir)) {
            // What it stays as is recorded if that can be found out.
            let _ = record_as_is(run, &dir);
            run.failed(dir.source.path(), EntryType::Dir, failure);
        }
        dir.source.release();
        for handle in dir.destination.iter().chain(dir.links.iter().flatten()) {
            handle.release();
        }
        match &dir.parent {
            Some(parent) => dir = Arc::clone(parent),
            None => return,
        }
    }
}

/// Records a directory whose metadata could not be set.
fn record_as_is(run: &Run<'_>, dir: &Dir) -> Outcome<()> {
    let (Some(handle), Some(_)) = (&dir.destination, run.recorder) else { return Ok(()) };
    let fd = handle.fd().destination("open")?;
    let have = Meta::of(&*fd, Sync::Normal).destination("stat")?;
    let xattrs = run.policy.read_fd(&*fd, have.id.dev).destination("getxattr")?;
    run.settled(|| dir.source.path(), &Final::new(have, xattrs), None, dir.role.is_stale());
    Ok(())
}

/// Sets a directory's own metadata, once nothing in it changes any more.
fn finish_dir(run: &Run<'_>, dir: &Dir) -> Outcome<()> {
    if matches!(dir.role, Role::Relay | Role::Around) {
        return Ok(());
    }
    if dir.reach.is_torn() {
        let error = Error::new(ErrorKind::Io, "finish").with_message(
            "a half-written file could not be removed, so the directory stays closed to others; \
             the next run mends it",
        );
        if run.options.share == Share::Unit {
            // Whoever makes the rest would take that file for a whole one.
            run.give_up(error);
            return Ok(());
        }
        return Err(Failure::Destination(error));
    }
    if run.options.share == Share::Unit {
        return Ok(());
    }
    let want = &dir.meta;
    let mut differs = match &dir.before {
        Some(before) => run.ownership.difference(want, before),
        None => Difference::ALL,
    };
    if let (Some(before), Some(handle)) = (&dir.before, &dir.destination)
        && run.options.filter.is_only_above(|| dir.source.path())
    {
        return leave_as_found(run, dir, handle, before);
    }
    let Some(handle) = &dir.destination else {
        if run.recorder.is_some() {
            let source = dir.source.fd().source("open")?;
            let xattrs = run.policy.read_fd(&*source, want.id.dev).source("getxattr")?;
            run.settled(|| dir.source.path(), &Final::new(*want, xattrs), None, false);
        }
        return report(run, dir, &Difference::default(), None);
    };
    let fd = handle.fd().destination("open")?;
    let have = Meta::of(&*fd, Sync::Normal).destination("stat")?;
    let source = dir.source.fd().source("open")?;
    let wanted = run.policy.read_fd(&*source, want.id.dev).source("getxattr")?;
    let had = run.policy.read_fd(&*fd, have.id.dev).destination("getxattr")?;
    xattr::compare(&wanted, &had, &mut differs);
    let mut mtime = want.mtime;
    if !run.options.dry_run {
        let late = want.mtime != have.mtime || dir.touched.load(Ordering::Relaxed);
        let target = Target::Open(fd.owned());
        mtime = attributes::set(run, &target, want, &have, Some((&wanted, &had)), late)?;
    }
    let mut entry = Final::new(run.ownership.result(want, &have), wanted);
    entry.meta.mtime = mtime;
    run.settled(|| dir.source.path(), &entry, None, dir.role.is_stale());
    report(run, dir, &differs, Some(handle.id().ino))
}

/// A directory on the way to what was chosen keeps its metadata. Others than root may have
/// had to be let in.
fn leave_as_found(run: &Run<'_>, dir: &Dir, handle: &Handle, before: &Meta) -> Outcome<()> {
    if !run.options.dry_run && before.mode & 0o700 != 0o700 && run.euid != 0 {
        let fd = handle.fd().destination("open")?;
        Target::Open(fd.owned()).set_mode(before.mode).destination("chmod")?;
    }
    report(run, dir, &Difference::default(), Some(handle.id().ino))
}

fn report(run: &Run<'_>, dir: &Dir, differs: &Difference, inode: Option<u64>) -> Outcome<()> {
    if dir.role == Role::Late {
        return Ok(());
    }
    // What a unit made is made by this run too.
    let (action, code) = if dir.before.is_none() || run.options.share == Share::Rest {
        (Action::Created, itemize::made(Verb::Change, FileType::Directory))
    } else {
        let code = itemize::changed(Verb::Keep, FileType::Directory, false, false, differs);
        (entry::adjusted(differs.any()), code)
    };
    run.done(|| dir.source.path(), EntryType::Dir, action, &code, inode);
    Ok(())
}
