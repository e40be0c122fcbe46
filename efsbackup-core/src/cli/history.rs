//! `efsbackup history`: one path through all snapshots.

use super::Context;
use super::exit::Exit;
use super::repository_args::RepositoryArgs;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::snapshot::Version;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The path below the source
    path: PathBuf,
}

#[derive(Serialize)]
struct Document {
    versions: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    snapshot: String,
    change: &'static str,
    what: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let repository = args.repository.repository()?;
    let versions = repository.history(BytePath::from(args.path))?;
    let mut there = false;
    let mut written = Vec::new();
    for version in versions {
        let change = change(&version, there);
        there = if version.known { version.entry.is_some() } else { there };
        let what = match version.what.is_empty() {
            true => String::new(),
            false => format!(": {}", version.what.join(", ")),
        };
        context.output.line(format!("{}  {change}{what}", version.snapshot.id));
        let entry = version.entry.as_ref();
        written.push(Written {
            change,
            size: entry.map(|entry| entry.size),
            digest: entry
                .and_then(|entry| entry.digest)
                .map(|digest| data_encoding::HEXLOWER.encode(&digest)),
            snapshot: version.snapshot.id,
            what: version.what,
        });
    }
    context.output.document(&Document { versions: written })?;
    Ok(Exit::COMPLETE)
}

fn change(version: &Version, was_there: bool) -> &'static str {
    match (version.known, &version.entry, was_there) {
        (false, ..) => "unknown",
        (true, Some(_), false) => "new",
        (true, Some(_), true) if version.what.is_empty() => "unchanged",
        (true, Some(_), true) => "changed",
        (true, None, true) => "gone",
        (true, None, false) => "absent",
    }
}
