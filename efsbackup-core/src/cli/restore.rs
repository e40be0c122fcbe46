//! `efsbackup restore`: copy a snapshot out.

use super::Context;
use super::exit::Exit;
use super::mirror::ItemizedLines;
use super::mirror_args::MirrorArgs;
use super::report;
use super::repository_args::RepositoryArgs;
use crate::bytepath::BytePath;
use crate::error::Result;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Which snapshot; `efsbackup snapshots` lists them
    snapshot: String,
    /// Where to; must be missing or empty, unless --delete is given
    destination: PathBuf,
    /// Only these directories of the snapshot, each to the same place below DESTINATION
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Make a DESTINATION that is not empty equal to the snapshot
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    mirror: MirrorArgs,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let itemize = args.mirror.itemize(context)?;
    let repository = args.repository.repository()?;
    let mut options = args.mirror.options()?;
    options.delete = args.delete;
    let lines = ItemizedLines(context.output.clone());
    let mut bar = context.progress_bar();
    let mut restore = repository
        .restore(&args.snapshot, &args.destination)
        .options(options)
        .cancel(&context.cancel)
        .progress(&mut bar);
    for path in args.paths {
        restore = restore.directory(BytePath::from(path));
    }
    if itemize {
        restore = restore.listener(&lines);
    }
    let result = restore.run();
    drop(bar);
    report::write(context, &result?)
}
