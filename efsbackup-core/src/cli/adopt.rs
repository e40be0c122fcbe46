//! `efsbackup adopt`: existing folders become snapshots.

use super::Context;
use super::exit::Exit;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::snapshot::{Adopted, BackupOptions, Repository, TimeFrom};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of all repositories
    root: PathBuf,
    /// The folders, such as daily.0, daily.1 or 2026-11-22; on the same file system as ROOT.
    /// They are renamed into ROOT/NAME
    #[arg(required = true)]
    folder: Vec<PathBuf>,
    /// The repository's name; it is made if it is missing
    #[arg(long)]
    name: Option<String>,
    /// Which timezone dates in folders' names are of, and snapshots' names are in
    #[arg(long, value_name = "TZ", default_value = "UTC")]
    timezone: String,
    /// Only check, and tell what would become of each
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    adopted: &'a [Adopted],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let mut options = BackupOptions::default();
    options.set_timezone(&args.timezone)?;
    let repository = match &args.name {
        Some(name) => Repository::new(&args.root, name)?,
        None => Repository::only(&args.root)?,
    };
    let mut bar = context.progress_bar();
    let adopt = repository
        .adopt(&args.folder)
        .timezone(options.timezone)
        .dry_run(args.dry_run)
        .cancel(&context.cancel)
        .progress(&mut bar);
    let result = adopt.run();
    drop(bar);
    let adopted = result?;
    for one in &adopted {
        let Adopted { folder, id, time, time_from, .. } = one;
        let by = match time_from {
            TimeFrom::Name => "name",
            TimeFrom::Modified => "modification time",
        };
        let folder = BytePath::from(folder.as_path());
        context.output.line(format!("{id}  {folder}  ({time:.0}, by its {by})"));
    }
    context.output.document(&Document { adopted: &adopted })?;
    if !args.dry_run {
        context.output.note(
            "they count as complete, and later backups share with them, once `efsbackup verify` \
             found them good",
        );
    }
    Ok(Exit::COMPLETE)
}
