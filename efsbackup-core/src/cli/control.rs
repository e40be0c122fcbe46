//! `efsbackup pipeline activate` and the like: commands to pipelines that a service has.

use super::Context;
use super::deploy::{carry_out, tag};
use super::exit::Exit;
use super::service_args::{ServiceArgs, on_service};
use super::simulate::time;
use crate::clock::SystemClock;
use crate::deploy::{
    Activate, DefinitionVersion, OnThread, PipelineService, Query, Sphere, Standing, StatusCommand,
    Tag, Until, Wanted, all_ids, describe, describe_ids, find_pipeline, plan, wait,
};
use crate::error::{Error, ErrorKind, Result};
use crate::params::parse_assignment;
use crate::pipeline::ParameterValue;
use jiff::Timestamp;
use pollster::block_on;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Objects in one SetStatus.
const PART: usize = 100;

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

/// Opens the service, finds the pipeline there and does `$work` with both.
macro_rules! with_pipeline {
    ($which:expr, $context:expr, |$service:ident, $id:ident| $work:expr) => {{
        let opened = $which.service.open()?;
        on_service!(opened, &$context.cancel, $service => {
            let $id = block_on(find_pipeline($service, &$which.pipeline))?;
            $work
        })
    }};
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
    with_pipeline!(args.which, context, |service, id| {
        block_on(service.activate(&id, &request))?;
        done(context, &id, "activated", Vec::new())
    })
}

pub(crate) fn deactivate(args: DeactivateArgs, context: &mut Context) -> Result<Exit> {
    with_pipeline!(args.which, context, |service, id| {
        block_on(service.deactivate(&id, !args.finish))?;
        done(context, &id, "being deactivated", Vec::new())
    })
}

pub(crate) fn delete(args: DeleteArgs, context: &mut Context) -> Result<Exit> {
    with_pipeline!(args.which, context, |service, id| {
        if !args.yes {
            return Err(Error::new(ErrorKind::SafetyStop, "delete").with_message(format!(
                "{id} and all its history would be lost; say --yes if that is meant"
            )));
        }
        block_on(service.delete_pipeline(&id))?;
        done(context, &id, "deleted", Vec::new())
    })
}

#[derive(Serialize)]
struct Waited<'a> {
    pipeline: &'a str,
    state: &'a str,
    statuses: &'a BTreeMap<String, usize>,
    failed: usize,
}

pub(crate) fn wait_for(args: WaitArgs, context: &mut Context) -> Result<Exit> {
    let until = match args.until {
        WaitUntil::Scheduled => Until::Scheduled,
        WaitUntil::Running => Until::Running,
        WaitUntil::Finished => Until::Finished,
        WaitUntil::Inactive => Until::Inactive,
    };
    let patience = args.patience.map(Duration::from_secs);
    with_pipeline!(args.which, context, |service, id| {
        let pace = OnThread { clock: &SystemClock, cancel: &context.cancel };
        let output = context.output.clone();
        let mut tell = move |standing: &Standing| output.note(&progress(standing));
        let end = block_on(wait(service, &id, until, patience, &pace, &mut tell))?;
        let failed = end.failed();
        context.output.document(&Waited {
            pipeline: &id,
            state: &end.state,
            statuses: &end.statuses,
            failed,
        })?;
        Ok(if failed > 0 { Exit::FAILED } else { Exit::COMPLETE })
    })
}

fn progress(standing: &Standing) -> String {
    let counts = standing.statuses.iter().map(|(status, count)| format!("{count} {status}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { standing.state.clone() } else { format!("{}: {counts}", standing.state) }
}

pub(crate) fn clone(args: CloneArgs, context: &mut Context) -> Result<Exit> {
    with_pipeline!(args.which, context, |service, id| {
        let described = block_on(describe(service, &id))?;
        let definition = block_on(service.definition(&id, DefinitionVersion::Latest))?;
        let mut wanted = Wanted::new(&args.name, definition);
        wanted.description = Some(described.description).filter(|text| !text.is_empty());
        wanted.tags = Some(described.tags);
        wanted.activate = args.activate;
        if let Some(there) = block_on(plan(service, &wanted))?.pipeline {
            return Err(Error::new(ErrorKind::AlreadyExists, "clone")
                .with_message(format!("{there} is called '{}' already", args.name)));
        }
        carry_out(service, &wanted, None, context)
    })
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
    with_pipeline!(args.which, context, |service, id| {
        let mut ids = args.instances.clone();
        if let Some(status) = &args.status {
            let all = block_on(all_ids(service, &id, Sphere::Instance, &Query::default()))?;
            let objects = block_on(describe_ids(service, &id, &all))?.into_iter();
            let meant = objects
                .filter(|object| {
                    object.first_text("@status").is_some_and(|of| of.eq_ignore_ascii_case(status))
                })
                .map(|object| object.id);
            ids.extend(meant.filter(|id| !args.instances.contains(id)));
        }
        for part in ids.chunks(PART) {
            block_on(service.set_status(&id, part, command))?;
        }
        done(context, &id, &format!("{} instances {text}", ids.len()), ids)
    })
}

pub(crate) fn tags(args: TagArgs, context: &mut Context) -> Result<Exit> {
    with_pipeline!(args.which, context, |service, id| {
        if !args.remove.is_empty() {
            block_on(service.remove_tags(&id, &args.remove))?;
        }
        if !args.tags.is_empty() {
            block_on(service.add_tags(&id, &args.tags))?;
        }
        done(context, &id, "tagged", Vec::new())
    })
}
