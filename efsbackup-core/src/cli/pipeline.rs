//! `efsbackup pipeline`: definitions.

use super::exit::Exit;
use super::{
    Context, control, convert, definition_diff, deploy, draw, fields, migrate, new, resolve, runs,
    simulate, validate,
};
use crate::error::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Write the pipeline that backs one file system up to another
    New(Box<new::Args>),
    /// Say what is wrong with a definition
    Validate(validate::Args),
    /// Put in the values of parameters, and all else that is known before a run
    Resolve(Box<resolve::Args>),
    /// List the fields that count for each object, and from where it inherits them
    Fields(fields::Args),
    /// Write a definition in another form
    Convert(convert::Args),
    /// Say what is dangerous in an existing backup's pipeline, and write its safe equivalent
    Migrate(Box<migrate::Args>),
    /// Say what is different between two definitions
    Diff(definition_diff::Args),
    /// Play a definition over a span of time, with nothing run
    Simulate(Box<simulate::Args>),
    /// Draw a definition
    Draw(draw::Args),
    /// Say what `apply` would change on a service, and what is lost by it
    Plan(Box<deploy::PlanArgs>),
    /// Have a pipeline on a service as a definition says
    Apply(Box<deploy::ApplyArgs>),
    /// Start a pipeline, or resume it
    Activate(control::ActivateArgs),
    /// Stop a pipeline; it can be activated again
    Deactivate(control::DeactivateArgs),
    /// Remove a pipeline with its history
    Delete(control::DeleteArgs),
    /// Wait until a pipeline is active, runs, or has finished what is due
    Wait(control::WaitArgs),
    /// Make a new pipeline of another one's definition
    Clone(control::CloneArgs),
    /// Run instances again
    Rerun(control::InstanceArgs),
    /// Stop instances
    Cancel(control::InstanceArgs),
    /// Take instances as finished, so that what depends on them goes on
    MarkFinished(control::InstanceArgs),
    /// Set and remove a pipeline's tags
    Tag(control::TagArgs),
    /// List the pipelines of a service with their states
    #[command(visible_alias = "list")]
    Status(runs::StatusArgs),
    /// List the runs of a pipeline, with their states, errors and output
    Runs(runs::RunsArgs),
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    match args.verb {
        Verb::New(args) => new::run(*args, context),
        Verb::Validate(args) => validate::run(args, context),
        Verb::Resolve(args) => resolve::run(*args, context),
        Verb::Fields(args) => fields::run(args, context),
        Verb::Convert(args) => convert::run(args, context),
        Verb::Migrate(args) => migrate::run(*args, context),
        Verb::Diff(args) => definition_diff::run(args, context),
        Verb::Simulate(args) => simulate::run(*args, context),
        Verb::Draw(args) => draw::run(args, context),
        Verb::Plan(args) => deploy::run_plan(*args, context),
        Verb::Apply(args) => deploy::run_apply(*args, context),
        Verb::Activate(args) => control::activate(args, context),
        Verb::Deactivate(args) => control::deactivate(args, context),
        Verb::Delete(args) => control::delete(args, context),
        Verb::Wait(args) => control::wait_for(args, context),
        Verb::Clone(args) => control::clone(args, context),
        Verb::Rerun(args) => control::rerun(args, context),
        Verb::Cancel(args) => control::cancel(args, context),
        Verb::MarkFinished(args) => control::mark_finished(args, context),
        Verb::Tag(args) => control::tags(args, context),
        Verb::Status(args) => runs::status(args, context),
        Verb::Runs(args) => runs::runs(args, context),
    }
}
