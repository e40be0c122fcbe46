//! `efsbackup backup`: take a snapshot.

use super::Context;
use super::exit::Exit;
use super::mirror::ItemizedLines;
use super::mirror_args::{MirrorArgs, Stats};
use super::report;
use super::repository_args::KeepArgs;
use super::stats::{self, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::mount::Prover;
use crate::snapshot::{BackupOptions, BackupReport, Repository};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory whose contents are backed up
    source: PathBuf,
    /// The folder of all repositories; made if it is missing
    root: PathBuf,
    /// The repository's name (default: the id of SOURCE's file system)
    #[arg(long)]
    name: Option<String>,
    /// Where snapshots' names take the time of day from
    #[arg(long, value_name = "TZ", default_value = "UTC")]
    timezone: String,
    /// Refuse unless SOURCE is proved to be on this file system
    #[arg(long, value_name = "FS-ID")]
    expect_id: Option<String>,
    /// Refuse unless ROOT is proved to be on this file system
    #[arg(long, value_name = "FS-ID")]
    expect_destination_id: Option<String>,
    /// Refuse to make a repository where there is none
    #[arg(long)]
    require_existing: bool,
    /// Publish nothing when the source has this much fewer entries than the last complete
    /// snapshot
    #[arg(long, value_name = "P%", default_value = "50%", value_parser = percent)]
    max_shrink: u8,
    /// Go on although the clock is behind the last snapshot
    #[arg(long)]
    accept_clock: bool,
    /// Share the repository with other backups that are given the same ID, instead of refusing
    /// each other; the last of them removes what is superfluous
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// The most names a file may have at the destination (default: 177 on EFS, else found
    /// by trying)
    #[arg(long, value_name = "N")]
    max_links: Option<u32>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    mirror: MirrorArgs,
}

impl Args {
    pub(crate) fn isolates(&self) -> bool {
        self.mirror.isolate
    }

    /// Whether each entry is to have a line; see [`MirrorArgs::itemize`].
    pub(crate) fn itemize(&self, context: &mut Context) -> Result<bool> {
        self.mirror.itemize(context)
    }
}

/// What a snapshot is to be made of, where, and how.
pub(crate) struct Job {
    pub(crate) repository: Repository,
    pub(crate) source: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) options: BackupOptions,
    pub(crate) stats: Option<Stats>,
}

impl Args {
    /// The job they mean.
    pub(crate) fn job(self) -> Result<Job> {
        let repository = Repository::new(&self.root, &repository_name(&self)?)?;
        let mut options = BackupOptions::default();
        options.set_timezone(&self.timezone)?;
        options.mirror = self.mirror.options()?;
        options.mirror.max_links = self.max_links;
        options.expect_id = self.expect_id;
        options.expect_destination_id = self.expect_destination_id;
        options.require_existing = self.require_existing;
        options.max_shrink = self.max_shrink;
        options.accept_clock = self.accept_clock;
        options.run_id = self.run_id;
        options.retention = self.keep.retention();
        let (source, root, stats) = (self.source, self.root, self.mirror.stats);
        Ok(Job { repository, source, root, options, stats })
    }
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let itemize = args.itemize(context)?;
    let Job { repository, source, root, options, stats } = args.job()?;
    let watch = Watch::begin(stats, &source, &root)?;
    let lines = ItemizedLines::new(context);
    let mut bar = context.progress_bar();
    let mut backup =
        repository.backup(&source).options(options).cancel(&context.cancel).progress(&mut bar);
    if itemize {
        backup = backup.listener(&lines);
    }
    let result = backup.run();
    drop(bar);
    write(context, &repository, &result?, watch)
}

/// The name given, or the file system's id.
fn repository_name(args: &Args) -> Result<String> {
    if let Some(name) = args.name.clone().or_else(|| args.expect_id.clone()) {
        return Ok(name);
    }
    match Prover::from_environment().identify(&args.source)? {
        Some((id, _)) => Ok(id),
        None => Err(Error::new(ErrorKind::InvalidInput, "arguments").with_message(
            "nothing tells which file system SOURCE is; name the repository with --name",
        )),
    }
}

/// Writes how the making of a snapshot ended.
pub(crate) fn write(
    context: &Context,
    repository: &Repository,
    done: &BackupReport,
    watch: Option<Watch>,
) -> Result<Exit> {
    let BackupReport { report, snapshot, removed, left_over, .. } = done;
    stats::write(context, watch, done, report.entries.scanned.total())?;
    report::write_errors(context, report);
    for problem in left_over {
        context.output.warn(&format!("efsbackup: left for the next run: {problem}"));
    }
    match snapshot {
        Some(snapshot) => {
            context.output.line(&snapshot.id);
            let path = crate::bytepath::BytePath::from(repository.snapshot_path(&snapshot.id));
            context.output.note(&format!("{} snapshot {path}", snapshot.state.name()));
        }
        None if report.outcome != crate::mirror::Outcome::Complete => {
            context.output.note("no snapshot was published; what was copied serves the next run");
        }
        None => {}
    }
    for id in removed {
        context.output.note(&format!("removed snapshot {id}"));
    }
    context.output.note(&report::summary(report));
    Ok(Exit::from_status(done.exit_status()))
}

fn percent(text: &str) -> std::result::Result<u8, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
    percent.filter(|percent| *percent <= 100).ok_or_else(|| "give a share such as 50%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(percent("50%"), Ok(50));
        for wrong in ["50", "101%", "%", "-1%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
