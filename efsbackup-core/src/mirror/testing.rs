//! Making system calls fail, or the process stop before one, for tests.

use rustix::io::{Errno, Result};
use rustix::process::{Signal, getpid, kill_process};
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
static TURN: Mutex<()> = Mutex::new(());
/// The time as [`Time`] has it.
static TIME: Mutex<Option<Instant>> = Mutex::new(None);
/// Calls since the plan was made; beside the plan, so that counting takes no lock.
static CALLS: AtomicU64 = AtomicU64::new(0);
static FAIL_AT: AtomicU64 = AtomicU64::new(u64::MAX);
static IN_MEMORY: AtomicUsize = AtomicUsize::new(usize::MAX);

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
    /// It is asked for this much at most.
    Shorten(usize),
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

    /// Lets the reading or writing call `call` do at most `most` bytes, from its call number
    /// `first` (from 0) on, `times` in all. With `most` 0 it says that it did nothing.
    pub fn short(call: &'static str, first: u64, times: u64, most: usize) -> Self {
        Self::plan(Some(call), first, times, Then::Shorten(most))
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

    /// Stops the time too.
    pub fn stop_time(&self) -> Time {
        Time::begin(None)
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        CALLS.load(Ordering::SeqCst)
    }

    /// The names of the calls that were made to fail, or to do less.
    pub fn failed(&self) -> Vec<&'static str> {
        plan().as_ref().map(|plan| plan.failed.clone()).unwrap_or_default()
    }

    /// The calls that were noted or made to fail, in order: each call's name and, where a
    /// snapshot made it, the name it acts on.
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

impl Plan {
    /// Counts the call, and says whether it is one that was chosen.
    fn chooses(&mut self, call: &'static str, first: u64) -> bool {
        if self.only.is_some_and(|only| only != call) {
            return false;
        }
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let chosen = number >= first && self.times > 0;
        self.times -= u64::from(chosen);
        chosen
    }
}

/// How much of `length` a call is to ask for.
pub(super) fn most(call: &'static str, length: usize) -> usize {
    let first = FAIL_AT.load(Ordering::Relaxed);
    if first == u64::MAX {
        return length;
    }
    let mut plan = plan();
    let Some(plan) = &mut *plan else { return length };
    let Then::Shorten(most) = plan.then else { return length };
    if !plan.chooses(call, first) {
        return length;
    }
    plan.failed.push(call);
    length.min(most)
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
    let Some(plan) = &mut *plan else { return Ok(()) };
    // Those happen where the length is asked for.
    if matches!(plan.then, Then::Shorten(_)) || !plan.chooses(call, first) {
        return Ok(());
    }
    match &mut plan.then {
        Then::Shorten(_) => {}
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

/// Lets every mirror in this process keep few files with several names in memory, and the
/// others on disk, for as long as it lives.
pub struct Forgetful(());

impl Forgetful {
    /// Lets them keep `count`.
    pub fn keeping(count: usize) -> Self {
        IN_MEMORY.store(count, Ordering::SeqCst);
        Forgetful(())
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        IN_MEMORY.store(usize::MAX, Ordering::SeqCst);
    }
}

pub(super) fn in_memory() -> Option<usize> {
    Some(IN_MEMORY.load(Ordering::SeqCst)).filter(|count| *count != usize::MAX)
}

/// Lets time stand still for every mirror in this process, but for the waiting that they
/// do, which is over at once. Only one exists at a time; beside [`Faults`], the one that they
/// made.
pub struct Time {
    begin: Instant,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Time {
    /// Stops the time.
    pub fn stop() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        CALLS.store(0, Ordering::SeqCst);
        Self::begin(Some(turn))
    }

    fn begin(turn: Option<MutexGuard<'static, ()>>) -> Self {
        let begin = Instant::now();
        *time() = Some(begin);
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
