//! A shared run that is left in its repository between processes that a scheduler starts.

#![cfg(feature = "shard")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::repository::{at, folders, repository};
use common::{Scratch, assert_same, file};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Fsync, Options};
use efsbackup_core::shard::{Plan, PlanOptions};
use efsbackup_core::snapshot::{Backup, BackupOptions, BackupReport, Repository, State};
use efsbackup_core::{ErrorKind, Result};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// One step of the run `run`, which leaves durability to the machine: tests kill none.
fn step<'r>(repository: &'r Repository, source: &Path, run: &str) -> Backup<'r> {
    let mut options = BackupOptions::default();
    options.mirror.fsync = Fsync::None;
    options.run_id = Some(run.to_owned());
    options.lease = Duration::from_secs(1);
    repository.backup(source).options(options)
}

fn plan(source: &Path, root: &Path, run: &str, patience: Duration) -> Plan {
    let repository = repository(root);
    let begun = step(&repository, source, run).begin().unwrap();
    let mut how = PlanOptions::default();
    how.units = 5;
    let plan = Plan::new(&begun, source, &Options::default(), &how, &CancelToken::new()).unwrap();
    plan.leave(begun, &repository, patience).unwrap()
}

/// Copies what is left of a node's units; how many they were.
fn node(source: &Path, root: &Path, run: &str, node: usize) -> Result<usize> {
    let repository = repository(root);
    let plan = Plan::of_run(&repository, run)?;
    let mut copied = 0;
    for (number, unit) in plan.of_node(node, 2)? {
        if plan.copied(&repository, number)?.is_none() {
            let done = step(&repository, source, run).unit(&plan.run, &unit.range)?;
            plan.keep(&repository, number, &done)?;
            copied += 1;
        }
    }
    Ok(copied)
}

fn finish(source: &Path, root: &Path, run: &str) -> Result<BackupReport> {
    let repository = repository(root);
    let plan = Plan::of_run(&repository, run)?;
    let copied = plan.all_copied(&repository)?;
    let begun = step(&repository, source, run).join(&plan.run)?;
    step(&repository, source, run).finish(begun, &copied)
}

/// What is in the control folder, but for its fixed parts.
fn control(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(repository(root).path().join(".efsbackup")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let fixed = ["format", "lock", "snapshots", "nothing-to-keep"];
    let mut names: Vec<_> = names.filter(|name| !fixed.contains(&name.as_str())).collect();
    names.sort();
    names
}

#[test]
fn steps_make_the_snapshot_that_one_process_makes_and_leave_nothing() {
    let scratch = Scratch::new();
    let mut random = Random::new(7, &scratch.path(""));
    let source = scratch.build("source", &random.tree(12, 3));
    let root = scratch.path("root");
    for run in ["first", "second"] {
        plan(&source, &root, run, HOUR);
        for number in [2, 1] {
            assert!(node(&source, &root, run, number).unwrap() > 0);
        }
        let done = finish(&source, &root, run).unwrap();
        assert!(done.left_over.is_empty(), "{:?}", done.left_over);
        let snapshot = done.snapshot.unwrap();
        assert_eq!(snapshot.state, State::Complete);
        assert_same(&source, &at(&root, &snapshot.id));
        let verified = repository(&root).verify(&snapshot.id).run().unwrap();
        assert!(verified.is_good(), "{:?}", verified.differences);
        assert_eq!(control(&root), [""; 0]);
        random.edit(&source, 10);
    }
    assert_eq!(folders(&root).len(), 2);
}

#[test]
fn nothing_is_published_while_a_node_has_not_copied_and_its_retry_copies_the_rest() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &Random::new(8, &scratch.path("")).tree(12, 3));
    let root = scratch.path("root");
    let plan = plan(&source, &root, "run", HOUR);
    let firsts = node(&source, &root, "run", 1).unwrap();
    let error = finish(&source, &root, "run").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    let left = plan.units.len() - firsts;
    assert!(error.message().starts_with(&format!("{left} of ")), "{error}");
    assert!(repository(&root).snapshots().unwrap().is_empty());
    assert_eq!(node(&source, &root, "run", 1).unwrap(), 0, "copied twice");
    assert_eq!(node(&source, &root, "run", 2).unwrap(), left);
    let snapshot = finish(&source, &root, "run").unwrap().snapshot.unwrap();
    assert_same(&source, &at(&root, &snapshot.id));
    let over = finish(&source, &root, "run").unwrap_err();
    assert_eq!(over.kind(), ErrorKind::SafetyStop);
    assert_eq!(folders(&root), [snapshot.id]);
}

#[test]
fn between_its_steps_the_run_holds_the_repository_but_not_for_ever() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("a"), "b" => file("b") });
    let root = scratch.path("root");
    let patience = Duration::from_secs(3);
    plan(&source, &root, "run", patience);
    let started = Instant::now();
    // Another run waits until nothing was heard of this one for so long.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| step(&repository(&root), &source, "other").run());
        std::thread::sleep(patience / 2);
        node(&source, &root, "run", 1).unwrap();
        let refused = other.join().unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::SafetyStop, "{refused}");
        assert!(refused.message().contains("run run ("), "{refused}");
    });
    step(&repository(&root), &source, "other").run().unwrap();
    assert!(started.elapsed() > patience);
    for error in [
        node(&source, &root, "run", 2).map(drop).unwrap_err(),
        finish(&source, &root, "run").map(drop).unwrap_err(),
    ] {
        assert!([ErrorKind::SafetyStop, ErrorKind::Incomplete].contains(&error.kind()), "{error}");
    }
    assert_eq!(folders(&root).len(), 1);
    assert_eq!(control(&root), [""; 0]);
}

#[test]
fn a_plan_made_again_takes_the_place_of_the_first() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &Random::new(9, &scratch.path("")).tree(12, 2));
    let root = scratch.path("root");
    let first = plan(&source, &root, "run", HOUR);
    node(&source, &root, "run", 1).unwrap();
    plan(&source, &root, "run", HOUR);
    // A node that still works by the first plan is told.
    let unit = &first.units[1];
    let repository = repository(&root);
    let error = step(&repository, &source, "run").unit(&first.run, &unit.range).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    for number in [1, 2] {
        assert!(node(&source, &root, "run", number).unwrap() > 0);
    }
    let snapshot = finish(&source, &root, "run").unwrap().snapshot.unwrap();
    assert_same(&source, &at(&root, &snapshot.id));
    assert_eq!(folders(&root), [snapshot.id]);
    assert_eq!(control(&root), [""; 0]);
}
