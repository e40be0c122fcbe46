//! `efsbackup mark`: write the identity marker.

use super::Context;
use super::exit::Exit;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::mount;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the file system is mounted
    dir: PathBuf,
    /// The file system's id
    #[arg(long, value_name = "FS-ID")]
    id: String,
}

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    mount_point: String,
    mounted: String,
    fs_type: String,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let marked = mount::mark(&args.dir, &args.id)?;
    context.output.document(&Document {
        id: &args.id,
        mount_point: marked.mount_point.to_text(),
        mounted: marked.source.to_text(),
        fs_type: marked.fs_type.to_text(),
    })?;
    context.output.note(&format!(
        "{} is marked as {}: {} ({}) mounted at {}",
        BytePath::from(args.dir),
        args.id,
        marked.source,
        marked.fs_type,
        marked.mount_point
    ));
    if !marked.is_nfs() {
        context.output.warn(
            "efsbackup: this is no NFS mount; if it should be one, remove the marker and mount it",
        );
    }
    Ok(Exit::COMPLETE)
}
