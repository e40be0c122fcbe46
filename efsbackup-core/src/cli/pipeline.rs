//! `efsbackup pipeline`: definitions.

use super::exit::Exit;
use super::{
    Context, convert, definition_diff, draw, fields, new, resolve, runs, simulate, validate,
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
    /// Say what is different between two definitions
    Diff(definition_diff::Args),
    /// Play a definition over a span of time, with nothing run
    Simulate(Box<simulate::Args>),
    /// Draw a definition
    Draw(draw::Args),
    /// List the pipelines of a service with their states
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
        Verb::Diff(args) => definition_diff::run(args, context),
        Verb::Simulate(args) => simulate::run(*args, context),
        Verb::Draw(args) => draw::run(args, context),
        Verb::Status(args) => runs::status(args, context),
        Verb::Runs(args) => runs::runs(args, context),
    }
}
