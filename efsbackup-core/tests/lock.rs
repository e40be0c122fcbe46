//! One run at a time, and runs that are killed or put to sleep.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::crash::is_stopped;
use common::repository::{at, backup, child, folders, repository, try_backup};
use common::{Scratch, Tree, assert_same, dir, file, read};
use efsbackup_core::ErrorKind;
use efsbackup_core::clock::Clock;
use efsbackup_core::progress::Progress;
use efsbackup_core::snapshot::{BackupOptions, State};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    common::repository::run_as_child();
}

fn big_tree(version: u32) -> Tree {
    let files = |d: usize| {
        let names = (0..40).map(|f| format!("f{f}").into_bytes());
        Tree(names.map(|name| (name, file(format!("{version} of {d}")))).collect())
    };
    Tree((0..25).map(|d| (format!("d{d}").into_bytes(), dir(files(d)))).collect())
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The child's `.incomplete-…` folder once it holds at least `count` directories.
fn wait_for_incomplete(root: &Path, count: usize, child: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        let incomplete = folders(root).into_iter().find(|name| name.starts_with(".incomplete-"));
        if let Some(name) = incomplete
            && fs::read_dir(at(root, &name)).is_ok_and(|entries| entries.count() >= count)
        {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
    }
    panic!("the child does nothing");
}

#[test]
fn r14_a_second_run_is_refused_and_told_who_is_at_work() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.path("root");
    let mut second = None;
    let mut meanwhile = |_: &Progress| {
        if second.is_none() {
            let mut options = BackupOptions::default();
            options.lease = Duration::from_secs(1);
            second = Some(try_backup(&source, &root, options).unwrap_err());
        }
        ControlFlow::Continue(())
    };
    let mut options = BackupOptions::default();
    options.lease = Duration::from_secs(12);
    let first = repository(&root);
    let first = first.backup(&source).options(options).progress(&mut meanwhile).run().unwrap();
    let error = second.unwrap();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(folders(&root), [first.snapshot.unwrap().id]);
}

#[test]
fn r14_backups_of_one_run_share_the_repository_and_the_last_tidies_up() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &big_tree(1));
    let root = scratch.path("root");
    let (_, old) = backup(&source, &root);
    let options = |run_id: Option<&str>| {
        let mut options = BackupOptions::default();
        options.lease = Duration::from_secs(12);
        options.run_id = run_id.map(str::to_owned);
        options.retention.last = 2;
        options
    };
    let mut meanwhile = None;
    let mut others = |_: &Progress| {
        if meanwhile.is_none() {
            let second = try_backup(&source, &root, options(Some("shards"))).unwrap();
            meanwhile = Some((second, try_backup(&source, &root, options(None)).unwrap_err()));
        }
        ControlFlow::Continue(())
    };
    let repository = repository(&root);
    let first = repository.backup(&source).options(options(Some("shards"))).progress(&mut others);
    let first = first.run().unwrap();
    let (second, refused) = meanwhile.unwrap();
    assert_eq!(refused.kind(), ErrorKind::SafetyStop);
    assert!(refused.message().starts_with("run shards (process "), "{refused}");
    assert!(second.removed.is_empty() && second.left_over.len() == 1, "{:?}", second.left_over);
    assert_eq!((&first.removed, &first.left_over), (&vec![old.id], &vec![]));
    let mut ids = [&first, &second].map(|done| done.snapshot.clone().unwrap().id);
    ids.sort();
    assert_eq!(folders(&root), ids);
    for id in &ids {
        assert_same(&source, &at(&root, id));
        assert!(repository.verify(id).run().unwrap().is_good());
    }
    let control = fs::read_dir(repository.path().join(".efsbackup")).unwrap();
    assert_eq!(control.count(), 3, "format, lock and snapshots");
    let error = try_backup(&source, &root, options(Some("no/id"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// A clock that lets another run take the repository when it is asked for the time of
/// publishing: the last moment before a run looks at its lease.
struct Thief {
    asked: AtomicU32,
    control: PathBuf,
}

impl Clock for Thief {
    fn now(&self) -> Timestamp {
        if self.asked.fetch_add(1, Ordering::Relaxed) == 3 {
            let names = fs::read_dir(&self.control).unwrap().map(|entry| entry.unwrap().path());
            let is_lease = |path: &PathBuf| path.to_str().unwrap().contains("/lease-");
            names.filter(is_lease).for_each(|lease| fs::remove_file(lease).unwrap());
            fs::write(self.control.join("lease-thief"), "the lease of another run").unwrap();
        }
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[test]
fn r14_a_run_that_lost_the_repository_at_the_last_moment_publishes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let control = repository(&root).path().join(".efsbackup");
    let thief = Thief { asked: AtomicU32::new(0), control: control.clone() };
    let repository = repository(&root);
    let error = repository.backup(&source).clock(&thief).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(thief.asked.load(Ordering::Relaxed) >= 4);
    let found = folders(&root);
    assert!(found.len() == 2 && found[0].starts_with(".incomplete-"), "{found:?}");
    assert_eq!(repository.snapshots().unwrap(), [first]);
    let records = fs::read_dir(control.join("snapshots")).unwrap().count();
    assert_eq!(records, 3, "the record, the report and the manifest of the first only");
    let lease = fs::read(control.join("lease-thief")).unwrap();
    assert_eq!(lease, b"the lease of another run");
}

#[test]
fn r14_a_sleeping_run_loses_the_repository_and_harms_nothing_when_it_wakes() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &big_tree(1));
    let root = scratch.path("root");
    let lease = Duration::from_secs(1);
    let (_, first) = backup(&source, &root);
    for name in fs::read_dir(&source).unwrap() {
        fs::write(name.unwrap().path().join("f0"), "version two").unwrap();
    }
    let mut slept = 0;
    for progress in [1, 12, 25] {
        let of_run = || {
            let mut command = child(&source, &root, lease);
            command.env("RUN_ID", "shards");
            command
        };
        let mut sleeper = of_run().spawn().unwrap();
        if !wait_for_incomplete(&root, progress, &mut sleeper) {
            assert!(sleeper.wait().unwrap().success());
            continue;
        }
        signal(&sleeper, Signal::STOP);
        while !is_stopped(&sleeper) && sleeper.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Another of its run is not kept from its work, and holds the repository no longer.
        assert!(of_run().status().unwrap().success());
        let before = repository(&root).snapshots().unwrap().len();
        let mut options = BackupOptions::default();
        options.lease = lease;
        let done = try_backup(&source, &root, options).unwrap();
        let snapshot = done.snapshot.unwrap();
        assert_eq!(snapshot.state, State::Complete);
        let published = at(&root, &snapshot.id);
        let tree = format!("{:?}", read(&published));
        signal(&sleeper, Signal::CONT);
        let woke_well = sleeper.wait().unwrap().success();
        assert_eq!(tree, format!("{:?}", read(&published)), "the sleeper changed the snapshot");
        assert_same(&source, &published);
        let after = repository(&root).snapshots().unwrap();
        // It may have been stopped when all but its own name was done.
        assert_eq!(after.len(), before + 1 + usize::from(woke_well));
        for snapshot in after {
            let found = repository(&root).verify(&snapshot.id).run().unwrap();
            assert!(found.is_good(), "{}: {:?}", snapshot.id, found.differences);
        }
        slept += usize::from(!woke_well);
    }
    assert!(slept > 0, "no run was ever caught asleep");
    assert!(repository(&root).verify(&first.id).run().unwrap().is_good());
    let (_, last) = backup(&source, &root);
    assert!(folders(&root).iter().all(|name| !name.starts_with('.')), "{:?}", folders(&root));
    assert_same(&source, &at(&root, &last.id));
}

#[test]
fn r13_r16_what_a_killed_run_has_finished_is_linked_not_copied() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &big_tree(3));
    let root = scratch.path("root");
    loop {
        let mut run = child(&source, &root, Duration::from_secs(60)).spawn().unwrap();
        if wait_for_incomplete(&root, 15, &mut run) {
            signal(&run, Signal::KILL);
            run.wait().unwrap();
        }
        if !repository(&root).snapshots().unwrap().is_empty() {
            // It was faster than the signal.
            fs::remove_dir_all(&root).unwrap();
            continue;
        }
        break;
    }
    let left = folders(&root);
    assert!(left.len() == 1 && left[0].starts_with(".incomplete-"), "{left:?}");
    let (done, snapshot) = backup(&source, &root);
    assert!(done.report.entries.linked.file > 0, "{:?}", done.report.entries);
    assert_same(&source, &at(&root, &snapshot.id));
    assert_eq!(folders(&root), [snapshot.id]);
}

#[test]
fn r16_a_file_of_an_incomplete_tree_that_no_journal_lists_is_compared() {
    let scratch = Scratch::new();
    let entry = |content: &str| file(content).mtime(1_000_000, 0);
    let tree = |rotten: &str| tree! { "good" => entry("good"), "zeros" => entry(rotten) };
    let source = scratch.build("source", &tree("data"));
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    // As a loss of power leaves it: the right size and time, the wrong content.
    let left = repository(&root).path().join(".incomplete-20260101T000000Z-0123456789abcdef");
    common::build::build(&left, &tree("\0\0\0\0"));
    let gone = at(&root, &first.id);
    fs::rename(&gone, scratch.path("moved away")).unwrap();
    let (done, second) = backup(&source, &root);
    assert_same(&source, &at(&root, &second.id));
    assert_eq!(done.report.entries.linked.file, 1, "the good file is linked");
    assert_eq!(done.report.bytes.copied, 4, "the rotten one is not");
    assert_eq!(folders(&root), [second.id]);
}
