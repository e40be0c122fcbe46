//! Something done again and again beside the work.

use crate::error::{Error, Result};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that does its task at intervals until this is dropped, which waits for one under way.
#[derive(Debug)]
pub(super) struct Repeated {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Repeated {
    /// Does `task` first after the interval.
    pub(super) fn every(
        interval: Duration,
        mut task: impl FnMut() + Send + 'static,
    ) -> Result<Repeated> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("efsbackup-lease".into())
            .spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    task();
                }
            })
            .map_err(|error| Error::from_io("start thread", error))?;
        Ok(Repeated { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
