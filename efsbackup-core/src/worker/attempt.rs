//! One attempt, from the task to its reported end.

use super::job::{Job, Source, Work, stream_of};
use super::leftovers::{self, is_closed};
use super::logs::{ACTIVITY, Capture, Captured, Logs, STD_ERROR, STD_OUTPUT};
use super::mask::MASK;
use super::place::{Place, local_path};
use super::run_as::as_user;
use super::script::Script;
use super::staging::{self, Folders};
use super::supervised::{Ended, Supervised};
use super::watch::{TICK, Watch};
use super::workspace::{Outcome, Process, TOKEN_VARIABLE, Workspace};
use super::{WorkerEvent, WorkerOptions, may_pass};
use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::deploy::{PipelineService, S3Uri, Task, TaskFailure};
use crate::error::{Error, Result};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a step of an attempt gives, or why the attempt failed.
pub(super) type Ran<T = ()> = std::result::Result<T, TaskFailure>;

/// How long polls under way are waited for at most; a service may be silent.
const LAST_POLLS: Duration = Duration::from_secs(5);

/// Between two tries to report an end to a service that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What an attempt needs from its worker.
pub(super) struct Attempt<'a, S> {
    pub(super) service: &'a S,
    pub(super) clock: &'a dyn Clock,
    pub(super) options: &'a WorkerOptions,
    pub(super) cancel: &'a CancelToken,
    /// How many threads of the worker ask for a task.
    pub(super) asking: &'a AtomicUsize,
    pub(super) emit: &'a dyn Fn(WorkerEvent),
}

impl<S: PipelineService> Attempt<'_, S> {
    /// Runs `task` and reports how it ended.
    ///
    /// # Errors
    /// Where the end could not be reported; its record then stays for the next worker.
    pub(super) fn run(&self, task: &Task) -> Result<()> {
        let mut workspace =
            Workspace::claim(&self.options.work_dir, task, self.options.run_as.as_ref())?;
        // Until this is answered the service may give the task to another worker.
        match pollster::block_on(self.service.report_task_progress(&task.id, &[])) {
            Ok(false) => {}
            Ok(true) => return workspace.remove(),
            Err(error) if is_closed(&error) => return workspace.remove(),
            Err(error) if may_pass(&error) => {
                // Not started; the service gives it out again, or counts it as lost.
                (self.emit)(WorkerEvent::Unreachable { message: format!("{error:#}") });
                return workspace.remove();
            }
            Err(error) => {
                workspace.remove()?;
                return Err(error);
            }
        }
        let failure = self.execute(task, &mut workspace).err();
        workspace.record.outcome = Some(Outcome::new(failure.as_ref()));
        workspace.save()?;
        self.report(&workspace)?;
        workspace.remove()?;
        (self.emit)(WorkerEvent::Ended { attempt: task.attempt.clone(), failure });
        Ok(())
    }

    /// Everything between the taking of the task and its end.
    fn execute(&self, task: &Task, workspace: &mut Workspace) -> Ran {
        let mut job = Job::from_task(task, self.clock.now())?;
        let local = job.log_uri.as_deref().and_then(local_path).is_some();
        let elsewhere = job.log_uri.take_if(|_| local && self.options.run_as.is_some());
        let mut logs = Logs::open(&self.options.log_dir, &task.pipeline, &task.attempt, &job)
            .map_err(|error| not_started(&error))?;
        (self.emit)(WorkerEvent::Started {
            attempt: task.attempt.clone(),
            component: job.component.clone(),
            logs: logs.dir.clone(),
        });
        if let Some(uri) = elsewhere {
            logs.note(self.clock, &format!("scripts run as another user: no logs go to {uri}"));
        }
        self.introduce(task, &job, &mut logs);
        let mut watch = Watch::new(self, task, &job);
        let result = match &job.work {
            Work::Look(place) => self.look(place, &mut watch, &mut logs),
            Work::Script(source) => {
                self.stage_and_run(task, &job, source, workspace, &mut watch, &mut logs)
            }
        };
        match &result {
            Ok(()) => logs.note(self.clock, "finished"),
            Err(failure) => {
                logs.note(self.clock, &format!("failed: {}: {}", failure.id, failure.message));
            }
        }
        // Should this worker be killed now, the next one knows how the attempt ended.
        workspace.record.outcome = Some(Outcome::new(result.as_ref().err()));
        if let Err(error) = workspace.save() {
            // The caller tries again, and tells.
            logs.note(self.clock, &error.to_string());
        }
        self.put_away(task, &job, &mut watch, logs);
        result
    }

    /// Compresses the logs, and sends them on.
    fn put_away(&self, task: &Task, job: &Job, watch: &mut Watch<'_, S>, mut logs: Logs) {
        let store = self.options.objects.as_deref();
        let outlets = job.outlets(store.is_some(), &logs.names);
        let (dir, activity) = (logs.dir.clone(), [ACTIVITY]);
        let streams: &[&str] = if logs.is_captured { &[STD_OUTPUT, STD_ERROR] } else { &[] };
        for names in [streams, &activity] {
            let problems =
                watch.after(&mut logs, |cancel| outlets.put_away(&dir, names, store, cancel));
            for problem in problems.unwrap_or_default() {
                let message = format!("{problem:#}");
                logs.note(self.clock, &message);
                (self.emit)(WorkerEvent::LogsKept { attempt: task.attempt.clone(), message });
            }
        }
    }

    /// What a precondition without a script says.
    fn look(&self, place: &Place, watch: &mut Watch<'_, S>, logs: &mut Logs) -> Ran {
        let store = self.options.objects.as_deref();
        let looked = |cancel: &CancelToken| staging::exists(place, store, cancel);
        match watch.over(logs, "CheckFailed", looked)? {
            true => Ok(()),
            false => Err(failure(TaskFailure::NOT_MET, "what it looks for is not there")),
        }
    }

    /// A script, with its data brought before it and taken away after it.
    fn stage_and_run(
        &self,
        task: &Task,
        job: &Job,
        source: &Source,
        workspace: &mut Workspace,
        watch: &mut Watch<'_, S>,
        logs: &mut Logs,
    ) -> Ran {
        let store = self.options.objects.as_deref();
        let user = self.options.run_as.as_ref();
        let base = workspace.staging_dir(user).map_err(|error| not_started(&error))?;
        let text = match source {
            Source::Inline(text) => text.clone(),
            Source::At(place) => watch
                .over(logs, "NotStarted", |cancel| staging::text(place, &base, store, cancel))?,
        };
        let folders = match &job.staging {
            None => None,
            Some(data) => Some(watch.over(logs, "StagingFailed", |cancel| {
                staging::bring(data, &base, store, cancel)
            })?),
        };
        let mut command = self.command(task, job, &text, workspace)?;
        for (name, dir) in folders.iter().flat_map(Folders::variables) {
            command.env(name, dir);
        }
        self.start_and_wait(job, command, workspace, watch, logs)?;
        match (&job.staging, &folders) {
            (Some(data), Some(folders)) => watch
                .over(logs, "StagingFailed", |cancel| staging::take(data, folders, store, cancel)),
            _ => Ok(()),
        }
    }

    fn introduce(&self, task: &Task, job: &Job, logs: &mut Logs) {
        let hostname = &self.options.hostname;
        logs.note(self.clock, &format!("{} on {hostname}", task.attempt));
        if let Some(resource) = &job.resource {
            logs.note(self.clock, &format!("{resource} is this machine; no instance is launched"));
        }
        let reaches_s3 = self.options.objects.is_some();
        let uri = job.log_uri.as_deref().filter(|uri| local_path(uri).is_none());
        if let Some(uri) = uri.filter(|uri| !reaches_s3 || uri.parse::<S3Uri>().is_err()) {
            logs.note(self.clock, &format!("logs are kept here and not sent to {uri}"));
        }
        for (index, argument) in job.arguments.iter().enumerate() {
            logs.note(self.clock, &format!("${}: {argument:?}", index + 1));
        }
        if !job.secrets.is_empty() {
            let count = job.secrets.len();
            logs.note(self.clock, &format!("{count} secret values show as {MASK}"));
        }
    }

    fn start_and_wait(
        &self,
        job: &Job,
        command: Command,
        workspace: &mut Workspace,
        watch: &mut Watch<'_, S>,
        logs: &mut Logs,
    ) -> Ran {
        let user = self.options.run_as.as_ref();
        let start = Supervised::start(command, self.options.grace, user);
        let mut running =
            start.map_err(|error| not_started(&Error::from_io("start bash", error)))?;
        let captures = capture(&mut running, logs, self.options.log_limit)
            .map_err(|error| not_started(&error))?;
        workspace.record.supervisor = Process::find(running.session());
        workspace.save().map_err(|error| not_started(&error))?;
        let ended = wait(watch, &mut running, logs);
        if !ended.clear {
            // The supervisor was killed, or has met something that hangs.
            if let Err(error) = leftovers::end(&workspace.record) {
                logs.note(self.clock, &error.to_string());
            }
        }
        let [out, err] = captures.map(Capture::finish);
        for problem in [&out, &err].into_iter().filter_map(|stream| stream.problem.as_ref()) {
            logs.note(self.clock, problem);
        }
        self.copy(job, logs);
        judge(job, &ended, watch.stopped.take(), err)
    }

    fn command(&self, task: &Task, job: &Job, source: &str, workspace: &Workspace) -> Ran<Command> {
        let arguments: Vec<&str> = job.arguments.iter().map(String::as_str).collect();
        let script =
            Script::new(source, &arguments).map_err(|message| failure("NotRunHere", message))?;
        let path = workspace
            .write_script(&script, self.options.run_as.as_ref())
            .map_err(|error| not_started(&error))?;
        let mut command = Command::new("bash");
        command.args(&script.options).arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env_clear()
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)));
        if let Some(user) = &self.options.run_as {
            // The worker's own directory may be closed to it.
            command.envs(user.environment()).current_dir("/");
        }
        command.env("EFSBACKUP_PIPELINE_ID", &task.pipeline);
        command.env("EFSBACKUP_ATTEMPT_ID", &task.attempt);
        command.env(TOKEN_VARIABLE, &workspace.record.token);
        Ok(command)
    }

    /// The copies that the fields `stdout` and `stderr` ask for.
    fn copy(&self, job: &Job, logs: &mut Logs) {
        for (field, uri) in &job.copies {
            let name = stream_of(field);
            let note = match local_path(uri) {
                Some(path) => match self.copy_log(&logs.dir.join(name), path) {
                    Ok(_) => continue,
                    Err(error) => Error::from_io("copy log", error).with_path(path).to_string(),
                },
                None if self.options.objects.is_some() && uri.parse::<S3Uri>().is_ok() => continue,
                None => format!("{field} is kept here and not sent to {uri}"),
            };
            logs.note(self.clock, &note);
        }
    }

    /// Where the definition wants a file, it is written with the rights of its scripts.
    fn copy_log(&self, from: &Path, to: &Path) -> io::Result<u64> {
        let mut log = File::open(from)?;
        let copy = || io::copy(&mut log, &mut File::create(to)?);
        as_user(self.options.run_as.as_ref(), copy)
    }

    /// Waits until no thread of this worker asks for a task: what is handed back would be
    /// given to it, which takes nothing any more.
    fn await_polls(&self) {
        let begun = Instant::now();
        while self.asking.load(Ordering::SeqCst) > 0 && begun.elapsed() < LAST_POLLS {
            thread::sleep(TICK);
        }
    }

    /// Waits before a report is tried again, and gives the next wait.
    fn pause(&self, pause: Duration, error: &Error) -> Duration {
        (self.emit)(WorkerEvent::Unreachable { message: format!("{error:#}") });
        thread::sleep(pause);
        (pause * 2).min(LONGEST_PAUSE)
    }

    /// Tells the service how it ended, again and again where it can't be reached. A worker
    /// that is told to stop leaves that to the next one after a while.
    fn report(&self, workspace: &Workspace) -> Result<()> {
        let record = &workspace.record;
        let Some(status) = record.outcome.as_ref().map(|outcome| outcome.status(&record.task))
        else {
            return Ok(());
        };
        if self.cancel.is_cancelled() {
            self.await_polls();
        }
        let mut pause = Duration::from_millis(250);
        loop {
            match pollster::block_on(self.service.set_task_status(&status)) {
                Ok(()) => return Ok(()),
                Err(error) if is_closed(&error) => return Ok(()),
                Err(error) if pause < LONGEST_PAUSE => pause = self.pause(pause, &error),
                Err(error) if may_pass(&error) && !self.cancel.is_cancelled() => {
                    pause = self.pause(pause, &error);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits for the end of all processes, ending them early where that is due.
fn wait<S: PipelineService>(
    watch: &mut Watch<'_, S>,
    running: &mut Supervised,
    logs: &mut Logs,
) -> Ended {
    loop {
        match running.wait(TICK) {
            Ok(Some(ended)) => return ended,
            Ok(None) if watch.must_stop(logs) => running.stop(),
            Ok(None) => {}
            Err(error) => {
                let error = Error::from_io("watch command", error);
                watch.stopped.get_or_insert_with(|| failure("WorkerFailed", error.to_string()));
                return Ended { status: None, clear: false };
            }
        }
    }
}

fn capture(running: &mut Supervised, logs: &mut Logs, limit: u64) -> Result<[Capture; 2]> {
    let (out, err) = running.streams();
    let missing = || Error::from_io("capture output", std::io::ErrorKind::BrokenPipe.into());
    Ok([
        logs.capture(STD_OUTPUT, out.ok_or_else(missing)?, limit)?,
        logs.capture(STD_ERROR, err.ok_or_else(missing)?, limit)?,
    ])
}

fn judge(job: &Job, ended: &Ended, stopped: Option<TaskFailure>, err: Captured) -> Ran {
    let because = err.last_line().map_or_else(String::new, |line| format!(": {line}"));
    let failed = match (stopped, ended.status) {
        (Some(failure), _) => failure,
        (None, Some(status)) if status.success() => return Ok(()),
        (None, Some(status)) => match (status.code(), status.signal()) {
            (Some(code), _) if job.is_check => {
                let what = "the precondition's command ended with exit status";
                failure(TaskFailure::NOT_MET, format!("{what} {code}{because}"))
            }
            (Some(code), _) => {
                let what = "the command ended with exit status";
                failure("CommandFailed", format!("{what} {code}{because}"))
            }
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                let what = "the command was killed by signal";
                failure("CommandKilled", format!("{what} {signal}{because}"))
            }
        },
        (None, None) => failure("WorkerFailed", "the command's supervisor was killed"),
    };
    Err(TaskFailure { stack: err.tail, ..failed })
}

pub(super) fn failure(id: &str, message: impl Into<String>) -> TaskFailure {
    TaskFailure { id: id.to_owned(), message: message.into(), stack: String::new() }
}

fn not_started(error: &Error) -> TaskFailure {
    failure("NotStarted", format!("{error:#}"))
}
