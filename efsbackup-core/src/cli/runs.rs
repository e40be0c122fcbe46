//! `efsbackup pipeline status` and `runs`: what a service does.

use super::Context;
use super::draw::Theme;
use super::exit::Exit;
use super::service_args::ServiceArgs;
use crate::bytepath::BytePath;
use crate::deploy::{DefinitionVersion, PipelineStatus, RunStatus};
use crate::draw::{self, Options};
use crate::error::{Error, Result};
use crate::pipeline::Object;
use flate2::read::MultiGzDecoder;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(clap::Args)]
pub(crate) struct RunsArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// The pipeline's id or name
    pipeline: String,
    /// Show the last N instances
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// Draw the pipeline with the states of its last run
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The picture's colours (default: dark where the viewer prefers that)
    #[arg(long, value_enum, value_name = "THEME", requires = "svg")]
    theme: Option<Theme>,
    /// Show the last N lines of each instance's output
    #[arg(long, value_name = "N", default_value_t = 0)]
    tail: usize,
    /// Where logs are
    #[arg(long, value_name = "DIR", default_value = "efsbackup-logs")]
    log_dir: PathBuf,
}

pub(crate) fn status(args: StatusArgs, context: &mut Context) -> Result<Exit> {
    let rows = args.service.calls(context)?.statuses()?;
    let cells =
        |row: &PipelineStatus| [&row.id, &row.state, &row.created, &row.name].map(String::from);
    table(context, ["PIPELINE", "STATE", "CREATED", "NAME"], rows.iter().map(cells).collect());
    context.output.document(&rows)?;
    Ok(Exit::COMPLETE)
}

fn cells(object: &Object) -> [String; 7] {
    let run = RunStatus::from(object);
    let dash = |time: &Option<String>| time.as_deref().unwrap_or("-").to_owned();
    let group = object.first_text("workerGroup").filter(|_| {
        let is_taken = object.first_reference("runsOn").is_some();
        run.status == "WAITING_FOR_RUNNER" && !is_taken
    });
    let waits = group.map(|group| format!("waits for a worker of the group {group:?}"));
    let error = run.error.as_deref().or(waits.as_deref()).unwrap_or_default();
    [
        run.component.clone(),
        run.scheduled_start.clone(),
        run.status.clone(),
        run.attempts.clone(),
        dash(&run.actual_start),
        dash(&run.actual_end),
        error.lines().next().unwrap_or_default().to_owned(),
    ]
}

pub(crate) fn runs(args: RunsArgs, context: &mut Context) -> Result<Exit> {
    let calls = args.service.calls(context)?;
    let pipeline = calls.find(&args.pipeline)?;
    let objects = calls.instances(&pipeline, Some(args.last))?;
    let rows: Vec<RunStatus> = objects.iter().map(RunStatus::from).collect();
    if let Some(path) = &args.svg {
        // The last instance of each component counts.
        let state = |run: &RunStatus| (run.component.clone(), run.status.clone());
        let states = rows.iter().map(state).collect();
        let definition = calls.definition(&pipeline, DefinitionVersion::Active)?;
        let options = Options { theme: args.theme.into(), states };
        let picture = draw::svg(&definition, &options);
        std::fs::write(path, picture)
            .map_err(|error| Error::from_io("write", error).with_path(path.as_path()))?;
        context.output.note(&format!("wrote {}", BytePath::from(path.as_path())));
    }
    let heads = ["ACTIVITY", "SCHEDULED", "STATUS", "TRIES", "STARTED", "ENDED", "ERROR"];
    table(context, heads, objects.iter().map(cells).collect());
    for object in objects.iter().filter(|_| args.tail > 0) {
        tail(&args, &pipeline, object, context);
    }
    context.output.document(&rows)?;
    Ok(Exit::COMPLETE)
}

/// How much of a log is looked at for its last lines.
const MOST_TAIL: usize = 64 * 1024;

/// The end of what the instance's last attempt printed, where it is here.
fn tail(args: &RunsArgs, pipeline: &str, object: &Object, context: &Context) {
    let run = RunStatus::from(object);
    let Some(attempt) = object.first_reference("@headAttempt") else { return };
    // The names come from a service, which need not be ours.
    if [pipeline, &run.component, &run.id, attempt]
        .iter()
        .any(|name| name.contains('/') || *name == "..")
    {
        return;
    }
    let dir = args.log_dir.join(pipeline).join(&run.component).join(&run.id).join(attempt);
    for name in ["StdOutput", "StdError"] {
        let Some(text) = last_lines(&dir.join(name), args.tail) else { continue };
        context.output.line(format!("\n{attempt} {name}:"));
        text.split(|byte| *byte == b'\n').for_each(|line| context.output.line(line));
    }
}

/// The last lines of a log, of 64 KiB at most, whether it is compressed yet or not; `None` where
/// there is none, or nothing in it.
fn last_lines(path: &Path, count: usize) -> Option<Vec<u8>> {
    let text = match std::fs::File::open(path) {
        Ok(mut file) => {
            let length = file.metadata().ok()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(MOST_TAIL as u64))).ok()?;
            end_of(file)?
        }
        Err(_) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".gz");
            end_of(MultiGzDecoder::new(std::fs::File::open(name).ok()?))?
        }
    };
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = lines.get(lines.len().saturating_sub(count)..)?.join(&b'\n');
    Some(last).filter(|last| !last.is_empty())
}

/// The end of a stream.
fn end_of(mut stream: impl Read) -> Option<Vec<u8>> {
    let mut end = Vec::new();
    let mut buffer = vec![0; MOST_TAIL];
    loop {
        let length = stream.read(&mut buffer).ok()?;
        if length == 0 {
            return Some(end);
        }
        end.extend(buffer.iter().take(length));
        end.drain(..end.len().saturating_sub(MOST_TAIL));
    }
}

/// Rows under their heads, in columns as wide as they need to be.
fn table<const N: usize>(context: &Context, heads: [&str; N], rows: Vec<[String; N]>) {
    let all: Vec<[String; N]> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        context.output.line(line.trim_end());
    }
}
