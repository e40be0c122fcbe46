//! `efsbackup pipeline simulate`: what a definition would do over a span of time.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use super::output::Output;
use super::value_args::ValueArgs;
use crate::error::{Error, Result};
use crate::expression::Value;
use crate::simulate::{self, Plan, Simulation, SimulationReport, Takes, Which};
use jiff::Timestamp;
use std::str::FromStr;
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
    #[arg(long, value_name = "[ACTIVITY=]DURATION", value_parser = parsed::<Takes>)]
    takes: Vec<Takes>,
    /// Which attempts fail: all of an activity, of a scheduled start, or those of a number
    #[arg(long, value_name = "ACTIVITY[@TIME][#N]", value_parser = parsed::<Which>)]
    fail: Vec<Which>,
    /// Which attempts are lost with their machine, written as for --fail
    #[arg(long, value_name = "ACTIVITY[@TIME][#N]", value_parser = parsed::<Which>)]
    lose: Vec<Which>,
}

/// A time in UTC.
pub(crate) fn time(text: &str) -> std::result::Result<Timestamp, String> {
    Value::instant(text).map_err(|_| "write YYYY-MM-DDTHH:MM:SS, in UTC".to_owned())
}

/// What the core parses.
fn parsed<T: FromStr<Err = Error>>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|error: Error| error.message())
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let definition = args.input.read()?.definition;
    let given = args.values.given(&definition)?.values();
    let span = simulate::span(&definition, &given, args.from, args.until)?;
    let plan = args.takes.into_iter().fold(Plan::default(), Plan::takes);
    let plan = args.fail.into_iter().fold(plan, Plan::fail);
    let plan = args.lose.into_iter().fold(plan, Plan::lose);
    plan.check(&definition)?;
    let simulation =
        given.into_iter().fold(Simulation::new(span).cancel(&context.cancel), Simulation::value);
    let report = simulation.run(&definition, &mut |attempt| plan.play(attempt))?;
    if context.output.is_json() {
        context.output.document(&report)?;
    } else {
        tell(&context.output, &report);
    }
    let runs = report.instances.iter().filter(|run| run.is_activity).count();
    let failed = report.instances.iter().filter(|run| run.is_activity && run.has_failed()).count();
    let (from, until) = (shown(report.from), shown(report.until));
    context.output.note(&format!(
        "{from} to {until}: {runs} runs of activities, {failed} failed, {} messages",
        report.notifications.len()
    ));
    Ok(Exit::COMPLETE)
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
