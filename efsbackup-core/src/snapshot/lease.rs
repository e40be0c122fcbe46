//! The lease file: who holds a repository, and a sign of life.

use super::calls;
use super::files::Dir;
use super::process::Process;
use crate::error::{Error, Result};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// The lease's name in the control folder.
pub(super) const LEASE: &str = "lease";

/// What the holder of a repository says of itself, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The run, the lease's token.
    pub(super) run: String,
    /// Since when.
    pub(super) since: Timestamp,
    /// For how long the lease counts after it was last renewed, in milliseconds.
    pub(super) lease_ms: u64,
    /// Its process.
    #[serde(flatten)]
    pub(super) process: Process,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Holder { run, since, process, .. } = self;
        let Process { host, pid, .. } = process;
        write!(f, "run {run} (process {pid} on {host}, since {since:.0})")
    }
}

/// A lease as found: all that changes when it is renewed or replaced.
#[derive(Debug)]
pub(super) struct Found {
    /// `None` when the line can't be read, as after a loss of power.
    pub(super) holder: Option<Holder>,
    inode: u64,
    content: Vec<u8>,
    file: File,
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.inode == other.inode && self.content == other.content
    }
}

impl Found {
    /// Reads the lease; `None` when nobody holds the repository. It is opened anew each
    /// time, since over NFS only opening looks at the server.
    pub(super) fn read(control: &Dir) -> Result<Option<Found>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = match calls::openat(control, LEASE, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(control.failed("open", LEASE, errno)),
        };
        let failed = |error| Error::from_io("read", error).with_path(control.path.join(LEASE));
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed)?;
        let inode = file.metadata().map_err(failed)?.ino();
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(Some(Found { holder: serde_json::from_slice(line).ok(), inode, content, file }))
    }

    /// For how long it must stay unchanged to count as given up; `default` when it can't
    /// be read.
    pub(super) fn length(&self, default: Duration) -> Duration {
        self.holder.as_ref().map_or(default, |holder| Duration::from_millis(holder.lease_ms))
    }

    /// Whether its holder is known to have ended: the process is gone, and nobody has the
    /// lock on the lease.
    pub(super) fn holder_has_ended(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.process.has_ended())
            && try_lock(&self.file).is_ok_and(|locked| locked)
    }
}

/// A lease of our own. Each is a new file, locked before it takes the place of the last:
/// a holder that was given up renews a file that nobody reads any more.
#[derive(Debug)]
pub(super) struct Lease {
    file: File,
    renewals: u64,
    counter_at: u64,
}

impl Lease {
    /// Puts a lease of `holder` in the place of any other.
    pub(super) fn install(control: &Dir, holder: &Holder) -> Result<Lease> {
        let temporary = format!("{LEASE}.{}", holder.run);
        let mut line = serde_json::to_vec(holder).map_err(|error| {
            Error::new(crate::ErrorKind::Internal, "write lease").with_source(error)
        })?;
        line.push(b'\n');
        let file = control.create(&temporary)?;
        let lease = || {
            try_lock(&file)?;
            calls::write(&file, &temporary, &line)
                .map_err(|e| Error::from_io("write", e).with_path(control.path.join(&temporary)))?;
            let mut lease = Lease {
                file: file.try_clone().map_err(|e| Error::from_io("write lease", e))?,
                renewals: 0,
                counter_at: line.len() as u64,
            };
            lease.renew()?;
            calls::renameat(control, &temporary, control, LEASE)
                .map_err(|errno| control.failed("rename", &temporary, errno))?;
            control.sync()?;
            Ok(lease)
        };
        lease().inspect_err(|_| {
            let _ = control.remove(&temporary);
        })
    }

    /// Gives a sign of life: a counter of fixed width, written in place.
    pub(super) fn renew(&mut self) -> Result<()> {
        self.renewals += 1;
        let counter = format!("{:020}\n", self.renewals);
        let written = calls::pwrite(&self.file, LEASE, counter.as_bytes(), self.counter_at);
        written
            .and_then(|()| Ok(calls::fdatasync(&self.file, LEASE)?))
            .map_err(|error| Error::from_io("renew lease", error))
    }
}

/// Takes the whole file's lock for this open file, if nobody else has it.
///
/// # Errors
/// When the file system has no locks.
pub(super) fn try_lock(file: impl AsFd) -> Result<bool> {
    let whole_file = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(Error::from_errno("lock", errno as i32)
            .with_message("the repository's file system can't lock files")),
    }
}
