//! Filters take and protect what rsync's do, on random rules and trees.
//! `EFSBACKUP_SEEDS=FROM..TO` runs other seeds than the usual ones.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::rules;
use common::{Scratch, Tree, assert_same, differences, dir, file, hardlink, probe};
use efsbackup_core::ErrorKind;
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::mirror::{
    Filter, Fsync, LinkSource, MaxDelete, Mirror, Options, Outcome, Report, Trust,
};
use fastrand::Rng;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

fn seeds(usual: u64) -> Range<u64> {
    let Some(range) = std::env::var_os("EFSBACKUP_SEEDS") else { return 0..usual };
    let range = range.to_str().and_then(|range| range.split_once("..")).expect("FROM..TO");
    range.0.parse().unwrap()..range.1.parse().unwrap()
}

/// The paths below `root`, and whether each is a directory; those below directories that
/// `filter` excludes are not reached.
fn paths(root: &Path, filter: &Filter) -> BTreeSet<(Vec<u8>, bool)> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let is_dir = entry.file_type().unwrap().is_dir();
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if filter.excludes(&name, is_dir) {
                continue;
            }
            found.insert((name, is_dir));
            if is_dir {
                dirs.push(path);
            }
        }
    }
    found
}

/// Random lines, without those that rsync takes as patterns that match nothing and that
/// are errors here.
fn random_lines(rng: &mut Rng, paths: &[Vec<u8>]) -> (Filter, Vec<u8>, Vec<u8>) {
    let (good, wrong): (Vec<_>, Vec<_>) = rules::lines(rng, paths)
        .into_iter()
        .partition(|line| Filter::new().from_lines(line).is_ok());
    let text = good.join(&b'\n');
    (Filter::new().from_lines(&text).unwrap(), text, wrong.join(&b'\n'))
}

fn rsync(args: &[&str], rules: &Path, source: &Path, destination: &Path) -> (i32, Vec<u8>, String) {
    // Without -A: rsync 3.5.0 at times fails to read the ACL of an entry that changes its
    // type, which has nothing to do with filters.
    let output = Command::new("rsync")
        .args(["-aHX", "--numeric-ids", "--modify-window=-1", "--8-bit-output", "--timeout=60"])
        .args(args)
        .arg(format!("--exclude-from={}", rules.display()))
        .args([source.join(""), destination.join("")])
        .output()
        .unwrap();
    let problems = BytePath::from(output.stderr).to_text();
    (output.status.code().unwrap(), output.stdout, problems)
}

/// What rsync would copy, as [`paths`] gives it.
fn listed(rules: &Path, source: &Path, destination: &Path) -> BTreeSet<(Vec<u8>, bool)> {
    let (code, text, _) = rsync(&["--dry-run", "--out-format=%n"], rules, source, destination);
    assert_eq!(code, 0);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !matches!(*line, b"" | b"./"));
    lines
        .map(|line| match line.strip_suffix(b"/") {
            Some(name) => (name.to_vec(), true),
            None => (line.to_vec(), false),
        })
        .collect()
}

#[test]
fn what_takes_part_is_what_rsync_lists() {
    if !probe::tool("rsync") {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.path("rules");
    let nowhere = scratch.build("nowhere", &Tree::default());
    let (mut excluding, mut wrong_lines) = (0, 0);
    for seed in seeds(200) {
        let mut rng = Rng::with_seed(seed);
        // A new tree now and then: building one takes longer than listing it.
        let source = scratch.path(&format!("source{}", seed / 30));
        if !source.exists() {
            scratch.build(&format!("source{}", seed / 30), &rules::tree(&mut rng, 4, true));
        }
        let all = paths(&source, &Filter::new());
        let names: Vec<Vec<u8>> = all.iter().map(|(name, _)| name.clone()).collect();
        let (filter, text, wrong) = random_lines(&mut rng, &names);
        fs::write(&file, &text).unwrap();
        let ours = paths(&source, &filter);
        let theirs = listed(&file, &source, &nowhere);
        assert!(ours == theirs, "seed {seed}: {}", explain(&text, &ours, &theirs));
        excluding += usize::from(ours != all);
        if !wrong.is_empty() {
            wrong_lines += 1;
            fs::write(&file, &wrong).unwrap();
            let theirs = listed(&file, &source, &nowhere);
            assert!(all == theirs, "seed {seed}: {}", explain(&wrong, &all, &theirs));
        }
    }
    if std::env::var_os("EFSBACKUP_SEEDS").is_none() {
        assert!(excluding > 65, "only {excluding} filters excluded anything");
        assert!(wrong_lines > 6, "only {wrong_lines} filters had wrong lines");
    }
}

fn explain(
    rules: &[u8],
    ours: &BTreeSet<(Vec<u8>, bool)>,
    theirs: &BTreeSet<(Vec<u8>, bool)>,
) -> String {
    let names = |from: &BTreeSet<(Vec<u8>, bool)>, other: &BTreeSet<(Vec<u8>, bool)>| {
        let names = from.difference(other).map(|(name, _)| BytePath::from(name.clone()));
        names.collect::<Vec<_>>()
    };
    let (rules, more, fewer) = (BytePath::from(rules), names(ours, theirs), names(theirs, ours));
    format!("with the rules {rules:?}\nonly ours: {more:?}\nonly rsync's: {fewer:?}")
}

/// Mirrors with deletion and a filter.
fn mirror(source: &Path, destination: &Path, filter: &Filter) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.allow_empty = true;
    options.fsync = Fsync::None;
    options.filter = filter.clone();
    Mirror::new(source, destination).options(options).run().unwrap()
}

/// Gives directories that the source lacks one time: they have that of the last deletion.
fn forget_times(destination: &Path, source: &Path) {
    let time = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    for (name, is_dir) in paths(destination, &Filter::new()) {
        let name = BytePath::from(name);
        let in_source = source.join(name.as_path()).symlink_metadata();
        if is_dir && !in_source.is_ok_and(|meta| meta.is_dir()) {
            let path = destination.join(name.as_path());
            utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
    }
}

/// Removes directories that have the name of a file with several names in the source.
/// rsync 3.5.0 waits for ever when such a directory has to stay.
fn make_way_for_links(destination: &Path, source: &Path) {
    for (name, is_dir) in paths(source, &Filter::new()) {
        let name = BytePath::from(name);
        let linked = source.join(name.as_path()).symlink_metadata().unwrap().nlink() > 1;
        let there = destination.join(name.as_path());
        if !is_dir && linked && there.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            fs::remove_dir_all(there).unwrap();
        }
    }
}

#[test]
fn what_is_copied_and_deleted_is_what_rsync_copies_and_deletes() {
    if !probe::tool("rsync") {
        return;
    }
    let (mut kept, mut blocked) = (0, 0);
    for seed in seeds(75) {
        let mut rng = Rng::with_seed(seed);
        let scratch = Scratch::new();
        let before = rules::tree(&mut rng, 3, false);
        let ours = scratch.build("ours", &before);
        let theirs = scratch.build("theirs", &before);
        for round in 0..2 {
            let source = scratch.build(&format!("source{round}"), &rules::tree(&mut rng, 3, true));
            make_way_for_links(&ours, &source);
            make_way_for_links(&theirs, &source);
            let known = [paths(&source, &Filter::new()), paths(&ours, &Filter::new())];
            let names: Vec<Vec<u8>> =
                known.iter().flatten().map(|(name, _)| name.clone()).collect();
            let (filter, text, _) = random_lines(&mut rng, &names);
            let file = scratch.path("rules");
            fs::write(&file, &text).unwrap();
            let (code, _, problems) = rsync(&["--delete"], &file, &source, &theirs);
            let report = mirror(&source, &ours, &filter);
            forget_times(&ours, &source);
            forget_times(&theirs, &source);
            let rules = BytePath::from(text);
            let left = differences(&theirs, &ours);
            assert!(left.is_empty(), "seed {seed}, round {round}, rules {rules:?}:\n{left}");
            let expected = if code == 0 { Outcome::Complete } else { Outcome::Partial };
            assert!(code == 0 || code == 23, "seed {seed}: rsync ended with {code}");
            let errors = &report.errors;
            assert_eq!(
                report.outcome, expected,
                "seed {seed}, rules {rules:?}:\n{problems}{errors:?}"
            );
            blocked += usize::from(code == 23);
            let more = paths(&ours, &Filter::new());
            let source = paths(&source, &Filter::new());
            kept += usize::from(more.iter().any(|path| !source.contains(path)));
        }
    }
    if std::env::var_os("EFSBACKUP_SEEDS").is_none() {
        assert!(kept > 15, "only {kept} destinations kept anything");
        assert!(blocked > 1, "only {blocked} runs had a directory in the way that stays");
    }
}

fn exclude(patterns: &[&str]) -> Filter {
    patterns.iter().fold(Filter::new(), |filter, pattern| filter.exclude(pattern).unwrap())
}

#[test]
fn an_excluded_directory_is_not_entered() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "a" => file("x"), "d" => dir(tree! { "b" => file("y") }).mode(0) },
    );
    let destination = scratch.path("destination");
    let report = mirror(&source, &destination, &exclude(&["d"]));
    assert_eq!(report.outcome, Outcome::Complete);
    assert_eq!(report.entries.scanned.total(), 2, "the root and a");
    assert!(!destination.join("d").exists());
}

#[test]
fn excluded_entries_at_the_destination_stay_and_hold_their_directories() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let there = tree! {
        "gone" => dir(tree! {
            "x.keep" => file("1"),
            "b" => file("2"),
            "c" => dir(tree! { "d" => file("3") }),
            "e" => dir(tree! { "y.keep" => file("4"), "f" => file("5") }),
        }),
        "z.keep" => dir(tree! { "g" => file("6") }),
    };
    let destination = scratch.build("destination", &there);
    let report = mirror(&source, &destination, &exclude(&["*.keep"]));
    assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
    assert_eq!(report.entries.deleted.total(), 4);
    let expected = scratch.build(
        "expected",
        &tree! {
            "a" => file("x"),
            "gone" => dir(tree! {
                "x.keep" => file("1"),
                "e" => dir(tree! { "y.keep" => file("4") }),
            }),
            "z.keep" => dir(tree! { "g" => file("6") }),
        },
    );
    let names = |root: &Path| paths(root, &Filter::new());
    assert_eq!(names(&destination), names(&expected));
}

#[test]
fn an_entry_whose_place_a_kept_directory_has_is_an_error() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x"), "b" => file("y") });
    let there = tree! { "a" => dir(tree! { "x.keep" => file("1"), "c" => file("2") }) };
    let destination = scratch.build("destination", &there);
    let report = mirror(&source, &destination, &exclude(&["*.keep"]));
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert_eq!(report.errors[0].path.as_bytes(), b"a");
    assert!(destination.join("a/x.keep").exists() && !destination.join("a/c").exists());
    assert!(destination.join("b").exists());
}

#[test]
fn a_link_group_loses_only_the_name_whose_place_is_taken() {
    let scratch = Scratch::new();
    let tree = tree! { "a" => file("x"), "b" => hardlink("a"), "c" => hardlink("a") };
    let source = scratch.build("source", &tree);
    for taken in ["a", "b", "c"] {
        let there = Tree(vec![(taken.into(), dir(tree! { "x.keep" => file("1") }))]);
        let destination = scratch.build(&format!("without-{taken}"), &there);
        let report = mirror(&source, &destination, &exclude(&["*.keep"]));
        assert_eq!(report.outcome, Outcome::Partial);
        assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
        let linked = ["a", "b", "c"].into_iter().filter(|name| *name != taken);
        let inodes: BTreeSet<u64> =
            linked.map(|name| destination.join(name).metadata().unwrap().ino()).collect();
        assert_eq!(inodes.len(), 1, "{taken}");
    }
}

#[test]
fn protected_entries_do_not_count_as_deletions() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let many = Tree((0..200).map(|at| (format!("{at}.keep").into_bytes(), file("x"))).collect());
    let destination = scratch.build("destination", &many);
    fs::write(destination.join("gone"), "x").unwrap();
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Count(1);
    options.filter = exclude(&["*.keep"]);
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
    assert_eq!(report.entries.deleted.total(), 1);
    assert_eq!(report.options, ["--delete", "--max-delete=1", "--exclude=*.keep"]);
}

#[test]
fn a_link_group_has_its_members_that_are_not_excluded() {
    let scratch = Scratch::new();
    let tree = tree! {
        "a.no" => file("x"),
        "b" => hardlink("a.no"),
        "d" => dir(tree! { "c" => hardlink("a.no"), "e.no" => hardlink("a.no") }),
        "single.no" => file("y"),
        "single" => hardlink("single.no"),
    };
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    for _ in 0..2 {
        let report = mirror(&source, &destination, &exclude(&["*.no"]));
        assert_eq!(report.outcome, Outcome::Complete);
        let inode = |name: &str| destination.join(name).metadata().unwrap().ino();
        assert_eq!(inode("b"), inode("d/c"));
        let links = |name: &str| destination.join(name).metadata().unwrap().nlink();
        assert_eq!((links("b"), links("single")), (2, 1));
        assert!(!destination.join("a.no").exists() && !destination.join("d/e.no").exists());
    }
}

#[test]
fn nothing_excluded_comes_from_a_link_source() {
    let scratch = Scratch::new();
    let tree = tree! { "a" => file("x").mtime(1, 0), "b.no" => file("y").mtime(1, 0) };
    let source = scratch.build("source", &tree);
    let earlier = scratch.build("earlier", &tree);
    let destination = scratch.path("destination");
    let mut options = Options::default();
    options.filter = exclude(&["*.no"]);
    options.link_sources = vec![LinkSource::new(&earlier, Trust::Metadata)];
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!(report.entries.linked.total(), 1);
    let inode = |root: &Path| root.join("a").metadata().unwrap().ino();
    assert_eq!(inode(&destination), inode(&earlier));
    assert!(!destination.join("b.no").exists());
}

#[test]
fn an_excluded_mount_point_is_not_made() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let Some(_one) = probe::Mount::tmpfs(&source.join("one"), 1 << 20) else { return };
    let Some(_two) = probe::Mount::tmpfs(&source.join("two"), 1 << 20) else { return };
    let destination = scratch.path("destination");
    let mut options = Options::default();
    options.one_file_system = true;
    options.filter = exclude(&["/one/"]);
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete);
    assert!(!destination.join("one").exists() && destination.join("two").is_dir());
}

#[test]
fn a_source_of_which_all_is_excluded_counts_as_empty() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "lost+found" => dir(tree! {}) });
    let there = tree! { "a" => file("x") };
    let destination = scratch.build("destination", &there);
    let mut options = Options::default();
    options.delete = true;
    options.filter = exclude(&["/lost+found/"]);
    let run = |options: &Options| Mirror::new(&source, &destination).options(options.clone()).run();
    let error = run(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(destination.join("a").exists());
    options.allow_empty = true;
    assert_eq!(run(&options).unwrap().outcome, Outcome::Complete);
    assert!(!destination.join("a").exists());
}

#[test]
fn a_filter_that_excludes_nothing_changes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &rules::tree(&mut Rng::with_seed(1), 3, true));
    let destination = scratch.path("destination");
    mirror(&source, &destination, &exclude(&["/no/such/**", "*.none"]));
    assert_same(&source, &destination);
}
