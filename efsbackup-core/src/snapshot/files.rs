//! Small files and names, always below an open directory.

use super::calls;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, StatxFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An open directory, and its path for messages.
#[derive(Debug)]
pub(super) struct Dir {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory at `path`.
    pub(super) fn open(path: &Path) -> Result<Dir> {
        match calls::openat(CWD, path.as_os_str().as_bytes(), DIR_FLAGS, Mode::empty()) {
            Ok(fd) => Ok(Dir { fd, path: path.to_owned() }),
            Err(errno) => Err(Error::from_errno("open", errno.raw_os_error()).with_path(path)),
        }
    }

    /// Opens the directory `name` in this one; a symbolic link is refused.
    pub(super) fn dir(&self, name: &str) -> Result<Dir> {
        let fd = calls::openat(self, name, DIR_FLAGS | OFlags::NOFOLLOW, Mode::empty());
        let fd = fd.map_err(|errno| self.failed("open", name, errno))?;
        Ok(Dir { fd, path: self.path.join(name) })
    }

    /// Makes the directory `name` (mode 0700), unless it is there already, and opens it.
    pub(super) fn make_dir(&self, name: &str) -> Result<Dir> {
        match calls::mkdirat(self, name, Mode::RWXU) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(self.failed("mkdir", name, errno)),
        }
        self.dir(name)
    }

    /// What `name` is; `None` when there is nothing.
    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>> {
        match calls::statat(self, name) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("stat", name, errno)),
        }
    }

    /// Whether `name` is still the name of the open file `file`.
    pub(super) fn has(&self, name: &str, file: &File) -> Result<bool> {
        self.refresh();
        let own = rustix::fs::fstat(file).map_err(|errno| self.failed("stat", name, errno))?;
        let named = self.stat(name)?;
        Ok(named.is_some_and(|named| (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)))
    }

    /// Has names looked up anew, on a network file system at the server: a client may answer
    /// them for up to a minute from what it knows of the directory.
    pub(super) fn refresh(&self) {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
        // Where it can't be asked for, there is no such client.
        let _ = rustix::fs::statx(self, "", flags, StatxFlags::BASIC_STATS);
    }

    /// Opens the regular file `name` for reading; `None` when there is none.
    pub(super) fn file(&self, name: &str) -> Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match calls::openat(self, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("open", name, errno)),
        }
    }

    /// The content of the regular file `name`; `None` when there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.file(name)? else { return Ok(None) };
        let mut content = Vec::new();
        match file.read_to_end(&mut content) {
            Ok(_) => Ok(Some(content)),
            Err(error) => Err(Error::from_io("read", error).with_path(self.path.join(name))),
        }
    }

    /// Makes the new file `name` (mode 0600) and opens it for reading and writing.
    pub(super) fn create(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = calls::openat(self, name, flags, Mode::RUSR | Mode::WUSR);
        fd.map(File::from).map_err(|errno| self.failed("create", name, errno))
    }

    /// Makes the new file `name` in one step, and makes it durable. `tag` keeps two
    /// processes that do so at once apart.
    pub(super) fn write_new(&self, name: &str, tag: &str, content: &[u8]) -> Result<()> {
        let temporary = format!("{name}.{tag}{TEMPORARY}");
        self.remove(&temporary)?;
        let file = self.create(&temporary)?;
        let linked = self.fill(&file, &temporary, content).and_then(|()| {
            calls::linkat(self, &temporary, name)
                .map_err(|errno| self.failed("create", name, errno))
        });
        self.remove(&temporary)?;
        linked?;
        self.sync()
    }

    /// Writes the file `name` in one step, in place of what has the name, and makes it
    /// durable. `tag` is as for [`Dir::write_new`].
    pub(super) fn write_over(&self, name: &str, tag: &str, content: &[u8]) -> Result<()> {
        let temporary = format!("{name}.{tag}{TEMPORARY}");
        self.remove(&temporary)?;
        let file = self.create(&temporary)?;
        self.fill(&file, &temporary, content)?;
        calls::renameat(self, &temporary, self, name)
            .map_err(|errno| self.failed("rename", name, errno))?;
        self.sync()
    }

    /// Writes the new file `name`, durably.
    fn fill(&self, file: &File, name: &str, content: &[u8]) -> Result<()> {
        calls::write(file, name, content)
            .and_then(|()| Ok(calls::fsync(file, name.as_bytes())?))
            .map_err(|error| Error::from_io("write", error).with_path(self.path.join(name)))
    }

    /// Removes the file `name`; whether there was one.
    pub(super) fn remove(&self, name: &str) -> Result<bool> {
        match calls::unlinkat(self, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.failed("remove", name, errno)),
        }
    }

    /// Renames `from` to the free name `to`. The caller holds the lock: where the file
    /// system can't refuse to replace, the name is looked at first.
    pub(super) fn rename_to_free(&self, from: &str, to: &str) -> Result<()> {
        match calls::renameat_with(self, from, to, RenameFlags::NOREPLACE) {
            // NFS says INVAL, others NOTSUP, old kernels NOSYS.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => {}
            Err(errno) => return Err(self.failed("rename", from, errno)),
            Ok(()) => return Ok(()),
        }
        if self.stat(to)?.is_some() {
            return Err(
                Error::new(ErrorKind::AlreadyExists, "rename").with_path(self.path.join(to))
            );
        }
        calls::renameat(self, from, self, to).map_err(|errno| self.failed("rename", from, errno))
    }

    /// Every entry's name and type, in no order.
    pub(super) fn list(&self) -> Result<Vec<(Vec<u8>, FileType)>> {
        let failed = |errno: Errno| {
            Error::from_errno("list", errno.raw_os_error()).with_path(self.path.as_path())
        };
        let mut entries = Vec::new();
        for entry in calls::getdents(self, self.path.as_os_str().as_bytes()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match calls::statat(self, name) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(failed(errno)),
                },
                kind => kind,
            };
            entries.push((name.to_vec(), kind));
        }
        Ok(entries)
    }

    /// The names that are UTF-8 and of type `kind`, in order.
    pub(super) fn names(&self, kind: FileType) -> Result<Vec<String>> {
        let entries = self.list()?.into_iter().filter(|entry| entry.1 == kind);
        let mut names: Vec<_> =
            entries.filter_map(|entry| String::from_utf8(entry.0).ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Makes what happened to the names in this directory durable.
    pub(super) fn sync(&self) -> Result<()> {
        calls::fsync(self, self.path.as_os_str().as_bytes()).map_err(|errno| {
            Error::from_errno("fsync", errno.raw_os_error()).with_path(self.path.as_path())
        })
    }

    /// An error at the entry `name`.
    pub(super) fn failed(&self, op: &'static str, name: &str, errno: Errno) -> Error {
        Error::from_errno(op, errno.raw_os_error()).with_path(self.path.join(name))
    }
}

/// How the name of a file that is being written ends.
pub(super) const TEMPORARY: &str = ".new";
