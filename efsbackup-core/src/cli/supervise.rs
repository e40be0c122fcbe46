//! The command in two processes: a parent that hears signals, a child that does the work.
//!
//! A thread that waits for a silent NFS server may be ended by no signal at all, and keeps
//! its process with it. The parent has no such thread.

use super::exit::Exit;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, kill_process, pidfd_open, setrlimit,
};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells the child its parent's process id.
const VARIABLE: &str = "EFSBACKUP_SUPERVISOR";
/// How often the parent looks for signals.
const LOOK: Duration = Duration::from_millis(50);
/// How long a killed child is waited for.
const REAP: Duration = Duration::from_millis(300);

/// Whether this process is such a child.
pub(super) fn is_supervised() -> bool {
    let parent = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    parent.is_some() && parent == rustix::process::getppid().map(Pid::as_raw_pid)
}

/// In the child: a token that the parent cancels. Signals of the terminal are the parent's.
///
/// # Errors
/// When handlers cannot be installed, or the parent is gone already.
pub(super) fn cancel_by_parent() -> Result<CancelToken> {
    let failed = |error| Error::new(ErrorKind::Io, "signal").with_source(error);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| Error::from_errno("prctl", errno.raw_os_error()))?;
    let (cancelled, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&heard)).map_err(failed)?;
    }
    flag::register(SIGUSR1, Arc::clone(&cancelled)).map_err(failed)?;
    if !is_supervised() {
        return Err(Error::new(ErrorKind::Cancelled, "start").with_message("the parent is gone"));
    }
    Ok(CancelToken::from(cancelled))
}

/// In the child: lets it have as many open files as this user may have. Each thread holds some,
/// and each directory under way two.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // As it is, it suffices too.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// In the parent: runs this program with the same arguments in a child, passes on the first
/// SIGINT or SIGTERM, and ends on the second whatever the child does.
///
/// # Errors
/// When no child can be started; nothing was done then.
pub(super) fn supervise(arguments: &[OsString]) -> std::io::Result<u8> {
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&signalled))?;
    }
    let mut command = Command::new("/proc/self/exe");
    if let Some((name, rest)) = arguments.split_first() {
        command.arg0(name).args(rest);
    }
    let mut child = command.env(VARIABLE, std::process::id().to_string()).spawn()?;
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok();
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(code(status, asked));
        }
        match &pidfd {
            Some(pidfd) => wait_readable(pidfd),
            None => std::thread::sleep(LOOK),
        }
        if signalled.swap(false, Ordering::SeqCst) {
            // It may have ended meanwhile; the next look will tell.
            let _ = kill_process(pid, if asked { Signal::KILL } else { Signal::USR1 });
            if asked {
                return Ok(abandon(&mut child));
            }
            asked = true;
        }
    }
}

fn wait_readable(pidfd: &rustix::fd::OwnedFd) {
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
    // An interruption is a signal to look at.
    let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&wait));
}

/// The status of a child that ended.
fn code(status: ExitStatus, asked: bool) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        // It was asked to stop before it could hear that.
        (None, _) if asked => Exit::CANCELLED.status(),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            tell(&format!("the process that did the work was ended by signal {signal}"));
            u8::try_from(128 + signal).unwrap_or(1)
        }
    }
}

/// Waits a moment for a killed child; one that hangs in the kernel is left to itself.
fn abandon(child: &mut Child) -> u8 {
    let until = Instant::now() + REAP;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return Exit::CANCELLED.status();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    tell(&format!(
        "process {} is dead, but goes only when the file server answers; until then it holds its \
         locks",
        child.id()
    ));
    Exit::CANCELLED.status()
}

/// Tells the user what the child cannot.
fn tell(text: &str) {
    // Nobody is left to tell that stderr is gone.
    let _ = writeln!(std::io::stderr(), "efsbackup: {text}");
}
