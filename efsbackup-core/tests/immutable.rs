//! Nothing that happens to the source, and no later backup, changes a snapshot.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::compare::differences_of;
use common::crash::soak;
use common::random::Random;
use common::repository::{Hands, at, repository};
use common::{Scratch, read};
use efsbackup_core::snapshot::BackupOptions;
use std::collections::BTreeMap;

/// Checks every snapshot against what the source was, and against its manifest.
fn check(
    root: &std::path::Path,
    taken: &BTreeMap<String, BTreeMap<common::BytePath, common::Meta>>,
) {
    for (id, source) in taken {
        let differences = differences_of(source, &read(&at(root, id)));
        assert!(differences.is_empty(), "{id} has changed:\n{differences}");
        let found = repository(root).verify(id).run().unwrap();
        assert!(found.is_good(), "{id}: {:?}", found.differences);
    }
}

#[test]
fn r15_no_snapshot_changes_whatever_happens_to_the_source() {
    let scratch = Scratch::new();
    let mut random = Random::new(15, &scratch.path(""));
    let source = scratch.build("source", &random.tree(24, 3));
    let root = scratch.path("root");
    let mut taken = BTreeMap::new();
    let backups = if soak() { 200 } else { 12 };
    let (mut linked, mut checked) = (0, 0);
    for number in 0..backups {
        // chmod, chown, touch, write, truncate, rename, link, replace, remove, attributes.
        random.edit(&source, 10);
        let clock = Hands::at(&format!("2026-11-{:02}T{:02}:00:00Z", 1 + number / 24, number % 24));
        let mut options = BackupOptions::default();
        options.max_shrink = 100;
        // Link groups come to their limit and begin anew.
        options.mirror.max_links = Some(9);
        let done = repository(&root).backup(&source).options(options).clock(&clock).run().unwrap();
        let allowed = [0, 23];
        assert!(allowed.contains(&done.exit_status()), "{:?}", done.report.errors);
        linked += done.report.entries.linked.total();
        if done.exit_status() == 0 {
            taken.insert(done.snapshot.unwrap().id, read(&source));
        }
        if number % 20 == 19 {
            check(&root, &taken);
            checked += taken.len();
        }
    }
    check(&root, &taken);
    checked += taken.len();
    eprintln!("{backups} backups, {linked} entries shared, {checked} checks of a whole snapshot");
    assert!(linked > 0 && taken.len() * 10 > backups * 9);
}
