//! Digests of unchanged files come from the last manifest, not from reading them.
//!
//! A test of its own, since every read in this process is made to fail.

#![cfg(all(feature = "snapshot", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{backup, repository, try_backup};
use common::{Scratch, file, hardlink, sparse};
use efsbackup_core::mirror::testing::Faults;
use efsbackup_core::snapshot::BackupOptions;
use std::fs;

const EIO: i32 = 5;

#[test]
fn digests_of_unchanged_files_are_carried_over_without_reading_them() {
    let scratch = Scratch::new();
    let tree = tree! {
        "file" => file("content"),
        "hard" => hardlink("file"),
        "holes" => sparse(1 << 20, &[(1 << 19, b"data")]),
        "large" => file(vec![5; 1 << 20]),
        "empty" => file(""),
    };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    backup(&source, &root);
    let faults = Faults::of("pread", 0, u64::MAX, EIO);
    let (done, second) = backup(&source, &root);
    assert_eq!((faults.calls(), done.report.bytes.copied), (0, 0));
    // What has changed is read, and so meets the fault.
    fs::write(source.join("file"), "CONTENT").unwrap();
    let failed = try_backup(&source, &root, BackupOptions::default()).unwrap();
    assert_eq!(failed.exit_status(), 23);
    assert!(faults.failed().contains(&"pread"));
    drop(faults);
    let good = repository(&root).verify(&second.id).run().unwrap();
    assert!(good.is_good(), "{:?}", good.differences);
    assert_eq!((good.files_read, good.files_without_digest), (5, 0));
    // Of the partial one every entry is known too: what could not be read is as it was.
    let partial = failed.snapshot.unwrap();
    let good = repository(&root).verify(&partial.id).run().unwrap();
    assert!(good.is_good(), "{:?}", good.differences);
    assert_eq!((good.files_read, good.files_without_digest), (5, 0));
}
