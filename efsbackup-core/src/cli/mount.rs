//! `efsbackup mount`: mount an EFS file system, or any NFS export.

use super::Context;
use super::args::duration;
use super::exit::Exit;
use crate::error::Result;
use crate::mount::{self, MountOptions, Target};
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A file system's id (or FS-ID:/PATH), HOST:/PATH, or ADDRESS:/PATH
    source: String,
    /// The directory to mount it on
    dir: PathBuf,
    /// The file system's region (default: AWS_REGION)
    #[arg(long)]
    region: Option<String>,
    /// Use the mount target in this availability zone, such as eu-west-1b
    #[arg(long, value_name = "ZONE")]
    az: Option<String>,
    /// The mount target's address, for where no name resolves
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Mount through this access point (needs --tls)
    #[arg(long, value_name = "ID")]
    access_point: Option<String>,
    /// Encrypt in transit; needs amazon-efs-utils
    #[arg(long)]
    tls: bool,
    /// Sign in with this machine's IAM identity (needs --tls)
    #[arg(long)]
    iam: bool,
    /// Allow no writing
    #[arg(long)]
    read_only: bool,
    /// Give up after this time
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    /// More options, as after mount's -o (repeatable)
    #[arg(long, value_name = "LIST")]
    options: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    mount_point: String,
    mounted: String,
    fs_type: String,
    options: String,
    was_mounted: bool,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let target: Target = args.source.parse()?;
    let mut options = MountOptions::default();
    options.region = args.region;
    options.az = args.az;
    options.address = args.address;
    options.access_point = args.access_point;
    options.tls = args.tls;
    options.iam = args.iam;
    options.read_only = args.read_only;
    options.timeout = args.timeout;
    options.options = args.options;
    let guard = mount::mount(&target, &args.dir, &options, &context.cancel)?;
    if let Some(error) = guard.read_ahead_error() {
        context.output.warn(&format!("efsbackup: {error}; reading large files will be slower"));
    }
    let was_mounted = guard.was_mounted();
    let mounted = guard.keep();
    context.output.document(&Document {
        mount_point: mounted.mount_point.to_text(),
        mounted: mounted.source.to_text(),
        fs_type: mounted.fs_type.to_text(),
        options: mounted.options.to_text(),
        was_mounted,
    })?;
    let already = if was_mounted { " already" } else { "" };
    context
        .output
        .note(&format!("{} is mounted at {}{already}", mounted.source, mounted.mount_point));
    Ok(Exit::COMPLETE)
}
