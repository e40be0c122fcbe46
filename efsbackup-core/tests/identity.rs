//! Proof of which file system a path is on, and backups that demand it.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{backup, try_backup};
use common::{Scratch, dir, file, probe};
use efsbackup_core::ErrorKind;
use efsbackup_core::mount::{MARKER_NAME, Mount, Proof, Prover, mark, prove};
use efsbackup_core::snapshot::BackupOptions;
use std::fs;

fn expecting(source: Option<&str>, destination: Option<&str>) -> BackupOptions {
    let mut options = BackupOptions::default();
    options.expect_id = source.map(str::to_owned);
    options.expect_destination_id = destination.map(str::to_owned);
    options
}

#[test]
fn r11_a_marker_proves_all_below_it() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => dir(tree! { "b" => dir(tree! {}) }) });
    let deep = source.join("a/b");
    assert_eq!(prove(&deep, "fs-1").unwrap_err().kind(), ErrorKind::SafetyStop);
    let mount = mark(&source, "fs-1").unwrap();
    assert_eq!(mount, Mount::containing(&deep).unwrap());
    let marker = source.canonicalize().unwrap().join(MARKER_NAME);
    assert_eq!(prove(&deep, "fs-1").unwrap(), Proof::Marker(marker.clone()));
    let found = Prover::from_environment().identify(&deep).unwrap();
    assert_eq!(found, Some(("fs-1".to_owned(), Proof::Marker(marker))));
    let error = prove(&deep, "fs-2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(error.message().contains("is on file system fs-1"), "{error}");
}

#[test]
fn a_marker_is_written_once_and_names_one_file_system() {
    let scratch = Scratch::new();
    let dir = scratch.build("dir", &tree! {});
    mark(&dir, "fs-1").unwrap();
    let before = fs::read(dir.join(MARKER_NAME)).unwrap();
    mark(&dir, "fs-1").unwrap();
    assert_eq!(mark(&dir, "fs-2").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(before, fs::read(dir.join(MARKER_NAME)).unwrap());
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file stays");
    for id in ["", "a b", "a/b", "a\nb"] {
        assert_eq!(mark(&dir, id).unwrap_err().kind(), ErrorKind::InvalidInput, "{id:?}");
    }
}

#[test]
fn r11_a_marker_that_was_copied_proves_nothing() {
    let scratch = Scratch::new();
    let original = scratch.build("original", &tree! {});
    let copy = scratch.build("copy", &tree! {});
    mark(&original, "fs-1").unwrap();
    fs::copy(original.join(MARKER_NAME), copy.join(MARKER_NAME)).unwrap();
    assert_eq!(prove(&copy, "fs-1").unwrap_err().kind(), ErrorKind::SafetyStop);
    // And it is in nobody's way.
    mark(&copy, "fs-2").unwrap();
    prove(&copy, "fs-2").unwrap();
}

#[test]
fn r11_a_file_that_is_no_marker_is_refused() {
    let scratch = Scratch::new();
    let dir = scratch.build("dir", &tree! { MARKER_NAME => file("fs-1") });
    assert_eq!(prove(&dir, "fs-1").unwrap_err().kind(), ErrorKind::SafetyStop);
    assert!(mark(&dir, "fs-1").is_err());
    let fifo = scratch.build("fifo", &tree! { MARKER_NAME => common::fifo() });
    assert!(prove(&fifo, "fs-1").is_err());
}

#[test]
fn r11_the_marker_under_a_mount_is_not_that_of_the_mount() {
    let scratch = Scratch::new();
    let outer = scratch.build("outer", &tree! {});
    mark(&outer, "fs-local").unwrap();
    let Some(mounted) = probe::Mount::tmpfs(&outer.join("mnt"), 1 << 20) else { return };
    assert_eq!(prove(mounted.path(), "fs-local").unwrap_err().kind(), ErrorKind::SafetyStop);
    mark(mounted.path(), "fs-mounted").unwrap();
    prove(mounted.path(), "fs-mounted").unwrap();
    let path = mounted.path().to_owned();
    drop(mounted);
    // The mount is gone, as after a failure: the directory is there, the proof is not.
    assert_eq!(prove(&path, "fs-mounted").unwrap_err().kind(), ErrorKind::SafetyStop);
}

#[test]
fn r11_a_backup_of_an_unproved_source_is_refused_and_makes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.path("root");
    let error = try_backup(&source, &root, expecting(Some("fs-1"), None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(!root.exists());
    mark(&source, "fs-1").unwrap();
    let done = try_backup(&source, &root, expecting(Some("fs-1"), None)).unwrap();
    assert_eq!(done.snapshot.unwrap().file_system.as_deref(), Some("fs-1"));
}

#[test]
fn r12_a_backup_to_an_unproved_destination_is_refused_and_makes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let mounted = scratch.build("mounted", &tree! {});
    let root = mounted.join("root");
    let error = try_backup(&source, &root, expecting(None, Some("fs-2"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert_eq!(fs::read_dir(&mounted).unwrap().count(), 0);
    mark(&mounted, "fs-2").unwrap();
    assert!(try_backup(&source, &root, expecting(None, Some("fs-2"))).unwrap().snapshot.is_some());
    assert!(try_backup(&source, &root, expecting(None, Some("fs-3"))).is_err());
    backup(&source, &root);
}
