//! Snapshots of sources that can't be read in full.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, backup, repository, try_backup};
use common::user::{as_a_user, set_mode};
use common::{assert_same, dir, file};
use efsbackup_core::ErrorKind;
use efsbackup_core::snapshot::{BackupOptions, State};
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn r18_what_cannot_be_read_makes_a_partial_snapshot_that_nothing_builds_upon() {
    let tree = tree! {
        "open" => file("open"),
        "locked" => dir(tree! { "f" => file("as before") }),
        "secret" => file("secret, as before"),
    };
    as_a_user(&tree, |place| {
        let (source, root) = (place.join("source"), place.join("root"));
        let (_, first) = backup(&source, &root);
        set_mode(&source.join("locked"), 0o000);
        set_mode(&source.join("secret"), 0o000);
        fs::write(source.join("new"), "new").unwrap();
        let done = try_backup(&source, &root, BackupOptions::default()).unwrap();
        assert_eq!(done.exit_status(), 23);
        assert_eq!(done.report.errors[0].kind, ErrorKind::PermissionDenied);
        let partial = done.snapshot.unwrap();
        assert_eq!(partial.state, State::Partial);
        let stored = at(&root, &partial.id);
        assert_eq!(fs::read(stored.join("new")).unwrap(), b"new");
        // What failed is there as it was, the very same files.
        for name in ["locked/f", "secret"] {
            let inode = |id: &str| fs::metadata(at(&root, id).join(name)).unwrap().ino();
            assert_eq!(inode(&first.id), inode(&partial.id), "{name}");
        }
        assert!(repository(&root).verify(&partial.id).run().unwrap().is_good());

        set_mode(&source.join("locked"), 0o755);
        set_mode(&source.join("secret"), 0o644);
        let (done, third) = backup(&source, &root);
        assert_same(&source, &at(&root, &third.id));
        // "new" was only in the partial one.
        assert_eq!(done.report.bytes.copied, 3);
        assert_eq!(third.state, State::Complete);
    });
}

#[test]
fn a_source_that_cannot_be_listed_is_an_error_and_publishes_nothing() {
    as_a_user(&tree! { "f" => file("x") }, |place| {
        let (source, root) = (place.join("source"), place.join("root"));
        set_mode(&source, 0o000);
        let error = try_backup(&source, &root, BackupOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(!root.exists());
        set_mode(&source, 0o755);
    });
}

#[test]
fn read_only_directories_of_an_abandoned_run_are_removed() {
    let tree = tree! { "a" => dir(tree! { "b" => dir(tree! { "f" => file("x") }).mode(0o555) }).mode(0o555) };
    as_a_user(&tree, |place| {
        let (source, root) = (place.join("source"), place.join("root"));
        backup(&source, &root);
        let left = repository(&root).path().join(".incomplete-20260101T000000Z-0123456789abcdef");
        let copied = efsbackup_core::mirror::Mirror::new(&source, &left).run().unwrap();
        assert_eq!(copied.exit_status(), 0);
        let (_, second) = backup(&source, &root);
        assert!(!left.exists());
        assert_same(&source, &at(&root, &second.id));
        // So that the directory can be removed by whoever runs the tests.
        for id in repository(&root).snapshots().unwrap().into_iter().map(|s| s.id) {
            ["a", "a/b"].iter().for_each(|name| set_mode(&at(&root, &id).join(name), 0o755));
        }
        ["a", "a/b"].iter().for_each(|name| set_mode(&source.join(name), 0o755));
    });
}
