//! One snapshot, made by one process or by several: `tests/nfs/bench-shard.sh` runs it over a
//! latency. Prints the seconds of each step.
//!
//! `alone SOURCE ROOT JOBS`, or `shared SOURCE ROOT JOBS PROCESSES UNITS`

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::Jobs;
use efsbackup_core::shard::{Plan, PlanOptions, Unit};
use efsbackup_core::snapshot::{Backup, BackupOptions, BackupReport, CopiedUnit, Repository};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["alone", source, root, jobs] => alone(source, root, jobs),
        ["shared", source, root, jobs, processes, units] => {
            shared(source, root, jobs, processes.parse().unwrap(), units.parse().unwrap());
        }
        ["worker", source, root, jobs] => worker(source, root, jobs),
        // `cargo bench` has no server at hand.
        _ => println!(
            "usage: shard alone SOURCE ROOT JOBS | shared SOURCE ROOT JOBS PROCESSES UNITS"
        ),
    }
}

fn options(jobs: &str) -> BackupOptions {
    let mut options = BackupOptions::default();
    options.mirror.jobs = Jobs::Count(jobs.parse().unwrap());
    options
}

fn repository(root: &str) -> Repository {
    Repository::new(root, "bench").unwrap()
}

fn job<'r>(repository: &'r Repository, source: &str, jobs: &str) -> Backup<'r> {
    repository.backup(source).options(options(jobs))
}

fn check(done: BackupReport) {
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
}

fn alone(source: &str, root: &str, jobs: &str) {
    let clock = Instant::now();
    check(job(&repository(root), source, jobs).run().unwrap());
    println!("all {:.2}", clock.elapsed().as_secs_f64());
}

fn shared(source: &str, root: &str, jobs: &str, processes: usize, units: usize) {
    let clock = Instant::now();
    let repository = repository(root);
    let begun = job(&repository, source, jobs).begin().unwrap();
    let begin = clock.elapsed();
    let mut how = PlanOptions::default();
    how.units = units;
    let copying = options(jobs).mirror;
    let plan = Plan::new(&begun, source, &copying, &how, &CancelToken::new()).unwrap();
    let planned = clock.elapsed();
    let copied = copy_all(&plan, processes, [source, root, jobs]);
    let copying = clock.elapsed();
    check(job(&repository, source, jobs).finish(begun, &copied).unwrap());
    let all = clock.elapsed();
    let seconds = [begin, planned - begin, copying - planned, all - copying, all];
    let [begin, planned, copying, finish, all] = seconds.map(|took| took.as_secs_f64());
    println!(
        "begin {begin:.2} plan {planned:.2} units {copying:.2} finish {finish:.2} all {all:.2}"
    );
}

/// Has processes copy the units: each takes the next one when it is done.
fn copy_all(plan: &Plan, processes: usize, arguments: [&str; 3]) -> Vec<CopiedUnit> {
    let units = Mutex::new(plan.units.iter());
    let copied = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..processes {
            scope.spawn(|| {
                let mut worker = Command::new(std::env::current_exe().unwrap())
                    .arg("worker")
                    .args(arguments)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let mut to = worker.stdin.take().unwrap();
                let mut from = BufReader::new(worker.stdout.take().unwrap()).lines();
                let next = || units.lock().unwrap().next();
                while let Some(unit) = next() {
                    let task = serde_json::to_string(&(&plan.run, unit)).unwrap();
                    writeln!(to, "{task}").unwrap();
                    let line = from.next().unwrap().unwrap();
                    copied.lock().unwrap().push(serde_json::from_str(&line).unwrap());
                }
                drop(to);
                assert!(worker.wait().unwrap().success());
            });
        }
    });
    copied.into_inner().unwrap()
}

/// Copies the units that its input names, a line each.
fn worker(source: &str, root: &str, jobs: &str) {
    let repository = repository(root);
    for line in std::io::stdin().lines() {
        let (run, unit): (_, Unit) = serde_json::from_str(&line.unwrap()).unwrap();
        let copied = job(&repository, source, jobs).unit(&run, &unit.range).unwrap();
        println!("{}", serde_json::to_string(&copied).unwrap());
    }
}
