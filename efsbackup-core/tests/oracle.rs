//! Whatever the tree, rsync finds nothing left to do after a mirror, and neither does our
//! own comparison. `EFSBACKUP_SEEDS=FROM..TO` runs other seeds than the usual ones.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::random::Random;
use common::{Scratch, differences, probe};
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::mirror::{MaxDelete, Mirror, Options, Outcome};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// Mirrors with deletion, and fails unless everything was done.
fn mirror(source: &Path, destination: &Path, seed: u64) {
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.allow_empty = true;
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "seed {seed}: {:?}", report.errors);
}

/// What rsync would still do, one line an action; empty when nothing.
fn rsync_would_do(source: &Path, destination: &Path) -> String {
    let slash = |path: &Path| path.join("");
    let output = Command::new("rsync")
        .args(["-aHAXn", "--numeric-ids", "--delete", "--checksum", "--itemize-changes"])
        .args([slash(source), slash(destination)])
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| BytePath::from(bytes).to_text();
    assert!(output.status.success(), "rsync: {}", text(output.stderr));
    text(output.stdout)
}

fn seeds() -> Range<u64> {
    let Some(range) = std::env::var_os("EFSBACKUP_SEEDS") else { return 0..12 };
    let range = range.to_str().and_then(|range| range.split_once("..")).expect("FROM..TO");
    range.0.parse().unwrap()..range.1.parse().unwrap()
}

#[test]
fn after_a_mirror_rsync_finds_nothing_to_do() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in seeds() {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, scratch.path("").as_path());
        let source = scratch.build("source", &random.tree(8, 4));
        let destination = scratch.path("destination");
        for round in 0..4 {
            if round > 0 {
                random.edit(&source, 12);
            }
            if round == 2 {
                // Whatever happened to the destination is mended too.
                random.edit(&destination, 12);
            }
            mirror(&source, &destination, seed);
            let left = differences(&source, &destination);
            assert!(left.is_empty(), "seed {seed}, round {round}: trees differ:\n{left}");
            let left = rsync_would_do(&source, &destination);
            assert!(left.is_empty(), "seed {seed}, round {round}: rsync would do:\n{left}");
        }
    }
}

/// The other oracle's oracle: rsync itself makes what our comparison calls equal.
#[test]
fn what_rsync_copies_our_comparison_calls_equal() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in seeds() {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, scratch.path("").as_path());
        let source = scratch.build("source", &random.tree(8, 4));
        let destination = scratch.path("destination");
        let status = Command::new("rsync")
            .args(["-aHAXS", "--numeric-ids", "--delete", "--modify-window=-1"])
            .args([source.join(""), destination.clone()])
            .status()
            .unwrap();
        assert!(status.success());
        let left = differences(&source, &destination);
        assert!(left.is_empty(), "seed {seed}: trees differ:\n{left}");
        assert_eq!(rsync_would_do(&source, &destination), "");
        let changed = source.join("changed");
        std::fs::write(&changed, "x").unwrap();
        assert!(differences(&source, &destination).contains("changed"));
    }
}
