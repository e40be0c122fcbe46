//! Preconditions and data nodes in the embedded service, on a clock of the test's own.

#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::pipeline::*;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{
    PipelineService, PollForTask, SetTaskStatus, StatusCommand, Task, TaskStatus,
};
use efsbackup_core::engine::Engine;
use efsbackup_core::pipeline::{Definition, Object};
use std::time::Duration;

/// `Copy` reads `In`, which is there once `There` holds, and writes `Out`, which `Next` reads.
fn data(precondition: Object) -> Definition {
    let mut definition = definition("cron");
    let activity = |id: &str| {
        Object::new(id)
            .text("type", "ShellCommandActivity")
            .reference("runsOn", "Machine")
            .text("command", "true")
            .text("maximumRetries", "0")
    };
    definition.objects.retain(|object| object.id != "A");
    definition.objects.extend([
        Object::new("In")
            .text("type", "S3DataNode")
            .text("filePath", "/data/#{format(@scheduledStartTime, 'YYYY-MM-dd')}")
            .reference("precondition", "There"),
        Object::new("Out").text("type", "S3DataNode").text("directoryPath", "/out"),
        activity("Copy").reference("input", "In").reference("output", "Out"),
        activity("Next").reference("input", "Out"),
        precondition.text("retryDelay", "1 minute").reference("onFail", "Bad"),
    ]);
    definition
}

fn there(kind: &str) -> Object {
    let there = Object::new("There").text("type", kind);
    if kind == "Exists" { there } else { there.text("command", "test -e \"#{node.filePath}\"") }
}

fn say_false(fixture: &Fixture, task: &Task) {
    let status = SetTaskStatus { task: task.id.clone(), status: TaskStatus::False, failure: None };
    now(fixture.engine.set_task_status(&status)).unwrap();
}

fn state_of(fixture: &Fixture, component: &str) -> String {
    let states = fixture.states();
    let found = states.iter().find_map(|state| state.strip_prefix(&format!("{component} ")));
    found.expect("an instance").to_owned()
}

#[test]
fn data_and_preconditions_put_activities_in_order() {
    let fixture = Fixture::active(&data(there("ShellCommandPrecondition")));
    let check = fixture.take();
    assert_eq!(check.attempt, "@There_2026-03-01T02:00:00_Attempt=1");
    let attempt = check.attempt_object().unwrap();
    assert_eq!(attempt.first_text("command"), Some("test -e \"/data/2026-03-01\""));
    let node = attempt.first_reference("node").unwrap();
    assert_eq!(node, "@In_2026-03-01T02:00:00");
    assert_eq!(check.object(node).unwrap().first_text("filePath"), Some("/data/2026-03-01"));
    for waiting in ["In", "Out", "Copy", "Next"] {
        assert_eq!(state_of(&fixture, waiting), "WAITING_ON_DEPENDENCIES");
    }
    assert!(fixture.poll().is_none());
    fixture.finish(&check);
    assert_eq!(state_of(&fixture, "In"), "FINISHED");
    assert_eq!(state_of(&fixture, "Out"), "WAITING_ON_DEPENDENCIES");
    let copy = fixture.take();
    assert_eq!(copy.attempt, "@Copy_2026-03-01T02:00:00_Attempt=1");
    let input = copy.attempt_object().unwrap().first_reference("input").unwrap();
    assert_eq!(copy.object(input).unwrap().first_text("filePath"), Some("/data/2026-03-01"));
    assert!(fixture.poll().is_none(), "Next waits for what Copy writes");
    fixture.finish(&copy);
    assert_eq!(state_of(&fixture, "Out"), "FINISHED");
    fixture.finish(&fixture.take());
    assert!(
        fixture.states().iter().all(|state| state.ends_with(" FINISHED")),
        "{:?}",
        fixture.states()
    );
}

#[test]
fn a_precondition_is_checked_until_its_time_is_over() {
    let precondition = there("Exists").text("preconditionTimeout", "3 minutes");
    let fixture = Fixture::active(&data(precondition));
    for check in 0..3_u64 {
        let task = fixture.take();
        assert_eq!(task.attempt, "@There_2026-03-01T02:00:00_Attempt=1", "check {check}");
        say_false(&fixture, &task);
        assert!(fixture.poll().is_none(), "retryDelay has not passed");
        let instance = fixture.object("@There_2026-03-01T02:00:00");
        let count = (check + 1).to_string();
        assert_eq!(instance.first_text("currentRetryCount"), Some(&*count));
        assert!(instance.first_text("lastRetryTime").is_some());
        fixture.pass(1);
    }
    assert_eq!(state_of(&fixture, "There"), "FAILED");
    let instance = fixture.object("@There_2026-03-01T02:00:00");
    assert_eq!(instance.first_text("errorId"), Some("PreconditionTimedOut"));
    for passed_over in ["In", "Copy", "Out", "Next"] {
        assert_eq!(state_of(&fixture, passed_over), "CASCADE_FAILED");
        let id = format!("@{passed_over}_2026-03-01T02:00:00");
        let on = fixture.object(&id).first_reference("@cascadeFailedOn").map(str::to_owned);
        assert_eq!(on.as_deref(), Some("@There_2026-03-01T02:00:00"));
    }
    assert_eq!(fixture.notifications().len(), 1);
}

#[test]
fn without_a_time_limit_a_check_that_fails_costs_a_try() {
    let precondition = there("Exists").text("maximumRetries", "1");
    let fixture = Fixture::active(&data(precondition));
    for number in 1..=2 {
        let task = fixture.take();
        assert_eq!(task.attempt, format!("@There_2026-03-01T02:00:00_Attempt={number}"));
        say_false(&fixture, &task);
        fixture.pass(1);
    }
    assert_eq!(state_of(&fixture, "There"), "FAILED");
    let instance = fixture.object("@There_2026-03-01T02:00:00");
    assert_eq!(instance.first_text("errorId"), Some("PreconditionNotMet"));
}

#[test]
fn where_failures_do_not_cascade_what_waits_goes_on_waiting() {
    let mut definition = data(there("Exists").text("maximumRetries", "0"));
    set(&mut definition, "Default", "failureAndRerunMode", "NONE");
    let fixture = Fixture::active(&definition);
    say_false(&fixture, &fixture.take());
    assert_eq!(state_of(&fixture, "There"), "FAILED");
    assert_eq!(state_of(&fixture, "Copy"), "WAITING_ON_DEPENDENCIES");
    // A person knows better.
    let ids = ["@There_2026-03-01T02:00:00".to_owned()];
    now(fixture.engine.set_status(&fixture.pipeline, &ids, StatusCommand::MarkFinished)).unwrap();
    assert!(fixture.take().attempt.starts_with("@Copy_"));
}

#[test]
fn what_an_activity_writes_is_checked_after_it() {
    let mut definition = data(there("Exists").text("preconditionTimeout", "1 hour"));
    object(&mut definition, "In").fields.retain(|field| field.key != "precondition");
    let out = object(&mut definition, "Out");
    *out = std::mem::take(out).reference("precondition", "There");
    let fixture = Fixture::active(&definition);
    let copy = fixture.take();
    assert!(copy.attempt.starts_with("@Copy_"));
    assert!(fixture.poll().is_none());
    fixture.finish(&copy);
    let check = fixture.take();
    assert!(check.attempt.starts_with("@There_"), "{}", check.attempt);
    assert_eq!(state_of(&fixture, "Out"), "WAITING_ON_DEPENDENCIES");
    fixture.finish(&check);
    assert_eq!(state_of(&fixture, "Out"), "FINISHED");
}

#[test]
fn checks_end_with_what_waits_for_them() {
    let fixture = Fixture::active(&data(there("Exists").text("preconditionTimeout", "1 day")));
    let check = fixture.take();
    now(fixture.engine.deactivate(&fixture.pipeline, true)).unwrap();
    assert!(fixture.report(&check), "its worker is told");
    fixture.fail(&check);
    assert_eq!(fixture.state(), "INACTIVE");
    assert_eq!(state_of(&fixture, "There"), "CANCELED");

    let fixture = Fixture::active(&data(there("Exists").text("preconditionTimeout", "1 day")));
    for id in ["@Copy_2026-03-01T02:00:00", "@In_2026-03-01T02:00:00"] {
        let ids = [id.to_owned()];
        now(fixture.engine.set_status(&fixture.pipeline, &ids, StatusCommand::TryCancel)).unwrap();
    }
    assert_eq!(state_of(&fixture, "There"), "CANCELED");
    assert!(fixture.poll().is_none());
}

#[test]
fn rerunning_a_failed_precondition_brings_back_what_it_held_up() {
    let fixture = Fixture::active(&data(there("Exists").text("maximumRetries", "0")));
    say_false(&fixture, &fixture.take());
    assert_eq!(state_of(&fixture, "Next"), "CASCADE_FAILED");
    let ids = ["@There_2026-03-01T02:00:00".to_owned()];
    now(fixture.engine.set_status(&fixture.pipeline, &ids, StatusCommand::Rerun)).unwrap();
    fixture.finish(&fixture.take());
    fixture.finish(&fixture.take());
    let next = fixture.take();
    assert!(next.attempt.starts_with("@Next_"), "{}", next.attempt);
}

#[test]
fn a_check_goes_to_the_workers_of_the_activity() {
    let mut definition = data(there("Exists"));
    for id in ["Copy", "Next"] {
        let activity = object(&mut definition, id);
        activity.fields.retain(|field| field.key != "runsOn");
        *activity = std::mem::take(activity).text("workerGroup", "there");
    }
    let fixture = Fixture::active(&definition);
    assert!(fixture.poll().is_none());
    let poll = PollForTask { worker_group: "there".into(), hostname: "n".into() };
    let task = now(fixture.engine.poll_for_task(&poll)).unwrap().unwrap();
    assert!(task.attempt.starts_with("@There_"));
}

fn refused(engine: &Engine, definition: &Definition) -> Vec<String> {
    let pipeline = create(engine, "refused");
    let findings = now(engine.put_definition(&pipeline, definition)).unwrap();
    let lines = findings.errors.iter().flat_map(|object| {
        object.messages.iter().map(move |message| format!("{}: {message}", object.id))
    });
    lines.collect()
}

#[test]
fn what_needs_aws_is_refused_with_the_reason() {
    let with = |precondition: Object| data(precondition.text("role", "r"));
    let key = with(Object::new("There").text("type", "S3KeyExists").text("s3Key", "s3://b/k"));
    let engine = Engine::in_memory(clock()).unwrap();
    let said = refused(&engine, &key);
    assert_eq!(
        said,
        ["There: type: S3KeyExists asks S3, which this service was not given access to"]
    );
    assert!(refused(&Engine::in_memory(clock()).unwrap().with_s3(), &key).is_empty());

    let table = Object::new("There").text("type", "DynamoDBTableExists").text("tableName", "t");
    let said = refused(&engine, &with(table));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("checked by AWS only: this machine has no DynamoDB"), "{said:?}");

    let mut staged = data(there("Exists"));
    set(&mut staged, "Copy", "stage", "true");
    set(&mut staged, "Out", "directoryPath", "#{myOut}");
    staged
        .parameters
        .push(efsbackup_core::pipeline::Parameter::new("myOut").with("default", "s3://b/out"));
    let said = refused(&engine, &staged);
    assert_eq!(
        said,
        ["Copy: stage: Out (s3://b/out) is on S3, which this service was not given access to"]
    );

    let mut shared = data(there("Exists"));
    let next = object(&mut shared, "Next");
    *next = std::mem::take(next).reference("precondition", "There");
    let said = refused(&engine, &shared).join("\n");
    assert!(said.contains("give each its own"), "{said}");
}

#[test]
fn intervals_are_checked_each_by_itself() {
    let mut definition = data(there("Exists").text("preconditionTimeout", "1 day"));
    set(&mut definition, "Hourly", "occurrences", "3");
    let fixture = Fixture::active(&definition);
    say_false(&fixture, &fixture.take());
    fixture.clock.sleep(Duration::from_secs(2 * 60 * 60));
    fixture.engine.tick().unwrap();
    // The file of the first hour has not come; those of the others have.
    let mut taken = Vec::new();
    while let Some(task) = fixture.poll() {
        if task.attempt.starts_with("@There_2026-03-01T02") {
            say_false(&fixture, &task);
        } else {
            fixture.finish(&task);
        }
        taken.push(task.attempt);
    }
    assert!(taken.iter().any(|id| id.starts_with("@Next_2026-03-01T04")), "{taken:?}");
    assert!(!taken.iter().any(|id| id.starts_with("@Copy_2026-03-01T02")), "{taken:?}");
}
