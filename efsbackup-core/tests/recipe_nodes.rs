//! The recipe for several nodes: its definition, and runs of it on this machine in which a node
//! is killed, or never copies.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::{Clock, SystemClock};
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::{Definition, Field, FieldValue};
use efsbackup_core::recipe::{EfsBackup, Engine, Keep, RestoreTo};
use efsbackup_core::run::{Run, RunEvent, RunOutcome, RunReport};
use efsbackup_core::stack::{self, Runner};
use jiff::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const SOURCE: &str = "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com:/";
const DESTINATION: &str = "fs-0fedcba9876543210.efs.ap-northeast-1.amazonaws.com:/";
const SOURCE_ID: &str = "fs-00000001";
const DESTINATION_ID: &str = "fs-00000002";

fn recipe(nodes: u32) -> EfsBackup {
    EfsBackup::new(SOURCE, DESTINATION).nodes(nodes)
}

/// The values of a field of an object.
fn values(definition: &Definition, object: &str, key: &str) -> Vec<String> {
    let object = definition.objects.iter().find(|one| one.id == object).unwrap();
    let values = object.fields.iter().filter(|field| field.key == key);
    let text = |value: &FieldValue| match value {
        FieldValue::Text(text) | FieldValue::Reference(text) => text.clone(),
        FieldValue::Intrinsic(_) => panic!("{key}"),
    };
    values.map(|field| text(&field.value)).collect()
}

#[test]
fn one_plans_each_node_copies_on_its_own_instance_and_the_last_publishes() {
    let definition = recipe(3).keep(Keep::Daily, 7).retries(1).definition().unwrap();
    let ids: Vec<&str> = definition.objects.iter().map(|object| object.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "Default",
            "DefaultSchedule",
            "EC2ResourceObj",
            "EC2ResourceObj2",
            "EC2ResourceObj3",
            "PlanActivityObj",
            "UnitActivityObj1",
            "UnitActivityObj2",
            "UnitActivityObj3",
            "ShellCommandActivityObj",
            "SuccessNotify",
            "FailureNotify",
        ]
    );
    let of = |object: &str, key: &str| values(&definition, object, key);
    let nodes = ["1", "2", "3"].map(|node| format!("UnitActivityObj{node}"));
    assert_eq!(of("PlanActivityObj", "runsOn"), ["EC2ResourceObj"]);
    for (node, instance) in nodes.iter().zip(["", "2", "3"]) {
        assert_eq!(of(node, "dependsOn"), ["PlanActivityObj"]);
        assert_eq!(of(node, "runsOn"), [format!("EC2ResourceObj{instance}")]);
    }
    assert_eq!(of("ShellCommandActivityObj", "dependsOn"), nodes);
    assert_eq!(of("ShellCommandActivityObj", "onSuccess"), ["SuccessNotify"]);
    assert_eq!(of("ShellCommandActivityObj", "onFail"), ["FailureNotify"]);
    let last = |object| of(object, "scriptArgument").split_off(5);
    let run = "--run-id=#{@pipelineId}-#{format(@scheduledStartTime, 'YYYYMMdd-HHmmss')}";
    assert_eq!(last("PlanActivityObj"), ["550", "--share=plan", run, "--nodes=3"]);
    assert_eq!(last("UnitActivityObj2"), ["2200", "--share=unit", run, "--node=2/3"]);
    let end = last("ShellCommandActivityObj");
    assert_eq!(end, ["550", "--share=finish", run, "--keep-daily=7"]);
    let findings = definition.validate();
    assert!(findings.findings.is_empty(), "{findings:?}");
}

#[test]
fn the_most_nodes_are_valid_and_sixteen_need_no_bucket_for_their_template() {
    let rules = [Keep::Last, Keep::Hourly, Keep::Daily, Keep::Weekly, Keep::Monthly, Keep::Yearly];
    let all = rules.into_iter().fold(recipe(24), |recipe, rule| recipe.keep(rule, 9)).retries(5);
    let all = all.tls(true).iam(true).program("s3://programs/efsbackup-1", "0".repeat(64));
    let definition = all.definition().unwrap();
    assert!(definition.objects.len() <= 100);
    assert!(definition.objects.iter().all(|object| object.fields.len() <= 50));
    let findings = definition.validate();
    assert!(findings.findings.is_empty(), "{findings:?}");
    // CloudFormation takes so many bytes without a bucket.
    let definition = recipe(16).definition().unwrap();
    let template = formats::write(&definition, Format::CloudFormationYaml).unwrap();
    println!("{} bytes for 16 nodes", template.len());
    assert!(template.len() < 51_200, "{} bytes", template.len());
}

#[test]
fn what_several_nodes_cannot_do_is_refused() {
    let refusal = |recipe: EfsBackup| recipe.definition().unwrap_err().message();
    assert!(refusal(recipe(0)).starts_with("0 nodes: "));
    assert!(refusal(recipe(25)).starts_with("25 nodes: "));
    let rsync = refusal(recipe(2).engine(Engine::Rsync));
    assert!(rsync.starts_with("the engine rsync cannot share a backup"), "{rsync}");
    let restore = recipe(3).restore_definition(&RestoreTo::new("restored")).unwrap();
    let alone = recipe(1).restore_definition(&RestoreTo::new("restored")).unwrap();
    assert_eq!(restore.objects, alone.objects);
    let mut spec = recipe(2);
    spec = EfsBackup::from_toml(&format!(
        "{}\n[environment]\nname = \"x\"\n",
        spec.to_toml().unwrap()
    ))
    .unwrap();
    let alone =
        [Runner::StepFunctions, Runner::StepFunctionsEc2, Runner::Systemd, Runner::Kubernetes];
    for runner in alone {
        let error = stack::files(&spec, runner).unwrap_err().message();
        assert!(error.starts_with("2 nodes share a backup on Data Pipeline only"), "{error}");
    }
}

/// A minute passes in a second: retries come soon.
struct Fast(Timestamp);

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        let real = SystemClock.now().duration_since(self.0);
        self.0 + real * 60
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration / 60);
    }
}

/// Two folders that are marked, a pipeline of two nodes for them, and a program that stands in
/// for `efsbackup`.
struct Place {
    scratch: Scratch,
    source: PathBuf,
    destination: PathBuf,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let source = scratch.path("source");
        let destination = scratch.path("destination");
        for (folder, id) in [(&source, SOURCE_ID), (&destination, DESTINATION_ID)] {
            fs::create_dir(folder).unwrap();
            let mut mark = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
            assert!(mark.arg("mark").arg(folder).args(["--id", id]).status().unwrap().success());
        }
        for folder in 0..4 {
            let folder = source.join(format!("folder-{folder}"));
            fs::create_dir(&folder).unwrap();
            for number in 0..50 {
                fs::write(folder.join(number.to_string()), format!("content {number}")).unwrap();
            }
            fs::hard_link(folder.join("0"), folder.join("again")).unwrap();
        }
        Place { scratch, source, destination }
    }

    /// Runs the pipeline once with `program` as the script `efsbackup`: the report, and the
    /// subjects of what was told.
    fn run(&self, program: &str) -> (RunReport, Vec<String>) {
        let path = self.scratch.path("program");
        let text = format!(
            "#!/bin/bash\nreal={}\nscratch={}\n{program}\nexec \"$real\" \"$@\"\n",
            env!("CARGO_BIN_EXE_efsbackup"),
            self.scratch.path("").display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let [source, destination] = [&self.source, &self.destination].map(|p| p.to_str().unwrap());
        let mut definition = EfsBackup::new(source, destination)
            .source_id(SOURCE_ID)
            .destination_id(DESTINATION_ID)
            .notify("arn:aws:sns:us-east-1:123456789012:backups")
            .nodes(2)
            .retries(1)
            .definition()
            .unwrap();
        let plan = definition.objects.iter_mut().find(|one| one.id == "PlanActivityObj").unwrap();
        plan.fields.push(Field { key: "retryDelay".to_owned(), value: "1 minutes".into() });
        let mut told = Vec::new();
        let report = Run::new("backup", self.scratch.path("logs"))
            .once(true)
            .tasks(4)
            .variable("EFSBACKUP", &path)
            .run(&definition, Arc::new(Fast(Timestamp::now())), &CancelToken::new(), &mut |event| {
                if let RunEvent::Notified(notification) = event {
                    told.push(notification.subject.clone());
                }
            })
            .unwrap();
        (report, told)
    }

    fn snapshots(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.destination.join(SOURCE_ID)) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let visible =
            |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
        paths.filter(visible).collect()
    }
}

/// How often the activity was tried, and how it ended.
fn fate<'r>(report: &'r RunReport, activity: &str) -> (u32, &'r str) {
    let instance = report.instances.iter().find(|one| one.component == activity).unwrap();
    (instance.attempts, instance.status.as_str())
}

/// What all activities wrote.
fn logs(folder: &Path) -> String {
    let mut find = Command::new("find");
    let output = find.arg(folder).args(["-type", "f", "-exec", "zcat", "-f", "{}", "+"]).output();
    String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
}

#[test]
fn a_node_that_is_killed_while_it_copies_is_tried_again_and_the_snapshot_is_whole() {
    let place = Place::new();
    // Killed by signal 9 once its first unit is copied, while it copies the next.
    let (report, told) = place.run(
        r#"
if [[ "$1 $2" == 'shard unit' && "$*" == *--node=2/2* && ! -e $scratch/killed ]]; then
  touch "$scratch/killed"
  "$real" "$@" --limit-ops 100 &
  until compgen -G "$4/*/.efsbackup/note-unit-*" | grep -q -- '-1$'; do sleep 0.02; done
  kill -9 $!
  exit 137
fi"#,
    );
    let logs = logs(&place.scratch.path("logs"));
    assert_eq!(report.outcome, RunOutcome::Finished, "{logs}");
    assert!(place.scratch.path("killed").exists());
    assert_eq!(fate(&report, "PlanActivityObj"), (1, "FINISHED"));
    assert_eq!(fate(&report, "UnitActivityObj1"), (1, "FINISHED"));
    assert_eq!(fate(&report, "UnitActivityObj2"), (2, "FINISHED"));
    assert_eq!(fate(&report, "ShellCommandActivityObj"), (1, "FINISHED"));
    assert!(logs.contains("node 2 of 2: 3 units copied, 1 were before"), "{logs}");
    assert_eq!(told, ["[Info] EFS Backup Succeeded"]);
    let [snapshot] = &place.snapshots()[..] else { panic!("{:?}", place.snapshots()) };
    assert_same(&place.source, snapshot);
    // The run left nothing behind: the next backup is not kept waiting.
    let backup = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .arg("backup")
        .args([&place.source, &place.destination])
        .args(["--expect-id", SOURCE_ID])
        .output()
        .unwrap();
    assert!(backup.status.success(), "{backup:?}");
}

#[test]
fn when_a_node_never_copies_nothing_is_published_and_it_is_told_once() {
    let place = Place::new();
    let (report, told) = place.run(
        r#"
[[ "$1 $2" != 'shard unit' || "$*" != *--node=2/2* ]] || exit 1"#,
    );
    assert_eq!(report.outcome, RunOutcome::Failed);
    assert_eq!(fate(&report, "UnitActivityObj1"), (1, "FINISHED"));
    assert_eq!(fate(&report, "UnitActivityObj2"), (2, "FAILED"));
    assert_eq!(fate(&report, "ShellCommandActivityObj").1, "CASCADE_FAILED");
    assert_eq!(told, ["[Alert] EFS Backup Failed"]);
    assert!(place.snapshots().is_empty(), "{:?}", place.snapshots());
}

#[test]
fn that_nothing_could_be_planned_is_told_once() {
    let place = Place::new();
    let (report, told) = place.run("exit 1");
    assert_eq!(fate(&report, "PlanActivityObj"), (2, "FAILED"));
    assert_eq!(fate(&report, "ShellCommandActivityObj").1, "CASCADE_FAILED");
    assert_eq!(told, ["[Alert] EFS Backup Failed"]);
}
