//! Entries taken from a link source instead of being copied.

use super::calls;
use super::claims::Answer;
use super::event::Action;
use super::failure::{Failure, Outcome, Side};
use super::file;
use super::follow::{is_link_limit, link};
use super::handle::{DirFd, Handle};
use super::itemize::{self, Verb};
use super::meta::{Difference, Meta};
use super::options::Trust;
use super::place::Placed;
use super::pool::Queue;
use super::settled::Final;
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::walk::{Enter, Job};
use super::xattr::Xattrs;
use crate::bytepath::BytePath;
use rustix::fs::{RawDir, SeekFrom};
use rustix::io::Errno;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Hard-links the entry from the first link source that has it wholly equal.
pub(super) fn link_from_source(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    exists: bool,
) -> Outcome<Option<Placed>> {
    for (handle, source) in dir.links.iter().zip(&run.options.link_sources) {
        let Some(handle) = handle else { continue };
        let from = handle.fd().destination("open")?;
        let looked = run.claims.turn();
        let candidate = match Meta::at(&*from, name) {
            Ok(candidate) => candidate,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno).destination("stat"),
        };
        let path = || handle.path_of(name.to_bytes());
        if candidate.file_type != want.file_type
            || candidate.is_dir()
            || source.bad.as_ref().is_some_and(|bad| bad(&path(), candidate.id.ino))
        {
            continue;
        }
        let equal =
            wholly_equal(run, scratch, dir, name, want, (&*from, &candidate), &source.trust, path)?;
        let Some(xattrs) = equal else { continue };
        let names = if run.options.hard_links { want.nlink } else { 1 };
        let full = run
            .options
            .max_links
            .is_some_and(|limit| candidate.nlink.saturating_add(names) > limit);
        if full || !claim(run, &from, name, &candidate, want, looked)? {
            continue;
        }
        if !run.options.dry_run {
            match link(run, (&from, name), dir, name, exists) {
                Ok(()) => run.claims.linked(|| look_at(dir, name)),
                // As far as this file system goes; a copy starts a new inode.
                Err(Failure::Destination(error)) if is_link_limit(&error) => continue,
                Err(failure) => return Err(failure),
            }
        }
        let mut entry = Final::new(candidate, xattrs);
        if want.is_file() {
            if !source.digests_known {
                entry.digest = file::digest(run, scratch, &*from, name, || dir.path_of(name))?;
            }
            run.tally.bytes_linked.fetch_add(want.size, Ordering::Relaxed);
        }
        entry.target = run.target(&*from, name, want)?;
        return Ok(Some(Placed {
            action: Action::Linked,
            itemize: itemize::changed(
                Verb::Link,
                want.file_type,
                false,
                false,
                &Difference::default(),
            ),
            inode: Some(candidate.id.ino),
            from_link_source: true,
            entry,
        }));
    }
    Ok(None)
}

/// Lists a directory of a link source on a file server, only that the kernel learns by it what
/// its entries are: it asks for all in a few calls, instead of by one for each name later.
pub(super) fn learn(handle: &Handle, scratch: &mut Scratch) {
    // What fails here fails again, and is told, where a name is looked up.
    let Ok(fd) = handle.fd() else { return };
    let mut entries = RawDir::new(&*fd, &mut scratch.names);
    while let Some(Ok(_)) = calls::next_entry(&mut entries) {}
    // It may be listed once more, to stand in for a source that fails.
    let _ = calls::seek(fd.owned(), SeekFrom::Start(0));
}

/// Whether the inode `candidate`, the link source's `name` as it was in the turn `looked`,
/// may stand for the source's `want`.
fn claim(
    run: &Run<'_>,
    from: &DirFd,
    name: &CStr,
    candidate: &Meta,
    want: &Meta,
    looked: u64,
) -> Outcome<bool> {
    let mut answer = run.noted(run.claims.link(candidate, want, looked))?;
    while answer == Answer::LookAgain {
        let looked = run.claims.turn();
        let now = Meta::at(from, name).destination("stat")?;
        if now.id != candidate.id {
            // Another inode, which was not compared.
            return Ok(false);
        }
        answer = run.noted(run.claims.link(&now, want, looked))?;
    }
    Ok(answer == Answer::Granted)
}

/// The entry `name` at the destination.
fn look_at(dir: &Dir, name: &CStr) -> Option<Meta> {
    let destination = dir.destination.as_ref()?.fd().ok()?;
    Meta::at(&*destination, name).ok()
}

/// Whether a link source's entry can stand for the source's: nothing at all may differ,
/// since an inode in a link source is never changed. Gives the extended attributes of both.
#[allow(clippy::too_many_arguments)]
fn wholly_equal(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    (from, candidate): (&DirFd, &Meta),
    trust: &Trust,
    path: impl FnOnce() -> BytePath,
) -> Outcome<Option<Xattrs>> {
    if run.ownership.difference(want, candidate).any() {
        return Ok(None);
    }
    let source = dir.source.fd().source("open")?;
    if want.is_symlink() {
        let theirs = calls::readlinkat(&*source, dir.in_source(name)).source("readlink")?;
        if theirs != calls::readlinkat(from, name).destination("readlink")? {
            return Ok(None);
        }
    } else if want.is_file() {
        if want.size != candidate.size {
            return Ok(None);
        }
        let is_whole = match trust {
            Trust::Metadata => true,
            Trust::WholeOnly(is_whole) => is_whole(&path(), candidate.id.ino),
        };
        if (run.options.checksum || !is_whole)
            && !file::same_content(run, scratch, (dir, name), from)?
        {
            return Ok(None);
        }
    } else if want.is_device() && want.rdev != candidate.rdev {
        return Ok(None);
    }
    let wanted =
        run.policy.read_at(&*source, dir.in_source(name), want.id.dev).source("getxattr")?;
    let had = run.policy.read_at(from, name, candidate.id.dev).destination("getxattr")?;
    Ok((wanted == had).then_some(wanted))
}

/// Takes an entry that the source can't give from the first link source.
pub(super) fn take_stale(
    run: &Run<'_>,
    queue: &Queue<'_, Job>,
    dir: &Arc<Dir>,
    name: &CStr,
) -> Outcome<()> {
    let Some(Some(handle)) = dir.links.first() else { return Ok(()) };
    let from = handle.fd().destination("open")?;
    let candidate = match Meta::at(&*from, name) {
        Ok(candidate) => candidate,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno).destination("stat"),
    };
    let source = run.options.link_sources.first();
    if !candidate.is_dir() {
        let bad = source.and_then(|source| source.bad.as_ref());
        let path = || handle.path_of(name.to_bytes());
        if bad.is_some_and(|bad| bad(&path(), candidate.id.ino)) {
            return Ok(());
        }
        link(run, (&from, name), dir, name, false)?;
        return record_stale(run, dir, name, &from, candidate);
    }
    if !dir.role.is_stale() {
        let parent = Arc::new(Dir::relay(dir, handle));
        queue.push(Job::Enter(Box::new(Enter {
            parent,
            name: name.to_owned(),
            meta: candidate,
            have: None,
        })));
    }
    Ok(())
}

/// Tells of an entry that was taken as the first link source had it.
fn record_stale(
    run: &Run<'_>,
    dir: &Dir,
    name: &CStr,
    from: &DirFd,
    candidate: Meta,
) -> Outcome<()> {
    if run.recorder.is_none() {
        return Ok(());
    }
    let xattrs = run.policy.read_at(from, name, candidate.id.dev).destination("getxattr")?;
    let mut entry = Final::new(candidate, xattrs);
    entry.target = run.target(from, name, &candidate)?;
    run.settled(|| dir.path_of(name), &entry, None, true);
    Ok(())
}
