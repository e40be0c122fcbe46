//! Users go on writing to the source while it is mirrored: files grow, shrink, vanish, get
//! other names and become other things.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, dir, file};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::{Fsync, Mirror, Options, Report};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Calls `change` again and again while `work` runs, and at least once before.
fn while_changing<T>(mut change: impl FnMut(u64) + Send, work: impl FnOnce() -> T) -> T {
    struct StopOnDrop<'s>(&'s AtomicBool);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (stop, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                change(round);
                begun.store(true, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let _stop = StopOnDrop(&stop);
        while !begun.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        work()
    })
}

fn mirror(source: &Path, destination: &Path, strict: bool) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.retries = 0;
    options.strict = strict;
    options.fsync = Fsync::None;
    Mirror::new(source, destination).options(options).run().unwrap()
}

/// What a test file has at each offset, so that nothing out of place goes unseen.
fn pattern(from: u64, length: u64) -> Vec<u8> {
    (from..from + length).map(|at| (at / 512 % 251) as u8 + 1).collect()
}

const BEGIN: u64 = 8 << 20;
/// How often a run is tried until a change falls into it.
const TRIES: usize = 200;

#[test]
fn a_file_that_grows_is_kept_as_the_beginning_it_had_and_said_to_have_changed() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "log" => file(pattern(0, BEGIN)) });
    let destination = scratch.path("destination");
    let mut log = OpenOptions::new().append(true).open(source.join("log")).unwrap();
    let mut length = BEGIN;
    let append = |_| {
        log.write_all(&pattern(length, 4096)).unwrap();
        length += 4096;
    };
    let seen = while_changing(append, || {
        (0..TRIES).any(|_| {
            let _ = fs::remove_file(destination.join("log"));
            let report = mirror(&source, &destination, false);
            let copy = fs::read(destination.join("log")).unwrap();
            assert!(copy.len() as u64 >= BEGIN && copy == pattern(0, copy.len() as u64));
            if report.exit_status() == 24 {
                assert_eq!(report.errors[0].kind, ErrorKind::ChangedDuringCopy);
                assert_eq!((report.entries.vanished.file, report.errors_total), (1, 1));
            }
            report.exit_status() == 24
        })
    });
    assert!(seen, "the file never grew while it was copied");
    // Left alone, the next run makes it equal.
    assert_eq!(mirror(&source, &destination, false).exit_status(), 0);
    assert_same(&source, &destination);
}

#[test]
fn strictly_a_file_that_changes_keeps_its_previous_copy() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "log" => file(pattern(0, BEGIN)) });
    let destination = scratch.build("destination", &tree! { "log" => file("previous") });
    let log = OpenOptions::new().write(true).open(source.join("log")).unwrap();
    let change = |round: u64| log.write_all_at(&[round as u8], round % BEGIN).unwrap();
    let seen = while_changing(change, || {
        (0..TRIES).any(|_| {
            fs::write(destination.join("log"), "previous").unwrap();
            let report = mirror(&source, &destination, true);
            if report.exit_status() == 23 {
                assert_eq!((report.entries.failed.file, report.errors_total), (1, 1));
                assert_eq!(fs::read(destination.join("log")).unwrap(), b"previous");
            }
            report.exit_status() == 23
        })
    });
    assert!(seen, "the file never changed while it was copied");
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 1, "a temporary file stayed");
}

#[test]
fn a_file_that_shrinks_ends_the_copy_and_keeps_its_length() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file(pattern(0, BEGIN)) });
    let destination = scratch.path("destination");
    let f = OpenOptions::new().write(true).open(source.join("f")).unwrap();
    let change = |round: u64| {
        f.set_len(if round.is_multiple_of(2) { 4096 } else { BEGIN }).unwrap();
    };
    for _ in 0..10 {
        let report = while_changing(change, || mirror(&source, &destination, false));
        assert!(matches!(report.exit_status(), 0 | 24), "{report:?}");
        let copy = fs::read(destination.join("f")).unwrap();
        assert!([4096, BEGIN].contains(&(copy.len() as u64)), "{} bytes", copy.len());
        // What was cut off reads as zeros; all else is in its place.
        let wanted = pattern(0, BEGIN);
        assert!(copy.iter().zip(&wanted).all(|(have, want)| have == want || *have == 0));
        f.write_all_at(&wanted, 0).unwrap();
    }
    assert_eq!(mirror(&source, &destination, false).exit_status(), 0);
    assert_same(&source, &destination);
}

#[test]
fn names_that_vanish_move_and_change_their_type_harm_nothing_else() {
    let scratch = Scratch::new();
    let still = || tree! { "a" => file(pattern(0, 200_000)), "b" => file("b") };
    let source = scratch.build(
        "source",
        &tree! {
            "still" => dir(still()), "moves" => dir(still()), "swapped" => file("file"),
            "swapped too" => dir(still()), "link" => file("was a file"),
        },
    );
    let destination = scratch.path("destination");
    let at = |name: &str| source.join(name);
    let change = |round: u64| {
        match round % 6 {
            0 => fs::write(at(&format!("new {}", round % 60)), "new").unwrap(),
            1 => drop(fs::remove_file(at(&format!("new {}", (round + 30) % 60 / 6 * 6)))),
            2 => {
                let flags = RenameFlags::EXCHANGE;
                renameat_with(CWD, at("swapped"), CWD, at("swapped too"), flags).unwrap();
            }
            3 => fs::rename(at("moves"), at("moved")).unwrap(),
            4 => fs::rename(at("moved"), at("moves")).unwrap(),
            _ => {
                fs::remove_file(at("link")).unwrap();
                match round % 4 {
                    1 => symlink("still", at("link")).unwrap(),
                    _ => fs::write(at("link"), "a file again").unwrap(),
                }
            }
        };
    };
    while_changing(change, || {
        for run in 0..30 {
            let report = mirror(&source, &destination, false);
            assert!(matches!(report.exit_status(), 0 | 23 | 24), "run {run}: {report:?}");
            assert_same(&source.join("still"), &destination.join("still"));
            // A directory is never a copy of what a link led to.
            let link = destination.join("link");
            assert!(link.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) || !link.exists());
        }
    });
    let report = mirror(&source, &destination, false);
    assert_eq!(report.exit_status(), 0, "{report:?}");
    assert_same(&source, &destination);
    assert!(fs::metadata(&destination).unwrap().mode() & 0o777 == 0o755);
}
