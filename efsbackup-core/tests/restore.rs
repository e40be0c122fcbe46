//! Restoring and verifying snapshots.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::repository::{at, backup, repository};
use common::{Scratch, assert_same, dir, file, hardlink, read, symlink};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::Options;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn deleting() -> Options {
    let mut options = Options::default();
    options.delete = true;
    options
}

fn words(root: &Path, id: &str, source: &Path) -> Vec<String> {
    let found = repository(root).verify(id).against(source).run().unwrap();
    assert!(found.contents_compared);
    assert_eq!(found.is_good(), found.differences_total == 0);
    found.differences.iter().map(|d| format!("{}: {}", d.path, d.what)).collect()
}

#[test]
fn a_restored_tree_is_equal_and_shares_nothing_with_the_snapshot() {
    let scratch = Scratch::new();
    let mut random = Random::new(7, &scratch.path(""));
    let source = scratch.build("source", &random.tree(6, 3));
    fs::write(source.join("a file"), "x").unwrap();
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    random.edit(&source, 10);
    let (_, second) = backup(&source, &root);
    let restored = [scratch.path("one"), scratch.path("two")];
    for (id, destination) in [&first.id, &second.id].into_iter().zip(&restored) {
        let report = repository(&root).restore(id, destination).run().unwrap();
        assert_eq!(report.exit_status(), 0);
        assert_same(&at(&root, id), destination);
        assert!(words(&root, id, destination).is_empty());
    }
    assert_same(&source, &restored[1]);
    let inode = |path: &Path| fs::metadata(path.join("a file")).map(|m| m.ino()).ok();
    assert_ne!(inode(&at(&root, &first.id)), inode(&restored[0]));
}

#[test]
fn a_destination_that_is_not_empty_is_refused_unless_it_is_to_be_made_equal() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x"), "g" => file("y") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let destination = scratch.build("destination", &tree! { "mine" => file("precious") });
    let before = format!("{:?}", read(&destination));
    let repository = repository(&root);
    let error = repository.restore(&snapshot.id, &destination).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert_eq!(before, format!("{:?}", read(&destination)));

    let mut dry = deleting();
    dry.dry_run = true;
    let report = repository.restore(&snapshot.id, &destination).options(dry).run().unwrap();
    assert_eq!(report.report.entries.deleted.file, 1);
    assert_eq!(before, format!("{:?}", read(&destination)));

    repository.restore(&snapshot.id, &destination).options(deleting()).run().unwrap();
    assert_same(&at(&root, &snapshot.id), &destination);
    repository.restore(&snapshot.id, scratch.build("empty", &tree! {})).run().unwrap();
    assert_same(&source, &scratch.path("empty"));
}

#[test]
fn directories_are_restored_to_their_places() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! {
            "a" => dir(tree! {
                "b" => dir(tree! { "f" => file("x"), "g" => hardlink("a/b/f") }).mode(0o750),
                "other" => file("no"),
            }).mode(0o711).mtime(1_000, 1),
            "c" => dir(tree! { "s" => symlink("x") }).mtime(2_000, 2),
            "file" => file("x"),
        },
    );
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let destination = scratch.path("destination");
    let restore = || repository(&root);
    let restore = restore();
    let report = restore
        .restore(&snapshot.id, &destination)
        .path(&b"a/b"[..])
        .path(&b"c"[..])
        .run()
        .unwrap();
    assert_eq!(report.report.entries.created.total(), 7);
    assert_same(&source.join("a/b"), &destination.join("a/b"));
    assert_same(&source.join("c"), &destination.join("c"));
    assert!(!destination.join("a/other").exists() && !destination.join("file").exists());
    let above = [&source, &destination].map(|path| {
        let found = fs::metadata(path.join("a")).unwrap();
        (found.mode(), found.uid(), found.mtime(), found.mtime_nsec())
    });
    assert_eq!(above[0], above[1]);

    for wrong in [&b"../a"[..], b"/a", b"a/../c", b"", b"."] {
        let error = restore.restore(&snapshot.id, &destination).path(wrong).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}");
    }
    let missing = restore.restore(&snapshot.id, &destination).path(&b"none"[..]).run();
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    for through in [&b"c/s/x"[..], b"file/x"] {
        let error = restore.restore(&snapshot.id, &destination).path(through).run().unwrap_err();
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory), "{error}");
    }
}

#[test]
fn files_and_patterns_are_restored_to_their_places() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! {
            "a" => dir(tree! {
                "b" => dir(tree! { "f.conf" => file("x"), "odd[1]" => file("o") }),
                "g.conf" => hardlink("a/b/f.conf"),
                "h" => file("h"),
            }).mode(0o711).mtime(1_000, 1),
            "c.conf" => dir(tree! { "in" => file("in") }),
            "l.conf" => symlink("x"),
        },
    );
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let repository = repository(&root);
    let names =
        |path: &Path| -> Vec<String> { read(path).keys().map(ToString::to_string).collect() };
    let one = scratch.path("one");
    repository.restore(&snapshot.id, &one).path(&b"a/b/f.conf"[..]).run().unwrap();
    assert_eq!(names(&one), ["", "a", "a/b", "a/b/f.conf"]);
    let above = |path: &Path| {
        let found = fs::metadata(path.join("a")).unwrap();
        (found.mode(), found.mtime(), found.mtime_nsec())
    };
    assert_eq!(above(&source), above(&one));

    // Beside what is there already, whose directories stay as they are.
    fs::set_permissions(one.join("a"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    repository.restore(&snapshot.id, &one).path(&b"a/b/odd[1]"[..]).run().unwrap();
    assert_eq!(names(&one), ["", "a", "a/b", "a/b/f.conf", "a/b/odd[1]"]);
    assert_eq!(above(&one).0 & 0o7777, 0o700);

    // With the hard links that the chosen names have among each other.
    let many = scratch.path("many");
    let report = repository.restore(&snapshot.id, &many).pattern(&b"*.conf"[..]).run().unwrap();
    assert_eq!(report.report.entries.created.hardlink, 1);
    let expected = ["", "a", "a/b", "a/b/f.conf", "a/g.conf", "c.conf", "c.conf/in", "l.conf"];
    assert_eq!(names(&many), expected);
    fs::remove_file(source.join("a/h")).unwrap();
    fs::remove_file(source.join("a/b/odd[1]")).unwrap();
    for dir in ["a", "a/b"] {
        let times = fs::metadata(many.join(dir)).unwrap().modified().unwrap();
        fs::File::open(source.join(dir)).unwrap().set_modified(times).unwrap();
    }
    assert_same(&source, &many);

    let none = repository.restore(&snapshot.id, scratch.path("x")).pattern(&b"*.none"[..]).run();
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!scratch.path("x").exists());
    // A link where a directory has to be is not followed and not replaced.
    let linked = scratch.path("linked");
    fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(&one, linked.join("a")).unwrap();
    let error = repository.restore(&snapshot.id, &linked).path(&b"a/h"[..]).in_place(true).run();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::SafetyStop);
    assert!(linked.join("a").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn what_was_damaged_in_the_snapshot_is_named_while_it_is_restored() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "good" => file("good"), "bad" => file("bad") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let stored = at(&root, &snapshot.id).join("bad");
    let times = fs::metadata(&stored).unwrap().modified().unwrap();
    fs::write(&stored, "bAd").unwrap();
    fs::File::open(&stored).unwrap().set_modified(times).unwrap();
    let done = repository(&root).restore(&snapshot.id, scratch.path("out")).run().unwrap();
    assert_eq!(done.exit_status(), 23);
    assert_eq!(done.report.errors.len(), 1);
    assert_eq!(done.report.errors[0].path.to_string(), "bad");
    assert!(done.report.errors[0].message.contains("damaged"), "{:?}", done.report.errors);
}

#[test]
fn nothing_is_restored_into_the_repository_or_from_nowhere() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let repository = repository(&root);
    let before = format!("{:?}", read(&root));
    for inside in ["new", "2000-01-01-00-00/x", &snapshot.id] {
        let options = deleting();
        let destination = repository.path().join(inside);
        let error = repository.restore(&snapshot.id, destination).options(options).run();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::SafetyStop, "{inside}");
    }
    let error = repository.restore("../fs-1", scratch.path("x")).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(before, format!("{:?}", read(&root)));
}

#[test]
fn verify_names_every_difference() {
    let scratch = Scratch::new();
    let entry = |content: &str| file(content).mtime(1_000, 0);
    let source = scratch.build(
        "source",
        &tree! {
            "same" => entry("same"),
            "rotten" => entry("abcd"),
            "mode" => entry("x").mode(0o600),
            "gone" => entry("x"),
        },
    );
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    assert!(words(&root, &snapshot.id, &source).is_empty());
    let stored = at(&root, &snapshot.id);
    // One byte, behind the back of size and time.
    let times = fs::metadata(stored.join("rotten")).unwrap().modified().unwrap();
    fs::write(stored.join("rotten"), "abXd").unwrap();
    fs::File::options()
        .write(true)
        .open(stored.join("rotten"))
        .unwrap()
        .set_modified(times)
        .unwrap();
    fs::set_permissions(stored.join("mode"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    fs::remove_file(source.join("gone")).unwrap();
    fs::write(source.join("extra"), "x").unwrap();
    let found = words(&root, &snapshot.id, &source).join("\n");
    for expected in [
        "rotten: content differ",
        "mode: mode differ",
        "gone: only in the snapshot",
        "extra: not in the snapshot",
    ] {
        assert!(found.contains(expected), "{found}");
    }
    assert!(!found.contains("same"), "{found}");
}
