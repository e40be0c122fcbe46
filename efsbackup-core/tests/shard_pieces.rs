//! One large file copied by several units, each a piece of it: the same snapshot and the same
//! report as one process makes, also when the file changes meanwhile or a piece is lost.

#![cfg(feature = "shard")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::repository::{at, folders, repository};
use common::{Scratch, assert_same};
use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Fsync, Options};
use efsbackup_core::shard::{Cost, Plan, PlanOptions};
use efsbackup_core::snapshot::{Backup, BackupOptions, BackupReport, CopiedUnit, Repository};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A megabyte costs as much as an entry.
const COST: Cost = Cost { entry_seconds: 0.01, bytes_per_second: 1e8 };
const MIB: u64 = 1 << 20;

fn job<'r>(repository: &'r Repository, source: &Path) -> Backup<'r> {
    let mut options = BackupOptions::default();
    options.mirror.fsync = Fsync::None;
    repository.backup(source).options(options)
}

/// Small files around a large one with data here and there, and behind it another without holes.
fn tree(scratch: &Scratch) -> PathBuf {
    let source = scratch.path("source");
    fs::create_dir_all(source.join("dir/sub")).unwrap();
    for number in 0..20 {
        fs::write(source.join(format!("dir/{number:02}")), format!("{number}")).unwrap();
        fs::write(source.join(format!("dir/sub/{number:02}")), format!("{number}")).unwrap();
    }
    let sparse = File::create(source.join("dir/image")).unwrap();
    sparse.set_len(70 * MIB + 777).unwrap();
    for at in [0, 3 * MIB + 5, 17 * MIB - 3, 61 * MIB, 70 * MIB + 770] {
        sparse.write_all_at(format!("data at {at}").as_bytes(), at).unwrap();
    }
    sparse.write_all_at(&vec![7; 5 << 20], 40 * MIB).unwrap();
    let dense: Vec<u8> = (0..33_u32 << 18).flat_map(u32::to_le_bytes).collect();
    fs::write(source.join("zz-dense"), dense).unwrap();
    source
}

struct Shared {
    begun: efsbackup_core::snapshot::Begun,
    plan: Plan,
}

fn begin(source: &Path, root: &Path, units: usize) -> Shared {
    let begun = job(&repository(root), source).begin().unwrap();
    let mut how = PlanOptions::default();
    (how.units, how.cost) = (units, Some(COST));
    let plan = Plan::new(&begun, source, &Options::default(), &how, &CancelToken::new()).unwrap();
    Shared { begun, plan }
}

impl Shared {
    fn copy(&self, source: &Path, root: &Path, number: usize) -> CopiedUnit {
        // As if it had been sent to another machine and back.
        let text = serde_json::to_string(&self.plan.units[number].range).unwrap();
        let range = serde_json::from_str(&text).unwrap();
        let copied = job(&repository(root), source).unit(&self.plan.run, &range).unwrap();
        serde_json::from_str(&serde_json::to_string(&copied).unwrap()).unwrap()
    }

    fn copy_all(&self, source: &Path, root: &Path) -> Vec<CopiedUnit> {
        std::thread::scope(|scope| {
            let copy = |number| scope.spawn(move || self.copy(source, root, number));
            let units: Vec<_> = (0..self.plan.units.len()).rev().map(copy).collect();
            units.into_iter().map(|unit| unit.join().unwrap()).collect()
        })
    }

    fn finish(self, source: &Path, root: &Path, copied: &[CopiedUnit]) -> BackupReport {
        job(&repository(root), source).finish(self.begun, copied).unwrap()
    }
}

/// Fails unless the shared run's snapshot and report are those of one process.
fn assert_as_one(scratch: &Scratch, source: &Path, root: &Path, done: &BackupReport) {
    let repository_of = repository(root);
    let snapshot = done.snapshot.as_ref().unwrap();
    let verified = repository_of.verify(&snapshot.id).run().unwrap();
    assert!(verified.is_good(), "{:?}", verified.differences);
    assert_eq!(verified.files_without_digest, 0);
    let copy = at(root, &snapshot.id);
    assert_same(source, &copy);
    for name in ["dir/image", "zz-dense"] {
        let blocks = |tree: &Path| fs::metadata(tree.join(name)).unwrap().blocks();
        // The file system's own notes of where what is may take a little more.
        let (is, may_be) = (blocks(&copy), blocks(source) + 64);
        assert!(is <= may_be, "the holes of {name}: {is} blocks, at most {may_be}");
    }
    assert!(done.left_over.is_empty(), "{:?}", done.left_over);
    assert!(folders(root).iter().all(|name| !name.starts_with('.')), "{:?}", folders(root));
    let alone = scratch.path("alone");
    let _ = fs::remove_dir_all(&alone);
    let one = job(&repository(&alone), source).run().unwrap();
    assert_eq!(done.report.entries.scanned, one.report.entries.scanned);
    assert_eq!(done.report.entries.created, one.report.entries.created);
    assert_eq!(done.report.bytes, one.report.bytes);
    let again = job(&repository_of, source).run().unwrap().snapshot.unwrap();
    let mut changes = Vec::new();
    let diff = repository_of.diff(&snapshot.id, &again.id).contents(true);
    diff.run(|change| changes.push(format!("{change:?}"))).unwrap();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn a_large_file_is_copied_in_pieces() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    for units in [2, 11] {
        let root = scratch.path(&format!("root-{units}"));
        let shared = begin(&source, &root, units);
        assert_eq!(shared.plan.units.len(), units);
        let seconds = || shared.plan.units.iter().map(|unit| unit.seconds);
        let mean = seconds().sum::<f64>() / units as f64;
        assert!(seconds().all(|one| (one - mean).abs() < 0.1 * mean), "{:?}", shared.plan.units);
        assert_eq!(shared.plan.units.iter().map(|unit| unit.entries).sum::<u64>(), 44);
        let copied = shared.copy_all(&source, &root);
        let pieces: Vec<_> = copied.iter().flat_map(|unit| &unit.pieces).collect();
        assert!(pieces.len() >= 2 && pieces.iter().all(|piece| piece.blocks.is_some()));
        let done = shared.finish(&source, &root, &copied);
        assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
        assert_as_one(&scratch, &source, &root, &done);
    }
}

#[test]
fn a_file_that_changed_between_its_pieces_is_as_at_the_end() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let shared = begin(&source, &root, 8);
    let mut copied: Vec<_> = (0..4).map(|number| shared.copy(&source, &root, number)).collect();
    let file = File::options().write(true).open(source.join("dir/image")).unwrap();
    file.write_all_at(b"changed", 10).unwrap();
    copied.extend((4..8).map(|number| shared.copy(&source, &root, number)));
    assert!(copied.iter().flat_map(|unit| &unit.pieces).any(|piece| piece.blocks.is_none()));
    let done = shared.finish(&source, &root, &copied);
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    assert_as_one(&scratch, &source, &root, &done);
}

#[test]
fn a_file_that_changed_after_its_pieces_is_as_at_the_end() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let shared = begin(&source, &root, 8);
    let copied = shared.copy_all(&source, &root);
    fs::remove_file(source.join("zz-dense")).unwrap();
    fs::write(source.join("zz-dense"), "small now").unwrap();
    let done = shared.finish(&source, &root, &copied);
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    assert_as_one(&scratch, &source, &root, &done);
}

#[test]
fn a_file_whose_piece_was_given_up_is_copied_at_the_end() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let shared = begin(&source, &root, 8);
    let first = shared.copy(&source, &root, 1);
    let piece = &first.pieces[0];
    // As of a process of which it is not known whether it has ended.
    let folder = folders(&root).into_iter().find(|name| name.ends_with(&piece.token)).unwrap();
    let claim = format!("{folder}/piece-{}-0", piece.piece.from);
    fs::write(repository(&root).path().join(claim), "{\"run\":").unwrap();
    let copied = shared.copy_all(&source, &root);
    let again = copied.iter().flat_map(|unit| &unit.pieces);
    let again = again.clone().find(|other| other.piece == piece.piece).unwrap();
    assert!(again.blocks.is_none());
    let done = shared.finish(&source, &root, &copied);
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    assert_as_one(&scratch, &source, &root, &done);
}

#[test]
fn a_piece_whose_process_was_killed_or_cancelled_is_copied_again() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let shared = begin(&source, &root, 8);
    let ends_early = |limit: Option<Duration>, cancel: &CancelToken| {
        let mut options = BackupOptions::default();
        options.mirror.fsync = Fsync::None;
        options.mirror.stop_after = limit;
        let repository = repository(&root);
        let job = repository.backup(&source).options(options).cancel(cancel);
        job.unit(&shared.plan.run, &shared.plan.units[2].range).unwrap_err().kind()
    };
    let cancelled = CancelToken::new();
    assert_eq!(ends_early(Some(Duration::ZERO), &cancelled), ErrorKind::Incomplete);
    cancelled.cancel();
    assert_eq!(ends_early(None, &cancelled), ErrorKind::Cancelled);
    let first = shared.copy(&source, &root, 1);
    let piece = &first.pieces[0];
    // As a process leaves it that ended while it copied, before it came to some of the data.
    let folder = folders(&root).into_iter().find(|name| name.ends_with(&piece.token)).unwrap();
    let folder = repository(&root).path().join(folder);
    let claim = folder.join(format!("piece-{}-0", piece.piece.from));
    let said = fs::read_to_string(&claim).unwrap();
    let mut holder: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    holder["start_ticks"] = (holder["start_ticks"].as_u64().unwrap() + 1).into();
    fs::write(&claim, format!("{holder}\n")).unwrap();
    let content = File::options().write(true).open(folder.join("content")).unwrap();
    let data = 3 * MIB + 5;
    assert!((piece.piece.from..piece.piece.to).contains(&data), "{piece:?}");
    content.write_all_at(&[0; 5], data).unwrap();
    let copied = shared.copy_all(&source, &root);
    let pieces = copied.iter().flat_map(|unit| &unit.pieces);
    assert!(pieces.clone().all(|piece| piece.blocks.is_some()), "{copied:?}");
    assert!(pieces.clone().any(|other| other == piece));
    let done = shared.finish(&source, &root, &copied);
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    assert_as_one(&scratch, &source, &root, &done);
}

#[test]
fn a_piece_done_twice_is_told_as_it_was() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let shared = begin(&source, &root, 8);
    let mut copied = shared.copy_all(&source, &root);
    for number in 0..8 {
        let again = shared.copy(&source, &root, number);
        let first = copied.iter().find(|unit| unit.range == again.range).unwrap();
        assert_eq!(first.pieces, again.pieces);
        copied.push(again);
    }
    let done = shared.finish(&source, &root, &copied);
    assert_as_one(&scratch, &source, &root, &done);
}

#[test]
fn a_large_file_that_the_last_snapshot_has_is_linked() {
    let scratch = Scratch::new();
    let source = tree(&scratch);
    let root = scratch.path("root");
    let first = job(&repository(&root), &source).run().unwrap().snapshot.unwrap();
    let shared = begin(&source, &root, 8);
    assert!(shared.plan.units.iter().all(|unit| unit.range.pieces.is_empty()));
    let copied = shared.copy_all(&source, &root);
    let done = shared.finish(&source, &root, &copied);
    assert_eq!(done.report.bytes.copied, 0);
    let inode = |id: &str| fs::metadata(at(&root, id).join("dir/image")).unwrap().ino();
    assert_eq!(inode(&first.id), inode(&done.snapshot.unwrap().id));
}
