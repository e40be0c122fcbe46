//! What a busy service costs: 100 pipelines of 100 objects that run once a day, and 90 days
//! of history. Prints the time of a tick, the memory, the size of the state, the time of a
//! page of each kind, and how many signed requests a second are answered.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{
    Activate, CreatePipeline, PipelineService, PollForTask, Query, SetTaskStatus, Sphere, Tag,
    TaskStatus,
};
use efsbackup_core::engine::Engine;
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::serve::{ServeOptions, Server};
use efsbackup_core::wire::{Keys, Remote};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PIPELINES: usize = 100;
const OBJECTS: usize = 100;
const DAYS: i64 = 90;
const FIRST_DAY: &str = "2026-01-01";

/// A clock that stands still until it is set.
struct HandClock(Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += SignedDuration::try_from(duration).unwrap();
    }
}

fn main() {
    // The first day is made in memory; what is measured is on the disk of the temporary folder.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (made, path) = (memory.path().join("state.db"), folder.path().join("state.db"));
    let clock = Arc::new(HandClock(Mutex::new(format!("{FIRST_DAY}T00:00:00Z").parse().unwrap())));
    let engine = Engine::open(&made, clock.clone()).unwrap();
    let pipelines: Vec<String> = (0..PIPELINES).map(|number| deploy(&engine, number)).collect();
    work(&engine, &clock, 24).print("the first day, state in memory");
    drop(engine);
    repeat_first_day(&made, DAYS);
    std::fs::copy(&made, &path).unwrap();
    drop(memory);
    *clock.0.lock().unwrap() = clock.now() + SignedDuration::from_hours(24 * (DAYS - 1));
    let engine = Engine::open(&path, clock.clone()).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    println!(
        "{PIPELINES} pipelines, {OBJECTS} runs a day each, {DAYS} days of history: state of {} MB",
        size / 1_000_000
    );
    work(&engine, &clock, 3).print("3 hours after it, state on disk");
    pages(&engine, &pipelines[0]);
    pruning(&engine, &clock);
    println!("memory at its most, before requests: {} MiB", status("VmHWM:") / 1024);
    requests(&engine, folder.path(), &pipelines[0]);
    println!("memory at its most: {} MiB", status("VmHWM:") / 1024);
}

/// Each pipeline begins at its own minute of the work.
fn deploy(engine: &Engine, number: usize) -> String {
    let minute = number * 24 * 60 / PIPELINES;
    let start = format!("{FIRST_DAY}T{:02}:{:02}:00", minute / 60, minute % 60);
    let default = Object::new("Default")
        .text("scheduleType", "cron")
        .text("failureAndRerunMode", "CASCADE")
        .text("maxActiveInstances", "5")
        .reference("schedule", "Daily");
    let daily = Object::new("Daily")
        .text("type", "Schedule")
        .text("startDateTime", start)
        .text("period", "1 days");
    let machine = Object::new("Machine")
        .text("type", "Ec2Resource")
        .text("resourceRole", "r")
        .text("role", "r")
        .text("terminateAfter", "20 hours");
    let alarm = Object::new("Told")
        .text("type", "SnsAlarm")
        .text("topicArn", "arn:aws:sns:us-east-1:1:t")
        .text("role", "r")
        .text("subject", "#{node.name} failed")
        .text("message", "#{node.errorMessage}");
    let activities = (1..OBJECTS).map(|number| {
        let activity = Object::new(format!("Copy{number}"))
            .text("type", "ShellCommandActivity")
            .text("command", "cp -r \"$1\" \"$2\"")
            .text("scriptArgument", "/data/#{format(@scheduledStartTime, 'YYYY-MM-dd')}")
            .text("scriptArgument", "/backup")
            .text("attemptTimeout", "2 hours")
            .reference("onFail", "Told")
            .reference("runsOn", "Machine");
        // Chains of ten.
        match number % 10 {
            1 => activity,
            _ => activity.reference("dependsOn", format!("Copy{}", number - 1)),
        }
    });
    let mut objects = vec![default, daily, machine, alarm];
    objects.extend(activities);
    let definition = Definition { objects, ..Definition::default() };
    let request = CreatePipeline {
        name: format!("pipeline {number}"),
        unique_id: "u".into(),
        ..CreatePipeline::default()
    };
    let id = pollster::block_on(engine.create_pipeline(&request)).unwrap();
    let findings = pollster::block_on(engine.put_definition(&id, &definition)).unwrap();
    assert!(!findings.errored, "{findings:?}");
    pollster::block_on(engine.activate(&id, &Activate::default())).unwrap();
    id
}

/// Times of calls, in milliseconds.
#[derive(Default)]
struct Times {
    passed: Vec<f64>,
    /// What of them was spent on a processor.
    used: Vec<f64>,
}

impl Times {
    fn measure<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let (begin, used) = (Instant::now(), used_ms(ClockId::ThreadCPUTime));
        let result = call();
        self.passed.push(begin.elapsed().as_secs_f64() * 1e3);
        self.used.push(used_ms(ClockId::ThreadCPUTime) - used);
        result
    }

    /// Median, 99 of 100, most; then the same of the processor's time.
    fn text(&mut self) -> String {
        let [passed, used] = [&mut self.passed, &mut self.used].map(|times| {
            times.sort_by(f64::total_cmp);
            let at =
                |part: usize| times.get((times.len() - 1) * part / 100).copied().unwrap_or(0.0);
            format!("{:.2} / {:.2} / {:.2}", at(50), at(99), at(100))
        });
        format!("{passed} ms (processor {used})")
    }
}

struct Work {
    ticks: Times,
    polls: Times,
    reports: Times,
    runs: usize,
}

impl Work {
    fn print(mut self, when: &str) {
        println!(
            "{when}, {} runs; median / 99 of 100 / most:\n  tick {}\n  PollForTask {}\n  SetTaskStatus {}",
            self.runs,
            self.ticks.text(),
            self.polls.text(),
            self.reports.text()
        );
    }
}

/// Some hours, minute by minute, with a worker that is never idle for long.
fn work(engine: &Engine, clock: &HandClock, hours: u32) -> Work {
    let mut work = Work {
        ticks: Times::default(),
        polls: Times::default(),
        reports: Times::default(),
        runs: 0,
    };
    let poll = PollForTask {
        worker_group: efsbackup_core::engine::LOCAL_GROUP.into(),
        hostname: "h".into(),
    };
    for _ in 0..hours * 60 {
        work.ticks.measure(|| engine.tick()).unwrap();
        while let Some(task) =
            work.polls.measure(|| pollster::block_on(engine.poll_for_task(&poll))).unwrap()
        {
            pollster::block_on(engine.report_task_progress(&task.id, &[])).unwrap();
            let done = SetTaskStatus { task: task.id, status: TaskStatus::Finished, failure: None };
            work.reports.measure(|| pollster::block_on(engine.set_task_status(&done))).unwrap();
            work.runs += 1;
        }
        clock.sleep(Duration::from_secs(60));
    }
    work
}

/// Copies the rows of the first day, which the service has made, to the days after it.
fn repeat_first_day(path: &Path, days: i64) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
    for table in ["instance", "attempt"] {
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        let times = [
            "created",
            "scheduled_start",
            "scheduled_end",
            "due",
            "late_at",
            "actual_start",
            "actual_end",
            "creating",
            "not_before",
            "assigned",
            "reported",
            "ended",
        ];
        let copied: Vec<String> = columns
            .iter()
            .map(|column| match column.as_str() {
                name @ ("id" | "instance") => format!("replace({name}, '{FIRST_DAY}', ?2)"),
                name if times.contains(&name) => format!("{name} + ?1 * 86400000"),
                name => name.to_owned(),
            })
            .collect();
        let filter = if table == "instance" { "id" } else { "instance" };
        let query = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {filter} LIKE '%{FIRST_DAY}%'",
            columns.join(", "),
            copied.join(", ")
        );
        let first: jiff::civil::Date = FIRST_DAY.parse().unwrap();
        for day in 1..days {
            let date = first + jiff::Span::new().days(day);
            connection.execute(&query, (day, date.to_string())).unwrap();
        }
    }
}

fn pages(engine: &Engine, pipeline: &str) {
    for sphere in [Sphere::Instance, Sphere::Attempt] {
        let (mut queries, mut describes, mut marker) = (Times::default(), Times::default(), None);
        let mut count = 0;
        loop {
            let page = queries.measure(|| {
                let query = Query::default();
                let page = engine.query_objects(pipeline, sphere, &query, marker.as_deref(), None);
                pollster::block_on(page).unwrap()
            });
            count += page.items.len();
            describes.measure(|| {
                let described = engine.describe_objects(pipeline, &page.items, true, None);
                pollster::block_on(described).unwrap()
            });
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        println!(
            "{count} of {}, a page of 100: QueryObjects {}, DescribeObjects evaluated {}",
            sphere.name(),
            queries.text(),
            describes.text()
        );
    }
}

fn pruning(engine: &Engine, clock: &HandClock) {
    let before = clock.now() - SignedDuration::from_hours(24 * DAYS);
    let begin = Instant::now();
    let removed = engine.prune(before).unwrap();
    println!(
        "forgetting {removed} instances of a day: {:.0} ms",
        begin.elapsed().as_secs_f64() * 1e3
    );
}

/// A number of /proc/self/status, in KiB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Signs, connects and asks on several threads, on the same processors as the service.
fn requests(engine: &Engine, folder: &Path, pipeline: &str) {
    Keys::create_file(&folder.join("keys")).unwrap();
    let keys = Keys::from_file(&folder.join("keys")).unwrap();
    let mut options = ServeOptions::new(keys.clone());
    options.requests_per_second = u32::MAX;
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let remote = Remote::new(&format!("http://{}", server.address().unwrap()), keys).unwrap();
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| server.run(engine, &stop).unwrap());
        let ids = [pipeline.to_owned()];
        ask("DescribePipelines", || {
            drop(pollster::block_on(remote.describe_pipelines(&ids)).unwrap())
        });
        let query = Query::default();
        ask("QueryObjects of 100", || {
            let page = remote.query_objects(pipeline, Sphere::Instance, &query, None, None);
            drop(pollster::block_on(page).unwrap());
        });
        let tags = [Tag { key: "k".into(), value: "v".into() }];
        ask("AddTags, which writes", || {
            pollster::block_on(remote.add_tags(pipeline, &tags)).unwrap()
        });
        stop.cancel();
    });
}

fn ask(what: &str, call: impl Fn() + Sync) {
    const THREADS: usize = 4;
    const EACH: usize = 1_000;
    let begin = Instant::now();
    let processor = used_ms(ClockId::ProcessCPUTime);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|_| call()));
        }
    });
    let count = (THREADS * EACH) as f64;
    println!(
        "{what}: {:.0} signed requests a second, {:.2} ms of a processor each, client and service",
        count / begin.elapsed().as_secs_f64(),
        (used_ms(ClockId::ProcessCPUTime) - processor) / count
    );
}

/// What a clock of the processors' says, in milliseconds.
fn used_ms(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
