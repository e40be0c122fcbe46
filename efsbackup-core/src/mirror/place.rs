//! Getting one entry that is no directory into its place: kept, adjusted, hard-linked from
//! a link source, made anew, or linked to a name already there.

use super::attributes;
use super::calls;
use super::entry::adjusted;
use super::event::Action;
use super::failure::{Failure, Outcome, Side};
use super::file::{self, Opened};
use super::itemize::{self, Code, Verb};
use super::link_source::link_from_source;
use super::meta::{Difference, Meta, Sync, Target};
use super::settled::Final;
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::xattr::{self, Xattrs};
use rustix::fs::{AtFlags, FileType, Mode};
use std::ffi::{CStr, CString};
use std::sync::atomic::Ordering;

/// What was done.
pub(super) struct Placed {
    pub(super) action: Action,
    pub(super) itemize: Code,
    /// The inode number at the destination; `None` in a dry run where it would be made.
    pub(super) inode: Option<u64>,
    pub(super) from_link_source: bool,
    /// How it is now.
    pub(super) entry: Final,
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
        if !content_differs && run.noted(run.claims.keep(have, want))? {
            return keep(run, scratch, dir, name, want, have);
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
        let theirs = calls::readlinkat(&*dir.source.fd().source("open")?, dir.in_source(name));
        let ours = calls::readlinkat(&*destination.fd().destination("open")?, name);
        return Ok(theirs.source("readlink")? == ours.destination("readlink")?);
    }
    Ok(!want.is_device() || want.rdev == have.rdev)
}

/// Leaves the entry and adjusts its metadata.
fn keep(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    have: &Meta,
) -> Outcome<Placed> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let mut differs = run.ownership.difference(want, have);
    let (wanted, had) = compare_xattrs(run, dir, name, want, have, &mut differs)?;
    let mut mtime = want.mtime;
    if differs.any() && !run.options.dry_run {
        let to = destination.fd().destination("open")?;
        let target = Target::at(&*to, name).destination("open")?;
        let xattrs = Some((&wanted, &had));
        mtime = attributes::set(run, &target, want, have, xattrs, differs.mtime)?;
    }
    let mut entry = Final::new(run.ownership.result(want, have), wanted);
    entry.meta.mtime = mtime;
    if run.recorder.is_some() {
        let to = destination.fd().destination("open")?;
        entry.target = run.target(&*to, name, want)?;
        if want.is_file() {
            entry.digest = file::digest(run, scratch, &*to, name, || dir.path_of(name))?;
        }
    }
    Ok(Placed {
        action: adjusted(differs.any()),
        itemize: itemize::changed(Verb::Keep, want.file_type, false, false, &differs),
        inode: Some(have.id.ino),
        from_link_source: false,
        entry,
    })
}

/// Notes in `differs` whether extended attributes or ACLs differ, and gives those of the
/// source and of the destination.
fn compare_xattrs(
    run: &Run<'_>,
    dir: &Dir,
    name: &CStr,
    want: &Meta,
    have: &Meta,
    differs: &mut Difference,
) -> Outcome<(Xattrs, Xattrs)> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let (from, to) = (dir.source.fd().source("open")?, destination.fd().destination("open")?);
    let wanted = run.policy.read_at(&*from, dir.in_source(name), want.id.dev).source("getxattr")?;
    let had = run.policy.read_at(&*to, name, have.id.dev).destination("getxattr")?;
    xattr::compare(&wanted, &had, differs);
    Ok((wanted, had))
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
    let letter = itemize::letter(want.file_type);
    let mut placed = match have.filter(|have| itemize::letter(have.file_type) == letter) {
        None => Placed {
            action: if have.is_some() { Action::Updated } else { Action::Created },
            itemize: itemize::made(verb, want.file_type),
            inode: None,
            from_link_source: false,
            entry: Final::new(*want, Xattrs::new()),
        },
        Some(have) => {
            let content = content_differs && (run.options.checksum || !want.is_file());
            let size = want.is_file() && have.size != want.size;
            let mut differs = run.ownership.difference(want, &have);
            if run.listener.is_some() {
                // The new inode gets them all; only the code needs to know what differs.
                compare_xattrs(run, dir, name, want, &have, &mut differs)?;
            }
            Placed {
                action: Action::Updated,
                itemize: itemize::changed(verb, want.file_type, content, size, &differs),
                inode: None,
                from_link_source: false,
                entry: Final::new(*want, Xattrs::new()),
            }
        }
    };
    if run.options.dry_run {
        if want.is_file() {
            run.tally.bytes_copied.fetch_add(want.size, Ordering::Relaxed);
        }
        if run.recorder.is_some() {
            look(run, scratch, dir, name, &mut placed.entry)?;
        }
        return Ok(placed);
    }
    if want.is_file() {
        let written = file::write(run, scratch, dir, name, None, want, have.as_ref())?;
        placed.inode = Some(written.inode);
        placed.entry = written.entry;
    } else {
        let (inode, entry) = make_special(run, dir, name, want)?;
        placed.inode = Some(inode);
        placed.entry = entry;
    }
    Ok(placed)
}

/// Copies an open file that the destination lacks.
pub(super) fn copy_new(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    opened: Opened,
) -> Outcome<Placed> {
    let want = opened.meta;
    let written = file::write(run, scratch, dir, name, Some(opened), &want, None)?;
    Ok(Placed {
        action: Action::Created,
        itemize: itemize::made(Verb::Transfer, want.file_type),
        inode: Some(written.inode),
        from_link_source: false,
        entry: written.entry,
    })
}

/// Adds what the source tells beyond its metadata.
fn look(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    entry: &mut Final,
) -> Outcome<()> {
    let path = || dir.path_of(name);
    let (from, name) = (dir.source.fd().source("open")?, dir.in_source(name));
    entry.xattrs = run.policy.read_at(&*from, name, entry.meta.id.dev).source("getxattr")?;
    entry.target = run.target(&*from, name, &entry.meta)?;
    if entry.meta.is_file() {
        entry.digest = file::digest(run, scratch, &*from, name, path)?;
    }
    Ok(())
}

/// Makes a symbolic link, fifo, socket or device under a temporary name, then renames it.
fn make_special(run: &Run<'_>, dir: &Dir, name: &CStr, want: &Meta) -> Outcome<(u64, Final)> {
    let Some(destination) = &dir.destination else { return Err(Failure::Stopped) };
    let (from, to) = (dir.source.fd().source("open")?, destination.fd().destination("open")?);
    dir.touch();
    let temporary = run.temporary.next();
    let mut text = CString::default();
    if want.is_symlink() {
        text = calls::readlinkat(&*from, dir.in_source(name)).source("readlink")?;
        calls::symlinkat(&text, &*to, &temporary).destination("symlink")?;
    } else {
        // A device's number means nothing for the other types.
        let device = if want.is_device() { want.rdev } else { 0 };
        let file_type: FileType = want.file_type;
        calls::mknodat(&*to, &temporary, file_type, Mode::from_raw_mode(0o600), device)
            .destination("mknod")?;
    }
    let finished = (|| {
        let target = Target::at(&*to, &temporary).destination("open")?;
        let have = Meta::of(target.fd(), Sync::Normal).destination("stat")?;
        let wanted =
            run.policy.read_at(&*from, dir.in_source(name), want.id.dev).source("getxattr")?;
        let had = run.policy.read_target(&target, have.id.dev).destination("getxattr")?;
        let mtime = attributes::set(run, &target, want, &have, Some((&wanted, &had)), true)?;
        calls::renameat(&*to, &temporary, &*to, name).destination("rename")?;
        let mut entry = Final::new(run.ownership.result(want, &have), wanted);
        entry.meta.mtime = mtime;
        entry.target = text.into_bytes();
        Ok((have.id.ino, entry))
    })();
    if finished.is_err() {
        // The error to tell is the one above.
        let _ = calls::unlinkat(&*to, &temporary, AtFlags::empty());
    }
    finished
}
