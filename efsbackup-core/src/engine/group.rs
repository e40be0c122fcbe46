//! The store, shared by threads whose changes become durable together.
//!
//! To sync a file takes a disk longer than all else that a request needs. So where several
//! threads want to write, the first leaves its transaction open for those that wait, each of
//! which undoes its own part alone where it fails, and the last commits. Nobody is answered
//! before that: not who has written, nor who has read what others wrote.

use super::store::Store;
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whoever finds a transaction this old, or shared by so many, commits it though others wait.
const LONGEST: Duration = Duration::from_millis(20);
const MOST_MEMBERS: usize = 64;

/// A store and the transaction that several threads may have in it.
pub(super) struct Shared {
    state: Mutex<State>,
    /// A transaction has ended.
    ended: Condvar,
    /// How many threads are about to take the state.
    waiting: AtomicUsize,
}

struct State {
    store: Store,
    open: Option<Group>,
    /// The number of the last transaction that was begun, and of the last that has ended.
    begun: u64,
    ended: u64,
    /// Transactions that failed, with how many have still to be told.
    failed: HashMap<u64, Failed>,
}

/// The transaction that is open.
struct Group {
    members: usize,
    since: Instant,
}

struct Failed {
    untold: usize,
    kind: ErrorKind,
    message: String,
}

impl Shared {
    pub(super) fn new(store: Store) -> Shared {
        let state = State { store, open: None, begun: 0, ended: 0, failed: HashMap::new() };
        Shared { state: Mutex::new(state), ended: Condvar::new(), waiting: AtomicUsize::new(0) }
    }

    /// Runs `work`: all of it is durable when this returns, or nothing of it has happened.
    pub(super) fn transact<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let mut state = self.enter();
        if state.open.is_none() {
            state.begin()?;
        }
        state.store.save_point()?;
        // A panic must not leave others waiting for a commit that nobody makes.
        let done = catch_unwind(AssertUnwindSafe(|| work(&state.store)));
        let kept = match &done {
            Ok(Ok(_)) => state.store.release(),
            _ => state.store.undo(),
        };
        let ended = self.leave(state, kept);
        match done {
            Ok(result) => ended.and(result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs `work`, which only reads, on one state of the store. It waits for no writer of
    /// another process.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let state = self.enter();
        if state.open.is_none() {
            return state.store.read(work);
        }
        let done = catch_unwind(AssertUnwindSafe(|| work(&state.store)));
        let ended = self.leave(state, Ok(()));
        match done {
            Ok(result) => ended.and(result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Does something to the store that is no transaction.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Store) -> T) -> T {
        work(&self.enter().store)
    }

    fn enter(&self) -> MutexGuard<'_, State> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Whoever panicked has undone its part.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        state
    }

    /// Ends one thread's part in the open transaction: commits, or waits for who does.
    fn leave(&self, mut state: MutexGuard<'_, State>, kept: Result<()>) -> Result<()> {
        let number = state.begun;
        let Some(group) = state.open.as_mut() else { return kept };
        group.members += 1;
        let is_full = group.members >= MOST_MEMBERS || group.since.elapsed() >= LONGEST;
        // Who waits for the state by now finds the transaction open, and decides in turn.
        if kept.is_err() || is_full || self.waiting.load(Ordering::SeqCst) == 0 {
            state.end(kept);
            self.ended.notify_all();
        }
        while state.ended < number {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.outcome(number)
    }
}

impl State {
    fn begin(&mut self) -> Result<()> {
        self.store.begin()?;
        self.begun += 1;
        self.open = Some(Group { members: 0, since: Instant::now() });
        Ok(())
    }

    /// Commits the open transaction, unless its parts could not be told from each other.
    fn end(&mut self, kept: Result<()>) {
        let Some(group) = self.open.take() else { return };
        self.ended = self.begun;
        if let Err(error) = kept.and_then(|()| self.store.commit()) {
            self.store.roll_back();
            let (kind, message) = (error.kind(), format!("{error:#}"));
            let failed = Failed { untold: group.members, kind, message };
            self.failed.insert(self.begun, failed);
        }
    }

    /// How a transaction has ended, for one of its members.
    fn outcome(&mut self, number: u64) -> Result<()> {
        let Some(failed) = self.failed.get_mut(&number) else { return Ok(()) };
        let error = Error::new(failed.kind, "state").with_message(failed.message.clone());
        failed.untold -= 1;
        if failed.untold == 0 {
            self.failed.remove(&number);
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::database;
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    fn shared(dir: &std::path::Path) -> Shared {
        let shared = Shared::new(Store::new(database::open(&dir.join("state")).unwrap()));
        shared.transact(|db| insert(db, 0)).unwrap();
        shared
    }

    fn insert(db: &Store, number: i64) -> Result<()> {
        db.execute("INSERT INTO deleted (id, time) VALUES (?1, 0)", [number.to_string()])
            .map(drop)
            .map_err(database::failed)
    }

    fn count(dir: &std::path::Path) -> i64 {
        let other = rusqlite::Connection::open(dir.join("state")).unwrap();
        other.query_row("SELECT count(*) FROM deleted", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_returns_is_durable_and_what_fails_is_undone_alone() {
        const THREADS: i64 = 8;
        let dir = tempfile::tempdir().unwrap();
        let shared = shared(dir.path());
        let start = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for thread in 1..=THREADS {
                let (shared, start, dir) = (&shared, &start, dir.path());
                scope.spawn(move || {
                    start.wait();
                    for round in 0..20 {
                        let number = thread * 1000 + round;
                        let done = shared.transact(|db| {
                            insert(db, number)?;
                            if round % 3 == 0 { insert(db, 0) } else { Ok(()) }
                        });
                        assert_eq!(done.is_err(), round % 3 == 0);
                        let seen: bool = rusqlite::Connection::open(dir.join("state"))
                            .unwrap()
                            .query_row(
                                "SELECT EXISTS (SELECT 1 FROM deleted WHERE id = ?1)",
                                [number.to_string()],
                                |row| row.get(0),
                            )
                            .unwrap();
                        assert_eq!(seen, done.is_ok(), "another connection sees what is committed");
                    }
                });
            }
        });
        assert_eq!(count(dir.path()), 1 + THREADS * 13);
    }

    #[test]
    fn a_panic_undoes_its_own_part_and_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let shared = shared(dir.path());
        let entered = Barrier::new(2);
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _ = shared.transact(|db| -> Result<()> {
                    insert(db, 1)?;
                    entered.wait();
                    // Meanwhile the other comes to wait.
                    while shared.waiting.load(Ordering::SeqCst) == 0 {
                        thread::yield_now();
                    }
                    panic!("on purpose")
                });
            });
            entered.wait();
            shared.transact(|db| insert(db, 2)).unwrap();
            assert!(panics.join().is_err());
        });
        assert_eq!(count(dir.path()), 2);
        shared.read(|db| db.definition("none", 1).map(drop)).unwrap_err();
        shared.transact(|db| insert(db, 3)).unwrap();
    }

    #[test]
    fn a_transaction_that_is_lost_is_lost_for_all_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let shared = shared(dir.path());
        let lost = shared.transact(|db| {
            insert(db, 1)?;
            // As SQLite does by itself where the disk is full.
            db.execute_batch("ROLLBACK").map_err(database::failed)
        });
        assert!(lost.is_err());
        assert_eq!(count(dir.path()), 1);
        shared.transact(|db| insert(db, 2)).unwrap();
        assert_eq!(count(dir.path()), 2);
    }
}
