//! The same backup for runners other than Data Pipeline.

#![cfg(feature = "stack")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::recipe::{EfsBackup, Engine, Environment, Keep, ScheduleType};
use efsbackup_core::stack::{File, Runner, files, needs};
use std::collections::BTreeSet;
use std::process::Command;

const SOURCE: &str = "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/";
const DESTINATION: &str = "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:backups";

fn environment() -> Environment {
    let mut environment = Environment::new("nightly");
    environment.vpc = Some("vpc-0123456789abcdef0".to_owned());
    environment.subnets = vec!["subnet-0123456789abcdef0".to_owned()];
    environment.container =
        Some("123456789012.dkr.ecr.us-east-1.amazonaws.com/efsbackup:1".to_owned());
    environment
}

fn spec() -> EfsBackup {
    EfsBackup::new(SOURCE, DESTINATION)
        .notify(TOPIC)
        .keep(Keep::Daily, 7)
        .environment(environment())
}

/// A new file system that lets in this backup alone.
fn made() -> EfsBackup {
    let mut environment = environment();
    environment.file_system_policy = true;
    EfsBackup::to_new_file_system(SOURCE)
        .tls(true)
        .iam(true)
        .period("1 days")
        .start("2026-01-31T04:00:00")
        .environment(environment)
}

fn file(files: &[File], ending: &str) -> String {
    let found = files.iter().find(|file| file.name.ends_with(ending));
    found.unwrap_or_else(|| panic!("no file {ending}")).text.clone()
}

/// Writes files to a folder, and runs a judge there, which must be content and silent.
fn judged(written: &[File], program: &str, arguments: &[&str]) {
    let scratch = Scratch::new();
    for File { name, text, .. } in written {
        std::fs::write(scratch.path(name), text).unwrap();
    }
    let output =
        Command::new(program).args(arguments).current_dir(scratch.path(".")).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if !probe::tool("systemd-analyze") {
        return;
    }
    let folders = EfsBackup::new("/srv/so'ur ce \"$(touch hit)\" %n $HOME \\", "/srv/b;ackups é")
        .source_id("fs-00000001")
        .destination_id("fs-00000002")
        .period("7 hours")
        .retries(0)
        .environment(environment());
    for spec in
        [spec(), folders, spec().tls(true), spec().engine(Engine::Efsbackup).period("2 weeks")]
    {
        let files = files(&spec, Runner::Systemd).unwrap();
        let names = files.iter().map(|file| file.name.as_str());
        let units: Vec<String> =
            names.filter(|name| !name.ends_with(".sh")).map(|name| format!("./{name}")).collect();
        let mut arguments = vec!["verify", "--man=no"];
        arguments.extend(units.iter().map(String::as_str));
        judged(&files, "systemd-analyze", &arguments);
    }
}

#[test]
fn the_timer_and_its_calendar_are_what_systemd_reads() {
    if !probe::tool("systemd-analyze") {
        return;
    }
    for (period, next) in [
        ("15 minutes", "2026-01-01 00:15:00 UTC"),
        ("6 hours", "2026-01-01 06:00:00 UTC"),
        ("1 days", "2026-01-02 00:00:00 UTC"),
        ("1 weeks", "2026-01-05 00:00:00 UTC"),
        ("1 months", "2026-02-01 00:00:00 UTC"),
        ("1 years", "2027-01-01 00:00:00 UTC"),
    ] {
        let files = files(&spec().period(period), Runner::Systemd).unwrap();
        let timer = file(&files, ".timer");
        let calendar = timer.lines().find_map(|line| line.strip_prefix("OnCalendar=")).unwrap();
        let output = Command::new("systemd-analyze")
            .args(["calendar", "--base-time=2026-01-01 00:00:01 UTC", calendar])
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(next), "{period}: {said}");
    }
}

/// The words of a command line as systemd reads them: quotes, escapes, `%%` and `$$`.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while chars.next_if_eq(&'"').is_some() {
        let mut word = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => word.push(chars.next().unwrap()),
                '%' | '$' => {
                    assert_eq!(chars.next(), Some(c), "{line}");
                    word.push(c);
                }
                c => word.push(c),
            }
        }
        words.push(word);
        chars.next_if_eq(&' ');
    }
    assert_eq!(chars.next(), None, "{line}");
    words
}

#[test]
fn awkward_names_reach_the_script_as_they_are() {
    let [source, destination] = ["/srv/so'ur ce \"$(touch hit)\" %n ${HOME} \\", "/srv/b;ackups é"];
    let spec = EfsBackup::new(source, destination)
        .source_id("fs-00000001")
        .destination_id("fs-00000002")
        .time_zone("Asia/Tokyo")
        .keep(Keep::Last, 3)
        .environment(environment());
    let files = files(&spec, Runner::Systemd).unwrap();
    assert_eq!(file(&files, ".sh"), Engine::Efsbackup.script());
    let service = file(&files, "nightly.service");
    let start = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(
        words(start),
        [
            "/bin/bash",
            "/etc/efsbackup/nightly.sh",
            source,
            destination,
            "fs-00000001",
            "Asia/Tokyo",
            "fs-00000002",
            "3300",
            "--keep-last=3"
        ]
    );
}

#[test]
fn a_topic_is_told_by_systemd_how_a_run_ended() {
    let files = files(&spec(), Runner::Systemd).unwrap();
    let service = file(&files, "nightly.service");
    assert!(service.contains("\nOnSuccess=efsbackup-nightly-notify@succeeded.service\n"));
    assert!(service.contains("\nOnFailure=efsbackup-nightly-notify@failed.service\n"));
    let notify = file(&files, "notify@.service");
    assert!(notify.contains(&format!("\"--topic-arn\" \"{TOPIC}\"")), "{notify}");
    assert!(notify.contains("\"EFS backup %i\""), "{notify}");
}

#[test]
fn kubernetes_own_schemas_take_the_manifest() {
    let script = "import kubernetes_validate";
    let import = Command::new("python3").args(["-c", script]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        let _ =
            probe::skip("python3 has no package kubernetes-validate (`make tools` installs it)");
        return;
    }
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kubernetes_manifest.py");
    let on_demand = spec().schedule_type(ScheduleType::Ondemand);
    for spec in [spec(), spec().tls(true).iam(true), on_demand] {
        let files = files(&spec, Runner::Kubernetes).unwrap();
        judged(&files, "python3", &[judge, "nightly-cronjob.yaml"]);
    }
}

#[test]
fn a_cron_job_runs_the_script_on_two_claims_and_never_twice_at_once() {
    let text = file(&files(&spec(), Runner::Kubernetes).unwrap(), "-cronjob.yaml");
    for line in [
        "  concurrencyPolicy: Forbid",
        "  schedule: \"0 * * * *\"",
        "      activeDeadlineSeconds: 3600",
        "    claimName: nightly-source",
        "    server: fs-0123456789abcdef0.efs.us-east-1.amazonaws.com",
        "    readOnly: true",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let error = files(&spec().period("7 hours"), Runner::Kubernetes).unwrap_err().to_string();
    assert!(error.contains("cron cannot run every 7 hours"), "{error}");
}

#[test]
fn cfn_lint_finds_nothing_in_the_state_machines_stacks() {
    if !probe::tool("cfn-lint") {
        return;
    }
    let specs = [spec(), made(), spec().schedule_type(ScheduleType::Ondemand)];
    let mut all = Vec::new();
    for runner in [Runner::StepFunctions, Runner::StepFunctionsEc2] {
        for spec in &specs {
            let mut one = files(spec, runner).unwrap();
            one[0].name = format!("{}.yaml", all.len());
            all.extend(one);
        }
    }
    let mut arguments = vec!["--regions", "us-east-1", "--include-checks", "I", "--"];
    arguments.extend(all.iter().map(|file| file.name.as_str()));
    judged(&all, "cfn-lint", &arguments);
}

/// What the generated template makes others call, by a line of it: which role does it, and the
/// actions; from the guides of Step Functions ("Run Amazon ECS tasks"), ECS and EventBridge.
const CALLS: &[(&str, &str, &[&str])] = &[
    (
        "machine",
        "states:::ecs:runTask.sync",
        &[
            "ecs:RunTask",
            "ecs:DescribeTasks",
            "ecs:StopTask",
            "events:PutTargets",
            "events:PutRule",
            "events:DescribeRule",
            "iam:PassRole",
        ],
    ),
    ("machine", "states:::sns:publish", &["sns:Publish"]),
    ("scheduler", "Type: AWS::Scheduler::Schedule", &["states:StartExecution"]),
    ("execution", "LogDriver: awslogs", &["logs:CreateLogStream", "logs:PutLogEvents"]),
    (
        "execution",
        ".dkr.ecr.",
        &["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    ),
    (
        "task",
        "IAM: ENABLED",
        &[
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientWrite",
            "elasticfilesystem:ClientRootAccess",
        ],
    ),
];

/// The same of the state machine with instances; from the API references of EC2 and Systems
/// Manager, and the latter's guide ("Reference: ec2messages, ssmmessages, and other API operations",
/// "Configuring Amazon CloudWatch Logs for Run Command").
const CALLS_OF_INSTANCES: &[(&str, &str, &[&str])] = &[
    ("machine", "aws-sdk:ec2:runInstances", &["ec2:RunInstances"]),
    ("machine", "\"IamInstanceProfile\"", &["iam:PassRole"]),
    ("machine", "\"TagSpecifications\"", &["ec2:CreateTags"]),
    ("machine", "aws-sdk:ec2:terminateInstances", &["ec2:TerminateInstances"]),
    ("machine", "aws-sdk:ssm:sendCommand", &["ssm:SendCommand"]),
    ("machine", "aws-sdk:ssm:getCommandInvocation", &["ssm:GetCommandInvocation"]),
    ("machine", "states:::sns:publish", &["sns:Publish"]),
    ("scheduler", "Type: AWS::Scheduler::Schedule", &["states:StartExecution"]),
    (
        "instance",
        "aws-sdk:ssm:sendCommand",
        &[
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
    ),
    (
        "instance",
        "\"CloudWatchOutputConfig\"",
        &[
            "logs:CreateLogStream",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ],
    ),
    ("instance", "--program=s3://programs/", &["s3:GetObject"]),
    (
        "instance",
        "--mount=tls,iam'",
        &[
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientWrite",
            "elasticfilesystem:ClientRootAccess",
        ],
    ),
];

#[test]
fn every_action_of_the_roles_around_an_instance_is_called_and_every_call_is_allowed() {
    let fetched = made().program("s3://programs/efsbackup-1", "0".repeat(64)).key_pair("ops");
    let on_demand = spec().schedule_type(ScheduleType::Ondemand);
    for spec in [spec(), made(), on_demand, fetched] {
        let text = file(&files(&spec, Runner::StepFunctionsEc2).unwrap(), "-steps-ec2.yaml");
        // A definition in a template, as one line or as several.
        let text = text.replace("\\\"", "\"");
        let all = ["logs:DescribeLogGroups", "ssm:GetCommandInvocation"];
        compare(&spec, Runner::StepFunctionsEc2, &text, CALLS_OF_INSTANCES, |action| {
            all.contains(&action)
                || action.starts_with("ssmmessages:")
                || action == "ssm:UpdateInstanceInformation"
        });
    }
}

/// Compares what the roles may do with what the template `text` makes others call, and looks that
/// a permission is for all where `for_all` says so, and says why.
fn compare(
    spec: &EfsBackup,
    runner: Runner,
    text: &str,
    calls: &[(&str, &str, &[&str])],
    for_all: impl Fn(&str) -> bool,
) {
    let needs = needs(spec, runner).unwrap();
    let granted: BTreeSet<(String, String)> =
        needs.iter().map(|need| (need.role.name().to_owned(), need.action.to_owned())).collect();
    let mut called = BTreeSet::new();
    for (role, _, actions) in calls.iter().filter(|(_, line, _)| text.contains(line)) {
        called.extend(actions.iter().map(|action| ((*role).to_owned(), (*action).to_owned())));
    }
    assert_eq!(granted, called);
    for need in &needs {
        assert!(text.contains(need.action), "{need:?}");
        assert_eq!(need.why_all.is_some(), for_all(need.action), "{need:?}");
    }
    let stars = text.lines().filter(|line| line.trim() == "Resource: \"*\"").count();
    let reasons: BTreeSet<_> =
        needs.iter().filter_map(|need| need.why_all.map(|why| (need.role.name(), why))).collect();
    // The policy of the file system itself is for that alone, and says "*" for it.
    let own = if text.contains("FileSystemPolicy:") { 2 } else { 0 };
    assert_eq!(stars, reasons.len() + own);
}

#[test]
fn every_action_of_the_state_machine_s_roles_is_called_and_every_call_is_allowed() {
    let mut plain = environment();
    plain.container = Some("registry/efsbackup:1".to_owned());
    let on_demand = spec().schedule_type(ScheduleType::Ondemand);
    for spec in [spec(), made(), on_demand, spec().environment(plain)] {
        let text = file(&files(&spec, Runner::StepFunctions).unwrap(), "-steps.yaml");
        compare(&spec, Runner::StepFunctions, &text, CALLS, |action| {
            action == "ecr:GetAuthorizationToken"
        });
    }
}

#[test]
fn what_a_runner_cannot_do_is_refused() {
    let mut bare = environment();
    bare.container = None;
    let nfs =
        EfsBackup::new("nas:/a", DESTINATION).source_id("fs-00000001").environment(environment());
    let folders = EfsBackup::new("/a", "/b")
        .source_id("fs-00000001")
        .destination_id("fs-00000002")
        .environment(environment());
    for (spec, runner, expected) in [
        (spec().environment(bare.clone()), Runner::Kubernetes, "this runner needs container"),
        (spec().environment(bare), Runner::StepFunctions, "this runner needs container"),
        (nfs, Runner::StepFunctions, "Fargate mounts EFS file systems by their own names"),
        (folders, Runner::Kubernetes, "a CronJob mounts HOST:/PATH, not /a"),
        (spec().spot_price("0.02"), Runner::StepFunctionsEc2, "a state machine starts no spot"),
        (spec().start("2026-01-01T00:00:00"), Runner::Systemd, "a timer of systemd has no first"),
        (spec().start("2026-01-01T00:00:00"), Runner::Kubernetes, "a CronJob has no first time"),
    ] {
        let error = files(&spec, runner).unwrap_err().to_string();
        assert!(error.starts_with(&format!("recipe: {expected}")), "{error}");
    }
}

/// Runs the machine of a template in moto's interpreter, which LocalStack's authors wrote; what it
/// came to, a line a scenario, and the command that it gave, if any. `None` where this cannot run.
fn interpreted(template: &str) -> Option<(Vec<String>, String)> {
    let import = "import moto.stepfunctions.parser.api, antlr4, cfnlint.decode";
    let import = Command::new("python3").args(["-c", import]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        let _ = probe::skip("python3 has no package moto or cfn-lint (`make tools` installs them)");
        return None;
    }
    let scratch = Scratch::new();
    let path = scratch.path("steps.yaml");
    std::fs::write(&path, template).unwrap();
    let command = scratch.path("command");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/state_machine.py");
    let output = Command::new("python3")
        .arg(script)
        .args([&path, &command])
        .envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let said = String::from_utf8(output.stdout).unwrap();
    let command = std::fs::read_to_string(command).unwrap_or_default();
    Some((said.lines().map(str::to_owned).collect(), command))
}

#[test]
fn the_state_machine_succeeds_tries_again_and_fails_as_it_should() {
    let template = file(&files(&made(), Runner::StepFunctions).unwrap(), ".yaml");
    let Some((said, _)) = interpreted(&template) else { return };
    let expected = [
        r#"{"scenario": "success", "status": "SUCCEEDED", "error": null, "started": 1, "waits": [], "told": {"Topic": [], "SuccessTopic": ["[Info] EFS Backup Succeeded"]}}"#,
        r#"{"scenario": "retry", "status": "SUCCEEDED", "error": null, "started": 2, "waits": [120.0], "told": {"Topic": [], "SuccessTopic": ["[Info] EFS Backup Succeeded"]}}"#,
        r#"{"scenario": "failure", "status": "FAILED", "error": "BackupFailed", "started": 3, "waits": [120.0, 240.0], "told": {"Topic": ["[Alert] EFS Backup Failed"], "SuccessTopic": []}}"#,
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_instance_is_ended_however_its_script_ends_and_tried_again_unless_it_is_late() {
    let spec = made().program("s3://programs/efsbackup-1", "0".repeat(64)).keep(Keep::Daily, 7);
    let template = file(&files(&spec, Runner::StepFunctionsEc2).unwrap(), ".yaml");
    let Some((said, command)) = interpreted(&template) else { return };
    let success =
        r#""told": {"Topic": [], "SuccessTopic": ["[Info] EFS Backup Succeeded"]}, "left": []}"#;
    let failure =
        r#""told": {"Topic": ["[Alert] EFS Backup Failed"], "SuccessTopic": []}, "left": []}"#;
    // The agent is heard of after two tries, and the command looked at twice.
    let script = "15.0, 15.0, 60, 60";
    let line = |name: &str, status: &str, started: u32, waits: &str, end: &str| {
        let error = if status == "FAILED" { r#""BackupFailed""# } else { "null" };
        format!(
            r#"{{"scenario": "{name}", "status": "{status}", "error": {error}, "started": {started}, "waits": [{waits}], {end}"#
        )
    };
    let twice = format!("{script}, 120, {script}");
    let expected = [
        line("success", "SUCCEEDED", 1, script, success),
        line("retry", "SUCCEEDED", 2, &twice, success),
        line("no instance", "SUCCEEDED", 2, &format!("120, {script}"), success),
        line("failure", "FAILED", 3, &format!("{twice}, 120, {script}"), failure),
        line("late", "FAILED", 1, script, failure),
    ];
    assert_eq!(said, expected);

    let words = command.strip_prefix("exec /bin/bash -c ").unwrap();
    let shell = r#"eval "set -- $1"; printf '%s\0' "$@""#;
    let output = Command::new("sh").args(["-c", shell, "sh", words]).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = words.split_terminator('\0').collect();
    assert_eq!(words[0], Engine::Efsbackup.script());
    let sha256 = format!("--sha256={}", "0".repeat(64));
    assert_eq!(
        words[1..],
        [
            "backup",
            SOURCE,
            "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/",
            "fs-0123456789abcdef0",
            "UTC",
            "fs-0fedcba9876543210",
            "86100",
            "--program=s3://programs/efsbackup-1",
            &sha256,
            "--mount=tls,iam",
            "--keep-daily=7",
        ]
    );
}
