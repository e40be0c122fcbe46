//! System calls that may never return, each in a process of its own that can be killed.
//! The only unsafe code of this piece.
//!
//! A call to a server that does not answer can be ended by SIGKILL only, which would end
//! the whole program; so the call is made by a child. The child is a copy of the calling
//! thread, not another program: a library has no program to start.

#![allow(unsafe_code)]

use crate::cancel::CancelToken;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::CStr;
use std::time::{Duration, Instant};

/// How long a killed child is waited for before a thread takes that over.
const REAP: Duration = Duration::from_secs(1);

/// Until when a call may take, and what ends it before.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) deadline: Instant,
    pub(super) cancel: CancelToken,
}

impl Limit {
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The system call failed.
    Call(Errno),
    /// It took too long.
    TimedOut,
    /// The caller wanted no more.
    Cancelled,
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Failure::Call(errno)
    }
}

/// Asks the server for the file system that `context` describes: fsconfig(2) with
/// `FSCONFIG_CMD_CREATE`. Nothing is attached anywhere by it, also not by a child that
/// wakes up long after it was given up.
pub(super) fn create(context: BorrowedFd<'_>, limit: &Limit) -> Result<(), Failure> {
    // SAFETY: the closure makes one system call, on the stack only.
    unsafe { in_child(limit, Some(context), || rustix::mount::fsconfig_create(context)) }
}

/// mount(2). A child that is killed may have attached the mount just before.
pub(super) fn mount(
    source: &CStr,
    dir: &CStr,
    flags: MountFlags,
    data: &CStr,
    limit: &Limit,
) -> Result<(), Failure> {
    // SAFETY: as above.
    unsafe { in_child(limit, None, || rustix::mount::mount(source, dir, c"nfs4", flags, data)) }
}

/// umount2(2): the kernel may first want to write what is not written yet.
pub(super) fn unmount(dir: &CStr, flags: UnmountFlags, limit: &Limit) -> Result<(), Failure> {
    // SAFETY: as above.
    unsafe { in_child(limit, None, || rustix::mount::unmount(dir, flags)) }
}

/// Makes the call in a child process, which is killed when it takes too long.
///
/// # Safety
/// `call` runs in the child of what may be a process with many threads: it must only make
/// system calls and use the stack, take no lock and allocate nothing.
unsafe fn in_child(
    limit: &Limit,
    keep: Option<BorrowedFd<'_>>,
    call: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Failure> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // No handler of the host program may run in the child.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(errno)?;
    // SAFETY: like fork(2) without an exit signal: the end of the child neither interrupts
    // the host program nor is noticed by its own waiting for children.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if pid == 0 {
        // SAFETY: the child is the one that calls it.
        unsafe { child(&writer, keep, call) }
    }
    let cloned = if pid < 0 { Err(last_errno()) } else { Ok(pid) };
    let restored = before.thread_set_mask().map_err(errno);
    drop(writer);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(cloned?).map_err(|_| Errno::OVERFLOW)?);
    let result = restored.map_err(Failure::Call).and_then(|()| answer(&reader, limit));
    if result.is_err() {
        // SAFETY: a plain system call; the child was not waited for, so the number is its own.
        unsafe { libc::kill(pid.as_raw(), libc::SIGKILL) };
    }
    reap(pid);
    result
}

/// What the child does: make the call, tell how it ended, end.
///
/// # Safety
/// Only for a process that was just made by clone(2), with all signals blocked.
unsafe fn child(
    writer: &OwnedFd,
    keep: Option<BorrowedFd<'_>>,
    call: impl FnOnce() -> Result<(), Errno>,
) -> ! {
    let kill = Some(rustix::process::Signal::KILL);
    let _ = rustix::process::set_parent_process_death_signal(kill);
    // Locks and pipes of the host program must not be held open by a call that hangs.
    let writer_number = writer.as_raw_fd();
    let kept = keep.map_or(writer_number, |fd| fd.as_raw_fd());
    let (low, high) = (writer_number.min(kept), writer_number.max(kept));
    close_between(0, low - 1);
    close_between(low + 1, high - 1);
    close_between(high + 1, i32::MAX);
    let code = call().err().map_or(0, Errno::raw_os_error);
    let _ = rustix::io::write(writer, &code.to_ne_bytes());
    loop {
        // SAFETY: ends this process without running any of the host program's code.
        unsafe { libc::syscall(libc::SYS_exit_group, 0) };
    }
}

fn close_between(first: i32, last: i32) {
    if first <= last {
        // SAFETY: only the child calls this, and uses none of these descriptors. Before
        // Linux 5.9 they stay open, which holds them until the call ends.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// What the child says, or why it is not waited for any longer.
fn answer(reader: &OwnedFd, limit: &Limit) -> Result<(), Failure> {
    const LOOK: Duration = Duration::from_millis(50);
    loop {
        let wait = Timespec::try_from(limit.left().min(LOOK)).map_err(|_| Errno::INVAL)?;
        let mut fds = [PollFd::new(reader, PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(errno) => return Err(errno.into()),
        }
        if limit.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        if limit.left().is_zero() {
            return Err(Failure::TimedOut);
        }
    }
    let mut code = [0; 4];
    match rustix::io::retry_on_intr(|| rustix::io::read(reader, &mut code))? {
        4 => match i32::from_ne_bytes(code) {
            0 => Ok(()),
            code => Err(Errno::from_raw_os_error(code).into()),
        },
        // Somebody killed it.
        _ => Err(Errno::INTR.into()),
    }
}

/// Waits for the child's end. One that hangs in a call that even SIGKILL does not end is
/// left to a thread, which ends when it does.
fn reap(pid: nix::unistd::Pid) {
    let until = Instant::now() + REAP;
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR) => {}
            _ => return,
        }
        if Instant::now() >= until {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::spawn(move || {
        while let Err(nix::errno::Errno::EINTR) = waitpid(pid, Some(WaitPidFlag::__WALL)) {}
    });
}

fn errno(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw_os_error(errno as i32)
}

fn last_errno() -> Errno {
    errno(nix::errno::Errno::last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(milliseconds: u64) -> Limit {
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        Limit { deadline, cancel: CancelToken::new() }
    }

    fn forever() -> Result<(), Errno> {
        loop {
            let _ = rustix::thread::nanosleep(&Timespec { tv_sec: 1, tv_nsec: 0 });
        }
    }

    #[test]
    fn the_result_of_the_call_comes_back() {
        // SAFETY: the closures only return.
        unsafe {
            assert_eq!(in_child(&limit(60_000), None, || Ok(())), Ok(()));
            let refused = in_child(&limit(60_000), None, || Err(Errno::CONNREFUSED));
            assert_eq!(refused, Err(Failure::Call(Errno::CONNREFUSED)));
        }
    }

    #[test]
    fn a_call_that_hangs_ends_at_the_deadline_or_when_cancelled() {
        // SAFETY: the closure makes system calls only.
        assert_eq!(unsafe { in_child(&limit(50), None, forever) }, Err(Failure::TimedOut));
        let cancelled = limit(60_000);
        cancelled.cancel.cancel();
        // SAFETY: as above.
        assert_eq!(unsafe { in_child(&cancelled, None, forever) }, Err(Failure::Cancelled));
        // No child is left behind: there is none to wait for.
        let any = nix::unistd::Pid::from_raw(-1);
        assert_eq!(
            waitpid(any, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)),
            Err(nix::errno::Errno::ECHILD)
        );
    }
}
