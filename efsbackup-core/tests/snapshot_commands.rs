//! The verbs around snapshots as a user types them: exit statuses, one clear line, JSON.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, dir, file};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a command gave: its exit status, its output, its errors.
struct Done {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// Runs `efsbackup` in the directory `place` with the words of `arguments`.
fn run(place: &Path, arguments: &str) -> Done {
    let output = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .args(arguments.split_whitespace())
        .current_dir(place)
        .output()
        .unwrap();
    Done {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_way_of_a_snapshot_from_mark_to_restore() {
    let scratch = Scratch::new();
    let source = scratch
        .build("source", &tree! { "f" => file("12345"), "d" => dir(tree! { "g" => file("6") }) });
    let place = scratch.path("");
    let does = |arguments: &str, status: i32| {
        let done = run(&place, arguments);
        assert_eq!(done.status, status, "{arguments}: {} {}", done.stdout, done.stderr);
        done
    };
    let unnamed = does("backup source root", 2);
    assert!(unnamed.stderr.contains("--name"), "{}", unnamed.stderr);
    does("mark source --id fs-1", 0);
    let first = does("backup source root --expect-id fs-1 --timezone Asia/Tokyo --json", 0).json();
    assert_eq!(first["outcome"], "complete");
    assert_eq!(first["snapshot"]["state"], "complete");
    assert_eq!(first["snapshot"]["file_system"], "fs-1");
    let id = first["snapshot"]["id"].as_str().unwrap().to_owned();

    // The marker names the repository.
    let second = does("backup source root --require-existing --quiet", 0);
    let second_id = second.stdout.trim();
    assert_ne!(second_id, id);
    let listed = does("snapshots root --json", 0).json();
    assert_eq!(listed["name"], "fs-1");
    assert_eq!(listed["snapshots"][1]["id"], second_id);
    assert_eq!(listed["snapshots"][1]["new_bytes"], 0);
    assert_eq!(does("snapshots root", 0).stdout.lines().count(), 3);

    does(&format!("restore root {id} out"), 0);
    assert_same(&source, &scratch.path("out"));
    does(&format!("restore root {id} part d"), 0);
    assert_same(&source.join("d"), &scratch.path("part/d"));
    let equal = does(&format!("verify root {id} --source out"), 0);
    assert!(equal.stderr.is_empty(), "{}", equal.stderr);
    std::fs::write(scratch.path("out/f"), "54321").unwrap();
    let differs = does(&format!("verify root {id} --source out --json"), 23).json();
    assert_eq!(differs["good"], false);
    assert_eq!(differs["snapshots"][0]["differences"][0]["path"], "f");
    let same = does(&format!("diff root {id} {second_id} --json"), 0).json();
    assert_eq!(same["changes"].as_array().unwrap().len(), 0);
    let changed = does(&format!("diff root {id} out --contents"), 0);
    assert!(
        changed.stdout.lines().any(|line| line.starts_with("~ f: content")),
        "{}",
        changed.stdout
    );
    let history = does("history root d/g --json", 0).json();
    assert_eq!(history["versions"][0]["change"], "new");
    assert_eq!(history["versions"][1]["change"], "unchanged");
    let line = format!("{id}  absent");
    assert!(does("history root nothing", 0).stdout.lines().any(|found| found == line));
    let all = does("verify root --all", 0);
    assert!(all.stdout.contains("files read"), "{}", all.stdout);
    assert!(all.stderr.is_empty(), "{}", all.stderr);
    let root = scratch.path("root/fs-1");
    std::fs::write(root.join(&id).join("d/g"), "7").unwrap();
    let rotten = does(&format!("verify root {id} --sample 100% --json"), 23).json();
    assert_eq!(rotten["snapshots"][0]["differences"][0]["path"], "d/g");
    assert_eq!(rotten["snapshots"][0]["differences"][0]["kind"], "corrupted");
    does(&format!("verify root {id} --sample 0%"), 2);
    does("verify root --all --source source", 2);
    does(&format!("verify root {id} --repair"), 2);
    let repair = does("verify root --all --repair --source source", 0);
    assert!(repair.stdout.contains("d/g: corrupted: content differs (repaired)"));
    std::fs::remove_file(root.join(format!(".efsbackup/snapshots/{second_id}.manifest"))).unwrap();
    let gone = does(&format!("verify root {second_id}"), 23);
    assert!(gone.stdout.contains("manifest is missing"), "{}", gone.stdout);
}

#[test]
fn a_night_later_the_lines_tell_what_changed_and_latest_is_what_was_taken() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("12345"), "g" => file("6") });
    let place = scratch.path("");
    let does = |arguments: &str| {
        let done = run(&place, arguments);
        assert_eq!(done.status, 0, "{arguments}: {} {}", done.stdout, done.stderr);
        done
    };
    does("backup source root --name app");
    std::fs::write(source.join("f"), "longer than it was").unwrap();
    let files = |done: &Done| {
        let lines = done.stdout.lines().filter(|line| line.as_bytes()[1] == b'f');
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let plan = does("backup source root --name app --itemize --dry-run");
    assert!(plan.stderr.contains("dry run, complete: 3 entries"), "{}", plan.stderr);
    assert!(plan.stderr.contains("1 would be linked"), "{}", plan.stderr);
    assert_eq!(files(&plan), [">f+++++++++ f"]);
    let all = does("backup source root --name app --itemize --dry-run -v");
    assert!(all.stdout.contains("hf          g\n"), "{}", all.stdout);
    let newest = does("backup source root --name app --quiet");

    let restored = does("restore root latest out");
    let id = newest.stdout.trim();
    assert!(restored.stderr.contains(&format!("complete snapshot {id}\n")), "{}", restored.stderr);
    assert_same(&source, &scratch.path("out"));
    assert!(does("verify root latest").stdout.starts_with(id));
    let first = does("snapshots root --json").json()["snapshots"][0]["id"].clone();
    let changes = does(&format!("diff root {} latest", first.as_str().unwrap()));
    assert_eq!(changes.stdout.lines().filter(|line| line.contains(" f: ")).count(), 1);
}

#[test]
fn refusals_and_failures_are_one_line_with_the_right_status() {
    let scratch = Scratch::new();
    scratch.build("source", &tree! { "f" => file("x") });
    scratch.build("empty", &tree! {});
    let place = scratch.path("");
    assert_eq!(run(&place, "backup source root --name n").status, 0);
    let id = run(&place, "snapshots root --json").json()["snapshots"][0]["id"].to_string();
    let id = id.trim_matches('"');
    for (status, arguments) in [
        (1, "backup missing root --name n"),
        (1, "backup source/f root --name n"),
        (3, "backup empty root --name n"),
        (3, "backup source root --name n --expect-id fs-1"),
        (3, "backup source root --name n --expect-destination-id fs-1"),
        (3, "backup source root --name other --require-existing"),
        (3, "backup source source/root --name n"),
        (2, "backup source root --name n --timezone Nowhere/Land"),
        (2, "backup source root --name a/b"),
        (2, "backup source root --name n --in-place"),
        (1, "snapshots missing"),
        (1, "snapshots root --name other"),
        (1, "restore root 2000-01-01-00-00 out"),
        (3, &format!("restore root {id} source")),
        (2, &format!("restore root {id} out ../up")),
        (1, &format!("verify root {id} --source missing")),
        (2, "verify root"),
        (2, "mark source --id no/id"),
        (1, "mark missing --id fs-1"),
    ] {
        let done = run(&place, arguments);
        assert_eq!(done.status, status, "{arguments}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{arguments}: {}", done.stderr);
        assert!(done.stdout.is_empty(), "{arguments}: {}", done.stdout);
    }
    let mut left: Vec<_> = std::fs::read_dir(&place)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["empty", "root", "source"]);
    assert_eq!(
        run(&place, "snapshots root --json").json()["snapshots"].as_array().unwrap().len(),
        1
    );
}

/// A run that is ended when the test is over.
struct AtWork(Child);

impl Drop for AtWork {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn r14_a_second_backup_says_who_is_at_work_and_one_of_the_same_run_joins_in() {
    let scratch = Scratch::new();
    let many = (0..200).map(|number| (format!("f{number}").into_bytes(), file("x")));
    let source = scratch.build("source", &common::Tree(many.collect()));
    let place = scratch.path("");
    let words = "backup source root --name n --run-id shards";
    // So slow that it outlasts the others.
    let slow = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .args(words.split(' ').chain(["--limit-ops", "5", "--quiet"]))
        .current_dir(&place)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut slow = AtWork(slow);
    let control = scratch.path("root/n/.efsbackup");
    while !std::fs::read_dir(&control).is_ok_and(|names| names.count() == 5) {
        assert!(slow.0.try_wait().unwrap().is_none(), "it has ended");
    }
    let who = format!("run shards (process {} on ", slow.0.id());
    let both = ["backup source root --name n", "prune root --keep-last 1"];
    let both = std::thread::scope(|scope| {
        both.map(|arguments| scope.spawn(|| run(&place, arguments))).map(|one| one.join().unwrap())
    });
    for refused in both {
        assert_eq!(refused.status, 3, "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
        for part in [&who, " since 20", "nothing was changed", "wait until it is done"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
    }
    let joined = run(&place, &format!("{words} --keep-last 1"));
    assert_eq!(joined.status, 0, "{}", joined.stderr);
    assert!(joined.stderr.contains("the last one at work removes it"), "{}", joined.stderr);
    assert_same(&source, &scratch.path("root/n").join(joined.stdout.trim()));
    let wrong = run(&place, "backup source root --name n --run-id no/id");
    assert_eq!((wrong.status, wrong.stderr.lines().count()), (2, 1), "{}", wrong.stderr);
    // Killed, it keeps nobody waiting.
    drop(slow);
    assert_eq!(run(&place, &format!("{words} --keep-last 1")).status, 0);
    let left = std::fs::read_dir(&control).unwrap().count();
    assert_eq!(left, 3, "format, lock and snapshots");
}

#[test]
fn a_restore_in_place_is_planned_done_and_undone() {
    let scratch = Scratch::new();
    let source = scratch.build(
        "source",
        &tree! { "f.conf" => file("old"), "d" => dir(tree! { "g.conf" => file("g"), "h" => file("h") }) },
    );
    let place = scratch.path("");
    let does = |arguments: &str, status: i32| {
        let done = run(&place, arguments);
        assert_eq!(done.status, status, "{arguments}: {} {}", done.stdout, done.stderr);
        done
    };
    does("backup source root --name n", 0);
    let id = does("snapshots root --json", 0).json()["snapshots"][0]["id"].to_string();
    let id = id.trim_matches('"');
    does(&format!("restore root {id} some *.conf"), 0);
    assert_eq!(std::fs::read_to_string(scratch.path("some/d/g.conf")).unwrap(), "g");
    assert!(!scratch.path("some/d/h").exists());
    does(&format!("restore root {id} one d/h"), 0);
    assert_eq!(std::fs::read_to_string(scratch.path("one/d/h")).unwrap(), "h");
    does(&format!("restore root {id} one nothing*"), 1);

    std::fs::write(source.join("f.conf"), "edited").unwrap();
    std::fs::write(source.join("mine"), "mine").unwrap();
    let refused = does(&format!("restore root {id} source"), 3);
    assert!(refused.stderr.contains("--in-place"), "{}", refused.stderr);
    let plan =
        does(&format!("restore root {id} source --in-place --delete --dry-run --itemize"), 0);
    let lines: Vec<&str> = plan.stdout.lines().collect();
    assert!(
        lines.iter().any(|line| line.starts_with(">f") && line.ends_with(" f.conf")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("*deleting") && line.ends_with(" mine")));
    let done = does(&format!("restore root {id} source --in-place --delete --json"), 0).json();
    assert_same(&scratch.path("root/n").join(id), &source);
    assert_eq!(done["undo"]["state"], "undo");
    let undo = done["undo"]["id"].as_str().unwrap();
    assert!(does("snapshots root", 0).stdout.contains(" undo "));
    let undone = does(&format!("restore root {undo} source --in-place"), 0);
    assert!(undone.stderr.contains("kept as"), "{}", undone.stderr);
    assert_eq!(std::fs::read_to_string(source.join("f.conf")).unwrap(), "edited");
    assert_eq!(std::fs::read_to_string(source.join("mine")).unwrap(), "mine");
    assert!(does("prune root --keep-last 1 --dry-run", 0).stdout.contains("undo of the last week"));
}

#[test]
fn folders_are_adopted_by_their_dates() {
    let scratch = Scratch::new();
    for name in ["2026-01-02-03-04", "2026-01-03"] {
        scratch.build(name, &tree! { "f" => file(name) });
    }
    let place = scratch.path("");
    let words = "adopt root 2026-01-03 2026-01-02-03-04 --name n --timezone Asia/Tokyo";
    let planned = run(&place, &format!("{words} --dry-run"));
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    assert!(planned.stdout.starts_with("2026-01-02-03-04  "), "{}", planned.stdout);
    assert!(!scratch.path("root").exists());
    let done = run(&place, &format!("{words} --json")).json();
    assert_eq!(done["adopted"][0]["time"], "2026-01-01T18:04:00Z");
    assert_eq!(done["adopted"][1]["snapshot"]["state"], "adopted");
    let again = run(&place, "adopt root root/n/2026-01-02-03-04");
    assert_eq!((again.status, again.stderr.lines().count()), (3, 1), "{}", again.stderr);
    assert_eq!(run(&place, "verify root --all").status, 0);
    let states = run(&place, "snapshots root --json").json();
    assert_eq!(states["snapshots"][0]["state"], "complete");
}
