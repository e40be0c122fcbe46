//! Further names of a file that is at the destination already.

use super::calls;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::file;
use super::handle::DirFd;
use super::home::{Home, Spot};
use super::itemize::{self, Code, Verb};
use super::links::{Group, Name, Stage};
use super::meta::{Difference, Meta, Target};
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
) -> Outcome<(Action, Code)> {
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
    match link_home(run, scratch, home, name, have.is_some()) {
        Err(Failure::Destination(error)) if is_link_limit(&error) => {}
        result => return result.map(|()| (action, code)),
    }
    // The inode has as many names as it can have. A copy takes over: of the whole group if
    // it was shared with a link source, else from this name on, which splits the group.
    let placed =
        settle(run, scratch, &name.dir, &name.found.name, &name.meta, have.copied(), false)?;
    let earlier = home.members.take();
    let split = earlier.is_none();
    home.spot = Spot::of(&name.dir, &name.found.name);
    home.inode = placed.inode;
    if let Some(shared) = &mut home.shared {
        shared.entry = placed.entry;
        if split {
            shared.group = run.next_group.fetch_add(1, Ordering::Relaxed);
        }
    }
    home.names = 1;
    for mut member in earlier.into_iter().flatten() {
        if let Err(failure) = run.patiently(|| take_over(run, scratch, home, &mut member)) {
            run.failed(member.path(), EntryType::HardLink, failure);
        }
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
    let Some(spot) = &mut home.spot else { return Ok(()) };
    let fd = spot.handle(run, scratch)?.fd().destination("open")?;
    shared.entry.digest = file::digest(run, scratch, &*fd, &spot.name, || spot.path())?;
    Ok(())
}

fn link_home(
    run: &Run<'_>,
    scratch: &mut Scratch,
    home: &mut Home,
    name: &Name,
    exists: bool,
) -> Outcome<()> {
    if run.options.max_links.is_some_and(|limit| home.names >= limit) {
        return Err(Errno::MLINK).destination("link");
    }
    let spot = home.spot.as_mut().ok_or(Failure::Stopped)?;
    let from = spot.handle(run, scratch)?.fd().destination("open")?;
    link(run, (&from, &spot.name), &name.dir, &name.found.name, exists)?;
    home.names += 1;
    if let Some(members) = &mut home.members {
        members.extend(Spot::of(&name.dir, &name.found.name));
    }
    Ok(())
}

/// Gives the name `member` to the file at `home` too. Its directory may have been done before.
fn take_over(
    run: &Run<'_>,
    scratch: &mut Scratch,
    home: &mut Home,
    member: &mut Spot,
) -> Outcome<()> {
    let spot = home.spot.as_mut().ok_or(Failure::Stopped)?;
    let from = spot.handle(run, scratch)?.fd().destination("open")?;
    let dir = member.handle(run, scratch)?;
    let to = dir.fd().destination("open")?;
    replace(run, (&from, &spot.name), &to, &member.name)?;
    home.names += 1;
    if run.options.filter.is_only_above(|| dir.path()) {
        return Ok(());
    }
    Target::Open(to.owned()).set_mtime(member.mtime()).destination("utimens")
}

/// Gives the file `from` the name `to` in `dir`, in place of what has it.
pub(super) fn link(
    run: &Run<'_>,
    from: (&DirFd, &CStr),
    dir: &Dir,
    to: &CStr,
    exists: bool,
) -> Outcome<()> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let target = destination.fd().destination("open")?;
    dir.touch();
    if !exists {
        match calls::linkat(from.0, from.1, &*target, to) {
            Err(Errno::EXIST) => {}
            result => return result.destination("link"),
        }
    }
    replace(run, from, &target, to)
}

/// Puts a name of the file `from` in the place of `to`.
fn replace(run: &Run<'_>, from: (&DirFd, &CStr), dir: &DirFd, to: &CStr) -> Outcome<()> {
    let temporary = run.temporary.next();
    calls::linkat(from.0, from.1, dir, &temporary).destination("link")?;
    let renamed = calls::renameat(dir, &temporary, dir, to).destination("rename");
    // Renaming one name of a file to another of the same file does nothing at all.
    if renamed.is_err() || Meta::at(dir, &temporary).is_ok() {
        let _ = calls::unlinkat(dir, &temporary, AtFlags::empty());
    }
    renamed
}

pub(super) fn is_link_limit(error: &Error) -> bool {
    error.errno() == Some(Errno::MLINK.raw_os_error())
}
