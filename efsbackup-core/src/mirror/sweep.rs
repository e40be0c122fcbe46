//! Removing what the source lacks, after everything is copied.

use super::calls;
use super::entry;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::handle::Handle;
use super::itemize;
use super::meta::{Meta, Sync, Target};
use super::pool::Queue;
use super::reach::Reach;
use super::spool::Note;
use super::state::{Run, Scratch};
use super::tree::{Dir, Found, Role};
use super::walk::{self, Contents, Job};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

/// A directory that is being removed with all that is in it.
pub(super) struct Doomed {
    above: Above,
    handle: Arc<Handle>,
    parent: Arc<Handle>,
    name: CString,
    pending: AtomicUsize,
    /// Something in it stays, because it could not be removed or the filter excludes it, so
    /// it stays too.
    stays: AtomicBool,
}

/// What is above a doomed directory.
enum Above {
    Doomed(Arc<Doomed>),
    /// A directory that stays. `true`: the doomed one is in the way of an entry.
    Kept(Arc<Dir>, bool),
}

/// Counts all that is in extraneous directories of `parent`, but for what the filter
/// excludes. A directory that stays because of such entries is counted all the same.
pub(super) fn count(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    parent: &Arc<Handle>,
    names: Vec<CString>,
) {
    for name in names {
        if !run.may_go_on() {
            return;
        }
        // What can't be counted can't be removed either, and is told then.
        let Ok(handle) = Handle::open(parent, &name) else { continue };
        let Ok(Contents { removable, protected }) = walk::list_all(run, &handle, scratch) else {
            continue;
        };
        run.destination_entries
            .fetch_add((removable.len() + protected.len()) as u64, Ordering::Relaxed);
        let directories: Vec<CString> = removable
            .iter()
            .filter(|(_, file_type)| is_or_may_be_directory(*file_type))
            .map(|(name, _)| name.to_owned())
            .collect();
        run.extraneous_entries.fetch_add(removable.len() as u64, Ordering::Relaxed);
        if !directories.is_empty() {
            queue.push(Job::Count(handle, directories));
        }
    }
}

pub(super) fn is_or_may_be_directory(file_type: FileType) -> bool {
    matches!(file_type, FileType::Directory | FileType::Unknown)
}

/// Reads one note and removes what it names. The next note is queued first: an idle thread
/// takes it.
pub(super) fn next_note(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch) {
    let note = run.extraneous.lock().unwrap_or_else(PoisonError::into_inner).read();
    match note {
        Ok(None) => {}
        Ok(Some(note)) => {
            queue.push(Job::NextNote);
            remove_noted(run, queue, scratch, &note);
        }
        Err(error) => run.give_up(error),
    }
}

fn remove_noted(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, note: &Note) {
    let dir = match run.patiently(|| reopen(run, &note.path)) {
        Ok(dir) => Arc::new(dir),
        Err(failure) => {
            return run.failed(BytePath::from(&*note.path), EntryType::Dir, failure);
        }
    };
    for (name, in_the_way) in &note.names {
        let Ok(name) = CString::new(name.as_slice()) else { continue };
        if !run.may_go_on() {
            return;
        }
        let removed = run.patiently(|| remove_top(run, queue, scratch, &dir, &name, *in_the_way));
        if let Err(failure) = removed {
            run.failed(dir.path_of(&name), EntryType::File, failure);
        }
    }
    walk::end_one(run, dir);
}

/// The error of an entry whose place a directory has that stays.
fn in_the_way_error() -> Error {
    Error::new(ErrorKind::Conflict, "replace").with_message(
        "the directory in the way stays, since something in it could not be removed or is excluded",
    )
}

/// Opens a directory again on both sides.
fn reopen(run: &Run<'_>, path: &[u8]) -> Outcome<Dir> {
    let source = run.roots.source.open_path(path).source("open")?;
    let root = run.roots.destination.as_ref().ok_or(Failure::Stopped)?;
    let destination = root.open_path(path).destination("open")?;
    let meta = Meta::of(&*source.fd().source("open")?, Sync::Normal).source("stat")?;
    let before =
        Meta::of(&*destination.fd().destination("open")?, Sync::Normal).destination("stat")?;
    Ok(Dir {
        parent: None,
        source,
        destination: Some(destination),
        links: Vec::new(),
        meta,
        before: Some(before),
        role: Role::Late,
        alias: None,
        pending: AtomicUsize::new(1),
        touched: AtomicBool::new(false),
        hands_down_acl: OnceLock::new(),
        reach: Reach::default(),
    })
}

/// Removes one name, after one more look that the source really lacks it.
fn remove_top(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    dir: &Arc<Dir>,
    name: &CStr,
    in_the_way: bool,
) -> Outcome<()> {
    let now = Meta::at(&*dir.source.fd().source("open")?, name);
    match (now, in_the_way) {
        (Err(Errno::NOENT), _) => {}
        (Ok(meta), true) if !meta.is_dir() => {}
        // Left out as what it is there, which is not what has its name here.
        (Ok(meta), false)
            if run.options.filter.excludes(dir.path_of(name).as_bytes(), meta.is_dir()) => {}
        // It came back: the next run copies it.
        (Ok(_), _) => return Ok(()),
        (Err(errno), _) => return Err(errno).source("stat"),
    }
    let Some(parent) = &dir.destination else { return Ok(()) };
    let have = match Meta::at(&*parent.fd().destination("open")?, name) {
        Ok(have) => have,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno).destination("stat"),
    };
    if !have.is_dir() {
        unlink(run, parent, name, have.entry_type())?;
        dir.touch();
        if in_the_way {
            let found = Found::unseen(name.to_owned());
            entry::process(run, queue, scratch, dir, found);
        }
        return Ok(());
    }
    let doomed = doom(run, Above::Kept(Arc::clone(dir), in_the_way), parent, name)?;
    dir.expect_more();
    queue.push(Job::Remove(Arc::new(doomed)));
    Ok(())
}

fn doom(run: &Run<'_>, above: Above, parent: &Arc<Handle>, name: &CStr) -> Outcome<Doomed> {
    if run.euid != 0 && !run.options.dry_run {
        // Others than root must first be let in.
        let fd = parent.fd().destination("open")?;
        if Meta::at(&*fd, name).destination("stat")?.mode & 0o700 != 0o700 {
            let target = Target::at(&*fd, name).destination("open")?;
            target.set_mode(0o700).destination("chmod")?;
        }
    }
    let handle = Handle::open(parent, name);
    Ok(Doomed {
        above,
        handle: handle.destination("open")?,
        parent: Arc::clone(parent),
        name: name.to_owned(),
        pending: AtomicUsize::new(1),
        stays: AtomicBool::new(false),
    })
}

/// Removes one entry that is no directory, or an empty one.
fn unlink(run: &Run<'_>, parent: &Handle, name: &CStr, entry_type: EntryType) -> Outcome<()> {
    if !run.options.dry_run {
        let flags =
            if entry_type == EntryType::Dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let fd = parent.fd().destination("open")?;
        match calls::unlinkat(&*fd, name, flags) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).destination("unlink"),
        }
    }
    let path = || parent.path().join(name.to_bytes());
    run.done(path, entry_type, Action::Deleted, itemize::DELETING, None);
    Ok(())
}

/// Removes the contents of a doomed directory, and itself if there are no directories in
/// it; else the last of those to go does.
pub(super) fn remove(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    doomed: Arc<Doomed>,
) {
    let path = |name: &CStr| doomed.handle.path().join(name.to_bytes());
    match run.patiently(|| walk::list_all(run, &doomed.handle, scratch)) {
        Ok(Contents { removable, protected }) => {
            doomed.stays.fetch_or(!protected.is_empty(), Ordering::Relaxed);
            doomed.handle.release_if_scarce();
            for (name, file_type) in removable.iter() {
                if !run.may_go_on() {
                    return;
                }
                let removed = run.patiently(|| remove_child(run, queue, &doomed, name, file_type));
                if let Err(failure) = removed {
                    doomed.stays.store(true, Ordering::Relaxed);
                    run.failed(path(name), EntryType::File, failure);
                }
            }
        }
        Err(failure) => {
            doomed.stays.store(true, Ordering::Relaxed);
            run.failed(doomed.handle.path(), EntryType::Dir, failure);
        }
    }
    end_one(run, queue, scratch, doomed);
}

fn remove_child(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    doomed: &Arc<Doomed>,
    name: &CStr,
    file_type: FileType,
) -> Outcome<()> {
    let entry_type = match file_type {
        FileType::Unknown => {
            let fd = doomed.handle.fd().destination("open")?;
            Meta::at(&*fd, name).destination("stat")?.entry_type()
        }
        FileType::Directory => EntryType::Dir,
        FileType::RegularFile => EntryType::File,
        FileType::Symlink => EntryType::Symlink,
        _ => EntryType::Special,
    };
    if entry_type != EntryType::Dir {
        return unlink(run, &doomed.handle, name, entry_type);
    }
    let child = doom(run, Above::Doomed(Arc::clone(doomed)), &doomed.handle, name)?;
    doomed.pending.fetch_add(1, Ordering::Relaxed);
    queue.push(Job::Remove(Arc::new(child)));
    Ok(())
}

/// Ends one piece of a doomed directory's work; after the last it goes, which may be the
/// last piece of the one above.
fn end_one(run: &Run<'_>, queue: &Queue<'_, Job>, scratch: &mut Scratch, doomed: Arc<Doomed>) {
    let mut doomed = doomed;
    while doomed.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
        doomed.handle.release();
        let mut stays = doomed.stays.load(Ordering::Relaxed);
        if !stays
            && let Err(failure) =
                run.patiently(|| unlink(run, &doomed.parent, &doomed.name, EntryType::Dir))
        {
            stays = true;
            run.failed(doomed.handle.path(), EntryType::Dir, failure);
        }
        doomed = match &doomed.above {
            Above::Doomed(above) => {
                above.stays.fetch_or(stays, Ordering::Relaxed);
                Arc::clone(above)
            }
            Above::Kept(dir, in_the_way) => {
                dir.touch();
                if *in_the_way && stays {
                    let path = dir.path_of(&doomed.name);
                    run.error(path, EntryType::File, &in_the_way_error());
                } else if *in_the_way {
                    let found = Found::unseen(doomed.name.clone());
                    entry::process(run, queue, scratch, dir, found);
                }
                return walk::end_one(run, Arc::clone(dir));
            }
        };
    }
}
