//! `efsbackup pipeline new`: write the pipeline that backs a file system up.

use super::Context;
use super::definition_file::format;
use super::exit::Exit;
use super::repository_args::KeepArgs;
use crate::bytepath::BytePath;
use crate::error::{Error, Result};
use crate::formats::{self, Format};
use crate::mount::Prover;
use crate::pipeline::Definition;
use crate::recipe::{EfsBackup, Engine, Keep};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is backed up: HOST:/PATH, mounted by NFS, or an absolute path, used as it is
    #[arg(long, value_name = "HOST:/PATH")]
    source: String,
    /// Where the snapshots go: HOST:/PATH or an absolute path
    #[arg(long, value_name = "HOST:/PATH")]
    destination: String,
    /// The source's file system (default: as its EFS host name tells, or a folder's marker)
    #[arg(long, value_name = "FS-ID")]
    source_id: Option<String>,
    /// The destination's file system (default: likewise)
    #[arg(long, value_name = "FS-ID")]
    destination_id: Option<String>,
    /// What takes the snapshots on the instance: efsbackup or rsync
    #[arg(long, value_name = "ENGINE", default_value = "efsbackup", value_parser = engine)]
    engine: Engine,
    /// Time between two backups
    #[arg(long, default_value = "1 hours")]
    period: String,
    /// Where snapshots' names take the time of day from
    #[arg(long, value_name = "TZ", default_value = "UTC")]
    timezone: String,
    /// How long an instance may live (default: the period, but a day at most)
    #[arg(long, value_name = "PERIOD")]
    terminate_after: Option<String>,
    /// The SNS topic that is told how a backup ended
    #[arg(long, value_name = "ARN")]
    notify: Option<String>,
    /// Where Data Pipeline keeps its logs
    #[arg(long, value_name = "S3-URI")]
    log_uri: Option<String>,
    /// The form to write: cli, api, cfn-yaml, cfn-json, terraform or terraform-json (default:
    /// by FILE's ending; .json is cli, .yaml is cfn-yaml, .tf is terraform)
    #[arg(long, value_name = "FORM", value_parser = format)]
    to: Option<Format>,
    /// Where to write it (default: stdout)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    instance: Instance,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Instance")]
struct Instance {
    /// EC2 instance type
    #[arg(long, value_name = "TYPE")]
    instance_type: Option<String>,
    /// AMI
    #[arg(long, value_name = "AMI")]
    image: Option<String>,
    /// Subnet
    #[arg(long, value_name = "SUBNET")]
    subnet: Option<String>,
    /// Security group, which both file systems' mount targets let in
    #[arg(long, value_name = "GROUP")]
    security_group: Option<String>,
    /// EC2 key pair
    #[arg(long, value_name = "NAME")]
    key_pair: Option<String>,
    /// Data Pipeline's IAM role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The instance's IAM role
    #[arg(long, value_name = "NAME")]
    resource_role: Option<String>,
    /// Give the instance a public IP address
    #[arg(long)]
    public_ip: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    file: Option<String>,
    /// The definition's text, where it went into no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Parameters that have neither a value nor a default.
    without_value: &'a [&'a str],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let format = args.to.or_else(|| format_of(args.output.as_deref()?)).unwrap_or(Format::Cli);
    let output = args.output.clone();
    let mut definition = recipe(args).definition()?;
    if format.is_terraform() {
        // Terraform would lose the order of the command's arguments.
        formats::fold_arguments(&mut definition)?;
    }
    let text = formats::write(&definition, format)?;
    let open = without_value(&definition);
    match &output {
        Some(path) => std::fs::write(path, &text)
            .map_err(|error| Error::from_io("write", error).with_path(path.as_path()))?,
        None => context.output.line(text.trim_end_matches('\n')),
    }
    context.output.document(&Document {
        format: format.name(),
        file: output.as_deref().map(|path| BytePath::from(path).to_text()),
        text: output.is_none().then_some(text.as_str()),
        without_value: &open,
    })?;
    if !open.is_empty() {
        context
            .output
            .note(&format!("to be given when it is activated or run: {}", open.join(", ")));
    }
    Ok(Exit::COMPLETE)
}

/// The id of the file system that a folder of this machine is on, where anything tells it.
fn id_here(location: &str) -> Option<String> {
    let folder = Some(location).filter(|location| location.starts_with('/'))?;
    Prover::from_environment().identify(folder).ok().flatten().map(|(id, _)| id)
}

fn recipe(args: Args) -> EfsBackup {
    let source_id = args.source_id.or_else(|| id_here(&args.source));
    let destination_id = args.destination_id.or_else(|| id_here(&args.destination));
    let mut recipe = EfsBackup::new(args.source, args.destination)
        .engine(args.engine)
        .period(args.period)
        .time_zone(args.timezone)
        .public_ip(args.instance.public_ip);
    let instance = args.instance;
    type Setter = fn(EfsBackup, String) -> EfsBackup;
    let given: [(Option<String>, Setter); 12] = [
        (source_id, EfsBackup::source_id),
        (destination_id, EfsBackup::destination_id),
        (args.terminate_after, EfsBackup::terminate_after),
        (args.notify, EfsBackup::notify),
        (args.log_uri, EfsBackup::log_uri),
        (instance.instance_type, EfsBackup::instance_type),
        (instance.image, EfsBackup::image),
        (instance.subnet, EfsBackup::subnet),
        (instance.security_group, EfsBackup::security_group),
        (instance.key_pair, EfsBackup::key_pair),
        (instance.role, EfsBackup::role),
        (instance.resource_role, EfsBackup::resource_role),
    ];
    for (value, set) in given {
        if let Some(value) = value {
            recipe = set(recipe, value);
        }
    }
    let keep = args.keep.retention();
    let rules = [
        (Keep::Last, keep.last),
        (Keep::Hourly, keep.hourly),
        (Keep::Daily, keep.daily),
        (Keep::Weekly, keep.weekly),
        (Keep::Monthly, keep.monthly),
        (Keep::Yearly, keep.yearly),
    ];
    let given = rules.into_iter().filter(|(_, count)| *count > 0);
    given.fold(recipe, |recipe, (rule, count)| recipe.keep(rule, count))
}

/// The parameters that activation or a run must give.
fn without_value(definition: &Definition) -> Vec<&str> {
    let known = |id: &str| definition.values.iter().any(|value| value.id == id);
    definition
        .parameters
        .iter()
        .filter(|parameter| parameter.attribute("default").is_none() && !known(&parameter.id))
        .map(|parameter| parameter.id.as_str())
        .collect()
}

fn engine(name: &str) -> std::result::Result<Engine, String> {
    Engine::from_name(name).ok_or_else(|| "the engines are efsbackup and rsync".to_owned())
}

/// The form that a file's ending stands for.
fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::CloudFormationYaml),
        "tf" => Some(Format::Terraform),
        _ => None,
    }
}
