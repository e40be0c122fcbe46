//! A run while it is at work.

use super::{Alarms, RunEvent};
use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::PipelineService;
use crate::engine::Engine;
use crate::error::Result;
use crate::worker::{Worker, WorkerEvent, WorkerOptions};
use jiff::{SignedDuration, Timestamp};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at what is due.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// Between two prunings of the history.
const PRUNE: SignedDuration = SignedDuration::from_hours(1);

/// A deployed pipeline at work.
pub(super) struct Running<'a> {
    pub(super) engine: &'a Engine,
    pub(super) clock: &'a dyn Clock,
    pub(super) pipeline: &'a str,
    pub(super) once: bool,
    pub(super) until: Option<Timestamp>,
    pub(super) notifications: &'a Path,
    pub(super) alarms: &'a Alarms,
    /// How long what is over stays in the state.
    pub(super) keep: Duration,
    pub(super) pruned: Cell<Option<Timestamp>>,
}

impl Running<'_> {
    /// Works until there is nothing left to do; `true` where the caller cancelled that.
    pub(super) fn work(
        &self,
        options: WorkerOptions,
        cancel: &CancelToken,
        on_event: &mut dyn FnMut(&RunEvent<'_>),
    ) -> Result<bool> {
        let stop = CancelToken::new();
        let mut failed = Ok(());
        let mut looked: Option<Instant> = None;
        let worker = Worker::new(self.engine, self.clock, options);
        let (problems, told) = channel();
        let over = CancelToken::new();
        let worked = thread::scope(|scope| {
            scope.spawn(|| self.alarms.run(self.engine, &over, &problems));
            let worked = worker.run(&stop, &mut |events| {
                events.iter().for_each(|event| self.tell(event, on_event));
                told.try_iter().for_each(|text| on_event(&RunEvent::Warned(&text)));
                let due = looked.is_none_or(|last| last.elapsed() >= TICK);
                if events.is_empty() && !due && !cancel.is_cancelled() {
                    return ControlFlow::Continue(());
                }
                looked = Some(Instant::now());
                match self.step(cancel, &stop, on_event) {
                    Ok(flow) => flow,
                    Err(error) => {
                        failed = Err(error);
                        stop.cancel();
                        ControlFlow::Break(())
                    }
                }
            });
            // What fired last is in the state by now.
            over.cancel();
            worked
        });
        failed.and(worked)?;
        self.deliver(on_event)?;
        told.try_iter().for_each(|text| on_event(&RunEvent::Warned(&text)));
        Ok(cancel.is_cancelled())
    }

    fn step(
        &self,
        cancel: &CancelToken,
        stop: &CancelToken,
        on_event: &mut dyn FnMut(&RunEvent<'_>),
    ) -> Result<ControlFlow<()>> {
        self.engine.tick()?;
        self.prune()?;
        self.deliver(on_event)?;
        if cancel.is_cancelled() {
            if !stop.is_cancelled() {
                if self.once {
                    // First, so that what the worker ends counts as cancelled, not as failed.
                    pollster::block_on(self.engine.deactivate(self.pipeline, true))?;
                }
                // Else the worker hands back what it has, and the next run goes on with it.
                stop.cancel();
            }
            return Ok(ControlFlow::Break(()));
        }
        let until = self.until.is_some_and(|until| self.clock.now() >= until);
        let over = state(self.engine, self.pipeline)? != "SCHEDULED";
        let stuck = self.once && self.engine.is_at_rest(self.pipeline)?;
        Ok(if until || over || stuck { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Forgets old history, now and then.
    fn prune(&self) -> Result<()> {
        let now = self.clock.now();
        if self.pruned.get().is_some_and(|last| now.duration_since(last) < PRUNE) {
            return Ok(());
        }
        self.pruned.set(Some(now));
        // A time before all times has nothing before it.
        let before = now.checked_sub(self.keep).unwrap_or(Timestamp::MIN);
        self.engine.prune(before).map(drop)
    }

    fn tell(&self, event: &WorkerEvent, on_event: &mut dyn FnMut(&RunEvent<'_>)) {
        match event {
            WorkerEvent::Started { attempt, logs, .. } => {
                on_event(&RunEvent::Started { attempt, logs })
            }
            WorkerEvent::Ended { attempt, failure } => {
                on_event(&RunEvent::Ended { attempt, failure: failure.as_ref() });
                // Where the state can't be read, the next look at what is due fails too.
                let waits = || self.engine.retry_of(self.pipeline, attempt).ok().flatten();
                if let Some(retry) = failure.as_ref().and_then(|_| waits()) {
                    on_event(&RunEvent::Waits(&retry));
                }
            }
            WorkerEvent::Recovered { attempt } => on_event(&RunEvent::Recovered { attempt }),
            WorkerEvent::LogsKept { attempt, message } => {
                on_event(&RunEvent::Warned(&format!("logs of {attempt}: {message}")));
            }
            WorkerEvent::Unreachable { message } => on_event(&RunEvent::Warned(message)),
        }
    }

    fn deliver(&self, on_event: &mut dyn FnMut(&RunEvent<'_>)) -> Result<()> {
        self.engine.deliver_to(self.alarms.file_outlet(), &mut |notification| {
            notification.append_to(self.notifications)?;
            on_event(&RunEvent::Notified(notification));
            Ok(())
        })
    }
}

/// The pipeline's `@pipelineState`.
pub(super) fn state(engine: &Engine, pipeline: &str) -> Result<String> {
    let described = pollster::block_on(engine.describe_pipelines(&[pipeline.to_owned()]))?;
    let state = described.first().and_then(|pipeline| pipeline.field("@pipelineState"));
    Ok(state.unwrap_or_default().to_owned())
}
