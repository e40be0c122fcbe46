//! `efsbackup pipeline plan`, `apply` and what controls pipelines, as people meet them.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/front.rs"]
mod front;

use efsbackup_core::clock::SystemClock;
use front::{ID, SECRET, Treatment, with_front};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// How the command names the service, and what it said: status, stdout, stderr.
struct Shell<'a> {
    dir: &'a Path,
    service: Vec<String>,
}

impl Shell<'_> {
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .arg("pipeline")
            .args(arguments)
            .args(&self.service)
            .current_dir(self.dir)
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", self.dir)
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!out.contains(SECRET) && !err.contains(SECRET), "{out}{err}");
        assert!(!out.contains("the password") && !err.contains("the password"), "{out}{err}");
        (output.status.code(), out, err)
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (status, out, err) = self.run(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {out}{err}");
        out
    }
}

fn write(dir: &Path, command: &str) {
    let definition = serde_json::json!({
        "objects": [
            {"id": "Default", "scheduleType": "ondemand", "failureAndRerunMode": "CASCADE",
             "pipelineLogUri": "s3://logs/"},
            {"id": "Work", "type": "ShellCommandActivity", "command": command,
             "workerGroup": "nobody", "*password": "the password"},
        ],
        "parameters": [{"id": "myWord", "type": "String", "default": "w"}],
    });
    fs::write(dir.join("pipeline.json"), definition.to_string()).unwrap();
}

/// The life of a pipeline, whichever way the service is named.
fn life(shell: &Shell<'_>) {
    let file = ["pipeline.json", "--name", "nightly"];
    write(shell.dir, "true");
    let (status, out, _) = shell.run(&[&["plan", "--exit-code"][..], &file].concat());
    assert_eq!(status, Some(1), "{out}");
    assert!(
        out.contains("+ object Work\n")
            && out.ends_with("> create the pipeline\n> put the definition\n"),
        "{out}"
    );
    let id =
        shell.done(&[&["apply", "--tag", "team=ops", "--value", "myWord=x"][..], &file].concat());
    let id = id.lines().last().unwrap().to_owned();
    assert!(id.starts_with("df-"), "{id}");
    let again = [&["plan", "--exit-code", "--value", "myWord=x"][..], &file].concat();
    let (status, out, err) = shell.run(&again);
    assert_eq!((status, out.as_str()), (Some(0), ""), "{err}");
    assert!(err.contains("nothing to do"), "{err}");

    shell.done(&["activate", "nightly", "--value", "myWord=y"]);
    shell.done(&["wait", "nightly", "--until", "scheduled", "--patience", "5"]);
    let runs = shell.done(&["runs", "nightly", "--json"]);
    let runs: serde_json::Value = serde_json::from_str(&runs).unwrap();
    let instance = runs[0]["id"].as_str().unwrap().to_owned();
    shell.done(&["cancel", "nightly", &instance]);
    let (status, _, err) = shell.run(&["wait", "nightly", "--patience", "5"]);
    assert_eq!(status, Some(1), "a cancelled instance did not finish well: {err}");
    shell.done(&["tag", "nightly", "who=me", "--remove", "team"]);

    write(shell.dir, "false");
    let out = shell.done(&[&["plan", "--json"][..], &file].concat());
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["changes"][0]["id"], "Work");
    assert_eq!(document["refusal"], serde_json::Value::Null);
    let described = ["--description", "new"];
    let (status, out, err) = shell.run(&[&["apply"][..], &described, &file].concat());
    assert_eq!(status, Some(3), "{out}{err}");
    assert!(out.contains("! the history of ") && err.contains("--recreate"), "{out}{err}");

    shell.done(&["clone", "nightly", "--name", "second"]);
    let (status, _, err) = shell.run(&["clone", "nightly", "--name", "second"]);
    assert_eq!(status, Some(1), "{err}");
    let list = shell.done(&["list"]);
    assert!(list.contains("nightly") && list.contains("second"), "{list}");
    let (status, _, err) = shell.run(&["delete", "second"]);
    assert_eq!(status, Some(3), "{err}");
    shell.done(&["delete", "second", "--yes"]);
    shell.done(&["deactivate", "nightly"]);
    shell.done(&["wait", "nightly", "--until", "inactive", "--patience", "5"]);
    let (status, _, err) = shell.run(&["activate", "second"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("no pipeline has this id or name"), "{err}");
}

#[test]
fn a_pipelines_life_in_a_state_file() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.db");
    efsbackup_core::engine::Engine::open(&state, Arc::new(SystemClock)).unwrap();
    let service = vec!["--state".to_owned(), state.to_str().unwrap().to_owned()];
    life(&Shell { dir: dir.path(), service });
}

#[test]
fn a_pipelines_life_over_the_wire() {
    with_front(
        Arc::new(SystemClock),
        |_, _| Treatment::Pass,
        |_, front| {
            let dir = tempfile::tempdir().unwrap();
            life(&Shell {
                dir: dir.path(),
                service: vec!["--endpoint".to_owned(), front.url.clone()],
            });
        },
    );
}

#[test]
fn a_pipelines_life_through_awss_sdk() {
    with_front(
        Arc::new(SystemClock),
        |_, _| Treatment::Pass,
        |_, front| {
            let dir = tempfile::tempdir().unwrap();
            let service = ["--aws", "--region", "us-east-1", "--endpoint-url", &front.url];
            let shell = Shell { dir: dir.path(), service: service.map(str::to_owned).to_vec() };
            if cfg!(feature = "s3") {
                life(&shell);
                return;
            }
            let (status, _, err) = shell.run(&["list"]);
            assert_eq!(status, Some(1));
            assert!(err.contains("built without AWS; build it with `make build AWS=1`"), "{err}");
        },
    );
}

#[cfg(feature = "s3")]
#[test]
fn without_credentials_or_a_region_the_first_line_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .args(["pipeline", "list", "--aws"])
            .args(arguments)
            .env_clear()
            .env("HOME", dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(if arguments.is_empty() { 2 } else { 1 }));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&[]).contains("no region is known; name one"), "{}", run(&[]));
    let text = run(&["--region", "us-east-1"]);
    assert!(text.contains("no credentials were found; set AWS_ACCESS_KEY_ID"), "{text}");
}
