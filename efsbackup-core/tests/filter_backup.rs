//! Backups and restores with a filter.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, folders, repository, try_backup};
use common::{Scratch, dir, file, hardlink, read};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::{Filter, Options, Outcome};
use efsbackup_core::snapshot::{BackupOptions, State};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn filter() -> Filter {
    Filter::new().exclude("tmp/").unwrap().exclude("*.no").unwrap()
}

fn excluding() -> BackupOptions {
    let mut options = BackupOptions::default();
    options.mirror.filter = filter();
    options
}

/// The paths below `root`.
fn names(root: &Path) -> Vec<String> {
    read(root).into_keys().map(|path| path.to_text()).filter(|path| !path.is_empty()).collect()
}

#[test]
fn what_is_excluded_is_in_no_snapshot() {
    let scratch = Scratch::new();
    let tree = tree! {
        "a" => file("a"),
        "b.no" => hardlink("a"),
        "d" => dir(tree! { "tmp" => dir(tree! { "e" => file("e") }), "f" => file("f") }),
    };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let mut published = Vec::new();
    // The second time on top of the first, the third on top of one with everything.
    for options in [excluding(), excluding(), BackupOptions::default(), excluding()] {
        let done = try_backup(&source, &root, options).unwrap();
        assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
        let snapshot = done.snapshot.unwrap();
        assert_eq!(snapshot.state, State::Complete);
        assert!(repository(&root).verify(&snapshot.id).run().unwrap().is_good());
        published.push(at(&root, &snapshot.id));
    }
    for (number, snapshot) in published.iter().enumerate() {
        let expected: &[&str] = if number == 2 {
            &["a", "b.no", "d", "d/f", "d/tmp", "d/tmp/e"]
        } else {
            &["a", "d", "d/f"]
        };
        assert_eq!(names(snapshot), expected, "backup {number}");
    }
    let inode = |number: usize| published[number].join("d/f").metadata().unwrap().ino();
    assert_eq!(inode(0), inode(3), "what did not change is one file in all");
}

#[test]
fn a_restore_leaves_out_and_protects_what_is_excluded() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("a"), "b.no" => file("b") });
    let root = scratch.path("root");
    let id = try_backup(&source, &root, BackupOptions::default()).unwrap().snapshot.unwrap().id;
    let there = tree! { "mine.no" => file("c"), "gone" => file("d") };
    let destination = scratch.build("destination", &there);
    let mut options = Options::default();
    options.delete = true;
    options.filter = filter();
    let report = repository(&root).restore(&id, &destination).options(options).run().unwrap();
    assert_eq!(report.report.outcome, Outcome::Complete, "{:?}", report.report.errors);
    assert_eq!(names(&destination), ["a", "mine.no"]);
}

#[test]
fn a_source_of_which_all_is_excluded_is_refused_as_an_empty_one() {
    let scratch = Scratch::new();
    let tree = tree! { "tmp" => dir(tree! { "a" => file("a") }), "b.no" => file("b") };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let error = try_backup(&source, &root, excluding()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(folders(&root).is_empty());
    let mut options = excluding();
    options.mirror.allow_empty = true;
    assert!(try_backup(&source, &root, options).unwrap().snapshot.is_some());
}

#[test]
fn a_repository_that_is_excluded_may_be_inside_the_source() {
    let scratch = Scratch::new();
    let tree = tree! { "a" => file("a"), "mnt" => dir(tree! { "backup" => dir(tree! {}) }) };
    let source = scratch.build("source", &tree);
    let root = source.join("mnt/backup");
    let error = try_backup(&source, &root, BackupOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(error.to_string().contains("--exclude"), "{error}");
    assert!(names(&root).is_empty());
    for _ in 0..2 {
        let mut options = BackupOptions::default();
        options.mirror.filter = Filter::new().exclude("/mnt/backup").unwrap();
        let done = try_backup(&source, &root, options).unwrap();
        assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
        let id = done.snapshot.unwrap().id;
        assert_eq!(names(&at(&root, &id)), ["a", "mnt"]);
        assert!(repository(&root).verify(&id).run().unwrap().is_good());
    }
}
