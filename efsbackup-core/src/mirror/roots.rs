//! Both roots opened, and the guards that look at them before anything is changed.

use super::apart::Pair;
use super::calls;
use super::filter::Filter;
use super::handle::{Budget, Handle};
use super::meta::{Meta, Sync};
use super::options::Options;
use super::reach::{Others, Reach};
use super::sieve;
use super::single::Single;
use super::tree::{Dir, Role};
use crate::error::{Error, ErrorKind, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, OnceLock};

/// Opens both roots, after the guards. The destination's is `None` where it is missing; the
/// last is the destination, or the directory it will be made in, and so on its file system.
/// `single`: only one entry is copied, so nothing else can come to harm.
pub(super) fn open_roots(
    source: &Path,
    destination: &Path,
    options: &Options,
    single: bool,
) -> Result<(OwnedFd, Option<OwnedFd>, OwnedFd)> {
    if options.in_place && options.strict {
        return Err(Error::new(ErrorKind::InvalidInput, "options")
            .with_message("in place no previous version can be kept: give in_place or strict"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |path: &Path| calls::openat(CWD, path, flags, Mode::empty());
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
    for link in &options.link_sources {
        open(&link.path).map_err(|errno| at("open link source", &link.path, errno))?;
    }
    if single {
        return Ok((root, existing, nearest));
    }
    let exists = existing.is_some();
    Pair { source: (source, &root), destination: (destination, &nearest), exists }
        .are_apart("mirror", options)?;
    if options.delete
        && !options.allow_empty
        && is_empty(&root, &options.filter).map_err(|errno| at("list", source, errno))?
    {
        return Err(refuse(
            source,
            "the source is empty or all in it is excluded, so the destination would be emptied; is it mounted? (--allow-empty if it is meant)",
        ));
    }
    Ok((root, existing, nearest))
}

pub(super) fn at(op: &'static str, path: &Path, errno: Errno) -> Error {
    Error::from_errno(op, errno.raw_os_error()).with_path(path)
}

fn refuse(path: &Path, message: &str) -> Error {
    Error::new(ErrorKind::SafetyStop, "mirror").with_path(path).with_message(message)
}

/// Whether there is nothing, but for what the filter excludes.
fn is_empty(dir: &OwnedFd, filter: &Filter) -> rustix::io::Result<bool> {
    let fd = calls::openat(
        dir,
        c".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&fd, &mut buffer);
    while let Some(entry) = calls::next_entry(&mut entries) {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") && !filter.excludes(name, sieve::is_dir(&fd, &entry)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The root's directory on all sides; the destination is made if it is missing.
pub(super) fn root_dir(
    source: &Path,
    destination: &Path,
    options: &Options,
    root: OwnedFd,
    existing: Option<OwnedFd>,
    budget: Arc<Budget>,
    single: Option<&Single>,
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
            // A directory that is to equal another is closed until it does.
            let mode = if single.is_some() { 0o777 } else { 0o700 };
            calls::mkdirat(CWD, destination, Mode::from_raw_mode(mode))
                .map_err(|errno| at("make destination", destination, errno))?;
            let fd = calls::openat(CWD, destination, flags | OFlags::NOFOLLOW, Mode::empty());
            Some(fd.map_err(|errno| at("open destination", destination, errno))?)
        }
    };
    let mut others = Others::MayWrite;
    if let Some(fd) = &fd {
        let made = before.is_none() || options.fresh;
        let have = Meta::of(fd, Sync::Normal).map_err(|errno| at("stat", destination, errno))?;
        let euid = rustix::process::geteuid().as_raw();
        // The way that leads to it is the caller's choice, and taken once.
        others = Others::of(&have, euid, made, Others::MayRead);
    }
    let mut links = Vec::new();
    for link in &options.link_sources {
        let fd = calls::openat(CWD, &link.path, flags, Mode::empty())
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
        role: if single.is_some() { Role::Around } else { Role::Mirror },
        alias: single.and_then(|single| single.alias.clone()),
        pending: AtomicUsize::new(1),
        touched: AtomicBool::new(false),
        hands_down_acl: OnceLock::new(),
        reach: Reach::new(others),
    })
}
