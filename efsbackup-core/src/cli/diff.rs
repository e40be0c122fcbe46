//! `efsbackup diff`: what changed since a snapshot.

use super::Context;
use super::exit::Exit;
use super::repository_args::RepositoryArgs;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::snapshot::{Change, LATEST};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The older snapshot; `latest` is the newest complete one
    snapshot: String,
    /// The newer snapshot, or a directory such as the source
    other: PathBuf,
    /// Read the contents of the directory: without, equal size and time are enough
    #[arg(long)]
    contents: bool,
}

#[derive(Serialize)]
struct Document {
    changes: Vec<Change>,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let repository = args.repository.repository()?;
    let id = BytePath::from(args.other.as_path());
    let snapshots = repository.snapshots()?;
    let is_snapshot = |id: &str| id == LATEST || snapshots.iter().any(|known| known.id == id);
    let diff = match id.to_utf8() {
        Some(id) if is_snapshot(id) => repository.diff(&args.snapshot, id),
        _ => repository.diff_directory(&args.snapshot, Path::new(&args.other)),
    };
    let mut changes = Vec::new();
    let json = context.output.is_json();
    let result = diff.contents(args.contents).cancel(&context.cancel).run(|change| {
        if json {
            changes.push(change);
        } else {
            context.output.line(line(&change));
        }
    });
    context.output.document(&Document { changes })?;
    result.map(|()| Exit::COMPLETE)
}

fn line(change: &Change) -> String {
    let path = if change.path.is_empty() { ".".to_owned() } else { change.path.to_string() };
    match (&change.before, &change.after) {
        (None, _) => format!("+ {path}"),
        (_, None) => format!("- {path}"),
        _ => format!("~ {path}: {}", change.what.join(", ")),
    }
}
