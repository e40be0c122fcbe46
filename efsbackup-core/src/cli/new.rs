//! `efsbackup pipeline new`: write the pipeline that backs a file system up.

use super::Context;
use super::definition_file::{format, format_of};
use super::exit::Exit;
use super::repository_args::KeepArgs;
use crate::bytepath::BytePath;
use crate::engine::missing_values;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{self, Format};
use crate::mount::Prover;
use crate::pipeline::Definition;
use crate::recipe::{EfsBackup, Engine, Keep, RestoreTo, ScheduleType};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A spec in TOML; what is given here besides counts in place of what it says
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// What is backed up: HOST:/PATH, mounted by NFS, or an absolute path, used as it is
    #[arg(long, value_name = "HOST:/PATH", required_unless_present = "spec")]
    source: Option<String>,
    /// Where the snapshots go: HOST:/PATH or an absolute path
    #[arg(long, value_name = "HOST:/PATH", required_unless_present = "spec")]
    destination: Option<String>,
    /// The source's file system (default: as its EFS host name tells, or a folder's marker)
    #[arg(long, value_name = "FS-ID")]
    source_id: Option<String>,
    /// The destination's file system (default: likewise)
    #[arg(long, value_name = "FS-ID")]
    destination_id: Option<String>,
    /// What takes the snapshots on the instance: efsbackup (the default) or rsync
    #[arg(long, value_name = "ENGINE", value_parser = engine)]
    engine: Option<Engine>,
    /// Time between two backups (default: 1 hours)
    #[arg(long)]
    period: Option<String>,
    /// When runs begin: cron, at the beginning of each period (the default), timeseries, at its
    /// end, or ondemand, once for each activation
    #[arg(long, value_name = "TYPE", value_parser = schedule_type)]
    schedule_type: Option<ScheduleType>,
    /// When the first run begins, YYYY-MM-DDTHH:MM:SS in UTC (default: at the first activation)
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Where snapshots' names take the time of day from (default: UTC)
    #[arg(long, value_name = "TZ")]
    timezone: Option<String>,
    /// How long an instance may live (default: the period, but a day at most)
    #[arg(long, value_name = "PERIOD")]
    terminate_after: Option<String>,
    /// How many attempts follow a failed one, 0 to 5 (default: the service's 3)
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// How many instances share the work, 1 to 24 (default: 1)
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,
    /// Write the pipeline of a restore instead: to this new folder below the source
    #[arg(long, value_name = "FOLDER", conflicts_with = "restore_in_place")]
    restore: Option<String>,
    /// Write the pipeline of a restore instead: over what is in the source
    #[arg(long)]
    restore_in_place: bool,
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
    /// Take a spot instance, at up to this price in dollars an hour
    #[arg(long, value_name = "DOLLARS")]
    spot_price: Option<String>,
    /// Subnet
    #[arg(long, value_name = "SUBNET")]
    subnet: Option<String>,
    /// Security group, which both file systems' mount targets let in (repeatable)
    #[arg(long, value_name = "GROUP")]
    security_group: Vec<String>,
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
    /// Encrypt what goes to and from both file systems (needs amazon-efs-utils)
    #[arg(long)]
    tls: bool,
    /// Sign in to both file systems with the instance's role (needs --tls)
    #[arg(long)]
    iam: bool,
    /// Where the instance fetches efsbackup from: s3://BUCKET/KEY (default: the image has it)
    #[arg(long, value_name = "S3-URI", requires = "program_sha256")]
    program: Option<String>,
    /// The SHA-256 that it must have
    #[arg(long, value_name = "HEX", requires = "program")]
    program_sha256: Option<String>,
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
    let restore = match (&args.restore, args.restore_in_place) {
        (Some(folder), _) => Some(RestoreTo::new(folder)),
        (None, true) => Some(RestoreTo::in_place()),
        (None, false) => None,
    };
    let recipe = recipe(args)?;
    let mut definition = match restore {
        Some(to) => recipe.restore_definition(&to)?,
        None => recipe.definition()?,
    };
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
    let here = missing_values(&definition)?;
    let (here, on_aws): (Vec<&str>, Vec<&str>) =
        open.iter().partition(|id| here.iter().any(|here| here == *id));
    for (when, ids) in [
        ("when it is activated or run", here),
        ("when it is activated, but not for `efsbackup run`", on_aws),
    ] {
        if !ids.is_empty() {
            context.output.note(&format!("to be given {when}: {}", ids.join(", ")));
        }
    }
    Ok(Exit::COMPLETE)
}

/// The id of the file system that a folder of this machine is on, where anything tells it.
fn id_here(location: &str) -> Option<String> {
    let folder = Some(location).filter(|location| location.starts_with('/'))?;
    Prover::from_environment().identify(folder).ok().flatten().map(|(id, _)| id)
}

/// Reads a spec.
pub(crate) fn read_spec(path: &Path) -> Result<EfsBackup> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::from_io("read", error).with_path(path))?;
    EfsBackup::from_toml(&text).map_err(|error| error.with_path(path))
}

fn recipe(args: Args) -> Result<EfsBackup> {
    let source_id = args.source_id.or_else(|| id_here(args.source.as_deref()?));
    let destination_id = args.destination_id.or_else(|| id_here(args.destination.as_deref()?));
    let mut recipe = match (&args.spec, &args.source, &args.destination) {
        (Some(path), ..) => read_spec(path)?,
        (None, Some(source), Some(destination)) => EfsBackup::new(source, destination),
        // The arguments' own rules leave no other case.
        (None, ..) => return Err(Error::new(ErrorKind::InvalidInput, "pipeline new")),
    };
    let instance = args.instance;
    type Setter = fn(EfsBackup, String) -> EfsBackup;
    let given: [(Option<String>, Setter); 17] = [
        (args.source, EfsBackup::with_source),
        (args.destination, EfsBackup::with_destination),
        (source_id, EfsBackup::source_id),
        (destination_id, EfsBackup::destination_id),
        (args.period, EfsBackup::period),
        (args.start, EfsBackup::start),
        (args.timezone, EfsBackup::time_zone),
        (args.terminate_after, EfsBackup::terminate_after),
        (args.notify, EfsBackup::notify),
        (args.log_uri, EfsBackup::log_uri),
        (instance.instance_type, EfsBackup::instance_type),
        (instance.image, EfsBackup::image),
        (instance.spot_price, EfsBackup::spot_price),
        (instance.subnet, EfsBackup::subnet),
        (instance.key_pair, EfsBackup::key_pair),
        (instance.role, EfsBackup::role),
        (instance.resource_role, EfsBackup::resource_role),
    ];
    for (value, set) in given {
        if let Some(value) = value {
            recipe = set(recipe, value);
        }
    }
    let apply =
        |recipe: EfsBackup, wanted: bool, set: fn(EfsBackup, bool) -> EfsBackup| match wanted {
            true => set(recipe, true),
            false => recipe,
        };
    recipe = apply(recipe, instance.public_ip, EfsBackup::public_ip);
    recipe = apply(recipe, instance.tls, EfsBackup::tls);
    recipe = apply(recipe, instance.iam, EfsBackup::iam);
    if !instance.security_group.is_empty() {
        recipe = recipe.without_security_groups();
    }
    recipe = instance.security_group.into_iter().fold(recipe, EfsBackup::security_group);
    if let (Some(uri), Some(sha256)) = (instance.program, instance.program_sha256) {
        recipe = recipe.program(uri, sha256);
    }
    if let Some(engine) = args.engine {
        recipe = recipe.engine(engine);
    }
    if let Some(schedule_type) = args.schedule_type {
        recipe = recipe.schedule_type(schedule_type);
    }
    if let Some(retries) = args.retries {
        recipe = recipe.retries(retries);
    }
    if let Some(nodes) = args.nodes {
        recipe = recipe.nodes(nodes);
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
    Ok(given.fold(recipe, |recipe, (rule, count)| recipe.keep(rule, count)))
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

fn schedule_type(name: &str) -> std::result::Result<ScheduleType, String> {
    let known = [ScheduleType::Cron, ScheduleType::Timeseries, ScheduleType::Ondemand];
    let found = known.into_iter().find(|known| known.name() == name);
    found.ok_or_else(|| "the types are cron, timeseries and ondemand".to_owned())
}

fn engine(name: &str) -> std::result::Result<Engine, String> {
    Engine::from_name(name).ok_or_else(|| "the engines are efsbackup and rsync".to_owned())
}
