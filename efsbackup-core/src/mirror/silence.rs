//! Noticing a file server that does not answer.
//!
//! A call to one that is silent waits for as long as that takes. So when nothing was done for
//! a while, each server is asked for its root's metadata, by a thread that may wait; what is
//! not answered is told of.

use super::handle::Handle;
use super::meta::{Meta, Sync};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// After how long without anything done the servers are asked.
const ASK_AFTER: Duration = Duration::from_secs(4);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Watches over the roots that are on network file systems.
pub(super) struct Silence {
    servers: Vec<Server>,
    done: u64,
    since: Instant,
}

struct Server {
    root: PathBuf,
    handle: Arc<Handle>,
    asked: Option<Question>,
}

struct Question {
    at: Instant,
    answered: Arc<AtomicBool>,
}

impl Silence {
    pub(super) fn new(roots: Vec<(PathBuf, Arc<Handle>)>) -> Silence {
        let server = |(root, handle)| Server { root, handle, asked: None };
        Silence { servers: roots.into_iter().map(server).collect(), done: 0, since: Instant::now() }
    }

    /// Whether there is anything to watch.
    pub(super) fn is_idle(&self) -> bool {
        self.servers.is_empty()
    }

    /// The root whose server has not answered for 5 seconds. `done` is a number that changes
    /// with whatever is done.
    pub(super) fn look(&mut self, done: u64) -> Option<&Path> {
        if done != self.done {
            (self.done, self.since) = (done, Instant::now());
        }
        if self.since.elapsed() < ASK_AFTER {
            return None;
        }
        self.servers.iter_mut().filter_map(Server::look).next()
    }
}

impl Server {
    fn look(&mut self) -> Option<&Path> {
        match &self.asked {
            Some(question) if question.answered.load(Ordering::Relaxed) => {
                if question.at.elapsed() >= ASK_AFTER {
                    self.ask();
                }
                None
            }
            Some(question) => (question.at.elapsed() >= ANSWER_WITHIN).then_some(&*self.root),
            None => {
                self.ask();
                None
            }
        }
    }

    fn ask(&mut self) {
        let answered = Arc::new(AtomicBool::new(false));
        let (handle, answer) = (Arc::clone(&self.handle), Arc::clone(&answered));
        // Not waited for: it ends when the server answers, however long after the run.
        let started = std::thread::Builder::new().spawn(move || {
            let _ = handle.fd().and_then(|fd| Meta::of(&*fd, Sync::Force));
            answer.store(true, Ordering::Relaxed);
        });
        if started.is_err() {
            answered.store(true, Ordering::Relaxed);
        }
        self.asked = Some(Question { at: Instant::now(), answered });
    }
}
