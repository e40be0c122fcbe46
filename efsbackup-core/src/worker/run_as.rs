//! Scripts as another user than the worker.

use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use nix::unistd::{User, getgrouplist};
use rustix::fs::{AtFlags, CWD, Gid, Uid};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

/// A user whose rights scripts have, and all that is read and written for them.
///
/// ```no_run
/// use efsbackup_core::worker::{RunAs, WorkerOptions};
///
/// // Only root can become others.
/// let mut options = WorkerOptions::new(["backups"], "/var/log/worker", "/var/lib/worker");
/// options.run_as = Some(RunAs::user("nobody")?);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunAs {
    name: String,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    home: PathBuf,
}

impl RunAs {
    /// The user called `name`, with the groups that the machine gives it.
    ///
    /// # Errors
    /// `NotFound` where there is no such user; `PermissionDenied` where this process is not
    /// root's, as only root can become others.
    pub fn user(name: &str) -> Result<RunAs> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, "run as").with_message(format!(
                "only root can run scripts as {name}; start it as {name} instead"
            )));
        }
        let failed = |errno: nix::Error| Error::from_errno("look up user", errno as i32);
        let user = User::from_name(name).map_err(failed)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "run as")
                .with_message(format!("there is no user '{name}'"))
        })?;
        let text = CString::new(name).map_err(|_| Error::new(ErrorKind::InvalidInput, "run as"))?;
        let groups = getgrouplist(&text, user.gid).map_err(failed)?;
        Ok(RunAs {
            name: name.to_owned(),
            uid: Uid::from_raw(user.uid.as_raw()),
            gid: Gid::from_raw(user.gid.as_raw()),
            groups: groups.into_iter().map(|group| Gid::from_raw(group.as_raw())).collect(),
            home: user.dir,
        })
    }

    /// Gives the calling thread, and it alone, this user's rights for good. Plain system calls
    /// only: it is called between fork and exec too.
    pub(super) fn take_on(&self) -> io::Result<()> {
        set_thread_groups(&self.groups)?;
        set_thread_gid(self.gid)?;
        set_thread_uid(self.uid)?;
        Ok(())
    }

    /// What of the environment is the user's.
    pub(super) fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            ("HOME", self.home.clone().into()),
            ("USER", self.name.clone().into()),
            ("LOGNAME", self.name.clone().into()),
        ]
    }

    /// Makes a file or folder the user's.
    pub(super) fn give(&self, path: &Path) -> Result<()> {
        rustix::fs::chownat(CWD, path, Some(self.uid), Some(self.gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Error::from_errno("give", error.raw_os_error()).with_path(path))
    }

    /// Refuses a folder that the user can't get into.
    pub(super) fn refuse_unreachable(&self, dir: &Path) -> Result<()> {
        let failed = |error| Error::from_io("look at folder", error).with_path(dir);
        let whole = dir.canonicalize().map_err(failed)?;
        for folder in whole.ancestors() {
            let found = folder.metadata().map_err(failed)?;
            let bit = match () {
                () if found.uid() == self.uid.as_raw() => 0o100,
                () if self.groups.contains(&Gid::from_raw(found.gid())) => 0o010,
                () => 0o001,
            };
            if found.mode() & bit == 0 && !self.uid.is_root() {
                return Err(Error::new(ErrorKind::PermissionDenied, "run as").with_message(format!(
                    "scripts lie in {}, and {} is closed to {}; keep the state or the work folder \
                     elsewhere, such as in /var/lib",
                    BytePath::from(dir),
                    BytePath::from(folder),
                    self.name
                )));
            }
        }
        Ok(())
    }
}

/// Does `work` with the rights of `user`, where there is one, on a thread of its own.
pub(super) fn as_user<T: Send>(
    user: Option<&RunAs>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let Some(user) = user else { return work() };
    thread::scope(|scope| {
        let done = scope.spawn(|| user.take_on().and_then(|()| work()));
        done.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")))
    })
}
