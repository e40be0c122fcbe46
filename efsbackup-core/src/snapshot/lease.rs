//! Lease files: who holds a repository, and a sign of life of each.

use super::calls;
use super::files::{Dir, TEMPORARY};
use super::process::Process;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{FileType, Mode, OFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How a lease's name in the control folder begins; its holder's token follows.
pub(super) const LEASE_PREFIX: &str = "lease-";
/// How many digits the counter has.
const COUNTER_LEN: usize = 20;

/// What one process that holds a repository says of itself, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The run that it belongs to; several processes may hold the repository for one run.
    pub(super) run: String,
    /// Its own: 16 hexadecimal digits.
    pub(super) token: String,
    /// Since when.
    pub(super) since: Timestamp,
    /// For how long the lease counts after it was last renewed, in milliseconds.
    pub(super) lease_ms: u64,
    /// Its process.
    #[serde(flatten)]
    pub(super) process: Process,
}

impl Holder {
    /// This process, for the run `run`, or for one of its own.
    pub(super) fn new(clock: &dyn Clock, lease: Duration, run: Option<&str>) -> Result<Holder> {
        let token = new_token()?;
        Ok(Holder {
            run: run.unwrap_or(&token).to_owned(),
            token,
            since: clock.now(),
            lease_ms: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
            process: Process::current()?,
        })
    }

    /// No process: the run `run` itself, which processes that come later take part in. It holds
    /// the repository for `patience` after a last sign of life of any of them.
    pub(super) fn of_run(clock: &dyn Clock, patience: Duration, run: &str) -> Result<Holder> {
        let process = Process::none()?;
        Ok(Holder { process, ..Holder::new(clock, patience, Some(run))? })
    }

    /// Whether other processes may hold the repository for the same run.
    pub(super) fn shares(&self) -> bool {
        self.run != self.token
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.process {
            Process { host, pid: 0, .. } => write!(f, "left by {host}, {:.0}", self.since),
            Process { host, pid, .. } => {
                write!(f, "process {pid} on {host} since {:.0}", self.since)
            }
        }
    }
}

/// 64 random bits.
fn new_token() -> Result<String> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Error::from_io("read", error).with_path(path))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
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
    /// Every lease there is, with its name.
    pub(super) fn all(control: &Dir) -> Result<Vec<(String, Found)>> {
        control.refresh();
        let mut all = Vec::new();
        for name in control.names(FileType::RegularFile)? {
            if name.starts_with(LEASE_PREFIX)
                && !name.ends_with(TEMPORARY)
                && let Some(found) = Self::read(control, &name)?
            {
                all.push((name, found));
            }
        }
        Ok(all)
    }

    /// That of `token`; `None` when it is gone, or its holder is known to have ended.
    pub(super) fn of(control: &Dir, token: &str) -> Result<Option<Found>> {
        let found = Self::read(control, &format!("{LEASE_PREFIX}{token}"))?;
        Ok(found.filter(|found| !found.holder_has_ended()))
    }

    /// Reads a lease; `None` when it is gone. It is opened anew each time, since over NFS
    /// only opening looks at the server.
    pub(super) fn read(control: &Dir, name: &str) -> Result<Option<Found>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = match calls::openat(control, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(control.failed("open", name, errno)),
        };
        let failed = |error| Error::from_io("read", error).with_path(control.path.join(name));
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

    /// Whether it is that of a run which was left for processes that come later.
    pub(super) fn is_left(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.process.is_none())
    }

    /// What the line after its holder's says; `None` when it has not been written whole.
    pub(super) fn second_line<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.content.split(|byte| *byte == b'\n').nth(1)?).ok()
    }

    /// Whether it is held for the run `run`.
    pub(super) fn is_of(&self, run: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.run == run)
    }

    /// Whether its holder lets other processes of its run in.
    pub(super) fn admits(&self) -> bool {
        self.content.ends_with(b"\n0\n")
    }
}

/// A lease of our own, under a name of its own: a holder that was given up, and so lost the
/// name, renews a file that nobody reads any more.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) name: String,
    file: File,
    renewals: u64,
    counter_at: u64,
}

impl Lease {
    /// Adds a lease of `holder`; whether it is `alone` see [`Lease::set_alone`].
    pub(super) fn install(control: &Dir, holder: &Holder, alone: bool) -> Result<Lease> {
        let name = format!("{LEASE_PREFIX}{}", holder.token);
        let temporary = format!("{name}{TEMPORARY}");
        let mut line = serde_json::to_vec(holder)
            .map_err(|error| Error::new(ErrorKind::Internal, "write lease").with_source(error))?;
        line.push(b'\n');
        let file = control.create(&temporary)?;
        let counter_at = line.len() as u64;
        let mut lease = Lease { name, file, renewals: 0, counter_at };
        let installed = lease.fill(control, &temporary, &line, alone);
        match installed {
            Ok(()) => Ok(lease),
            Err(error) => {
                let _ = control.remove(&temporary);
                Err(error)
            }
        }
    }

    /// The lease of a run that was left for others, `token`, to be renewed; `None` where there is
    /// none, or it is of a process.
    pub(super) fn of_run(control: &Dir, token: &str) -> Result<Option<Lease>> {
        let name = format!("{LEASE_PREFIX}{token}");
        let Some(found) = Found::read(control, &name)? else { return Ok(None) };
        if !found.is_left() {
            return Ok(None);
        }
        let mut lines = found.content.split(|byte| *byte == b'\n');
        let counter_at = lines.next().map_or(0, |line| line.len() as u64 + 1);
        let counter = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.parse().ok());
        Ok(Some(Lease { name, file: found.file, renewals: counter.unwrap_or(0), counter_at }))
    }

    fn fill(&mut self, control: &Dir, temporary: &str, line: &[u8], alone: bool) -> Result<()> {
        try_lock(&self.file)?;
        calls::write(&self.file, temporary, line)
            .map_err(|e| Error::from_io("write", e).with_path(control.path.join(temporary)))?;
        self.renew()?;
        self.set_alone(alone)?;
        calls::renameat(control, temporary, control, &self.name)
            .map_err(|errno| control.failed("rename", temporary, errno))?;
        control.sync()
    }

    /// Gives a sign of life: a counter of fixed width, written in place.
    pub(super) fn renew(&mut self) -> Result<()> {
        self.renewals += 1;
        let counter = format!("{:0COUNTER_LEN$}\n", self.renewals);
        self.put(counter.as_bytes(), self.counter_at)
    }

    /// Says whether other processes of the same run have to wait.
    pub(super) fn set_alone(&self, alone: bool) -> Result<()> {
        let digit: &[u8] = if alone { b"1\n" } else { b"0\n" };
        self.put(digit, self.counter_at + COUNTER_LEN as u64 + 1)
    }

    fn put(&self, bytes: &[u8], at: u64) -> Result<()> {
        let written = calls::pwrite(&self.file, LEASE_PREFIX, bytes, at);
        written
            .and_then(|()| Ok(calls::fdatasync(&self.file, LEASE_PREFIX)?))
            .map_err(|error| Error::from_io("renew lease", error))
    }

    /// The same lease, by another descriptor, for whoever does not renew it.
    pub(super) fn try_clone(&self) -> Result<Lease> {
        let file = self.file.try_clone().map_err(|error| Error::from_io("write lease", error))?;
        Ok(Lease { name: self.name.clone(), file, ..*self })
    }

    /// Whether it still counts: nobody has taken the name away.
    pub(super) fn counts(&self, control: &Dir) -> Result<bool> {
        control.has(&self.name, &self.file)
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
