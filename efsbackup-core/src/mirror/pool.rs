//! Threads that share jobs: each works depth-first on its own and steals when idle.
//!
//! How many of them work may change while they do: threads are started when they are first
//! wanted, and stand aside between two jobs when they are no longer.

use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the threads share.
pub(super) struct Pool<J> {
    injector: Injector<J>,
    stealers: Vec<Stealer<J>>,
    /// Jobs that wait or run; nothing is left to do at 0.
    in_flight: AtomicUsize,
    sleepers: AtomicUsize,
    /// Threads with this number and above stand aside.
    wanted: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
    /// Wakes those that stand aside.
    recall: Condvar,
    done: Condvar,
    panicked: AtomicBool,
}

/// One thread's end of the pool.
pub(super) struct Queue<'p, J> {
    own: Worker<J>,
    number: usize,
    pool: &'p Pool<J>,
}

/// How the threads are at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// How many may work.
    pub(super) threads: usize,
    /// Whether all of them have something to do.
    pub(super) is_full: bool,
}

impl<J: Send> Queue<'_, J> {
    /// Adds a job. The job added last is the one this thread does next; idle threads steal
    /// the one added first.
    pub(super) fn push(&self, job: J) {
        self.pool.in_flight.fetch_add(1, Ordering::SeqCst);
        self.own.push(job);
        if self.pool.sleepers.load(Ordering::SeqCst) > 0 {
            let _guard = self.pool.guard();
            self.pool.wake.notify_one();
        }
    }
}

impl<J: Send> Pool<J> {
    fn guard(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job of another's. Each thread looks at the others in an order of its own, so that
    /// those without work spread over all that have some, and over their directories.
    fn steal(&self, number: usize) -> Option<J> {
        let sources = || {
            let (before, after) = self.stealers.split_at(number);
            let others = after.iter().chain(before).map(Stealer::steal);
            std::iter::once(self.injector.steal()).chain(others)
        };
        loop {
            let stolen: Steal<J> = sources().collect();
            if !stolen.is_retry() {
                return stolen.success();
            }
        }
    }

    fn next(&self, queue: &Queue<'_, J>) -> Option<J> {
        loop {
            self.stand_aside(queue);
            if let Some(job) = queue.own.pop().or_else(|| self.steal(queue.number)) {
                return Some(job);
            }
            let guard = self.guard();
            // From here on whoever pushes sees a sleeper and takes the lock to wake it, so
            // a job pushed after the look below can't be missed.
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            let idle = self.injector.is_empty() && self.stealers.iter().all(Stealer::is_empty);
            let over = self.is_over();
            if idle && !over {
                drop(self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner));
            }
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            if over {
                return None;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) == 0
    }

    /// Waits while this thread is one too many. Others take what it leaves in its queue.
    fn stand_aside(&self, queue: &Queue<'_, J>) {
        let is_wanted = || queue.number < self.wanted.load(Ordering::SeqCst) || self.is_over();
        if is_wanted() {
            return;
        }
        let mut guard = self.guard();
        self.wake.notify_all();
        while !is_wanted() {
            guard = self.recall.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets this many threads work.
    fn want(&self, threads: usize) {
        if self.wanted.swap(threads, Ordering::SeqCst) < threads {
            let _guard = self.guard();
            self.recall.notify_all();
        }
    }

    fn work<S>(
        &self,
        (number, own): (usize, Worker<J>),
        state: &mut S,
        run: &(impl Fn(J, &Queue<'_, J>, &mut S) + Sync),
    ) {
        let queue = Queue { own, number, pool: self };
        while let Some(job) = self.next(&queue) {
            if catch_unwind(AssertUnwindSafe(|| run(job, &queue, state))).is_err() {
                self.panicked.store(true, Ordering::SeqCst);
            }
            if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
                let _guard = self.guard();
                self.wake.notify_all();
                self.recall.notify_all();
                self.done.notify_all();
            }
        }
    }
}

/// How many threads there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads {
    /// How many begin.
    pub(super) first: usize,
    /// How many may work at once at any time.
    pub(super) most: usize,
}

/// Runs `jobs` and all that they add, each thread with a state of its own. `tick` is called
/// on this thread every `interval` until all is done, and says how many threads are to work
/// from then on. Returns false if a job panicked.
pub(super) fn run<J: Send, S>(
    threads: Threads,
    jobs: Vec<J>,
    interval: Duration,
    new_state: impl Fn() -> S + Sync,
    run: impl Fn(J, &Queue<'_, J>, &mut S) + Sync,
    mut tick: impl FnMut(Load) -> usize,
) -> bool {
    let own: Vec<Worker<J>> = (0..threads.most).map(|_| Worker::new_lifo()).collect();
    let pool = Pool {
        injector: Injector::new(),
        stealers: own.iter().map(Worker::stealer).collect(),
        in_flight: AtomicUsize::new(jobs.len()),
        sleepers: AtomicUsize::new(0),
        wanted: AtomicUsize::new(threads.first),
        lock: Mutex::new(()),
        wake: Condvar::new(),
        recall: Condvar::new(),
        done: Condvar::new(),
        panicked: AtomicBool::new(false),
    };
    for job in jobs {
        pool.injector.push(job);
    }
    std::thread::scope(|scope| {
        let mut own = own.into_iter().enumerate();
        let mut started = 0;
        let mut start_up_to = |wanted: usize| {
            for worker in own.by_ref().take(wanted.saturating_sub(started)) {
                let (pool, run, new_state) = (&pool, &run, &new_state);
                scope.spawn(move || pool.work(worker, &mut new_state(), run));
            }
            started = started.max(wanted);
        };
        start_up_to(threads.first);
        let mut guard = pool.guard();
        while !pool.is_over() {
            guard = pool
                .done
                .wait_timeout(guard, interval)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
            drop(guard);
            let now = pool.wanted.load(Ordering::SeqCst);
            let is_full = pool.sleepers.load(Ordering::SeqCst) == 0;
            let wanted = tick(Load { threads: now, is_full }).clamp(1, threads.most);
            pool.want(wanted);
            if !pool.is_over() {
                start_up_to(wanted);
            }
            guard = pool.guard();
        }
    });
    !pool.panicked.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn every_job_and_its_children_run_once() {
        let sum = AtomicU64::new(0);
        let whole = run(
            Threads { first: 8, most: 8 },
            vec![14_u64],
            Duration::from_millis(1),
            || (),
            |job, queue, ()| {
                sum.fetch_add(1, Ordering::Relaxed);
                if job > 0 {
                    queue.push(job - 1);
                    queue.push(job - 1);
                }
            },
            |load| load.threads,
        );
        assert!(whole);
        assert_eq!(sum.load(Ordering::Relaxed), (1 << 15) - 1);
    }

    #[test]
    fn no_job_is_lost_while_threads_come_and_go() {
        for seed in 0..20_usize {
            let (sum, now, top) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let mut turn = seed;
            let whole = run(
                Threads { first: 1 + seed % 3, most: 12 },
                vec![11_u64],
                Duration::from_micros(50),
                || (),
                |job, queue, ()| {
                    top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sum.fetch_add(1, Ordering::Relaxed);
                    if job > 0 {
                        queue.push(job - 1);
                        queue.push(job - 1);
                    }
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                },
                |load| {
                    assert!((1..=12).contains(&load.threads));
                    turn = turn.wrapping_mul(5).wrapping_add(3);
                    turn % 14
                },
            );
            assert!(whole);
            assert_eq!(sum.load(Ordering::Relaxed), (1 << 12) - 1);
            assert!(top.load(Ordering::SeqCst) <= 12);
        }
    }

    #[test]
    fn a_panic_ends_neither_the_other_jobs_nor_unseen() {
        let done = AtomicU64::new(0);
        let whole = run(
            Threads { first: 2, most: 2 },
            (0..10).collect(),
            Duration::from_millis(1),
            || (),
            |job: i32, _: &Queue<'_, i32>, ()| {
                assert_ne!(job, 5, "planted");
                done.fetch_add(1, Ordering::Relaxed);
            },
            |load| load.threads,
        );
        assert!(!whole);
        assert_eq!(done.load(Ordering::Relaxed), 9);
    }
}
