//! The lock of a repository: one run at a time, also between machines.
//!
//! Two files. `lock` is locked for a moment by whoever wants to take or give back the
//! repository. `lease` names the holder, is locked by it for its whole run, and is renewed
//! all the time. A lease whose holder's process is seen to be gone is taken at once; any
//! other only after it stayed unchanged for its full length by the taker's own clock, so no
//! two machines' clocks are ever compared. A holder that was given up wrongly (a machine
//! that slept) finds another's lease when it looks, and it looks before each step that
//! publishes or removes.

use super::calls;
use super::files::Dir;
use super::lease::{Found, Holder, LEASE, Lease, try_lock};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The name of the file that guards taking and giving back.
const LOCK: &str = "lock";
/// How often a lease is renewed within its length.
const RENEWALS_PER_LENGTH: u32 = 12;

/// How often at least a lease and the cancel token are looked at while waiting.
const POLL: Duration = Duration::from_millis(100);

/// A held repository; given back when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    control: Dir,
    run: String,
    lost: Arc<AtomicBool>,
    renewer: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Lock {
    /// Takes the repository for `holder`.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when another run holds it, [`ErrorKind::Cancelled`].
    pub(super) fn take(control: &Dir, holder: &Holder, cancel: &CancelToken) -> Result<Lock> {
        let own_length = Duration::from_millis(holder.lease_ms);
        let mut watched: Option<(Found, Instant)> = None;
        loop {
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "lock"));
            }
            let guard = guard(control, own_length)?;
            let found = Found::read(control)?;
            let length = found.as_ref().map_or(own_length, |found| found.length(own_length));
            let free = match (&found, &watched) {
                (None, _) => true,
                (Some(found), _) if found.holder_has_ended() => true,
                (Some(found), Some((before, _))) if found != before => {
                    return Err(held(control, found));
                }
                (Some(_), Some((_, since))) => since.elapsed() >= length,
                (Some(_), None) => false,
            };
            if free {
                return Self::install(control, holder, own_length);
            }
            drop(guard);
            if let (Some(found), None) = (found, &watched) {
                watched = Some((found, Instant::now()));
            }
            std::thread::sleep((length / RENEWALS_PER_LENGTH / 4).min(POLL));
        }
    }

    /// With the guard held.
    fn install(control: &Dir, holder: &Holder, length: Duration) -> Result<Lock> {
        for name in control.names(FileType::RegularFile)? {
            if name.strip_prefix(LEASE).is_some_and(|rest| rest.starts_with('.')) {
                control.remove(&name)?;
            }
        }
        let lease = Lease::install(control, holder)?;
        let mut lock = Lock {
            control: reopen(control)?,
            run: holder.run.clone(),
            lost: Arc::default(),
            renewer: None,
        };
        let watch = Renewer {
            control: reopen(control)?,
            run: lock.run.clone(),
            lost: lock.lost.clone(),
            lease,
        };
        let (stop, stopped) = mpsc::channel();
        let every = length / RENEWALS_PER_LENGTH;
        let thread = std::thread::Builder::new()
            .name("efsbackup-lease".into())
            .spawn(move || watch.run(every, &stopped))
            .map_err(|error| Error::from_io("start thread", error))?;
        lock.renewer = Some((stop, thread));
        Ok(lock)
    }

    /// Looks whether the repository is still ours.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another run has taken it.
    pub(super) fn check(&self) -> Result<()> {
        match is_ours(&self.control, &self.run)? {
            true => Ok(()),
            false => Err(self.taken()),
        }
    }

    /// Whether the repository is known to be another's by now; costs nothing.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The error for a lock that was lost.
    pub(super) fn taken(&self) -> Error {
        Error::new(ErrorKind::Conflict, "lock").with_message(
            "another run took the repository, since this one gave no sign of life for too long; \
             nothing was published",
        ).with_path(self.control.path.as_path())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.renewer.take() {
            drop(stop);
            let _ = thread.join();
        }
        // What can't be given back is taken by the next run once this process has ended.
        if let Ok(_guard) = guard(&self.control, Duration::from_secs(5))
            && is_ours(&self.control, &self.run).unwrap_or(false)
        {
            let _ = self.control.remove(LEASE);
        }
    }
}

/// Renews the lease until told to stop, and looks whether it still counts.
struct Renewer {
    control: Dir,
    run: String,
    lost: Arc<AtomicBool>,
    lease: Lease,
}

impl Renewer {
    fn run(mut self, every: Duration, stopped: &mpsc::Receiver<()>) {
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            // A renewal that fails is tried again; only another's lease ends the run.
            let _ = self.lease.renew();
            if matches!(is_ours(&self.control, &self.run), Ok(false)) {
                self.lost.store(true, Ordering::Release);
            }
        }
    }
}

fn is_ours(control: &Dir, run: &str) -> Result<bool> {
    let found = Found::read(control)?;
    Ok(found.and_then(|found| found.holder).is_some_and(|holder| holder.run == run))
}

/// The right to change the lease, for a moment. Given back when dropped.
fn guard(control: &Dir, patience: Duration) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = calls::openat(control, LOCK, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| control.failed("open", LOCK, errno))?;
    let started = Instant::now();
    while !try_lock(&fd)? {
        if started.elapsed() >= patience {
            return Err(Error::new(ErrorKind::SafetyStop, "lock")
                .with_message("other runs are taking the repository; nothing was changed")
                .with_path(control.path.as_path()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(File::from(fd))
}

fn reopen(control: &Dir) -> Result<Dir> {
    let fd: OwnedFd = control
        .fd
        .try_clone()
        .map_err(|error| Error::from_io("open", error).with_path(control.path.as_path()))?;
    Ok(Dir { fd, path: control.path.clone() })
}

fn held(control: &Dir, found: &Found) -> Error {
    let holder = found.holder.as_ref().map_or("another run".to_owned(), Holder::to_string);
    Error::new(ErrorKind::SafetyStop, "lock")
        .with_message(format!("{holder} holds the repository; nothing was changed"))
        .with_path(control.path.as_path())
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
    use super::*;
    use jiff::Timestamp;

    const LENGTH: Duration = Duration::from_millis(1500);

    fn holder(run: &str) -> Holder {
        Holder {
            run: run.into(),
            since: Timestamp::UNIX_EPOCH,
            lease_ms: LENGTH.as_millis() as u64,
            process: Process::current().unwrap(),
        }
    }

    fn take(control: &Dir, run: &str) -> Result<Lock> {
        Lock::take(control, &holder(run), &CancelToken::new())
    }

    fn control() -> (tempfile::TempDir, Dir) {
        let dir = tempfile::tempdir().unwrap();
        let control = Dir::open(dir.path()).unwrap();
        (dir, control)
    }

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_it() {
        let (_dir, control) = control();
        let first = take(&control, "first").unwrap();
        let error = take(&control, "second").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        let pid = format!("run first (process {} on ", std::process::id());
        assert!(error.message().starts_with(&pid), "{error}");
        first.check().unwrap();
        drop(first);
        take(&control, "third").unwrap().check().unwrap();
    }

    #[test]
    fn the_lease_of_a_process_that_ended_is_taken_at_once() {
        let (_dir, control) = control();
        let mut ended = holder("ended");
        ended.process.start_ticks += 1;
        // An hour: only the process's end can explain that it is taken.
        ended.lease_ms = 3_600_000;
        drop(Lease::install(&control, &ended).unwrap());
        take(&control, "next").unwrap().check().unwrap();
    }

    #[test]
    fn a_lease_still_locked_is_not_taken_at_once_even_if_its_process_seems_gone() {
        let (_dir, control) = control();
        let mut seems_gone = holder("container");
        seems_gone.process.start_ticks += 1;
        let lease = Lease::install(&control, &seems_gone).unwrap();
        let started = Instant::now();
        take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
        drop(lease);
    }

    #[test]
    fn a_lease_that_stays_unchanged_for_its_length_is_taken_and_its_holder_notices() {
        let (_dir, control) = control();
        let mut elsewhere = holder("elsewhere");
        elsewhere.process.boot_id = "another machine".into();
        let mut lease = Lease::install(&control, &elsewhere).unwrap();
        let started = Instant::now();
        let taken = take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
        // The sleeper wakes: its renewal changes nothing.
        lease.renew().unwrap();
        assert!(!is_ours(&control, "elsewhere").unwrap());
        taken.check().unwrap();
    }

    #[test]
    fn a_lease_that_cannot_be_read_is_waited_for_like_any_other() {
        let (dir, control) = control();
        std::fs::write(dir.path().join(LEASE), b"").unwrap();
        let started = Instant::now();
        take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
    }

    #[test]
    fn the_holder_of_a_lost_lock_is_told() {
        let (_dir, control) = control();
        let lock = take(&control, "first").unwrap();
        let _lease = Lease::install(&control, &holder("second")).unwrap();
        assert_eq!(lock.check().unwrap_err().kind(), ErrorKind::Conflict);
        let started = Instant::now();
        while !lock.is_lost() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(lock.is_lost());
        drop(lock);
        assert!(is_ours(&control, "second").unwrap(), "another's lease was removed");
    }

    #[test]
    fn waiting_for_a_lease_can_be_cancelled() {
        let (_dir, control) = control();
        let mut elsewhere = holder("elsewhere");
        elsewhere.process.boot_id = "another machine".into();
        elsewhere.lease_ms = 3_600_000;
        let _lease = Lease::install(&control, &elsewhere).unwrap();
        let cancel = CancelToken::new();
        cancel.cancel();
        let error = Lock::take(&control, &holder("next"), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
