//! `efsbackup pipeline`: definitions.

use super::exit::Exit;
use super::{Context, new};
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
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    match args.verb {
        Verb::New(args) => new::run(*args, context),
    }
}
