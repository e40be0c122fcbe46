//! The recipe with the real `efsbackup`: `pipeline new`, and the script as an activity runs it.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, dir, file, hardlink, symlink};
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::FieldValue;
use efsbackup_core::recipe::Engine;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SOURCE_ID: &str = "fs-00000001";
const DESTINATION_ID: &str = "fs-00000002";

fn efsbackup(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_efsbackup")).args(arguments).output().unwrap()
}

/// Runs the script; the id is that of the source.
fn run(source: &Path, destination: &Path, id: &str, options: &[&str]) -> Output {
    Command::new("bash")
        .args(["-c", Engine::Efsbackup.script(), "activity"])
        .args([source, destination])
        .args([id, "Asia/Tokyo", DESTINATION_ID, "600"])
        .args(options)
        .env("EFSBACKUP", env!("CARGO_BIN_EXE_efsbackup"))
        .output()
        .unwrap()
}

/// The snapshots' folders, the oldest first.
fn snapshots(destination: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(destination.join(SOURCE_ID)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| !entry.file_name().to_str().unwrap().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn marked(scratch: &Scratch) -> (PathBuf, PathBuf) {
    let source = scratch.build(
        "source",
        &tree! {
            "a" => file(b"content").mode(0o640).mtime(1_000_000_000, 5),
            "b" => hardlink("a"),
            "link" => symlink("/nowhere"),
            "sub" => dir(tree! { "c" => file([7; 5000]) }).mtime(1_000_000_001, 0),
        },
    );
    let destination = scratch.path("destination");
    fs::create_dir(&destination).unwrap();
    for (folder, id) in [(&source, SOURCE_ID), (&destination, DESTINATION_ID)] {
        let marked = efsbackup(&["mark", folder.to_str().unwrap(), "--id", id]);
        assert!(marked.status.success(), "{marked:?}");
    }
    (source, destination)
}

#[test]
fn the_script_takes_snapshots_that_share_what_is_unchanged() {
    let scratch = Scratch::new();
    let (source, destination) = marked(&scratch);
    let first = run(&source, &destination, SOURCE_ID, &[]);
    assert!(first.status.success(), "{first:?}");
    assert!(String::from_utf8(first.stdout).unwrap().contains("\"outcome\": \"complete\""));
    assert_same(&source, &snapshots(&destination)[0]);
    fs::set_permissions(source.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let second = run(&source, &destination, SOURCE_ID, &[]);
    assert!(second.status.success(), "{second:?}");
    let [first, second] = &snapshots(&destination)[..] else { panic!("two snapshots") };
    assert_same(&source, second);
    let metadata = |path: &Path| fs::metadata(path).unwrap();
    assert_eq!(metadata(&first.join("a")).mode() & 0o777, 0o640);
    assert_ne!(metadata(&first.join("a")).ino(), metadata(&second.join("a")).ino());
    assert_eq!(metadata(&first.join("sub/c")).ino(), metadata(&second.join("sub/c")).ino());
}

#[test]
fn retention_removes_what_no_rule_keeps() {
    let scratch = Scratch::new();
    let (source, destination) = marked(&scratch);
    for expected in [1, 1] {
        let done = run(&source, &destination, SOURCE_ID, &["--keep-last=1"]);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(snapshots(&destination).len(), expected);
    }
}

#[test]
fn a_refusal_is_passed_on_with_its_reason() {
    let scratch = Scratch::new();
    let (source, destination) = marked(&scratch);
    let refused = run(&source, &destination, "fs-00000003", &[]);
    assert_eq!(refused.status.code(), Some(3));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.starts_with("efsbackup: ended with status 3: "), "{stderr}");
    assert!(stderr.contains("is on file system fs-00000001"), "{stderr}");
    assert_eq!(snapshots(&destination).len(), 0);
}

/// The words of `pipeline new` for two EFS file systems, and `more`.
fn new(more: &[&str]) -> Output {
    let source = "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/";
    let destination = "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/";
    let words = ["pipeline", "new", "--source", source, "--destination", destination];
    efsbackup(&[&words[..], more].concat())
}

#[test]
fn pipeline_new_writes_the_form_that_the_file_s_ending_names() {
    let scratch = Scratch::new();
    for (name, expected) in
        [("p.json", Format::Cli), ("p.yaml", Format::CloudFormationYaml), ("p", Format::Cli)]
    {
        let path = scratch.path(name);
        let written = new(&["-o", path.to_str().unwrap(), "--engine", "rsync"]);
        assert!(written.status.success(), "{written:?}");
        assert_eq!(
            String::from_utf8(written.stderr).unwrap(),
            "to be given when it is activated, but not for `efsbackup run`: myTopicArn, myS3LogBucket, myImageId, \
             mySubnetId, mySecurityGroupId, myKeyPair\n"
        );
        let document = formats::read_path(&path).unwrap();
        assert_eq!(document.format, expected, "{name}");
        let activity = document.definition.object("ShellCommandActivityObj").unwrap();
        assert_eq!(activity.first_text("command"), Some(Engine::Rsync.script()));
    }
    let printed = new(&["--to", "cfn-json", "--keep-daily", "7"]);
    let document = formats::read(&printed.stdout).unwrap();
    assert_eq!(document.format, Format::CloudFormationJson);
    let activity = document.definition.object("ShellCommandActivityObj").unwrap();
    let last = activity.all("scriptArgument").last();
    assert_eq!(last.and_then(FieldValue::as_text), Some("--keep-daily=7"));
}

#[test]
fn pipeline_new_reads_the_ids_of_marked_folders_and_run_needs_no_more() {
    let scratch = Scratch::new();
    let (source, destination) = marked(&scratch);
    let path = scratch.path("p.json");
    let logs = scratch.path("logs");
    let [source, destination_text, path, logs] =
        [&source, &destination, &path, &logs].map(|path| path.to_str().unwrap());
    let words = ["pipeline", "new", "--source", source, "--destination", destination_text];
    let written = efsbackup(&[&words[..], &["-o", path]].concat());
    assert!(written.status.success(), "{written:?}");
    assert_eq!(String::from_utf8(written.stderr).unwrap(), "", "no parameter is open");
    let done = efsbackup(&["run", path, "--once", "--log-dir", logs]);
    assert!(done.status.success(), "{done:?}");
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.starts_with("notification: [Info] EFS Backup Succeeded\n"), "{told}");
    assert_same(Path::new(source), &snapshots(&destination)[0]);
}

#[test]
fn pipeline_new_refuses_a_wrong_setting_and_writes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.path("p.json");
    let refused = new(&["--period", "5 minutes", "-o", path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "efsbackup: recipe: period '5 minutes' is out of bounds: Data Pipeline takes 15 minutes \
         to 3 years\n"
    );
    assert!(!path.exists());
}
