//! Adopting is killed before any of its steps: each folder is as it was or a snapshot, and the
//! next adoption of what is left ends well.
//!
//! `make soak-snapshots` kills at every step.

#![cfg(all(feature = "snapshot", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::compare::differences_of;
use common::crash::{Fault, faults_of_child, soak, wait};
use common::repository::{at, backup, folders, repository};
use common::{BytePath, Meta, Scratch, dir, file, hardlink, read, symlink};
use efsbackup_core::snapshot::State;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    let place = PathBuf::from(std::env::var_os("PLACE").expect("only run by other tests"));
    let _faults = faults_of_child();
    let root = place.join("root");
    let adopted = |id: &str| {
        let listed = repository(&root).snapshots().unwrap_or_default();
        listed.iter().any(|snapshot| snapshot.id == id && snapshot.state == State::Adopted)
    };
    let all = OLD.iter().zip(IDS).filter(|(_, id)| !adopted(id));
    let left: Vec<PathBuf> = all.map(|(old, _)| place.join(old)).collect();
    repository(&root).adopt(left).run().unwrap();
}

/// One folder elsewhere, and one that has its place and name already.
const OLD: [&str; 2] = ["old/2026-01-02", "root/fs-1/2026-01-03-00-00"];
const IDS: [&str; 2] = ["2026-01-02-00-00", "2026-01-03-00-00"];

/// The folders, which share a file as `cp -al` leaves them, and what each holds.
fn old_folders(scratch: &Scratch) -> [BTreeMap<BytePath, Meta>; 2] {
    for place in ["old", "root", "root/fs-1"] {
        fs::create_dir(scratch.path(place)).unwrap();
        fs::set_permissions(scratch.path(place), PermissionsExt::from_mode(0o700)).unwrap();
    }
    OLD.map(|old| {
        let tree = tree! {
            "own" => file(old), "d" => dir(tree! { "hard" => hardlink("own") }),
            "link" => symlink("own"),
        };
        let folder = scratch.build(old, &tree);
        fs::hard_link(scratch.path(OLD[0]).join("own"), folder.join("shared")).unwrap();
        read(&folder)
    })
}

/// Adopts what is left, as a process that meets `fault`; whether it ended well, and its calls.
fn adopt(scratch: &Scratch, fault: Option<Fault>) -> (bool, Vec<String>) {
    let told = scratch.path("told");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "child_run", "--test-threads=1"])
        .env("PLACE", scratch.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(fault) = fault {
        fault.arm(&mut command, &told);
    }
    let well = wait(&mut command.spawn().unwrap()).success();
    let met = fs::read_to_string(told).unwrap_or_default();
    (well, met.lines().map(str::to_owned).collect())
}

/// Each folder is where it was or a snapshot, and whole; how many were adopted.
fn check(scratch: &Scratch, held: &[BTreeMap<BytePath, Meta>; 2]) -> usize {
    let root = scratch.path("root");
    let listed = match repository(&root).path().join(".efsbackup/format").exists() {
        true => repository(&root).snapshots().unwrap(),
        false => Vec::new(),
    };
    let mut adopted = 0;
    for ((old, id), held) in OLD.iter().zip(IDS).zip(held) {
        let old = scratch.path(old);
        let now = if old.exists() { &old } else { &at(&root, id) };
        assert_eq!(differences_of(held, &read(now)), "", "{}", now.display());
        let state = listed.iter().find(|snapshot| snapshot.id == id).map(|found| found.state);
        adopted += usize::from(state == Some(State::Adopted));
        match state {
            Some(State::Adopted) => assert_eq!(*now, at(&root, id)),
            // Nothing says yet what it is.
            Some(State::Unknown) => assert!(old.starts_with(&root)),
            _ => assert!(old.exists()),
        }
    }
    adopted
}

#[test]
fn an_adoption_killed_before_any_of_its_steps_leaves_each_folder_as_it_was_or_adopted() {
    let calls = {
        let scratch = Scratch::new();
        let held = old_folders(&scratch);
        let (well, calls) = adopt(&scratch, Some(Fault::Note));
        assert!(well && check(&scratch, &held) == 2);
        calls.len()
    };
    assert!(calls > 100, "{calls} calls");
    let (mut killed, mut adopted) = (0, [0; 3]);
    for call in (0..calls).step_by(if soak() { 1 } else { 29 }) {
        let scratch = Scratch::new();
        let held = old_folders(&scratch);
        let (well, met) = adopt(&scratch, Some(Fault::Kill(call as u64)));
        killed += usize::from(!well);
        eprintln!("killed before call {call}: {:?}", met.first());
        adopted[check(&scratch, &held)] += 1;
        let (well, _) = adopt(&scratch, None);
        assert!(well, "what was left could not be adopted");
        assert_eq!(check(&scratch, &held), 2);
        // Nothing of it is left that a backup would stumble over, or leave.
        let source = scratch.build("source", &tree! { "f" => file("x") });
        let root = scratch.path("root");
        backup(&source, &root);
        for id in IDS {
            assert!(repository(&root).verify(id).run().unwrap().is_good(), "{id}");
        }
        assert_eq!(folders(&root).len(), 3);
        let control = repository(&root).path().join(".efsbackup");
        assert_eq!(fs::read_dir(&control).unwrap().count(), 3, "format, lock and snapshots");
        assert_eq!(fs::read_dir(control.join("snapshots")).unwrap().count(), 9, "three of each");
    }
    eprintln!("adopting: killed {killed} times, with {adopted:?} of 2 folders adopted by then");
    assert!(killed > 0);
}
