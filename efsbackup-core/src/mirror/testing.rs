//! Making the mirror's system calls fail, for tests.

use rustix::io::{Errno, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
static TURN: Mutex<()> = Mutex::new(());
/// Calls since the plan was made; beside the plan, so that counting takes no lock.
static CALLS: AtomicU64 = AtomicU64::new(0);
static FAIL_AT: AtomicU64 = AtomicU64::new(u64::MAX);

struct Plan {
    /// Only calls of this name count.
    only: Option<&'static str>,
    errno: i32,
    times: u64,
    failed: Vec<&'static str>,
}

/// Lets system calls of every mirror in this process fail for as long as it lives. Only
/// one exists at a time: another waits.
pub struct Faults {
    _turn: MutexGuard<'static, ()>,
}

impl Faults {
    /// Counts the calls and fails none.
    pub fn none() -> Self {
        Self::at(u64::MAX, 0, 0)
    }

    /// Fails the call number `first` (from 0) and those after it, `times` in all, with
    /// `errno`.
    pub fn at(first: u64, times: u64, errno: i32) -> Self {
        Self::plan(None, first, times, errno)
    }

    /// The same, where only calls of the name `call` count, such as `linkat`.
    pub fn of(call: &'static str, first: u64, times: u64, errno: i32) -> Self {
        Self::plan(Some(call), first, times, errno)
    }

    fn plan(only: Option<&'static str>, first: u64, times: u64, errno: i32) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        *plan() = Some(Plan { only, errno, times, failed: Vec::new() });
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
    plan.failed.push(call);
    Err(Errno::from_raw_os_error(plan.errno))
}
