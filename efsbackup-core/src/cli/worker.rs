//! `efsbackup worker`: takes tasks of a service and runs them on this machine.

use super::Context;
use super::exit::Exit;
use super::run::command;
use super::service_args::ServiceArgs;
use super::task_args::TaskArgs;
use crate::clock::SystemClock;
use crate::engine::LOCAL_GROUP;
use crate::error::Result;
use crate::worker::{Worker, WorkerOptions};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// A worker group to take tasks of (repeatable)
    #[arg(long = "worker-group", value_name = "GROUP", required_unless_present = "resources")]
    groups: Vec<String>,
    /// Be the machine of all Ec2Resources: take the tasks that run on them
    #[arg(long)]
    resources: bool,
    /// Where logs go
    #[arg(long, value_name = "DIR", default_value = "efsbackup-logs")]
    log_dir: PathBuf,
    /// Where scripts and records of running attempts lie; local disk, this worker's own
    #[arg(long, value_name = "DIR", default_value = "efsbackup-work")]
    work_dir: PathBuf,
    #[command(flatten)]
    tasks: TaskArgs,
    /// Reach S3 (scripts, data nodes, preconditions, logs) with the AWS CLI's credentials
    #[arg(long)]
    s3: bool,
    /// The time between two reports of progress, in seconds; a cancel takes effect then
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    heartbeat: u64,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let service = args.service.open(context)?.until(&context.cancel);
    let mut groups = args.groups.clone();
    if args.resources {
        groups.push(LOCAL_GROUP.to_owned());
    }
    let mut options = WorkerOptions::new(groups, &args.log_dir, &args.work_dir);
    options.tasks = args.tasks.tasks;
    options.objects = args.service.session.objects(args.s3)?;
    options.log_limit = args.tasks.log_limit();
    options.run_as = args.tasks.run_as()?;
    options.heartbeat = Duration::from_secs(args.heartbeat.max(1));
    options.environment.extend(command());
    let output = context.output.clone();
    Worker::new(&service, &SystemClock, options).run(&context.cancel, &mut |events| {
        events.iter().for_each(|event| output.record(&event.into()));
        ControlFlow::Continue(())
    })?;
    output.note("stopped");
    Ok(Exit::COMPLETE)
}
