//! Unmounting, and who keeps a mount busy.

use super::mountinfo::MountTable;
use super::sys::{self, Failure, Limit};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use rustix::io::Errno;
use rustix::mount::UnmountFlags;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How to unmount.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::mount::{UnmountOptions, unmount};
///
/// # let dir = tempfile::tempdir()?;
/// # let folder = dir.path();
/// let mut options = UnmountOptions::default();
/// options.lazy = true; // though it may be in use
/// assert!(unmount(folder, &options, &CancelToken::new()).is_err(), "nothing is mounted there");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnmountOptions {
    /// When it stays busy, take it out of sight at once; the kernel unmounts it when its
    /// last file is closed. What is not written yet is then still to be written.
    pub lazy: bool,
    /// How long a busy mount, or a silent server, is waited for; 10 seconds.
    pub timeout: Duration,
}

impl Default for UnmountOptions {
    fn default() -> Self {
        UnmountOptions { lazy: false, timeout: Duration::from_secs(10) }
    }
}

/// Unmounts what is mounted on `dir`; of several mounts the one on top. Whatever kind of
/// file system it is, `dir` must be a mount point.
///
/// # Errors
/// [`ErrorKind::NotFound`] when nothing is mounted there; [`ErrorKind::Busy`], naming the
/// processes that hold it; [`ErrorKind::Timeout`] when the server does not answer;
/// [`ErrorKind::Cancelled`].
pub fn unmount(
    dir: impl AsRef<Path>,
    options: &UnmountOptions,
    cancel: &CancelToken,
) -> Result<()> {
    let dir = dir.as_ref();
    let failed = |errno: Errno| Error::from_errno("unmount", errno.raw_os_error()).with_path(dir);
    let place = mount_point(dir)?;
    let c_place = CString::new(place.as_os_str().as_bytes()).map_err(|_| failed(Errno::INVAL))?;
    let limit = Limit { deadline: Instant::now() + options.timeout, cancel: cancel.clone() };
    let mut was_busy = false;
    loop {
        let failure = match sys::unmount(&c_place, UnmountFlags::NOFOLLOW, &limit) {
            Ok(()) => return Ok(()),
            // The last call of a busy mount has no time left of its own.
            Err(Failure::TimedOut) if was_busy => Failure::Call(Errno::BUSY),
            Err(failure) => failure,
        };
        was_busy = failure == Failure::Call(Errno::BUSY);
        match failure {
            Failure::Call(Errno::BUSY) if !limit.left().is_zero() && !cancel.is_cancelled() => {
                std::thread::sleep(limit.left().min(Duration::from_millis(100)));
                continue;
            }
            Failure::Call(Errno::BUSY) | Failure::TimedOut if options.lazy => {
                let flags = UnmountFlags::NOFOLLOW | UnmountFlags::DETACH;
                return rustix::mount::unmount(&*c_place, flags).map_err(failed);
            }
            _ => {}
        }
        return Err(match failure {
            Failure::Cancelled => Error::new(ErrorKind::Cancelled, "unmount").with_path(dir),
            Failure::TimedOut => Error::new(ErrorKind::Timeout, "unmount")
                .with_message("the server does not answer; --lazy takes the mount out of sight")
                .with_path(dir),
            Failure::Call(Errno::BUSY) => failed(Errno::BUSY).with_message(busy(&place)),
            Failure::Call(Errno::PERM) => {
                failed(Errno::PERM).with_message("unmounting takes root (CAP_SYS_ADMIN)")
            }
            Failure::Call(errno) => failed(errno),
        });
    }
}

/// The mount point that `dir` means: itself, absolute and without symbolic links. It is
/// looked for in the kernel's list first, since a mount that hangs must not be touched.
fn mount_point(dir: &Path) -> Result<std::path::PathBuf> {
    let table = MountTable::read()?;
    let absolute = std::path::absolute(dir).map_err(|error| Error::from_io("unmount", error))?;
    if table.at(&absolute).is_some() {
        return Ok(absolute);
    }
    let resolved =
        dir.canonicalize().map_err(|error| Error::from_io("unmount", error).with_path(dir))?;
    match table.at(&resolved) {
        Some(_) => Ok(resolved),
        None => Err(Error::new(ErrorKind::NotFound, "unmount")
            .with_message("nothing is mounted here")
            .with_path(dir)),
    }
}

/// Says which processes hold the mount.
fn busy(place: &Path) -> String {
    const NAMED: usize = 5;
    let holders = holders(place);
    let more = match holders.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match holders.len() {
        0 => "busy, but by no process that can be seen; another mount may lie in it".to_owned(),
        _ => format!("in use by {}{more}", holders[..holders.len().min(NAMED)].join(", ")),
    }
}

/// The processes with their working directory, program or an open file below `place`, as
/// `PID (NAME)`. Only links in /proc are read: nothing in the mount is touched.
fn holders(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name();
        if !pid.as_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let process = entry.path();
        let below = |link: &Path| std::fs::read_link(link).is_ok_and(|to| to.starts_with(place));
        let open = || {
            let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            files.into_iter().any(|file| below(&file.path()))
        };
        if ["cwd", "root", "exe"].iter().any(|link| below(&process.join(link))) || open() {
            let name = std::fs::read(process.join("comm")).unwrap_or_default();
            let name = BytePath::from(name.trim_ascii_end());
            found.push(format!("{} ({name})", BytePath::from(Path::new(&pid))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mount_point_is_unmounted() {
        let dir = tempfile::tempdir().unwrap();
        let error = unmount(dir.path(), &UnmountOptions::default(), &CancelToken::new());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_process_with_an_open_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().canonicalize().unwrap();
        let me = format!("{} (", std::process::id());
        let holds = || holders(&place).iter().any(|holder| holder.starts_with(&me));
        assert!(!holds());
        let _file = std::fs::File::create(place.join("open")).unwrap();
        assert!(holds());
        assert!(busy(&place).starts_with("in use by "));
    }
}
