//! `efsbackup pipeline status` and `runs`: what a service does.

use super::Context;
use super::draw::Theme;
use super::exit::Exit;
use super::service_args::{ServiceArgs, on_service};
use crate::bytepath::BytePath;
use crate::deploy::{
    DefinitionVersion, PipelineDescription, PipelineService, Query, Sphere, all_ids, all_pipelines,
    describe_all, describe_ids, find_pipeline,
};
use crate::draw::{self, Options};
use crate::error::{Error, Result};
use crate::pipeline::Object;
use flate2::read::MultiGzDecoder;
use pollster::block_on;
use serde::Serialize;
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
    let service = args.service.open()?;
    on_service!(service, &context.cancel, service => show_status(service, context))
}

pub(crate) fn runs(args: RunsArgs, context: &mut Context) -> Result<Exit> {
    let service = args.service.open()?;
    on_service!(service, &context.cancel, service => show_runs(&args, service, context))
}

#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    name: &'a str,
    state: &'a str,
    created: &'a str,
}

fn show_status(service: &impl PipelineService, context: &Context) -> Result<Exit> {
    let all = block_on(all_pipelines(service))?;
    let ids: Vec<String> = all.into_iter().map(|pipeline| pipeline.id).collect();
    let described = block_on(describe_all(service, &ids))?;
    let field = |pipeline, key| PipelineDescription::field(pipeline, key).unwrap_or_default();
    let rows: Vec<Status<'_>> = described
        .iter()
        .map(|pipeline| Status {
            id: &pipeline.id,
            name: &pipeline.name,
            state: field(pipeline, "@pipelineState"),
            created: field(pipeline, "@creationTime"),
        })
        .collect();
    let cells = |row: &Status<'_>| [row.id, row.state, row.created, row.name].map(str::to_owned);
    table(context, ["PIPELINE", "STATE", "CREATED", "NAME"], rows.iter().map(cells).collect());
    context.output.document(&rows)?;
    Ok(Exit::COMPLETE)
}

#[derive(Serialize)]
struct Run<'a> {
    id: &'a str,
    component: &'a str,
    status: &'a str,
    attempts: &'a str,
    scheduled_start: &'a str,
    actual_start: Option<&'a str>,
    actual_end: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Run<'a> {
    fn of(object: &'a Object) -> Run<'a> {
        let text = |key| object.first_text(key);
        Run {
            id: &object.id,
            component: object.first_reference("@componentParent").unwrap_or_default(),
            status: text("@status").unwrap_or_default(),
            attempts: text("@attemptCount").unwrap_or_default(),
            scheduled_start: text("@scheduledStartTime").unwrap_or_default(),
            actual_start: text("@actualStartTime"),
            actual_end: text("@actualEndTime"),
            error: text("errorMessage").filter(|_| text("@status") != Some("FINISHED")),
        }
    }

    fn cells(&self) -> [String; 7] {
        let dash = |time: Option<&str>| time.unwrap_or("-").to_owned();
        [
            self.component.to_owned(),
            self.scheduled_start.to_owned(),
            self.status.to_owned(),
            self.attempts.to_owned(),
            dash(self.actual_start),
            dash(self.actual_end),
            self.error.unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
        ]
    }
}

fn show_runs(args: &RunsArgs, service: &impl PipelineService, context: &Context) -> Result<Exit> {
    let pipeline = block_on(find_pipeline(service, &args.pipeline))?;
    let mut ids = block_on(all_ids(service, &pipeline, Sphere::Instance, &Query::default()))?;
    let ids = ids.split_off(ids.len().saturating_sub(args.last));
    let objects = block_on(describe_ids(service, &pipeline, &ids))?;
    if let Some(path) = &args.svg {
        // The last instance of each component counts.
        let state = |run: Run<'_>| (run.component.to_owned(), run.status.to_owned());
        let states = objects.iter().map(Run::of).map(state).collect();
        let definition = block_on(service.definition(&pipeline, DefinitionVersion::Active))?;
        let options = Options { theme: args.theme.into(), states };
        let picture = draw::svg(&definition, &options);
        std::fs::write(path, picture)
            .map_err(|error| Error::from_io("write", error).with_path(path.as_path()))?;
        context.output.note(&format!("wrote {}", BytePath::from(path.as_path())));
    }
    let rows: Vec<Run<'_>> = objects.iter().map(Run::of).collect();
    let heads = ["ACTIVITY", "SCHEDULED", "STATUS", "TRIES", "STARTED", "ENDED", "ERROR"];
    table(context, heads, rows.iter().map(Run::cells).collect());
    for object in objects.iter().filter(|_| args.tail > 0) {
        tail(args, &pipeline, object, context);
    }
    context.output.document(&rows)?;
    Ok(Exit::COMPLETE)
}

/// How much of a log is looked at for its last lines.
const MOST_TAIL: usize = 64 * 1024;

/// The end of what the instance's last attempt printed, where it is here.
fn tail(args: &RunsArgs, pipeline: &str, object: &Object, context: &Context) {
    let run = Run::of(object);
    let Some(attempt) = object.first_reference("@headAttempt") else { return };
    // The names come from a service, which need not be ours.
    if [pipeline, run.component, run.id, attempt]
        .iter()
        .any(|name| name.contains('/') || *name == "..")
    {
        return;
    }
    let dir = args.log_dir.join(pipeline).join(run.component).join(run.id).join(attempt);
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
