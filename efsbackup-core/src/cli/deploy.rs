//! `efsbackup pipeline plan` and `apply`: having a pipeline on a service as a file says.

use super::Context;
use super::definition_diff;
use super::definition_file::Input;
use super::exit::Exit;
use super::service_args::ServiceArgs;
use super::simulate::time;
use super::value_args::ValueArgs;
use crate::deploy::{ApplyEvent, ObjectFindings, Plan, Tag, Wanted};
use crate::error::Result;
use crate::service::Blocking;
use jiff::Timestamp;
use std::time::Duration;

/// What is wanted.
#[derive(clap::Args)]
struct What {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    values: ValueArgs,
    /// The pipeline's name on the service; with --unique-id it tells which one is meant
    #[arg(long)]
    name: String,
    /// The unique id of its creation (default: the name)
    #[arg(long, value_name = "ID")]
    unique_id: Option<String>,
    /// Its description (default: the one that is there)
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A tag (repeatable); what other tags are there is removed (default: those that are there)
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<Tag>,
    /// Have it without tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// Have it active, with this definition
    #[arg(long)]
    activate: bool,
    /// Have the schedule resume at TIME (UTC) when it is activated
    #[arg(long, value_name = "TIME", value_parser = time, requires = "activate")]
    start: Option<Timestamp>,
    /// Where it must be inactive for the change, cancel what runs instead of waiting for it
    #[arg(long)]
    cancel_running: bool,
    /// Where nothing else does it, delete it and make it anew; its history is lost
    #[arg(long)]
    recreate: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    what: What,
    /// Exit with 1 where there is something to do
    #[arg(long)]
    exit_code: bool,
}

#[derive(clap::Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    what: What,
    /// Wait no longer than SECONDS until it is inactive, where it must be
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
}

pub(crate) fn tag(text: &str) -> std::result::Result<Tag, String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok(Tag { key: key.to_owned(), value: value.to_owned() })
}

impl What {
    fn wanted(&self) -> Result<Wanted> {
        let mut definition = self.input.read()?.definition;
        let given = self.values.given(&definition)?.values();
        definition.values.retain(|old| given.iter().all(|new| new.id != old.id));
        definition.values.extend(given);
        let mut wanted = Wanted::new(&self.name, definition);
        wanted.unique_id.clone_from(&self.unique_id);
        wanted.description.clone_from(&self.description);
        wanted.tags = Some(self.tags.clone()).filter(|tags| self.no_tags || !tags.is_empty());
        wanted.activate = self.activate;
        wanted.start = self.start;
        wanted.cancel_running = self.cancel_running;
        wanted.recreate = self.recreate;
        Ok(wanted)
    }
}

pub(crate) fn run_plan(args: PlanArgs, context: &mut Context) -> Result<Exit> {
    let wanted = args.what.wanted()?;
    let plan = args.what.service.calls(context)?.plan(&wanted)?;
    show(&plan, context);
    context.output.document(&plan.to_json(None))?;
    Ok(match &plan.refusal {
        Some(_) => Exit::REFUSED,
        None if args.exit_code && !plan.is_empty() => Exit::FAILED,
        None => Exit::COMPLETE,
    })
}

pub(crate) fn run_apply(args: ApplyArgs, context: &mut Context) -> Result<Exit> {
    let wanted = args.what.wanted()?;
    let patience = args.patience.map(Duration::from_secs);
    carry_out(&args.what.service.calls(context)?, &wanted, patience, context)
}

/// Plans, tells the plan, and applies it.
pub(super) fn carry_out(
    calls: &Blocking,
    wanted: &Wanted,
    patience: Option<Duration>,
    context: &Context,
) -> Result<Exit> {
    let plan = calls.plan(wanted)?;
    show(&plan, context);
    let output = context.output.clone();
    let mut tell = move |event: &ApplyEvent<'_>| output.record(&event.into());
    let id = calls.apply(wanted, &plan, patience, &mut tell)?;
    context.output.line(&id);
    context.output.document(&plan.to_json(Some(&id)))?;
    Ok(Exit::COMPLETE)
}

/// What differs, what is to be done about it, and what that costs.
fn show(plan: &Plan, context: &Context) {
    let output = &context.output;
    if let (Some(id), Some(state)) = (&plan.pipeline, &plan.state) {
        output.note(&format!("{id} is {state}"));
    }
    for change in &plan.changes {
        definition_diff::show(change, context);
    }
    if let Some((old, new)) = &plan.description {
        output.line(format!("~ description\n    - {old}\n    + {new}"));
    }
    for (word, findings) in [("error", &plan.findings.errors), ("warning", &plan.findings.warnings)]
    {
        for line in findings.iter().flat_map(ObjectFindings::lines) {
            output.note(&format!("{word}: {line}"));
        }
    }
    for reason in &plan.reasons {
        output.line(format!("not while it is as it is: {reason}"));
    }
    for step in &plan.steps {
        output.line(format!("> {}", step.describe()));
    }
    for loss in &plan.losses {
        output.line(format!("! {loss}"));
    }
    if plan.unseen > 0 {
        let text = "secrets can't be compared, as the service shows none";
        output.note(&format!("{} {text}", plan.unseen));
    }
    if plan.is_empty() {
        output.note("nothing to do");
    }
    if let Some(refusal) = &plan.refusal {
        output.warn(&format!("refused: {refusal}"));
    }
}
