//! `efsbackup pipeline activate` and the like: commands to pipelines that a service has.

use super::Context;
use super::deploy::{carry_out, tag};
use super::exit::Exit;
use super::service_args::ServiceArgs;
use super::simulate::time;
use crate::deploy::{Activate, Standing, StatusCommand, Tag, Until};
use crate::error::{Error, ErrorKind, Result};
use crate::params::parse_assignment;
use crate::pipeline::ParameterValue;
use crate::service::Blocking;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// A pipeline of a service.
#[derive(clap::Args)]
struct Which {
    /// The pipeline's id or name
    pipeline: String,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(clap::Args)]
pub(crate) struct ActivateArgs {
    #[command(flatten)]
    which: Which,
    /// Give a parameter another value (repeat the name for a list)
    #[arg(long = "value", value_name = "NAME=VALUE", value_parser = value)]
    values: Vec<ParameterValue>,
    /// Where the schedule resumes (UTC); what falls due before it is skipped
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,
}

fn value(text: &str) -> std::result::Result<ParameterValue, String> {
    parse_assignment(text).map_err(|error| error.message())
}

#[derive(clap::Args)]
pub(crate) struct DeactivateArgs {
    #[command(flatten)]
    which: Which,
    /// Let what runs finish instead of cancelling it
    #[arg(long)]
    finish: bool,
}

#[derive(clap::Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    which: Which,
    /// Yes, with all its history, and what runs cancelled
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum WaitUntil {
    /// it is active
    Scheduled,
    /// something runs, or has run
    Running,
    /// all that has fallen due has ended
    Finished,
    /// it is inactive
    Inactive,
}

#[derive(clap::Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    which: Which,
    /// Until when
    #[arg(long, value_enum, default_value = "finished")]
    until: WaitUntil,
    /// Wait no longer than SECONDS
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
}

#[derive(clap::Args)]
pub(crate) struct CloneArgs {
    #[command(flatten)]
    which: Which,
    /// The new pipeline's name
    #[arg(long)]
    name: String,
    /// Activate it
    #[arg(long)]
    activate: bool,
}

#[derive(clap::Args)]
pub(crate) struct InstanceArgs {
    #[command(flatten)]
    which: Which,
    /// The instances' ids, as `efsbackup pipeline runs --json` gives them
    #[arg(required_unless_present = "status")]
    instances: Vec<String>,
    /// Also all instances in this status, such as FAILED or RUNNING
    #[arg(long)]
    status: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct TagArgs {
    #[command(flatten)]
    which: Which,
    /// Tags to set
    #[arg(value_name = "KEY=VALUE", value_parser = tag, required_unless_present = "remove")]
    tags: Vec<Tag>,
    /// A tag to remove (repeatable)
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
}

impl Which {
    fn calls(&self, context: &Context) -> Result<Blocking> {
        self.service.calls(context)
    }
}

#[derive(Serialize)]
struct Done<'a> {
    pipeline: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<String>,
}

/// Says that it was done.
fn done(context: &Context, id: &str, text: &str, instances: Vec<String>) -> Result<Exit> {
    context.output.note(&format!("{id}: {text}"));
    context.output.document(&Done { pipeline: id, instances })?;
    Ok(Exit::COMPLETE)
}

pub(crate) fn activate(args: ActivateArgs, context: &mut Context) -> Result<Exit> {
    let request = Activate { values: args.values, start: args.start };
    let id = args.which.calls(context)?.activate(&args.which.pipeline, &request)?;
    done(context, &id, "activated", Vec::new())
}

pub(crate) fn deactivate(args: DeactivateArgs, context: &mut Context) -> Result<Exit> {
    let id = args.which.calls(context)?.deactivate(&args.which.pipeline, !args.finish)?;
    done(context, &id, "being deactivated", Vec::new())
}

pub(crate) fn delete(args: DeleteArgs, context: &mut Context) -> Result<Exit> {
    let calls = args.which.calls(context)?;
    let id = calls.find(&args.which.pipeline)?;
    if !args.yes {
        return Err(Error::new(ErrorKind::SafetyStop, "delete").with_message(format!(
            "{id} and all its history would be lost; say --yes if that is meant"
        )));
    }
    calls.delete(&id)?;
    done(context, &id, "deleted", Vec::new())
}

pub(crate) fn wait_for(args: WaitArgs, context: &mut Context) -> Result<Exit> {
    let until = match args.until {
        WaitUntil::Scheduled => Until::Scheduled,
        WaitUntil::Running => Until::Running,
        WaitUntil::Finished => Until::Finished,
        WaitUntil::Inactive => Until::Inactive,
    };
    let patience = args.patience.map(Duration::from_secs);
    let output = context.output.clone();
    let mut tell = move |standing: &Standing| output.note(&standing.to_string());
    let calls = args.which.calls(context)?;
    let (id, end) = calls.wait_until(&args.which.pipeline, until, patience, &mut tell)?;
    context.output.document(&end.to_json(&id))?;
    Ok(if end.failed() > 0 { Exit::FAILED } else { Exit::COMPLETE })
}

pub(crate) fn clone(args: CloneArgs, context: &mut Context) -> Result<Exit> {
    let calls = args.which.calls(context)?;
    let mut wanted = calls.copy_of(&args.which.pipeline, &args.name)?;
    wanted.activate = args.activate;
    carry_out(&calls, &wanted, None, context)
}

pub(crate) fn rerun(args: InstanceArgs, context: &mut Context) -> Result<Exit> {
    command(&args, StatusCommand::Rerun, "run again", context)
}

pub(crate) fn cancel(args: InstanceArgs, context: &mut Context) -> Result<Exit> {
    command(&args, StatusCommand::TryCancel, "told to stop", context)
}

pub(crate) fn mark_finished(args: InstanceArgs, context: &mut Context) -> Result<Exit> {
    command(&args, StatusCommand::MarkFinished, "taken as finished", context)
}

fn command(
    args: &InstanceArgs,
    command: StatusCommand,
    text: &str,
    context: &Context,
) -> Result<Exit> {
    let (pipeline, status) = (&args.which.pipeline, args.status.as_deref());
    let calls = args.which.calls(context)?;
    let (id, ids) = calls.command(pipeline, &args.instances, status, command)?;
    done(context, &id, &format!("{} instances {text}", ids.len()), ids)
}

pub(crate) fn tags(args: TagArgs, context: &mut Context) -> Result<Exit> {
    let id = args.which.calls(context)?.tag(&args.which.pipeline, &args.tags, &args.remove)?;
    done(context, &id, "tagged", Vec::new())
}
