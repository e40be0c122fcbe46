//! Restoring over what is there: the plan, the undo, and what is left alone.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::repository::{at, backup, folders, repository};
use common::{Scratch, assert_same, dir, file, hardlink, probe, read, symlink};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::{Action, EntryEvent, Jobs, Listener, Options};
use efsbackup_core::snapshot::{RestoreReport, State};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

fn deleting() -> Options {
    let mut options = Options::default();
    options.delete = true;
    options
}

fn in_place(root: &Path, id: &str, destination: &Path, options: Options) -> RestoreReport {
    let repository = repository(root);
    let restore = repository.restore(id, destination).in_place(true).options(options);
    let done = restore.run().unwrap();
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    done
}

/// A copy with everything, by another program.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

#[test]
fn r23_an_undo_gives_back_exactly_what_was_there() {
    for seed in 0..4 {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, &scratch.path(""));
        let live = scratch.build("live", &random.tree(6, 3));
        fs::write(live.join("a file"), "x").unwrap();
        let root = scratch.path("root");
        let (_, snapshot) = backup(&live, &root);
        random.edit(&live, 25);
        fs::write(live.join("a file"), "another").unwrap();
        let before = scratch.path("before");
        copy(&live, &before);
        assert_same(&before, &live);

        let mut options = deleting();
        options.checksum = true;
        options.max_delete = efsbackup_core::mirror::MaxDelete::Percent(100);
        let done = in_place(&root, &snapshot.id, &live, options);
        assert_same(&at(&root, &snapshot.id), &live);
        let undo = done.undo.unwrap();
        assert_eq!(undo.state, State::Undo);
        assert!(repository(&root).verify(&undo.id).run().unwrap().is_good());

        let undone = in_place(&root, &undo.id, &live, Options::default());
        assert_same(&before, &live);
        // And the undo of the undo does it again.
        in_place(&root, &undone.undo.unwrap().id, &live, Options::default());
        assert_same(&at(&root, &snapshot.id), &live);
        assert!(repository(&root).verify(&snapshot.id).run().unwrap().is_good(), "seed {seed}");
    }
}

/// What would be or was done.
#[derive(Default)]
struct Changes(Mutex<BTreeSet<(String, String)>>);

impl Listener for Changes {
    fn entry(&self, event: &EntryEvent<'_>) {
        if event.action != Action::Unchanged {
            let change = (event.path.to_string(), format!("{:?}", event.action));
            self.0.lock().unwrap().insert(change);
        }
    }
}

#[test]
fn a_dry_run_is_the_plan_and_changes_nothing() {
    let scratch = Scratch::new();
    let mut random = Random::new(77, &scratch.path(""));
    let live = scratch.build("live", &random.tree(6, 3));
    fs::write(live.join("a file"), "x").unwrap();
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    random.edit(&live, 20);
    let before = (format!("{:?}", read(&live)), format!("{:?}", read(&root)));
    let [planned, done] = [true, false].map(|dry_run| {
        let mut options = deleting();
        options.dry_run = dry_run;
        // Of a file's names the one met first is made, the others are linked to it.
        options.jobs = Jobs::Count(1);
        let changes = Changes::default();
        let repository = repository(&root);
        let restore = repository.restore(&snapshot.id, &live).in_place(true);
        let report = restore.options(options).listener(&changes).run().unwrap();
        if dry_run {
            assert!(report.undo.is_none());
            let after = (format!("{:?}", read(&live)), format!("{:?}", read(&root)));
            assert!(before == after);
        }
        (changes.0.into_inner().unwrap(), report.report.entries)
    });
    assert!(!planned.0.is_empty());
    assert!(planned.0.is_subset(&done.0));
    // A further name of a file that is made anew is linked anew, which no dry run tells.
    for (path, action) in done.0.difference(&planned.0) {
        assert_eq!(action, "Updated", "{path}");
    }
    assert_eq!(planned.1.deleted.total(), done.1.deleted.total());
    assert_eq!(planned.1.created.total(), done.1.created.total());
}

#[test]
fn without_delete_nothing_is_removed_and_what_is_equal_is_not_touched() {
    let scratch = Scratch::new();
    let live = scratch.build(
        "live",
        &tree! { "same" => file("same"), "lost" => file("lost"), "d" => dir(tree! { "f" => file("1") }) },
    );
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::remove_file(live.join("lost")).unwrap();
    fs::write(live.join("mine"), "mine").unwrap();
    fs::write(live.join("d/f"), "longer").unwrap();
    let same = fs::metadata(live.join("same")).unwrap();
    let done = in_place(&root, &snapshot.id, &live, Options::default());
    let entries = done.report.entries;
    assert_eq!((entries.scanned.file, entries.created.file, entries.updated.file), (3, 1, 1));
    assert_eq!((entries.unchanged.file, entries.deleted.total()), (1, 0));
    assert_eq!(fs::read_to_string(live.join("mine")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(live.join("d/f")).unwrap(), "1");
    assert_eq!(fs::metadata(live.join("same")).unwrap().ino(), same.ino());
    // Only what was replaced is kept, and what leads to it.
    let undo = at(&root, &done.undo.unwrap().id);
    assert_eq!(fs::read_to_string(undo.join("d/f")).unwrap(), "longer");
    assert!(!undo.join("same").exists() && !undo.join("mine").exists());
    // Restored again, there is nothing to do and nothing to undo.
    assert!(in_place(&root, &snapshot.id, &live, Options::default()).undo.is_none());
    assert_eq!(folders(&root).len(), 2);
}

#[test]
fn one_file_is_restored_and_all_else_stays() {
    let scratch = Scratch::new();
    let tree = tree! {
        "a" => dir(tree! { "f" => file("f"), "g" => file("g"), "h" => hardlink("a/f") }),
        "b" => file("b"),
    };
    let live = scratch.build("live", &tree);
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    for name in ["a/f", "a/g", "b"] {
        fs::write(live.join(name), "edited").unwrap();
    }
    fs::set_permissions(live.join("a"), PermissionsExt::from_mode(0o711)).unwrap();
    let before = scratch.path("before");
    copy(&live, &before);
    let repository = repository(&root);
    let restore = || repository.restore(&snapshot.id, &live).path(&b"a/f"[..]);
    let refused = restore().run().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SafetyStop);
    assert!(refused.message().contains("--in-place"), "{refused}");
    assert_same(&before, &live);

    let done = restore().in_place(true).options(deleting()).run().unwrap();
    assert_eq!(done.exit_status(), 0);
    assert_eq!(fs::read_to_string(live.join("a/f")).unwrap(), "f");
    for name in ["a/g", "a/h", "b"] {
        assert_eq!(fs::read_to_string(live.join(name)).unwrap(), "edited", "{name}");
    }
    assert_eq!(fs::metadata(live.join("a")).unwrap().mode() & 0o7777, 0o711);
    in_place(&root, &done.undo.unwrap().id, &live, Options::default());
    assert_same(&before, &live);
}

#[test]
fn an_undo_is_of_one_place_and_whole() {
    let scratch = Scratch::new();
    let live = scratch.build("live", &tree! { "f" => file("old") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::write(live.join("f"), "edited").unwrap();
    let undo = in_place(&root, &snapshot.id, &live, Options::default()).undo.unwrap();
    let other = scratch.build("other", &tree! { "f" => file("precious") });
    let repository = repository(&root);
    let refused = repository.restore(&undo.id, &other).in_place(true).run().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SafetyStop);
    assert_eq!(fs::read_to_string(other.join("f")).unwrap(), "precious");
    let part = repository.restore(&undo.id, &live).in_place(true).path(&b"f"[..]).run();
    assert_eq!(part.unwrap_err().kind(), ErrorKind::InvalidInput);
    repository.restore(&undo.id, scratch.path("aside")).run().unwrap();
    assert_eq!(fs::read_to_string(scratch.path("aside/f")).unwrap(), "edited");
    // A list that can't be trusted removes nothing.
    let list = repository.path().join(format!(".efsbackup/snapshots/{}.created", undo.id));
    let mut bytes = fs::read(&list).unwrap();
    bytes[3] ^= 1;
    fs::write(&list, bytes).unwrap();
    let damaged = repository.restore(&undo.id, &live).in_place(true).run().unwrap_err();
    assert!(damaged.message().contains("damaged"), "{damaged}");
    assert_eq!(fs::read_to_string(live.join("f")).unwrap(), "old");
}

#[test]
fn what_came_into_a_restored_directory_stays_when_it_is_undone() {
    let scratch = Scratch::new();
    let live = scratch
        .build("live", &tree! { "keep" => file(""), "d" => dir(tree! { "f" => file("f") }) });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::remove_dir_all(live.join("d")).unwrap();
    let undo = in_place(&root, &snapshot.id, &live, Options::default()).undo.unwrap();
    fs::write(live.join("d/new"), "new").unwrap();
    in_place(&root, &undo.id, &live, Options::default());
    assert!(!live.join("d/f").exists());
    assert_eq!(fs::read_to_string(live.join("d/new")).unwrap(), "new");
}

#[test]
fn backups_neither_link_from_an_undo_nor_count_it() {
    let scratch = Scratch::new();
    let live = scratch.build("live", &tree! { "f" => file("old"), "g" => file("g") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::write(live.join("f"), "edited").unwrap();
    let undo = in_place(&root, &snapshot.id, &live, Options::default()).undo.unwrap();
    let (done, _) = backup(&live, &root);
    // `f` is another file now, with the content and time of the first: linked from there.
    assert_eq!((done.report.entries.linked.file, done.report.bytes.copied), (2, 0));
    let states: Vec<_> =
        repository(&root).snapshots().unwrap().iter().map(|snapshot| snapshot.state).collect();
    assert_eq!(states, [State::Complete, State::Undo, State::Complete]);
    assert_eq!(fs::read_to_string(at(&root, &undo.id).join("f")).unwrap(), "edited");
}

#[test]
fn r23_an_undo_that_does_not_fit_is_refused_with_what_is_missing() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(small) = probe::Mount::tmpfs(&scratch.path("small"), 4 << 20) else { return };
    let live = scratch.build("live", &tree! { "f" => file("f") });
    let (_, snapshot) = backup(&live, small.path());
    fs::write(live.join("f"), vec![7_u8; 6 << 20]).unwrap();
    let repository = repository(small.path());
    let refused = repository.restore(&snapshot.id, &live).in_place(true).run().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SafetyStop);
    assert!(refused.message().contains("6291456 bytes"), "{refused}");
    assert!(refused.message().contains("too few"), "{refused}");
    assert_eq!(fs::metadata(live.join("f")).unwrap().len(), 6 << 20);
    assert_eq!(folders(small.path()).len(), 1);
    let done = repository.restore(&snapshot.id, &live).in_place(true).undo(false).run().unwrap();
    assert!(done.undo.is_none());
    assert_eq!(fs::read_to_string(live.join("f")).unwrap(), "f");
}

#[test]
fn too_much_to_remove_is_withheld_before_anything_changes() {
    let scratch = Scratch::new();
    let live = scratch.build("live", &tree! { "f" => file("f") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::write(live.join("f"), "edited").unwrap();
    for number in 0..200 {
        fs::write(live.join(format!("more {number}")), "").unwrap();
    }
    let before = format!("{:?}", read(&live));
    let repository = repository(&root);
    let restore = repository.restore(&snapshot.id, &live).in_place(true).options(deleting());
    let done = restore.run().unwrap();
    assert_eq!(done.exit_status(), 25);
    assert!(done.undo.is_none());
    assert_eq!(before, format!("{:?}", read(&live)));
    assert_eq!(folders(&root).len(), 1);
}

#[test]
fn another_type_in_the_way_is_replaced_and_comes_back() {
    let scratch = Scratch::new();
    let tree = tree! {
        "was file" => file("f"), "was dir" => dir(tree! { "x" => dir(tree! { "y" => file("y") }) }),
        "was link" => symlink("nowhere"),
    };
    let live = scratch.build("live", &tree);
    let root = scratch.path("root");
    let (_, snapshot) = backup(&live, &root);
    fs::remove_file(live.join("was file")).unwrap();
    fs::create_dir_all(live.join("was file/deep/er")).unwrap();
    fs::write(live.join("was file/deep/er/f"), "content").unwrap();
    fs::remove_dir_all(live.join("was dir")).unwrap();
    fs::write(live.join("was dir"), "now a file").unwrap();
    fs::remove_file(live.join("was link")).unwrap();
    fs::create_dir(live.join("was link")).unwrap();
    let before = scratch.path("before");
    copy(&live, &before);
    let done = in_place(&root, &snapshot.id, &live, deleting());
    assert_same(&at(&root, &snapshot.id), &live);
    in_place(&root, &done.undo.unwrap().id, &live, Options::default());
    assert_same(&before, &live);
}
