//! Playing definitions over a span of time.

#![cfg(all(feature = "engine", feature = "worker", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::cli;
use efsbackup_core::pipeline::{Definition, ParameterValue};
use efsbackup_core::simulate::{Attempt, Played, Simulation, SimulationReport};
use jiff::Timestamp;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A backup on a machine, what depends on it, and something late.
const PIPELINE: &str = r##"{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "scheduleType": "#{myType}",
     "failureAndRerunMode": "CASCADE", "role": "r", "resourceRole": "rr", "pipelineLogUri": "s3://logs/"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startDateTime": "2026-03-01T00:00:00"},
    {"id": "Box", "type": "Ec2Resource", "terminateAfter": "50 minutes"},
    {"id": "Backup", "type": "ShellCommandActivity", "runsOn": {"ref": "Box"}, "command": "true",
     "maximumRetries": "1", "retryDelay": "5 minutes", "attemptTimeout": "30 minutes",
     "lateAfterTimeout": "20 minutes",
     "onSuccess": {"ref": "Good"}, "onFail": {"ref": "Bad"}, "onLateAction": {"ref": "Late"}},
    {"id": "Report", "type": "ShellCommandActivity", "workerGroup": "#{myGroup}", "command": "true",
     "dependsOn": {"ref": "Backup"}, "maximumRetries": "0", "onFail": {"ref": "Bad"}},
    {"id": "Good", "type": "SnsAlarm", "topicArn": "arn:aws:sns:us-east-1:1:#{myTopic}", "subject": "[Info] #{node.name}",
     "message": "from #{node.@scheduledStartTime}\nto #{node.@actualEndTime}"},
    {"id": "Bad", "type": "SnsAlarm", "topicArn": "t", "subject": "[Alert] #{node.name}",
     "message": "#{node.@status} #{node.errorMessage} #{format(node.@scheduledStartTime, 'HH:mm')}"},
    {"id": "Late", "type": "SnsAlarm", "topicArn": "t", "subject": "late", "message": "#{node.@id}"}
  ],
  "parameters": [{"id": "myType", "default": "cron"}, {"id": "myGroup", "default": "g"}, {"id": "myTopic"}],
  "values": {"myTopic": "told"}
}"##;

fn definition() -> Definition {
    cli::read(PIPELINE).unwrap()
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn time(text: &str) -> Timestamp {
    format!("2026-03-01T{text}:00Z").parse().unwrap()
}

fn play(until: &str, script: &mut dyn FnMut(&Attempt<'_>) -> Played) -> SimulationReport {
    Simulation::new(time("00:00")..=time(until)).run(&definition(), script).unwrap()
}

/// `component status attempts start-end` of each instance.
fn instances(report: &SimulationReport) -> Vec<String> {
    let short = |time: Option<Timestamp>| {
        time.map_or_else(|| "-".to_owned(), |time| time.strftime("%H:%M").to_string())
    };
    let line = |run: &efsbackup_core::engine::RunSummary| {
        let (start, end) = (short(run.actual_start), short(run.actual_end));
        format!("{} {} {} {start}-{end}", run.component, run.status, run.attempts)
    };
    report.instances.iter().map(line).collect()
}

fn messages(report: &SimulationReport) -> Vec<String> {
    let told = report.notifications.iter();
    told.map(|told| {
        let time = told.time.strftime("%H:%M");
        format!("{time} {} {}|{}|{}", told.event, told.topic_arn, told.subject, told.message)
    })
    .collect()
}

#[test]
fn all_goes_well() {
    let report = play("01:30", &mut |_| Played::finished(minutes(10)));
    assert_eq!(
        instances(&report),
        [
            "Backup FINISHED 1 00:00-00:10",
            "Box FINISHED 0 00:00-00:10",
            "Report FINISHED 1 00:10-00:20",
            "Backup FINISHED 1 01:00-01:10",
            "Box FINISHED 0 01:00-01:10",
            "Report FINISHED 1 01:10-01:20",
        ]
    );
    assert_eq!(
        messages(&report),
        [
            "00:10 onSuccess arn:aws:sns:us-east-1:1:told|[Info] Backup|\
             from 2026-03-01T00:00:00\nto 2026-03-01T00:10:00",
            "01:10 onSuccess arn:aws:sns:us-east-1:1:told|[Info] Backup|\
             from 2026-03-01T01:00:00\nto 2026-03-01T01:10:00",
        ]
    );
    assert_eq!((report.resources[0].started, report.resources[0].time), (2, minutes(20)));
    assert_eq!(report.state, "SCHEDULED");
}

#[test]
fn a_failed_attempt_is_tried_again_after_the_delay_and_then_is_late() {
    let report = play("00:59", &mut |attempt| match (attempt.component, attempt.number) {
        ("Backup", 1) => Played::failed(minutes(12), "exit status 1"),
        _ => Played::finished(minutes(10)),
    });
    assert_eq!(
        instances(&report),
        [
            "Backup FINISHED 2 00:00-00:27",
            "Box FINISHED 0 00:00-00:27",
            "Report FINISHED 1 00:27-00:37",
        ]
    );
    assert_eq!(messages(&report)[0], "00:20 onLateAction t|late|@Backup_2026-03-01T00:00:00");
    let attempts: Vec<_> = report
        .attempts
        .iter()
        .map(|attempt| (attempt.id.as_str(), attempt.status.as_str(), attempt.error.as_deref()))
        .collect();
    assert_eq!(
        attempts,
        [
            ("@Backup_2026-03-01T00:00:00_Attempt=1", "FAILED", Some("exit status 1")),
            ("@Backup_2026-03-01T00:00:00_Attempt=2", "FINISHED", None),
            ("@Report_2026-03-01T00:00:00_Attempt=1", "FINISHED", None),
        ]
    );
    assert_eq!(report.attempts[1].start, Some(time("00:17")));
}

#[test]
fn a_failure_goes_on_to_what_depends_on_it() {
    let report = play("00:59", &mut |attempt| match attempt.component {
        "Backup" => Played::failed(minutes(1), "exit status 3"),
        _ => Played::finished(minutes(1)),
    });
    assert_eq!(
        instances(&report),
        [
            "Backup FAILED 2 00:00-00:07",
            "Box FINISHED 0 00:00-00:07",
            "Report CASCADE_FAILED 0 --00:07",
        ]
    );
    assert_eq!(
        messages(&report),
        [
            "00:07 onFail t|[Alert] Backup|FAILED exit status 3 00:00",
            "00:07 onFail t|[Alert] Report|CASCADE_FAILED @Backup_2026-03-01T00:00:00 is FAILED 00:00",
        ]
    );
}

#[test]
fn time_limits_count_and_lost_workers_are_noticed() {
    // Two attempts of 30 minutes, and the machine lives for 50.
    let report = play("00:59", &mut |_| Played::finished(minutes(300)));
    let lines = instances(&report);
    assert_eq!(lines[0], "Backup FAILED 2 00:00-00:50");
    assert_eq!(lines[1], "Box TIMEDOUT 0 00:00-00:50");
    assert_eq!(report.attempts[0].end, Some(time("00:30")));
    assert_eq!(report.attempts[1].start, Some(time("00:35")));

    let report = play("00:59", &mut |attempt| match attempt.number {
        1 => Played::lost(),
        _ => Played::finished(minutes(1)),
    });
    // A worker that says nothing for 15 minutes counts as lost.
    assert_eq!(report.attempts[0].end, Some(time("00:15")));
    assert_eq!(instances(&report)[0], "Backup FINISHED 2 00:00-00:21");
}

#[test]
fn the_same_play_gives_the_same_report() {
    let play = || {
        let value = ParameterValue::new("myType", "timeseries");
        let span = time("00:00")..=time("06:30");
        let mut seed = 7_u64;
        let mut script = |_: &Attempt<'_>| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match seed >> 62 {
                0 => Played::failed(minutes(3), "bad luck"),
                _ => Played::finished(minutes(seed >> 60)),
            }
        };
        let report = Simulation::new(span).value(value).run(&definition(), &mut script).unwrap();
        (instances(&report), messages(&report))
    };
    let (first, second) = (play(), play());
    assert_eq!(first, second);
    // The run of the interval that ends after the span is not due yet.
    assert_eq!(first.0.iter().filter(|line| line.starts_with("Backup F")).count(), 6);
}

#[test]
fn what_would_not_run_is_refused() {
    let span = time("00:00")..=time("01:00");
    let run = |text: String| {
        let definition = cli::read(&text).unwrap();
        let simulation = Simulation::new(span.clone());
        simulation.run(&definition, &mut |_| Played::lost()).unwrap_err().message()
    };
    let wrong = run(PIPELINE.replace("{\"ref\": \"Box\"}", "{\"ref\": \"Bax\"}"));
    assert!(wrong.contains("there is no object Bax"), "{wrong}");
    let wrong = run(PIPELINE.replace("\"default\": \"cron\"", "\"description\": \"d\""));
    assert!(wrong.contains("myType"), "{wrong}");
    let endless = Simulation::new(span).most_steps(2);
    let error = endless.run(&definition(), &mut |_| Played::finished(minutes(1))).unwrap_err();
    assert!(error.message().contains("choose a shorter span"), "{error}");
}

fn simulate(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("p.json");
    std::fs::write(&path, PIPELINE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.args(["pipeline", "simulate"]).arg(&path).args(arguments).stdin(Stdio::null());
    let output = command.env("EFSBACKUP_VALUE_myTopic", "from-environment").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_shows_a_table_and_every_message() {
    let until = "2026-03-01T00:50:00";
    let (status, table, notes) = simulate(&[
        "--until",
        until,
        "--fail",
        "Backup#1",
        "--takes",
        "2m",
        "--takes",
        "Report=30s",
    ]);
    assert_eq!(status, 0, "{notes}");
    let expected = "\
SCHEDULED            INTERVAL END         COMPONENT  ATTEMPTS  START                END                  STATUS
2026-03-01T00:00:00  2026-03-01T01:00:00  Backup     2         2026-03-01T00:00:00  2026-03-01T00:09:00  FINISHED
2026-03-01T00:00:00  2026-03-01T01:00:00  Box        -         2026-03-01T00:00:00  2026-03-01T00:09:00  FINISHED
2026-03-01T00:00:00  2026-03-01T01:00:00  Report     1         2026-03-01T00:09:00  2026-03-01T00:09:30  FINISHED

Box: started 1 times, 0.15 hours

2026-03-01T00:09:00 onSuccess of @Backup_2026-03-01T00:00:00 to arn:aws:sns:us-east-1:1:from-environment
  Subject: [Info] Backup
  from 2026-03-01T00:00:00
  to 2026-03-01T00:09:00
";
    assert_eq!(table, expected);
    assert_eq!(
        notes,
        "2026-03-01T00:00:00 to 2026-03-01T00:50:00: 2 runs of activities, 0 failed, 1 messages\n"
    );
    let (_, text, _) = simulate(&["--json", "--until", until, "--lose", "Backup"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(document["attempts"][0]["error"].as_str().unwrap().contains("not reported"));
    assert_eq!(document["resources"][0]["component"], "Box");
    assert_eq!(document["messages"].as_array().unwrap().len(), 3, "{text}");

    let (status, _, error) = simulate(&["--fail", "Backap"]);
    assert_eq!((status, error.contains("no object Backap")), (1, true), "{error}");
}

/// A cluster, data with a precondition, and a copy that waits for who writes what it reads.
const ONLY_ON_AWS: &str = r##"{"objects": [
  {"id": "Default", "schedule": {"ref": "Daily"}, "scheduleType": "cron", "role": "r"},
  {"id": "Daily", "type": "Schedule", "period": "1 days", "startDateTime": "2026-03-01T00:00:00"},
  {"id": "Cluster", "type": "EmrCluster", "terminateAfter": "5 hours"},
  {"id": "There", "type": "S3KeyExists", "s3Key": "s3://in/done"},
  {"id": "In", "type": "S3DataNode", "directoryPath": "s3://in/", "precondition": {"ref": "There"}},
  {"id": "Clean", "type": "S3DataNode", "directoryPath": "s3://clean/"},
  {"id": "Out", "type": "S3DataNode", "directoryPath": "s3://out/"},
  {"id": "Copy", "type": "CopyActivity", "input": {"ref": "Clean"}, "output": {"ref": "Out"}, "workerGroup": "g"},
  {"id": "Hive", "type": "HiveActivity", "input": {"ref": "In"}, "output": {"ref": "Clean"}, "runsOn": {"ref": "Cluster"},
   "hiveScript": "INSERT …", "maximumRetries": "1", "retryDelay": "10 minutes", "onFail": {"ref": "Bad"}},
  {"id": "Bad", "type": "SnsAlarm", "topicArn": "t", "subject": "failed #{node.name}", "message": "m"}
]}"##;

#[test]
fn what_only_aws_runs_is_played_too() {
    let definition = cli::read(ONLY_ON_AWS).unwrap();
    let play = |fails: u32| {
        let mut script = |attempt: &Attempt<'_>| match attempt.component {
            "Hive" if attempt.number <= fails => Played::failed(minutes(30), "no such table"),
            _ => Played::finished(minutes(30)),
        };
        Simulation::new(time("00:00")..=time("23:00")).run(&definition, &mut script).unwrap()
    };
    let runs = |report: &SimulationReport| -> Vec<String> {
        instances(report).into_iter().filter(|run| !run.starts_with("Cluster")).collect()
    };
    let report = play(1);
    assert_eq!(runs(&report), ["Copy FINISHED 1 01:10-01:40", "Hive FINISHED 2 00:00-01:10"]);
    assert_eq!(report.resources[0].component, "Cluster");
    let report = play(2);
    assert_eq!(report.notifications[0].subject, "failed Hive");
    assert!(runs(&report).iter().any(|run| run.starts_with("Hive FAILED 2")));
    assert!(!runs(&report).iter().any(|run| run.starts_with("Copy FINISHED")));
}
