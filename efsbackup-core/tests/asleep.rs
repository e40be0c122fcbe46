//! A run is put to sleep before each of its steps, others publish meanwhile, and it wakes:
//! what is published stays as it is.

#![cfg(all(feature = "snapshot", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::crash::{Fault, Series, is_stopped, kind_of_call, soak, wait};
use common::{Scratch, Tree, dir, file, hardlink, symlink};
use jiff::SignedDuration;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    common::repository::run_as_child();
}

fn tree() -> Tree {
    tree! {
        "changes" => file("round 0"),
        "same" => file("same").mtime(1_000_000, 7),
        "d" => dir(tree! { "same too" => hardlink("same"), "link" => symlink("x") }),
    }
}

/// Whether the run was put to sleep; false once it has ended.
fn is_asleep(run: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
        if run.try_wait().unwrap().is_some() {
            return false;
        }
        if is_stopped(run) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("it neither sleeps nor ends");
}

struct Stage {
    scratch: Scratch,
    series: Series,
    round: u64,
}

impl Stage {
    fn new() -> Stage {
        let scratch = Scratch::new();
        let source = scratch.build("source", &tree());
        let mut series = Series::new(&source, &scratch.path("root"));
        // The least there is: the others wait for it each time.
        series.lease = Duration::from_secs(1);
        series.run_whole();
        series.run_whole();
        Stage { scratch, series, round: 0 }
    }

    /// The calls of a run that nothing disturbs.
    fn calls(&mut self) -> Vec<String> {
        let told = self.scratch.path("told");
        let mut command = self.series.command();
        Fault::Note.arm(command.env("JOBS", "1"), &told);
        assert!(wait(&mut command.spawn().unwrap()).success());
        self.series.check();
        fs::read_to_string(told).unwrap().lines().map(str::to_owned).collect()
    }

    /// Puts a run to sleep before the call `number`, has one or two others run meanwhile,
    /// and wakes it. Whether it was caught.
    fn round(&mut self, number: u64) -> bool {
        self.round += 1;
        fs::write(self.series.source.join("changes"), format!("{:08}", self.round)).unwrap();
        let told = self.scratch.path("told");
        let mut command = self.series.command();
        Fault::Stop(number).arm(command.env("JOBS", "1"), &told);
        let mut sleeper = command.spawn().unwrap();
        let caught = is_asleep(&mut sleeper);
        // All within one minute, so that they would take the same name.
        for _ in 0..1 + self.round % 2 {
            self.series.now -= SignedDuration::from_mins(1);
            let well = wait(&mut self.series.command().spawn().unwrap()).success();
            assert!(well, "a run was kept from its work by one that sleeps");
        }
        self.series.check();
        if caught {
            kill_process(Pid::from_child(&sleeper), Signal::CONT).unwrap();
        }
        wait(&mut sleeper);
        self.series.check();
        self.series.run_whole();
        caught
    }
}

#[test]
fn r14_a_run_asleep_before_any_of_its_steps_harms_nothing_when_it_wakes() {
    let calls = Stage::new().calls();
    // The protocol's own steps, and in the short form the most telling of those.
    let telling = ["linkat DATE.json", "renameat DATE", "renameat_with .incomplete-0-RUN"];
    let kinds: Vec<String> = calls.iter().map(|call| kind_of_call(call)).collect();
    let mut seen = BTreeSet::new();
    let mut numbers: Vec<usize> = (0..calls.len()).collect();
    if !soak() {
        numbers.retain(|at| telling.contains(&kinds[*at].as_str()) && seen.insert(&kinds[*at]));
        assert_eq!(numbers.len(), telling.len(), "{kinds:?}");
    }
    let todo = Mutex::new(numbers.into_iter());
    let done = Mutex::new((0, 0));
    // They mostly wait.
    std::thread::scope(|scope| {
        for _ in 0..if soak() { 6 } else { 3 } {
            scope.spawn(|| {
                let mut stage = Stage::new();
                while let Some(number) = { todo.lock().unwrap().next() } {
                    let told = |held| eprintln!("asleep before call {number}, {}", held);
                    let caught = {
                        let _told = OnPanic(|| told(&kinds[number]));
                        stage.round(number as u64)
                    };
                    let mut done = done.lock().unwrap();
                    done.0 += 1;
                    done.1 += u32::from(caught);
                }
            });
        }
    });
    let (rounds, caught) = *done.lock().unwrap();
    eprintln!("put to sleep {rounds} times, caught {caught}");
    assert!(caught > 0);
}

struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
