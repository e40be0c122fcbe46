//! One tree backed up by several processes: units of equal cost, and the same snapshot as one
//! process makes.

#![cfg(feature = "shard")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::repository::{at, backup, folders, repository};
use common::{Scratch, assert_same, dir, file, hardlink, symlink};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Fsync, Options, Report};
use efsbackup_core::shard::{Cost, Plan, PlanOptions, Unit};
use efsbackup_core::snapshot::{
    Backup, BackupOptions, BackupReport, Begun, CopiedUnit, Repository, State,
};
use efsbackup_core::{ErrorKind, Result};
use std::fs;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A cost that makes plans the same on every machine.
const COST: Cost = Cost { entry_seconds: 0.01, bytes_per_second: 1e6 };

fn plan(begun: &Begun, source: &Path, units: usize) -> Plan {
    let mut how = PlanOptions::default();
    (how.units, how.cost) = (units, Some(COST));
    Plan::new(begun, source, &Options::default(), &how, &CancelToken::new()).unwrap()
}

/// A backup that leaves durability to the machine: tests kill none.
fn job<'r>(repository: &'r Repository, source: &Path) -> Backup<'r> {
    let mut options = BackupOptions::default();
    options.mirror.fsync = Fsync::None;
    repository.backup(source).options(options)
}

fn begin(source: &Path, root: &Path) -> Begun {
    job(&repository(root), source).begin().unwrap()
}

fn copy(source: &Path, root: &Path, plan: &Plan, unit: &Unit) -> Result<CopiedUnit> {
    // As if it had been sent to another machine and back.
    let run = serde_json::from_str(&serde_json::to_string(&plan.run).unwrap()).unwrap();
    let unit: Unit = serde_json::from_str(&serde_json::to_string(unit).unwrap()).unwrap();
    let copied = job(&repository(root), source).unit(&run, &unit.range)?;
    Ok(serde_json::from_str(&serde_json::to_string(&copied).unwrap()).unwrap())
}

fn copy_all(source: &Path, root: &Path, plan: &Plan) -> Vec<CopiedUnit> {
    plan.units.iter().rev().map(|unit| copy(source, root, plan, unit).unwrap()).collect()
}

/// Backs up in `units` units.
fn shared(source: &Path, root: &Path, units: usize) -> BackupReport {
    let begun = begin(source, root);
    let plan = plan(&begun, source, units);
    let copied = copy_all(source, root, &plan);
    job(&repository(root), source).finish(begun, &copied).unwrap()
}

/// Fails unless both snapshots are good, equal to `source`, and have equal manifests and counts.
fn assert_equal_snapshots(source: &Path, root: &Path, one: &BackupReport, other: &BackupReport) {
    let repository = repository(root);
    let [one_id, other_id] = [one, other].map(|done| {
        let snapshot = done.snapshot.as_ref().unwrap();
        assert_eq!(snapshot.state, State::Complete);
        let verified = repository.verify(&snapshot.id).run().unwrap();
        assert!(verified.is_good(), "{:?}", verified.differences);
        assert_eq!(verified.files_without_digest, 0);
        assert_same(source, &at(root, &snapshot.id));
        &snapshot.id
    });
    let mut changes = Vec::new();
    let diff = repository.diff(one_id, other_id).contents(true);
    diff.run(|change| changes.push(format!("{change:?}"))).unwrap();
    assert!(changes.is_empty(), "{changes:#?}");
    let [one, other] = [one, other].map(|done| done.snapshot.as_ref().unwrap());
    assert_eq!(one.entries, other.entries);
}

#[test]
fn units_give_the_snapshot_that_one_process_gives() {
    let scratch = Scratch::new();
    for seed in 0..6 {
        let mut random = Random::new(seed, &scratch.path(""));
        let source = scratch.build(&format!("source-{seed}"), &random.tree(12, 3));
        let (alone, root) =
            (scratch.path(&format!("alone-{seed}")), scratch.path(&format!("root-{seed}")));
        for round in 0..2 {
            let one = job(&repository(&alone), &source).run().unwrap();
            let done = shared(&source, &root, 1 + seed as usize + 3 * round);
            assert!(done.left_over.is_empty(), "{:?}", done.left_over);
            assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
            let [many, one] = [&done.report, &one.report];
            let made = |report: &Report| report.entries.created + report.entries.linked;
            assert_eq!(many.entries.scanned, one.entries.scanned, "seed {seed}, round {round}");
            assert_eq!(made(many), made(one), "seed {seed}, round {round}");
            assert_eq!(many.bytes.scanned, one.bytes.scanned, "seed {seed}, round {round}");
            if round == 0 {
                assert_eq!(many.entries, one.entries);
                assert_eq!(many.bytes, one.bytes);
            }
            // In one repository, so that the manifests can be compared.
            let again = job(&repository(&root), &source).run().unwrap();
            assert_equal_snapshots(&source, &root, &again, &done);
            random.edit(&source, 10);
        }
    }
}

#[test]
fn what_was_one_file_in_the_last_snapshot_and_is_two_now_is_two() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "a" => file("same"), "m" => file("other"), "z" => hardlink("a") },
    );
    let root = scratch.path("root");
    backup(&source, &root);
    // Equal in all but that it is another file.
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([source.join("a"), source.join("new")])
        .status();
    assert!(status.unwrap().success());
    fs::rename(source.join("new"), source.join("z")).unwrap();
    let done = shared(&source, &root, 3);
    let snapshot = at(&root, &done.snapshot.unwrap().id);
    assert_same(&source, &snapshot);
    let inode = |name: &str| fs::metadata(snapshot.join(name)).unwrap().ino();
    assert_ne!(inode("a"), inode("z"));
}

/// `count` hundred files, 90 % of them in one folder, and a few large ones elsewhere.
fn skewed(scratch: &Scratch, count: usize) -> PathBuf {
    let source = scratch.build(
        "source",
        &tree! { "big" => dir(tree! {}), "few" => dir(tree! { "sub" => dir(tree! {}) }) },
    );
    for number in 0..90 * count {
        fs::write(source.join(format!("big/file-{number}")), "").unwrap();
    }
    for number in 0..10 * count {
        let size = if number % 20 == 0 { 20_000 } else { 10 };
        fs::write(source.join(format!("few/sub/{number}")), vec![b'x'; size]).unwrap();
    }
    source
}

#[test]
fn units_of_a_skewed_tree_cost_the_same_within_a_tenth() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 20);
    let begun = begin(&source, &scratch.path("root"));
    for count in [2, 7, 16, 64] {
        let plan = plan(&begun, &source, count);
        assert_eq!(plan.units.len(), count);
        let seconds = || plan.units.iter().map(|unit| unit.seconds);
        let mean = seconds().sum::<f64>() / count as f64;
        let (least, most) = (seconds().fold(f64::MAX, f64::min), seconds().fold(0.0, f64::max));
        println!(
            "{count} units: {:.1} % to {:.1} % of the mean",
            100.0 * least / mean,
            100.0 * most / mean
        );
        assert!(least > 0.9 * mean && most < 1.1 * mean, "{count}: {least} to {most}");
        assert_eq!(plan.units.iter().map(|unit| unit.entries).sum::<u64>(), 2003);
    }
}

#[test]
fn no_unit_is_over_the_bound() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 20);
    let begun = begin(&source, &scratch.path("root"));
    let mut how = PlanOptions::default();
    (how.units, how.cost, how.max_seconds) = (2, Some(COST), Some(0.7));
    let plan = Plan::new(&begun, &source, &Options::default(), &how, &CancelToken::new()).unwrap();
    assert!(plan.units.len() >= 29, "{}", plan.units.len());
    assert!(plan.units.iter().all(|unit| unit.seconds <= 0.7));
}

#[test]
fn cost_is_measured_where_it_is_not_given() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 10);
    fs::write(source.join("large"), vec![b'x'; 2 << 20]).unwrap();
    let root = scratch.path("root");
    let begun = begin(&source, &root);
    let how = PlanOptions::default();
    let plan = Plan::new(&begun, &source, &Options::default(), &how, &CancelToken::new()).unwrap();
    println!("{:?}", plan.cost);
    assert!(plan.cost.entry_seconds > 0.0 && plan.cost.bytes_per_second > 0.0);
    // By what was measured the units are equal, but for one entry.
    let mean = plan.units.iter().map(|unit| unit.seconds).sum::<f64>() / plan.units.len() as f64;
    let most = 0.1 * mean + plan.cost.of(2 << 20);
    assert!(plan.units.iter().all(|unit| (unit.seconds - mean).abs() < most), "{:?}", plan.units);
    let reckoned = |unit: &Unit| {
        unit.entries as f64 * plan.cost.entry_seconds
            + unit.bytes as f64 / plan.cost.bytes_per_second
    };
    assert!(plan.units.iter().all(|unit| (unit.seconds - reckoned(unit)).abs() < 1e-6));
    assert!(folders(&root).is_empty(), "{:?}", folders(&root));
}

#[test]
fn a_unit_done_twice_changes_nothing() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    let root = scratch.path("root");
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 4);
    let mut copied = copy_all(&source, &root, &plan);
    // Again, two of them at the same time.
    std::thread::scope(|scope| {
        let again = [0, 1, 1].map(|at| {
            let (source, root, plan) = (&source, &root, &plan);
            scope.spawn(move || copy(source, root, plan, &plan.units[at]).unwrap())
        });
        copied.extend(again.map(|copied| copied.join().unwrap()));
    });
    let done = job(&repository(&root), &source).finish(begun, &copied).unwrap();
    assert!(done.left_over.is_empty(), "{:?}", done.left_over);
    assert_eq!(folders(&root), [done.snapshot.clone().unwrap().id]);
    let again = job(&repository(&root), &source).run().unwrap();
    assert_equal_snapshots(&source, &root, &again, &done);
}

#[test]
fn nothing_is_published_while_a_unit_is_missing() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    let root = scratch.path("root");
    for missing in 0..4 {
        let begun = begin(&source, &root);
        let plan = plan(&begun, &source, 4);
        let mut copied = copy_all(&source, &root, &plan);
        copied.remove(missing);
        let error = job(&repository(&root), &source).finish(begun, &copied).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
        assert!(repository(&root).snapshots().unwrap().is_empty());
    }
    // What they left serves the next run, and goes with it.
    let (done, _) = backup(&source, &root);
    assert!(done.report.entries.linked.file > 0);
    assert_eq!(folders(&root).len(), 1);
}

#[test]
fn a_run_goes_on_with_what_earlier_ones_copied_that_ended_early() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    fs::hard_link(source.join("few/sub/1"), source.join("big/again")).unwrap();
    let root = scratch.path("root");
    // One copies half of it; the next, cut otherwise, two thirds; the last all.
    for (units, copies) in [(4, 0..2), (3, 0..2), (5, 0..5)] {
        let begun = begin(&source, &root);
        let plan = plan(&begun, &source, units);
        let copied: Vec<_> = plan.units[copies]
            .iter()
            .map(|unit| copy(&source, &root, &plan, unit).unwrap())
            .collect();
        let sum = |files: fn(&Report) -> u64| copied.iter().map(|unit| files(&unit.report)).sum();
        let created: u64 = sum(|report| report.entries.created.file);
        let linked: u64 = sum(|report| report.entries.linked.file);
        // Of 198 files with one name: in fourths, thirds and fifths, give or take a unit's edge.
        match units {
            4 => assert!(linked == 0 && (98..=102).contains(&created), "{linked}, {created}"),
            3 => assert!((98..=102).contains(&linked) && created < 36, "{linked}, {created}"),
            _ => {
                assert!((130..=136).contains(&linked) && created < 70, "{linked}, {created}");
                let done = job(&repository(&root), &source).finish(begun, &copied).unwrap();
                assert_eq!(folders(&root), [done.snapshot.clone().unwrap().id]);
                let again = job(&repository(&root), &source).run().unwrap();
                assert_equal_snapshots(&source, &root, &again, &done);
            }
        }
    }
}

#[test]
fn names_that_an_earlier_run_made_one_file_are_two_where_they_are_two_now() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "a" => file("same"), "m" => file("other"), "z" => hardlink("a") },
    );
    let root = scratch.path("root");
    // It ends before it publishes: nothing but its links is left.
    let mut options = BackupOptions::default();
    options.mirror.fsync = Fsync::None;
    backup(&source, &root);
    fs::write(source.join("m"), "changed").unwrap();
    options.max_shrink = 0;
    fs::write(source.join("n"), "gone").unwrap();
    backup(&source, &root);
    fs::remove_file(source.join("n")).unwrap();
    let withheld = repository(&root).backup(&source).options(options).run().unwrap();
    assert!(withheld.snapshot.is_none() && folders(&root).len() == 3, "{withheld:?}");
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([source.join("a"), source.join("new")])
        .status();
    assert!(status.unwrap().success());
    fs::rename(source.join("new"), source.join("z")).unwrap();
    let done = shared(&source, &root, 3);
    let snapshot = at(&root, &done.snapshot.unwrap().id);
    assert_same(&source, &snapshot);
    let inode = |name: &str| fs::metadata(snapshot.join(name)).unwrap().ino();
    assert_ne!(inode("a"), inode("z"));
}

#[test]
fn a_unit_whose_tree_or_manifest_is_gone_is_not_published() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    let root = scratch.path("root");
    let records = repository(&root).path().join(".efsbackup/snapshots");
    for what in ["tree", "manifest", "damaged"] {
        let begun = begin(&source, &root);
        let plan = plan(&begun, &source, 2);
        let copied = copy_all(&source, &root, &plan);
        let token = &copied[1].token;
        let manifest = records.join(format!("manifest-{token}.new"));
        match what {
            "tree" => {
                let folder = folders(&root).into_iter().find(|name| name.ends_with(token.as_str()));
                fs::remove_dir_all(repository(&root).path().join(folder.unwrap())).unwrap();
            }
            "manifest" => fs::remove_file(manifest).unwrap(),
            _ => {
                let mut bytes = fs::read(&manifest).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(manifest, bytes).unwrap();
            }
        }
        job(&repository(&root), &source).finish(begun, &copied).unwrap_err();
        assert!(repository(&root).snapshots().unwrap().is_empty(), "{what}");
    }
}

#[test]
fn a_unit_of_a_run_that_is_over_copies_nothing() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    let root = scratch.path("root");
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 2);
    drop(begun);
    let error = copy(&source, &root, &plan, &plan.units[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop, "{error}");
    assert!(folders(&root).is_empty());
}

/// Copies the unit so slowly that it would take minutes, and ends the run once `copied` is there;
/// how long after that the unit ended.
fn given_back_meanwhile(
    source: &Path,
    root: &Path,
    begun: Begun,
    unit: &Unit,
    copied: &str,
) -> Duration {
    let run = begun.run().clone();
    let (error, took) = std::thread::scope(|scope| {
        let copying = scope.spawn(move || {
            let mut options = BackupOptions::default();
            options.mirror.fsync = Fsync::None;
            options.mirror.limit_bytes = NonZero::new(10);
            let repository = repository(root);
            repository.backup(source).options(options).unit(&run, &unit.range).unwrap_err()
        });
        let begins = |name: &String| repository(root).path().join(name).join(copied).exists();
        while !folders(root).iter().any(begins) {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(begun);
        let given_back = Instant::now();
        (copying.join().unwrap(), given_back.elapsed())
    });
    assert_eq!(error.kind(), ErrorKind::SafetyStop, "{error}");
    assert!(error.message().contains("is over"), "{error}");
    assert!(repository(root).snapshots().unwrap().is_empty());
    // The next run goes on, and nothing stays of this one.
    let (done, snapshot) = backup(source, root);
    assert_eq!(done.exit_status(), 0);
    assert_same(source, &at(root, &snapshot.id));
    assert_eq!(folders(root), [snapshot.id]);
    took
}

#[test]
fn a_unit_under_way_ends_when_its_run_is_given_back() {
    let scratch = Scratch::new();
    let (source, root) = (skewed(&scratch, 2), scratch.path("root"));
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 2);
    let took = given_back_meanwhile(&source, &root, begun, &plan.units[1], "few");
    println!("it ended {took:.1?} after the run");
}

#[test]
fn a_piece_under_way_ends_when_its_run_is_given_back() {
    let scratch = Scratch::new();
    let (source, root) = (scratch.build("source", &tree! {}), scratch.path("root"));
    fs::write(source.join("large"), vec![b'x'; 33 << 20]).unwrap();
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 2);
    let took = given_back_meanwhile(&source, &root, begun, &plan.units[0], "content");
    println!("it ended {took:.1?} after the run");
}

#[test]
fn while_units_are_copied_no_other_run_begins() {
    let scratch = Scratch::new();
    let source = skewed(&scratch, 2);
    let root = scratch.path("root");
    let _begun = begin(&source, &root);
    let error = repository(&root).backup(&source).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop, "{error}");
}

#[test]
fn what_changes_between_the_units_and_the_end_is_as_at_the_end() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! {
            "gone" => dir(tree! { "deep" => dir(tree! { "x" => file("x") }) }),
            "gone-file" => file("y"),
            "kept" => dir(tree! { "a" => file("a"), "b" => file("b") }).mtime(5, 5),
            "now-dir" => file("was a file"),
            "now-file" => dir(tree! { "in" => file("in") }),
            "now-link" => file("was a file"),
        },
    );
    let root = scratch.path("root");
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 3);
    let copied = copy_all(&source, &root, &plan);
    fs::remove_dir_all(source.join("gone")).unwrap();
    fs::remove_file(source.join("gone-file")).unwrap();
    fs::remove_file(source.join("now-dir")).unwrap();
    fs::create_dir(source.join("now-dir")).unwrap();
    fs::write(source.join("now-dir/new"), "new").unwrap();
    fs::remove_dir_all(source.join("now-file")).unwrap();
    fs::write(source.join("now-file"), "now a file").unwrap();
    fs::create_dir(source.join("new-dir")).unwrap();
    fs::write(source.join("new-dir/new"), "new").unwrap();
    fs::hard_link(source.join("new-dir/new"), source.join("kept/c")).unwrap();
    let done = job(&repository(&root), &source).finish(begun, &copied).unwrap();
    assert_eq!(done.exit_status(), 24, "{:?}", done.report);
    let again = job(&repository(&root), &source).run().unwrap();
    assert_equal_snapshots(&source, &root, &again, &done);
}

#[test]
fn what_a_unit_could_not_read_is_tried_again_at_the_end() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "a" => file("a"), "d" => dir(tree! { "x" => file("x"), "l" => symlink("x") }), "z" => file("z") },
    );
    let root = scratch.path("root");
    let begun = begin(&source, &root);
    let plan = plan(&begun, &source, 2);
    // Away while the units are copied, as if it could not be read.
    let away = scratch.path("away");
    fs::rename(source.join("d"), &away).unwrap();
    let copied = copy_all(&source, &root, &plan);
    fs::rename(&away, source.join("d")).unwrap();
    let done = job(&repository(&root), &source).finish(begun, &copied).unwrap();
    let again = job(&repository(&root), &source).run().unwrap();
    assert_equal_snapshots(&source, &root, &again, &done);
}
