//! A source that is no directory: one entry, which is put into a directory, or gets a name of
//! its own there.

use super::calls;
use super::filter::Filter;
use super::meta::Meta;
use super::roots::at;
use super::tree::Found;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Which entry is copied, and what it will be.
pub(super) struct Single {
    /// The directory that it is in.
    pub(super) from: PathBuf,
    /// The directory that it comes into. Only one whose path ends in a slash may be missing.
    pub(super) into: PathBuf,
    /// Its name there.
    name: CString,
    /// Its name in the source, where that is another.
    pub(super) alias: Option<CString>,
}

impl Single {
    /// What copying `source` to `destination` means if it is no directory, as with `rsync -a`:
    /// it goes into the destination that is a directory or ends in a slash, else it gets the
    /// destination's name. `None` for a directory, or a link to one, and where there is
    /// nothing.
    ///
    /// # Errors
    /// When the directory that it is to come into can't be opened.
    pub(super) fn find(source: &Path, destination: &Path) -> Result<Option<Single>> {
        match open_dir(source) {
            Err(Errno::NOTDIR | Errno::NOENT | Errno::LOOP) if !ends_in_slash(source) => {}
            _ => return Ok(None),
        }
        let (Some(from), Some(old)) = (parent(source), name(source)) else { return Ok(None) };
        let Ok(dir) = open_dir(&from) else { return Ok(None) };
        if !Meta::at(&dir, &old).is_ok_and(|meta| !meta.is_dir()) {
            return Ok(None);
        }
        let fail = |path: &Path, errno| at("open destination", path, errno);
        let (into, name) = match (open_dir(destination), ends_in_slash(destination)) {
            (Ok(_), _) | (Err(Errno::NOENT), true) => (destination.to_owned(), old.clone()),
            (Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP), false) => {
                let (Some(into), Some(name)) = (parent(destination), name(destination)) else {
                    return Err(Error::new(ErrorKind::InvalidInput, "open destination")
                        .with_path(destination)
                        .with_message("this can't be the name of a file"));
                };
                open_dir(&into).map_err(|errno| fail(&into, errno))?;
                (into, name)
            }
            (Err(errno), _) => return Err(fail(destination, errno)),
        };
        let alias = (old != name).then_some(old);
        Ok(Some(Single { from, into, name, alias }))
    }

    /// The entry as the listing of a directory would have it; none if it is excluded.
    pub(super) fn found(&self, filter: &Filter) -> Vec<Found> {
        let in_source = self.alias.as_ref().unwrap_or(&self.name);
        if filter.excludes(in_source.as_bytes(), false) {
            return Vec::new();
        }
        let name = self.name.clone();
        vec![Found { name, file_type: FileType::Unknown, at_destination: true }]
    }
}

fn open_dir(path: &Path) -> rustix::io::Result<rustix::fd::OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    calls::openat(CWD, path, flags, Mode::empty())
}

/// Whether the path can only mean a directory.
fn ends_in_slash(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

fn parent(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

fn name(path: &Path) -> Option<CString> {
    path.file_name().map(OsStr::as_bytes).and_then(|name| CString::new(name).ok())
}
