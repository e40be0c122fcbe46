//! The `efsbackup` command: arguments → one call of the public API → output.
//!
//! One file a verb, with its `Args` and its `run`. A new verb is two lines here: its `mod`
//! and its line in `verbs!`. A verb writes through its `Context` only.

mod adopt;
mod alarm_args;
mod args;
mod backup;
mod cloud_args;
mod control;
mod convert;
mod definition_diff;
mod definition_file;
mod deploy;
mod diff;
mod draw;
mod exit;
mod fields;
mod filter_args;
mod history;
mod mark;
mod migrate;
mod mirror;
mod mirror_args;
mod mount;
mod new;
mod output;
mod pipeline;
mod progress_bar;
mod prune;
mod report;
mod repository_args;
mod resolve;
mod restore;
mod run;
mod runs;
mod serve;
mod service_args;
mod shard;
mod silence;
mod simulate;
mod snapshots;
mod stack;
mod stats;
mod supervise;
mod task_args;
mod unmount;
mod validate;
mod value_args;
mod verify;
mod worker;

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mount::{Mount, MountTable};
use args::Global;
use clap::Parser;
use exit::Exit;
use output::Output;
use progress_bar::ProgressBar;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use silence::Teller;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Declares the verbs, in the order of the help text: doc comment, name, file.
macro_rules! verbs {
    ($($(#[$doc:meta])+ $verb:ident => $module:ident;)+) => {
        #[derive(clap::Subcommand)]
        enum Verb {
            $($(#[$doc])+ $verb($module::Args),)+
        }

        impl Verb {
            fn run(self, context: &mut Context) -> Result<Exit> {
                match self {
                    $(Verb::$verb(args) => $module::run(args, context),)+
                }
            }
        }
    };
}

verbs! {
    /// Make the contents of DESTINATION equal those of SOURCE
    Mirror => mirror;
    /// Take a snapshot of SOURCE under ROOT
    Backup => backup;
    /// Take a snapshot with several machines, in steps that a scheduler starts
    Shard => shard;
    /// List the snapshots under ROOT
    Snapshots => snapshots;
    /// Copy a snapshot, or directories of it, to DESTINATION
    Restore => restore;
    /// Compare a snapshot with its manifest, or with its source
    Verify => verify;
    /// Make existing folders snapshots, copying nothing
    Adopt => adopt;
    /// Tell what changed since a snapshot
    Diff => diff;
    /// Tell when one path changed
    History => history;
    /// Remove the snapshots that nothing keeps
    Prune => prune;
    /// Mount an EFS file system, or any NFS export
    Mount => mount;
    /// Unmount directories
    Unmount => unmount;
    /// Write the marker that proves which file system DIR is
    Mark => mark;
    /// Run a pipeline definition on this machine
    Run => run;
    /// Offer the embedded service to the AWS CLI and boto3 on this machine
    Serve => serve;
    /// Take tasks of a service and run them on this machine
    Worker => worker;
    /// Write, check, compare and draw pipeline definitions; deploy pipelines and control them
    Pipeline => pipeline;
    /// Write the roles, topic, bucket, network and file system around a backup, or other runners
    Stack => stack;
}

/// Exact, fast, safe backups of Amazon EFS and other NFS file systems
#[derive(Parser)]
#[command(name = "efsbackup", version, propagate_version = true, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb is given.
pub(crate) struct Context {
    /// Where results, notes and errors go.
    pub(crate) output: Output,
    /// Set by Ctrl-C and SIGTERM; a second one ends the process at once.
    pub(crate) cancel: CancelToken,
    /// `-v`.
    pub(crate) verbose: bool,
    progress: args::Progress,
    teller: Teller,
}

impl Context {
    /// A progress bar on stderr, hidden where the user or the place wants none.
    pub(crate) fn progress_bar(&self) -> ProgressBar {
        ProgressBar::new(self.progress.wanted(&self.output), self.teller.clone())
    }
}

/// Runs the command with `arguments` (the program's name first) and returns its exit status.
///
/// Installs handlers for SIGINT and SIGTERM.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error, &arguments).status(),
    };
    let output = match Output::new(&cli.global) {
        Ok(output) => output,
        Err(error) => {
            let output = Output::without_log(&cli.global);
            output.error(&error);
            return output.finish(Exit::of(&error)).status();
        }
    };
    output.log_start(&arguments);
    let status = match cancel_on_signals() {
        Ok(cancel) => {
            let teller = Teller::new(output.clone());
            if cli.verb.works_on_trees() {
                teller.watch(&arguments);
            }
            let mut context = Context {
                output: output.clone(),
                teller: teller.clone(),
                cancel,
                verbose: cli.global.verbose,
                progress: cli.global.progress,
            };
            let status = cli.verb.run(&mut context);
            teller.end();
            status
        }
        Err(error) => Err(error),
    };
    let exit = status.unwrap_or_else(|error| {
        output.error(&error);
        Exit::of(&error)
    });
    output.finish(exit).status()
}

/// As [`main`], for the program `efsbackup` itself, which must be the running executable: where
/// NFS is mounted, or `--isolate` is given, what reads and writes trees works in a child
/// process, so that a second Ctrl-C always ends the command, also while the child waits for a
/// silent server in a way that no signal ends.
pub fn main_of_program(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let isolates = || {
        let cli = Cli::try_parse_from(&arguments).ok()?;
        let nfs = || MountTable::read().is_ok_and(|table| table.mounts.iter().any(Mount::is_nfs));
        (cli.verb.must_isolate() || (cli.verb.works_on_trees() && nfs())).then_some(())
    };
    if supervise::is_supervised() {
        supervise::raise_open_files();
        return main(arguments);
    }
    if isolates().is_none() {
        return main(arguments);
    }
    // Where no child can be had the command does without.
    supervise::supervise(&arguments).unwrap_or_else(|_| main(arguments))
}

impl Verb {
    fn must_isolate(&self) -> bool {
        match self {
            Verb::Mirror(args) => args.isolates(),
            Verb::Backup(args) => args.isolates(),
            Verb::Shard(args) => args.isolates(),
            Verb::Restore(args) => args.isolates(),
            _ => false,
        }
    }

    fn works_on_trees(&self) -> bool {
        matches!(
            self,
            Verb::Mirror(_)
                | Verb::Backup(_)
                | Verb::Shard(_)
                | Verb::Restore(_)
                | Verb::Verify(_)
                | Verb::Adopt(_)
                | Verb::Diff(_)
                | Verb::History(_)
                | Verb::Prune(_)
                | Verb::Mark(_)
                | Verb::Snapshots(_)
        )
    }
}

/// A token that the first SIGINT or SIGTERM cancels; the second ends the process. In a child
/// its parent hears the signals, and passes on that it is to stop.
fn cancel_on_signals() -> Result<CancelToken> {
    if supervise::is_supervised() {
        return supervise::cancel_by_parent();
    }
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let status = i32::from(Exit::CANCELLED.status());
        // The order counts: the shutdown looks at the flag before this signal sets it.
        flag::register_conditional_shutdown(signal, status, signalled.clone())
            .and_then(|_| flag::register(signal, signalled.clone()))
            .map_err(|error| Error::new(ErrorKind::Io, "signal").with_source(error))?;
    }
    Ok(CancelToken::from(signalled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
