//! `efsbackup shard` as a scheduler calls it: what it tells, and what ends a run early.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::folders;
use common::{Scratch, assert_same, dir, file, hardlink};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

struct Place {
    scratch: Scratch,
    source: PathBuf,
    root: PathBuf,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let names: Vec<_> = (0..40).map(|number| format!("{number:02}")).collect();
        let many = names.iter().map(|name| (name.clone().into_bytes(), file(name))).collect();
        let source = scratch.build(
            "source",
            &tree! {
                "a" => dir(common::Tree(many)),
                "linked" => hardlink("a/07"),
                "z" => dir(tree! { "last" => file("last") }),
            },
        );
        let root = scratch.path("root");
        Place { scratch, source, root }
    }

    /// `efsbackup` with these words, and the source, the root and the options of each step.
    fn command(&self, words: &str, options: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
        command.args(words.split_whitespace()).args([&self.source, &self.root]);
        command.args(["--name", "fs-1"]).args(options.split_whitespace());
        command
    }

    fn run(&self, words: &str, options: &str) -> Output {
        self.command(words, options).output().unwrap()
    }

    /// Fails unless it ends with this status; what it wrote.
    fn does(&self, status: i32, words: &str, options: &str) -> (String, String) {
        let output = self.run(words, options);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(status), "{words} {options}: {out}{err}");
        (out, err)
    }
}

#[test]
fn all_steps_together_itemize_what_one_process_does() {
    let place = Place::new();
    let root = place.scratch.path("alone");
    let (one, _) = Place { root, source: place.source.clone(), scratch: Scratch::new() }.does(
        0,
        "backup",
        "--itemize --jobs 1",
    );
    place.does(0, "shard plan", "--run-id r --nodes 2");
    let steps = [
        ("shard unit", "--run-id r --itemize --jobs 1 --node 2/2"),
        ("shard unit", "--run-id r --itemize --jobs 1 --node 1/2"),
        ("shard finish", "--run-id r --itemize --jobs 1"),
    ];
    let all: String =
        steps.iter().map(|(words, options)| place.does(0, words, options).0).collect();
    // The last line of each is the snapshot's name.
    let lines = |text: &str| {
        let mut lines: Vec<_> = text.lines().filter(|line| line.contains(' ')).collect();
        lines.sort_unstable();
        lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&all), lines(&one));
    assert_eq!(lines(&one).len(), 45, "{one}");
}

#[test]
fn who_waits_for_a_run_is_told_at_once_and_need_not_wait_once_it_is_cancelled() {
    let place = Place::new();
    place.does(0, "shard plan", "--run-id nightly-1 --nodes 2 --hold 1h");
    place.does(0, "shard unit", "--run-id nightly-1 --node 1/2");
    let mut next = place.command("backup", "--quiet");
    let mut next = next.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(next.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    assert!(first.starts_with("efsbackup: run nightly-1 (left by "), "{first}");
    assert!(first.contains("waited for until 20"), "{first}");
    assert!(first.contains("`efsbackup shard cancel` with --run-id nightly-1"), "{first}");
    let (_, told) = place.does(0, "shard cancel", "--run-id nightly-1");
    assert!(told.contains("run nightly-1 is given up"), "{told}");
    let rest: Vec<_> = said.map(|line| line.unwrap()).collect();
    assert!(next.wait().unwrap().success(), "{rest:?}");
    let [snapshot] = &folders(&place.root)[..] else { panic!("{:?}", folders(&place.root)) };
    assert_same(&place.source, &place.root.join("fs-1").join(snapshot));
    for step in ["shard unit", "shard finish", "shard cancel"] {
        let node = if step == "shard unit" { "--node 2/2" } else { "" };
        let (_, told) = place.does(3, step, &format!("--run-id nightly-1 {node}"));
        assert!(told.contains("no run nightly-1 is under way"), "{told}");
    }
}

#[test]
fn a_node_at_work_stops_when_its_run_is_cancelled() {
    let place = Place::new();
    place.does(0, "shard plan", "--run-id r --nodes 1");
    let mut unit = place.command("shard unit", "--run-id r --node 1/1 --limit-bytes 2 --jobs 1");
    let mut unit = unit.stderr(Stdio::piped()).spawn().unwrap();
    let begun = |name: &String| place.root.join("fs-1").join(name).join("a").exists();
    while !folders(&place.root).iter().any(begun) {
        assert!(unit.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    place.does(0, "shard cancel", "--run-id r");
    let output = unit.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("is over"), "{told}");
    place.does(0, "backup", "");
    assert_eq!(folders(&place.root).len(), 1);
}

#[test]
fn a_plan_whose_time_is_up_holds_nothing() {
    let place = Place::new();
    let (_, told) =
        place.does(26, "shard plan", "--run-id r --nodes 2 --limit-ops 2 --stop-after 1s");
    assert!(told.contains("the time is up") && told.contains("nothing was planned"), "{told}");
    place.does(3, "shard unit", "--run-id r --node 1/2");
    place.does(0, "backup", "");
}
