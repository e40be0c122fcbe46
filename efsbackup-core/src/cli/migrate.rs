//! `efsbackup pipeline migrate`: an existing pipeline's dangers, and its safe equivalent.

use super::Context;
use super::definition_file::{Input, format};
use super::exit::Exit;
use super::stack::{runner, write_files};
use super::value_args::ValueArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{self, Format};
use crate::recipe::{EfsBackup, Environment, Migration, RestoreTo, migrate};
use crate::stack::{self, File, Runner};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    values: ValueArgs,
    /// The source's file system, where its address does not tell it
    #[arg(long, value_name = "FS-ID")]
    source_id: Option<String>,
    /// The backup's file system, likewise
    #[arg(long, value_name = "FS-ID")]
    destination_id: Option<String>,
    /// Write the pipeline in this form: cli, api, cfn-yaml, cfn-json, terraform or terraform-json
    /// (default: the spec, in TOML, for `pipeline new --spec` and `stack`)
    #[arg(long, value_name = "FORM", value_parser = format, conflicts_with = "runner")]
    to: Option<Format>,
    /// Write the files of this runner instead: step-functions, systemd, kubernetes, cloudformation …
    #[arg(long = "for", value_name = "RUNNER", value_parser = runner)]
    runner: Option<Runner>,
    /// What the files of a runner are called
    #[arg(long, value_name = "NAME", default_value = "backup", requires = "runner")]
    name: String,
    /// The container image with efsbackup, for step-functions and kubernetes
    #[arg(long, value_name = "IMAGE", requires = "runner")]
    container: Option<String>,
    /// The folder to write to (default: all to stdout)
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    restores: bool,
    dangers: Vec<Entry<'a>>,
    changes: &'a [String],
    files: Vec<super::stack::Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    object: &'a str,
    text: &'a str,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let document = args.input.read()?;
    let given = args.values.given(&document.definition)?.values();
    let mut migration = migrate(&document.definition, &given)?;
    if let Some(id) = &args.source_id {
        migration.spec = migration.spec.source_id(id);
    }
    if let Some(id) = &args.destination_id {
        migration.spec = migration.spec.destination_id(id);
    }
    for danger in &migration.dangers {
        context.output.note(&format!("danger: {danger}"));
    }
    for change in &migration.changes {
        context.output.note(&format!("changed: {change}"));
    }
    // Where an id is missing the dangers are told all the same.
    let files = written(&args, &migration)?;
    let entries = write_files(&files, args.output.as_deref(), context)?;
    let danger =
        |danger: &'_ crate::recipe::Danger| (danger.name, danger.object.clone(), danger.text);
    let dangers: Vec<_> = migration.dangers.iter().map(danger).collect();
    let dangers = dangers.iter().map(|(name, object, text)| Entry { name, object, text });
    context.output.document(&Document {
        restores: migration.restores,
        dangers: dangers.collect(),
        changes: &migration.changes,
        files: entries,
    })?;
    Ok(Exit::COMPLETE)
}

fn written(args: &Args, migration: &Migration) -> Result<Vec<File>> {
    let spec = &migration.spec;
    if let Some(runner) = args.runner {
        if migration.restores {
            return Err(Error::new(ErrorKind::Unsupported, "migrate")
                .with_message("a restore is a pipeline of its own: leave --for out, or say --to"));
        }
        let mut environment = Environment::new(&args.name);
        environment.container.clone_from(&args.container);
        return stack::files(&spec.clone().environment(environment), runner);
    }
    let Some(format) = args.to else {
        // Whatever is wrong with it is told before it is written down.
        spec.definition()?;
        return Ok(vec![File::new("spec.toml", spec.to_toml()?)]);
    };
    let mut definition = definition(spec, migration.restores)?;
    if format.is_terraform() {
        formats::fold_arguments(&mut definition)?;
    }
    let ending = match format {
        Format::CloudFormationYaml => "yaml",
        Format::Terraform => "tf",
        _ => "json",
    };
    Ok(vec![File::new(format!("pipeline.{ending}"), formats::write(&definition, format)?)])
}

fn definition(spec: &EfsBackup, restores: bool) -> Result<crate::pipeline::Definition> {
    match restores {
        true => spec.restore_definition(&RestoreTo::new("restored")),
        false => spec.definition(),
    }
}
