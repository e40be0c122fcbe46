//! What a worker looks after while something of an attempt goes on.

use super::attempt::{Attempt, Ran, failure};
use super::job::{Job, Limit};
use super::leftovers::is_closed;
use super::logs::Logs;
use super::run_as::RunAs;
use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::{PipelineService, Task, TaskFailure};
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the worker takes to notice a cancel or a timeout.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// How long the logs of an attempt may take to get where they go, and where the worker is told
/// to stop.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
const LAST_MOMENTS: Duration = Duration::from_secs(10);

/// Tells the service that the attempt goes on, and notices when it must not.
pub(super) struct Watch<'a, S> {
    attempt: &'a Attempt<'a, S>,
    task: &'a Task,
    job: &'a Job,
    reported: Reported,
    /// Why the attempt must stop, once it must.
    pub(super) stopped: Option<TaskFailure>,
}

impl<'a, S: PipelineService> Watch<'a, S> {
    pub(super) fn new(attempt: &'a Attempt<'a, S>, task: &'a Task, job: &'a Job) -> Self {
        let reported = Reported::now(attempt.clock);
        Watch { attempt, task, job, reported, stopped: None }
    }

    /// Whether the attempt must stop, the first time that it must.
    pub(super) fn must_stop(&mut self, logs: &mut Logs) -> bool {
        if self.stopped.is_some() {
            self.report(logs);
            return false;
        }
        let clock = self.attempt.clock;
        if self.attempt.cancel.is_cancelled() {
            self.stopped = Some(failure("WorkerStopped", "the worker was told to stop"));
        } else if let Some(limit) = passed(&self.job.limits, clock) {
            self.stopped = Some(failure(limit.failure, &*limit.message));
        } else {
            self.stopped = self.report(logs);
        }
        if let Some(failure) = &self.stopped {
            logs.note(clock, &format!("ending it: {}", failure.message));
        }
        self.stopped.is_some()
    }

    /// Says that the attempt goes on, where it is time to; gives what the service wants.
    fn report(&mut self, logs: &mut Logs) -> Option<TaskFailure> {
        let Attempt { clock, options, service, .. } = *self.attempt;
        if !self.reported.is_older_than(options.heartbeat, clock) {
            return None;
        }
        self.reported = Reported::now(clock);
        match pollster::block_on(service.report_task_progress(&self.task.id, &[])) {
            Ok(false) => None,
            Ok(true) => Some(failure("Cancelled", "the task was cancelled")),
            Err(error) if is_closed(&error) => {
                Some(failure("Cancelled", "the service has given up the task"))
            }
            Err(error) => {
                logs.note(clock, &format!("no heartbeat: {error:#}"));
                None
            }
        }
    }

    /// Does `work` on a thread of its own, and has it stop where the attempt must; its errors
    /// become a failure called `id`.
    pub(super) fn over<T: Send>(
        &mut self,
        logs: &mut Logs,
        id: &str,
        work: impl FnOnce(&CancelToken) -> Result<T> + Send,
    ) -> Ran<T> {
        // With the rights that scripts have: who writes definitions has no more.
        let user = self.attempt.options.run_as.clone();
        let work = move |cancel: &CancelToken| {
            let taken = user.as_ref().map_or(Ok(()), RunAs::take_on);
            taken.map_err(|error| Error::from_io("run as", error)).and_then(|()| work(cancel))
        };
        let result = self.apart(work, |watch| watch.must_stop(logs));
        match self.stopped.take() {
            Some(stopped) => Err(stopped),
            None => result
                .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "work")))
                .map_err(|error| failure(id, format!("{error:#}"))),
        }
    }

    /// Does what is left to do for an attempt that has ended, unless it takes too long; `None`
    /// where it panicked.
    pub(super) fn after<T: Send>(
        &mut self,
        logs: &mut Logs,
        work: impl FnOnce(&CancelToken) -> T + Send,
    ) -> Option<T> {
        let begun = Instant::now();
        self.apart(work, |watch| {
            watch.report(logs);
            let patience =
                if watch.attempt.cancel.is_cancelled() { LAST_MOMENTS } else { PATIENCE };
            begun.elapsed() >= patience
        })
    }

    /// Does `work` on a thread of its own until `is_over`, which is asked again and again.
    fn apart<T: Send>(
        &mut self,
        work: impl FnOnce(&CancelToken) -> T + Send,
        mut is_over: impl FnMut(&mut Self) -> bool,
    ) -> Option<T> {
        let cancel = CancelToken::new();
        let (send, receive) = channel();
        thread::scope(|scope| {
            let token = cancel.clone();
            scope.spawn(move || {
                // The receiver waits until this is over.
                let _ = send.send(work(&token));
            });
            loop {
                match receive.recv_timeout(TICK) {
                    Ok(result) => return Some(result),
                    Err(RecvTimeoutError::Timeout) if is_over(self) => cancel.cancel(),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            }
        })
    }
}

fn passed<'a>(limits: &'a [Limit], clock: &dyn Clock) -> Option<&'a Limit> {
    let now = clock.now();
    limits.iter().find(|limit| now >= limit.deadline)
}

/// The last report of progress, by both clocks: the service's silence limit may be by
/// either, and the caller's clock may run fast or be set back.
struct Reported(Instant, Timestamp);

impl Reported {
    fn now(clock: &dyn Clock) -> Self {
        Reported(Instant::now(), clock.now())
    }

    fn is_older_than(&self, age: Duration, clock: &dyn Clock) -> bool {
        let passed = Duration::try_from(clock.now().duration_since(self.1)).unwrap_or_default();
        self.0.elapsed() >= age || passed >= age
    }
}
