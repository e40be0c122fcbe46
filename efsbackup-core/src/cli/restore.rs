//! `efsbackup restore`: copy a snapshot out.

use super::Context;
use super::exit::Exit;
use super::mirror::ItemizedLines;
use super::mirror_args::MirrorArgs;
use super::report;
use super::repository_args::RepositoryArgs;
use super::stats::{self, Watch};
use crate::error::Result;
use crate::snapshot::{BackupOptions, Snapshot, State};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Which snapshot; `efsbackup snapshots` lists them, `latest` is the newest complete one
    snapshot: String,
    /// Where to; what is restored must be missing there, unless --in-place is given
    destination: PathBuf,
    /// Only these files and directories of the snapshot, each to the same place below
    /// DESTINATION; or patterns as of --exclude, such as '*.conf' or '/etc/**'
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Replace what differs in DESTINATION; a snapshot of what is replaced is kept, and
    /// restored in place it undoes this
    #[arg(long)]
    in_place: bool,
    /// With --in-place, which it implies: remove what the snapshot lacks too
    #[arg(long)]
    delete: bool,
    /// Keep no undo
    #[arg(long)]
    no_undo: bool,
    /// Where the undo's name takes the time of day from
    #[arg(long, value_name = "TZ", default_value = "UTC")]
    timezone: String,
    #[command(flatten)]
    mirror: MirrorArgs,
}

impl Args {
    pub(crate) fn isolates(&self) -> bool {
        self.mirror.isolate
    }
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let itemize = args.mirror.itemize(context)?;
    let repository = args.repository.repository()?;
    let mut options = args.mirror.options()?;
    options.delete = args.delete;
    let mut named = BackupOptions::default();
    named.set_timezone(&args.timezone)?;
    let snapshot = repository.snapshot(&args.snapshot)?;
    let place = repository.snapshot_path(&snapshot.id);
    let watch = Watch::begin(args.mirror.stats, &place, &args.destination)?;
    let lines = ItemizedLines::new(context);
    let mut bar = context.progress_bar();
    let mut restore = repository
        .restore(&snapshot.id, &args.destination)
        .options(options)
        .in_place(args.in_place)
        .undo(!args.no_undo)
        .timezone(named.timezone)
        .cancel(&context.cancel)
        .progress(&mut bar);
    for path in args.paths {
        restore = restore.entry(path);
    }
    if itemize {
        restore = restore.listener(&lines);
    }
    let result = restore.run();
    drop(bar);
    let done = result?;
    stats::write(context, watch, &done, done.report.entries.scanned.total())?;
    report::write_errors(context, &done.report);
    let Snapshot { id, state, .. } = &snapshot;
    context.output.note(&match state {
        State::Partial => format!("snapshot {id} is partial: not all of its source could be read"),
        State::Undo => format!("snapshot {id} is an undo: it holds what a restore replaced"),
        state => format!("{} snapshot {id}", state.name()),
    });
    if let Some(Snapshot { id, .. }) = &done.undo {
        context.output.note(&format!(
            "what was replaced is kept as {id}: restoring that with --in-place undoes this"
        ));
    }
    context.output.note(&report::summary(&done.report));
    Ok(Exit::from_status(done.exit_status()))
}
