//! Runs killed at random moments and before each of their steps, and runs whose calls fail:
//! whatever is left has only snapshots that are whole, and blocks nobody.
//!
//! `make soak-snapshots` runs the long forms.

#![cfg(all(feature = "snapshot", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::crash::{Fault, Series, kind_of_call, soak, wait};
use common::random::Random;
use common::{Scratch, Tree, dir, fifo, file, hardlink, symlink};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    common::repository::run_as_child();
}

/// One of each kind; `change` gives it something new to copy each time.
fn small_tree() -> Tree {
    tree! {
        "changes" => file("round 0"),
        "mode" => file("its mode changes"),
        "same" => file("same").mtime(1_000_000, 7).xattr("user.a", "b"),
        "group" => file("one file"),
        "d" => dir(tree! {
            "group too" => hardlink("group"),
            "link" => symlink("../same"),
            "pipe" => fifo(),
            "deep" => dir(tree! { "large" => file(vec![b'x'; 200_000]).mtime(2_000_000, 0) }),
        }),
    }
}

fn change(source: &Path, round: u64) {
    fs::write(source.join("changes"), format!("round {round:08}")).unwrap();
    let mode = fs::Permissions::from_mode(0o600 + (round % 8) as u32);
    fs::set_permissions(source.join("mode"), mode).unwrap();
}

/// A repository in which a run has everything to do: snapshots to link from and to remove,
/// and the tree of a run that was killed.
struct Stage {
    scratch: Scratch,
    series: Series,
    rounds: u64,
    /// The number of the call before which the first run of a round is killed.
    halfway: u64,
}

impl Stage {
    fn new() -> Stage {
        let scratch = Scratch::new();
        let source = scratch.build("source", &small_tree());
        let mut series = Series::new(&source, &scratch.path("root"));
        series.run_whole();
        series.run_whole();
        let mut stage = Stage { scratch, series, rounds: 0, halfway: u64::MAX };
        let calls = stage.run(Fault::Note).1;
        let publishes = calls.iter().position(|call| call.starts_with("renameat_with manifest-"));
        stage.halfway = publishes.unwrap() as u64 - 10;
        stage.series.check();
        stage
    }

    fn told(&self) -> PathBuf {
        self.scratch.path("told")
    }

    /// A run by one thread, so that its calls always come in the same order. Whether it
    /// ended well, and what it met.
    fn run(&mut self, fault: Fault) -> (bool, Vec<String>) {
        let told = self.told();
        let mut command = self.series.command();
        fault.arm(command.env("JOBS", "1"), &told);
        let well = wait(&mut command.spawn().unwrap()).success();
        let met = fs::read_to_string(told).unwrap_or_default();
        (well, met.lines().map(str::to_owned).collect())
    }

    /// Has a run killed halfway, then one that meets `fault`, and looks at what is left;
    /// then one that meets nothing. Gives what the second met.
    fn round(&mut self, fault: Fault) -> Vec<String> {
        self.rounds += 1;
        change(&self.series.source, self.rounds);
        let killed = self.run(Fault::Kill(self.halfway)).0;
        assert!(!killed);
        let (well, met) = self.run(fault);
        let _told = ToldOnPanic(format!("{fault:?} at {:?}, ended well: {well}", met.first()));
        self.series.check();
        self.series.run_whole();
        met
    }
}

/// Says what happened before something did not hold.
struct ToldOnPanic(String);

impl Drop for ToldOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {}", self.0);
        }
    }
}

/// The calls whose turn it is: all, or in the short form some, or those asked for, such as
/// `EFSBACKUP_CALLS=100..120`.
fn chosen(calls: usize, every: usize) -> Vec<usize> {
    let Ok(range) = std::env::var("EFSBACKUP_CALLS") else {
        return (0..calls).step_by(if soak() { 1 } else { every }).collect();
    };
    let (from, to) = range.split_once("..").unwrap();
    (from.parse().unwrap()..to.parse().unwrap()).collect()
}

/// Lets `fault` happen at each call of a run in turn, or in the short form at some of them.
fn at_each_call(what: &str, every: usize, fault: impl Fn(u64) -> Fault) {
    let mut stage = Stage::new();
    let calls = stage.round(Fault::Note);
    let all: BTreeSet<String> = calls.iter().map(|call| kind_of_call(call)).collect();
    assert!(calls.len() > 250 && all.len() > 70, "{} calls, {all:#?}", calls.len());
    let mut met = BTreeSet::new();
    for number in chosen(calls.len(), every) {
        for call in stage.round(fault(number as u64)).iter().take(1) {
            met.insert(kind_of_call(call));
        }
    }
    let rounds = stage.rounds;
    eprintln!("{what}: {rounds} rounds, {} of {} kinds of calls", met.len(), all.len());
    if soak() {
        eprintln!("met: {met:#?}\nmissed: {:?}", all.difference(&met).collect::<Vec<_>>());
    }
}

#[test]
fn a_run_killed_before_any_of_its_steps_leaves_only_whole_snapshots() {
    at_each_call("killed before each call", 29, Fault::Kill);
}

#[test]
fn a_run_of_which_any_call_fails_leaves_only_whole_snapshots() {
    at_each_call("one EIO at each call", 59, |call| Fault::Fail(call, 1, Errno::IO.raw_os_error()));
}

#[test]
fn a_run_whose_disk_fails_from_any_call_on_leaves_only_whole_snapshots() {
    let errnos = [Errno::IO, Errno::NOSPC, Errno::ROFS];
    at_each_call("all calls fail from each call on", 61, |call| {
        Fault::Fail(call, u64::MAX, errnos[call as usize % 3].raw_os_error())
    });
}

/// A random tree changes at random between the runs, and each run is killed at a random
/// moment.
#[test]
fn a_run_killed_at_any_moment_leaves_only_whole_snapshots() {
    let scratch = Scratch::new();
    let mut random = Random::new(4, &scratch.path(""));
    let source = scratch.build("source", &random.tree(12, 3));
    let mut series = Series::new(&source, &scratch.path("root"));
    let mut typical = Duration::ZERO;
    let (rounds, mut killed, mut published) = (if soak() { 600 } else { 25 }, 0, 0);
    for round in 0..rounds {
        if round % 8 == 0 {
            let started = Instant::now();
            series.run_whole();
            typical = started.elapsed();
        }
        random.edit(&source, 6);
        let mut run = series.command().spawn().unwrap();
        std::thread::sleep(typical * random.rng.u32(0..130) / 100);
        if run.try_wait().unwrap().is_none() {
            run.kill().unwrap();
        }
        let ended_well = wait(&mut run).success();
        killed += u32::from(!ended_well);
        let before = series.published;
        series.check();
        published += series.published - before;
    }
    series.run_whole();
    eprintln!("killed at random: {killed} of {rounds} runs; {published} runs published");
    assert!(killed * 4 > rounds, "only {killed} runs were killed");
}
