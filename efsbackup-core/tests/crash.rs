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
use common::repository::at;
use common::{Scratch, Tree, dir, fifo, file, hardlink, symlink};
use efsbackup_core::snapshot::State;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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
    at_each_call("killed before each call", 41, Fault::Kill);
}

#[test]
fn a_run_of_which_any_call_fails_leaves_only_whole_snapshots() {
    at_each_call("one EIO at each call", 79, |call| Fault::Fail(call, 1, Errno::IO.raw_os_error()));
}

#[test]
fn a_run_whose_disk_fails_from_any_call_on_leaves_only_whole_snapshots() {
    let errnos = [Errno::IO, Errno::NOSPC, Errno::ROFS];
    at_each_call("all calls fail from each call on", 83, |call| {
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
    let (wanted, mut rounds, mut killed, mut published) = (if soak() { 500 } else { 6 }, 0, 0, 0);
    while killed < wanted {
        assert!(rounds < 10 * wanted, "only {killed} of {rounds} runs could be killed");
        if rounds % 8 == 0 {
            let started = Instant::now();
            series.run_whole();
            typical = started.elapsed();
        }
        rounds += 1;
        random.edit(&source, 6);
        let mut run = series.command().spawn().unwrap();
        std::thread::sleep(typical * random.rng.u32(0..100) / 100);
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
}

/// Writes a new version of the files of `source` again and again, each at once, until told
/// to stop.
fn keep_writing(source: &Path, aside: &Path, stop: &AtomicBool) {
    let mut version = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        for number in 0..40 {
            version += 1;
            // Never twice the same length in a row.
            let content = version.to_le_bytes().repeat(64 + (version % 4000) as usize);
            fs::write(aside, content).unwrap();
            fs::rename(aside, source.join(format!("d{}/f{number}", number % 4))).unwrap();
        }
    }
}

/// Every file is full of one version.
fn assert_one_version_each(tree: &Path) {
    for dir in 0..4 {
        for entry in fs::read_dir(tree.join(format!("d{dir}"))).unwrap() {
            let path = entry.unwrap().path();
            let content = fs::read(&path).unwrap();
            let (words, rest) = content.as_chunks::<8>();
            assert!(rest.is_empty() && words.len() >= 64, "{path:?}: {} bytes", content.len());
            assert!(words.iter().all(|word| *word == words[0]), "{path:?} holds two versions");
            let version = u64::from_le_bytes(words[0]) as usize;
            assert_eq!(words.len(), 64 + version % 4000, "{path:?}");
        }
    }
}

#[test]
fn a_live_source_and_killed_runs_give_no_file_of_two_versions() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &Tree::default());
    (0..4).for_each(|dir| fs::create_dir(source.join(format!("d{dir}"))).unwrap());
    let (aside, stop) = (scratch.path("aside"), AtomicBool::new(false));
    let mut series = Series::new(&source, &scratch.path("root"));
    let mut rng = fastrand::Rng::with_seed(5);
    let (rounds, mut killed) = (if soak() { 300 } else { 12 }, 0);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| keep_writing(&source, &aside, &stop));
        let mut typical = Duration::from_millis(100);
        for round in 0..rounds {
            let started = Instant::now();
            let mut run = series.command().spawn().unwrap();
            if round % 3 > 0 {
                std::thread::sleep(typical * rng.u32(0..110) / 100);
                // It may have ended.
                let _ = run.kill();
            }
            let well = wait(&mut run).success();
            killed += u32::from(!well);
            if round % 3 == 0 {
                assert!(well, "a run that nobody killed failed");
                typical = started.elapsed();
            }
            let root = series.root.clone();
            series.check_each(|id, state, _| {
                assert_eq!(state, State::Complete, "{id}");
                assert_one_version_each(&at(&root, id));
            });
        }
    });
    series.run_whole();
    eprintln!("a live source: {killed} of {rounds} runs killed, {} published", series.published);
    assert!(killed > 0);
}

struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
