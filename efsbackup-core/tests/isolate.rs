//! The command in two processes: what a user sees is one.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn efsbackup(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    efsbackup(arguments).output().unwrap()
}

/// A source with a fifo's worth of waiting: reading its patterns from a fifo, the child waits
/// as long as nobody writes.
fn waiting(dir: &Path) -> Child {
    let fifo = dir.join("patterns");
    let status = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(status.success());
    std::fs::create_dir(dir.join("source")).unwrap();
    std::fs::write(dir.join("source/file"), "x").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (source, destination) = (text(&dir.join("source")), text(&dir.join("destination")));
    let child =
        efsbackup(&["mirror", "--isolate", "--exclude-from", &text(&fifo), &source, &destination])
            .spawn()
            .unwrap();
    until(|| !children(child.id()).is_empty());
    child
}

fn until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    text.unwrap_or_default().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Whether it has a handler for SIGUSR1, the tenth signal: then it is set up.
fn hears_parent(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << 9 != 0)
}

fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn output_and_status_are_those_of_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let (source, missing) = (dir.path().join("source"), dir.path().join("missing"));
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), "x").unwrap();
    let (source, destination) = (source.to_str().unwrap(), dir.path().join("copy"));
    let copy = destination.to_str().unwrap();
    let done = run(&["--json", "mirror", "--isolate", source, copy]);
    assert_eq!(done.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["outcome"], "complete");
    assert_eq!(std::fs::read(destination.join("file")).unwrap(), b"x");
    let failed = run(&["mirror", "--isolate", missing.to_str().unwrap(), copy]);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(said.contains("open source"), "{said}");
}

#[test]
fn a_second_signal_ends_it_whatever_the_work_waits_for() {
    let dir = tempfile::tempdir().unwrap();
    let command = waiting(dir.path());
    let worker = children(command.id())[0];
    until(|| hears_parent(worker));
    signal(command.id(), "-INT");
    std::thread::sleep(Duration::from_millis(300));
    signal(command.id(), "-INT");
    let ended = command.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    until(|| !Path::new(&format!("/proc/{worker}")).exists());
}

#[test]
fn the_work_dies_with_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = waiting(dir.path());
    let worker = children(command.id())[0];
    until(|| hears_parent(worker));
    signal(command.id(), "-KILL");
    assert_eq!(command.wait().unwrap().signal(), Some(9));
    until(|| {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}
