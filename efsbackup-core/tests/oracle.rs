//! Whatever the tree, rsync finds nothing left to do after a mirror, and neither does our
//! own comparison. `EFSBACKUP_SEEDS=FROM..TO` runs other seeds than the usual ones. `make
//! test-nfs` runs these tests from one NFS server to another.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::compare::Content;
use common::random::Random;
use common::{Scratch, differences, probe, read, seen};
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::mirror::{Fsync, Jobs, LinkSource, MaxDelete, Mirror, Options, Outcome, Trust};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// Mirrors with deletion and, by the seed, different numbers of threads; fails unless
/// everything was done. Says whether it had to compare contents.
fn mirror(source: &Path, destination: &Path, seed: u64, link_source: Option<&Path>) -> bool {
    let mut options = Options::default();
    options.checksum = misleads(source, link_source.unwrap_or(destination));
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.allow_empty = true;
    options.fsync = Fsync::None;
    options.jobs = [Jobs::Auto, Jobs::Count(1), Jobs::Count(16)][(seed % 3) as usize];
    let link_source = link_source.map(Path::to_owned);
    options.link_sources =
        link_source.map(|path| LinkSource::new(path, Trust::Metadata)).into_iter().collect();
    let checksum = options.checksum;
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "seed {seed}: {:?}", report.errors);
    checksum
}

/// Whether a file has the size and time, but not the content, of the one that has its name in
/// the other tree: edits at one tick of the clock can do that, and only contents tell then.
fn misleads(source: &Path, other: &Path) -> bool {
    if !other.exists() {
        return false;
    }
    let other = read(other);
    read(source).iter().any(|(path, meta)| {
        let size = |content: &Content| match content {
            Content::File(size, _) => Some(*size),
            _ => None,
        };
        other.get(path).is_some_and(|other| {
            size(&meta.content).is_some_and(|length| size(&other.content) == Some(length))
                && meta.mtime == other.mtime
                && meta.content != other.content
        })
    })
}

/// How two trees differ; without how their zeros are stored, if that is `left_out`. Through
/// NFSv4.1 nobody sees holes.
fn left(source: &Path, destination: &Path, left_out: bool) -> Vec<String> {
    let left = differences(source, destination);
    let is_told = |line: &&str| !left_out || !line.contains("bytes on disk");
    left.lines().filter(is_told).map(str::to_owned).collect()
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

/// The seeds asked for, or the first `usual` ones.
fn seeds(usual: u64) -> Range<u64> {
    let Some(range) = std::env::var_os("EFSBACKUP_SEEDS") else { return 0..usual };
    let range = range.to_str().and_then(|range| range.split_once("..")).expect("FROM..TO");
    range.0.parse().unwrap()..range.1.parse().unwrap()
}

#[test]
fn after_a_mirror_rsync_finds_nothing_to_do() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in seeds(50) {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, scratch.path("").as_path());
        let source = scratch.build("source", &random.tree(8, 4));
        let copies = scratch.for_copies();
        let destination = copies.path("destination");
        let (from, to) = (seen(&source), seen(&destination));
        let mut by_content = false;
        for round in 0..4 {
            if round > 0 {
                random.edit(&source, 12);
            }
            if round == 2 {
                // Whatever happened to the destination is mended too.
                random.edit(&destination, 12);
            }
            by_content |= mirror(&source, &destination, seed, None);
            // A file whose content is equal stays, however its zeros are stored.
            let left = left(&from, &to, by_content || probe::is_nfs(&source));
            assert!(left.is_empty(), "seed {seed}, round {round}: trees differ: {left:#?}");
            let left = rsync_would_do(&from, &to);
            assert!(left.is_empty(), "seed {seed}, round {round}: rsync would do:\n{left}");
        }
    }
}

#[test]
fn hard_linked_from_the_last_copy_the_next_is_exact_and_the_last_unchanged() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in seeds(16) {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, scratch.path("").as_path());
        let source = scratch.build("source", &random.tree(8, 4));
        let copies = scratch.for_copies();
        mirror(&source, &copies.path("copy 0"), seed, None);
        for round in 1..4 {
            let last = copies.path(&format!("copy {}", round - 1));
            let next = copies.path(&format!("copy {round}"));
            random.edit(&source, 8);
            let before = read(&seen(&last));
            mirror(&source, &next, seed, Some(&last));
            let left = left(&seen(&source), &seen(&next), probe::is_nfs(&source));
            assert!(left.is_empty(), "seed {seed}, round {round}: trees differ: {left:#?}");
            let left = rsync_would_do(&seen(&source), &seen(&next));
            assert!(left.is_empty(), "seed {seed}, round {round}: rsync would do:\n{left}");
            assert!(
                before == read(&seen(&last)),
                "seed {seed}, round {round}: the last copy changed"
            );
        }
    }
}

/// The other oracle's oracle: rsync itself makes what our comparison calls equal. Always the
/// same seeds: with some rsync itself is inexact (it drops a group's permissions from an ACL
/// in which they equal the mask).
#[test]
fn what_rsync_copies_our_comparison_calls_equal() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in 0..12 {
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
