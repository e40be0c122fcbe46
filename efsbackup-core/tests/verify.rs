//! Verifying a snapshot against its manifest: what was damaged is found and named, and
//! later backups do not share it.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, backup, repository};
use common::{Scratch, Tree, assert_same, dir, fifo, file, hardlink, probe, sparse, symlink};
use efsbackup_core::snapshot::{DifferenceKind, Verification};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn some_tree() -> Tree {
    tree! {
        "file" => file("content").mode(0o640).mtime(1_000_000_000, 123_456_789),
        "hard" => hardlink("file"),
        "link" => symlink("nowhere"),
        "fifo" => fifo(),
        "holes" => sparse(1 << 20, &[(1 << 19, b"data")]),
        "large" => file(vec![1_u8; 300 << 10]),
        "empty" => file(""),
        b"\xff\n" => dir(tree! { "deep" => file("s").mode(0o4755) }).mode(0o700),
    }
}

fn verify(root: &Path, id: &str) -> Verification {
    repository(root).verify(id).run().unwrap()
}

/// The differences as `path: kind: what`.
fn found(verification: &Verification) -> Vec<String> {
    let differences = verification.differences.iter();
    differences.map(|d| format!("{}: {}: {}", d.path, d.kind.name(), d.what)).collect()
}

fn flip(path: &Path, at: u64) {
    let before = fs::metadata(path).unwrap();
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    // As rot does: no time tells of it.
    file.set_modified(before.modified().unwrap()).unwrap();
}

#[test]
fn snapshots_that_nothing_happened_to_are_good() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    for _ in 0..3 {
        let (_, snapshot) = backup(&source, &root);
        let good = verify(&root, &snapshot.id);
        assert!(good.is_good(), "{:?} {:?}", found(&good), good.report.errors);
        assert!(good.contents_compared);
        assert_eq!((good.files_read, good.files_without_digest), (6, 0));
    }
}

/// A tmpfs holds times that few other file systems do.
#[test]
fn a_time_that_the_repository_cannot_hold_is_no_damage() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(mount) = probe::Mount::tmpfs(&scratch.path("source"), 1 << 20) else { return };
    let far = || file("x").mtime(17_000_000_000, 5);
    let tree = tree! {
        "a" => far(), "d" => dir(tree! { "b" => far() }).mtime(20_000_000_000, 0),
        "l" => symlink("a").mtime(-9_000_000_000, 0),
    };
    common::build::build(&mount.path().join("tree"), &tree);
    let root = scratch.path("root");
    for _ in 0..2 {
        let (_, snapshot) = backup(&mount.path().join("tree"), &root);
        let good = verify(&root, &snapshot.id);
        assert!(good.is_good(), "{:?} {:?}", found(&good), good.report.errors);
    }
}

#[test]
fn one_flipped_byte_anywhere_is_found_and_named() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let (_, second) = backup(&source, &root);
    let size = (300 << 10) as u64;
    for (name, at_byte) in
        [("large", 0), ("large", size / 2), ("large", size - 1), ("holes", 5), ("holes", 1 << 19)]
    {
        let path = at(&root, &second.id).join(name);
        flip(&path, at_byte);
        // It is one file in both snapshots.
        for id in [&first.id, &second.id] {
            assert_eq!(
                found(&verify(&root, id)),
                [format!("{name}: corrupted: content differs")],
                "byte {at_byte}"
            );
        }
        flip(&path, at_byte);
        assert!(verify(&root, &second.id).is_good());
    }
}

#[test]
fn missing_extra_and_changed_entries_are_told_apart() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let path = at(&root, &snapshot.id);
    fs::remove_file(path.join("fifo")).unwrap();
    fs::write(path.join("more"), "").unwrap();
    fs::set_permissions(path.join("empty"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::remove_file(path.join("link")).unwrap();
    std::os::unix::fs::symlink("elsewhere", path.join("link")).unwrap();
    fs::write(path.join("large"), "short").unwrap();
    let second = found(&verify(&root, &snapshot.id));
    let expected = [
        ": metadata-changed: time differs",
        "empty: metadata-changed: mode differs",
        "fifo: missing: missing",
        "large: corrupted: size, content differ",
        "link: corrupted: target differs",
        "more: extra: not in the manifest",
    ];
    assert_eq!(second, expected);
}

#[test]
fn a_name_that_is_no_longer_the_same_file_is_found() {
    let scratch = Scratch::new();
    let tree = tree! {
        "a" => file("1").mtime(5, 5), "b" => hardlink("a"), "c" => file("1").mtime(5, 5),
    };
    let source = scratch.build("source", &tree);
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let path = at(&root, &snapshot.id);
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    let restore_time = || fs::File::open(&path).unwrap().set_modified(times).unwrap();
    assert!(verify(&root, &snapshot.id).is_good());
    // Joined with another file of the same content and metadata.
    fs::remove_file(path.join("c")).unwrap();
    fs::hard_link(path.join("a"), path.join("c")).unwrap();
    restore_time();
    let joined = found(&verify(&root, &snapshot.id));
    assert!(joined.iter().any(|line| line.ends_with("hard links differ")), "{joined:?}");
    // Parted: a copy of its own.
    for name in ["b", "c"] {
        fs::remove_file(path.join(name)).unwrap();
        fs::write(path.join(name), "1").unwrap();
        let copy = fs::File::open(path.join(name)).unwrap();
        copy.set_modified(fs::metadata(path.join("a")).unwrap().modified().unwrap()).unwrap();
    }
    restore_time();
    assert_eq!(found(&verify(&root, &snapshot.id)), ["b: metadata-changed: hard links differ"]);
}

#[test]
fn extended_attributes_are_compared() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x").xattr("user.a", b"1") });
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    assert!(verify(&root, &snapshot.id).is_good());
    let path = at(&root, &snapshot.id).join("f");
    rustix::fs::setxattr(&path, "user.a", b"2", rustix::fs::XattrFlags::empty()).unwrap();
    assert_eq!(found(&verify(&root, &snapshot.id)), ["f: metadata-changed: xattrs differs"]);
}

#[test]
fn a_moved_repository_still_verifies() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let moved = scratch.path("moved");
    let copied = std::process::Command::new("cp").arg("-a").args([&root, &moved]).status().unwrap();
    assert!(copied.success());
    let good = verify(&moved, &snapshot.id);
    assert!(good.is_good(), "{:?}", found(&good));
}

#[test]
fn r20_later_backups_copy_damaged_files_anew_and_never_link_from_them() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let inode = |id: &str, name: &str| fs::metadata(at(&root, id).join(name)).unwrap().ino();
    for name in ["large", "hard"] {
        flip(&at(&root, &first.id).join(name), 3);
    }
    // Not noticed yet: the rot is shared.
    let (_, second) = backup(&source, &root);
    assert_eq!(inode(&first.id, "large"), inode(&second.id, "large"));
    assert_eq!(verify(&root, &second.id).differences_total, 3, "large, and both names of file");
    let (_, third) = backup(&source, &root);
    for name in ["large", "hard"] {
        assert_ne!(inode(&second.id, name), inode(&third.id, name), "{name}");
    }
    assert_eq!(inode(&second.id, "holes"), inode(&third.id, "holes"));
    assert_same(&source, &at(&root, &third.id));
    assert!(verify(&root, &third.id).is_good());
    let (done, fourth) = backup(&source, &root);
    assert_eq!(done.report.bytes.copied, 0, "the good copy is shared again");
    assert!(verify(&root, &fourth.id).is_good());
    // Mended by hand, it is forgotten.
    for name in ["large", "hard"] {
        flip(&at(&root, &second.id).join(name), 3);
    }
    let list = control(&root).join(format!("{}.bad", second.id));
    assert!(list.exists());
    assert!(verify(&root, &second.id).is_good());
    assert!(!list.exists());
}

fn control(root: &Path) -> PathBuf {
    repository(root).path().join(".efsbackup/snapshots")
}

#[test]
fn a_sample_reads_some_files_and_compares_the_metadata_of_all() {
    let scratch = Scratch::new();
    let source = scratch.path("source");
    fs::create_dir(&source).unwrap();
    for number in 0..400 {
        fs::write(source.join(number.to_string()), number.to_string()).unwrap();
    }
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let sampled = repository(&root).verify(&snapshot.id).sample(25.0).run().unwrap();
    assert!(sampled.is_good());
    assert!((20..250).contains(&sampled.files_read), "{} files read", sampled.files_read);
    let path = at(&root, &snapshot.id).join("7");
    fs::File::open(path).unwrap().set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
    let sampled = repository(&root).verify(&snapshot.id).sample(0.1).run().unwrap();
    assert_eq!(found(&sampled), ["7: metadata-changed: time differs"]);
    assert_eq!(sampled.differences[0].kind, DifferenceKind::Metadata);
    assert!(repository(&root).verify(&snapshot.id).sample(0.0).run().is_err());
}

#[test]
fn a_damaged_or_exchanged_manifest_is_told_and_costs_no_later_backup() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let manifest = control(&root).join(format!("{}.manifest", first.id));
    let whole = fs::read(&manifest).unwrap();
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&manifest, &whole[..cut]).unwrap();
        let told = found(&verify(&root, &first.id));
        assert!(told.iter().any(|line| line.contains("the manifest: it is damaged")), "{told:?}");
    }
    // The next snapshot links as ever; what no manifest knows is read.
    let (done, second) = backup(&source, &root);
    assert_eq!(done.report.bytes.copied, 0);
    let good = verify(&root, &second.id);
    assert!(good.is_good(), "{:?}", found(&good));
    assert_eq!((good.files_read, good.files_without_digest), (6, 0));
    fs::write(source.join("file"), "CONTENT").unwrap();
    let (_, third) = backup(&source, &root);
    fs::copy(control(&root).join(format!("{}.manifest", third.id)), &manifest).unwrap();
    let told = found(&verify(&root, &first.id));
    assert!(told[0].contains("not the one that was recorded"), "{told:?}");
}

#[test]
fn without_a_manifest_a_snapshot_is_still_listed_restored_and_counted() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    // As an older version left it.
    fs::remove_file(control(&root).join(format!("{}.manifest", snapshot.id))).unwrap();
    let record = control(&root).join(format!("{}.json", snapshot.id));
    let text = fs::read_to_string(&record).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| {
            !["\"manifest\"", "\"report\"", "\"check\""].iter().any(|key| line.contains(key))
        })
        .collect();
    fs::write(&record, lines.join("\n")).unwrap();
    assert_eq!(repository(&root).snapshots().unwrap(), std::slice::from_ref(&snapshot));
    let counted = verify(&root, &snapshot.id);
    assert!(counted.is_good() && !counted.contents_compared);
    repository(&root).restore(&snapshot.id, scratch.path("out")).run().unwrap();
    assert_same(&source, &scratch.path("out"));
    fs::remove_file(at(&root, &snapshot.id).join("empty")).unwrap();
    let fewer = verify(&root, &snapshot.id);
    assert!(!fewer.is_good());
    assert_eq!(found(&fewer)[0], ": missing: 4 files in place of 5");
}
