//! The supervising process of an attempt. The only unsafe code of the worker.
//!
//! The command is started by a small process of its own that adopts every orphan below
//! it (a subreaper), so that nothing escapes by forking twice or by a session of its
//! own. It ends all of them when the command has ended, when the worker says so, and
//! when the worker dies. It is forked, not executed: a library has no program to start.

#![allow(unsafe_code)]

use super::run_as::RunAs;
use super::supervisor::supervise;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal as NixSignal, signal};
use nix::unistd::{ForkResult, fork};
use rustix::process::{Pid, Signal};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Makes `command` start below a supervisor that reports on `control` and stops
/// everything when it reads from it, or when its other end closes. `grace` lies between
/// the request to end (SIGTERM) and the end (SIGKILL). The command has the rights of `user`; its
/// supervisor keeps its own, so that the command can't end it.
pub(super) fn put_under_supervision(
    command: &mut Command,
    control: OwnedFd,
    grace: Duration,
    user: Option<RunAs>,
) {
    let worker = rustix::process::getpid();
    // SAFETY: the closure runs in the forked child of what may be a process with many
    // threads. Up to `exec` or `_exit` it makes plain system calls only and uses the
    // stack only; it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(move || become_supervisor(&control, worker, grace, user.as_ref()));
    }
}

/// Splits the forked child in two: this returns in the one that goes on to execute the
/// command, and never returns in the supervisor.
fn become_supervisor(
    control: &OwnedFd,
    worker: Pid,
    grace: Duration,
    user: Option<&RunAs>,
) -> io::Result<()> {
    let supervisor = rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(supervisor))?;
    reset_signal_handlers();
    // SAFETY: this process has a single thread, being itself a fresh fork.
    match unsafe { fork() }? {
        ForkResult::Child => {
            rustix::process::setpgid(None, None)?;
            if let Some(user) = user {
                user.take_on()?;
            }
            // After the change of user, which would undo it.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            match rustix::process::getppid() {
                Some(parent) if parent == supervisor => Ok(()),
                // It died before the line above could take notice.
                _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            }
        }
        ForkResult::Parent { child } => {
            ignore_signals();
            // For people who look at the list of processes; no harm where it fails.
            let _ = rustix::thread::set_name(c"efsb-supervisor");
            close_all_but(control.as_raw_fd());
            if let Some(command) = Pid::from_raw(child.as_raw()) {
                supervise(control, worker, command, grace);
            }
            // SAFETY: ends this process without running the worker's exit handlers.
            unsafe { libc::_exit(0) }
        }
    }
}

/// The host program's handlers must run neither here nor in the command, and an ignored
/// SIGCHLD would hide how children ended.
fn reset_signal_handlers() {
    for number in NixSignal::iterator() {
        if !matches!(number, NixSignal::SIGKILL | NixSignal::SIGSTOP) {
            // SAFETY: the default action is no handler at all. A refusal changes nothing.
            let _ = unsafe { signal(number, SigHandler::SigDfl) };
        }
    }
}

/// The supervisor ends by its own rules only; a lost reader of `control` is no reason.
fn ignore_signals() {
    use NixSignal::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    for number in [SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
        // SAFETY: ignoring is no handler at all. A refusal changes nothing.
        let _ = unsafe { signal(number, SigHandler::SigIgn) };
    }
}

/// Closes every descriptor but one, so that the ends of pipes that the worker and other
/// attempts wait on are not held open here.
fn close_all_but(keep: RawFd) {
    let keep = libc::c_uint::try_from(keep).unwrap_or(0);
    close_range(0, keep.wrapping_sub(1));
    close_range(keep + 1, libc::c_uint::MAX);
}

fn close_range(first: libc::c_uint, last: libc::c_uint) {
    // SAFETY: no code of this process uses the closed descriptors after this.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if closed != 0 {
        // Before Linux 5.9. More descriptors than this are rare, and stay open.
        const MOST: libc::c_uint = 1 << 16;
        for number in first..=last.min(MOST) {
            // SAFETY: as above; a number that is not open is refused.
            unsafe { libc::close(number as RawFd) };
        }
    }
}
