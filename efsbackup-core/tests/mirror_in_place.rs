//! Existing files rewritten where they are.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, file, hardlink, sparse};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::{Fsync, Mirror, Options, Report};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn in_place(source: &Path, destination: &Path) -> Report {
    let mut options = Options::default();
    options.in_place = true;
    options.fsync = Fsync::None;
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    report.into_result().unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn only_blocks_that_differ_are_written_and_the_file_stays_the_same() {
    let old: Vec<u8> = (0..5_000_000u32).map(|at| (at / 512 % 251) as u8).collect();
    let mut new = old.clone();
    new[0] = 99;
    new[3_000_000] = 99;
    let grown = [&new[..], &[7; 100]].concat();
    for (name, content, most) in [
        ("changed", &new[..], 2 * 65_536),
        ("grown", &grown, 3 * 65_536),
        ("shrunk", &new[..4_000_000], 2 * 65_536),
        ("emptied", &[], 0),
    ] {
        let scratch = Scratch::new();
        let source = scratch
            .build("source", &tree! { "f" => file(content).mode(0o600).xattr("user.n", "1") });
        let destination = scratch
            .build("destination", &tree! { "f" => file(&old).mode(0o644).xattr("user.o", "1") });
        let before = inode(&destination.join("f"));
        let report = in_place(&source, &destination);
        assert_same(&source, &destination);
        assert_eq!(inode(&destination.join("f")), before, "{name}");
        assert!(report.bytes.copied <= most, "{name}: {} bytes", report.bytes.copied);
        assert_eq!(in_place(&source, &destination).entries.unchanged.total(), 2, "{name}");
    }
}

#[test]
fn a_file_that_has_another_name_is_replaced_and_the_other_name_keeps_its_content() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "f" => file("new").mtime(1, 0), "a" => file("new too"), "b" => hardlink("a") },
    );
    let destination = scratch.build(
        "destination",
        &tree! { "f" => file("old"), "a" => file("old"), "b" => hardlink("a") },
    );
    fs::hard_link(destination.join("f"), scratch.path("elsewhere")).unwrap();
    in_place(&source, &destination);
    assert_same(&source, &destination);
    assert_eq!(fs::read(scratch.path("elsewhere")).unwrap(), b"old");
}

#[test]
fn what_a_file_grows_by_may_be_a_hole() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => sparse(64 << 20, &[(0, b"new")]) });
    let destination = scratch.build("destination", &tree! { "f" => file("old") });
    in_place(&source, &destination);
    // This compares the space on disk too.
    assert_same(&source, &destination);
}

#[test]
fn keeping_the_previous_version_and_writing_over_it_exclude_each_other() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("new") });
    let mut options = Options::default();
    (options.in_place, options.strict) = (true, true);
    let error = Mirror::new(&source, scratch.path("to")).options(options).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!scratch.path("to").exists());
}
