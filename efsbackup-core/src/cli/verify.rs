//! `efsbackup verify`: is a snapshot what it should be?

use super::Context;
use super::exit::Exit;
use super::report;
use super::repository_args::RepositoryArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Difference, Repository, Verification};
use indicatif::HumanCount;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(override_usage = "efsbackup verify [OPTIONS] <ROOT> <SNAPSHOT|--all>")]
#[group(id = "which", required = true, args = ["snapshot", "all"])]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Which snapshot; `latest` is the newest complete one
    snapshot: Option<String>,
    /// Every snapshot, each against its manifest
    #[arg(long, conflicts_with = "snapshot")]
    all: bool,
    /// Compare content and metadata of every entry with DIR, but for what the snapshot's run
    /// left out; with --repair: where to repair from
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Make damaged files anew from --source DIR, where that still has them as they were
    #[arg(long, requires = "source")]
    repair: bool,
    /// Read the contents of only this share of the files, chosen at random
    #[arg(long, value_name = "P%", value_parser = percent)]
    sample: Option<f64>,
}

/// Parses a share such as `5%` or `0.5`.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let share = text.strip_suffix('%').unwrap_or(text).trim().parse();
    match share {
        Ok(share) if share > 0.0 && share <= 100.0 => Ok(share),
        _ => Err("give a share above 0% and up to 100%, such as 5%".to_owned()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    good: bool,
    snapshots: Vec<Verified<'a>>,
}

#[derive(Serialize)]
struct Verified<'a> {
    id: &'a str,
    #[serde(flatten)]
    found: &'a Verification,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    if args.source.is_some() && !args.repair && (args.all || args.sample.is_some()) {
        return Err(Error::new(ErrorKind::InvalidInput, "arguments")
            .with_message("one whole snapshot is compared with --source: give its name alone"));
    }
    let repository = args.repository.repository()?;
    let ids = match args.snapshot {
        Some(id) => vec![repository.snapshot(&id)?.id],
        None => repository.snapshots()?.into_iter().map(|snapshot| snapshot.id).collect(),
    };
    let how = How { source: args.source, repair: args.repair, sample: args.sample };
    let mut done = Vec::new();
    for id in ids {
        let found = verify(context, &repository, &id, &how)?;
        tell(context, &id, &found);
        done.push((id, found));
    }
    let good = done.iter().all(|(_, found)| found.is_good());
    context.output.document(&Document {
        good,
        snapshots: done.iter().map(|(id, found)| Verified { id, found }).collect(),
    })?;
    if done.iter().any(|(_, found)| !found.contents_compared) {
        context.output.warn(
            "efsbackup: only the numbers of entries were checked where there is no manifest; \
             compare contents with --source DIR",
        );
    }
    let unknown: u64 = done.iter().map(|(_, found)| found.files_without_digest).sum();
    if unknown > 0 {
        let unknown = HumanCount(unknown);
        context.output.warn(&format!("efsbackup: of {unknown} files the digest is not known"));
    }
    for error in done.iter().filter_map(|(_, found)| found.unrepaired.as_ref()) {
        context.output.warn(&format!("efsbackup: not all could be repaired: {error}"));
    }
    for error in done.iter().filter_map(|(_, found)| found.unrecorded.as_ref()) {
        context.output.warn(&format!(
            "efsbackup: the damaged files could not be noted for later backups: {error}"
        ));
    }
    Ok(if good { Exit::COMPLETE } else { Exit::PARTIAL })
}

/// What to verify against, and how.
struct How {
    source: Option<PathBuf>,
    repair: bool,
    sample: Option<f64>,
}

fn verify(context: &Context, repository: &Repository, id: &str, how: &How) -> Result<Verification> {
    let mut bar = context.progress_bar();
    let mut verify = repository.verify(id).cancel(&context.cancel).progress(&mut bar);
    if let Some(source) = &how.source {
        if !source.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, "verify")
                .with_message("no directory to compare with")
                .with_path(source.as_path()));
        }
        verify = if how.repair { verify.repair(source) } else { verify.against(source) };
    }
    if let Some(share) = how.sample {
        verify = verify.sample(share);
    }
    verify.run()
}

/// A line for each difference, and one for the snapshot.
fn tell(context: &Context, id: &str, found: &Verification) {
    for difference in &found.differences {
        let Difference { path, kind, what, repaired, .. } = difference;
        let repaired = if *repaired { " (repaired)" } else { "" };
        context.output.line(format!("{id}/{path}: {}: {what}{repaired}", kind.name()));
    }
    let more = found.differences_total - found.differences.len() as u64;
    if more > 0 {
        context.output.line(format!("{id}: and {} more differences", HumanCount(more)));
    }
    report::write_errors(context, &found.report);
    let entries = HumanCount(found.report.entries.scanned.total());
    let verdict = match (found.is_good(), found.contents_compared) {
        (true, true) if found.repaired > 0 => "repaired",
        (true, true) => "equal in content and metadata",
        (true, false) => "as many entries as recorded",
        (false, _) => "NOT as it should be",
    };
    let read = match found.files_read {
        0 => String::new(),
        read => format!(", {} files read", HumanCount(read)),
    };
    context.output.line(format!("{id}: {verdict} ({entries} entries{read})"));
}
