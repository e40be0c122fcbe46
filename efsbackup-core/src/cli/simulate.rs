//! `efsbackup pipeline simulate`: what a definition would do over a span of time.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use super::output::Output;
use super::simulate_script::{Script, Takes, Which, which};
use super::value_args::ValueArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::expression::Value;
use crate::params;
use crate::pipeline::Definition;
use crate::simulate::{Simulation, SimulationReport};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    values: ValueArgs,
    /// When it is activated, in UTC (default: the first startDateTime, else now)
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Up to when it is played, in UTC (default: a day later)
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// How long attempts take: of all activities or of one (default: 1m)
    #[arg(long, value_name = "[ACTIVITY=]DURATION", value_parser = Takes::parse)]
    takes: Vec<Takes>,
    /// Which attempts fail: all of an activity, of a scheduled start, or those of a number
    #[arg(long, value_name = "ACTIVITY[@TIME][#N]", value_parser = which)]
    fail: Vec<Which>,
    /// Which attempts are lost with their machine, written as for --fail
    #[arg(long, value_name = "ACTIVITY[@TIME][#N]", value_parser = which)]
    lose: Vec<Which>,
}

/// A time in UTC.
pub(crate) fn time(text: &str) -> std::result::Result<Timestamp, String> {
    match Value::time(text) {
        Ok(Value::Time(time)) => Ok(time.timestamp()),
        _ => Err("write YYYY-MM-DDTHH:MM:SS, in UTC".to_owned()),
    }
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let definition = args.input.read()?.definition;
    let given = args.values.given(&definition)?.values();
    let resolved = params::resolve(&definition, &given, params::Options::default())?.definition;
    let from = args.from.or_else(|| first_start(&resolved)).unwrap_or_else(Timestamp::now);
    let from = Timestamp::from_second(from.as_second()).unwrap_or(from);
    let until = args.until.or_else(|| from.checked_add(SignedDuration::from_hours(24)).ok());
    let until = until.filter(|until| *until >= from).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "simulate").with_message("--until is before --from")
    })?;
    let script = Script { takes: args.takes, fail: args.fail, lose: args.lose };
    script.check(&definition)?;
    let simulation = given.into_iter().fold(Simulation::new(from..=until), Simulation::value);
    let report = simulation.run(&definition, &mut |attempt| script.play(attempt))?;
    if context.output.is_json() {
        context.output.document(&document(from, until, &report))?;
    } else {
        tell(&context.output, &report);
    }
    let runs = report.instances.iter().filter(|run| run.is_activity).count();
    let failed = report.instances.iter().filter(|run| run.is_activity && run.has_failed()).count();
    let (from, until) = (shown(from), shown(until));
    context.output.note(&format!(
        "{from} to {until}: {runs} runs of activities, {failed} failed, {} messages",
        report.notifications.len()
    ));
    Ok(Exit::COMPLETE)
}

/// The earliest `startDateTime` of a schedule.
fn first_start(definition: &Definition) -> Option<Timestamp> {
    let schedules = definition.objects.iter().filter(|o| definition.type_of(o) == Some("Schedule"));
    let starts = schedules.filter_map(|schedule| schedule.first_text("startDateTime"));
    starts.filter_map(|text| time(text).ok()).min()
}

fn shown(time: Timestamp) -> String {
    Value::from(time).to_string()
}

fn shown_or_dash(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), shown)
}

fn hours(time: Duration) -> f64 {
    time.as_secs_f64() / 3600.0
}

/// The tables, and below them every message.
fn tell(output: &Output, report: &SimulationReport) {
    let width = report.instances.iter().map(|run| run.component.chars().count()).max();
    let width = width.unwrap_or(0).max("COMPONENT".len());
    output.line(format!(
        "{:19}  {:19}  {:width$}  {:8}  {:19}  {:19}  STATUS",
        "SCHEDULED", "INTERVAL END", "COMPONENT", "ATTEMPTS", "START", "END"
    ));
    for run in &report.instances {
        let attempts = match run.is_activity {
            true => run.attempts.to_string(),
            false => "-".to_owned(),
        };
        let error = run.error.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
        output.line(format!(
            "{}  {}  {:width$}  {attempts:8}  {:19}  {:19}  {}{}",
            shown(run.scheduled_start),
            shown(run.scheduled_end),
            run.component,
            shown_or_dash(run.actual_start),
            shown_or_dash(run.actual_end),
            run.status,
            error.escape_debug(),
        ));
    }
    for used in &report.resources {
        output.line(format!(
            "\n{}: started {} times, {:.2} hours",
            used.component,
            used.started,
            hours(used.time)
        ));
    }
    for told in &report.notifications {
        output.line(format!(
            "\n{} {} of {} to {}",
            shown(told.time),
            told.event,
            told.node,
            told.topic_arn
        ));
        output.line(format!("  Subject: {}", told.subject));
        told.message.lines().for_each(|line| output.line(format!("  {line}")));
        if let Some(problem) = &told.problem {
            output.line(format!("  ({problem})"));
        }
    }
}

fn document(from: Timestamp, until: Timestamp, report: &SimulationReport) -> Json {
    let time = |time: Option<Timestamp>| time.map(shown);
    let instances = report.instances.iter().map(|run| {
        json!({
            "id": run.id, "component": run.component, "activity": run.is_activity,
            "status": run.status, "scheduledStart": shown(run.scheduled_start),
            "scheduledEnd": shown(run.scheduled_end), "start": time(run.actual_start),
            "end": time(run.actual_end), "attempts": run.attempts, "error": run.error,
        })
    });
    let attempts = report.attempts.iter().map(|attempt| {
        json!({
            "id": attempt.id, "instance": attempt.instance, "number": attempt.number,
            "status": attempt.status, "start": time(attempt.start), "end": time(attempt.end),
            "error": attempt.error,
        })
    });
    let messages = report.notifications.iter().map(|told| {
        json!({
            "time": shown(told.time), "event": told.event, "node": told.node,
            "action": told.action, "topicArn": told.topic_arn, "subject": told.subject,
            "message": told.message, "problem": told.problem,
        })
    });
    let resources = report.resources.iter().map(|used| {
        json!({
            "component": used.component, "started": used.started, "hours": hours(used.time),
        })
    });
    json!({
        "from": shown(from), "until": shown(until), "state": report.state,
        "instances": instances.collect::<Json>(), "attempts": attempts.collect::<Json>(),
        "messages": messages.collect::<Json>(), "resources": resources.collect::<Json>(),
    })
}
