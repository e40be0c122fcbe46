//! Getting one entry that is no directory into its place: kept, adjusted, hard-linked from
//! a link source, made anew, or linked to a name already there.

use super::entry::adjusted;
use super::event::{Action, EntryType};
use super::failure::{Failure, Outcome, Side};
use super::file;
use super::itemize::{self, Verb};
use super::links::{Group, Home, Name, Stage};
use super::meta::{Difference, Meta, Target};
use super::options::Trust;
use super::pool::Queue;
use super::report::EntryError;
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::walk::{Enter, Job};
use super::xattr;
use crate::error::{Error, ErrorKind};
use rustix::fs::{self, AtFlags, FileType, Mode};
use rustix::io::Errno;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What was done.
pub(super) struct Placed {
    pub(super) action: Action,
    pub(super) itemize: String,
    /// The inode number at the destination; `None` in a dry run where it would be made.
    pub(super) inode: Option<u64>,
    pub(super) from_link_source: bool,
    /// The source kept changing while it was copied.
    pub(super) changed: bool,
}

/// Makes the entry `name` at the destination equal the source's, which is no directory
/// and has the metadata `want`. `have` is what the destination has of that name.
pub(super) fn settle(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    have: Option<Meta>,
    use_link_sources: bool,
) -> Outcome<Placed> {
    let mut content_differs = true;
    if let Some(have) = &have {
        content_differs = !same_thing(run, scratch, dir, name, want, have)?;
        if !content_differs && run.claims.claim(have, want) {
            return keep(run, dir, name, want, have);
        }
    }
    if use_link_sources
        && let Some(placed) = link_from_source(run, scratch, dir, name, want, have.is_some())?
    {
        return Ok(placed);
    }
    make(run, scratch, dir, name, want, have, content_differs)
}

/// Whether the destination's entry is the same but for its metadata.
fn same_thing(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    have: &Meta,
) -> Outcome<bool> {
    let Some(destination) = &dir.destination else { return Ok(false) };
    if want.file_type != have.file_type {
        return Ok(false);
    }
    if want.is_file() {
        return Ok(file::looks_equal(run.options, want, have)
            && (!run.options.checksum
                || file::same_content(
                    run,
                    scratch,
                    (dir, name),
                    &*destination.fd().destination("open")?,
                )?));
    }
    if want.is_symlink() {
        let theirs = fs::readlinkat(&*dir.source.fd().source("open")?, name, Vec::new());
        let ours = fs::readlinkat(&*destination.fd().destination("open")?, name, Vec::new());
        return Ok(theirs.source("readlink")? == ours.destination("readlink")?);
    }
    Ok(!want.is_device() || want.rdev == have.rdev)
}

/// Leaves the entry and adjusts its metadata.
fn keep(run: &Run<'_>, dir: &Dir, name: &CStr, want: &Meta, have: &Meta) -> Outcome<Placed> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let mut differs = run.ownership.difference(want, have);
    let mut xattrs = None;
    if run.policy.is_on() {
        let wanted = run
            .policy
            .read_at(&*dir.source.fd().source("open")?, name, want.id.dev)
            .source("getxattr")?;
        let had = run
            .policy
            .read_at(&*destination.fd().destination("open")?, name, have.id.dev)
            .destination("getxattr")?;
        xattr::compare(&wanted, &had, &mut differs);
        xattrs = Some((wanted, had));
    }
    if differs.any() && !run.options.dry_run {
        let target =
            Target::at(&*destination.fd().destination("open")?, name).destination("open")?;
        target.set_owner(want, &differs).destination("chown")?;
        if !want.is_symlink()
            && (differs.mode || ((differs.uid || differs.gid) && want.mode & 0o6000 != 0))
        {
            target.set_mode(want.mode).destination("chmod")?;
        }
        if let Some((wanted, had)) = xattrs.filter(|_| differs.xattrs || differs.acls) {
            run.policy.apply(&target, &wanted, &had).destination("setxattr")?;
        }
        if differs.mtime {
            target.set_mtime(want.mtime).destination("utimens")?;
        }
    }
    Ok(Placed {
        action: adjusted(differs.any()),
        itemize: itemize::changed(Verb::Keep, want.entry_type(), false, false, &differs),
        inode: Some(have.id.ino),
        from_link_source: false,
        changed: false,
    })
}

/// Hard-links the entry from the first link source that has it wholly equal.
fn link_from_source(
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
        let candidate = match Meta::at(&*from, name) {
            Ok(candidate) => candidate,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno).destination("stat"),
        };
        if candidate.file_type != want.file_type
            || candidate.is_dir()
            || !wholly_equal(
                run,
                scratch,
                dir,
                name,
                want,
                (&*from, &candidate),
                &source.trust,
                || handle.path().join(name.to_bytes()),
            )?
        {
            continue;
        }
        let names = if run.options.hard_links { want.nlink } else { 1 };
        let full = run
            .options
            .max_links
            .is_some_and(|limit| candidate.nlink.saturating_add(names) > limit);
        if full || !run.claims.claim(&candidate, want) {
            continue;
        }
        if !run.options.dry_run {
            match link(run, &from, name, dir, name, exists) {
                Ok(()) => {}
                // As far as this file system goes; a copy starts a new inode.
                Err(Failure::Destination(error)) if is_link_limit(&error) => continue,
                Err(failure) => return Err(failure),
            }
        }
        if want.is_file() {
            run.tally.bytes_linked.fetch_add(want.size, Ordering::Relaxed);
        }
        return Ok(Some(Placed {
            action: Action::Linked,
            itemize: itemize::changed(
                Verb::Link,
                want.entry_type(),
                false,
                false,
                &Difference::default(),
            ),
            inode: Some(candidate.id.ino),
            from_link_source: true,
            changed: false,
        }));
    }
    Ok(None)
}

/// Whether a link source's entry can stand for the source's: nothing at all may differ,
/// since an inode in a link source is never changed.
#[allow(clippy::too_many_arguments)]
fn wholly_equal(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    (from, candidate): (&super::handle::DirFd, &Meta),
    trust: &Trust,
    path: impl FnOnce() -> crate::bytepath::BytePath,
) -> Outcome<bool> {
    if run.ownership.difference(want, candidate).any() {
        return Ok(false);
    }
    let source = dir.source.fd().source("open")?;
    if want.is_symlink() {
        let theirs = fs::readlinkat(&*source, name, Vec::new()).source("readlink")?;
        if theirs != fs::readlinkat(from, name, Vec::new()).destination("readlink")? {
            return Ok(false);
        }
    } else if want.is_file() {
        if want.size != candidate.size {
            return Ok(false);
        }
        let is_whole = match trust {
            Trust::Metadata => true,
            Trust::WholeOnly(is_whole) => is_whole(&path(), candidate.id.ino),
        };
        if (run.options.checksum || !is_whole)
            && !file::same_content(run, scratch, (dir, name), from)?
        {
            return Ok(false);
        }
    } else if want.is_device() && want.rdev != candidate.rdev {
        return Ok(false);
    }
    if !run.policy.is_on() {
        return Ok(true);
    }
    let wanted = run.policy.read_at(&*source, name, want.id.dev).source("getxattr")?;
    let had = run.policy.read_at(from, name, candidate.id.dev).destination("getxattr")?;
    Ok(wanted == had)
}

/// Makes the entry anew, in place of what has its name.
fn make(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    have: Option<Meta>,
    content_differs: bool,
) -> Outcome<Placed> {
    let verb = if want.is_file() { Verb::Transfer } else { Verb::Change };
    let mut placed = match have.filter(|have| have.file_type == want.file_type) {
        None => Placed {
            action: if have.is_some() { Action::Updated } else { Action::Created },
            itemize: itemize::made(verb, want.entry_type()),
            inode: None,
            from_link_source: false,
            changed: false,
        },
        Some(have) => {
            let content = content_differs && (run.options.checksum || !want.is_file());
            let size = want.is_file() && have.size != want.size;
            let differs = run.ownership.difference(want, &have);
            Placed {
                action: Action::Updated,
                itemize: itemize::changed(verb, want.entry_type(), content, size, &differs),
                inode: None,
                from_link_source: false,
                changed: false,
            }
        }
    };
    if run.options.dry_run {
        if want.is_file() {
            run.tally.bytes_copied.fetch_add(want.size, Ordering::Relaxed);
        }
        return Ok(placed);
    }
    if want.is_file() {
        let written = file::write(run, scratch, dir, name, have.is_some())?;
        placed.inode = Some(written.inode);
        placed.changed = written.changed;
    } else {
        placed.inode = Some(make_special(run, dir, name, want)?);
    }
    Ok(placed)
}

/// Makes a symbolic link, fifo, socket or device under a temporary name, then renames it.
fn make_special(run: &Run<'_>, dir: &Dir, name: &CStr, want: &Meta) -> Outcome<u64> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let (from, to) = (dir.source.fd().source("open")?, destination.fd().destination("open")?);
    dir.touch();
    let temporary = run.temporary.next();
    if want.is_symlink() {
        let text = fs::readlinkat(&*from, name, Vec::new()).source("readlink")?;
        fs::symlinkat(text, &*to, &temporary).destination("symlink")?;
    } else {
        // A device's number means nothing for the other types.
        let device = if want.is_device() { want.rdev } else { 0 };
        let file_type: FileType = want.file_type;
        fs::mknodat(&*to, &temporary, file_type, Mode::from_raw_mode(0o600), device)
            .destination("mknod")?;
    }
    let finished = (|| {
        let target = Target::at(&*to, &temporary).destination("open")?;
        let have = Meta::of(target.fd(), super::meta::Sync::Normal).destination("stat")?;
        let differs = run.ownership.difference(want, &have);
        target.set_owner(want, &differs).destination("chown")?;
        if !want.is_symlink() {
            target.set_mode(want.mode).destination("chmod")?;
        }
        if run.policy.is_on() {
            let wanted = run.policy.read_at(&*from, name, want.id.dev).source("getxattr")?;
            let had = run.policy.read_target(&target, have.id.dev).destination("getxattr")?;
            run.policy.apply(&target, &wanted, &had).destination("setxattr")?;
        }
        target.set_mtime(want.mtime).destination("utimens")?;
        fs::renameat(&*to, &temporary, &*to, name).destination("rename")?;
        Ok(have.id.ino)
    })();
    if finished.is_err() {
        // The error to tell is the one above.
        let _ = fs::unlinkat(&*to, &temporary, AtFlags::empty());
    }
    finished
}

/// Gives the file `name` in `from` the name `to` in `dir`, in place of what has it.
fn link(
    run: &Run<'_>,
    from: &super::handle::DirFd,
    name: &CStr,
    dir: &Dir,
    to: &CStr,
    exists: bool,
) -> Outcome<()> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let target = destination.fd().destination("open")?;
    dir.touch();
    if !exists {
        match fs::linkat(from, name, &*target, to, AtFlags::empty()) {
            Err(Errno::EXIST) => {}
            result => return result.destination("link"),
        }
    }
    let temporary = run.temporary.next();
    fs::linkat(from, name, &*target, &temporary, AtFlags::empty()).destination("link")?;
    let renamed = fs::renameat(&*target, &temporary, &*target, to).destination("rename");
    // Renaming one name of a file to another of the same file does nothing at all.
    if renamed.is_err() || Meta::at(&*target, &temporary).is_ok() {
        let _ = fs::unlinkat(&*target, &temporary, AtFlags::empty());
    }
    renamed
}

fn is_link_limit(error: &Error) -> bool {
    error.errno() == Some(Errno::MLINK.raw_os_error())
}

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
    let Stage::Done(home) = &mut state.stage else { return };
    let result = follow_home(run, scratch, home, name, have.as_ref());
    drop(state);
    match result {
        Ok((action, itemize)) => {
            run.done(path, EntryType::HardLink, action, &itemize, None);
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
        let code =
            itemize::changed(Verb::Keep, EntryType::HardLink, false, false, &Difference::default());
        return Ok((Action::Unchanged, code));
    }
    let (action, code) = match have {
        Some(have) => {
            let differs = run.ownership.difference(&name.meta, have);
            (
                Action::Updated,
                itemize::changed(Verb::Link, EntryType::HardLink, false, false, &differs),
            )
        }
        None => (Action::Created, itemize::made(Verb::Link, EntryType::HardLink)),
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

fn link_home(run: &Run<'_>, home: &mut Home, name: &Name, exists: bool) -> Outcome<()> {
    let from = home.dir.destination.as_ref().ok_or(Failure::Stopped)?.fd().destination("open")?;
    link(run, &from, &home.name, &name.dir, &name.found.name, exists)?;
    if let Some(members) = &mut home.members {
        members.push((Arc::clone(&name.dir), name.found.name.clone()));
    }
    Ok(())
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
    if !candidate.is_dir() {
        return link(run, &from, name, dir, name, false);
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
