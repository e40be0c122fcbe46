//! What a backup shares with the last one, what it never changes, and what it publishes.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::repository::{at, backup, folders, repository, try_backup};
use common::{Scratch, Tree, assert_same, dir, fifo, file, hardlink, probe, read, sparse, symlink};
use efsbackup_core::ErrorKind;
use efsbackup_core::clock::Clock;
use efsbackup_core::mirror::{Jobs, Outcome};
use efsbackup_core::progress::Progress;
use efsbackup_core::snapshot::{BackupOptions, State};
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

fn inode(path: impl AsRef<Path>) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

fn links(path: impl AsRef<Path>) -> u64 {
    fs::symlink_metadata(path).unwrap().nlink()
}

fn some_tree() -> Tree {
    tree! {
        "file" => file("content").mode(0o640).mtime(1_000_000_000, 123_456_789),
        "hard" => hardlink("file"),
        "link" => symlink("nowhere"),
        "fifo" => fifo(),
        "holes" => sparse(1 << 20, &[(1 << 19, b"data")]),
        "empty" => file(""),
        b"\xff\n" => dir(tree! {
            "deep" => dir(tree! { "suid" => file("s").mode(0o4755) }).mode(0o700),
        }).mtime(5, 5),
    }
}

#[test]
fn a_snapshot_is_equal_to_its_source() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (done, snapshot) = backup(&source, &root);
    assert_same(&source, &at(&root, &snapshot.id));
    assert_eq!(snapshot.state, State::Complete);
    assert_eq!(snapshot.entries, done.report.entries.scanned);
    assert_eq!(repository(&root).snapshots().unwrap(), [snapshot]);
}

#[test]
fn an_unchanged_tree_stores_no_content_again() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let (done, second) = backup(&source, &root);
    assert_eq!(done.report.bytes.copied, 0);
    assert_eq!(second.new_bytes, 0);
    assert_eq!(done.report.entries.created.file, 0);
    for name in ["file", "hard", "holes", "empty", "link", "fifo"] {
        let shared = [&first.id, &second.id].map(|id| inode(at(&root, id).join(name)));
        assert_eq!(shared[0], shared[1], "{name}");
    }
    assert_same(&source, &at(&root, &second.id));
}

#[test]
fn r15_no_change_in_the_source_ever_changes_an_older_snapshot() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let before = read(&at(&root, &first.id));

    let set = |name: &str, mode| {
        fs::set_permissions(source.join(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    set("file", 0o600);
    set("empty", 0o444);
    backup(&source, &root);
    fs::write(source.join("file"), "CONTENT").unwrap();
    fs::File::options()
        .write(true)
        .open(source.join("holes"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    if probe::is_root() {
        std::os::unix::fs::lchown(source.join("link"), Some(1), Some(2)).unwrap();
        std::os::unix::fs::chown(source.join("empty"), Some(3), Some(4)).unwrap();
    }
    let (_, third) = backup(&source, &root);
    assert_same(&source, &at(&root, &third.id));
    let after = read(&at(&root, &first.id));
    // Whole equality, but for the inodes' link counts, which are not part of an entry.
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn r15_random_edits_between_backups_leave_every_snapshot_as_it_was() {
    let scratch = Scratch::new();
    let mut random = Random::new(20_261_122, &scratch.path(""));
    let source = scratch.build("source", &random.tree(6, 3));
    fs::write(source.join("never empty"), "x").unwrap();
    let root = scratch.path("root");
    let mut taken = Vec::new();
    for round in 0..25 {
        let mut options = BackupOptions::default();
        options.max_shrink = 100;
        let done = try_backup(&source, &root, options).unwrap();
        let snapshot = done.snapshot.unwrap_or_else(|| panic!("{round}: {:?}", done.report));
        assert_eq!(snapshot.state, State::Complete, "{:?}", done.report.errors);
        assert_same(&source, &at(&root, &snapshot.id));
        taken.push((snapshot.id.clone(), format!("{:?}", read(&at(&root, &snapshot.id)))));
        random.edit(&source, 8);
    }
    for (id, before) in taken {
        assert_eq!(before, format!("{:?}", read(&at(&root, &id))), "{id} has changed");
    }
}

#[test]
fn r19_at_the_link_limit_a_file_begins_anew() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "one" => file("1"), "pair" => file("22"), "pair 2" => hardlink("pair") },
    );
    let root = scratch.path("root");
    for _ in 0..10 {
        let mut options = BackupOptions::default();
        options.mirror.max_links = Some(5);
        let done = try_backup(&source, &root, options).unwrap();
        let snapshot = at(&root, &done.snapshot.unwrap().id);
        assert_same(&source, &snapshot);
    }
    let snapshots = repository(&root).snapshots().unwrap();
    let inodes = |name: &str| {
        let mut all: Vec<_> =
            snapshots.iter().map(|s| inode(at(&root, &s.id).join(name))).collect();
        all.dedup();
        all.len()
    };
    assert_eq!(inodes("one"), 2, "five snapshots share a file");
    assert_eq!(inodes("pair"), 5, "two pairs fit below five, the third does not");
    for snapshot in &snapshots {
        assert!(links(at(&root, &snapshot.id).join("pair")) <= 5);
    }
}

#[test]
fn r8_an_empty_source_is_refused_and_nothing_is_made() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! {});
    let root = scratch.path("root");
    for marked in [false, true] {
        if marked {
            efsbackup_core::mount::mark(&source, "fs-1").unwrap();
        }
        let error = try_backup(&source, &root, BackupOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        assert!(error.message().contains("--allow-empty"), "{error}");
        assert!(!root.exists());
    }
    let mut options = BackupOptions::default();
    options.mirror.allow_empty = true;
    assert!(try_backup(&source, &root, options).unwrap().snapshot.is_some());
}

#[test]
fn r10_a_shrunken_source_publishes_nothing_and_keeps_what_was_copied() {
    let scratch = Scratch::new();
    let many = Tree((0..20).map(|n| (format!("{n}").into_bytes(), file("x"))).collect());
    let source = scratch.build("source", &many);
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    for n in 0..15 {
        fs::remove_file(source.join(n.to_string())).unwrap();
    }
    let done = try_backup(&source, &root, BackupOptions::default()).unwrap();
    assert_eq!(done.exit_status(), 25);
    assert!(done.snapshot.is_none());
    assert!(done.report.errors[0].message.contains("6 entries"), "{:?}", done.report.errors);
    let found = folders(&root);
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with(".incomplete-"), "{found:?}");
    assert_eq!(found[1], first.id);

    let mut options = BackupOptions::default();
    options.max_shrink = 80;
    let accepted = try_backup(&source, &root, options).unwrap().snapshot.unwrap();
    let mut ids = [first.id, accepted.id];
    ids.sort();
    assert_eq!(folders(&root), ids, "the incomplete tree is removed after the next publish");
}

#[test]
fn r12_a_missing_repository_is_refused_when_one_must_exist() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.build("root", &tree! {});
    let required = || {
        let mut options = BackupOptions::default();
        options.require_existing = true;
        options
    };
    let error = try_backup(&source, &root, required()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    backup(&source, &root);
    assert!(try_backup(&source, &root, required()).unwrap().snapshot.is_some());
}

#[test]
fn r18_a_cancelled_run_and_one_out_of_time_publish_nothing() {
    let scratch = Scratch::new();
    let many = Tree((0..300).map(|n| (format!("{n}").into_bytes(), file("x"))).collect());
    let source = scratch.build("source", &many);
    let root = scratch.path("root");
    let mut options = BackupOptions::default();
    options.mirror.stop_after = Some(Duration::ZERO);
    let done = try_backup(&source, &root, options).unwrap();
    assert_eq!((done.exit_status(), done.report.outcome), (26, Outcome::Unfinished));
    assert!(done.snapshot.is_none());

    let mut at_once = |_: &Progress| ControlFlow::Break(());
    let done = repository(&root).backup(&source).progress(&mut at_once).run().unwrap();
    assert_eq!((done.exit_status(), done.report.outcome), (130, Outcome::Cancelled));
    assert!(done.snapshot.is_none());
    assert!(folders(&root).iter().all(|name| name.starts_with(".incomplete-")));

    let (_, snapshot) = backup(&source, &root);
    assert_eq!(folders(&root), [snapshot.id.as_str()]);
    assert_same(&source, &at(&root, &snapshot.id));
}

#[test]
fn a_full_destination_leaves_only_the_incomplete_tree() {
    let scratch = Scratch::new();
    let Some(small) = probe::Mount::tmpfs(&scratch.path("small"), 4 << 20) else { return };
    let half = vec![7; 1 << 20];
    let source = scratch.build("source", &tree! { "a" => file(&half) });
    let root = small.path().join("root");
    let (_, first) = backup(&source, &root);
    for name in ["b", "c", "d", "e"] {
        fs::write(source.join(name), &half).unwrap();
    }
    let done = try_backup(&source, &root, BackupOptions::default()).unwrap();
    assert_eq!(done.exit_status(), 1);
    assert!(done.snapshot.is_none());
    assert_eq!(done.report.errors[0].kind, ErrorKind::NoSpace, "{:?}", done.report.errors);
    let message = &done.report.errors[0].message;
    let numbers: Vec<u64> =
        message.split([' ', ':']).filter_map(|word| word.parse().ok()).collect();
    let [left, free, missing] = numbers[..] else { panic!("{message}") };
    assert!(left > 0 && left % (1 << 20) == 0 && missing == left - free, "{message}");
    let found = folders(&root);
    assert!(found.len() == 2 && found[0].starts_with(".incomplete-"), "{found:?}");
    assert!(repository(&root).verify(&first.id).run().unwrap().is_good());

    for name in ["b", "c", "d", "e"] {
        fs::remove_file(source.join(name)).unwrap();
    }
    let (_, second) = backup(&source, &root);
    let mut ids = [first.id, second.id];
    ids.sort();
    assert_eq!(folders(&root), ids);
}

#[test]
fn one_inside_the_other_is_refused() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "d" => dir(tree! { "f" => file("x") }) });
    let before = read(&source);
    let error = try_backup(&source, &source.join("d"), BackupOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    let missing = source.join("d/new");
    let error = try_backup(&source, &missing, BackupOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert_eq!(format!("{before:?}"), format!("{:?}", read(&source)));

    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let inside = at(&root, &snapshot.id);
    let error = try_backup(&inside, &root, BackupOptions::default()).unwrap_err();
    assert!(error.message().contains("source is inside the destination"), "{error}");
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_makes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let dry = || {
        let mut options = BackupOptions::default();
        options.mirror.dry_run = true;
        options
    };
    let done = try_backup(&source, &root, dry()).unwrap();
    assert!(!root.exists());
    let (real, _) = backup(&source, &root);
    assert_eq!(done.report.entries.created, real.report.entries.created);
    fs::write(source.join("new"), "12345").unwrap();
    let before = format!("{:?}", read(&root));
    let done = try_backup(&source, &root, dry()).unwrap();
    assert_eq!(before, format!("{:?}", read(&root)));
    assert!(done.snapshot.is_none());
    assert_eq!(done.report.bytes.copied, 5);
    let scanned = done.report.entries.scanned.total();
    assert_eq!(scanned, real.report.entries.scanned.total() + 1);
}

#[test]
fn r19_two_hundred_snapshots_of_an_unchanged_file_under_efs_limit() {
    let scratch = Scratch::new();
    let source = scratch
        .build("source", &tree! { "f" => file("x"), "g" => file("y"), "hard" => hardlink("g") });
    // In memory where that may be: each run makes all it wrote durable.
    let memory = probe::is_root().then(|| probe::Mount::tmpfs(&scratch.path("m"), 64 << 20));
    let root = match memory.as_ref().and_then(Option::as_ref) {
        Some(memory) => memory.path().join("root"),
        None => scratch.path("root"),
    };
    let clock = common::repository::Hands::at("2026-01-01T00:00:00Z");
    let mut ids = Vec::new();
    let mut copied = 0;
    for _ in 0..200 {
        let mut options = BackupOptions::default();
        options.mirror.max_links = Some(177);
        options.mirror.jobs = Jobs::Count(1);
        let done = repository(&root).backup(&source).options(options).clock(&clock).run().unwrap();
        assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
        copied += done.report.bytes.copied;
        ids.push(done.snapshot.unwrap().id);
        Clock::sleep(&clock, std::time::Duration::from_secs(3600));
    }
    // 177 + 23 names of `f`; `g` has two in each snapshot: 88 + 88 + 24 snapshots.
    assert_eq!(copied, 2 + 3);
    let names = |id: &String, name: &str| links(at(&root, id).join(name));
    assert_eq!((names(&ids[0], "f"), names(&ids[176], "f"), names(&ids[177], "f")), (177, 177, 23));
    assert_eq!((names(&ids[0], "g"), names(&ids[88], "g"), names(&ids[199], "g")), (176, 176, 48));
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 200);
    std::thread::scope(|scope| {
        for some in ids.chunks(25) {
            let repository = repository(&root);
            scope.spawn(move || {
                for id in some {
                    let good = repository.verify(id).run().unwrap();
                    assert!(
                        good.is_good() && good.contents_compared,
                        "{id}: {:?}",
                        good.differences
                    );
                }
            });
        }
    });
    assert_same(&source, &at(&root, &ids[199]));
}
