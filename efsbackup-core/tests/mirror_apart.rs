//! A source and a destination of which one is inside the other: refused, unless the run never
//! comes from the one to the other.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, dir, file, probe, read};
use efsbackup_core::mirror::{Mirror, Options, Outcome, Report};
use efsbackup_core::{ErrorKind, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn mirror(source: &Path, destination: &Path, filter: &[&str], one: bool) -> Result<Report> {
    let mut options = Options::default();
    options.delete = true;
    options.one_file_system = one;
    for pattern in filter {
        options.filter = options.filter.exclude(pattern)?;
    }
    Mirror::new(source, destination).options(options).run()
}

#[track_caller]
fn refused(source: &Path, destination: &Path, filter: &[&str], one: bool) {
    let before = read(source);
    let error = mirror(source, destination, filter, one).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop, "{error}");
    assert!(error.to_string().contains("inside"), "{error}");
    assert!(before == read(source));
}

/// The names in a directory, in order.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn trees_one_inside_the_other_are_refused() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "d" => dir(tree! { "f" => file("x") }) });
    refused(&source, &source.join("d"), &[], false);
    refused(&source, &source.join("d/new"), &[], false);
    refused(&source.join("d"), &source, &[], false);
    refused(&source, &source, &[], false);
    // No rule leaves out a root, and what is protected at the destination is no reason.
    refused(&source, &source, &["*"], true);
    refused(&source.join("d"), &source, &["/d"], true);
    refused(&source, &source.join("d"), &["/other", "d/*"], true);
}

#[test]
fn a_destination_that_is_excluded_may_be_inside_the_source() {
    for (destination, rule) in [
        ("mnt/backup", "/mnt"),
        ("mnt/backup", "backup/"),
        ("mnt/backup/new", "/mnt/backup"),
        ("mnt/backup/new", "new"),
        ("way/backup", "/mnt/backup"),
    ] {
        let scratch = Scratch::new();
        let tree = tree! {
            "a" => file("a"),
            "mnt" => dir(tree! { "backup" => dir(tree! { "old" => file("old") }) }),
        };
        let source = scratch.build("source", &tree);
        symlink("mnt", source.join("way")).unwrap();
        let destination = source.join(destination);
        for round in ["first", "second"] {
            let report = mirror(&source, &destination, &[rule], false).unwrap();
            assert_eq!(report.outcome, Outcome::Complete, "{round}: {:?}", report.errors);
        }
        let expected: &[&str] = if rule == "/mnt" { &["a", "way"] } else { &["a", "mnt", "way"] };
        assert_eq!(names(&destination), expected, "{rule}");
        if rule != "/mnt" {
            let below = names(&destination.join("mnt"));
            assert_eq!(below, if rule == "new" { &["backup"][..] } else { &[] }, "{rule}");
        }
    }
}

#[test]
fn a_destination_on_a_file_system_that_is_left_out_may_be_inside_the_source() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("a") });
    let Some(mount) = probe::Mount::tmpfs(&source.join("backup"), 1 << 20) else { return };
    for destination in [mount.path().join("new"), mount.path().to_owned()] {
        refused(&source, &destination, &[], false);
        for round in ["first", "second"] {
            let report = mirror(&source, &destination, &[], true).unwrap();
            assert_eq!(report.outcome, Outcome::Complete, "{round}: {:?}", report.errors);
        }
        assert_eq!(names(&destination), ["a", "backup"]);
        assert!(names(&destination.join("backup")).is_empty());
    }
}

#[test]
fn a_destination_that_the_source_shows_under_another_path_is_not_copied_into_itself() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("a"), "d" => dir(tree! {}) });
    let destination = scratch.build("destination", &tree! { "old" => file("old") });
    let Some(_mount) = probe::Mount::bind(&source.join("d/again"), &destination) else { return };
    let report = mirror(&source, &destination, &[], false).unwrap();
    assert_eq!(report.outcome, Outcome::Partial);
    let [told] = report.errors.as_slice() else { panic!("{:?}", report.errors) };
    assert_eq!(told.path.to_text(), "d/again");
    assert!(told.message.contains("--exclude"), "{told:?}");
    assert_eq!(names(&destination), ["a", "d"]);
    assert!(names(&destination.join("d")).is_empty());
    let report = mirror(&source, &destination, &["/d/again"], false).unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
}
