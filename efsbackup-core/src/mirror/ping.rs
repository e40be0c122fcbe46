//! Asking a file server for its root's metadata, again and again: how long it takes to answer
//! tells how busy it is, and no answer that it is silent.

use super::handle::Handle;
use super::meta::{Meta, Sync};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The pause between two questions grows from the one to the other, by a sixteenth of the time
/// since the first.
const PAUSE: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(250)];
/// How long an answer is waited for when nobody asks any more.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// A thread that asks, and may wait for as long as the server is silent.
pub(super) struct Pinger {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    answers: Mutex<Answers>,
}

/// What is known of a server's answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// How many there were.
    pub(super) count: u64,
    /// How long the quickest took.
    pub(super) quickest: Duration,
    /// How long the latest took.
    pub(super) latest: Duration,
    /// Since when there is no answer to what is asked.
    pub(super) open_since: Option<Instant>,
}

impl Answers {
    fn add(&mut self, took: Duration) {
        self.quickest = if self.count == 0 { took } else { self.quickest.min(took) };
        self.latest = took;
        self.count += 1;
        self.open_since = None;
    }
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, handle: &Handle) {
        let begin = Instant::now();
        self.answers().open_since.get_or_insert(begin);
        // After an error the question stays open. A server that has taken its export away answers
        // with one, while all that opens or closes files there waits in the kernel for good.
        if handle.fd().and_then(|fd| Meta::of(&*fd, Sync::Force)).is_ok() {
            self.answers().add(begin.elapsed());
        }
    }
}

impl Pinger {
    /// Begins to ask for this directory. Where no thread can be had there are no answers, and
    /// no questions.
    pub(super) fn start(handle: &Arc<Handle>) -> Pinger {
        let shared = Arc::new(Shared::default());
        let (handle, asker) = (Arc::clone(handle), Arc::clone(&shared));
        let begin = Instant::now();
        let started = std::thread::Builder::new().spawn(move || {
            while !asker.over.load(Ordering::Relaxed) {
                asker.ask(&handle);
                std::thread::park_timeout((begin.elapsed() / 16).clamp(PAUSE[0], PAUSE[1]));
            }
        });
        Pinger { shared, thread: started.ok() }
    }

    /// What is known by now.
    pub(super) fn answers(&self) -> Answers {
        *self.shared.answers()
    }
}

impl Drop for Pinger {
    /// The thread is waited for, since it holds the mount, but not where the server is silent.
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        let silent =
            || self.answers().open_since.is_some_and(|since| since.elapsed() >= LAST_ANSWER);
        while !thread.is_finished() {
            if silent() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // It cannot have panicked, and there would be nothing to do about it.
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::handle::Budget;

    #[test]
    fn what_is_asked_is_answered_and_the_thread_ends_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap().into();
        let handle = Handle::root(fd, Arc::new(Budget::new(8))).unwrap();
        let pinger = Pinger::start(&handle);
        while pinger.answers().count < 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let answers = pinger.answers();
        assert!(answers.quickest <= answers.latest && answers.quickest > Duration::ZERO);
        assert!(answers.open_since.is_none_or(|since| since.elapsed() < LAST_ANSWER));
        drop(pinger);
        assert_eq!(Arc::strong_count(&handle), 1);
    }

    #[test]
    fn an_error_is_no_answer() {
        let shared = Shared::default();
        let dir = tempfile::tempdir().unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap().into();
        let root = Handle::root(fd, Arc::new(Budget::new(8))).unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let handle = Handle::open(&root, c"sub").unwrap();
        shared.ask(&handle);
        let answers = *shared.answers();
        assert_eq!((answers.count, answers.open_since), (1, None));
        handle.release();
        std::fs::remove_dir(dir.path().join("sub")).unwrap();
        shared.ask(&handle);
        let since = shared.answers().open_since;
        shared.ask(&handle);
        assert!(since.is_some() && shared.answers().open_since == since);
        assert_eq!(shared.answers().count, 1);
    }
}
