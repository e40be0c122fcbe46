//! Data nodes, preconditions and staging on this machine; S3 is a folder.

#![cfg(all(feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::objects::FolderStore;
use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::{Clock, SystemClock};
use efsbackup_core::deploy::{ObjectStore, S3Uri};
use efsbackup_core::error::{Error, Result};
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::run::{Run, RunEvent, RunOutcome, RunReport};
use jiff::Timestamp;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A clock on which a minute takes a tenth of a second.
struct FastClock(Timestamp);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.0 + Timestamp::now().duration_since(self.0) * 600
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration / 600);
    }
}

fn definition(objects: impl IntoIterator<Item = Object>) -> Definition {
    let mut all = vec![
        Object::new("Default")
            .text("scheduleType", "ondemand")
            .text("failureAndRerunMode", "CASCADE")
            .text("role", "r")
            .text("resourceRole", "rr")
            .text("maximumRetries", "0"),
        Object::new("Machine").text("type", "Ec2Resource").text("terminateAfter", "5 hours"),
    ];
    all.extend(objects);
    Definition { objects: all, ..Definition::default() }
}

fn activity(id: &str, command: &str) -> Object {
    Object::new(id)
        .text("type", "ShellCommandActivity")
        .reference("runsOn", "Machine")
        .text("command", command)
}

fn node(id: &str, key: &str, uri: impl Into<String>) -> Object {
    Object::new(id).text("type", "S3DataNode").text(key, uri)
}

struct Place {
    dir: tempfile::TempDir,
    store: Arc<FolderStore>,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore(dir.path().join("s3")));
        Place { dir, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn request(&self) -> Run {
        let logs = self.path("logs");
        Run::new("data", logs).once(true).objects(self.store.clone())
    }

    fn run(&self, definition: &Definition) -> RunReport {
        self.request()
            .run(definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})
            .unwrap()
    }
}

fn status<'a>(report: &'a RunReport, component: &str) -> &'a str {
    &report.instances.iter().find(|run| run.component == component).unwrap().status
}

fn error<'a>(report: &'a RunReport, component: &str) -> &'a str {
    let run = report.instances.iter().find(|run| run.component == component).unwrap();
    run.error.as_deref().unwrap_or_default()
}

#[test]
fn staged_data_comes_and_goes_on_this_machine_and_to_s3() {
    let place = Place::new();
    fs::create_dir_all(place.path("in/sub")).unwrap();
    fs::write(place.path("in/a"), "one\n").unwrap();
    fs::write(place.path("in/sub/b"), "two\n").unwrap();
    fs::write(place.path("single"), "three\n").unwrap();
    place.store.put("s3://bucket/data/c", "four\n");
    place.store.put("s3://bucket/data/deep/d", "five\n");
    place.store.put("s3://bucket/database", "not below the folder\n");
    place.store.put("s3://bucket/one.csv", "six\n");
    let script = "set -e; \
        cat $INPUT1_STAGING_DIR/a $INPUT1_STAGING_DIR/sub/b $INPUT2_STAGING_DIR/single \
            $INPUT3_STAGING_DIR/c $INPUT3_STAGING_DIR/deep/d $INPUT4_STAGING_DIR/one.csv \
            > $OUTPUT1_STAGING_DIR/all; \
        ls -R $INPUT3_STAGING_DIR | grep -c database >> $OUTPUT1_STAGING_DIR/all || true; \
        mkdir $OUTPUT2_STAGING_DIR/x; echo seven > $OUTPUT2_STAGING_DIR/x/y; \
        rm -rf $INPUT1_STAGING_DIR/*";
    let copy = activity("Copy", script).text("stage", "true");
    let copy =
        ["In", "Single", "Stored", "One"].iter().fold(copy, |o, id| o.reference("input", *id));
    let copy = copy.reference("output", "Out").reference("output", "Kept");
    let report = place.run(&definition([
        node("In", "directoryPath", place.text("in")),
        node("Single", "filePath", format!("file://{}", place.text("single"))),
        node("Stored", "directoryPath", "s3://bucket/data"),
        node("One", "filePath", "s3://bucket/one.csv"),
        node("Out", "directoryPath", place.text("out")),
        node("Kept", "directoryPath", "s3://bucket/kept/"),
        copy,
    ]));
    assert_eq!(report.outcome, RunOutcome::Finished, "{report:?}");
    let all = fs::read_to_string(place.path("out/all")).unwrap();
    assert_eq!(all, "one\ntwo\nthree\nfour\nfive\nsix\n0\n");
    assert_eq!(place.store.get("s3://bucket/kept/x/y"), b"seven\n");
    assert_eq!(fs::read_to_string(place.path("in/a")).unwrap(), "one\n", "the source is untouched");
    let left: Vec<_> = fs::read_dir(place.path("logs/.work")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_failed_script_wrote_goes_nowhere() {
    let place = Place::new();
    let script = "echo half > $OUTPUT1_STAGING_DIR/half; exit 3";
    let copy = activity("Copy", script).text("stage", "true").reference("output", "Out");
    let report = place.run(&definition([node("Out", "directoryPath", place.text("out")), copy]));
    assert_eq!(status(&report, "Copy"), "FAILED");
    assert_eq!(status(&report, "Out"), "CASCADE_FAILED");
    assert!(!place.path("out").exists());
}

#[test]
fn a_key_that_leads_elsewhere_is_refused() {
    let place = Place::new();
    place.store.put("s3://bucket/in/../../../escaped", "x");
    let copy = activity("Copy", "true").text("stage", "true").reference("input", "In");
    let report = place.run(&definition([node("In", "directoryPath", "s3://bucket/in"), copy]));
    assert_eq!(status(&report, "Copy"), "FAILED");
    assert!(error(&report, "Copy").contains("can't be the name of a file"), "{report:?}");
    assert!(!place.path("logs/escaped").exists() && !place.path("escaped").exists());
}

#[test]
fn scripts_are_read_from_files_and_from_s3() {
    let place = Place::new();
    let script = |name: &str| format!("echo {name} \"$1\" > '{}'", place.text(name));
    fs::write(place.path("script"), script("local")).unwrap();
    place.store.put("s3://bucket/script.sh", &script("stored"));
    let from = |id: &str, uri: String| {
        Object::new(id)
            .text("type", "ShellCommandActivity")
            .reference("runsOn", "Machine")
            .text("scriptUri", uri)
            .text("scriptArgument", "it's")
    };
    let report = place.run(&definition([
        from("Local", format!("file://{}", place.text("script"))),
        from("Stored", "s3://bucket/script.sh".into()),
        from("Missing", "s3://bucket/none".into()),
    ]));
    assert_eq!(fs::read_to_string(place.path("local")).unwrap(), "local it's\n");
    assert_eq!(fs::read_to_string(place.path("stored")).unwrap(), "stored it's\n");
    assert!(error(&report, "Missing").contains("s3://bucket/none"), "{report:?}");
}

#[test]
fn preconditions_are_checked_until_they_hold() {
    let place = Place::new();
    let check = |id: &str, kind: &str| {
        Object::new(id)
            .text("type", kind)
            .text("preconditionTimeout", "5 hours")
            .text("retryDelay", "1 minute")
    };
    let command = format!("echo >> '{0}'; test $(wc -l < '{0}') -ge 3", place.text("looks"));
    let copy = activity("Copy", "true").reference("input", "In");
    let copy =
        ["Shell", "Key", "Prefix"].iter().fold(copy, |o, id| o.reference("precondition", *id));
    let definition = definition([
        node("In", "filePath", place.text("come")).reference("precondition", "There"),
        check("There", "Exists"),
        check("Shell", "ShellCommandPrecondition").text("command", command),
        check("Key", "S3KeyExists").text("s3Key", "s3://bucket/key"),
        check("Prefix", "S3PrefixNotEmpty").text("s3Prefix", "s3://bucket/pre"),
        copy,
    ]);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            fs::write(place.path("come"), "").unwrap();
            place.store.put("s3://bucket/key", "");
            place.store.put("s3://bucket/prefixed", "");
        });
        let clock = Arc::new(FastClock(Timestamp::now()));
        let request = place.request().tasks(4);
        request.run(&definition, clock, &CancelToken::new(), &mut |_| {}).unwrap()
    });
    assert_eq!(report.outcome, RunOutcome::Finished, "{report:?}");
    assert_eq!(fs::read_to_string(place.path("looks")).unwrap().lines().count(), 3);
    let copy = report.instances.iter().find(|run| run.component == "Copy").unwrap();
    for check in ["There", "Shell", "Key", "Prefix"] {
        let check = report.instances.iter().find(|run| run.component == check).unwrap();
        assert_eq!((&*check.status, check.attempts), ("FINISHED", 1));
        assert!(check.actual_end.unwrap() <= copy.actual_start.unwrap());
    }
}

#[test]
fn a_precondition_that_can_not_be_checked_fails() {
    let place = Place::new();
    let definition = definition([
        Object::new("Shell")
            .text("type", "ShellCommandPrecondition")
            .text("preconditionTimeout", "1 hour")
            .text("command", "kill -KILL $$"),
        activity("Copy", "true").reference("precondition", "Shell"),
    ]);
    let report = place.run(&definition);
    assert_eq!(report.outcome, RunOutcome::Failed);
    assert_eq!(status(&report, "Shell"), "FAILED");
    assert!(error(&report, "Shell").contains("signal 9"), "{report:?}");
    assert_eq!(status(&report, "Copy"), "CASCADE_FAILED");
}

#[test]
fn without_access_to_s3_a_definition_that_needs_it_is_refused() {
    let place = Place::new();
    let mut copy = activity("Copy", "true");
    copy.fields.retain(|field| field.key != "command");
    let definition = definition([copy.text("scriptUri", "s3://bucket/script")]);
    let run = Run::new("data", place.path("logs")).once(true);
    let refused = run.run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {});
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDefinition);
    let text = "scriptUri: s3://bucket/script is on S3, which this service was not given access to";
    assert!(error.to_string().contains(text), "{error}");
}

/// Data that comes slowly does not outlive what ends the attempt.
#[test]
fn bringing_data_ends_with_the_attempt() {
    #[derive(Debug)]
    struct Slow;
    impl ObjectStore for Slow {
        fn exists(&self, _: &S3Uri, _: &CancelToken) -> Result<bool> {
            unreachable!()
        }
        fn list(
            &self,
            _: &S3Uri,
            _: &CancelToken,
            _: &mut dyn FnMut(S3Uri, u64) -> ControlFlow<()>,
        ) -> Result<()> {
            unreachable!()
        }
        fn fetch(&self, _: &S3Uri, _: &Path, cancel: &CancelToken) -> Result<()> {
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(Error::new(ErrorKind::Cancelled, "fetch"))
        }
        fn store(&self, _: &Path, _: &S3Uri, _: &CancelToken) -> Result<()> {
            unreachable!()
        }
    }
    let place = Place::new();
    let copy = activity("Copy", "true")
        .text("stage", "true")
        .text("attemptTimeout", "10 minutes")
        .reference("input", "In");
    let definition = definition([node("In", "filePath", "s3://bucket/slow"), copy]);
    let clock = Arc::new(FastClock(Timestamp::now()));
    let request = place.request().objects(Arc::new(Slow));
    let report = request.run(&definition, clock, &CancelToken::new(), &mut |_| {}).unwrap();
    assert!(error(&report, "Copy").contains("attemptTimeout"), "{report:?}");
}

#[test]
fn logs_are_compressed_and_sent_where_the_definition_says() {
    let place = Place::new();
    let mut definition = definition([
        activity("A", "echo out; echo err >&2").text("stdout", "s3://bucket/own/out.txt")
    ]);
    let default = &mut definition.objects[0];
    *default = std::mem::take(default).text("pipelineLogUri", "s3://logs/here");
    let mut dirs = Vec::new();
    let report = place
        .request()
        .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Started { logs, .. } = event {
                dirs.push(logs.to_path_buf());
            }
        })
        .unwrap();
    assert_eq!(report.outcome, RunOutcome::Finished);
    assert_eq!(common::logs::log(&dirs[0], "StdOutput"), "out\n");
    assert_eq!(place.store.get("s3://bucket/own/out.txt"), b"out\n");
    let below = dirs[0].strip_prefix(place.path("logs")).unwrap().to_str().unwrap();
    let instance = &report.instances[0].id;
    assert_eq!(below, format!("{}/A/{instance}/{instance}_Attempt=1", report.pipeline));
    for name in ["StdOutput", "StdError", "Activity.log"] {
        let sent = place.store.get(&format!("s3://logs/here/{below}/{name}.gz"));
        assert_eq!(sent, fs::read(dirs[0].join(format!("{name}.gz"))).unwrap(), "{name}");
    }
    assert!(common::logs::log(&dirs[0], "Activity.log").contains(" finished\n"));
}

#[test]
fn logs_that_can_not_be_sent_fail_nothing() {
    let place = Place::new();
    fs::create_dir_all(place.path("s3")).unwrap();
    fs::write(place.path("s3/logs"), "in the way of the bucket").unwrap();
    let mut definition = definition([activity("A", "echo out")]);
    let default = &mut definition.objects[0];
    *default = std::mem::take(default).text("pipelineLogUri", "s3://logs/");
    let mut warnings = Vec::new();
    let report = place
        .request()
        .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Warned(text) = event {
                warnings.push((*text).to_owned());
            }
        })
        .unwrap();
    assert_eq!(report.outcome, RunOutcome::Finished);
    assert!(warnings.iter().any(|text| text.starts_with("logs of @A_")), "{warnings:?}");
}

#[test]
fn the_logs_of_all_checks_are_kept() {
    let place = Place::new();
    let command = format!("echo look; mkdir '{0}' 2> /dev/null && exit 1; true", place.text("x"));
    let definition = definition([
        Object::new("Shell")
            .text("type", "ShellCommandPrecondition")
            .text("preconditionTimeout", "1 hour")
            .text("retryDelay", "1 minute")
            .text("command", command),
        activity("Copy", "true").reference("precondition", "Shell"),
    ]);
    let clock = Arc::new(FastClock(Timestamp::now()));
    let mut dirs = Vec::new();
    let report = place
        .request()
        .run(&definition, clock, &CancelToken::new(), &mut |event| {
            if let RunEvent::Started { logs, .. } = event {
                dirs.push(logs.to_path_buf());
            }
        })
        .unwrap();
    assert_eq!(report.outcome, RunOutcome::Finished);
    assert_eq!(dirs[0], dirs[1]);
    assert_eq!(common::logs::log(&dirs[0], "StdOutput"), "look\nlook\n");
}

#[test]
fn a_run_that_waits_for_what_has_failed_does_not_hold_up_the_next() {
    let place = Place::new();
    let script = format!("test -e '{}'", place.text("mended"));
    let mut definition = definition([
        node("Out", "directoryPath", place.text("out")),
        activity("Copy", &script).reference("output", "Out"),
    ]);
    definition.objects[0].fields.retain(|field| field.key != "failureAndRerunMode");
    let request = place.request().state(place.path("state.db"));
    let run = || {
        let clock = Arc::new(SystemClock);
        request.run(&definition, clock, &CancelToken::new(), &mut |_| {}).unwrap()
    };
    let first = run();
    assert_eq!(first.outcome, RunOutcome::Failed);
    assert_eq!(status(&first, "Out"), "WAITING_ON_DEPENDENCIES");
    fs::write(place.path("mended"), "").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let second = run();
    assert_eq!(second.outcome, RunOutcome::Finished, "{second:?}");
    let copies = second.instances.iter().filter(|run| run.component == "Copy");
    assert_eq!(copies.map(|run| &*run.status).collect::<Vec<_>>(), ["FINISHED"]);
}
