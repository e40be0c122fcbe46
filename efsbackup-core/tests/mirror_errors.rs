//! Errors that single calls meet: each becomes one entry of the report, with path, operation
//! and number; what may pass is tried again; what does less than it was asked for loses nothing.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Acl, Scratch, Tree, assert_same, dir, fifo, file, probe, read, sparse, symlink};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::testing::Faults;
use efsbackup_core::mirror::{Fsync, Jobs, MaxDelete, Mirror, Options, Outcome, Report};
use rustix::io::Errno;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Faults meet every mirror of the process, so one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mirror_with(source: &Path, destination: &Path, change: impl Fn(&mut Options)) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.jobs = Jobs::Count(1);
    options.fsync = Fsync::Files;
    change(&mut options);
    Mirror::new(source, destination).options(options).run().unwrap()
}

fn mirror(source: &Path, destination: &Path) -> Report {
    mirror_with(source, destination, |_| {})
}

/// What each byte of a test file depends on, so that nothing out of place goes unseen.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 512 % 251) as u8 + 1).collect()
}

/// A call that only the file `d/f` leads to, and what the report calls it.
const CALLS: &[(&str, &str)] = &[
    ("pread", "read"),
    ("pwrite", "write"),
    ("ftruncate", "truncate"),
    ("chownat", "chown"),
    ("fchmod", "chmod"),
    ("fsetxattr", "setxattr"),
    ("futimens", "utimens"),
    ("fsync", "fsync"),
];

const ERRNOS: &[Errno] = &[
    Errno::IO,
    Errno::ACCESS,
    Errno::STALE,
    Errno::DQUOT,
    Errno::NOSPC,
    Errno::MFILE,
    Errno::TXTBSY,
];

/// A tree of one file that needs all of these calls.
fn one_file() -> Tree {
    let mut f = sparse(100_000, &[(0, b"begin"), (90_000, b"middle")]);
    f = f.mode(0o4750).mtime(1_000, 0).xattr("user.a", "1");
    if probe::is_root() {
        f = f.owner(1_000, 1_001);
    }
    tree! { "d" => dir(tree! { "f" => f }) }
}

#[test]
fn each_errno_at_each_call_is_one_entry_with_path_operation_and_number() {
    let _turn = turn();
    for (call, op) in CALLS {
        if *call == "chownat" && !probe::root() {
            continue;
        }
        for errno in ERRNOS {
            let scratch = Scratch::new();
            let source = scratch.build("source", &one_file());
            let destination = scratch.build("destination", &tree! { "d" => dir(tree! {}) });
            // The directory needs none of them, being the same but for its time.
            let faults = Faults::of(call, 0, u64::MAX, errno.raw_os_error());
            let time = faults.stop_time();
            let report = mirror(&source, &destination);
            let failed = faults.failed();
            drop((time, faults));
            let what = format!("{call} {errno:?}: {report:?}");
            assert!(!failed.is_empty(), "not called: {what}");
            let of_file: Vec<_> =
                report.errors.iter().filter(|error| error.path.as_bytes() == b"d/f").collect();
            assert_eq!(of_file.len(), 1, "{what}");
            assert_eq!((&*of_file[0].op, of_file[0].errno), (*op, Some(errno.raw_os_error())));
            assert_eq!(report.entries.failed.file, 1, "{what}");
            assert!(matches!(report.exit_status(), 1 | 23), "{what}");
            let left = fs::read_dir(destination.join("d")).unwrap().count();
            assert_eq!(left, 0, "a file without all that belongs to it was left: {what}");
            // Then nothing fails any more.
            assert_eq!(mirror(&source, &destination).exit_status(), 0);
            assert_same(&source, &destination);
        }
    }
}

#[test]
fn metadata_that_cannot_be_set_is_never_taken_for_set() {
    let _turn = turn();
    let acl = Acl { owner: 7, users: vec![(7, 5)], group: 4, groups: vec![], mask: 5, other: 0 };
    let tree = tree! {
        "d" => dir(tree! {}).mode(0o2750).mtime(5, 5).acl(&acl).default_acl(&acl),
        "link" => symlink("x").mtime(6, 6),
        "fifo" => fifo().mode(0o620).mtime(7, 7),
        "kept" => file("kept").mode(0o640).mtime(8, 8).xattr("user.a", "1"),
    };
    let before = tree! {
        "d" => dir(tree! {}), "kept" => file("kept").mtime(8, 8),
    };
    for call in ["chmod", "fchmod", "utimensat", "futimens", "fsetxattr", "setxattr"] {
        for errno in [Errno::PERM, Errno::IO, Errno::OPNOTSUPP] {
            let scratch = Scratch::new();
            let source = scratch.build("source", &tree);
            let destination = scratch.build("destination", &before);
            let faults = Faults::of(call, 0, u64::MAX, errno.raw_os_error());
            let report = mirror(&source, &destination);
            let failed = faults.failed();
            drop(faults);
            assert!(!failed.is_empty(), "{call} is not called");
            assert_eq!(report.exit_status(), 23, "{call} {errno:?}: {report:?}");
            assert!(report.errors_total > 0);
            // A later run sees it too: nothing looks done.
            assert_eq!(mirror(&source, &destination).exit_status(), 0);
            assert_same(&source, &destination);
        }
    }
}

#[test]
fn a_listing_that_fails_is_told_and_nothing_beneath_is_removed() {
    let _turn = turn();
    let source_tree = tree! {
        "a" => dir(tree! { "f" => file("f"), "g" => file("g") }), "b" => file("b"),
    };
    let before = tree! {
        "a" => dir(tree! { "f" => file("f"), "only here" => file("x") }), "extra" => file("x"),
    };
    let mut whole = false;
    for first in 0.. {
        for times in [1, u64::MAX] {
            let scratch = Scratch::new();
            let source = scratch.build("source", &source_tree);
            let destination = scratch.build("destination", &before);
            let faults = Faults::of("getdents", first, times, Errno::ACCESS.raw_os_error());
            let mut options = Options::default();
            options.delete = true;
            options.jobs = Jobs::Count(1);
            let result = Mirror::new(&source, &destination).options(options).run();
            let failed = faults.failed();
            drop(faults);
            whole = failed.is_empty();
            let Ok(report) = result else {
                // The guard that looks into the source could not: nothing was begun.
                assert!(first < 2);
                continue;
            };
            assert_eq!(report.exit_status() == 0, whole, "listing {first}: {report:?}");
            for (dir, extra) in [("a", "a/only here"), ("", "extra")] {
                let told =
                    report.errors.iter().any(|error| error.path.as_bytes() == dir.as_bytes());
                let kept = destination.join(extra).exists();
                assert!(!told || kept, "listing {first}, {extra} is gone: {report:?}");
            }
        }
        if whole {
            assert!(first > 4, "only {first} listings");
            break;
        }
    }
}

#[test]
fn what_may_pass_is_tried_again_after_waits_that_double() {
    let _turn = turn();
    for (call, errno, again) in [
        ("pread", Errno::IO, true),
        ("pread", Errno::STALE, true),
        ("pwrite", Errno::TIMEDOUT, true),
        ("pwrite", Errno::IO, false),
        ("fsync", Errno::IO, false),
        ("pread", Errno::ACCESS, false),
    ] {
        for times in 1..=4 {
            let scratch = Scratch::new();
            let source = scratch.build("source", &tree! { "f" => file("content") });
            let destination = scratch.path("destination");
            let faults = Faults::of(call, 0, times, errno.raw_os_error());
            let time = faults.stop_time();
            let report = mirror(&source, &destination);
            let waited = time.waited();
            drop((time, faults));
            // Three attempts come after the first.
            let well = again && times <= 3;
            let what = format!("{call} {errno:?}, {times} times: {report:?}");
            assert_eq!(report.outcome == Outcome::Complete, well, "{what}");
            let waits = if again { times.min(3) as u32 } else { 0 };
            assert_eq!(waited, Duration::from_millis(10 * ((1 << waits) - 1)), "{what}");
            let there = fs::read(destination.join("f")).ok();
            assert_eq!(there.as_deref(), well.then_some(&b"content"[..]), "{what}");
        }
    }
}

#[test]
fn short_reads_and_writes_are_gone_on_with() {
    let _turn = turn();
    let scratch = Scratch::new();
    let tree = tree! {
        "small" => file(pattern(100_000)), "small too" => file(pattern(90_000)),
        "small again" => file(pattern(120_000)), "large" => file(pattern(700_000)),
        "holes" => sparse(3 << 20, &[(1 << 20, &pattern(300_000))]),
    };
    let source = scratch.build("source", &tree);
    for call in ["pread", "pwrite", "copy_file_range"] {
        for (first, most) in [(0, 4_097), (1, 80_000), (1, 65_536)] {
            for checksum in [false, true] {
                let destination = scratch.path("destination");
                let faults = Faults::short(call, first, u64::MAX, most);
                let report = mirror(&source, &destination);
                if checksum {
                    let again = mirror_with(&source, &destination, |o| o.checksum = true);
                    assert_eq!(again.bytes.copied, 0, "short reads looked like a difference");
                }
                let failed = faults.failed().len();
                drop(faults);
                assert!(failed > 0, "{call} was not short");
                assert_eq!(report.exit_status(), 0, "{call}, {most}: {report:?}");
                assert_same(&source, &destination);
                fs::remove_dir_all(&destination).unwrap();
            }
        }
    }
}

#[test]
fn a_kernel_copy_of_zero_bytes_before_the_end_is_not_the_end() {
    let _turn = turn();
    let scratch = Scratch::new();
    let content = pattern(20_000_000);
    let source = scratch.build("source", &tree! { "large" => file(&content) });
    let destination = scratch.path("destination");
    for first in [0, 1, 2] {
        let faults = Faults::short("copy_file_range", first, u64::MAX, 0);
        let report = mirror(&source, &destination);
        assert_eq!(faults.failed().len(), 1, "it was asked again");
        drop(faults);
        assert_eq!((report.outcome, report.bytes.copied), (Outcome::Complete, 20_000_000));
        assert!(fs::read(destination.join("large")).unwrap() == content);
        fs::remove_dir_all(&destination).unwrap();
    }
}

#[test]
fn a_write_that_does_nothing_is_an_error_and_a_read_that_ends_early_a_change() {
    let _turn = turn();
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file(pattern(90_000)) });
    let destination = scratch.path("destination");
    let faults = Faults::short("pwrite", 0, u64::MAX, 0);
    let report = mirror(&source, &destination);
    drop(faults);
    assert_eq!((report.exit_status(), report.errors_total), (23, 1), "{report:?}");
    assert_eq!((&*report.errors[0].op, report.errors[0].path.as_bytes()), ("write", &b"f"[..]));
    assert!(!destination.join("f").exists());
    // Once: the next attempt reads all.
    let faults = Faults::short("pread", 0, 1, 0);
    assert_eq!(mirror(&source, &destination).exit_status(), 0);
    drop(faults);
    assert_same(&source, &destination);
    // Each time: the copy is as long as the source, and said to have changed.
    fs::remove_file(destination.join("f")).unwrap();
    let faults = Faults::short("pread", 0, u64::MAX, 0);
    let report = mirror(&source, &destination);
    drop(faults);
    assert_eq!(report.exit_status(), 24, "{report:?}");
    assert_eq!(report.errors[0].kind, ErrorKind::ChangedDuringCopy);
    assert_eq!(fs::metadata(destination.join("f")).unwrap().len(), 90_000);
}

#[test]
fn a_source_or_destination_that_is_read_only_is_read_or_told() {
    let _turn = turn();
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(mount) = probe::Mount::tmpfs(&scratch.path("mount"), 8 << 20) else { return };
    let tree = tree! {
        "f" => file(pattern(300_000)).owner(1, 2), "h" => common::hardlink("f"),
        "d" => dir(tree! { "l" => symlink("x") }).mode(0o700),
    };
    common::build::build(&mount.path().join("tree"), &tree);
    let remount = |options: &str| {
        let mut command = std::process::Command::new("mount");
        let command = command.args(["-o", options]).arg(mount.path());
        assert!(command.status().unwrap().success());
    };
    remount("remount,ro");
    let (read_only, copy) = (mount.path().join("tree"), scratch.path("copy"));
    assert_eq!(mirror(&read_only, &copy).exit_status(), 0);
    assert_same(&read_only, &copy);
    fs::write(copy.join("new"), "x").unwrap();
    let before = read(&read_only);
    let report = mirror(&copy, &read_only);
    assert_eq!((report.outcome, report.exit_status()), (Outcome::Failed, 1), "{report:?}");
    assert_eq!(report.errors[0].errno, Some(Errno::ROFS.raw_os_error()));
    assert!(before == read(&read_only));
    remount("remount,rw");
}
