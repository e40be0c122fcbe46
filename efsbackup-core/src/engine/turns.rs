//! Turns of several processes that write one state.
//!
//! SQLite lets whoever asks at the right moment write; one that writes again and again can keep
//! another out for ever. So a process asks for its turn first, and holds it while it waits for
//! SQLite's own lock: who has just written gets no turn before it.

use super::database::failed;
use crate::error::{Error, ErrorKind, Result};
use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for others, all in all.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// The file by which processes take turns, beside the state.
pub(super) struct Turns(File);

impl Turns {
    pub(super) fn open(state: &Path) -> Result<Turns> {
        let mut name = state.as_os_str().to_owned();
        name.push(".turn");
        let path = PathBuf::from(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map(Turns)
            .map_err(|error| Error::from_io("open turns", error).with_path(path))
    }

    /// Runs `begin`, which waits for SQLite's lock, as the only process that does.
    pub(super) fn take<T>(&self, begin: impl FnOnce() -> Result<T>) -> Result<T> {
        let since = Instant::now();
        while let Err(error) = flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
                return Err(Error::from_errno("take turn", error.raw_os_error()));
            }
            if since.elapsed() >= PATIENCE {
                return Err(Error::new(ErrorKind::Busy, "take turn").with_message(
                    "another process waits for the state, or holds it, for longer than 30 seconds",
                ));
            }
            thread::sleep(LOOK);
        }
        let begun = begin();
        // Closing the file would do it too; nothing else can be done about a failure.
        let _ = flock(&self.0, FlockOperation::Unlock);
        begun
    }
}

/// Has `connection` look for SQLite's lock often, and not for longer than a turn may take.
pub(super) fn wait_for_lock(connection: &mut Connection) -> Result<()> {
    const LOOKS: u128 = PATIENCE.as_millis() / LOOK.as_millis();
    let again = |looked: i32| {
        thread::sleep(LOOK);
        u128::try_from(looked).is_ok_and(|looked| looked < LOOKS)
    };
    connection.busy_handler(Some(again)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use crate::clock::SystemClock;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn two_that_write_all_the_time_take_turns() {
        const WRITES: usize = 60;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let open = || Engine::open(&path, Arc::new(SystemClock)).unwrap();
        let engines = [open(), open()];
        let written = [AtomicUsize::new(0), AtomicUsize::new(0)];
        thread::scope(|scope| {
            for (engine, own) in engines.iter().zip(&written) {
                let written = &written;
                scope.spawn(move || {
                    while written.iter().all(|count| count.load(Ordering::SeqCst) < WRITES) {
                        // Between its transactions there is next to no time.
                        let slow = engine.transact(|_, _| {
                            thread::sleep(Duration::from_millis(4));
                            Ok(())
                        });
                        slow.unwrap();
                        own.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let least = written.iter().map(|count| count.load(Ordering::SeqCst)).min().unwrap();
        assert!(least >= WRITES / 2, "{written:?}");
    }
}
