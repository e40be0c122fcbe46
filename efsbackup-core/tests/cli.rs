//! The command as scripts and people meet it: exit status, stdout, stderr.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::{Scratch, Tree, assert_same, dir, file, hardlink, probe, read};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.args(arguments);
    command
}

fn run(arguments: &[impl AsRef<OsStr>]) -> Ran {
    let output = command(arguments).output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `efsbackup mirror` with these options.
fn mirror(options: &[&str], source: &Path, destination: &Path) -> Ran {
    let options = options.iter().map(OsString::from);
    let roots = [source.as_os_str().to_owned(), destination.as_os_str().to_owned()];
    run(&[OsString::from("mirror")].into_iter().chain(options).chain(roots).collect::<Vec<_>>())
}

#[test]
fn help_and_version_are_results_and_bad_usage_is_one_line() {
    let help = run(&["--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert!(String::from_utf8(help.stdout).unwrap().contains("Exit status:"));
    assert_eq!(
        run(&["--version"]).stdout,
        format!("efsbackup {}\n", efsbackup_core::VERSION).into_bytes()
    );
    for wrong in [
        &["mirror", "--bogus", "a", "b"][..],
        &["mirror", "a"],
        &["nonsense"],
        &["mirror", "--jobs=0", "a", "b"],
    ] {
        let ran = run(wrong);
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{wrong:?}");
        assert!(ran.stderr.starts_with("efsbackup: "), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        let json = run(&[&["--json"], wrong].concat()).json();
        assert_eq!((&json["exit"], &json["error"]["kind"]), (&2.into(), &"invalid-input".into()));
    }
    for (wrong, expected) in [
        (&["verify", "root"][..], "<SNAPSHOT|--all>"),
        (&["convert", "p.json"], "; there is `efsbackup pipeline convert`"),
        (&["plan"], "; there is `efsbackup shard plan` and `efsbackup pipeline plan`"),
    ] {
        assert!(run(wrong).stderr.trim_end().ends_with(expected), "{}", run(wrong).stderr);
    }
}

#[test]
fn an_error_is_one_line_or_the_json_document() {
    let scratch = Scratch::new();
    let (none, destination) = (scratch.path("no\nne"), scratch.path("destination"));
    let ran = mirror(&[], &none, &destination);
    assert_eq!((ran.status, ran.stdout.len()), (1, 0));
    let line = ran.stderr.trim_end().strip_prefix("efsbackup: ").map(str::to_owned);
    assert!(
        ran.stderr.starts_with("efsbackup: ") && ran.stderr.contains("no\\nne"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1);
    let ran = mirror(&["--json"], &none, &destination);
    let json = ran.json();
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert_eq!((&json["exit"], &json["error"]["kind"]), (&1.into(), &"not-found".into()));
    assert_eq!(json["error"]["line"].as_str(), line.as_deref(), "{json}");
}

#[test]
fn a_mirror_tells_its_report_and_exit_status() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("123"), "d" => dir(tree! {}) });
    let destination = scratch.path("destination");
    let ran = mirror(&["--delete"], &source, &destination);
    assert_eq!((ran.status, ran.stdout.len()), (0, 0));
    assert!(
        ran.stderr.starts_with("complete: 3 entries, 3 created; 3 B of 3 B copied"),
        "{}",
        ran.stderr
    );
    let ran = mirror(&["--delete", "--quiet"], &source, &destination);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let json = mirror(&["--json", "--quiet"], &source, &destination).json();
    assert_eq!(
        (&json["outcome"], &json["entries"]["unchanged"]["file"]),
        (&"complete".into(), &1.into())
    );

    // 3: refused; 25: copied, deletion withheld.
    let empty = scratch.build("empty", &tree! {});
    assert_eq!(mirror(&["--delete"], &empty, &destination).status, 3);
    let other = scratch.build("other", &tree! { "b" => file("x") });
    assert_eq!(mirror(&["--delete", "--max-delete", "0"], &other, &destination).status, 25);
    assert_eq!(mirror(&["--stop-after", "0s"], &source, &scratch.path("new")).status, 26);
    assert!(destination.join("a").exists());
}

#[test]
fn the_log_file_gets_notes_errors_and_the_exit_status() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("1") });
    let log = scratch.path("log");
    let option = format!("--log-file={}", log.to_str().unwrap());
    mirror(&[&option, "--quiet"], &source, &scratch.path("destination"));
    mirror(&[&option], &scratch.path("none"), &scratch.path("destination"));
    let text = fs::read_to_string(&log).unwrap();
    for expected in ["complete: 2 entries", "exit status 0", "efsbackup: ", "exit status 1"] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    let nowhere = format!("--log-file={}", scratch.path("no/log").to_str().unwrap());
    assert_eq!(mirror(&[&nowhere], &source, &scratch.path("new")).status, 1);
    assert!(!scratch.path("new").exists(), "nothing is done without the log that was asked for");
}

/// What rsync would print for the same, sorted.
fn rsync_lines(source: &Path, destination: &Path) -> Vec<Vec<u8>> {
    let output = Command::new("rsync")
        .env("LC_ALL", "C.UTF-8")
        .args(["-aHAXn", "--numeric-ids", "--delete", "--modify-window=-1", "--out-format=%i %n"])
        .args([source.join(""), destination.join("")])
        .output()
        .unwrap();
    assert!(output.status.success());
    // We escape what rsync leaves: DEL and U+0080 to U+009F, which terminals act on, and
    // half a character at the end of a name.
    let mut text = String::new();
    let octal =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("\\#{byte:03o}")).collect::<String>();
    for chunk in output.stdout.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' | '\t' => text.push(c),
                c if c.is_control() => text += &octal(c.to_string().as_bytes()),
                c => text.push(c),
            }
        }
        text += &octal(chunk.invalid());
    }
    sorted_lines(text.as_bytes())
}

fn sorted_lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut lines: Vec<_> = lines.map(<[u8]>::to_vec).collect();
    lines.sort();
    lines
}

#[test]
fn itemized_lines_are_those_of_rsync() {
    if !probe::tool("rsync") {
        return;
    }
    for seed in 300..312 {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, &scratch.path(""));
        // Which name of several is met first is chance, and only that one is itemized.
        random.links = false;
        let tree = random.tree(8, 3);
        let source = scratch.build("source", &tree);
        let destination = scratch.path("destination");
        mirror(&["--allow-empty"], &source, &destination);
        random.edit(&source, 15);
        let theirs = rsync_lines(&source, &destination);
        let options = ["--delete", "--allow-empty", "--max-delete=100%", "--dry-run", "--itemize"];
        let mut ours = sorted_lines(&mirror(&options, &source, &destination).stdout);
        // rsync does not say that a directory goes where something else takes its name.
        let replaced = |line: &[u8]| {
            let name = line.strip_prefix(b"*deleting   ").and_then(|name| name.strip_suffix(b"/"));
            name.is_some_and(|name| theirs.iter().any(|line| line[12..] == *name))
        };
        ours.retain(|line| !replaced(line));
        let plain = |mut line: Vec<u8>| {
            // A new mode is a new mask of the ACL too: rsync tells only the mode then.
            if line[5] == b'p' && line[9] == b'a' {
                line[9] = b'.';
            }
            // A fifo in place of a socket is new to us, changed to rsync.
            if matches!(&line[..2], b"cS" | b"cD") {
                line[2..11].fill(b'+');
            }
            line
        };
        let ours: Vec<_> = ours.into_iter().map(plain).collect();
        let theirs: Vec<_> = theirs.into_iter().map(plain).collect();
        let text = |lines: &[Vec<u8>]| {
            lines.iter().map(|line| format!("{}\n", line.escape_ascii())).collect::<String>()
        };
        assert!(ours == theirs, "seed {seed}: ours:\n{}\nrsync's:\n{}", text(&ours), text(&theirs));
    }
}

#[test]
fn of_several_names_one_is_the_file_and_the_others_are_links() {
    let scratch = Scratch::new();
    let tree = tree! { "a" => file("x"), "b" => hardlink("a"), "c" => hardlink("a") };
    let source = scratch.build("source", &tree);
    let ran = mirror(&["--itemize"], &source, &scratch.path("destination"));
    let codes: Vec<Vec<u8>> =
        sorted_lines(&ran.stdout).into_iter().map(|line| line[..11].to_vec()).collect();
    assert_eq!(codes, [b">f+++++++++", b"cd+++++++++", b"hf+++++++++", b"hf+++++++++"]);
}

#[test]
fn a_reader_that_goes_away_ends_the_output_not_the_work() {
    let scratch = Scratch::new();
    let tree =
        Tree((0..20_000).map(|n| (format!("file{n:0100}").into_bytes(), file(""))).collect());
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    let mut child = command(&[
        "mirror".as_ref(),
        "--itemize".as_ref(),
        source.as_os_str(),
        destination.as_os_str(),
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("+++++++++"), "{first:?}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", String::from_utf8(output.stderr));
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 20_000);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&[
        "mirror".as_ref(),
        "--json".as_ref(),
        source.as_os_str(),
        scratch.path("new").as_os_str(),
    ])
    .stdout(full)
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no space left"));
}

#[test]
fn ctrl_c_ends_with_130_and_deletes_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    let scratch = Scratch::new();
    let tree = Tree((0..30_000).map(|n| (n.to_string().into_bytes(), file("x"))).collect());
    let source = scratch.build("source", &tree);
    let destination = scratch.build("destination", &tree! { "extra" => file("x") });
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = command(&[
            "mirror".as_ref(),
            "--delete".as_ref(),
            "--itemize".as_ref(),
            source.as_os_str(),
            destination.as_os_str(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        // The first line is proof that it has begun.
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(destination.join("extra").exists());
        assert!(read(&destination).len() < 30_000, "it went on to the end");
    }
}

#[test]
fn filters_are_rules_in_the_order_given() {
    let scratch = Scratch::new();
    let tree = tree! { "a.o" => file("a"), "b.o" => file("b"), "c" => file("c"), "d" => file("d") };
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    let rules = scratch.path("rules");
    fs::write(&rules, "# Not this one:\n+ c\nc*\n").unwrap();
    let from = format!("--exclude-from={}", rules.display());
    let options = ["--include", "a.o", "--exclude=*.o", &from, "--include=d", "--exclude=d"];
    let ran = mirror(&options, &source, &destination);
    assert_eq!((ran.status, ran.stderr.lines().count()), (0, 1), "{}", ran.stderr);
    let mut names: Vec<_> =
        fs::read_dir(&destination).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.o", "c", "d"]);
    let wrong = mirror(&["--exclude=[a"], &source, &destination);
    assert_eq!((wrong.status, wrong.stdout.len()), (2, 0));
    assert!(wrong.stderr.contains("\"[a\""), "{}", wrong.stderr);
}

#[test]
fn names_of_any_bytes_are_arguments_too() {
    let scratch = Scratch::new();
    let source = scratch.path("").join(OsString::from_vec(b"s\xff\n".to_vec()));
    common::build::build(&source, &tree! { b"\xfe" => file("x") });
    let destination = scratch.path("").join(OsStr::from_bytes(b"-d\xff"));
    assert_eq!(mirror(&[], &source, &destination).status, 0);
    assert_same(&source, &destination);
}

#[test]
fn a_single_file_gets_the_name_that_is_given_or_goes_into_the_directory() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x"), "o.o" => file("y") });
    let f = source.join("f");
    let ran = mirror(&["--itemize", "--limit-bytes=1G", "--limit-ops=1G"], &f, &scratch.path("g"));
    assert_eq!((ran.status, &*ran.stdout), (0, &b">f+++++++++ f\n"[..]), "{}", ran.stderr);
    let ran = mirror(&["--json", "--limit-bytes=2K"], &f, &scratch.path("new").join(""));
    assert_eq!(ran.json()["options"], serde_json::json!(["--limit-bytes=2048"]));
    for copy in ["g", "new/f"] {
        assert_eq!(fs::read(scratch.path(copy)).unwrap(), b"x");
    }
    assert_eq!(mirror(&["--limit-bytes=fast"], &f, &scratch.path("h")).status, 2);
}
