//! `efsbackup run` as scripts and people meet it.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A definition in the AWS CLI's form whose activity runs `command` with `#{myWord}`.
fn write_definition(dir: &Path, command: &str) -> String {
    let definition = serde_json::json!({
        "objects": [
            {"id": "Default", "name": "Default", "scheduleType": "ondemand", "role": "r",
             "resourceRole": "rr", "pipelineLogUri": "#{myLogs}", "maximumRetries": "0"},
            {"id": "Machine", "name": "Machine", "type": "Ec2Resource", "imageId": "#{myImage}",
             "terminateAfter": "1 hours"},
            {"id": "A", "name": "A", "type": "ShellCommandActivity", "runsOn": {"ref": "Machine"},
             "command": command, "scriptArgument": "#{myWord}",
             "onSuccess": {"ref": "Good"}, "onFail": {"ref": "Bad"}},
            {"id": "Good", "name": "Good", "type": "SnsAlarm", "role": "r",
             "topicArn": "#{myTopic}", "subject": "done", "message": "on #{node.hostname}"},
            {"id": "Bad", "name": "Bad", "type": "SnsAlarm", "role": "r",
             "topicArn": "#{myTopic}", "subject": "not done", "message": "#{node.errorMessage}"},
        ],
        "parameters": [
            {"id": "myWord", "type": "String"},
            {"id": "myLogs", "type": "String"},
            {"id": "myImage", "type": "String"},
            {"id": "myTopic", "type": "String"},
        ],
    });
    let path = dir.join("pipeline.json");
    fs::write(&path, definition.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn command(dir: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.arg("run").args(options).current_dir(dir).stdin(Stdio::null());
    command
}

fn run(dir: &Path, options: &[&str]) -> Output {
    command(dir, options).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_finished_run_exits_with_0_and_prints_the_notification() {
    let dir = tempfile::tempdir().unwrap();
    let file = write_definition(dir.path(), "echo \"word $1\"");
    let ran = run(dir.path(), &[&file, "--once", "--value", "myWord=a=b c"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let stdout = text(&ran.stdout);
    assert!(stdout.starts_with("notification: done\n  on "), "{stdout}");
    assert!(stdout.contains("finished; logs in efsbackup-logs"), "{stdout}");
    let logs = text(&ran.stderr).lines().next().unwrap().rsplit_once("logs in ").unwrap().1;
    let output = common::logs::log(&dir.path().join(logs), "StdOutput");
    assert_eq!(output, "word a=b c\n");
}

#[test]
fn a_failed_run_exits_with_1_and_json_tells_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = write_definition(dir.path(), "echo sorry >&2; exit 9");
    let ran = run(dir.path(), &[&file, "--once", "--json", "--value", "myWord=x"]);
    assert_eq!(ran.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["exit"], 1);
    assert_eq!(report["instances"][0]["status"], "FAILED");
    let message = "the command ended with exit status 9: sorry";
    assert_eq!(report["instances"][0]["error"], message);
    assert_eq!(report["notifications"][0]["subject"], "not done");
    assert_eq!(report["notifications"][0]["message"], message);
    let failed = text(&ran.stderr).lines().filter(|line| line.contains("sorry")).count();
    assert_eq!(failed, 2, "as it fails and at the end: {}", text(&ran.stderr));
}

#[test]
fn a_run_that_is_told_to_stop_exits_with_130() {
    let dir = tempfile::tempdir().unwrap();
    let file = write_definition(dir.path(), "touch started; sleep 1000");
    // The script runs in the worker's own directory.
    let child = command(dir.path(), &[&file, "--once", "--value", "myWord=x"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !dir.path().join("started").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    let ran = child.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(130));
    assert!(text(&ran.stdout).contains("cancelled; logs in"), "{}", text(&ran.stdout));
}

#[test]
fn what_is_wrong_is_one_line_and_nothing_runs() {
    let dir = tempfile::tempdir().unwrap();
    let file = write_definition(dir.path(), "touch ran");
    let broken = dir.path().join("broken.json");
    fs::write(&broken, "{\"objects\": [{]}").unwrap();
    let broken = broken.to_str().unwrap();
    let empty = dir.path().join("empty.json");
    fs::write(&empty, "{\"objects\": []}").unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&[empty.to_str().unwrap(), "--once"], 1, "no activity, so nothing would run"),
        (&[&file, "--once"], 1, "myWord"),
        (&[&file, "--once", "--value", "myWord=x", "--value", "myTypo=1"], 1, "myTypo"),
        (&[&file, "--once", "--value", "novalue"], 2, "NAME=VALUE"),
        (&[&file, "--until", "tomorrow"], 2, "YYYY-MM-DD"),
        (&[broken, "--once"], 1, "line 1"),
        (&["missing.json", "--once"], 1, "missing.json"),
    ];
    for (options, status, part) in cases {
        let ran = run(dir.path(), options);
        let stderr = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(status), "{options:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(part), "{options:?}: {stderr}");
    }
    assert!(!dir.path().join("ran").exists());
}

#[test]
fn systemd_takes_the_unit() {
    if !common::probe::tool("systemd-analyze") {
        return;
    }
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/efsbackup.service");
    let unit = fs::read_to_string(unit).unwrap();
    // systemd looks whether the command is there.
    let unit = unit.replace("/usr/local/bin/efsbackup", env!("CARGO_BIN_EXE_efsbackup"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("efsbackup.service");
    fs::write(&path, unit).unwrap();
    let ran = Command::new("systemd-analyze").arg("verify").arg(path).output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{}", text(&ran.stderr));
}
