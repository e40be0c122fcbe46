//! Making system calls fail, or the process stop before one, for tests.

use rustix::io::{Errno, Result};
use rustix::process::{Signal, getpid, kill_process};
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
static TURN: Mutex<()> = Mutex::new(());
/// The time as [`Time`] has it.
static TIME: Mutex<Option<Instant>> = Mutex::new(None);
/// Calls since the plan was made; beside the plan, so that counting takes no lock.
static CALLS: AtomicU64 = AtomicU64::new(0);
static FAIL_AT: AtomicU64 = AtomicU64::new(u64::MAX);

struct Plan {
    /// Only calls of this name count.
    only: Option<&'static str>,
    times: u64,
    then: Then,
    failed: Vec<&'static str>,
    noted: Vec<String>,
}

/// What happens at a call that was chosen.
enum Then {
    Fail(i32),
    Note,
    Signal(Signal, File),
}

/// Lets system calls of every mirror and every snapshot in this process fail for as long as
/// it lives. Only one exists at a time: another waits.
pub struct Faults {
    _turn: MutexGuard<'static, ()>,
}

impl Faults {
    /// Counts the calls and fails none.
    pub fn none() -> Self {
        Self::plan(None, u64::MAX, 0, Then::Note)
    }

    /// Notes every call and fails none.
    pub fn note() -> Self {
        Self::plan(None, 0, u64::MAX, Then::Note)
    }

    /// Fails the call number `first` (from 0) and those after it, `times` in all, with
    /// `errno`.
    pub fn at(first: u64, times: u64, errno: i32) -> Self {
        Self::plan(None, first, times, Then::Fail(errno))
    }

    /// The same, where only calls of the name `call` count, such as `linkat`.
    pub fn of(call: &'static str, first: u64, times: u64, errno: i32) -> Self {
        Self::plan(Some(call), first, times, Then::Fail(errno))
    }

    /// Sends this process `signal` just before the call number `first` (from 0), once which
    /// call that is was written to `told`. A process that goes on after the signal makes
    /// the call.
    pub fn signal(first: u64, signal: Signal, told: File) -> Self {
        Self::plan(None, first, 1, Then::Signal(signal, told))
    }

    fn plan(only: Option<&'static str>, first: u64, times: u64, then: Then) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        *plan() = Some(Plan { only, times, then, failed: Vec::new(), noted: Vec::new() });
        CALLS.store(0, Ordering::SeqCst);
        FAIL_AT.store(first, Ordering::SeqCst);
        Faults { _turn: turn }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        CALLS.load(Ordering::SeqCst)
    }

    /// The names of the calls that were made to fail.
    pub fn failed(&self) -> Vec<&'static str> {
        plan().as_ref().map(|plan| plan.failed.clone()).unwrap_or_default()
    }

    /// The calls that were noted or made to fail, in order: each call's name and, where a snapshot made it,
    /// the name it acts on.
    pub fn noted(&self) -> Vec<String> {
        plan().as_ref().map(|plan| plan.noted.clone()).unwrap_or_default()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        FAIL_AT.store(u64::MAX, Ordering::SeqCst);
        *plan() = None;
    }
}

fn plan() -> MutexGuard<'static, Option<Plan>> {
    PLAN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a call and fails it if the plan says so.
pub(super) fn check(call: &'static str) -> Result<()> {
    check_step(call, String::new)
}

/// The same for a call that acts on `name`.
pub(super) fn check_step(call: &'static str, name: impl FnOnce() -> String) -> Result<()> {
    let first = FAIL_AT.load(Ordering::Relaxed);
    if first == u64::MAX {
        CALLS.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    let mut plan = plan();
    let counts = |plan: &&mut Plan| plan.only.is_none_or(|only| only == call);
    let Some(plan) = plan.as_mut().filter(counts) else { return Ok(()) };
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    if number < first || plan.times == 0 {
        return Ok(());
    }
    plan.times -= 1;
    match &mut plan.then {
        Then::Fail(errno) => {
            plan.failed.push(call);
            plan.noted.push(format!("{call} {}", name()));
            return Err(Errno::from_raw_os_error(*errno));
        }
        Then::Note => plan.noted.push(format!("{call} {}", name())),
        Then::Signal(signal, told) => {
            // What can't be told is missed by the test.
            let _ = told.write_all(format!("{call} {}", name()).as_bytes());
            kill_process(getpid(), *signal)?;
        }
    }
    Ok(())
}

/// Lets time stand still for every mirror in this process, but for the waiting that they
/// do, which is over at once. Only one exists at a time, [`Faults`] included.
pub struct Time {
    begin: Instant,
    _turn: MutexGuard<'static, ()>,
}

impl Time {
    /// Stops the time.
    pub fn stop() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = Instant::now();
        *time() = Some(begin);
        CALLS.store(0, Ordering::SeqCst);
        Time { begin, _turn: turn }
    }

    /// How long was waited.
    pub fn waited(&self) -> Duration {
        now().saturating_duration_since(self.begin)
    }

    /// How many system calls there were.
    pub fn calls(&self) -> u64 {
        CALLS.load(Ordering::SeqCst)
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        *time() = None;
    }
}

fn time() -> MutexGuard<'static, Option<Instant>> {
    TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn now() -> Instant {
    time().unwrap_or_else(Instant::now)
}

pub(super) fn sleep(duration: Duration) {
    if let Some(now) = &mut *time() {
        *now += duration;
        return;
    }
    std::thread::sleep(duration);
}
