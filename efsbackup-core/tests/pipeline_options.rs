//! Options of the verbs that take a definition: that each does what its help says.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

const PIPELINE: &str = r##"{"objects": [
  {"id": "Default", "schedule": {"ref": "Hourly"}, "role": "r", "pipelineLogUri": "s3://l/"},
  {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startDateTime": "2026-03-01T00:00:00"},
  {"id": "Base", "type": "ShellCommandActivity", "workerGroup": "#{myGroup}", "onFail": {"ref": "Bad"}},
  {"id": "Run", "parent": {"ref": "Base"}, "command": "go #{myWord} #{workerGroup} #{@scheduledStartTime}"},
  {"id": "Other", "parent": {"ref": "Base"}, "command": "true"},
  {"id": "Bad", "type": "SnsAlarm", "topicArn": "t", "role": "r", "subject": "#{node.name} #{node.@status}",
   "message": "#{node.errorMessage}"}
],
"parameters": [{"id": "myGroup", "default": "g"}, {"id": "myWord"}],
"values": {"myWord": "w"}}"##;

/// Two activities of which only one may be at work, in a file that is not quite JSON.
const RUNNABLE: &str = r##"// a comment
{"objects": [
  {"id": "Default", "scheduleType": "ondemand", "role": "r", "resourceRole": "rr", "pipelineLogUri": "s3://l/"},
  {"id": "Machine", "type": "Ec2Resource", "terminateAfter": "1 hours"},
  {"id": "One", "type": "ShellCommandActivity", "runsOn": {"ref": "Machine"}, "maximumRetries": "0",
   "command": "mkdir #{myLock} && sleep 0.05 && rmdir #{myLock}"},
  {"id": "Two", "parent": {"ref": "One"}}
], "parameters": [{"id": "myLock"}]}"##;

/// Runs the command in `folder`; what it printed and what it noted.
fn ran(folder: &Path, words: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.args(words.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// As [`ran`], where all must go well.
fn stdout(folder: &Path, words: &str) -> String {
    let (status, stdout, stderr) = ran(folder, words);
    assert_eq!(status, 0, "{words}: {stderr}");
    stdout
}

/// A folder with the definition in forms that its options are for.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("p.json", PIPELINE);
    write("loose.json", &format!("// a comment\n{PIPELINE}"));
    write("values.json", r#"{"values": {"myWord": "from-file"}}"#);
    write("runnable.json", RUNNABLE);
    write("lock.json", r#"{"values": {"myLock": "../lock"}}"#);
    let module = stdout(folder.path(), "pipeline convert p.json --to terraform");
    let other = module.replace("\"pipeline\"", "\"other\"").replace("1 hours", "2 hours");
    write("two.tf", &(module + &other));
    folder
}

#[test]
fn every_verb_reads_leniently_and_one_pipeline_of_several() {
    let folder = folder();
    for verb in ["validate", "resolve", "fields", "simulate", "draw", "convert --to api"] {
        let words = |file: &str| format!("pipeline {verb} {file}");
        let strict = stdout(folder.path(), &words("p.json"));
        let (status, _, stderr) = ran(folder.path(), &words("loose.json"));
        assert!(status == 1 && stderr.contains("line 1, column 1"), "{verb}: {stderr}");
        assert_eq!(stdout(folder.path(), &words("loose.json --lenient")), strict, "{verb}");
        let (status, _, stderr) = ran(folder.path(), &words("two.tf"));
        assert!(status == 1 && stderr.contains("2 pipelines (pipeline, other)"), "{stderr}");
        let other = stdout(folder.path(), &words("two.tf --pipeline other"));
        assert_eq!(other.is_empty(), verb == "validate", "{verb}: {other}");
    }
    let diff = |words: &str| stdout(folder.path(), &format!("pipeline diff {words}"));
    assert_eq!(diff("loose.json p.json --lenient"), "");
    assert_eq!(diff("p.json two.tf --other-pipeline pipeline"), "");
    let changed = diff("two.tf two.tf --pipeline pipeline --other-pipeline other");
    assert!(changed.starts_with("~ object Hourly.period\n"), "{changed}");
    assert!(changed.contains("1 hours") && changed.contains("2 hours"), "{changed}");
    let none = ran(folder.path(), "pipeline diff two.tf two.tf --pipeline other");
    assert!(none.0 == 1 && none.2.contains("2 pipelines"), "{}", none.2);
}

#[test]
fn resolve_has_three_strengths() {
    let folder = folder();
    let command = |words: &str| {
        let text = stdout(folder.path(), &format!("pipeline resolve p.json --object Run {words}"));
        let document: Value = serde_json::from_str(&text).unwrap();
        document["objects"][0]["command"].as_str().unwrap().to_owned()
    };
    assert_eq!(command("--parameters-only"), "go w #{workerGroup} #{@scheduledStartTime}");
    assert_eq!(command(""), "go w g #{@scheduledStartTime}");
    assert_eq!(command("--at 2026-03-01T05:00:00"), "go w g 2026-03-01T05:00:00");
    assert_eq!(command("--values-file values.json"), "go from-file g #{@scheduledStartTime}");
    assert_eq!(
        command("--values-file values.json --value myWord=v --value myGroup=h"),
        "go v h #{@scheduledStartTime}"
    );
    for (words, expected) in [
        ("--at 2026-03-01T05:00:00 --parameters-only", "cannot be used with"),
        ("--simulated", "--at"),
        ("--node Run", "--at"),
        ("--runtime node.@status=FAILED", "--at"),
        ("--at noon", "YYYY-MM-DDTHH:MM:SS"),
        ("--at 2026-03-01T05:00:00 --runtime odd", "NAME=VALUE"),
        ("--at 2026-03-01T05:00:00 --simulated --node Hourly", "Hourly"),
    ] {
        let (status, _, stderr) = ran(folder.path(), &format!("pipeline resolve p.json {words}"));
        assert!(status != 0 && stderr.contains(expected), "{words}: {stderr}");
    }
}

#[test]
fn resolve_shows_an_alarm_and_what_is_inherited() {
    let folder = folder();
    let object = |words: &str| -> Value {
        let text = stdout(folder.path(), &format!("pipeline resolve p.json {words}"));
        serde_json::from_str::<Value>(&text).unwrap()["objects"][0].clone()
    };
    let alarm = "--object Bad --at 2026-03-01T05:00:00 --node Run";
    let made_up = object(&format!("{alarm} --simulated"));
    assert_eq!(
        (&made_up["subject"], &made_up["message"]),
        (&"Run FAILED".into(), &"simulated failure".into())
    );
    let given = object(&format!(
        "{alarm} --runtime node.@status=TIMEDOUT --runtime node.errorMessage=late"
    ));
    assert_eq!((&given["subject"], &given["message"]), (&"Run TIMEDOUT".into(), &"late".into()));
    let own = object("--object Run");
    assert!(own["role"].is_null() && own["type"].is_null());
    let whole = object("--object Run --inherited");
    assert_eq!(
        (&whole["role"], &whole["type"], &whole["workerGroup"], &whole["schedule"]["ref"]),
        (&"r".into(), &"ShellCommandActivity".into(), &"g".into(), &"Hourly".into())
    );
    assert_eq!(stdout(folder.path(), "pipeline resolve p.json --to api -o out.json"), "");
    let written = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    assert!(written.contains("\"pipelineObjects\"") && written.contains("go w g #{@"), "{written}");
}

#[test]
fn simulate_takes_times_values_and_scripts() {
    let folder = folder();
    let json = |words: &str| -> Value {
        let text = stdout(folder.path(), &format!("pipeline simulate p.json --json {words}"));
        serde_json::from_str(&text).unwrap()
    };
    let span = "--from 2026-03-01T02:10:00 --until 2026-03-01T04:30:00";
    let played =
        json(&format!("{span} --takes 90s --fail Run@2026-03-01T03:00:00 --value myGroup=h"));
    let runs = played["instances"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |component: &str| -> Vec<String> {
        let runs = runs.iter().filter(|run| run["component"] == component);
        runs.map(|run| format!("{} {}", text(&run["scheduledStart"]), text(&run["status"])))
            .collect()
    };
    let told = played["messages"].as_array().unwrap();
    // A time series: each interval runs at its end, and what is past when it is activated.
    let run =
        ["00 FINISHED", "01 FINISHED", "02 FINISHED", "03 FAILED", "04 WAITING_ON_DEPENDENCIES"];
    let run = run.map(|run| run.replacen(' ', ":00:00 ", 1));
    assert_eq!(of("Run"), run.map(|run| format!("2026-03-01T{run}")));
    assert!(!of("Other").iter().any(|run| run.contains("FAILED")), "{runs:?}");
    let first = &runs[0];
    let times = ["start", "end"].map(|key| first[key].as_str().unwrap());
    assert_eq!(times, ["2026-03-01T02:10:00", "2026-03-01T02:11:30"]);
    assert_eq!((told.len(), &told[0]["subject"]), (1, &"Run FAILED".into()));
    let values = json(&format!("{span} --values-file values.json"));
    assert_eq!(values["messages"], Value::Array(Vec::new()));
    let words = "pipeline simulate p.json --until 2026-02-01T00:00:00";
    let (status, _, stderr) = ran(folder.path(), words);
    assert_eq!((status, stderr.contains("until is before from")), (2, true), "{stderr}");
    let (status, _, stderr) = ran(folder.path(), "pipeline simulate p.json --value myGruop=h");
    assert!(status == 1 && stderr.contains("did you mean myGroup?"), "{stderr}");
}

#[test]
fn run_keeps_its_state_under_a_name_and_forgets_old_runs() {
    let folder = folder();
    // With more than one task at a time the second could not make its directory.
    let run = |words: &str| {
        let begin = "run runnable.json --lenient --once --values-file lock.json --name nightly";
        let words = format!("{begin} --state state.db --log-dir logs --tasks 1 {words}");
        stdout(folder.path(), &words)
    };
    let kept = |words: &str| -> usize {
        let words = format!("pipeline runs nightly --state state.db --json {words}");
        let document: Value = serde_json::from_str(&stdout(folder.path(), &words)).unwrap();
        document["instances"].as_array().or(document.as_array()).unwrap().len()
    };
    assert!(run("").ends_with("finished; logs in logs\n"));
    assert!(folder.path().join("logs").is_dir());
    assert_eq!(kept(""), 3);
    run("--keep-days 30");
    assert_eq!((kept(""), kept("--last 2")), (6, 2));
    // The last run of each stays, for schedules go on from it.
    run("--keep-days 0");
    assert_eq!(kept(""), 3);
    let (status, _, stderr) = ran(folder.path(), "run two.tf --pipeline none --once");
    assert!(status == 1 && stderr.contains("no pipeline is called none"), "{stderr}");
}
