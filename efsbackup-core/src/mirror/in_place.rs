//! A regular file's content rewritten where it is, block by block where it differs.
//!
//! Whoever reads the file meanwhile sees a mix, and so does the next run after a kill; its
//! time is then newer, so that run goes on with it.

use super::calls;
use super::content;
use super::failure::{Failure, Outcome, Side};
use super::file::{self, Opened, Written};
use super::meta::{Meta, Sync, Target};
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::xattr;
use crate::error::Error;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// Whether what the destination has is rewritten: a file with other names would change under
/// those too.
pub(super) fn applies(run: &Run<'_>, want: &Meta, have: Option<&Meta>) -> bool {
    run.options.in_place
        && want.is_file()
        && have.is_some_and(|have| have.is_file() && have.nlink == 1)
}

/// One attempt to give the destination's file `name`, known as `have`, the content and
/// metadata of the source's; `None` if that changed meanwhile and this is not the last one.
pub(super) fn rewrite_once(
    run: &Run<'_>,
    scratch: &mut Scratch,
    dir: &Dir,
    name: &CStr,
    have: &Meta,
    last: bool,
) -> Outcome<Option<Written>> {
    let Opened { file: source, meta: before } = file::open_regular(dir, name)?;
    let file = open_known(dir, name, have)?;
    narrow(run, &source, &file, &before)?;
    let mut hasher = run.hasher(|| dir.path_of(name));
    let count = file::counter(run);
    let rewritten = content::rewrite(
        (&source, &file),
        before.size,
        &mut scratch.data,
        file::steps(run, &count),
        hasher.as_deref_mut().map(|hasher| hasher as &mut dyn super::settled::ContentHasher),
    );
    let copied = rewritten.map_err(|fault| file::failure(fault, "write"))?;
    calls::ftruncate(&file, copied).destination("truncate")?;
    let mut written = file::settle(run, dir, &source, &file, &before, copied, last)?;
    calls::close(file).destination("close")?;
    if let (Some(written), Some(mut hasher)) = (&mut written, hasher) {
        content::zeros(&mut *hasher, before.size.saturating_sub(copied));
        written.entry.digest = Some(hasher.finish());
    }
    Ok(written)
}

/// Opens the file, if it still is the one that was looked at.
fn open_known(dir: &Dir, name: &CStr, have: &Meta) -> Outcome<OwnedFd> {
    let Some(handle) = &dir.destination else { return Err(Failure::Stopped) };
    let flags =
        OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let destination = handle.fd().destination("open")?;
    let file = calls::openat(&*destination, name, flags, Mode::empty()).destination("open")?;
    let now = Meta::of(&file, Sync::Normal).destination("stat")?;
    if now.id != have.id || !now.is_file() || now.nlink > 1 {
        let error = Error::from_errno("open", Errno::STALE.raw_os_error())
            .with_message("it became another file, or got another name, meanwhile");
        return Err(Failure::Destination(error));
    }
    Ok(file)
}

/// Where others will have other rights to the file, nobody else may look in until it is done.
fn narrow(run: &Run<'_>, source: &OwnedFd, file: &OwnedFd, want: &Meta) -> Outcome<()> {
    let have = Meta::of(file, Sync::Normal).destination("stat")?;
    let mut differs = run.ownership.difference(want, &have);
    let wanted = run.policy.read_fd(source, want.id.dev).source("getxattr")?;
    let had = run.policy.read_fd(file, have.id.dev).destination("getxattr")?;
    xattr::compare(&wanted, &had, &mut differs);
    if differs.mode || differs.uid || differs.gid || differs.acls {
        Target::Open(file).set_mode(0o600).destination("chmod")?;
    }
    Ok(())
}
