//! A mirror that is killed before each of its calls: what others can look at is whole, and the
//! next run completes the copy. `EFSBACKUP_SOAK=1` kills at each call, else at
//! each writing of content and at every fifth of the others.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::tree::{Tree, dir, file, hardlink, symlink};
use common::{Scratch, differences};
use efsbackup_core::mirror::testing::Faults;
use efsbackup_core::mirror::{Jobs, Mirror, Options, Outcome, Report};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const NEW: &[u8] = &[b'n'; 200_000];
const OLD: &[u8] = &[b'o'; 150_000];

fn source_tree() -> Tree {
    tree! {
        "changed" => file(NEW),
        "new" => file(NEW).mode(0o640).owner(7, 8),
        "there" => dir(tree! { "new" => file(NEW), "link" => symlink("../changed") }).mode(0o755),
        "made" => dir(tree! {
            "new" => file(NEW).mode(0o4755).owner(7, 8),
            "again" => hardlink("new"),
            "deep" => dir(tree! { "new" => file(NEW) }).mode(0o755),
        })
        .mode(0o755),
    }
}

fn destination_tree() -> Tree {
    tree! {
        "changed" => file(OLD),
        "there" => dir(tree! { "extra" => file(OLD) }).mode(0o755),
    }
}

fn mirror(source: &Path, destination: &Path) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.jobs = Jobs::Count(1);
    Mirror::new(source, destination).options(options).run().unwrap()
}

#[test]
#[ignore = "run by the other test, in a process of its own"]
fn child_run() {
    let path = |name| std::path::PathBuf::from(std::env::var_os(name).unwrap());
    let first = std::env::var("KILLED_AT").unwrap().parse().unwrap();
    let told = fs::File::create(path("TOLD")).unwrap();
    let faults = Faults::signal(first, Signal::KILL, told);
    mirror(&path("SOURCE"), &path("DESTINATION"));
    println!("{} calls", faults.calls());
}

/// Looks at the files that others can get at; gives how many they can't that are not whole.
fn look(dir: &Path, closed: bool, after: &str) -> usize {
    let closed = closed || fs::metadata(dir).unwrap().permissions().mode() & 0o777 == 0o700;
    let mut torn = 0;
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(b".efsbackup-tmp-");
        if entry.file_type().unwrap().is_dir() {
            torn += look(&entry.path(), closed, after);
        } else if entry.file_type().unwrap().is_file() && !is_temporary {
            let content = fs::read(entry.path()).unwrap();
            let whole = content == NEW || content == OLD;
            assert!(
                whole || closed,
                "{}: {} bytes, {after}",
                entry.path().display(),
                content.len()
            );
            torn += usize::from(!whole);
        }
    }
    torn
}

#[test]
fn killed_at_any_call_it_shows_only_whole_files_and_the_next_run_completes() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &source_tree());
    let destination = scratch.path("destination");
    let soak = std::env::var_os("EFSBACKUP_SOAK").is_some();
    scratch.build("destination", &destination_tree());
    let faults = Faults::note();
    mirror(&source, &destination);
    let calls = faults.noted();
    drop(faults);
    assert!(calls.len() > 100, "only {} calls went through the seam", calls.len());
    let mut torn = 0;
    for (first, call) in calls.iter().enumerate() {
        let writes = ["pwrite", "copy_file_range"].contains(&call.trim_end());
        if !soak && first % 5 != 0 && !writes {
            continue;
        }
        let _ = fs::remove_dir_all(&destination);
        scratch.build("destination", &destination_tree());
        let told = scratch.path("told");
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "child_run"])
            .env("SOURCE", &source)
            .env("DESTINATION", &destination)
            .env("TOLD", &told)
            .env("KILLED_AT", first.to_string())
            .output()
            .unwrap();
        assert!(!child.status.success(), "call {first} was not reached");
        let after = format!("killed before call {first}, {}", fs::read_to_string(told).unwrap());
        torn += look(&destination, false, &after);
        let report = mirror(&source, &destination);
        assert_eq!(report.outcome, Outcome::Complete, "{:?}, {after}", report.errors);
        let left = differences(&source, &destination);
        assert!(left.is_empty(), "{after}:\n{left}");
    }
    assert!(torn > 0, "no run was killed in the middle of a file");
}
