//! A filter at work in one directory.

use super::filter::Filter;
use super::handle::{DirFd, Handle};
use super::meta::Meta;
use rustix::fd::AsFd;
use rustix::fs::{FileType, RawDirEntry};
use rustix::io::{Errno, Result};

/// The filter, and the path of the directory whose entries are held against it.
pub(super) struct Sieve<'f> {
    /// `None` if it excludes nothing.
    filter: Option<&'f Filter>,
    /// The directory's path and a slash, then the name looked at last.
    path: Vec<u8>,
    /// Where names begin.
    names_at: usize,
}

impl<'f> Sieve<'f> {
    /// The sieve for the entries of `dir`.
    pub(super) fn new(filter: &'f Filter, dir: &Handle) -> Self {
        if filter.is_empty() {
            return Sieve { filter: None, path: Vec::new(), names_at: 0 };
        }
        let mut path = dir.path().as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        Sieve { filter: Some(filter), names_at: path.len(), path }
    }

    /// Whether an entry just listed in the directory, which is open as `dir`, is excluded.
    ///
    /// # Errors
    /// When the file system does not tell types while listing, and not when asked.
    pub(super) fn excludes(&mut self, dir: &DirFd, entry: &RawDirEntry<'_>) -> Result<bool> {
        let Some(filter) = self.filter else { return Ok(false) };
        self.path.truncate(self.names_at);
        self.path.extend_from_slice(entry.file_name().to_bytes());
        Ok(filter.excludes(&self.path, is_dir(dir, entry)?))
    }
}

/// Whether an entry just listed in `dir` is a directory.
pub(super) fn is_dir(dir: impl AsFd, entry: &RawDirEntry<'_>) -> Result<bool> {
    match entry.file_type() {
        FileType::Unknown => match Meta::at(dir, entry.file_name()) {
            Ok(meta) => Ok(meta.is_dir()),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        },
        file_type => Ok(file_type == FileType::Directory),
    }
}
