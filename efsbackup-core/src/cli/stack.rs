//! `efsbackup stack`: what a backup runs in, as files for the runner that is chosen.

use super::Context;
use super::exit::Exit;
use super::new::read_spec;
use crate::bytepath::BytePath;
use crate::error::{Error, Result};
use crate::stack::{self, File, Need, Runner};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The spec of the backup, with a table [environment], in TOML
    spec: PathBuf,
    /// What runs the backup: cloudformation or terraform (Data Pipeline and all around it), split
    /// (its roles in Terraform, the pipeline in CloudFormation), step-functions (a task on Fargate),
    /// step-functions-ec2 (an instance for each run), systemd or kubernetes
    #[arg(long = "for", value_name = "RUNNER", value_parser = runner, default_value = "cloudformation")]
    runner: Runner,
    /// The folder to write to, made if it is missing (default: all to stdout)
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Only list what the roles may do, and what needs it
    #[arg(long, conflicts_with = "output")]
    permissions: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    runner: &'static str,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    name: &'a str,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The text, where it was not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct Permission<'a> {
    role: &'static str,
    action: &'a str,
    call: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_all: Option<&'a str>,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let spec = read_spec(&args.spec)?;
    if args.permissions {
        return permissions(&stack::needs(&spec, args.runner)?, context);
    }
    let files = stack::files(&spec, args.runner)?;
    let entries = write_files(&files, args.output.as_deref(), context)?;
    context.output.document(&Document { runner: args.runner.name(), files: entries })?;
    Ok(Exit::COMPLETE)
}

/// Writes the files into `folder`, or to stdout where there is none.
pub(super) fn write_files<'a>(
    files: &'a [File],
    folder: Option<&Path>,
    context: &Context,
) -> Result<Vec<Entry<'a>>> {
    let mut entries = Vec::new();
    for File { name, text, .. } in files {
        let Some(folder) = folder else {
            if files.len() > 1 {
                context.output.line(format!("==> {name} <=="));
            }
            context.output.line(text.trim_end_matches('\n'));
            entries.push(Entry { name, file: None, text: Some(text) });
            continue;
        };
        let path = folder.join(name);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| Error::from_io("write", error).with_path(path.as_path()))?;
        let path = BytePath::from(path.as_path()).to_text();
        context.output.note(&format!("written: {path}"));
        entries.push(Entry { name, file: Some(path), text: None });
    }
    Ok(entries)
}

fn permissions(needs: &[Need], context: &mut Context) -> Result<Exit> {
    for need in needs {
        let all = need.why_all.map_or(String::new(), |why| format!("  (of all: {why})"));
        context.output.line(format!("{}: {}  {}{all}", need.role.name(), need.action, need.call));
    }
    let entries = needs.iter().map(|need| Permission {
        role: need.role.name(),
        action: need.action,
        call: need.call,
        why_all: need.why_all,
    });
    context.output.document(&entries.collect::<Vec<_>>())?;
    Ok(Exit::COMPLETE)
}

pub(super) fn runner(name: &str) -> std::result::Result<Runner, String> {
    let names = || Runner::ALL.map(Runner::name).join(", ");
    Runner::from_name(name).ok_or_else(|| format!("the runners are {}", names()))
}
