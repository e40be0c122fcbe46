//! Engine and worker, each a process of its own, killed at random moments over a busy
//! schedule.

#![cfg(all(feature = "serve", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{Activate, CreatePipeline, PipelineService};
use efsbackup_core::engine::{AttemptSummary, Engine, RunSummary};
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::serve::{ServeOptions, Server};
use efsbackup_core::wire::{Keys, Remote};
use efsbackup_core::worker::{Worker, WorkerEvent, WorkerOptions};
use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the folder of the test, for the processes that it starts and kills.
const FOLDER: &str = "EFSBACKUP_CHAOS_FOLDER";
/// Says how many workers there were before this one; scripts have it too.
const GENERATION: &str = "EFSBACKUP_CHAOS_GENERATION";
/// How many times as fast as the machine's the clock runs: an interval takes 4.5 seconds, and a worker has
/// 0.6 to say that it has a task.
const FASTER: i32 = 200;
const PIPELINES: usize = 6;
const GROUP: &str = "chaos";

/// Notes its beginning and its end, and leaves a process with a session of its own behind.
const SCRIPT: &str = r#"
echo "$EFSBACKUP_PIPELINE_ID $EFSBACKUP_ATTEMPT_ID begun" >> "$1"
(setsid sleep 1000 &)
sleep "0.$((RANDOM % 20 + 10))"
echo "$EFSBACKUP_PIPELINE_ID $EFSBACKUP_ATTEMPT_ID done" >> "$1"
"#;

/// Runs fast since some instant, in every process alike.
struct FastClock(jiff::Timestamp);

impl FastClock {
    fn of(folder: &Path) -> Arc<FastClock> {
        Arc::new(FastClock(fs::read_to_string(folder.join("clock")).unwrap().parse().unwrap()))
    }
}

impl Clock for FastClock {
    fn now(&self) -> jiff::Timestamp {
        self.0 + jiff::Timestamp::now().duration_since(self.0) * FASTER
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration / FASTER as u32);
    }
}

/// Every quarter of an hour `First`, and after it `Left` and `Right`.
fn definition(folder: &Path, end: Option<jiff::Timestamp>) -> Definition {
    let activity = |id: &str| {
        Object::new(id)
            .text("type", "ShellCommandActivity")
            .text("workerGroup", GROUP)
            .text("command", SCRIPT)
            .text("scriptArgument", folder.join("ran").to_str().unwrap())
            .text("maximumRetries", "5")
            .text("retryDelay", "2 minutes")
            .reference("onSuccess", "Told")
    };
    let mut schedule = Object::new("Often")
        .text("type", "Schedule")
        .text("startAt", "FIRST_ACTIVATION_DATE_TIME")
        .text("period", "15 minutes");
    if let Some(end) = end {
        schedule = schedule.text("endDateTime", end.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    }
    let default = Object::new("Default")
        .text("scheduleType", "cron")
        .text("failureAndRerunMode", "CASCADE")
        .reference("schedule", "Often");
    let told = Object::new("Told")
        .text("type", "SnsAlarm")
        .text("topicArn", "arn:aws:sns:us-east-1:1:t")
        .text("role", "r")
        .text("subject", "done")
        .text("message", "done");
    let (left, right) = (activity("Left"), activity("Right"));
    let after = |object: Object| object.reference("dependsOn", "First");
    Definition {
        objects: vec![default, schedule, told, activity("First"), after(left), after(right)],
        ..Definition::default()
    }
}

fn state(folder: &Path) -> Engine {
    Engine::open(&folder.join("state.db"), FastClock::of(folder)).unwrap()
}

/// Not a test of its own: the service.
#[test]
fn engine_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let engine = state(&folder);
    let address = fs::read_to_string(folder.join("address")).unwrap().parse().unwrap();
    let mut options = ServeOptions::new(Keys::from_file(&folder.join("keys")).unwrap());
    options.poll_time = Duration::from_secs(1);
    let server = Server::bind(address, options).unwrap();
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| server.run(&engine, &stop).unwrap());
        loop {
            engine.tick().unwrap();
            engine.deliver(&mut |told| told.append_to(&folder.join("told"))).unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

/// Not a test of its own: the worker.
#[test]
fn worker_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mark = format!("{GENERATION}={}", std::env::var(GENERATION).unwrap());
    let endpoint = format!("http://{}", fs::read_to_string(folder.join("address")).unwrap());
    let remote = Remote::new(&endpoint, Keys::from_file(&folder.join("keys")).unwrap()).unwrap();
    let mut options = WorkerOptions::new([GROUP], folder.join("logs"), folder.join("work"));
    options.tasks = 4;
    options.poll_interval = Duration::from_millis(100);
    options.heartbeat = Duration::from_secs(5 * 60);
    options.grace = Duration::from_millis(500);
    options.environment.push((FOLDER.into(), folder.clone().into()));
    options.environment.push((GENERATION.into(), std::env::var_os(GENERATION).unwrap()));
    let clock = FastClock::of(&folder);
    let mut cleaned = false;
    let mut step = |events: &[WorkerEvent]| {
        let waits = events.iter().any(|event| matches!(event, WorkerEvent::Unreachable { .. }));
        if !cleaned && !waits {
            cleaned = true;
            let mut left = marked(&folder);
            left.retain(|(generation, _)| generation.as_ref().is_some_and(|found| *found != mark));
            if !left.is_empty() {
                note(&folder.join("left"), &format!("{mark} found {left:?}"));
            }
        }
        ControlFlow::Continue(())
    };
    if let Err(error) = Worker::new(&remote, &*clock, options).run(&CancelToken::new(), &mut step) {
        note(&folder.join("gave-up"), &format!("{error:#}"));
    }
}

fn note(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{text}").unwrap();
}

/// The processes that the test has started, however indirectly, by the worker's
/// generation and the command. The test's own is not among them.
fn marked(folder: &Path) -> Vec<(Option<String>, String)> {
    let mark = format!("{FOLDER}={}", folder.to_str().unwrap());
    let text = |path: PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.split(|byte| *byte == 0).map(|part| part.escape_ascii().to_string()).collect()
    };
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let process = entry.unwrap().path();
        let variables: Vec<String> = text(process.join("environ"));
        if variables.contains(&mark) {
            let command: Vec<String> = text(process.join("cmdline"));
            let generation = variables.into_iter().find(|found| found.starts_with(GENERATION));
            found.push((generation, command.join(" ")));
        }
    }
    found
}

fn start_engine(folder: &Path) -> Child {
    command(folder, "engine_to_be_killed").spawn().unwrap()
}

fn start_worker(folder: &Path, generation: usize) -> Child {
    let mut command = command(folder, "worker_to_be_killed");
    command.env(GENERATION, generation.to_string()).spawn().unwrap()
}

fn command(folder: &Path, what: &str) -> Command {
    let errors = OpenOptions::new().create(true).append(true).open(folder.join("errors"));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", what])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(errors.unwrap());
    command
}

/// The two processes, and how often each was killed.
struct Victims {
    folder: PathBuf,
    engine: Child,
    worker: Child,
    engines: usize,
    workers: usize,
}

impl Victims {
    fn start(folder: &Path) -> Victims {
        Victims {
            folder: folder.to_owned(),
            engine: start_engine(folder),
            worker: start_worker(folder, 0),
            engines: 0,
            workers: 0,
        }
    }

    fn kill_engine(&mut self) {
        kill(&mut self.engine);
        self.engines += 1;
        self.engine = start_engine(&self.folder);
    }

    fn kill_worker(&mut self) {
        kill(&mut self.worker);
        self.workers += 1;
        self.worker = start_worker(&self.folder, self.workers);
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        for child in [&mut self.engine, &mut self.worker] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Kills a process that must not have ended by itself.
fn kill(child: &mut Child) {
    assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn no_run_is_lost_or_made_twice_however_often_engine_and_worker_are_killed() {
    let kills: usize = std::env::var("EFSBACKUP_KILLS").map_or(8, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("clock"), jiff::Timestamp::now().to_string()).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fs::write(folder.join("address"), free.to_string()).unwrap();
    Keys::create_file(&folder.join("keys")).unwrap();
    let pipelines = {
        let engine = state(folder);
        let create = |number: usize| {
            let request = CreatePipeline {
                name: format!("n{number}"),
                unique_id: "u".into(),
                ..CreatePipeline::default()
            };
            let id = pollster::block_on(engine.create_pipeline(&request)).unwrap();
            let put = pollster::block_on(engine.put_definition(&id, &definition(folder, None)));
            let findings = put.unwrap();
            assert!(!findings.errored, "{findings:?}");
            pollster::block_on(engine.activate(&id, &Activate::default())).unwrap();
            id
        };
        (0..PIPELINES).map(create).collect::<Vec<_>>()
    };
    let mut victims = Victims::start(folder);
    let mut random = fastrand::Rng::with_seed(7);
    while victims.engines < kills || victims.workers < kills {
        // Often enough to meet every step, seldom enough to let runs end.
        std::thread::sleep(Duration::from_millis(random.u64(1..600)));
        match random.u8(0..5) {
            0 | 1 => victims.kill_engine(),
            2 | 3 => victims.kill_worker(),
            _ => {
                victims.kill_engine();
                victims.kill_worker();
            }
        }
    }
    // From now on nothing is killed, and what has begun must come to its end.
    let engine = state(folder);
    let end = FastClock::of(folder).now();
    for id in &pipelines {
        engine.replace_definition(id, &definition(folder, Some(end))).unwrap();
        pollster::block_on(engine.activate(id, &Activate::default())).unwrap();
    }
    let begun = Instant::now();
    let is_over = |id: &String| {
        let described = pollster::block_on(engine.describe_pipelines(std::slice::from_ref(id)));
        described.unwrap()[0].field("@pipelineState") == Some("FINISHED")
    };
    while !pipelines.iter().all(is_over) {
        assert!(begun.elapsed() < Duration::from_secs(300), "{:?}", engine.runs(&pipelines[0]));
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.deliver(&mut |told| told.append_to(&folder.join("told"))).unwrap();
    assert!(victims.worker.try_wait().unwrap().is_none(), "the worker ended by itself");
    let (engines, workers) = (victims.engines, victims.workers);
    drop(victims);
    for trace in ["left", "gave-up"] {
        assert_eq!(fs::read_to_string(folder.join(trace)).unwrap_or_default(), "", "{trace}");
    }
    // The last worker was killed too, idle: its supervisors were gone before.
    assert_eq!(marked(folder), [], "left running");
    let told = fs::read_to_string(folder.join("told")).unwrap();
    let ran = fs::read_to_string(folder.join("ran")).unwrap();
    let ran: Vec<&str> = ran.lines().collect();
    let once: HashSet<&str> = ran.iter().copied().collect();
    assert_eq!(once.len(), ran.len(), "an attempt ran twice");
    let mut sum = Sum::default();
    for id in &pipelines {
        sum.check(id, &engine.runs(id).unwrap(), &engine.attempts(id).unwrap(), &once, &told);
    }
    let begun = once.iter().filter(|line| line.ends_with(" begun")).count();
    assert_eq!(begun, sum.begun, "a script ran for an attempt that the store does not know");
    eprintln!(
        "{engines} engines and {workers} workers killed: {} runs, {} attempts, {} of them begun, \
         {} lost with their worker; {} runs finished, {} failed after 6 tries, {} passed over",
        sum.runs, sum.attempts, sum.begun, sum.lost, sum.finished, sum.failed, sum.passed_over
    );
    assert!(sum.lost > 0, "no kill met an attempt");
}

#[derive(Default)]
struct Sum {
    runs: usize,
    attempts: usize,
    begun: usize,
    lost: usize,
    finished: usize,
    failed: usize,
    passed_over: usize,
}

impl Sum {
    /// Holds what the store says of a pipeline against what its scripts have written.
    fn check(
        &mut self,
        pipeline: &str,
        runs: &[RunSummary],
        attempts: &[AttemptSummary],
        ran: &HashSet<&str>,
        told: &str,
    ) {
        let mut starts: HashMap<&str, Vec<jiff::Timestamp>> = HashMap::new();
        for run in runs {
            starts.entry(&run.component).or_default().push(run.scheduled_start);
        }
        let first = &starts["First"];
        for pair in first.windows(2) {
            assert_eq!(pair[1].duration_since(pair[0]).as_mins(), 15, "an interval is missing");
        }
        assert_eq!((&starts["Left"], &starts["Right"]), (first, first));
        let mut tries: HashMap<&str, Vec<&AttemptSummary>> = HashMap::new();
        for attempt in attempts {
            let line =
                |word: &str| ran.contains(format!("{pipeline} {} {word}", attempt.id).as_str());
            assert!(attempt.status != "FINISHED" || line("done"), "{attempt:?} was not run");
            assert!(attempt.start.is_some() || !line("begun"), "{attempt:?}");
            self.begun += usize::from(line("begun"));
            self.lost += usize::from(attempt.status == "FAILED");
            tries.entry(&attempt.instance).or_default().push(attempt);
        }
        self.attempts += attempts.len();
        self.runs += runs.len();
        for run in runs {
            let tries = tries.remove(run.id.as_str()).unwrap_or_default();
            let numbers: Vec<_> = tries.iter().map(|attempt| attempt.number).collect();
            assert_eq!(numbers, (1..=run.attempts).collect::<Vec<_>>(), "{run:?}");
            match run.status.as_str() {
                "FINISHED" => {
                    self.finished += 1;
                    let done = tries.iter().filter(|attempt| attempt.status == "FINISHED").count();
                    assert_eq!((done, tries.last().unwrap().status.as_str()), (1, "FINISHED"));
                    assert!(told.contains(&format!("\"node\":\"{}\"", run.id)), "{run:?} untold");
                }
                "FAILED" => {
                    self.failed += 1;
                    assert_eq!(run.attempts, 6, "{run:?}");
                }
                "CASCADE_FAILED" => self.passed_over += 1,
                _ => panic!("{run:?}"),
            }
        }
        assert!(tries.is_empty(), "attempts without a run: {tries:?}");
    }
}
