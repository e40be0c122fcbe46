//! `efsbackup shard`: one snapshot made by processes that a scheduler starts one after another.

use super::args::duration;
use super::backup::{self, Job};
use super::exit::Exit;
use super::mirror::ItemizedLines;
use super::report;
use super::{Context, stats};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Report;
use crate::shard::{Plan, PlanOptions};
use serde::Serialize;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

impl Args {
    pub(crate) fn isolates(&self) -> bool {
        match &self.verb {
            Verb::Plan(args) => args.backup.isolates(),
            Verb::Unit(args) => args.backup.isolates(),
            Verb::Finish(args) | Verb::Cancel(args) => args.isolates(),
        }
    }
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Take the repository for the run --run-id, and cut SOURCE into units of equal cost
    Plan(Box<PlanArgs>),
    /// Copy one node's units; what was copied before is not copied again
    Unit(Box<UnitArgs>),
    /// Put the units together and publish the snapshot, if all were copied
    Finish(Box<backup::Args>),
    /// Give the run --run-id up: its processes stop, and the next run need not wait for it
    Cancel(Box<backup::Args>),
}

#[derive(clap::Args)]
struct PlanArgs {
    #[command(flatten)]
    backup: backup::Args,
    /// How many nodes are to copy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    nodes: u16,
    /// How many units there are to be (default: 4 a node)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    units: Option<u16>,
    /// How long the run holds the repository after the last sign of life of its processes
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    hold: Duration,
}

#[derive(clap::Args)]
struct UnitArgs {
    #[command(flatten)]
    backup: backup::Args,
    /// Which node this is, of how many: 1/2 and 2/2 are the two of two
    #[arg(long, value_name = "I/N", value_parser = node)]
    node: (usize, usize),
}

/// What a node copied.
#[derive(Serialize)]
struct Copied {
    node: usize,
    nodes: usize,
    /// How many units an earlier attempt had copied.
    before: usize,
    /// The reports of the others.
    reports: Vec<Report>,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    match args.verb {
        Verb::Plan(args) => plan(*args, context),
        Verb::Unit(args) => unit(*args, context),
        Verb::Finish(args) => finish(*args, context),
        Verb::Cancel(args) => cancel(*args, context),
    }
}

fn job(args: backup::Args) -> Result<(Job, String)> {
    let job = args.job()?;
    match job.options.run_id.clone() {
        Some(run) => Ok((job, run)),
        None => Err(Error::new(ErrorKind::InvalidInput, "arguments")
            .with_message("which run is it? give all its processes the same --run-id")),
    }
}

fn plan(args: PlanArgs, context: &mut Context) -> Result<Exit> {
    let (Job { repository, source, options, .. }, run) = job(args.backup)?;
    let mut copying = options.mirror.clone();
    let (started, time) = (Instant::now(), copying.stop_after);
    let mut bar = context.progress_bar();
    let backup = repository.backup(&source).options(options).cancel(&context.cancel);
    let begun = backup.progress(&mut bar).begin()?;
    drop(bar);
    copying.stop_after = time.map(|time| time.saturating_sub(started.elapsed()));
    let units = args.units.map_or(4 * usize::from(args.nodes), usize::from);
    let how = PlanOptions { units, ..PlanOptions::default() };
    let plan = match Plan::new(&begun, &source, &copying, &how, &context.cancel) {
        Err(error) if is_late(&error, time, started) => {
            context.output.error(&error);
            return Ok(Exit::UNFINISHED);
        }
        plan => plan?,
    };
    let plan = plan.leave(begun, &repository, args.hold)?;
    context.output.document(&plan)?;
    let entries: u64 = plan.units.iter().map(|unit| unit.entries).sum();
    context.output.note(&format!(
        "run {run}: {} units of {entries} entries in all, for {} nodes",
        plan.units.len(),
        args.nodes
    ));
    Ok(Exit::COMPLETE)
}

fn unit(args: UnitArgs, context: &mut Context) -> Result<Exit> {
    let started = Instant::now();
    let (node, nodes) = args.node;
    let itemize = args.backup.itemize(context)?;
    let lines = ItemizedLines::new(context);
    let (Job { repository, source, mut options, .. }, run) = job(args.backup)?;
    let time = options.mirror.stop_after;
    let plan = Plan::of_run(&repository, &run)?;
    let mut done = Copied { node, nodes, before: 0, reports: Vec::new() };
    for (number, unit) in plan.of_node(node, nodes)? {
        if plan.copied(&repository, number)?.is_some() {
            done.before += 1;
            continue;
        }
        options.mirror.stop_after = time.map(|time| time.saturating_sub(started.elapsed()));
        let mut bar = context.progress_bar();
        let mut backup = repository.backup(&source).options(options.clone());
        if itemize {
            backup = backup.listener(&lines);
        }
        let copied = backup.cancel(&context.cancel).progress(&mut bar).unit(&plan.run, &unit.range);
        drop(bar);
        let copied = match copied {
            Err(error) if is_late(&error, time, started) => {
                let error = error.with_message("the time is up before all units were copied");
                context.output.error(&error);
                return Ok(Exit::UNFINISHED);
            }
            copied => copied?,
        };
        plan.keep(&repository, number, &copied)?;
        report::write_errors(context, &copied.report);
        context.output.note(&format!("unit {number}: {}", report::summary(&copied.report)));
        done.reports.push(copied.report);
    }
    context.output.document(&done)?;
    context.output.note(&format!(
        "node {node} of {nodes}: {} units copied, {} were before",
        done.reports.len(),
        done.before
    ));
    Ok(Exit::COMPLETE)
}

/// Whether the error is that the time was up.
fn is_late(error: &Error, time: Option<Duration>, started: Instant) -> bool {
    error.kind() == ErrorKind::Incomplete && time.is_some_and(|time| started.elapsed() >= time)
}

fn finish(args: backup::Args, context: &mut Context) -> Result<Exit> {
    let itemize = args.itemize(context)?;
    let lines = ItemizedLines::new(context);
    let (Job { repository, source, root, options, stats }, run) = job(args)?;
    let plan = Plan::of_run(&repository, &run)?;
    let copied = plan.all_copied(&repository)?;
    let watch = stats::Watch::begin(stats, &source, &root)?;
    let backup = || repository.backup(&source).options(options.clone()).cancel(&context.cancel);
    let begun = backup().join(&plan.run)?;
    let mut bar = context.progress_bar();
    let mut last = backup().progress(&mut bar);
    if itemize {
        last = last.listener(&lines);
    }
    let result = last.finish(begun, &copied);
    drop(bar);
    backup::write(context, &repository, &result?, watch)
}

fn cancel(args: backup::Args, context: &mut Context) -> Result<Exit> {
    let (Job { repository, .. }, run) = job(args)?;
    Plan::cancel(&repository, &run)?;
    context.output.note(&format!("run {run} is given up; what it copied serves the next run"));
    Ok(Exit::COMPLETE)
}

fn node(text: &str) -> std::result::Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(node, nodes)| {
        let (node, nodes) = (node.parse().ok()?, nodes.parse().ok()?);
        (1..=nodes).contains(&node).then_some((node, nodes))
    });
    numbers.ok_or_else(|| "give a node and how many there are, such as 1/2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_one_of_those_there_are() {
        assert_eq!(node("2/3"), Ok((2, 3)));
        for wrong in ["0/2", "3/2", "1", "1/", "/2", "a/b", "1/2/3"] {
            assert!(node(wrong).is_err(), "{wrong}");
        }
    }
}
