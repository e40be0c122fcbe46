//! The recipe's pipeline in the embedded service: what the topic would be told.

#![cfg(all(feature = "recipe", feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, file, probe};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::engine::Notification;
use efsbackup_core::pipeline::Field;
use efsbackup_core::recipe::{EfsBackup, Engine};
use efsbackup_core::run::{Run, RunEvent, RunOutcome};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SOURCE_ID: &str = "fs-00000001";
const DESTINATION_ID: &str = "fs-00000002";

/// What `efsbackup mark` writes.
fn mark(folder: &Path, id: &str) {
    let mut marker = fs::File::create(folder.join(".efsbackup-id")).unwrap();
    let inode = marker.metadata().unwrap().ino();
    write!(marker, "efsbackup-id 1\nid {id}\ninode {inode}\n").unwrap();
}

/// Runs the pipeline once and gives the outcome and what was told.
fn run(scratch: &Scratch, source: &Path, destination: &Path) -> (RunOutcome, Vec<Notification>) {
    let mut definition = EfsBackup::new(source.to_str().unwrap(), destination.to_str().unwrap())
        .source_id(SOURCE_ID)
        .destination_id(DESTINATION_ID)
        .engine(Engine::Rsync)
        .notify("arn:aws:sns:us-east-1:123456789012:backups")
        .definition()
        .unwrap();
    // A retry would come ten minutes later.
    let activity = definition.objects.iter_mut().find(|o| o.id == "ShellCommandActivityObj");
    let once = Field { key: "maximumRetries".to_owned(), value: "0".into() };
    activity.unwrap().fields.push(once);
    let mut told = Vec::new();
    let report = Run::new("backup", scratch.path("logs"))
        .once(true)
        .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Notified(notification) = event {
                told.push((*notification).clone());
            }
        })
        .unwrap();
    (report.outcome, told)
}

fn folders(scratch: &Scratch) -> (PathBuf, PathBuf) {
    let source = scratch.build("source", &tree! { "a" => file(b"content") });
    let destination = scratch.path("destination");
    fs::create_dir(&destination).unwrap();
    mark(&destination, DESTINATION_ID);
    (source, destination)
}

#[test]
fn success_is_told_with_times_and_host() {
    if !probe::tool("rsync") {
        return;
    }
    let scratch = Scratch::new();
    let (source, destination) = folders(&scratch);
    mark(&source, SOURCE_ID);
    let (outcome, told) = run(&scratch, &source, &destination);
    assert_eq!(outcome, RunOutcome::Finished);
    let [notification] = &told[..] else { panic!("{told:?}") };
    assert_eq!(notification.subject, "[Info] EFS Backup Succeeded");
    assert_eq!(notification.problem, None);
    let lines: Vec<&str> = notification.message.lines().collect();
    let names = ["scheduledStartTime", "actualStartTime", "actualEndTime", "hostname"];
    assert_eq!(lines.len(), names.len(), "{}", notification.message);
    for (line, name) in lines.iter().zip(names) {
        let value = line.strip_prefix(&format!("{name}: \"")).and_then(|v| v.strip_suffix('"'));
        assert!(value.is_some_and(|value| !value.is_empty() && !value.contains("#{")), "{line}");
    }
    let root = destination.join(SOURCE_ID);
    let names = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name());
    let snapshot = names.into_iter().find(|name| name != ".rsync-lock").unwrap();
    assert_same(&source, &root.join(snapshot));
}

#[test]
fn a_refused_backup_is_told_as_a_failure() {
    if !probe::tool("rsync") {
        return;
    }
    let scratch = Scratch::new();
    let (source, destination) = folders(&scratch);
    let (outcome, told) = run(&scratch, &source, &destination);
    assert_eq!(outcome, RunOutcome::Failed);
    let [notification] = &told[..] else { panic!("{told:?}") };
    assert_eq!(notification.subject, "[Alert] EFS Backup Failed");
    assert_eq!(notification.event, "onFail");
    assert!(!destination.join(SOURCE_ID).exists());
}
