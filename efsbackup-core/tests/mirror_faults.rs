//! Every system call of a mirror is made to fail once, at each of its uses. Whatever
//! happens: nothing panics, no error is lost, no file holds wrong content under its final
//! name, no descriptor stays open, and the next run mends everything.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::tree::{Tree, dir, fifo, file, hardlink, symlink};
use common::{Scratch, differences};
use efsbackup_core::Result;
use efsbackup_core::mirror::testing::Faults;
use efsbackup_core::mirror::{Fsync, Jobs, LinkSource, Mirror, Options, Outcome, Report, Trust};
use rustix::io::Errno;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const NEW: &[u8] = &[b'n'; 200_000];
const OLD: &[u8] = &[b'o'; 150_000];

fn source_tree() -> Tree {
    tree! {
        "changed" => file(NEW),
        "new" => file(NEW).mode(0o640),
        "same" => file("same").mtime(1_000, 7),
        "linked" => file("linked").mtime(2_000, 0),
        "group" => file("group"),
        "sub" => dir(tree! {
            "group too" => hardlink("group"),
            "link" => symlink("../changed"),
            "pipe" => fifo(),
            "now a file" => file("was a directory"),
            "now a directory" => dir(tree! { "inner" => file("inner") }),
        }),
    }
}

fn destination_tree() -> Tree {
    tree! {
        "changed" => file(OLD),
        "same" => file("same").mtime(1_000, 7).mode(0o600),
        "extra" => dir(tree! { "deep" => dir(tree! { "file" => file("x") }) }),
        "sub" => dir(tree! {
            "gone" => file("x"),
            "now a file" => dir(tree! { "in the way" => file("x") }),
            "now a directory" => file("was a file"),
        }),
    }
}

struct Stage {
    scratch: Scratch,
    source: PathBuf,
    links: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let scratch = Scratch::new();
        let source = scratch.build("source", &source_tree());
        let links = scratch.build("links", &tree! { "linked" => file("linked").mtime(2_000, 0) });
        Stage { scratch, source, links }
    }

    fn mirror(&self, destination: &Path, jobs: usize, fsync: Fsync) -> Result<Report> {
        let mut options = Options::default();
        options.delete = true;
        options.jobs = Jobs::Count(jobs);
        options.fsync = fsync;
        options.retries = 1;
        options.link_sources = vec![LinkSource::new(&self.links, Trust::Metadata)];
        Mirror::new(&self.source, destination).options(options).run()
    }
}

/// Open descriptors are counted for the whole process, so one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// No file may hold anything but what it held before or what the source holds.
fn assert_no_torn_file(destination: &Path) {
    for (name, contents) in [
        ("changed", &[NEW, OLD][..]),
        ("new", &[NEW]),
        ("same", &[b"same"]),
        ("linked", &[b"linked"]),
        ("group", &[b"group"]),
        ("sub/group too", &[b"group"]),
    ] {
        if let Ok(content) = fs::read(destination.join(name)) {
            assert!(
                contents.contains(&content.as_slice()),
                "{name} is torn: {} bytes",
                content.len()
            );
        }
    }
}

/// Fails call number `first` with each of `errnos` in turn, for every `first`.
fn fail_each_call(jobs: usize, times: u64, errnos: &[Errno]) {
    let _turn = turn();
    // Once with every file synced is enough.
    let fsync = if jobs == 1 { Fsync::Files } else { Fsync::None };
    let stage = Stage::new();
    let destination = stage.scratch.path("destination");
    let build = || {
        let _ = fs::remove_dir_all(&destination);
        stage.scratch.build("destination", &destination_tree());
    };
    build();
    let faults = Faults::none();
    let report = stage.mirror(&destination, jobs, fsync).unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
    let calls = faults.calls();
    drop(faults);
    assert!(calls > 200, "only {calls} calls went through the seam");
    let before = open_descriptors();
    // With other threads at work a call's number means another call each time anyway, so
    // every third is enough.
    for first in (0..calls).step_by(if jobs == 1 { 1 } else { 3 }) {
        let errno = errnos[first as usize % errnos.len()];
        build();
        let faults = Faults::at(first, times, errno.raw_os_error());
        let result = stage.mirror(&destination, jobs, fsync);
        let failed = faults.failed();
        drop(faults);
        let what = format!("call {first} ({failed:?}) with {errno:?}: {result:?}");
        assert_eq!(open_descriptors(), before, "descriptors stay open: {what}");
        assert_no_torn_file(&destination);
        match &result {
            Err(_) => {}
            Ok(report) if report.outcome == Outcome::Complete => {
                let left = differences(&stage.source, &destination);
                assert!(left.is_empty(), "an error was lost: {what}\n{left}");
            }
            Ok(report) => assert!(report.errors_total > 0, "no error says why: {what}"),
        }
        let report = stage.mirror(&destination, jobs, Fsync::None).unwrap();
        assert_eq!(report.outcome, Outcome::Complete, "{what}, then: {:?}", report.errors);
        let left = differences(&stage.source, &destination);
        assert!(left.is_empty(), "the next run left differences: {what}\n{left}");
    }
}

#[test]
fn any_one_call_may_fail() {
    fail_each_call(1, 1, &[Errno::IO, Errno::ACCESS, Errno::NOSPC, Errno::MFILE, Errno::DQUOT]);
}

#[test]
fn any_one_call_may_fail_with_others_at_work() {
    fail_each_call(4, 1, &[Errno::PERM, Errno::NOMEM, Errno::TXTBSY]);
}

#[test]
fn what_passes_is_tried_again() {
    let _turn = turn();
    let stage = Stage::new();
    let destination = stage.scratch.path("destination");
    for errno in [Errno::STALE, Errno::AGAIN, Errno::TIMEDOUT, Errno::INTR] {
        let mut ended = Vec::new();
        for first in (40..400).step_by(9) {
            let _ = fs::remove_dir_all(&destination);
            stage.scratch.build("destination", &destination_tree());
            let faults = Faults::at(first, 1, errno.raw_os_error());
            let result = stage.mirror(&destination, 1, Fsync::None);
            let failed = faults.failed();
            drop(faults);
            match result {
                Ok(report) if report.outcome == Outcome::Complete => {}
                Ok(report) => ended.push((failed, format!("{:?}", report.errors))),
                // It had not begun: whoever called it may call again.
                Err(_) => {}
            }
        }
        assert!(ended.is_empty(), "{errno:?} ended these: {ended:#?}");
    }
}

#[test]
fn from_any_call_on_everything_may_fail() {
    fail_each_call(2, u64::MAX, &[Errno::IO, Errno::ACCESS, Errno::NOSPC]);
}

/// The inodes of the three names of a group, and of the same file in the link source.
fn mirror_group(mlink_at: u64) -> (Vec<u64>, u64, Report) {
    let scratch = Scratch::new();
    let tree = tree! {
        "a" => file("group").mtime(1_000, 0),
        "b" => hardlink("a"),
        "dir" => dir(tree! { "c" => hardlink("a") }),
    };
    let (source, links) = (scratch.build("source", &tree), scratch.build("links", &tree));
    let destination = scratch.path("destination");
    let mut options = Options::default();
    options.jobs = Jobs::Count(1);
    options.link_sources = vec![LinkSource::new(&links, Trust::Metadata)];
    let faults = Faults::of("linkat", mlink_at, 1, Errno::MLINK.raw_os_error());
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!(faults.failed().len(), 1);
    drop(faults);
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let inodes = ["a", "b", "dir/c"].map(|name| inode(destination.join(name))).to_vec();
    assert!(differences(&source, &destination).is_empty());
    (inodes, inode(links.join("a")), report)
}

#[test]
fn r19_a_group_that_meets_the_link_limit_halfway_moves_whole_to_a_new_inode() {
    let _turn = turn();
    for mlink_at in 0..3 {
        let (inodes, shared, report) = mirror_group(mlink_at);
        assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
        assert!(inodes.iter().all(|inode| *inode == inodes[0]), "the group was split");
        assert_ne!(inodes[0], shared, "the group stayed with the inode that is full");
    }
}

#[test]
fn r19_a_group_above_the_link_limit_is_split_and_each_split_is_told() {
    let _turn = turn();
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! {
            "a" => file("group"),
            "b" => hardlink("a"),
            "c" => hardlink("a"),
            "d" => hardlink("a"),
            "e" => hardlink("a"),
        },
    );
    let destination = scratch.path("destination");
    let mut options = Options::default();
    options.jobs = Jobs::Count(1);
    options.max_links = Some(2);
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!((report.exit_status(), report.errors_total), (23, 2), "{:?}", report.errors);
    let metas = ["a", "b", "c", "d", "e"].map(|name| fs::metadata(destination.join(name)).unwrap());
    let inodes: std::collections::HashSet<u64> = metas.iter().map(MetadataExt::ino).collect();
    assert_eq!(inodes.len(), 3);
    assert!(metas.iter().all(|meta| meta.nlink() <= 2));
}

/// Whatever made the kernel stop copying, reading and writing go on from where it got to.
#[test]
fn a_kernel_that_stops_copying_is_taken_over_from_at_the_offset_reached() {
    let _turn = turn();
    let scratch = Scratch::new();
    let content: Vec<u8> = (0..20_000_000u32).map(|at| (at / 512 % 251) as u8 + 1).collect();
    let source = scratch.build("source", &tree! { "large" => file(&content) });
    for errno in [Errno::INVAL, Errno::XDEV, Errno::OPNOTSUPP, Errno::NOSYS, Errno::PERM, Errno::IO]
    {
        for reached in [0, 1, 2] {
            let destination = scratch.path("destination");
            let faults = Faults::of("copy_file_range", reached, u64::MAX, errno.raw_os_error());
            let report = Mirror::new(&source, &destination).run().unwrap();
            assert_eq!(faults.failed(), ["copy_file_range"], "it was asked again");
            assert_eq!((report.outcome, report.bytes.copied), (Outcome::Complete, 20_000_000));
            assert!(fs::read(destination.join("large")).unwrap() == content);
            fs::remove_dir_all(&destination).unwrap();
        }
    }
}
