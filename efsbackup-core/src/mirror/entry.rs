//! One entry: what it is on both sides, and what follows.

use super::calls;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::file::{self, Opened};
use super::follow;
use super::handle::Handle;
use super::home::{Home, Spot};
use super::itemize;
use super::link_source;
use super::links::{Claim, Group, Name};
use super::meta::Meta;
use super::options::Share;
use super::place::{self, Placed};
use super::pool::Queue;
use super::settled::Shared;
use super::spool::Note;
use super::state::{Run, Scratch};
use super::tree::{Dir, Found};
use super::walk::{self, Enter, Job};
use crate::error::{Error, ErrorKind};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use std::cell::LazyCell;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Does one entry of `dir`, or queues it.
pub(super) fn process(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    dir: &Arc<Dir>,
    found: Found,
) {
    let mut opened = open_if_new(run, dir, &found);
    let meta = match &opened {
        Some(opened) => opened.meta,
        None => match run.patiently(|| source_meta(dir, &found.name)) {
            Ok(meta) => meta,
            Err(failure) => {
                return fail(run, queue, dir, &found.name, EntryType::File, failure);
            }
        },
    };
    if meta.entry_type() == EntryType::Special && !run.options.specials {
        return;
    }
    let have = match run.patiently(|| destination_meta(dir, &found)) {
        Ok(have) => have,
        Err(failure) => {
            return fail(run, queue, dir, &found.name, meta.entry_type(), failure);
        }
    };
    if dir.role.is_stale() && have.is_some() {
        // The real source gave this one before it failed.
        return;
    }
    if meta.is_dir() {
        return enter(run, queue, dir, found, meta, have);
    }
    let is_for_another_run = match run.options.share {
        Share::Whole => false,
        Share::Unit => run.options.hard_links && meta.nlink > 1,
        Share::Rest => have.is_some_and(|have| !have.is_dir()),
    };
    if is_for_another_run {
        return;
    }
    if have.is_some_and(|have| have.is_dir())
        && !make_way_for_entry(run, queue, scratch, dir, &found, &meta)
    {
        return;
    }
    let have = have.filter(|have| !have.is_dir());
    if run.options.hard_links && meta.nlink > 1 {
        let name = Name { dir: Arc::clone(dir), found, meta };
        match run.noted(run.groups.claim(name)) {
            Ok((Claim::Lead(group), Some(name))) => lead(run, queue, scratch, &group, name, have),
            Ok((Claim::Follow(group), Some(name))) => {
                run.tally.scanned.add(EntryType::HardLink);
                follow::follow(run, scratch, &group, &name, have);
            }
            // Left with who copies, or the run ends.
            Ok(_) | Err(_) => {}
        }
        return;
    }
    run.tally.scanned.add(meta.entry_type());
    let settled = run.patiently(|| match opened.take() {
        Some(opened) => place::copy_new(run, scratch, dir, &found.name, opened),
        None => place::settle(run, scratch, dir, &found.name, &meta, have, true),
    });
    match settled {
        Ok(placed) => {
            // A tree that is only looked at: the file system's own number will do.
            let looked_at = run.options.dry_run && !run.options.hard_links && meta.nlink > 1;
            let group = looked_at.then_some(meta.id.ino);
            report(run, dir, &found.name, &meta, &placed, group);
        }
        Err(failure) => fail(run, queue, dir, &found.name, meta.entry_type(), failure),
    }
}

/// Opens a file that is sure to be copied: that tells its metadata too, and spares a call.
/// Whatever is in the way of that is told by those that look by name.
fn open_if_new(run: &Run<'_>, dir: &Dir, found: &Found) -> Option<Opened> {
    let is_new = found.file_type == FileType::RegularFile
        && !found.at_destination
        && !run.options.dry_run
        && dir.links.iter().all(Option::is_none);
    if is_new { file::open_regular(dir, &found.name).ok() } else { None }
}

fn source_meta(dir: &Dir, name: &CStr) -> Outcome<Meta> {
    Meta::at(&*dir.source.fd().source("open")?, dir.in_source(name)).source("stat")
}

fn destination_meta(dir: &Dir, found: &Found) -> Outcome<Option<Meta>> {
    let Some(destination) = dir.destination.as_ref().filter(|_| found.at_destination) else {
        return Ok(None);
    };
    match Meta::at(&*destination.fd().destination("open")?, &found.name) {
        Ok(meta) => Ok(Some(meta)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno).destination("stat"),
    }
}

/// Queues a directory; what has its name but is none makes way.
fn enter(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    dir: &Arc<Dir>,
    found: Found,
    meta: Meta,
    have: Option<Meta>,
) {
    if have.is_some_and(|have| !have.is_dir()) && !run.options.dry_run {
        let removed = run.patiently(|| remove_one(dir, &found.name, AtFlags::empty()));
        if let Err(failure) = removed {
            return fail(run, queue, dir, &found.name, EntryType::Dir, failure);
        }
        if run.options.share == Share::Rest {
            // A unit has counted it.
            let removed = have.map_or(EntryType::File, |have| have.entry_type());
            let path = || dir.path_of(&found.name);
            run.done(path, removed, Action::Deleted, itemize::DELETING, None);
        }
    }
    dir.expect_more();
    let have = have.filter(Meta::is_dir);
    queue.push(Job::Enter(Box::new(Enter {
        parent: Arc::clone(dir),
        name: found.name,
        meta,
        have,
    })));
}

fn remove_one(dir: &Dir, name: &CStr, flags: AtFlags) -> Outcome<()> {
    let Some(destination) = &dir.destination else { return Ok(()) };
    dir.touch();
    calls::unlinkat(&*destination.fd().destination("open")?, name, flags).destination("unlink")
}

/// Removes a directory unless it has contents; in a dry run only finds out.
fn remove_if_empty(run: &Run<'_>, scratch: &mut Scratch, dir: &Dir, name: &CStr) -> Outcome<bool> {
    if run.options.dry_run {
        let Some(destination) = &dir.destination else { return Ok(true) };
        let handle = Handle::open(destination, name).destination("open")?;
        let contents = walk::list_all(run, &handle, scratch)?;
        return Ok(contents.removable.is_empty() && contents.protected.is_empty());
    }
    match remove_one(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Failure::Destination(error))
            if error
                .errno()
                .map(Errno::from_raw_os_error)
                .is_some_and(|errno| matches!(errno, Errno::NOTEMPTY | Errno::EXIST)) =>
        {
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}

/// A directory is in the way of another entry. An empty one is removed; one with contents
/// is extraneous: entry and removal both wait until it is known whether anything may be
/// removed. True if the way is free.
fn make_way_for_entry(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    dir: &Arc<Dir>,
    found: &Found,
    meta: &Meta,
) -> bool {
    if !dir.role.is_stale() {
        match run.patiently(|| remove_if_empty(run, scratch, dir, &found.name)) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(failure) => {
                fail(run, queue, dir, &found.name, meta.entry_type(), failure);
                return false;
            }
        }
    }
    if run.options.removes() {
        walk::note(
            run,
            queue,
            dir,
            Note {
                path: dir.source.path().as_bytes().to_vec(),
                names: vec![(found.name.to_bytes().to_vec(), true)],
            },
            vec![found.name.clone()],
        );
    } else {
        let error = Error::new(ErrorKind::IsADirectory, "replace")
            .with_message("a directory with contents is in the way; --delete would remove it");
        run.tally.scanned.add(meta.entry_type());
        run.error(dir.path_of(&found.name), meta.entry_type(), &error);
    }
    false
}

/// Copies a file with several names under the first that works, then links the others.
fn lead(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    group: &Arc<Group>,
    first: Name,
    have: Option<Meta>,
) {
    let mut is_first = true;
    let mut have = have;
    let mut name = first;
    loop {
        run.tally.scanned.add(name.meta.entry_type());
        let result = run.patiently(|| {
            place::settle(run, scratch, &name.dir, &name.found.name, &name.meta, have, true)
        });
        match result {
            Ok(placed) => {
                let number = run.next_group.fetch_add(1, Ordering::Relaxed);
                report(run, &name.dir, &name.found.name, &name.meta, &placed, Some(number));
                let spot = || Spot::of(&name.dir, &name.found.name);
                let home = Home {
                    spot: spot(),
                    inode: placed.inode,
                    shared: run
                        .recorder
                        .map(|_| Box::new(Shared { group: number, entry: placed.entry })),
                    names: 1,
                    members: placed.from_link_source.then(|| spot().into_iter().collect()),
                };
                for waiting in group.finish(home) {
                    follow_waiting(run, queue, scratch, group, waiting);
                }
                if !is_first {
                    walk::end_one(run, Arc::clone(&name.dir));
                }
                return;
            }
            Err(failure) => {
                let entry_type = name.meta.entry_type();
                fail(run, queue, &name.dir, &name.found.name, entry_type, failure);
                if !is_first {
                    walk::end_one(run, Arc::clone(&name.dir));
                }
            }
        }
        let Some(next) = group.fail() else { return };
        is_first = false;
        have = destination_meta(&next.dir, &next.found).ok().flatten();
        name = next;
    }
}

fn follow_waiting(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    scratch: &mut Scratch,
    group: &Arc<Group>,
    name: Name,
) {
    run.tally.scanned.add(EntryType::HardLink);
    match run.patiently(|| destination_meta(&name.dir, &name.found)) {
        Ok(have) => follow::follow(run, scratch, group, &name, have),
        Err(failure) => {
            fail(run, queue, &name.dir, &name.found.name, EntryType::HardLink, failure);
        }
    }
    walk::end_one(run, name.dir);
}

/// Counts a placed entry.
fn report(run: &Run<'_>, dir: &Dir, name: &CStr, meta: &Meta, placed: &Placed, group: Option<u64>) {
    if meta.is_file() {
        run.tally.bytes_scanned.fetch_add(meta.size, Ordering::Relaxed);
    }
    let path = LazyCell::new(|| dir.path_of(name));
    run.done(|| &*path, meta.entry_type(), placed.action, &placed.itemize, placed.inode);
    run.settled(|| &*path, &placed.entry, group, dir.role.is_stale());
    if placed.entry.changed {
        run.tally.vanished.add(meta.entry_type());
        let error = file::changed_error();
        run.tally.error(super::report::EntryError::new(dir.path_of(name), &error));
    }
}

/// Counts an entry that failed, and takes it from the link source if that was asked for.
pub(super) fn fail(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    dir: &Arc<Dir>,
    name: &CStr,
    entry_type: EntryType,
    failure: Failure,
) {
    let unreadable = matches!(failure, Failure::Source(_));
    run.failed(dir.path_of(name), entry_type, failure);
    if unreadable
        && run.options.stale_from_link_source
        && !run.options.dry_run
        && let Err(Failure::Destination(error)) = link_source::take_stale(run, queue, dir, name)
    {
        run.error(dir.path_of(name), entry_type, &error);
    }
}

/// The action of an entry of which only metadata may have changed.
pub(super) fn adjusted(any: bool) -> Action {
    if any { Action::Adjusted } else { Action::Unchanged }
}
