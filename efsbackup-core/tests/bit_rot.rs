//! One flipped byte anywhere in a snapshot, or in what is kept of it, is found and named.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::repository::{at, backup, repository};
use common::{Scratch, dir, file, hardlink, sparse, symlink};
use efsbackup_core::snapshot::DifferenceKind;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A repository with one snapshot of a small tree.
struct Kept {
    _scratch: Scratch,
    root: PathBuf,
    id: String,
}

impl Kept {
    fn new() -> Kept {
        let scratch = Scratch::new();
        let tree = tree! {
            "file" => file("some content").mode(0o640).xattr("user.one", b"value"),
            "hard" => hardlink("file"),
            "link" => symlink("file"),
            "holes" => sparse(1 << 17, &[(1 << 16, b"data")]),
            "d" => dir(tree! { "deep" => file("deep").mode(0o755) }),
        };
        let source = scratch.build("source", &tree);
        let root = scratch.path("root");
        let (_, snapshot) = backup(&source, &root);
        Kept { _scratch: scratch, root, id: snapshot.id }
    }

    fn at(&self, name: &str) -> PathBuf {
        at(&self.root, &self.id).join(name)
    }

    fn record(&self, suffix: &str) -> PathBuf {
        let records = repository(&self.root).path().join(".efsbackup/snapshots");
        records.join(format!("{}{suffix}", self.id))
    }

    /// The differences as `path: what`.
    fn verify(&self) -> Vec<String> {
        let found = repository(&self.root).verify(&self.id).run().unwrap();
        assert_eq!(found.is_good(), found.differences.is_empty());
        found.differences.iter().map(|d| format!("{}: {}", d.path, d.what)).collect()
    }
}

/// Flips a bit of the byte `at`; as rot does, no time tells of it.
fn flip(path: &Path, at: u64, bit: u32) {
    let before = fs::metadata(path).unwrap();
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
}

/// Of what is kept, every byte with `EFSBACKUP_EVERY_BYTE=1`, else every eleventh.
fn step() -> usize {
    match std::env::var_os("EFSBACKUP_EVERY_BYTE") {
        Some(every) if every == "1" => 1,
        _ => 11,
    }
}

#[test]
fn in_a_files_content() {
    let kept = Kept::new();
    let positions = (0..12).map(|at| ("file", at)).chain((0..4).map(|at| ("d/deep", at)));
    let holes = [0, 4095, 4096, 65_535, 65_536, 65_539, 65_540, 131_071].map(|at| ("holes", at));
    for (name, position) in positions.chain(holes) {
        flip(&kept.at(name), position, (position % 8) as u32);
        let told = kept.verify();
        let expected = match name {
            "file" => vec!["file: content differs", "hard: content differs"],
            "holes" => vec!["holes: content differs"],
            _ => vec!["d/deep: content differs"],
        };
        assert_eq!(told, expected, "{name} {position}");
        flip(&kept.at(name), position, (position % 8) as u32);
    }
    assert!(kept.verify().is_empty());
}

#[test]
fn in_metadata() {
    let kept = Kept::new();
    for (name, bit) in (0..12).map(|bit| ("d", bit)).chain((0..12).map(|bit| ("d/deep", bit))) {
        let mode = fs::metadata(kept.at(name)).unwrap().mode();
        fs::set_permissions(kept.at(name), PermissionsExt::from_mode(mode ^ (1 << bit))).unwrap();
        let told = kept.verify();
        // What closes a directory closes what is in it too, but not to root.
        assert!(told.iter().any(|line| line.starts_with(&format!("{name}: "))), "{name}: {told:?}");
        fs::set_permissions(kept.at(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let set = |value: &[u8]| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(kept.at("file"), "user.one", value, flags).unwrap();
    };
    for position in 0..5 {
        let mut value = *b"value";
        value[position] ^= 1 << position;
        set(&value);
        assert_eq!(kept.verify(), ["file: xattrs differs", "hard: xattrs differs"]);
    }
    set(b"value");
    let modified = fs::metadata(kept.at("d/deep")).unwrap().modified().unwrap();
    let deep = fs::File::open(kept.at("d/deep")).unwrap();
    deep.set_modified(modified + std::time::Duration::from_nanos(1)).unwrap();
    assert_eq!(kept.verify(), ["d/deep: time differs"]);
    deep.set_modified(modified).unwrap();
    assert!(kept.verify().is_empty());
}

#[test]
fn in_the_manifest_the_report_and_the_record() {
    let kept = Kept::new();
    let mut flips = 0;
    for (suffix, name) in
        [(".manifest", "the manifest"), (".report.json", "the report"), (".json", "the record")]
    {
        let path = kept.record(suffix);
        let length = fs::metadata(&path).unwrap().len();
        assert!(length > 100);
        for position in (0..length).step_by(step()) {
            let bit = (position % 7) as u32;
            flip(&path, position, bit);
            let told = kept.verify();
            assert!(
                told.iter().any(|line| line.starts_with(&format!(": {name}"))),
                "byte {position} of {suffix}: {told:?}"
            );
            flip(&path, position, bit);
            flips += 1;
        }
        assert!(kept.verify().is_empty(), "{suffix}");
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if suffix != ".json" {
            let told = kept.verify();
            assert!(told.iter().any(|line| line.starts_with(&format!(": {name}"))), "{told:?}");
        }
        fs::write(&path, whole).unwrap();
    }
    eprintln!("{flips} flipped bytes of manifest, report and record were found");
}

#[test]
fn every_kind_of_difference_has_its_name() {
    let kept = Kept::new();
    fs::write(kept.at("file"), "SOME CONTENT").unwrap();
    fs::remove_file(kept.at("link")).unwrap();
    fs::write(kept.at("more"), "").unwrap();
    fs::set_permissions(kept.at("d/deep"), PermissionsExt::from_mode(0o700)).unwrap();
    let found = repository(&kept.root).verify(&kept.id).run().unwrap();
    let kind = |path: &str| {
        let found = found.differences.iter().find(|found| found.path.to_string() == path);
        found.map(|found| found.kind)
    };
    assert_eq!(kind("file"), Some(DifferenceKind::Corrupted));
    assert_eq!(kind("link"), Some(DifferenceKind::Missing));
    assert_eq!(kind("more"), Some(DifferenceKind::Extra));
    assert_eq!(kind("d/deep"), Some(DifferenceKind::Metadata));
}
