//! Further names of a file that is at the destination already.

use super::calls;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::file;
use super::handle::DirFd;
use super::itemize::{self, Verb};
use super::links::{Group, Home, Name, Stage};
use super::meta::{Difference, Meta};
use super::place::settle;
use super::report::EntryError;
use super::settled::Shared;
use super::state::{Run, Scratch};
use super::tree::Dir;
use crate::error::{Error, ErrorKind};
use rustix::fs::AtFlags;
use rustix::io::Errno;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Links a further name of a group whose file is at the destination.
pub(super) fn follow(
    run: &Run<'_>,
    scratch: &mut Scratch,
    group: &Arc<Group>,
    name: &Name,
    have: Option<Meta>,
) {
    let path = || name.dir.path_of(&name.found.name);
    let mut state = group.lock();
    let mut shared = None;
    let result = match &mut state.stage {
        Stage::Done(home) => {
            let result = run.patiently(|| {
                let done = follow_home(run, scratch, home, name, have.as_ref())?;
                learn_digest(run, scratch, home, name)?;
                Ok(done)
            });
            shared.clone_from(&home.shared);
            result
        }
        // Whoever follows was told so by a group that was done, and stays so.
        Stage::Open | Stage::Copying(_) => Err(Failure::Destination(
            Error::new(ErrorKind::Internal, "link").with_message("the link group has no file"),
        )),
    };
    drop(state);
    match result {
        Ok((action, itemize)) => {
            run.done(path, EntryType::HardLink, action, &itemize, None);
            if let Some(Shared { group, entry }) = shared.as_deref() {
                run.settled(path, entry, Some(*group), name.dir.role.is_stale());
            }
        }
        Err(failure) => run.failed(path(), EntryType::HardLink, failure),
    }
}

fn follow_home(
    run: &Run<'_>,
    scratch: &mut Scratch,
    home: &mut Home,
    name: &Name,
    have: Option<&Meta>,
) -> Outcome<(Action, String)> {
    if have.is_some() && have.map(|have| have.id.ino) == home.inode {
        home.names += 1;
        let code =
            itemize::changed(Verb::Keep, name.meta.file_type, false, false, &Difference::default());
        return Ok((Action::Unchanged, code));
    }
    let (action, code) = match have {
        Some(have) => {
            let differs = run.ownership.difference(&name.meta, have);
            let size = name.meta.is_file() && have.is_file() && have.size != name.meta.size;
            (
                Action::Updated,
                itemize::changed(Verb::Link, name.meta.file_type, false, size, &differs),
            )
        }
        None => (Action::Created, itemize::made(Verb::Link, name.meta.file_type)),
    };
    if run.options.dry_run {
        return Ok((action, code));
    }
    match link_home(run, home, name, have.is_some()) {
        Err(Failure::Destination(error)) if is_link_limit(&error) => {}
        result => return result.map(|()| (action, code)),
    }
    // The inode has as many names as it can have. A copy takes over: of the whole group if
    // it was shared with a link source, else from this name on, which splits the group.
    let placed =
        settle(run, scratch, &name.dir, &name.found.name, &name.meta, have.copied(), false)?;
    let earlier = home.members.take();
    let split = earlier.is_none();
    home.dir = Arc::clone(&name.dir);
    home.name = name.found.name.clone();
    home.inode = placed.inode;
    if let Some(shared) = &mut home.shared {
        shared.entry = placed.entry;
        if split {
            shared.group = run.next_group.fetch_add(1, Ordering::Relaxed);
        }
    }
    home.names = 1;
    for (dir, member) in earlier.into_iter().flatten() {
        let from =
            home.dir.destination.as_ref().ok_or(Failure::Stopped)?.fd().destination("open")?;
        link(run, &from, &home.name, &dir, &member, true)?;
    }
    if split {
        let error = Error::new(ErrorKind::Unsupported, "link").with_message(
            "the file has more names than the destination allows; its link group was split",
        );
        run.tally.error(EntryError::new(name.dir.path_of(&name.found.name), &error));
        run.tally.failed.add(EntryType::HardLink);
    }
    Ok((placed.action, placed.itemize))
}

/// Reads the digest of a file that came from a link source with known digests, should
/// `name` be another file there, or none: what is known of that name is then not of this file.
fn learn_digest(run: &Run<'_>, scratch: &mut Scratch, home: &mut Home, name: &Name) -> Outcome<()> {
    let Some(shared) = &mut home.shared else { return Ok(()) };
    if shared.entry.digest.is_some() || !name.meta.is_file() {
        return Ok(());
    }
    for (handle, source) in name.dir.links.iter().zip(&run.options.link_sources) {
        let Some(handle) = handle.as_ref().filter(|_| source.digests_known) else { continue };
        let candidate = Meta::at(&*handle.fd().destination("open")?, &name.found.name);
        if candidate.is_ok_and(|candidate| Some(candidate.id.ino) == home.inode) {
            return Ok(());
        }
    }
    let Some(destination) = &home.dir.destination else { return Ok(()) };
    let fd = destination.fd().destination("open")?;
    let path = || home.dir.path_of(&home.name);
    shared.entry.digest = file::digest(run, scratch, &*fd, &home.name, path)?;
    Ok(())
}

fn link_home(run: &Run<'_>, home: &mut Home, name: &Name, exists: bool) -> Outcome<()> {
    if run.options.max_links.is_some_and(|limit| home.names >= limit) {
        return Err(Errno::MLINK).destination("link");
    }
    let from = home.dir.destination.as_ref().ok_or(Failure::Stopped)?.fd().destination("open")?;
    link(run, &from, &home.name, &name.dir, &name.found.name, exists)?;
    home.names += 1;
    if let Some(members) = &mut home.members {
        members.push((Arc::clone(&name.dir), name.found.name.clone()));
    }
    Ok(())
}

/// Gives the file `name` in `from` the name `to` in `dir`, in place of what has it.
pub(super) fn link(
    run: &Run<'_>,
    from: &DirFd,
    name: &CStr,
    dir: &Dir,
    to: &CStr,
    exists: bool,
) -> Outcome<()> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let target = destination.fd().destination("open")?;
    dir.touch();
    if !exists {
        match calls::linkat(from, name, &*target, to) {
            Err(Errno::EXIST) => {}
            result => return result.destination("link"),
        }
    }
    let temporary = run.temporary.next();
    calls::linkat(from, name, &*target, &temporary).destination("link")?;
    let renamed = calls::renameat(&*target, &temporary, &*target, to).destination("rename");
    // Renaming one name of a file to another of the same file does nothing at all.
    if renamed.is_err() || Meta::at(&*target, &temporary).is_ok() {
        let _ = calls::unlinkat(&*target, &temporary, AtFlags::empty());
    }
    renamed
}

pub(super) fn is_link_limit(error: &Error) -> bool {
    error.errno() == Some(Errno::MLINK.raw_os_error())
}
