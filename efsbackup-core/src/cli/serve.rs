//! `efsbackup serve`: the embedded service on AWS's wire protocol, with a worker.

use super::Context;
use super::alarm_args::AlarmArgs;
use super::cloud_args::CloudArgs;
use super::exit::Exit;
use super::output::Output;
use super::run::command;
use super::service_args::KeyArgs;
use super::task_args::TaskArgs;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::clock::SystemClock;
use crate::engine::{Engine, LOCAL_GROUP, Notification};
use crate::error::{Error, ErrorKind, Result};
use crate::serve::{ServeOptions, Server};
use crate::wire::Keys;
use crate::worker::{Worker, WorkerOptions};
use jiff::{SignedDuration, Timestamp};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(500);

/// How long a task waits before it is told that no worker takes it.
const UNTAKEN: SignedDuration = SignedDuration::from_secs(5);

/// Between two prunings of the history.
const PRUNE: Duration = Duration::from_secs(60 * 60);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Keep the state in FILE, on a local disk
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    /// Make a new key in the file of --keys, where there is no such file yet
    #[arg(long, requires = "keys")]
    new_key: bool,
    /// Listen at this address of the machine's own; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4664")]
    listen: SocketAddr,
    /// Where logs and notifications go
    #[arg(long, value_name = "DIR", default_value = "efsbackup-logs")]
    log_dir: PathBuf,
    #[command(flatten)]
    tasks: TaskArgs,
    /// A worker group to take tasks of, beside those of Ec2Resources (repeatable)
    #[arg(long = "worker-group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Forget runs that ended more than N days ago
    #[arg(long, value_name = "N", default_value_t = 90)]
    keep_days: u32,
    #[command(flatten)]
    alarms: AlarmArgs,
    #[command(flatten)]
    cloud: CloudArgs,
    /// Answer at most N requests a second
    #[arg(long, value_name = "N", default_value_t = 2000)]
    rate: u32,
    /// Cut off clients that take longer than SECONDS for one request
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    request_time: u64,
    /// How long a poll waits for a task, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    poll_time: u64,
    /// Serve as root: whoever can sign runs commands as root
    #[arg(long)]
    allow_root: bool,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let is_other = args.tasks.run_as()?.is_some();
    if rustix::process::geteuid().is_root() && !args.allow_root && !is_other {
        return Err(Error::new(ErrorKind::SafetyStop, "serve").with_message(
            "whoever can sign runs commands as root here; say --run-as USER, serve as another user, or say --allow-root",
        ));
    }
    if let Some(path) = args.keys.keys.as_deref().filter(|path| args.new_key && !path.exists()) {
        Keys::create_file(path)?;
        context.output.note(&format!("made a key in {}", BytePath::from(path)));
    }
    let mut options = ServeOptions::new(args.keys.read()?);
    options.requests_per_second = args.rate;
    options.request_time = Duration::from_secs(args.request_time);
    options.poll_time = Duration::from_secs(args.poll_time);
    let alarms = args.alarms.read(&args.cloud)?;
    let engine = Engine::open(&args.state, Arc::new(SystemClock))?;
    let reaches_s3 = args.cloud.objects()?.is_some();
    let engine = if reaches_s3 { engine.with_s3() } else { engine };
    make_dir(&args.log_dir)?;
    let server = Server::bind(args.listen, options)?;
    context.output.line(format!("listening at http://{}", server.address()?));
    context.output.flush();
    let stop = CancelToken::new();
    let output = context.output.clone();
    let served = std::thread::scope(|scope| {
        let listening = scope.spawn(|| {
            let served = server.run(&engine, &stop);
            // Without its door the service is of no use.
            stop.cancel();
            served
        });
        let (problems, told) = channel();
        let telling = {
            let (alarms, engine, stop) = (&alarms, &engine, &stop);
            scope.spawn(move || alarms.run(engine, stop, &problems))
        };
        let worked = work(&args, &engine, &context.cancel, &stop, &output, &mut |file| {
            told.try_iter().for_each(|text| output.warn(&format!("warning: {text}")));
            engine.deliver_to(alarms.file_outlet(), file)
        });
        stop.cancel();
        // A panic there ends nothing else.
        let _ = telling.join();
        let served = listening.join().unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "serve").with_message("the listener panicked"))
        });
        worked.and(served)
    });
    served?;
    output.note("stopped");
    Ok(Exit::COMPLETE)
}

/// Gives each notification to a function, as an engine does.
type Deliver<'a> = dyn FnMut(&mut dyn FnMut(&Notification) -> Result<()>) -> Result<()> + 'a;

/// Does what is due, and the tasks that are this machine's.
fn work(
    args: &Args,
    engine: &Engine,
    cancel: &CancelToken,
    stop: &CancelToken,
    output: &Output,
    deliver: &mut Deliver<'_>,
) -> Result<()> {
    let notifications = args.log_dir.join("notifications.jsonl");
    let keep = SignedDuration::from_hours(24 * i64::from(args.keep_days));
    let mut looked: Option<Instant> = None;
    let mut pruned: Option<Instant> = None;
    let mut untaken = Untaken::new(args);
    let mut tell = || {
        deliver(&mut |notification| {
            notification.append_to(&notifications)?;
            output.note(&format!("notification: {}", notification.subject));
            Ok(())
        })
    };
    let mut step = || {
        if looked.is_none_or(|last| last.elapsed() >= TICK) {
            looked = Some(Instant::now());
            let mut done = engine.tick();
            if pruned.is_none_or(|last| last.elapsed() >= PRUNE) {
                pruned = Some(Instant::now());
                done = done.and_then(|()| engine.prune(Timestamp::now() - keep).map(drop));
            }
            let done = done.and_then(|()| tell()).and_then(|()| untaken.tell(engine, output));
            // A full disk may pass; what was not done is done by a later look.
            if let Err(error) = done {
                output.warn(&format!("warning: {error:#}"));
            }
        }
        if cancel.is_cancelled() {
            stop.cancel();
        }
    };
    let worked = if args.tasks.tasks == 0 {
        while !stop.is_cancelled() {
            step();
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    } else {
        Worker::new(engine, &SystemClock, worker_options(args)?).run(stop, &mut |events| {
            events.iter().for_each(|event| output.record(&event.into()));
            step();
            if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    // Who reads of the end of a run and stops the service then finds what it had to tell. What
    // can't be told now is kept, and told when it starts again.
    if let Err(error) = tell() {
        output.warn(&format!("warning: {error:#}"));
    }
    worked
}

/// Tasks of worker groups that this process takes none of: they wait, and nothing says why.
struct Untaken {
    /// The groups of which nothing, or nothing more, is to be told.
    known: Vec<String>,
}

impl Untaken {
    fn new(args: &Args) -> Untaken {
        Untaken { known: if args.tasks.tasks == 0 { Vec::new() } else { groups(args) } }
    }

    /// Tells of each group once: other machines' workers may come later, or be at work.
    fn tell(&mut self, engine: &Engine, output: &Output) -> Result<()> {
        let long_ago = Timestamp::now() - UNTAKEN;
        for waiting in engine.waiting_groups()? {
            if waiting.since > long_ago || self.known.contains(&waiting.group) {
                continue;
            }
            let (attempt, group) = (&waiting.attempt, &waiting.group);
            output.warn(&match group.as_str() {
                LOCAL_GROUP => format!(
                    "warning: {attempt} waits for a machine; `efsbackup worker --resources` is one"
                ),
                _ => format!(
                    "warning: {attempt} waits for a worker of the group {group:?}, of which none \
                     is here; start serve, or a worker, with --worker-group {group}"
                ),
            });
            self.known.push(waiting.group);
        }
        Ok(())
    }
}

fn groups(args: &Args) -> Vec<String> {
    let mut groups = vec![LOCAL_GROUP.to_owned()];
    groups.extend(args.groups.iter().cloned());
    groups
}

fn worker_options(args: &Args) -> Result<WorkerOptions> {
    let mut options = WorkerOptions::new(groups(args), &args.log_dir, work_dir(&args.state));
    options.tasks = args.tasks.tasks;
    options.objects = args.cloud.objects()?;
    options.log_limit = args.tasks.log_limit();
    options.run_as = args.tasks.run_as()?;
    options.heartbeat = Duration::from_secs(2);
    options.poll_interval = TICK;
    options.environment.extend(command());
    Ok(options)
}

/// Scripts and records of running attempts lie beside the state.
fn work_dir(state: &Path) -> PathBuf {
    let mut name = state.to_owned().into_os_string();
    name.push(".work");
    name.into()
}

fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .map_err(|error| Error::from_io("make log folder", error).with_path(path))
}
