//! Threads that share jobs: each works depth-first on its own and steals when idle.

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
    lock: Mutex<()>,
    wake: Condvar,
    done: Condvar,
    panicked: AtomicBool,
}

/// One thread's end of the pool.
pub(super) struct Queue<'p, J> {
    own: Worker<J>,
    pool: &'p Pool<J>,
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

    fn steal(&self) -> Option<J> {
        let sources = || {
            std::iter::once(self.injector.steal()).chain(self.stealers.iter().map(Stealer::steal))
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
            if let Some(job) = queue.own.pop().or_else(|| self.steal()) {
                return Some(job);
            }
            let guard = self.guard();
            // From here on whoever pushes sees a sleeper and takes the lock to wake it, so
            // a job pushed after the look below can't be missed.
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            let idle = self.injector.is_empty() && self.stealers.iter().all(Stealer::is_empty);
            let over = self.in_flight.load(Ordering::SeqCst) == 0;
            if idle && !over {
                drop(self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner));
            }
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            if over {
                return None;
            }
        }
    }

    fn work<S>(
        &self,
        own: Worker<J>,
        state: &mut S,
        run: &(impl Fn(J, &Queue<'_, J>, &mut S) + Sync),
    ) {
        let queue = Queue { own, pool: self };
        while let Some(job) = self.next(&queue) {
            if catch_unwind(AssertUnwindSafe(|| run(job, &queue, state))).is_err() {
                self.panicked.store(true, Ordering::SeqCst);
            }
            if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
                let _guard = self.guard();
                self.wake.notify_all();
                self.done.notify_all();
            }
        }
    }
}

/// Runs `jobs` and all that they add on `threads` threads, each with a state of its own.
/// `tick` is called on this thread every `interval` until all is done. Returns false if a
/// job panicked.
pub(super) fn run<J: Send, S>(
    threads: usize,
    jobs: Vec<J>,
    interval: Duration,
    new_state: impl Fn() -> S + Sync,
    run: impl Fn(J, &Queue<'_, J>, &mut S) + Sync,
    mut tick: impl FnMut(),
) -> bool {
    let own: Vec<Worker<J>> = (0..threads).map(|_| Worker::new_lifo()).collect();
    let pool = Pool {
        injector: Injector::new(),
        stealers: own.iter().map(Worker::stealer).collect(),
        in_flight: AtomicUsize::new(jobs.len()),
        sleepers: AtomicUsize::new(0),
        lock: Mutex::new(()),
        wake: Condvar::new(),
        done: Condvar::new(),
        panicked: AtomicBool::new(false),
    };
    for job in jobs {
        pool.injector.push(job);
    }
    std::thread::scope(|scope| {
        for worker in own {
            let (pool, run, new_state) = (&pool, &run, &new_state);
            scope.spawn(move || pool.work(worker, &mut new_state(), run));
        }
        let mut guard = pool.guard();
        while pool.in_flight.load(Ordering::SeqCst) > 0 {
            guard = pool
                .done
                .wait_timeout(guard, interval)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
            drop(guard);
            tick();
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
            8,
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
            || (),
        );
        assert!(whole);
        assert_eq!(sum.load(Ordering::Relaxed), (1 << 15) - 1);
    }

    #[test]
    fn a_panic_ends_neither_the_other_jobs_nor_unseen() {
        let done = AtomicU64::new(0);
        let whole = run(
            2,
            (0..10).collect(),
            Duration::from_millis(1),
            || (),
            |job: i32, _: &Queue<'_, i32>, ()| {
                assert_ne!(job, 5, "planted");
                done.fetch_add(1, Ordering::Relaxed);
            },
            || (),
        );
        assert!(!whole);
        assert_eq!(done.load(Ordering::Relaxed), 9);
    }
}
