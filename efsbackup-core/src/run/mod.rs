//! A definition run on this machine: the embedded service, a deployment and a worker in
//! one process.
//!
//! ```no_run
//! use efsbackup_core::cancel::CancelToken;
//! use efsbackup_core::clock::SystemClock;
//! use efsbackup_core::formats;
//! use efsbackup_core::pipeline::ParameterValue;
//! use efsbackup_core::run::{Run, RunEvent};
//! use std::sync::Arc;
//!
//! let definition = formats::read_path("pipeline.json".as_ref())?.definition;
//! let report = Run::new("nightly", "logs")
//!     .state("state.db")
//!     .once(true)
//!     .value(ParameterValue::new("myPeriod", "1 hours"))
//!     .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
//!         if let RunEvent::Notified(notification) = event {
//!             println!("{}", notification.subject);
//!         }
//!     })?;
//! println!("{}", report.outcome.name());
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod alarms;
mod documents;
mod log;
mod work;

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Findings, ObjectFindings, ObjectStore,
    PipelineService, TaskFailure,
};
use crate::engine::{Engine, LOCAL_GROUP, Notification, Retry, RunSummary, values_for};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, FieldValue, ParameterValue};
use crate::worker::{RunAs, WorkerOptions};
use jiff::Timestamp;
use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use work::{Running, TICK, state};

pub use alarms::Alarms;

/// How a definition is to be run.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
/// use efsbackup_core::run::{Run, RunOutcome};
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// let definition = Definition::default()
///     .with(Defaults::new().schedule_type("ondemand"))
///     .with(ShellCommandActivity::new("Work").worker_group("here").command("date > done"));
/// let report = Run::new("nightly", "logs").once(true).run(
///     &definition,
///     Arc::new(SystemClock),
///     &CancelToken::new(),
///     &mut |_event| {},
/// )?;
/// assert_eq!(report.outcome, RunOutcome::Finished);
/// assert!(std::fs::exists("done")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Run {
    name: String,
    state: Option<PathBuf>,
    log_dir: PathBuf,
    once: bool,
    until: Option<Timestamp>,
    values: Vec<ParameterValue>,
    tasks: usize,
    grace: Duration,
    environment: Vec<(OsString, OsString)>,
    keep_history: Duration,
    alarms: Alarms,
    log_limit: Option<u64>,
    objects: Option<Arc<dyn ObjectStore>>,
    run_as: Option<RunAs>,
}

/// What happens during a run, told on the thread that called it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// An attempt's script is about to start.
    Started {
        /// The attempt's id.
        attempt: &'a str,
        /// Where its logs are.
        logs: &'a Path,
    },
    /// An attempt has ended.
    Ended {
        /// The attempt's id.
        attempt: &'a str,
        /// Why it failed, if it did.
        failure: Option<&'a TaskFailure>,
    },
    /// After a failure the next attempt waits for its time.
    Waits(&'a Retry),
    /// An earlier process died while it ran this attempt; what it left was ended.
    Recovered {
        /// The attempt's id.
        attempt: &'a str,
    },
    /// An alarm has fired. It is in the notifications file already.
    Notified(&'a Notification),
    /// Something that a person should know and that stops nothing.
    Warned(&'a str),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Everything finished.
    Finished,
    /// Something failed, or can't start because something else failed.
    Failed,
    /// The caller asked to stop.
    Cancelled,
}

impl RunOutcome {
    /// `finished`, `failed` or `cancelled`.
    pub fn name(self) -> &'static str {
        match self {
            RunOutcome::Finished => "finished",
            RunOutcome::Failed => "failed",
            RunOutcome::Cancelled => "cancelled",
        }
    }
}

/// What came of a run.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
/// use efsbackup_core::run::Run;
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// let definition = Definition::default()
///     .with(Defaults::new().schedule_type("ondemand"))
///     .with(
///         ShellCommandActivity::new("Work")
///             .worker_group("here")
///             .command("exit 3")
///             .maximum_retries("0"),
///     );
/// let run = Run::new("nightly", "logs").once(true);
/// let report = run.run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})?;
/// assert_eq!(report.outcome.name(), "failed");
/// assert!(report.instances.iter().any(|instance| instance.has_failed()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunReport {
    /// How it ended.
    pub outcome: RunOutcome,
    /// The pipeline's id in the embedded service.
    pub pipeline: String,
    /// The instances that ended during this run or are still open.
    pub instances: Vec<RunSummary>,
    /// The folder of the logs that the definition does not send to a local folder.
    pub log_dir: PathBuf,
    /// The file of notifications, one JSON document a line; made by the first one.
    pub notifications: PathBuf,
}

impl Run {
    /// A run of the pipeline called `name`. With the same name and state file the next run
    /// goes on where this one stopped. Logs and notifications go below `log_dir`.
    pub fn new(name: impl Into<String>, log_dir: impl Into<PathBuf>) -> Run {
        Run {
            name: name.into(),
            state: None,
            log_dir: log_dir.into(),
            once: false,
            until: None,
            values: Vec::new(),
            tasks: 2,
            grace: Duration::from_secs(10),
            environment: Vec::new(),
            keep_history: Duration::from_secs(90 * 24 * 60 * 60),
            alarms: Alarms::default(),
            log_limit: None,
            objects: None,
            run_as: None,
        }
    }

    /// How long instances that have ended stay in the state; 90 days by default.
    #[must_use]
    pub fn keep_history(mut self, age: Duration) -> Run {
        self.keep_history = age;
        self
    }

    /// Tells these of alarms, beside the notifications file.
    #[must_use]
    pub fn alarms(mut self, alarms: Alarms) -> Run {
        self.alarms = alarms;
        self
    }

    /// How many bytes of the beginning of a script's output are kept, and of its errors; see
    /// [`WorkerOptions::log_limit`].
    #[must_use]
    pub fn log_limit(mut self, limit: u64) -> Run {
        self.log_limit = Some(limit);
        self
    }

    /// Runs scripts as another user; see [`WorkerOptions::run_as`].
    #[must_use]
    pub fn run_as(mut self, user: RunAs) -> Run {
        self.run_as = Some(user);
        self
    }

    /// Reaches S3 through `objects`. Without it a definition that needs S3 is refused.
    #[must_use]
    pub fn objects(mut self, objects: Arc<dyn ObjectStore>) -> Run {
        self.objects = Some(objects);
        self
    }

    /// Keeps the state in this file, on a local disk; else it goes with the run.
    #[must_use]
    pub fn state(mut self, path: impl Into<PathBuf>) -> Run {
        self.state = Some(path.into());
        self
    }

    /// Makes one run now, whatever the schedule says, and then stops. A run that an
    /// earlier process began and did not end is gone on with instead.
    #[must_use]
    pub fn once(mut self, once: bool) -> Run {
        self.once = once;
        self
    }

    /// Takes no task from this time on, finishes those in hand and stops.
    #[must_use]
    pub fn until(mut self, time: Timestamp) -> Run {
        self.until = Some(time);
        self
    }

    /// Gives a parameter a value; a repeated id gives a list.
    #[must_use]
    pub fn value(mut self, value: ParameterValue) -> Run {
        self.values.push(value);
        self
    }

    /// How many tasks run at the same time; 2 by default.
    #[must_use]
    pub fn tasks(mut self, tasks: usize) -> Run {
        self.tasks = tasks;
        self
    }

    /// The time between SIGTERM and SIGKILL where a script must end; 10 seconds by default.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Run {
        self.grace = grace;
        self
    }

    /// Adds a variable to the environment of scripts, which is small otherwise; see
    /// [`WorkerOptions::new`].
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Run {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs `definition`.
    ///
    /// On `cancel` the scripts are ended. A run made with [`once`](Run::once) is
    /// cancelled then; else the attempts are handed back, at no cost of a try, and the
    /// next run with the same state goes on with them.
    ///
    /// # Errors
    /// `NotFound` for a value of an unknown parameter, `UnresolvedParameter` where one
    /// has no value, `InvalidDefinition` for a definition with errors or that can't be run
    /// on this machine, and where state or logs can't be written. A script that fails is
    /// no error, but an outcome.
    pub fn run(
        &self,
        definition: &Definition,
        clock: Arc<dyn Clock>,
        cancel: &CancelToken,
        on_event: &mut dyn FnMut(&RunEvent<'_>),
    ) -> Result<RunReport> {
        let values = values_for(definition, &self.values)?;
        let groups = worker_groups(definition)?;
        std::fs::create_dir_all(&self.log_dir).map_err(|error| {
            Error::from_io("make log folder", error).with_path(self.log_dir.as_path())
        })?;
        let engine = match &self.state {
            Some(path) => Engine::open(path, Arc::clone(&clock))?,
            None => Engine::in_memory(Arc::clone(&clock))?,
        };
        let engine = if self.objects.is_some() { engine.with_s3() } else { engine };
        let pipeline = self.deploy(&engine, definition, values, on_event)?;
        let started = clock.now();
        let notifications = self.log_dir.join("notifications.jsonl");
        let running = Running {
            engine: &engine,
            clock: &*clock,
            pipeline: &pipeline,
            once: self.once,
            until: self.until,
            notifications: &notifications,
            alarms: &self.alarms,
            keep: self.keep_history,
            pruned: Cell::new(None),
        };
        let mut options = WorkerOptions::new(groups, &self.log_dir, self.work_dir());
        options.tasks = self.tasks;
        options.grace = self.grace;
        options.log_limit = self.log_limit.unwrap_or(options.log_limit);
        options.objects = self.objects.clone();
        options.run_as = self.run_as.clone();
        options.environment.extend(self.environment.iter().cloned());
        // Reports to the service in the same process cost next to nothing.
        options.heartbeat = Duration::from_secs(2);
        options.poll_interval = TICK;
        let cancelled = running.work(options, cancel, on_event)?;
        let mut instances = engine.runs(&pipeline)?;
        instances.retain(|run| run.actual_end.is_none_or(|end| end >= started));
        let failed = |run: &RunSummary| run.has_failed() || self.once && run.is_open;
        let outcome = match (cancelled, instances.iter().any(failed)) {
            (true, _) => RunOutcome::Cancelled,
            (false, true) => RunOutcome::Failed,
            (false, false) => RunOutcome::Finished,
        };
        Ok(RunReport { outcome, pipeline, instances, log_dir: self.log_dir.clone(), notifications })
    }

    /// Scripts and records of running attempts lie beside the state.
    fn work_dir(&self) -> PathBuf {
        match &self.state {
            Some(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".work");
                name.into()
            }
            None => self.log_dir.join(".work"),
        }
    }

    /// Puts the definition and activates it, as far as that is not done yet.
    fn deploy(
        &self,
        engine: &Engine,
        definition: &Definition,
        values: Vec<ParameterValue>,
        on_event: &mut dyn FnMut(&RunEvent<'_>),
    ) -> Result<String> {
        let create = CreatePipeline {
            name: self.name.clone(),
            unique_id: self.name.clone(),
            ..CreatePipeline::default()
        };
        let pipeline = pollster::block_on(engine.create_pipeline(&create))?;
        let state = state(engine, &pipeline)?;
        let stored = pollster::block_on(engine.definition(&pipeline, DefinitionVersion::Latest));
        let changed = stored.ok().as_ref() != Some(definition);
        let findings = if changed {
            engine.replace_definition(&pipeline, definition)?
        } else {
            // What was stored with errors says them again.
            pollster::block_on(engine.validate_definition(&pipeline, definition))?
        };
        if changed {
            for warning in lines(&findings.warnings) {
                on_event(&RunEvent::Warned(&warning));
            }
        }
        refuse_errors(&findings)?;
        let request = Activate { values, start: None };
        let goes_on = state == "SCHEDULED";
        let has_open = goes_on && has_open(engine, &pipeline)?;
        engine.tick()?;
        // What waits for something that has failed would wait without end.
        let is_stuck = has_open && engine.is_at_rest(&pipeline)?;
        if self.once && is_stuck {
            pollster::block_on(engine.deactivate(&pipeline, true))?;
        }
        if self.once && (is_stuck || !has_open) {
            engine.activate_once(&pipeline, &request)?;
        } else if !self.once && (changed || !goes_on) {
            pollster::block_on(engine.activate(&pipeline, &request))?;
        }
        Ok(pipeline)
    }
}

fn has_open(engine: &Engine, pipeline: &str) -> Result<bool> {
    Ok(engine.runs(pipeline)?.iter().any(|run| run.is_open))
}

/// The groups a worker must poll to get every task of the definition.
fn worker_groups(definition: &Definition) -> Result<Vec<String>> {
    let mut groups = vec![LOCAL_GROUP.to_owned()];
    for object in &definition.objects {
        if definition.type_of(object) != Some("ShellCommandActivity") {
            continue;
        }
        let fields = definition.effective_fields(object);
        let value = |key: &str| {
            fields.iter().find(|found| found.field.key == key).map(|found| &found.field.value)
        };
        match (value("runsOn"), value("workerGroup").and_then(FieldValue::as_text)) {
            (Some(_), _) => {}
            (None, Some(group)) if !groups.iter().any(|known| known == group) => {
                groups.push(group.to_owned());
            }
            (None, Some(_)) => {}
            (None, None) => {
                return Err(Error::new(ErrorKind::InvalidDefinition, "run").with_message(format!(
                    "{} has neither runsOn nor workerGroup; no worker would take it",
                    object.id
                )));
            }
        }
    }
    Ok(groups)
}

fn lines(findings: &[ObjectFindings]) -> Vec<String> {
    findings.iter().flat_map(ObjectFindings::lines).collect()
}

fn refuse_errors(findings: &Findings) -> Result<()> {
    if !findings.errored {
        return Ok(());
    }
    let errors = lines(&findings.errors);
    let more = match errors.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = errors.into_iter().next().unwrap_or_default();
    Err(Error::new(ErrorKind::InvalidDefinition, "run").with_message(format!("{first}{more}")))
}
