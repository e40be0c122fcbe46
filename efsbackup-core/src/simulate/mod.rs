//! A definition played over a span of time, with nothing run and no time passing.
//!
//! The embedded service does the work, with its own scheduler, on a clock that jumps from
//! one due time to the next; a script of the caller's takes the place of the workers.
//!
//! ```
//! use efsbackup_core::pipeline::{Defaults, Definition, Schedule, ShellCommandActivity};
//! use efsbackup_core::simulate::{Played, Simulation};
//! use std::time::Duration;
//!
//! let definition = Definition::default()
//!     .with(Defaults::new().schedule("Hourly").schedule_type("cron"))
//!     .with(Schedule::new("Hourly").period("1 hours").start("2026-03-01T00:00:00"))
//!     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
//! let span = "2026-03-01T00:00:00Z".parse()?..="2026-03-01T02:30:00Z".parse()?;
//! let report = Simulation::new(span).run(&definition, &mut |attempt| match attempt.number {
//!     1 => Played::failed(Duration::from_secs(60), "exit status 1"),
//!     _ => Played::finished(Duration::from_secs(60)),
//! })?;
//! let runs: Vec<_> = report.instances.iter().map(|run| (&*run.status, run.attempts)).collect();
//! assert_eq!(runs, [("FINISHED", 2), ("FINISHED", 2), ("FINISHED", 2)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod documents;
mod plan;
mod script;
mod span;
mod stand_in;
mod workers;

pub use plan::{Plan, Takes, Which};
pub use script::{Attempt, End, Played};
pub use span::span;

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::{Activate, CreatePipeline, Findings, PipelineService};
use crate::engine::{AttemptSummary, Engine, Notification, RunSummary, values_for};
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::pipeline::{Definition, ParameterValue};
use jiff::Timestamp;
use stand_in::stand_in;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use workers::Workers;

/// How a definition is to be played.
///
/// ```
/// use efsbackup_core::pipeline::{Defaults, Definition, Schedule, ShellCommandActivity};
/// use efsbackup_core::simulate::{Plan, Simulation};
///
/// let definition = Definition::default()
///     .with(Defaults::new().schedule("Daily").schedule_type("cron"))
///     .with(Schedule::new("Daily").period("1 days").start("2026-03-01T00:00:00"))
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
/// let week = "2026-03-01T00:00:00Z".parse()?..="2026-03-07T23:00:00Z".parse()?;
/// let plan = Plan::default().takes("20m".parse()?);
/// let report = Simulation::new(week).run(&definition, &mut |attempt| plan.play(attempt))?;
/// assert_eq!(report.instances.len(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    span: RangeInclusive<Timestamp>,
    values: Vec<ParameterValue>,
    most_steps: usize,
    cancel: CancelToken,
}

/// What came of a simulation. Times are those of the simulation's clock.
#[derive(Clone, Debug)]
pub struct SimulationReport {
    /// When the pipeline was activated.
    pub from: Timestamp,
    /// Up to when it was played.
    pub until: Timestamp,
    /// The pipeline's state at the end, such as `SCHEDULED` or `FINISHED`.
    pub state: String,
    /// The instances of activities and resources, the earliest first.
    pub instances: Vec<RunSummary>,
    /// Their attempts, the earliest first.
    pub attempts: Vec<AttemptSummary>,
    /// Every message that would have gone to an SNS topic, in the order of sending.
    pub notifications: Vec<Notification>,
    /// How long each resource was there.
    pub resources: Vec<ResourceUse>,
}

/// How long the instances of one resource ran, all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUse {
    /// The component's id.
    pub component: String,
    /// How many of them were started.
    pub started: usize,
    /// The sum of their lives within the span.
    pub time: Duration,
}

impl Simulation {
    /// Activation at the span's start, and all that follows up to its end.
    pub fn new(span: RangeInclusive<Timestamp>) -> Simulation {
        Simulation { span, values: Vec::new(), most_steps: 1_000_000, cancel: CancelToken::new() }
    }

    /// Gives a parameter a value; a repeated id gives a list.
    #[must_use]
    pub fn value(mut self, value: ParameterValue) -> Simulation {
        self.values.push(value);
        self
    }

    /// After how many jumps of the clock to give up; 1,000,000 by default.
    #[must_use]
    pub fn most_steps(mut self, steps: usize) -> Simulation {
        self.most_steps = steps;
        self
    }

    /// Ends the simulation when the token is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Simulation {
        self.cancel = token.clone();
        self
    }

    /// Plays `definition`; `script` says of each attempt, as a worker takes it, how long it
    /// takes and how it ends. There is a worker for every task.
    ///
    /// Types that only AWS runs are played too: every activity waits for those that write what
    /// it reads, clusters are machines, and preconditions hold at once.
    ///
    /// # Errors
    /// As [`Run::run`](crate::run::Run::run), but for what only AWS runs.
    /// `InvalidInput` where there is more to do than the steps allow, `Cancelled`.
    pub fn run(
        &self,
        definition: &Definition,
        script: &mut dyn FnMut(&Attempt<'_>) -> Played,
    ) -> Result<SimulationReport> {
        definition
            .validate()
            .into_result()
            .map_err(|error| Error::new(error.kind(), "simulate").with_message(error.message()))?;
        let definition = &stand_in(definition);
        let values = values_for(definition, &self.values)?;
        let resolved = params::resolve(definition, &self.values, params::Options::default())?;
        let clock = Arc::new(ManualClock(Mutex::new(*self.span.start())));
        let engine = Engine::in_memory(Arc::clone(&clock) as Arc<dyn Clock>)?;
        let pipeline = start(&engine, definition, values)?;
        let mut workers = Workers::new(&engine, &resolved.definition);
        for _ in 0..self.most_steps {
            if self.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "simulate")
                    .with_message(format!("stopped at {}", clock.now())));
            }
            workers.take(clock.now(), script)?;
            let next = [engine.next_due(&pipeline)?, workers.next_end()];
            match next.into_iter().flatten().min() {
                Some(time) if time <= *self.span.end() => clock.set(time),
                _ => {
                    clock.set(*self.span.end());
                    return report(&engine, &pipeline, &self.span);
                }
            }
            workers.work(clock.now())?;
            engine.tick()?;
            // Who is told to stop does so at once.
            workers.work(clock.now())?;
        }
        Err(Error::new(ErrorKind::InvalidInput, "simulate").with_message(format!(
            "{} steps reach {} only; choose a shorter span",
            self.most_steps,
            clock.now()
        )))
    }
}

/// A clock that stands where it is set.
struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    fn set(&self, time: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) {
        let end = self.now().checked_add(duration);
        self.set(end.unwrap_or(Timestamp::MAX));
    }
}

fn start(engine: &Engine, definition: &Definition, values: Vec<ParameterValue>) -> Result<String> {
    let create = CreatePipeline {
        name: "simulation".to_owned(),
        unique_id: "simulation".to_owned(),
        ..CreatePipeline::default()
    };
    let pipeline = pollster::block_on(engine.create_pipeline(&create))?;
    refuse_errors(&pollster::block_on(engine.put_definition(&pipeline, definition))?)?;
    let request = Activate { values, start: None };
    pollster::block_on(engine.activate(&pipeline, &request))?;
    Ok(pipeline)
}

fn refuse_errors(findings: &Findings) -> Result<()> {
    let Some(first) = findings.errors.first().filter(|_| findings.errored) else { return Ok(()) };
    let text = first.messages.first().map(String::as_str).unwrap_or_default();
    Err(Error::new(ErrorKind::InvalidDefinition, "simulate")
        .with_message(format!("{}: {text}", first.id)))
}

fn report(
    engine: &Engine,
    pipeline: &str,
    span: &RangeInclusive<Timestamp>,
) -> Result<SimulationReport> {
    let mut notifications = Vec::new();
    engine.deliver(&mut |notification| {
        notifications.push(notification.clone());
        Ok(())
    })?;
    let ids = [pipeline.to_owned()];
    let described = pollster::block_on(engine.describe_pipelines(&ids))?;
    let state = described.first().and_then(|pipeline| pipeline.field("@pipelineState"));
    let instances = engine.runs(pipeline)?;
    let (from, until) = (*span.start(), *span.end());
    Ok(SimulationReport {
        from,
        until,
        state: state.unwrap_or_default().to_owned(),
        resources: resources(&instances, until),
        attempts: engine.attempts(pipeline)?,
        instances,
        notifications,
    })
}

fn resources(instances: &[RunSummary], end: Timestamp) -> Vec<ResourceUse> {
    let mut uses: Vec<ResourceUse> = Vec::new();
    for run in instances.iter().filter(|run| !run.is_activity) {
        let place = match uses.iter().position(|known| known.component == run.component) {
            Some(place) => place,
            None => {
                let component = run.component.clone();
                uses.push(ResourceUse { component, started: 0, time: Duration::ZERO });
                uses.len() - 1
            }
        };
        if let (Some(known), Some(start)) = (uses.get_mut(place), run.actual_start) {
            known.started += 1;
            let life = run.actual_end.unwrap_or(end).duration_since(start);
            known.time += Duration::try_from(life).unwrap_or_default();
        }
    }
    uses
}
