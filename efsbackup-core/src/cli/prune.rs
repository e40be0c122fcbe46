//! `efsbackup prune`: remove snapshots that nothing keeps.

use super::Context;
use super::exit::Exit;
use super::repository_args::{KeepArgs, RepositoryArgs};
use crate::error::Result;
use crate::snapshot::{BackupOptions, Decision};
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    keep: KeepArgs,
    /// Where hours and days begin
    #[arg(long, value_name = "TZ", default_value = "UTC")]
    timezone: String,
    /// Tell what would be removed and why, remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    decisions: &'a [Decision],
    removed: &'a [String],
    left_over: &'a [String],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let repository = args.repository.repository()?;
    let mut options = BackupOptions::default();
    options.set_timezone(&args.timezone)?;
    let done = repository
        .prune(args.keep.retention())
        .timezone(options.timezone)
        .dry_run(args.dry_run)
        .cancel(&context.cancel)
        .run()?;
    context.output.document(&Document {
        decisions: &done.decisions,
        removed: &done.removed,
        left_over: &done.left_over,
    })?;
    for Decision { id, keep, reasons, .. } in &done.decisions {
        let fate = match keep {
            true => "keep",
            false if done.removed.contains(id) => "removed",
            false => "remove",
        };
        context.output.line(format!("{fate:<7}  {id}  {}", reasons.join(", ")));
    }
    for problem in &done.left_over {
        context.output.warn(&format!("efsbackup: left for the next run: {problem}"));
    }
    Ok(if done.left_over.is_empty() { Exit::COMPLETE } else { Exit::PARTIAL })
}
