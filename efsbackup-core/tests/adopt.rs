//! Folders that other programs made become snapshots, and what is not clear does not.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, backup, folders, repository};
use common::{Scratch, assert_same, dir, file, hardlink, probe, read, symlink};
use efsbackup_core::snapshot::{Adopted, Retention, State, TimeFrom};
use efsbackup_core::{Error, ErrorKind};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

const DAY: u64 = 24 * 3600;

/// `daily.0` to `daily.2` as `cp -al` and a copy into `daily.0` leave them.
fn rotated(scratch: &Scratch) -> (PathBuf, Vec<PathBuf>) {
    let tree = tree! {
        "same" => file("same").mtime(5, 6), "d" => dir(tree! { "hard" => hardlink("same") }),
        "link" => symlink("same"),
    };
    let source = scratch.build("source", &tree);
    let old = scratch.path("old");
    fs::create_dir(&old).unwrap();
    let folders: Vec<PathBuf> = (0..3).map(|number| old.join(format!("daily.{number}"))).collect();
    run("cp", &["-a"], &[&source, &folders[2]]);
    for number in [1, 0] {
        run("cp", &["-al"], &[&folders[number + 1], &folders[number]]);
        fs::write(folders[number].join("new"), number.to_string()).unwrap();
    }
    for (number, folder) in folders.iter().enumerate() {
        modified(folder, number as u64 + 1);
    }
    (source, folders)
}

fn run(program: &str, options: &[&str], paths: &[&Path]) {
    assert!(Command::new(program).args(options).args(paths).status().unwrap().success());
}

/// Sets the time of a folder: so many days ago.
fn modified(folder: &Path, days_ago: u64) {
    let time = SystemTime::now() - Duration::from_secs(days_ago * DAY);
    fs::File::open(folder).unwrap().set_modified(time).unwrap();
}

fn try_adopt(root: &Path, folders: &[PathBuf]) -> Result<Vec<Adopted>, Error> {
    repository(root).adopt(folders).run()
}

#[test]
fn rotated_folders_become_snapshots_that_later_backups_share_with() {
    let scratch = Scratch::new();
    let (source, old) = rotated(&scratch);
    let root = scratch.path("root");
    let before = format!("{:?}", read(&scratch.path("old")));
    let inode = fs::metadata(old[0].join("same")).unwrap().ino();
    let planned = repository(&root).adopt(&old).dry_run(true).run().unwrap();
    assert!(!root.exists());
    assert_eq!(before, format!("{:?}", read(&scratch.path("old"))));

    let copies: Vec<PathBuf> =
        (0..3).map(|number| scratch.path(&format!("copy{number}"))).collect();
    for (folder, copy) in old.iter().zip(&copies) {
        run("cp", &["-a"], &[folder, copy]);
    }
    let adopted = try_adopt(&root, &old).unwrap();
    let ids = |adopted: &[Adopted]| adopted.iter().map(|a| a.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&planned), ids(&adopted));
    assert!(adopted.iter().all(|one| one.time_from == TimeFrom::Modified));
    // The oldest first.
    let numbers: Vec<_> = adopted.iter().map(|one| one.folder.file_name().unwrap()).collect();
    assert_eq!(numbers, ["daily.2", "daily.1", "daily.0"]);
    for (one, copy) in adopted.iter().rev().zip(&copies) {
        assert_same(copy, &at(&root, &one.id));
    }
    assert_eq!(fs::read_dir(scratch.path("old")).unwrap().count(), 0);
    assert_eq!(fs::metadata(at(&root, &adopted[2].id).join("same")).unwrap().ino(), inode);

    // Not trusted before it was verified: nothing is shared, nothing is removed.
    let repository = repository(&root);
    let states = || -> Vec<State> {
        repository.snapshots().unwrap().iter().map(|snapshot| snapshot.state).collect()
    };
    assert_eq!(states(), [State::Adopted; 3]);
    let prune = repository.prune(Retention { last: 1, ..Retention::default() }).run().unwrap();
    assert!(prune.removed.is_empty());
    for one in &adopted {
        let found = repository.verify(&one.id).run().unwrap();
        assert!(found.is_good() && found.contents_compared, "{:?}", found.differences);
        assert_eq!(found.files_without_digest, 0);
        assert!(found.unrecorded.is_none());
    }
    assert_eq!(states(), [State::Complete; 3]);
    let (done, new) = backup(&source, &root);
    assert_eq!(done.report.bytes.copied, 0, "all is linked from the newest");
    assert_same(&source, &at(&root, &new.id));
    let prune = repository.prune(Retention { last: 1, ..Retention::default() }).run().unwrap();
    assert_eq!(prune.removed.len(), 3);
}

#[test]
fn dated_folders_take_their_time_from_their_names_also_inside_the_repository() {
    let scratch = Scratch::new();
    let root = scratch.path("root");
    let inside = root.join("fs-1");
    fs::create_dir_all(&inside).unwrap();
    for path in [&root, &inside] {
        fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    }
    let names = ["2026-01-02-03-04", "2026-01-05", "backup-20260107T2359"];
    for name in names {
        fs::create_dir(inside.join(name)).unwrap();
        fs::write(inside.join(name).join("f"), name).unwrap();
    }
    let all: Vec<PathBuf> = names.iter().map(|name| inside.join(name)).collect();
    let adopted = try_adopt(&root, &all).unwrap();
    let ids: Vec<&str> = adopted.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["2026-01-02-03-04", "2026-01-05-00-00", "2026-01-07-23-59"]);
    assert!(adopted.iter().all(|one| one.time_from == TimeFrom::Name));
    assert_eq!(folders(&root), ids);
    assert_eq!(fs::read_to_string(inside.join(ids[1]).join("f")).unwrap(), names[1]);
    let error = try_adopt(&root, &[inside.join(ids[0])]).unwrap_err();
    assert!(error.message().contains("already"), "{error}");
}

#[test]
fn what_is_unclear_or_unfinished_is_refused_before_anything_changes() {
    let scratch = Scratch::new();
    let (_, old) = rotated(&scratch);
    let root = scratch.path("root");
    let place = scratch.path("old");
    fs::create_dir(place.join("empty")).unwrap();
    fs::write(place.join("a file"), "").unwrap();
    std::os::unix::fs::symlink(&old[0], place.join("link")).unwrap();
    for name in [".hidden", "_delete.12", "daily.9.tmp", "2026-01-01_2026-01-02", "2099-01-01"] {
        fs::create_dir(place.join(name)).unwrap();
        fs::write(place.join(name).join("f"), "").unwrap();
    }
    let before = format!("{:?}", read(&place));
    for (name, why) in [
        ("empty", "empty"),
        ("a file", "no directory"),
        ("link", "no directory"),
        (".hidden", "unfinished"),
        ("_delete.12", "unfinished"),
        ("daily.9.tmp", "unfinished"),
        ("2026-01-01_2026-01-02", "several dates"),
        ("2099-01-01", "a time to come"),
        ("daily.1/d", "inside another"),
        ("daily.1", "twice"),
        ("../root-above", "holds the repository"),
    ] {
        fs::create_dir_all(scratch.path("root-above/x")).unwrap();
        let root =
            if name == "../root-above" { scratch.path("root-above/x") } else { root.clone() };
        let error = try_adopt(&root, &[old[1].clone(), place.join(name)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop, "{name}: {error}");
        assert!(error.message().contains(why), "{name}: {error}");
        assert!(error.message().contains("nothing was changed"), "{name}: {error}");
    }
    // The times say another order than the numbers.
    modified(&old[2], 0);
    let error = try_adopt(&root, &old).unwrap_err();
    assert!(error.message().contains("by its number older"), "{error}");
    let time = fs::metadata(&old[0]).unwrap().modified().unwrap();
    fs::File::open(&old[2]).unwrap().set_modified(time).unwrap();
    let error = try_adopt(&root, &old).unwrap_err();
    assert!(error.message().contains("same second"), "{error}");
    modified(&old[2], 3);
    assert!(!root.exists());
    let names = |text: &str| text.matches("kind").count();
    assert_eq!(names(&before), names(&format!("{:?}", read(&place))));
}

#[test]
fn a_folder_on_another_file_system_is_refused() {
    let scratch = Scratch::new();
    let Some(other) = probe::Mount::tmpfs(&scratch.path("other"), 1 << 20) else { return };
    let folder = other.path().join("daily.0");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("f"), "").unwrap();
    for (folder, why) in [(folder, "another file system"), (other.path().to_owned(), "another")] {
        let error = try_adopt(&scratch.path("root"), &[folder]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        assert!(error.message().contains(why), "{error}");
    }
}

#[test]
fn an_adoption_that_was_killed_is_tidied_up_or_done_again() {
    let scratch = Scratch::new();
    let (source, old) = rotated(&scratch);
    let root = scratch.path("root");
    let adopted = try_adopt(&root, &old[2..]).unwrap();
    // As if killed before the folder was renamed: a record without a folder, and a journal.
    let path = repository(&root).path();
    let (id, control) = (&adopted[0].id, path.join(".efsbackup"));
    fs::rename(at(&root, id), &old[2]).unwrap();
    let record = fs::read_to_string(control.join(format!("snapshots/{id}.json"))).unwrap();
    let run = record.split_once("\"run\": \"").unwrap().1.split_once('"').unwrap().0.to_owned();
    fs::write(control.join(format!("journal-{run}")), "").unwrap();
    assert!(repository(&root).snapshots().unwrap().is_empty());
    backup(&source, &root);
    assert!(!control.join(format!("snapshots/{id}.json")).exists());
    assert_eq!(try_adopt(&root, &old[2..]).unwrap()[0].id, *id);
}
