//! `efsbackup unmount`: unmount directories.

use super::Context;
use super::args::duration;
use super::exit::Exit;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::mount::{self, UnmountOptions};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the file systems are mounted
    #[arg(required = true)]
    dir: Vec<PathBuf>,
    /// Take a mount that stays busy, or whose server is silent, out of sight
    #[arg(long)]
    lazy: bool,
    /// How long a busy mount is waited for
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    timeout: Duration,
}

#[derive(Serialize)]
struct Document {
    unmounted: Vec<String>,
}

/// Goes through all directories; the first error is the result, the others are told.
pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let options = UnmountOptions { lazy: args.lazy, timeout: args.timeout };
    let mut unmounted = Vec::new();
    let mut first = None;
    for dir in args.dir {
        match mount::unmount(&dir, &options, &context.cancel) {
            Ok(()) => {
                let dir = BytePath::from(dir);
                context.output.note(&format!("{dir} is unmounted"));
                unmounted.push(dir.to_text());
            }
            Err(error) if first.is_none() => first = Some(error),
            Err(error) => context.output.warn(&format!("efsbackup: {error}")),
        }
    }
    match first {
        Some(error) => Err(error),
        None => {
            context.output.document(&Document { unmounted })?;
            Ok(Exit::COMPLETE)
        }
    }
}
