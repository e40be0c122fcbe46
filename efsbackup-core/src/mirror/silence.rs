//! Noticing a file server that does not answer.
//!
//! A call to one that is silent waits for as long as that takes. So a thread asks each server
//! for its root's metadata all the time; when nothing else is done either, what is not
//! answered is told of.

use super::ping::Pinger;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After how long without an answer, and without anything done, a server is called silent.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// A root on a network file system.
pub(super) struct Server {
    pub(super) root: PathBuf,
    pub(super) pinger: Pinger,
}

/// Notes when something was done last.
pub(super) struct Silence {
    done: u64,
    since: Instant,
}

impl Silence {
    pub(super) fn new() -> Silence {
        Silence { done: 0, since: Instant::now() }
    }

    /// The root whose server has not answered for 5 seconds. `done` is a number that changes
    /// with whatever is done.
    pub(super) fn look<'s>(&mut self, servers: &'s [Server], done: u64) -> Option<&'s Path> {
        if done != self.done {
            (self.done, self.since) = (done, Instant::now());
        }
        if self.since.elapsed() < SILENT_AFTER {
            return None;
        }
        let is_silent = |server: &&Server| {
            let since = server.pinger.answers().open_since;
            since.is_some_and(|since| since.elapsed() >= SILENT_AFTER)
        };
        servers.iter().find(is_silent).map(|server| &*server.root)
    }
}
