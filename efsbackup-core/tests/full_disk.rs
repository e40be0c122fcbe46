//! The destination fills up at any moment of a backup: while it copies, writes the manifest,
//! the record or the journal, or tidies up.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::crash::{Series, soak, wait};
use common::disk::{can_mount, make_image, mount};
use common::probe::Mount;
use common::random::{Random, overwrite};
use common::repository::folders;
use common::{Scratch, read};
use efsbackup_core::snapshot::State;
use std::fs;
use std::path::Path;

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    common::repository::run_as_child();
}

/// How many bytes are free in `dir`.
fn free(dir: &Path) -> u64 {
    let stat = rustix::fs::statvfs(dir).unwrap();
    stat.f_bavail * stat.f_frsize
}

/// Leaves `room` bytes free in `dir`.
fn leave(dir: &Path, room: u64) {
    let taken = free(dir).saturating_sub(room);
    let file = fs::File::create(dir.join("ballast")).unwrap();
    // Its own metadata may be what fills the disk.
    let _ = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, taken.max(1));
}

/// Backs up a source that changes, to a disk with a random amount of room each time; then to
/// the same with room enough.
fn fills_up(kind: &str, scratch: &Scratch, disk: &Path) {
    let mut random = Random::new(29, &scratch.path(""));
    random.max_target = 1000;
    let source = scratch.build("source", &random.tree(14, 2));
    let mut series = Series::new(&source, &disk.join("root"));
    series.run_whole();
    let (rounds, mut failed, mut tried_again) = (if soak() { 150 } else { 5 }, 0, 0);
    for round in 0..rounds {
        random.edit(&source, 4);
        let fresh = random.rng.usize(1..200_000);
        overwrite(&mut random.rng, &source.join(format!("fresh{}", round % 5)), fresh);
        // Mostly less than what has to be written, often only a little more.
        let rooms = [0, 4096, 20_000, fresh + 60_000, fresh + 200_000, fresh + 500_000];
        let room = rooms[random.rng.usize(0..rooms.len())];
        leave(disk, room as u64 + random.rng.u64(0..30_000));
        // Two failures cost no good snapshot.
        for _ in 0..1 + random.rng.u32(0..2) {
            let well = wait(&mut series.command().spawn().unwrap()).success();
            failed += u32::from(!well);
            let source = read(&source);
            series.check_each(|id, state, held| {
                assert_eq!(state, State::Complete, "{id}");
                assert_eq!(common::compare::differences_of(&source, held), "", "{id}");
            });
            tried_again += 1;
        }
        fs::remove_file(disk.join("ballast")).unwrap();
        series.run_whole();
    }
    let left = folders(&series.root).len();
    eprintln!("{kind}: {failed} of {tried_again} runs failed; {left} snapshots kept");
    assert!(failed > 0);
}

#[test]
fn a_tmpfs_may_fill_up_at_any_moment() {
    let scratch = Scratch::new();
    let Some(disk) = Mount::tmpfs(&scratch.path("disk"), 24 << 20) else { return };
    fills_up("tmpfs", &scratch, disk.path());
}

#[test]
fn an_ext4_may_fill_up_at_any_moment() {
    let scratch = Scratch::new();
    if !can_mount(&["ext4"], &scratch.path("")) {
        return;
    }
    let image = scratch.path("image");
    assert!(make_image(&image, "ext4", 48 << 20));
    let disk = mount(&image, &scratch.path("disk"), "").unwrap();
    fills_up("ext4", &scratch, disk.path());
}
