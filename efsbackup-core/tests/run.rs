//! Definitions run on this machine, scripts and all.

#![cfg(all(feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::{Clock, SystemClock};
use efsbackup_core::log::Record;
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use efsbackup_core::run::{Run, RunEvent, RunOutcome, RunReport};
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A clock that runs 600 times as fast: a minute takes a tenth of a second.
struct FastClock(Timestamp);

impl FastClock {
    fn new() -> Arc<FastClock> {
        Arc::new(FastClock(Timestamp::now()))
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let real = Timestamp::now().duration_since(self.0);
        self.0 + real * 600
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration / 600);
    }
}

/// The usual six objects, with `command` as the activity's.
fn definition(command: &str) -> Definition {
    let message = "started \"#{node.@actualStartTime}\" on \"#{node.hostname}\": #{node.@status}";
    let alarm = |id: &str, subject: &str| {
        Object::new(id)
            .text("type", "SnsAlarm")
            .text("topicArn", "arn:aws:sns:us-east-1:1:t")
            .text("role", "r")
            .text("subject", subject)
            .text("message", message)
    };
    Definition {
        objects: vec![
            Object::new("Default")
                .text("scheduleType", "cron")
                .text("failureAndRerunMode", "CASCADE")
                .text("pipelineLogUri", "s3://logs/")
                .text("role", "r")
                .text("resourceRole", "rr")
                .text("maximumRetries", "0")
                .reference("schedule", "Hourly"),
            Object::new("Hourly")
                .text("type", "Schedule")
                .text("startAt", "FIRST_ACTIVATION_DATE_TIME")
                .text("period", "1 hours"),
            Object::new("Machine").text("type", "Ec2Resource").text("terminateAfter", "50 minutes"),
            Object::new("Backup")
                .text("type", "ShellCommandActivity")
                .reference("runsOn", "Machine")
                .text("command", command)
                .reference("onSuccess", "Good")
                .reference("onFail", "Bad"),
            alarm("Good", "[Info] succeeded"),
            alarm("Bad", "[Alert] failed"),
        ],
        ..Definition::default()
    }
}

fn activity(definition: &mut Definition) -> &mut Object {
    definition.objects.iter_mut().find(|object| object.id == "Backup").unwrap()
}

fn with(mut definition: Definition, key: &str, value: &str) -> Definition {
    let activity = activity(&mut definition);
    *activity = std::mem::take(activity).text(key, value);
    definition
}

struct Ran {
    report: RunReport,
    logs: Vec<PathBuf>,
    subjects: Vec<String>,
    /// What is told of attempts that wait for their time.
    waits: Vec<String>,
}

impl Ran {
    fn log(&self, attempt: usize, name: &str) -> String {
        common::logs::log(&self.logs[attempt], name)
    }

    fn error(&self) -> &str {
        self.report.instances[0].error.as_deref().unwrap()
    }
}

fn run(run: &Run, definition: &Definition, clock: Arc<dyn Clock>) -> Ran {
    let (mut logs, mut subjects, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let report = run
        .run(definition, clock, &CancelToken::new(), &mut |event| match event {
            RunEvent::Started { logs: dir, .. } => logs.push(dir.to_path_buf()),
            RunEvent::Notified(notification) => subjects.push(notification.subject.clone()),
            RunEvent::Waits(_) => waits.push(Record::from(event).message),
            _ => {}
        })
        .unwrap();
    Ran { report, logs, subjects, waits }
}

fn once(dir: &Path) -> Run {
    Run::new("test", dir.join("logs")).once(true).grace(Duration::from_millis(300))
}

#[test]
fn a_finished_run_leaves_logs_and_a_notification() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(&once(dir.path()), &definition("echo out; echo err >&2"), Arc::new(SystemClock));
    assert_eq!(ran.report.outcome, RunOutcome::Finished);
    assert_eq!(ran.log(0, "StdOutput"), "out\n");
    assert_eq!(ran.log(0, "StdError"), "err\n");
    let instance = &ran.report.instances[0];
    assert_eq!(instance.component, "Backup");
    let layout = dir.path().join("logs").join(&ran.report.pipeline).join("Backup");
    let layout = layout.join(&instance.id).join(format!("{}_Attempt=1", instance.id));
    assert_eq!(ran.logs[0], layout);
    let activity = ran.log(0, "Activity.log");
    assert!(activity.contains("no instance is launched"), "{activity}");
    assert!(activity.contains("not sent to s3://logs/"), "{activity}");
    assert_eq!(ran.subjects, ["[Info] succeeded"]);
    let text = fs::read_to_string(&ran.report.notifications).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let start = instance.actual_start.unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let expected = format!("started \"{start}\" on \"");
    assert!(told["message"].as_str().unwrap().starts_with(&expected), "{told}");
    assert!(told["message"].as_str().unwrap().ends_with("\": FINISHED"), "{told}");
    assert_eq!(told["topicArn"], "arn:aws:sns:us-east-1:1:t");
}

#[test]
fn arguments_arrive_in_order_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["two words", "it's \"quoted\"", "a\nb\\n", "$HOME `id` $(id) ; #", "*", "é\t"];
    let mut definition = definition("for argument; do printf '<%s>' \"$argument\"; done");
    for argument in arguments {
        definition = with(definition, "scriptArgument", argument);
    }
    let ran = run(&once(dir.path()), &definition, Arc::new(SystemClock));
    let expected: String = arguments.iter().map(|argument| format!("<{argument}>")).collect();
    assert_eq!(ran.log(0, "StdOutput"), expected);
}

#[test]
fn a_definition_of_which_nothing_would_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut misspelt = definition("true");
    activity(&mut misspelt).fields.retain(|field| field.key != "type");
    let misspelt = with(misspelt, "type", "ShellCommandActivty");
    let mut idle = definition("true");
    idle.objects.retain(|object| object.id != "Backup");
    for (definition, said) in [
        (
            misspelt,
            "Backup: type: there is no type ShellCommandActivty; did you mean \
          ShellCommandActivity?",
        ),
        (idle, "definition: it has no activity, so nothing would run"),
        (Definition::default(), "definition: it has no activity, so nothing would run"),
    ] {
        for run in [once(dir.path()), Run::new("test", dir.path()).until(Timestamp::MIN)] {
            let (clock, cancel) = (Arc::new(SystemClock), CancelToken::new());
            let mut told = Vec::new();
            let refused = run.run(&definition, clock, &cancel, &mut |event| {
                told.push(format!("{event:?}"));
            });
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidDefinition);
            assert_eq!(error.message(), said);
            assert!(told.is_empty(), "{told:?}");
        }
    }
}

#[test]
fn a_secret_in_the_last_words_is_masked() {
    let dir = tempfile::tempdir().unwrap();
    let command = "printf 'key \\e%s\\n' \"$1\" >&2; exit 4";
    let mut definition = with(definition(command), "scriptArgument", "#{*mySecret}");
    definition.parameters.push(Parameter::new("*mySecret"));
    let once = once(dir.path()).value(ParameterValue::new("*mySecret", "hunter2"));
    let ran = run(&once, &definition, Arc::new(SystemClock));
    assert_eq!(ran.error(), "the command ended with exit status 4: key \\u{1b}*****");
}

#[test]
fn a_failed_script_fails_the_run_with_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition("echo not there >&2; exit 3");
    let ran = run(&once(dir.path()), &definition, Arc::new(SystemClock));
    assert_eq!(ran.report.outcome, RunOutcome::Failed);
    assert_eq!(ran.error(), "the command ended with exit status 3: not there");
    assert_eq!(ran.subjects, ["[Alert] failed"]);
    assert_eq!(ran.log(0, "StdError"), "not there\n");
}

#[test]
fn a_killed_script_fails_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(&once(dir.path()), &definition("kill -9 $$"), Arc::new(SystemClock));
    assert_eq!(ran.error(), "the command was killed by signal 9");
}

#[test]
fn a_failed_attempt_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut definition = definition("test -e \"$1\" || { touch \"$1\"; exit 1; }");
    definition = with(definition, "scriptArgument", dir.path().join("seen").to_str().unwrap());
    definition = with(definition, "maximumRetries", "1");
    definition = with(definition, "retryDelay", "2 minutes");
    let ran = run(&once(dir.path()), &definition, FastClock::new());
    let instance = &ran.report.instances[0].id;
    let begin = format!("next is {instance}_Attempt=2: attempt 2 of 2 at ");
    let [told] = &ran.waits[..] else { panic!("{:?}", ran.waits) };
    let at = told.strip_prefix(&begin).unwrap_or_else(|| panic!("{told}"));
    let at = at.strip_suffix(", after the retryDelay of 2m").unwrap_or_else(|| panic!("{told}"));
    assert!(at.parse::<Timestamp>().is_ok(), "{told}");
    assert_eq!(ran.report.outcome, RunOutcome::Finished);
    assert_eq!(ran.report.instances[0].attempts, 2);
    assert!(ran.logs[1].to_str().unwrap().ends_with("_Attempt=2"));
    assert_eq!(ran.subjects, ["[Info] succeeded"]);
}

/// A script that leaves behind a process that forked twice, has a session of its own and
/// ignores SIGTERM, and then waits. The process writes its id to `$1`.
const ESCAPEE: &str = "(setsid bash -c 'trap \"\" TERM; echo $$ > \"$0\"; \
    while :; do sleep 1; done' \"$1\" &); sleep 1000";

fn is_alive(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    Path::new("/proc").join(pid.trim()).exists()
}

#[test]
fn a_time_limit_ends_every_process_of_the_attempt() {
    for (object, key) in [("Backup", "attemptTimeout"), ("Machine", "terminateAfter")] {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let mut definition = with(definition(ESCAPEE), "scriptArgument", pid.to_str().unwrap());
        let target = definition.objects.iter_mut().find(|found| found.id == object).unwrap();
        target.fields.retain(|field| field.key != key);
        *target = std::mem::take(target).text(key, "20 minutes");
        let ran = run(&once(dir.path()), &definition, FastClock::new());
        assert_eq!(ran.report.outcome, RunOutcome::Failed, "{key}");
        assert!(ran.error().contains(key), "{}", ran.error());
        assert!(!is_alive(&pid), "{key}");
        assert_eq!(ran.subjects, ["[Alert] failed"]);
    }
}

#[test]
fn cancelling_ends_every_process_and_nothing_counts_as_failed() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let definition = with(definition(ESCAPEE), "scriptArgument", pid.to_str().unwrap());
    let cancel = CancelToken::new();
    let (canceller, watched) = (cancel.clone(), pid.clone());
    let watcher = std::thread::spawn(move || {
        while fs::read_to_string(&watched).map_or(0, |text| text.len()) == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        canceller.cancel();
    });
    let report =
        once(dir.path()).run(&definition, Arc::new(SystemClock), &cancel, &mut |_| {}).unwrap();
    watcher.join().unwrap();
    assert_eq!(report.outcome, RunOutcome::Cancelled);
    assert_eq!(report.instances[0].status, "CANCELED");
    assert!(!is_alive(&pid));
    assert!(!report.notifications.exists(), "a cancelled run is not a failed one");
}

#[test]
fn secrets_stay_out_of_logs_and_command_lines() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo \"word: $1\"; echo \"$1\" >&2; set -x; : \"$1\"; \
                  cat /proc/$$/cmdline | tr '\\0' ' '; false";
    let mut definition = with(definition(script), "scriptArgument", "#{*myWord}");
    definition.parameters.push(Parameter::new("*myWord"));
    let request = once(dir.path())
        .state(dir.path().join("state.db"))
        .value(ParameterValue::new("*myWord", "hunter2"));
    let ran = run(&request, &definition, Arc::new(SystemClock));
    assert_eq!(ran.report.outcome, RunOutcome::Failed);
    for name in ["StdOutput", "StdError", "Activity.log"] {
        let log = ran.log(0, name);
        assert!(!log.contains("hunter2"), "{name}: {log}");
        assert!(log.contains("*****"), "{name}: {log}");
    }
    assert!(ran.log(0, "StdOutput").contains("bash "), "{}", ran.log(0, "StdOutput"));
    assert!(!ran.log(0, "StdOutput").lines().nth(1).unwrap().contains("*****"));
    let left: Vec<_> = fs::read_dir(dir.path().join("state.db.work")).unwrap().collect();
    assert!(left.is_empty(), "the script is gone: {left:?}");
}

#[test]
fn a_script_file_is_run_and_other_interpreters_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a script.sh");
    let mut definition = definition("");
    activity(&mut definition).fields.retain(|field| field.key != "command");
    let uri = format!("file://{}", path.to_str().unwrap());
    definition = with(with(definition, "scriptUri", &uri), "scriptArgument", "one");
    fs::write(&path, "#!/bin/bash -e\necho \"$1\"\nfalse\necho not reached\n").unwrap();
    let ran = run(&once(dir.path()), &definition, Arc::new(SystemClock));
    assert_eq!(ran.report.outcome, RunOutcome::Failed);
    assert_eq!(ran.log(0, "StdOutput"), "one\n");
    fs::write(&path, "#!/usr/bin/python3\n").unwrap();
    let ran = run(&once(dir.path()), &definition, Arc::new(SystemClock));
    assert!(ran.error().contains("only shell scripts"), "{}", ran.error());
}

#[test]
fn the_environment_is_small_and_the_logs_go_where_the_definition_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut definition = definition("env");
    let default = definition.objects.iter_mut().find(|found| found.id == "Default").unwrap();
    default.fields.retain(|field| field.key != "pipelineLogUri");
    let uri = format!("file://{}/elsewhere", dir.path().to_str().unwrap());
    *default = std::mem::take(default).text("pipelineLogUri", uri);
    definition = with(definition, "stdout", dir.path().join("copy").to_str().unwrap());
    let ran = run(&once(dir.path()), &definition, Arc::new(SystemClock));
    assert!(ran.logs[0].starts_with(dir.path().join("elsewhere")), "{:?}", ran.logs);
    let output = ran.log(0, "StdOutput");
    let known = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "EFSBACKUP_PIPELINE_ID",
        "EFSBACKUP_ATTEMPT_ID",
        "EFSBACKUP_ATTEMPT_TOKEN",
        // Set by bash itself.
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    ];
    for line in output.lines() {
        let name = line.split('=').next().unwrap();
        assert!(known.contains(&name), "{line}");
    }
    assert!(output.contains(&format!("EFSBACKUP_PIPELINE_ID={}\n", ran.report.pipeline)));
    assert_eq!(fs::read_to_string(dir.path().join("copy")).unwrap(), output);
}

#[test]
fn each_run_once_is_a_new_run_of_the_same_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let request = once(dir.path()).state(dir.path().join("state.db"));
    let first = run(&request, &definition("echo 1"), Arc::new(SystemClock));
    let second = run(&request, &definition("echo 2"), Arc::new(SystemClock));
    assert_eq!(first.report.pipeline, second.report.pipeline);
    assert_eq!(second.log(0, "StdOutput"), "2\n", "the changed definition counts");
    assert_eq!(second.report.instances.len(), 2, "the activity and its resource");
    assert_ne!(first.report.instances[0].id, second.report.instances[0].id);
}

#[test]
fn a_schedule_runs_until_it_is_over_or_the_time_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let mut definition = definition("true");
    let schedule = definition.objects.iter_mut().find(|found| found.id == "Hourly").unwrap();
    schedule.fields.retain(|field| field.key != "period");
    *schedule = std::mem::take(schedule).text("period", "15 minutes").text("occurrences", "3");
    let clock = FastClock::new();
    let whole = Run::new("whole", dir.path().join("logs"));
    let ran = run(&whole, &definition, clock.clone());
    assert_eq!(ran.subjects.len(), 3);
    let part = Run::new("part", dir.path().join("logs"))
        .until(clock.now() + jiff::SignedDuration::from_mins(5));
    let ran = run(&part, &definition, clock);
    assert_eq!((ran.report.outcome, ran.subjects.len()), (RunOutcome::Finished, 1));
}

#[test]
fn what_is_wrong_is_said_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let fail = |request: &Run, definition: &Definition| {
        request
            .run(definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})
            .map(drop)
            .unwrap_err()
    };
    let marker = dir.path().join("ran");
    let mut good = with(definition("touch \"$1\""), "scriptArgument", marker.to_str().unwrap());
    let error = fail(&once(dir.path()).value(ParameterValue::new("myTypo", "1")), &good);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("myTypo"), "{error}");
    good.parameters.push(Parameter::new("myNeeded"));
    good = with(good, "scriptArgument", "#{myNeeded}");
    let error = fail(&once(dir.path()), &good);
    assert_eq!(error.kind(), ErrorKind::UnresolvedParameter);
    assert!(error.to_string().contains("--value myNeeded=VALUE"), "{error}");
    let mut wrong = definition("true");
    activity(&mut wrong).fields.retain(|field| field.key != "type");
    wrong = with(wrong, "type", "HiveActivity");
    let error = fail(&once(dir.path()), &wrong);
    assert_eq!(error.kind(), ErrorKind::InvalidDefinition);
    assert!(error.to_string().contains("Backup"), "{error}");
    let mut nowhere = definition("true");
    activity(&mut nowhere).fields.retain(|field| field.key != "runsOn");
    assert!(fail(&once(dir.path()), &nowhere).to_string().contains("neither runsOn nor"));
    assert!(!marker.exists());
}

#[test]
fn errors_of_a_definition_are_said_by_each_run_with_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let mut broken = definition("true");
    activity(&mut broken).fields.retain(|field| field.key != "command");
    let run = once(dir.path()).state(dir.path().join("state"));
    let fail = || {
        let error = run.run(&broken, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {});
        error.unwrap_err().to_string()
    };
    let first = fail();
    assert!(first.contains("command"), "{first}");
    assert_eq!(fail(), first);
}
