//! Polls a `PipelineService` and runs its tasks on this machine.
//!
//! A ShellCommandActivity is run with bash, its arguments as `$1`, `$2` and so on, below
//! a supervising process that ends all of its processes with it: at its end, at
//! `attemptTimeout`, at the resource's `terminateAfter`, on a cancel and when the worker
//! dies. Data nodes are copied to where the script reads them, and from where it wrote them;
//! preconditions are looked at. Standard output, standard error and the worker's own log of the attempt go to
//! `<log folder>/<pipelineId>/<componentId>/<instanceId>/<attemptId>/` as `StdOutput`,
//! `StdError` and `Activity.log`, each with `.gz` once the attempt has ended.

mod archive;
mod attempt;
mod capped;
mod job;
mod leftovers;
pub(crate) mod log;
mod logs;
mod mask;
mod options;
mod place;
mod run_as;
mod script;
mod staging;
mod supervised;
mod supervisor;
mod sys;
mod watch;
mod workspace;

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::{PipelineService, PollForTask, RunnerHeartbeat, TaskFailure};
use crate::error::{Error, ErrorKind, Result};
use attempt::Attempt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use options::WorkerOptions;
#[cfg(feature = "engine")]
pub(crate) use options::passed_on;
pub use run_as::RunAs;
#[cfg(feature = "engine")]
pub(crate) use supervised::Supervised;

/// What a worker did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// An attempt's script is about to start.
    Started {
        /// The attempt's id.
        attempt: String,
        /// The activity's id.
        component: String,
        /// Where its logs are.
        logs: PathBuf,
    },
    /// An attempt has ended, and the service knows.
    Ended {
        /// The attempt's id.
        attempt: String,
        /// Why it failed, if it did.
        failure: Option<TaskFailure>,
    },
    /// What a worker that died had left running was ended, and the service knows.
    Recovered {
        /// The attempt's id.
        attempt: String,
    },
    /// Logs of an attempt are not where they should be.
    LogsKept {
        /// The attempt's id.
        attempt: String,
        /// What went wrong.
        message: String,
    },
    /// The service could not be asked for work; the worker tries again.
    Unreachable {
        /// What went wrong.
        message: String,
    },
}

/// Takes tasks from a service and runs them.
///
/// ```no_run
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::wire::{Keys, Remote};
/// use efsbackup_core::worker::{Worker, WorkerOptions};
/// use std::ops::ControlFlow;
///
/// let service = Remote::new("http://127.0.0.1:8000", Keys::from_environment()?)?;
/// let options = WorkerOptions::new(["backups"], "/var/log/worker", "/var/lib/worker");
/// let stop = CancelToken::new();
/// Worker::new(&service, &SystemClock, options).run(&stop, &mut |events| {
///     events.iter().for_each(|event| println!("{event:?}"));
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
pub struct Worker<'a, S> {
    service: &'a S,
    clock: &'a dyn Clock,
    options: WorkerOptions,
    /// How many of its threads ask for a task right now.
    asking: AtomicUsize,
}

/// Between two calls of the caller's step.
const STEP: Duration = Duration::from_millis(50);
/// How often the worker says that it lives, as AWS recommends.
const RUNNER_HEARTBEAT: Duration = Duration::from_secs(15 * 60);

impl<'a, S: PipelineService> Worker<'a, S> {
    /// A worker for `service`; `clock` rules its time limits and the times in its logs.
    pub fn new(service: &'a S, clock: &'a dyn Clock, options: WorkerOptions) -> Self {
        Worker { service, clock, options, asking: AtomicUsize::new(0) }
    }

    /// Runs tasks until `step` breaks or `cancel` is set.
    ///
    /// First it ends and reports what a worker that died has left behind. `step` is
    /// called on this thread a few times a second with what has happened since; when it
    /// breaks, the tasks in hand are finished. On cancel they are ended.
    ///
    /// # Errors
    /// Where the work folder can't be used, the service refuses the worker, or the end
    /// of an attempt could not be reported.
    pub fn run(
        &self,
        cancel: &CancelToken,
        step: &mut dyn FnMut(&[WorkerEvent]) -> ControlFlow<()>,
    ) -> Result<()> {
        workspace::make_work_dir(&self.options.work_dir, self.options.run_as.as_ref())?;
        let stop = CancelToken::new();
        if self.recover(cancel, step)?.is_break() {
            return Ok(());
        }
        let (send, receive) = channel();
        thread::scope(|scope| {
            let takers: Vec<_> = (0..self.options.tasks.max(1))
                .map(|_| {
                    let (send, stop) = (send.clone(), stop.clone());
                    scope.spawn(move || {
                        let result = self.take_tasks(cancel, &stop, &send);
                        if result.is_err() {
                            stop.cancel();
                        }
                        result
                    })
                })
                .collect();
            drop(send);
            let watched = self.watch(&receive, &stop, step);
            stop.cancel();
            let mut result = watched;
            for taker in takers {
                let taken = taker.join().unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Internal, "work").with_message("a task panicked"))
                });
                result = result.and(taken);
            }
            result
        })
    }

    /// Ends and reports what dead workers have left, waiting for a service that does not
    /// answer.
    fn recover(
        &self,
        cancel: &CancelToken,
        step: &mut dyn FnMut(&[WorkerEvent]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        loop {
            let mut events = Vec::new();
            let recovered = leftovers::recover(&self.options.work_dir, self.service, &mut events);
            match recovered {
                Ok(()) => return Ok(step(&events)),
                // What hangs in a system call is Busy; waiting for that may take for ever.
                Err(error) if may_pass(&error) && error.kind() != ErrorKind::Busy => {
                    events.push(WorkerEvent::Unreachable { message: format!("{error:#}") });
                }
                Err(error) => return Err(error),
            }
            if step(&events).is_break() || cancel.is_cancelled() {
                return Ok(ControlFlow::Break(()));
            }
            thread::sleep(self.options.poll_interval);
        }
    }

    /// Passes on events until every taker has gone.
    fn watch(
        &self,
        events: &Receiver<WorkerEvent>,
        stop: &CancelToken,
        step: &mut dyn FnMut(&[WorkerEvent]) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut heartbeat: Option<Instant> = None;
        loop {
            let (happened, gone) = match events.recv_timeout(STEP) {
                Ok(event) => (vec![event], false),
                Err(RecvTimeoutError::Timeout) => (Vec::new(), false),
                Err(RecvTimeoutError::Disconnected) => (Vec::new(), true),
            };
            if step(&happened).is_break() {
                stop.cancel();
            }
            if gone {
                return Ok(());
            }
            if heartbeat.is_none_or(|last| last.elapsed() >= RUNNER_HEARTBEAT) {
                heartbeat = Some(Instant::now());
                self.say_alive(stop)?;
            }
        }
    }

    fn say_alive(&self, stop: &CancelToken) -> Result<()> {
        for group in &self.options.groups {
            let heartbeat = RunnerHeartbeat {
                runner_id: format!("{}-{}", self.options.hostname, std::process::id()),
                worker_group: group.clone(),
                hostname: self.options.hostname.clone(),
            };
            match pollster::block_on(self.service.report_heartbeat(&heartbeat)) {
                Ok(false) => {}
                Ok(true) => stop.cancel(),
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Polls and runs, one task at a time.
    fn take_tasks(
        &self,
        cancel: &CancelToken,
        stop: &CancelToken,
        events: &Sender<WorkerEvent>,
    ) -> Result<()> {
        // The receiver outlives the takers.
        let emit = |event| drop(events.send(event));
        let attempt = Attempt {
            service: self.service,
            clock: self.clock,
            options: &self.options,
            cancel,
            asking: &self.asking,
            emit: &emit,
        };
        let ended = || stop.is_cancelled() || cancel.is_cancelled();
        while !ended() {
            let mut found = false;
            for group in &self.options.groups {
                self.asking.fetch_add(1, Ordering::SeqCst);
                // Looked at after it is counted: who is told to stop then waits for no more.
                let polled = if ended() { Ok(None) } else { self.poll(group) };
                self.asking.fetch_sub(1, Ordering::SeqCst);
                match polled {
                    Ok(Some(task)) => {
                        found = true;
                        attempt.run(&task)?;
                    }
                    Ok(None) => {}
                    Err(error) if may_pass(&error) => {
                        emit(WorkerEvent::Unreachable { message: format!("{error:#}") });
                    }
                    Err(error) => return Err(error),
                }
            }
            let idle = Instant::now();
            while !found && !ended() && idle.elapsed() < self.options.poll_interval {
                thread::sleep(STEP.min(self.options.poll_interval));
            }
        }
        Ok(())
    }

    fn poll(&self, group: &str) -> Result<Option<crate::deploy::Task>> {
        pollster::block_on(self.service.poll_for_task(&PollForTask {
            worker_group: group.to_owned(),
            hostname: self.options.hostname.clone(),
        }))
    }
}

/// Whether asking again may help.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Throttled | ErrorKind::Remote | ErrorKind::Timeout | ErrorKind::Busy
    )
}
