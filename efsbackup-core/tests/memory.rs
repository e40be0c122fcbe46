//! Memory does not grow with the number of entries: of what is sorted, written and looked up
//! only a part is held at once.
//!
//! `make soak-memory` runs the long forms.

#![cfg(all(feature = "snapshot", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::Scratch;
use common::crash::soak;
use common::probe::Mount;
use common::repository::{repository, try_backup};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{EntryEvent, Listener, Outcome};
use efsbackup_core::snapshot::{BackupOptions, testing};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most that any of these may need, of code and libraries too.
const LIMIT: u64 = 64 << 20;

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    let variable = |name: &str| std::env::var(name).expect("only run by other tests");
    let (place, entries) = (PathBuf::from(variable("PLACE")), variable("ENTRIES").parse().unwrap());
    match variable("WHAT").as_str() {
        "manifest" => {
            testing::write_manifest(&place, "first", None, entries).unwrap();
            testing::write_manifest(&place, "second", Some("first"), entries).unwrap();
        }
        "journal" => {
            let some = entries / 10;
            let found = testing::write_and_read_journal(&place, entries, some).unwrap();
            assert_eq!(found, (some, 0));
        }
        "stopped" => {
            let stop = StopsAfter(AtomicU64::new(entries * 3 / 4), CancelToken::new());
            let repository = repository(&place.join("root"));
            let backup = repository.backup(place.join("source")).cancel(&stop.1).listener(&stop);
            assert_eq!(backup.run().unwrap().report.outcome, Outcome::Cancelled);
        }
        _ => {
            let options = BackupOptions::default();
            let run = try_backup(&place.join("source"), &place.join("root"), options).unwrap();
            assert!(run.report.entries.linked.file > entries / 2, "{:?}", run.report.entries);
            assert!(run.snapshot.is_some());
        }
    }
    fs::write(place.join("peak"), peak().to_string()).unwrap();
}

/// Cancels a run after so many entries.
struct StopsAfter(AtomicU64, CancelToken);

impl Listener for StopsAfter {
    fn entry(&self, _: &EntryEvent<'_>) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.cancel();
        }
    }
}

/// The most memory that this process has held so far, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kilobytes * 1024
}

/// Does `what` with `entries` entries, as a process of its own, within the limit.
fn does(what: &str, entries: u64, place: &Path) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child_run", "--test-threads=1", "--nocapture"])
        .envs([("WHAT", what), ("ENTRIES", &entries.to_string())])
        .env("PLACE", place)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{what} of {entries}");
    let peak: u64 = fs::read_to_string(place.join("peak")).unwrap().parse().unwrap();
    eprintln!("{what}, {entries} entries: at most {} KiB of memory", peak >> 10);
    assert!(peak < LIMIT, "{what}, {entries} entries: {peak} bytes");
}

/// How many entries each is tried with: in the short form `few`.
fn sizes(few: u64) -> Vec<u64> {
    if soak() { vec![1_000_000, 10_000_000] } else { vec![few] }
}

#[test]
fn manifests_are_written_and_digests_carried_over_in_bounded_memory() {
    for entries in sizes(200_000) {
        does("manifest", entries, &Scratch::new().path(""));
    }
}

#[test]
fn journals_are_looked_up_in_bounded_memory() {
    for entries in sizes(100_000) {
        does("journal", entries, &Scratch::new().path(""));
    }
}

#[test]
fn a_run_goes_on_from_what_one_that_was_stopped_has_left_in_bounded_memory() {
    let scratch = Scratch::new();
    let (mut place, mut files) = (scratch.path(""), 3_000);
    let disk;
    if soak() {
        // So many files are more than others may spare of theirs.
        let Some(mounted) = Mount::tmpfs(&scratch.path("disk"), 4 << 30) else { return };
        disk = mounted;
        (place, files) = (disk.path().to_owned(), 1_000_000);
    }
    for dir in 0..files / 1000 {
        let dir = place.join("source").join(dir.to_string());
        fs::create_dir_all(&dir).unwrap();
        (0..1000).for_each(|number| drop(fs::File::create(dir.join(number.to_string())).unwrap()));
    }
    does("stopped", files, &place);
    does("resumed", files, &place);
}
