//! What the supervising process of an attempt does.
//!
//! All of this runs in a forked child that never executes a program: plain system calls
//! only, nothing that allocates or locks.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{self, Pid, PidfdFlags, Signal, WaitOptions};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// What the supervisor tells the worker: a tag and a number, five bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The command ended, with this wait status.
    Ended(i32),
    /// Nothing the command started is left.
    Clear,
    /// Some processes can't be ended: they hang in a system call.
    Stuck,
}

impl Message {
    pub(super) const SIZE: usize = 5;

    fn bytes(self) -> [u8; Self::SIZE] {
        let (tag, number) = match self {
            Message::Ended(status) => (b'E', status),
            Message::Clear => (b'C', 0),
            Message::Stuck => (b'X', 0),
        };
        let [a, b, c, d] = number.to_ne_bytes();
        [tag, a, b, c, d]
    }

    pub(super) fn from_bytes([tag, a, b, c, d]: [u8; Self::SIZE]) -> Option<Message> {
        let number = i32::from_ne_bytes([a, b, c, d]);
        match tag {
            b'E' => Some(Message::Ended(number)),
            b'C' => Some(Message::Clear),
            b'X' => Some(Message::Stuck),
            _ => None,
        }
    }
}

/// Between two looks where no event wakes the supervisor.
const TICK: Duration = Duration::from_millis(20);
/// The same where one does.
const LONG_TICK: Duration = Duration::from_secs(1);
/// How long a killed process may take to go before the worker is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches `command` until it and all that it started are gone.
pub(super) fn supervise(control: &OwnedFd, worker: Pid, command: Pid, grace: Duration) {
    // Missing before Linux 5.3; then short ticks do.
    let exit_event = process::pidfd_open(command, PidfdFlags::empty()).ok();
    let mut running = true;
    while running {
        running = !reap(control, command).command_ended;
        if running && (wait(control, exit_event.as_ref()) || worker_is_gone(worker)) {
            break;
        }
    }
    end_all(control, command, running, grace);
}

/// Ends what is left: SIGTERM, then after `grace` SIGKILL until nothing is left.
fn end_all(control: &OwnedFd, command: Pid, running: bool, grace: Duration) {
    // Once reaped, the command's id may come to mean another process's group.
    let group = running.then_some(command);
    if let Some(group) = group {
        // What is gone already is no failure.
        let _ = process::kill_process_group(group, Signal::TERM);
        let _ = process::kill_process_group(group, Signal::CONT);
    }
    let mut asked = Asked { group, pids: [0; 128], count: 0 };
    let start = Instant::now();
    let mut told = false;
    loop {
        if reap(control, command).none_left {
            send(control, Message::Clear);
            return;
        }
        let waited = start.elapsed();
        if waited < grace {
            for_each_child(|child| asked.ask(child));
        } else {
            // Their children become this process's, and are killed in the next round. A
            // child is reaped here alone, so its id can't mean another process.
            for_each_child(|child| {
                let _ = process::kill_process(child, Signal::KILL);
            });
        }
        if waited >= grace + PATIENCE && !told {
            send(control, Message::Stuck);
            told = true;
        }
        pause(if told { LONG_TICK } else { TICK });
    }
}

/// Who was asked to end. Nobody is asked twice: a second SIGTERM could cut short the
/// cleaning up after the first.
struct Asked {
    group: Option<Pid>,
    pids: [i32; 128],
    count: usize,
}

impl Asked {
    fn ask(&mut self, child: Pid) {
        let pid = child.as_raw_pid();
        let seen = self.pids.iter().take(self.count).any(|known| *known == pid);
        let grouped = self.group.is_some() && process::getpgid(Some(child)).ok() == self.group;
        if seen || grouped {
            return;
        }
        // Beyond the array's size, the kill at the end of the grace has to do.
        if let Some(slot) = self.pids.get_mut(self.count) {
            *slot = pid;
            self.count += 1;
            let _ = process::kill_process(child, Signal::TERM);
            let _ = process::kill_process(child, Signal::CONT);
        }
    }
}

struct Reaped {
    command_ended: bool,
    none_left: bool,
}

/// Collects every child that has ended.
fn reap(control: &OwnedFd, command: Pid) -> Reaped {
    let mut reaped = Reaped { command_ended: false, none_left: false };
    loop {
        match process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == command => {
                reaped.command_ended = true;
                send(control, Message::Ended(status.as_raw()));
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return reaped,
            Err(_) => {
                reaped.none_left = true;
                return reaped;
            }
        }
    }
}

/// Waits for an event; `true` when the worker asked to stop or closed its end.
fn wait(control: &OwnedFd, exit_event: Option<&OwnedFd>) -> bool {
    let stop = PollFd::new(control, PollFlags::IN);
    let (readable, ready) = match exit_event {
        Some(event) => {
            let mut fds = [stop, PollFd::new(event, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&timespec(LONG_TICK)));
            (fds[0].revents(), ready)
        }
        None => {
            let mut fds = [stop];
            let ready = poll(&mut fds, Some(&timespec(TICK)));
            (fds[0].revents(), ready)
        }
    };
    ready.is_ok_and(|count| count > 0) && !readable.is_empty()
}

/// A copy of the worker's end in some other process must not hide the worker's death.
fn worker_is_gone(worker: Pid) -> bool {
    process::getppid() != Some(worker)
}

/// Calls `each` for this process's children, as the kernel lists them.
fn for_each_child(mut each: impl FnMut(Pid)) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(list) = rustix::fs::openat(CWD, c"/proc/thread-self/children", flags, Mode::empty())
    else {
        return;
    };
    let mut buffer = [0_u8; 4096];
    let mut number = 0_i32;
    while let Ok(length @ 1..) = rustix::io::read(&list, &mut buffer) {
        for byte in buffer.iter().take(length) {
            if byte.is_ascii_digit() {
                number = number.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
            } else if let Some(child) = Pid::from_raw(std::mem::take(&mut number)) {
                each(child);
            }
        }
    }
}

fn send(control: &OwnedFd, message: Message) {
    // A worker that is gone does not listen; the work goes on.
    let _ = rustix::io::write(control, &message.bytes());
}

fn pause(duration: Duration) {
    let _ = poll(&mut [], Some(&timespec(duration)));
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}
