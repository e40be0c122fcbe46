//! Retention: what is removed, when, and what never is.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{Hands, at, backup_at, folders, repository, try_backup};
use common::{Scratch, assert_same, dir, file};
use efsbackup_core::ErrorKind;
use efsbackup_core::snapshot::{BackupOptions, Retention};
use std::fs;
use std::path::{Path, PathBuf};

const DAYS: [&str; 4] = [
    "2026-03-01T12:00:00Z",
    "2026-03-02T12:00:00Z",
    "2026-03-03T12:00:00Z",
    "2026-03-04T12:00:00Z",
];

/// A repository with a snapshot of each of four days, all sharing a file.
fn four_days() -> (Scratch, PathBuf, PathBuf, Hands) {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "d" => dir(tree! { "shared" => file("x") }) });
    let root = scratch.path("root");
    let clock = Hands::at(DAYS[0]);
    for day in DAYS {
        clock.set(day);
        backup_at(&source, &root, &clock, "UTC");
    }
    (scratch, source, root, clock)
}

fn records(root: &Path) -> Vec<String> {
    let records = repository(root).path().join(".efsbackup/snapshots");
    let mut names: Vec<String> = fs::read_dir(records)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn keep_last(last: u32) -> Retention {
    Retention { last, ..Retention::default() }
}

#[test]
fn what_nothing_keeps_goes_with_its_record_and_the_rest_is_untouched() {
    let (_scratch, source, root, _) = four_days();
    let repository = repository(&root);
    let planned = repository.prune(keep_last(2)).dry_run(true).run().unwrap();
    assert!(planned.removed.is_empty());
    assert_eq!(folders(&root).len(), 4);
    let done = repository.prune(keep_last(2)).run().unwrap();
    assert_eq!(done.decisions, planned.decisions);
    assert_eq!(done.removed, ["2026-03-01-12-00", "2026-03-02-12-00"]);
    assert_eq!(folders(&root), ["2026-03-03-12-00", "2026-03-04-12-00"]);
    assert_eq!(records(&root).len(), 6);
    assert_same(&source, &at(&root, "2026-03-03-12-00"));
    assert_same(&source, &at(&root, "2026-03-04-12-00"));
    let again = repository.prune(keep_last(2)).run().unwrap();
    assert!(again.removed.is_empty());
}

#[test]
fn nothing_to_keep_is_no_order_to_remove_all() {
    let (_scratch, _, root, _) = four_days();
    let error = repository(&root).prune(Retention::default()).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(folders(&root).len(), 4);
}

#[test]
fn r18_retention_runs_only_after_a_new_complete_snapshot() {
    let (_scratch, source, root, clock) = four_days();
    let keeping_one = || {
        let mut options = BackupOptions::default();
        options.retention = keep_last(1);
        options
    };
    clock.set("2026-03-05T12:00:00Z");
    let mut refused = keeping_one();
    refused.expect_id = Some("fs-none".to_owned());
    try_backup(&source, &root, refused).unwrap_err();
    let mut out_of_time = keeping_one();
    out_of_time.mirror.stop_after = Some(std::time::Duration::ZERO);
    assert!(try_backup(&source, &root, out_of_time).unwrap().removed.is_empty());
    assert_eq!(repository(&root).snapshots().unwrap().len(), 4);

    let repository = repository(&root);
    let done = repository.backup(&source).options(keeping_one()).clock(&clock).run().unwrap();
    assert_eq!(done.removed.len(), 4);
    assert_eq!(folders(&root), ["2026-03-05-12-00"]);
    assert_same(&source, &at(&root, "2026-03-05-12-00"));
}

#[test]
fn a_new_snapshot_survives_its_own_retention_even_under_a_clock_that_went_back() {
    let (_scratch, source, root, clock) = four_days();
    clock.set("2026-02-01T12:00:00Z");
    let mut options = BackupOptions::default();
    options.retention = keep_last(1);
    options.accept_clock = true;
    let repository = repository(&root);
    let done = repository.backup(&source).options(options).clock(&clock).run().unwrap();
    assert_eq!(done.snapshot.unwrap().id, "2026-02-01-12-00");
    assert_eq!(folders(&root), ["2026-02-01-12-00", "2026-03-04-12-00"]);
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next_backup() {
    let (_scratch, source, root, clock) = four_days();
    let path = repository(&root).path();
    fs::rename(path.join("2026-03-01-12-00"), path.join(".removing-2026-03-01-12-00")).unwrap();
    assert_eq!(repository(&root).snapshots().unwrap().len(), 3);
    clock.set("2026-03-05T12:00:00Z");
    backup_at(&source, &root, &clock, "UTC");
    assert_eq!(folders(&root).len(), 4);
    assert_eq!(records(&root).len(), 12);
    assert!(folders(&root).iter().all(|name| !name.starts_with('.')));
}
