//! Scripts that run as another user than the worker.

#![cfg(all(feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::probe;
use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::run::{Run, RunEvent, RunOutcome, RunReport};
use efsbackup_core::worker::RunAs;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const USER: &str = "nobody";

fn definition(command: &str) -> Definition {
    Definition {
        objects: vec![
            Object::new("Default")
                .text("scheduleType", "ondemand")
                .text("role", "r")
                .text("resourceRole", "rr")
                .text("maximumRetries", "0"),
            Object::new("Machine").text("type", "Ec2Resource").text("terminateAfter", "1 hour"),
            Object::new("A")
                .text("type", "ShellCommandActivity")
                .reference("runsOn", "Machine")
                .text("command", command),
        ],
        ..Definition::default()
    }
}

fn change(definition: &mut Definition, id: &str, change: impl FnOnce(Object) -> Object) {
    let object = definition.objects.iter_mut().find(|object| object.id == id).unwrap();
    *object = change(std::mem::take(object));
}

/// A folder that everybody can get into.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn run(folder: &Path, definition: &Definition) -> (RunReport, PathBuf) {
    let mut logs = PathBuf::new();
    let report = Run::new("as", folder.join("logs"))
        .state(folder.join("state.db"))
        .once(true)
        .run_as(RunAs::user(USER).unwrap())
        .run(definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Started { logs: dir, .. } = event {
                logs = dir.to_path_buf();
            }
        })
        .unwrap();
    (report, logs)
}

fn uid() -> u32 {
    let asked = std::process::Command::new("id").args(["-u", USER]).output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn a_script_has_the_users_rights_and_no_others() {
    if !probe::root() {
        return;
    }
    let folder = open_folder();
    let secret = folder.path().join("secret");
    fs::write(&secret, "root's\n").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let script = format!(
        "id -un; id -u; id -G; echo $HOME $USER $LOGNAME; pwd; \
         cat '{0}' && echo read; echo > '{0}.new' && echo written; \
         kill -KILL $PPID && echo killed; grep -E '^(Uid|Groups|CapEff)' /proc/self/status; \
         test $(stat -c %a \"$(dirname \"$0\")\") = 711 && ls \"$(dirname \"$0\")\" && echo listed; true",
        secret.display()
    );
    let (report, logs) = run(folder.path(), &definition(&script));
    assert_eq!(report.outcome, RunOutcome::Finished, "{report:?}");
    let out = common::logs::log(&logs, "StdOutput");
    let id = |options: &str| {
        let asked = std::process::Command::new("id").args([options, USER]).output().unwrap();
        String::from_utf8(asked.stdout).unwrap().trim().to_owned()
    };
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..3], [USER, &*id("-u"), &*id("-G")], "{out}");
    assert!(lines[3].ends_with(&format!(" {USER} {USER}")), "{out}");
    assert_eq!(lines[4], "/");
    for word in ["read", "written", "killed", "listed"] {
        assert!(!lines.contains(&word), "{out}");
    }
    assert!(out.contains("CapEff:\t0000000000000000"), "{out}");
    let uid = uid();
    assert!(out.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}")), "{out}");
}

#[test]
fn what_a_definition_names_is_read_and_written_with_the_users_rights() {
    if !probe::root() {
        return;
    }
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["theirs", "ours"] {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(&format!("{name}/file")), "data\n").unwrap();
    }
    let uid = uid();
    std::os::unix::fs::chown(path("theirs"), Some(uid), None).unwrap();
    fs::set_permissions(path("ours"), Permissions::from_mode(0o700)).unwrap();

    let staged = |input: &str, output: &str| {
        let script = "cp $INPUT1_STAGING_DIR/file $OUTPUT1_STAGING_DIR/out && echo ok >&2";
        let mut definition = definition(script);
        let node = |id: &str, dir: &str| {
            Object::new(id).text("type", "S3DataNode").text("directoryPath", path(dir))
        };
        definition.objects.extend([node("In", input), node("Out", output)]);
        change(&mut definition, "A", |activity| {
            activity.text("stage", "true").reference("input", "In").reference("output", "Out")
        });
        run(folder.path(), &definition).0
    };
    let report = staged("theirs", "theirs");
    assert_eq!(report.outcome, RunOutcome::Finished, "{report:?}");
    assert_eq!(fs::metadata(path("theirs/out")).unwrap().uid(), uid);
    let report = staged("ours", "theirs");
    assert_eq!(report.outcome, RunOutcome::Failed, "what the user can't read is not staged");
    let report = staged("theirs", "ours");
    assert_eq!(report.outcome, RunOutcome::Failed, "nor written where the user can't");
    assert!(!Path::new(&path("ours/out")).exists());

    let mut script = definition("");
    change(&mut script, "A", |mut activity| {
        activity.fields.retain(|field| field.key != "command");
        activity.text("scriptUri", path("ours/file"))
    });
    let (report, _) = run(folder.path(), &script);
    let error = report.instances.iter().find_map(|run| run.error.clone());
    let error = error.unwrap_or_else(|| panic!("{report:?}"));
    assert!(error.contains("scriptUri") && error.contains("ermission"), "{error}");

    let mut copied = definition("echo out; echo err >&2");
    change(&mut copied, "A", |activity| {
        activity.text("stdout", path("ours/stdout")).text("stderr", path("theirs/stderr"))
    });
    change(&mut copied, "Default", |default| default.text("pipelineLogUri", path("theirs")));
    let (report, logs) = run(folder.path(), &copied);
    assert_eq!(report.outcome, RunOutcome::Finished);
    assert!(!Path::new(&path("ours/stdout")).exists());
    assert_eq!(fs::metadata(path("theirs/stderr")).unwrap().uid(), uid);
    assert!(logs.starts_with(path("logs")), "{logs:?}");
    assert!(common::logs::log(&logs, "Activity.log").contains("no logs go to"));
}

#[test]
fn a_folder_that_the_user_can_not_reach_is_told_at_once() {
    if !probe::root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let refused = Run::new("as", folder.path().join("logs"))
        .once(true)
        .run_as(RunAs::user(USER).unwrap())
        .run(&definition("true"), Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(refused.to_string().contains("is closed to nobody"), "{refused}");
    assert_eq!(RunAs::user("no-such-user").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn only_root_can_become_others() {
    if !probe::is_root() {
        assert_eq!(RunAs::user(USER).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
}
