//! Directories by descriptor, whatever their depth.
//!
//! A handle knows its directory's parent and name, so its descriptor can be given up when
//! descriptors are scarce and opened again later, component by component, never through a
//! symbolic link, and only if the same directory is still there.

use super::calls;
use crate::bytepath::BytePath;
use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Which inode of which device: what makes two names one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) dev: u64,
    pub(super) ino: u64,
}

/// How many directory descriptors may stay open.
#[derive(Debug)]
pub(super) struct Budget {
    open: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Budget { open: AtomicUsize::new(0), limit }
    }

    fn is_spent(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.limit
    }
}

/// A descriptor counted in a budget.
#[derive(Debug)]
pub(super) struct DirFd {
    fd: OwnedFd,
    budget: Arc<Budget>,
}

impl DirFd {
    fn new(fd: OwnedFd, budget: &Arc<Budget>) -> Arc<Self> {
        budget.open.fetch_add(1, Ordering::Relaxed);
        Arc::new(DirFd { fd, budget: Arc::clone(budget) })
    }
}

impl DirFd {
    pub(super) fn owned(&self) -> &OwnedFd {
        &self.fd
    }
}

impl Drop for DirFd {
    fn drop(&mut self) {
        self.budget.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl rustix::fd::AsFd for DirFd {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// An open directory, or one that can be opened again.
#[derive(Debug)]
pub(super) struct Handle {
    parent: Option<Arc<Handle>>,
    name: CString,
    id: FileId,
    budget: Arc<Budget>,
    slot: Mutex<Option<Arc<DirFd>>>,
    /// The path, once it was asked for, unless it is a long one.
    path: OnceLock<BytePath>,
}

/// Longer paths are not kept: in a very deep tree they would add up.
const KEPT_PATH: usize = 4096;

impl Handle {
    /// The handle of a tree's root.
    pub(super) fn root(fd: OwnedFd, budget: Arc<Budget>) -> Result<Arc<Self>> {
        let id = identify(&fd)?;
        let slot = Mutex::new(Some(DirFd::new(fd, &budget)));
        let (name, path) = (CString::default(), OnceLock::new());
        Ok(Arc::new(Handle { parent: None, name, id, budget, slot, path }))
    }

    /// Opens the directory `name` in `parent`; ELOOP or ENOTDIR if it is a symbolic link.
    pub(super) fn open(parent: &Arc<Handle>, name: &CStr) -> Result<Arc<Self>> {
        let fd = open_directory(&*parent.fd()?, name)?;
        let id = identify(&fd)?;
        Ok(Arc::new(Handle {
            parent: Some(Arc::clone(parent)),
            name: name.to_owned(),
            id,
            slot: Mutex::new(Some(DirFd::new(fd, &parent.budget))),
            budget: Arc::clone(&parent.budget),
            path: OnceLock::new(),
        }))
    }

    /// Opens the directory at `path` (components separated by `/`) below this one.
    pub(super) fn open_path(self: &Arc<Self>, path: &[u8]) -> Result<Arc<Self>> {
        let mut handle = Arc::clone(self);
        for component in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let name = CString::new(component).map_err(|_| Errno::INVAL)?;
            let next = Handle::open(&handle, &name)?;
            handle.release();
            handle = next;
        }
        Ok(handle)
    }

    /// Which directory this is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// The descriptor, opened again if it was given up. ESTALE if another directory has
    /// taken its place.
    pub(super) fn fd(&self) -> Result<Arc<DirFd>> {
        if let Some(fd) = &*self.lock() {
            return Ok(Arc::clone(fd));
        }
        // Up to the next ancestor that is open, then down again: no recursion, since a
        // tree may be deeper than a thread's stack.
        let mut closed = vec![self];
        let mut fd = loop {
            let last = closed[closed.len() - 1];
            let Some(parent) = &last.parent else { return Err(Errno::STALE) };
            if let Some(fd) = &*parent.lock() {
                break Arc::clone(fd);
            }
            closed.push(parent);
        };
        for handle in closed.into_iter().rev() {
            let opened = open_directory(&fd, &handle.name)?;
            if identify(&opened)? != handle.id {
                return Err(Errno::STALE);
            }
            fd = DirFd::new(opened, &self.budget);
        }
        if !self.budget.is_spent() {
            *self.lock() = Some(Arc::clone(&fd));
        }
        Ok(fd)
    }

    /// Gives the descriptor up if descriptors are scarce. A root keeps its own.
    pub(super) fn release_if_scarce(&self) {
        if self.budget.is_spent() {
            self.release();
        }
    }

    /// Gives the descriptor up. A root keeps its own.
    pub(super) fn release(&self) {
        if self.parent.is_some() {
            *self.lock() = None;
        }
    }

    /// The path below the root; empty for the root.
    pub(super) fn path(&self) -> BytePath {
        self.path_of(b"")
    }

    /// The path of the entry `name` in it, below the root.
    pub(super) fn path_of(&self, name: &[u8]) -> BytePath {
        if let Some(path) = self.path.get() {
            return path.join(name);
        }
        let mut names = Vec::new();
        let mut handle = self;
        while let Some(parent) = &handle.parent {
            names.push(handle.name.as_bytes());
            handle = parent;
        }
        names.reverse();
        let path = BytePath::from(names.join(&b'/'));
        let joined = path.join(name);
        if path.as_bytes().len() <= KEPT_PATH {
            // Another thread may have been quicker, with the same.
            let _ = self.path.set(path);
        }
        joined
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<DirFd>>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_directory(parent: &DirFd, name: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    calls::openat(parent, name, flags, Mode::empty())
}

fn identify(fd: &OwnedFd) -> Result<FileId> {
    let stat = calls::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::INO)?;
    Ok(FileId { dev: fs::makedev(stat.stx_dev_major, stat.stx_dev_minor), ino: stat.stx_ino })
}
