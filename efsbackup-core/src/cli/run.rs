//! `efsbackup run`: a definition on this machine.

use super::Context;
use super::alarm_args::AlarmArgs;
use super::cloud_args::CloudArgs;
use super::definition_file::Input;
use super::exit::Exit;
use super::output::Output;
use super::task_args::TaskArgs;
use super::value_args::ValueArgs;
use crate::bytepath::BytePath;
use crate::clock::SystemClock;
use crate::engine::Notification;
use crate::error::Result;
use crate::expression;
use crate::run::{Run, RunEvent, RunOutcome, RunReport};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    values: ValueArgs,
    /// Make one run now, whatever the schedule says, then stop
    #[arg(long)]
    once: bool,
    /// Take no task from this time on (UTC), finish those in hand, then stop
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Keep the state in FILE, so that the next run goes on from it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where logs and notifications go
    #[arg(long, value_name = "DIR", default_value = "efsbackup-logs")]
    log_dir: PathBuf,
    /// The pipeline's name in the state (default: the file's, without its ending)
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    tasks: TaskArgs,
    /// Forget runs that ended more than N days ago
    #[arg(long, value_name = "N", default_value_t = 90)]
    keep_days: u32,
    #[command(flatten)]
    alarms: AlarmArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

fn time(text: &str) -> std::result::Result<Timestamp, String> {
    expression::Value::instant(text).map_err(|_| "write YYYY-MM-DDTHH:MM:SS, in UTC".to_owned())
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let definition = args.input.read()?.definition;
    let given = args.values.given(&definition)?.values();
    let mut run = Run::new(args.name.unwrap_or_else(|| stem(args.input.path())), args.log_dir)
        .once(args.once)
        .tasks(args.tasks.tasks)
        .log_limit(args.tasks.log_limit())
        .alarms(args.alarms.read(&args.cloud)?)
        .keep_history(Duration::from_secs(u64::from(args.keep_days) * 24 * 60 * 60));
    if let Some(objects) = args.cloud.objects()? {
        run = run.objects(objects);
    }
    if let Some(user) = args.tasks.run_as()? {
        run = run.run_as(user);
    }
    if let Some(state) = args.state {
        run = run.state(state);
    }
    if let Some(until) = args.until {
        run = run.until(until);
    }
    run = given.into_iter().fold(run, Run::value);
    if let Some((name, command)) = command() {
        run = run.variable(name, command);
    }
    let output = context.output.clone();
    let mut notifications = Vec::new();
    let report = run.run(&definition, Arc::new(SystemClock), &context.cancel, &mut |event| {
        tell(&output, event);
        if let RunEvent::Notified(notification) = event {
            notifications.push((*notification).clone());
        }
    })?;
    conclude(&output, &report, &notifications)
}

/// The variable by which scripts that call this command find the one that runs them.
pub(super) fn command() -> Option<(OsString, OsString)> {
    let command = std::env::var_os("EFSBACKUP");
    let command = command.or_else(|| Some(std::env::current_exe().ok()?.into_os_string()))?;
    Some(("EFSBACKUP".into(), command))
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| BytePath::from(PathBuf::from(stem)).to_text())
}

fn tell(output: &Output, event: &RunEvent<'_>) {
    match event {
        RunEvent::Notified(notification) => notify(output, notification),
        event => output.record(&event.into()),
    }
}

fn notify(output: &Output, notification: &Notification) {
    output.line(format!("notification: {}", notification.subject));
    for line in notification.message.lines() {
        output.line(format!("  {line}"));
    }
    if let Some(problem) = &notification.problem {
        output.warn(&format!("warning: {problem}"));
    }
}

fn conclude(output: &Output, report: &RunReport, told: &[Notification]) -> Result<Exit> {
    for run in report.instances.iter().filter(|run| run.is_activity && run.has_failed()) {
        let error = run.error.as_deref().unwrap_or_default();
        output.warn(&format!("{} is {}: {error}", run.id, run.status));
    }
    for run in report.instances.iter().filter(|run| run.is_activity && run.is_open) {
        output.warn(&format!("{} is still {}", run.id, run.status));
    }
    output.line(format!(
        "{} {}; logs in {}",
        report.pipeline,
        report.outcome.name(),
        BytePath::from(report.log_dir.as_path())
    ));
    let exit = match report.outcome {
        RunOutcome::Finished => Exit::COMPLETE,
        RunOutcome::Failed => Exit::FAILED,
        RunOutcome::Cancelled => Exit::CANCELLED,
    };
    let document = Document { exit: exit.status(), report: report.to_json(told) };
    output.document(&document)?;
    Ok(exit)
}

#[derive(Serialize)]
struct Document {
    exit: u8,
    #[serde(flatten)]
    report: Value,
}
