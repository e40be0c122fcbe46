//! Two trees of which neither is in the other, or at least never met on the way through it.

use super::calls;
use super::filter::Filter;
use super::meta::{Meta, Sync};
use super::options::Options;
use super::roots::at;
use crate::error::{Error, ErrorKind, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The two directories of a run that is about to begin.
pub(crate) struct Pair<'p> {
    /// The source, open.
    pub(crate) source: (&'p Path, &'p OwnedFd),
    /// The destination's path, and that directory or the nearest above it that is there, open.
    pub(crate) destination: (&'p Path, &'p OwnedFd),
    /// Whether the destination is there.
    pub(crate) exists: bool,
}

impl Pair<'_> {
    /// Refuses when one directory is, or is inside, the other: by device and inode number, so
    /// that a second mount of the same file system is seen too. A destination inside the
    /// source may be where the run never comes to: a backup of `/` into a file system that is
    /// mounted in it.
    ///
    /// # Errors
    /// When that is so, or can't be found out.
    pub(crate) fn are_apart(&self, op: &'static str, options: &Options) -> Result<()> {
        let refuse = |path: &Path, message: &str| {
            Err(Error::new(ErrorKind::SafetyStop, op).with_path(path).with_message(message))
        };
        let ((source, from), (destination, to)) = (self.source, self.destination);
        let inside = way_up(to, from).map_err(|errno| at("open", destination, errno))?;
        let is_met = match inside {
            Way::Apart => false,
            Way::Within => !self.is_excluded(&options.filter),
            Way::Across => !options.one_file_system && !self.is_excluded(&options.filter),
        };
        if is_met {
            return refuse(
                destination,
                "the destination is inside the source, or is the source; choose another, or \
                 exclude it with --exclude",
            );
        }
        let outside = || way_up(from, to).map_err(|errno| at("open", source, errno));
        if self.exists && outside()? != Way::Apart {
            return refuse(source, "the source is inside the destination");
        }
        Ok(())
    }

    /// Whether the destination, or a directory of the source that it is in, is excluded.
    fn is_excluded(&self, filter: &Filter) -> bool {
        let (source, destination) = (self.source.0, self.destination.0);
        let (Ok(source), Some(destination)) = (source.canonicalize(), resolved(destination)) else {
            return false;
        };
        let Ok(below) = destination.strip_prefix(&source) else { return false };
        let mut path = PathBuf::new();
        below.components().any(|component| {
            path.push(component);
            filter.excludes(path.as_os_str().as_bytes(), true)
        })
    }
}

/// The path without symbolic links, as far as it is there.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find_map(|above| {
        let missing = absolute.strip_prefix(above).ok()?;
        above.canonicalize().ok().map(|above| above.join(missing))
    })
}

/// How one directory lies to another.
#[derive(PartialEq, Eq)]
enum Way {
    /// Outside it.
    Apart,
    /// It is the other one, or below it on the same file system.
    Within,
    /// Below it, on another file system.
    Across,
}

/// Goes up from `inner` to find `outer`.
fn way_up(inner: &OwnedFd, outer: &OwnedFd) -> rustix::io::Result<Way> {
    let id = |fd: &OwnedFd| Meta::of(fd, Sync::Normal).map(|meta| meta.id);
    let outer = id(outer)?;
    let mut fd = inner.try_clone().map_err(|_| Errno::MFILE)?;
    let mut here = id(&fd)?;
    let mut way = Way::Within;
    while here != outer {
        if here.dev != outer.dev {
            way = Way::Across;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = calls::openat(&fd, c"..", flags, Mode::empty())?;
        let above_id = id(&above)?;
        if above_id == here {
            return Ok(Way::Apart);
        }
        (fd, here) = (above, above_id);
    }
    Ok(way)
}
