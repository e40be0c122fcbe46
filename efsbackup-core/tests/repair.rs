//! `verify --repair`: what is damaged comes back from the source, where that has it still; and
//! `verify --source` compares what the snapshot was to have.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, backup, folders, repository, try_backup};
use common::{Scratch, assert_same, dir, fifo, file, hardlink, symlink};
use efsbackup_core::mirror::Filter;
use efsbackup_core::snapshot::{BackupOptions, Verification};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn verify(root: &Path, id: &str) -> Verification {
    repository(root).verify(id).run().unwrap()
}

/// Writes other content of the same length, with the same time.
fn rot(path: &Path) {
    let times = fs::metadata(path).unwrap().modified().unwrap();
    let mut content = fs::read(path).unwrap();
    content[0] ^= 1;
    fs::write(path, content).unwrap();
    fs::File::open(path).unwrap().set_modified(times).unwrap();
}

fn inode(path: PathBuf) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn r20_repair_mends_the_entry_in_every_snapshot_that_shares_it() {
    let scratch = Scratch::new();
    let tree = tree! {
        "d" => dir(tree! {
            "f" => file("content").mode(0o751).xattr("user.a", b"1"), "hard" => hardlink("d/f"),
            "mode" => file("mode"), "fifo" => fifo(),
        }).mode(0o750),
        "link" => symlink("target"), "other" => file("other"),
    };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let ids: Vec<String> = (0..3).map(|_| backup(&source, &root).1.id).collect();
    let names = ["d/f", "d/hard", "d/mode", "other"];
    rot(&at(&root, &ids[1]).join("d/f"));
    let place = at(&root, &ids[1]);
    fs::set_permissions(place.join("d/mode"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::set_permissions(place.join("d"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::remove_file(place.join("link")).unwrap();
    fs::remove_file(place.join("d/fifo")).unwrap();
    fs::write(place.join("extra"), "").unwrap();
    let untouched = inode(place.join("other"));

    let found = repository(&root).verify(&ids[1]).repair(&source).run().unwrap();
    assert!(found.unrepaired.is_none(), "{:?}", found.unrepaired);
    let left: Vec<String> =
        found.differences.iter().filter(|d| !d.repaired).map(|d| d.path.to_string()).collect();
    assert_eq!(left, ["extra"]);
    assert_eq!((found.repaired, found.is_good()), (7, false));
    fs::remove_file(place.join("extra")).unwrap();
    let again = repository(&root).verify(&ids[1]).repair(&source).run().unwrap();
    assert!(again.is_good(), "{:?}", again.differences);

    for id in &ids {
        let good = verify(&root, id);
        assert!(good.differences.is_empty(), "{id}: {:?}", good.differences);
        assert_same(&source, &at(&root, id));
        for name in names {
            // Shared still.
            assert_eq!(inode(at(&root, id).join(name)), inode(at(&root, &ids[0]).join(name)));
        }
    }
    assert_eq!(inode(place.join("other")), untouched);
    let (done, _) = backup(&source, &root);
    assert_eq!(done.report.bytes.copied, 0);
    assert_eq!(folders(&root).len(), 4);
}

#[test]
fn what_the_source_has_otherwise_is_not_taken() {
    let scratch = Scratch::new();
    let tree = tree! { "newer" => file("1"), "sly" => file("22"), "gone" => file("333") };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    for name in ["newer", "sly", "gone"] {
        rot(&at(&root, &snapshot.id).join(name));
    }
    fs::write(source.join("newer"), "4").unwrap();
    // The right size and time, and another content.
    let times = fs::metadata(source.join("sly")).unwrap().modified().unwrap();
    fs::write(source.join("sly"), "ZZ").unwrap();
    fs::File::open(source.join("sly")).unwrap().set_modified(times).unwrap();
    fs::remove_file(source.join("gone")).unwrap();
    let before = format!("{:?}", common::read(&at(&root, &snapshot.id)));
    let found = repository(&root).verify(&snapshot.id).repair(&source).run().unwrap();
    assert_eq!((found.repaired, found.differences_total), (0, 3));
    assert!(!found.is_good() && found.unrepaired.is_none());
    assert_eq!(before, format!("{:?}", common::read(&at(&root, &snapshot.id))));
    assert_eq!(folders(&root), [snapshot.id.as_str()]);
}

#[test]
fn a_comparison_with_the_source_leaves_out_what_the_snapshot_was_not_to_have() {
    let scratch = Scratch::new();
    let tree = tree! {
        "keep" => file("1"), "a.log" => file("2"), b"odd\\\n\xff" => file("3"),
        "tmp" => dir(tree! { "x" => file("4") }), "fifo" => fifo(),
    };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let mut options = BackupOptions::default();
    options.mirror.filter = Filter::new()
        .include("keep")
        .and_then(|filter| filter.exclude("*.log"))
        .and_then(|filter| filter.exclude(b"odd\\\n\xff"))
        .and_then(|filter| filter.exclude("tmp/"))
        .unwrap();
    options.mirror.specials = false;
    let id = try_backup(&source, &root, options).unwrap().snapshot.unwrap().id;
    let compare = || repository(&root).verify(&id).against(&source).run().unwrap();
    let good = compare();
    assert!(good.is_good() && good.contents_compared, "{:?}", good.differences);
    fs::write(source.join("new"), "").unwrap();
    fs::write(source.join("new.log"), "").unwrap();
    let found = compare();
    let told: Vec<_> = found.differences.iter().map(|d| d.path.to_string()).collect();
    assert_eq!(told, ["", "new"], "the root's time, and what is new");
}
