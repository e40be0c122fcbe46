//! How snapshots are named, ordered and recorded, and whose repository is trusted.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{Hands, at, backup, backup_at, folders, repository, try_backup};
use common::{Scratch, file, probe};
use efsbackup_core::ErrorKind;
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::snapshot::{BackupOptions, LATEST, Repository, Retention, State};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn source_and_root() -> (Scratch, PathBuf, PathBuf) {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let root = scratch.path("root");
    (scratch, source, root)
}

fn ids(root: &Path) -> Vec<String> {
    repository(root).snapshots().unwrap().into_iter().map(|snapshot| snapshot.id).collect()
}

#[test]
fn names_take_the_second_and_the_offset_only_where_they_must() {
    let (_scratch, source, root) = source_and_root();
    let clock = Hands::at("2026-10-25T00:30:10Z");
    let take = || backup_at(&source, &root, &clock, "Europe/Berlin").id;
    assert_eq!(take(), "2026-10-25-02-30");
    assert_eq!(take(), "2026-10-25-02-30-10");
    assert_eq!(take(), "2026-10-25-02-30-10+0200");
    // All names of this second are taken: the run waits for the next.
    assert_eq!(take(), "2026-10-25-02-30-11");
    assert_eq!(ids(&root).len(), 4);
}

#[test]
fn a_name_is_not_given_again_while_a_later_one_of_its_minute_is_there() {
    let (_scratch, source, root) = source_and_root();
    let clock = Hands::at("2026-11-22T20:00:10Z");
    let take = || backup_at(&source, &root, &clock, "UTC").id;
    assert_eq!(take(), "2026-11-22-20-00");
    clock.set("2026-11-22T20:00:20Z");
    assert_eq!(take(), "2026-11-22-20-00-20");
    let kept =
        repository(&root).prune(Retention { last: 1, ..Retention::default() }).run().unwrap();
    assert_eq!(kept.removed, ["2026-11-22-20-00"]);
    clock.set("2026-11-22T20:00:30Z");
    assert_eq!(take(), "2026-11-22-20-00-30");
    assert_eq!(ids(&root), ["2026-11-22-20-00-20", "2026-11-22-20-00-30"]);
}

#[test]
fn latest_is_the_newest_complete_snapshot() {
    let (scratch, source, root) = source_and_root();
    let repository = repository(&root);
    let clock = Hands::at("2026-11-22T20:00:00Z");
    fs::write(source.join("file"), "first").unwrap();
    backup_at(&source, &root, &clock, "UTC");
    clock.set("2026-11-22T21:00:00Z");
    fs::write(source.join("file"), "second, longer").unwrap();
    let newest = backup_at(&source, &root, &clock, "UTC").id;
    // What it replaces is kept as an undo, which is newer, and not whole.
    repository.restore("2026-11-22-20-00", &source).in_place(true).run().unwrap();
    assert_eq!(repository.snapshots().unwrap().last().unwrap().state, State::Undo);

    assert_eq!(repository.snapshot(LATEST).unwrap().id, newest);
    assert!(repository.verify(LATEST).run().unwrap().is_good());
    let restored = scratch.path("restored");
    repository.restore(LATEST, &restored).entry(Path::new("[f]ile")).run().unwrap();
    assert_eq!(fs::read_to_string(restored.join("file")).unwrap(), "second, longer");
    let mut changes = Vec::new();
    repository.diff("2026-11-22-20-00", LATEST).run(|change| changes.push(change.path)).unwrap();
    assert_eq!(changes, [BytePath::from(Path::new("file"))]);
}

#[test]
fn there_is_no_latest_where_nothing_is_complete() {
    let (_scratch, source, root) = source_and_root();
    let repository = repository(&root);
    let (_, only) = backup(&source, &root);
    fs::remove_dir_all(repository.snapshot_path(&only.id)).unwrap();
    let error = repository.snapshot(LATEST).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn the_repeated_hour_gives_two_snapshots() {
    let (_scratch, source, root) = source_and_root();
    let clock = Hands::at("2026-10-25T00:30:10Z");
    let berlin = "Europe/Berlin";
    assert_eq!(backup_at(&source, &root, &clock, berlin).id, "2026-10-25-02-30");
    clock.set("2026-10-25T01:30:10Z");
    assert_eq!(backup_at(&source, &root, &clock, berlin).id, "2026-10-25-02-30-10");
    assert_eq!(backup_at(&source, &root, &clock, berlin).id, "2026-10-25-02-30-10+0100");
}

#[test]
fn r22_the_order_is_that_of_the_instants_not_of_the_names() {
    let (_scratch, source, root) = source_and_root();
    let clock = Hands::at("2026-11-22T20:00:00Z");
    backup_at(&source, &root, &clock, "Asia/Tokyo");
    clock.set("2026-11-22T21:00:00Z");
    let newest = backup_at(&source, &root, &clock, "UTC");
    assert_eq!(ids(&root), ["2026-11-23-05-00", "2026-11-22-21-00"]);
    assert_eq!(repository(&root).snapshots().unwrap().last(), Some(&newest));
}

#[test]
fn r22_a_clock_behind_the_last_snapshot_is_refused() {
    let (_scratch, source, root) = source_and_root();
    let clock = Hands::at("2026-11-22T20:00:00Z");
    backup_at(&source, &root, &clock, "UTC");
    clock.set("2026-11-22T19:59:59Z");
    let repository = repository(&root);
    let error = repository.backup(&source).clock(&clock).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(error.message().contains("2026-11-22-20-00"), "{error}");
    assert_eq!(folders(&root), ["2026-11-22-20-00"]);
    let mut options = BackupOptions::default();
    options.accept_clock = true;
    let done = repository.backup(&source).clock(&clock).options(options).run().unwrap();
    assert_eq!(done.snapshot.unwrap().id, "2026-11-22-19-59");
}

#[test]
fn r21_what_belongs_to_others_or_is_open_to_them_is_refused() {
    let (_scratch, source, root) = source_and_root();
    backup(&source, &root);
    let name = repository(&root).path();
    let control = name.join(".efsbackup");
    assert_eq!(fs::metadata(&name).unwrap().mode() & 0o7777, 0o700);
    let refused = || {
        let listed = repository(&root).snapshots().unwrap_err();
        let made = try_backup(&source, &root, BackupOptions::default()).unwrap_err();
        assert_eq!((listed.kind(), made.kind()), (ErrorKind::SafetyStop, ErrorKind::SafetyStop));
        listed.to_string()
    };
    let bad = [(&root, 0o770, 0o700), (&root, 0o702, 0o755), (&name, 0o750, 0o700)];
    for (dir, mode, right) in bad.into_iter().chain([(&control, 0o720, 0o700)]) {
        fs::set_permissions(dir, PermissionsExt::from_mode(mode)).unwrap();
        let text = refused();
        assert!(text.contains(&format!("mode {mode:04o}")) && text.contains("chmod"), "{text}");
        fs::set_permissions(dir, PermissionsExt::from_mode(right)).unwrap();
        assert_eq!(repository(&root).snapshots().unwrap().len(), 1);
    }
    if probe::root() {
        for dir in [&root, &name, &control] {
            std::os::unix::fs::chown(dir, Some(12345), None).unwrap();
            assert!(refused().contains("belongs to user 12345"));
            std::os::unix::fs::chown(dir, Some(0), None).unwrap();
        }
    }
    assert_eq!(folders(&root).len(), 1);
}

#[test]
fn r21_a_symbolic_link_in_place_of_the_repository_is_refused() {
    let (scratch, source, root) = source_and_root();
    backup(&source, &root);
    fs::rename(root.join("fs-1"), scratch.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(scratch.path("elsewhere"), root.join("fs-1")).unwrap();
    assert!(repository(&root).snapshots().is_err());
    assert!(try_backup(&source, &root, BackupOptions::default()).is_err());
}

#[test]
fn the_report_is_kept_beside_the_snapshot_never_inside() {
    let (_scratch, source, root) = source_and_root();
    let (done, snapshot) = backup(&source, &root);
    let kept = repository(&root).report(&snapshot.id).unwrap().unwrap();
    assert_eq!(kept.entries, done.report.entries);
    assert_eq!(kept.bytes, done.report.bytes);
    common::assert_same(&source, &at(&root, &snapshot.id));
    assert!(repository(&root).report("2000-01-01-00-00").unwrap().is_none());
}

#[test]
fn a_folder_without_a_record_is_listed_as_unknown_and_never_built_upon() {
    let (_scratch, source, root) = source_and_root();
    backup(&source, &root);
    let path = repository(&root).path();
    fs::create_dir(path.join("2999-01-01-00-00")).unwrap();
    fs::create_dir(path.join("not a snapshot")).unwrap();
    let snapshots = repository(&root).snapshots().unwrap();
    assert_eq!(snapshots.len(), 2);
    assert_eq!(
        (snapshots[0].id.as_str(), snapshots[0].state),
        ("2999-01-01-00-00", State::Unknown)
    );
    let (done, _) = backup(&source, &root);
    assert_eq!(done.report.entries.linked.file, 1);
}

#[test]
fn a_damaged_record_stops_nothing_and_its_snapshot_is_not_built_upon() {
    let (_scratch, source, root) = source_and_root();
    let (_, first) = backup(&source, &root);
    let records = repository(&root).path().join(".efsbackup/snapshots");
    for damage in ["", "{\"version\": 1", "{\"version\": 99}"] {
        fs::write(records.join(format!("{}.json", first.id)), damage).unwrap();
        let listed = repository(&root).snapshots().unwrap();
        assert_eq!((listed[0].id.as_str(), listed[0].state), (&*first.id, State::Unknown));
    }
    let (done, second) = backup(&source, &root);
    assert_eq!(done.report.entries.linked.file, 0);
    let (done, _) = backup(&source, &root);
    assert_eq!(done.report.entries.linked.file, 1);
    assert_eq!(repository(&root).snapshots().unwrap()[1], second);
}

#[test]
fn a_repository_of_another_version_is_left_alone() {
    let (_scratch, source, root) = source_and_root();
    backup(&source, &root);
    let format = repository(&root).path().join(".efsbackup/format");
    fs::write(&format, "efsbackup snapshots 2\n").unwrap();
    let error = try_backup(&source, &root, BackupOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(folders(&root).len(), 1);
}

#[test]
fn the_only_repository_needs_no_name() {
    let (_scratch, source, root) = source_and_root();
    assert_eq!(Repository::only(&root).unwrap_err().kind(), ErrorKind::NotFound);
    backup(&source, &root);
    assert_eq!(Repository::only(&root).unwrap(), repository(&root));
    Repository::new(&root, "fs-2").unwrap().backup(&source).run().unwrap();
    let error = Repository::only(&root).unwrap_err();
    assert!(error.message().contains("fs-1, fs-2"), "{error}");
    for name in ["", ".", "..", ".x", "a/b", "a\0b"] {
        assert_eq!(Repository::new(&root, name).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
