//! What people do to pipelines at work: pause, rerun, edit; and what is forgotten.

#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::pipeline::*;
use efsbackup_core::ErrorKind;
use efsbackup_core::deploy::{
    Activate, PipelineService, SetTaskStatus, StatusCommand, TaskFailure, TaskStatus,
};
use efsbackup_core::pipeline::{Definition, Object};
use std::time::Duration;

fn command(fixture: &Fixture, id: &str, command: StatusCommand) -> Result<(), ErrorKind> {
    now(fixture.engine.set_status(&fixture.pipeline, &[id.to_owned()], command))
        .map_err(|error| error.kind())
}

/// `A`, then `B`, then `C`, each on its own failing for good at once.
fn chain() -> Definition {
    let mut definition = definition("cron");
    set(&mut definition, "A", "maximumRetries", "0");
    for (id, needs) in [("B", "A"), ("C", "B")] {
        definition.objects.push(
            Object::new(id)
                .text("type", "ShellCommandActivity")
                .reference("runsOn", "Machine")
                .reference("dependsOn", needs)
                .text("command", "true")
                .text("maximumRetries", "0"),
        );
    }
    definition
}

#[test]
fn a_paused_component_starts_nothing_until_it_is_resumed() {
    let fixture = Fixture::active(&chain());
    assert_eq!(command(&fixture, "B", StatusCommand::Pause), Ok(()));
    fixture.finish(&fixture.take());
    fixture.pass(1);
    assert!(fixture.poll().is_none());
    assert_eq!(fixture.states()[1], "B WAITING_ON_DEPENDENCIES");
    assert_eq!(command(&fixture, "B", StatusCommand::Resume), Ok(()));
    assert!(fixture.take().attempt.starts_with("@B_"));
    // What waits for a worker is held back too.
    let fixture = Fixture::active(&definition("cron"));
    assert_eq!(command(&fixture, "A", StatusCommand::Pause), Ok(()));
    assert!(fixture.poll().is_none());
    assert_eq!(command(&fixture, "A", StatusCommand::Resume), Ok(()));
    assert!(fixture.poll().is_some());
}

#[test]
fn commands_are_for_components_or_for_instances() {
    let fixture = Fixture::active(&definition("cron"));
    let instance = "@A_2026-03-01T02:00:00";
    assert_eq!(command(&fixture, instance, StatusCommand::Pause), Err(ErrorKind::InvalidInput));
    assert_eq!(command(&fixture, "A", StatusCommand::TryCancel), Err(ErrorKind::InvalidInput));
    assert_eq!(command(&fixture, "X", StatusCommand::Resume), Err(ErrorKind::NotFound));
    assert_eq!(command(&fixture, "X", StatusCommand::Rerun), Err(ErrorKind::NotFound));
}

#[test]
fn a_rerun_brings_back_its_resource_and_all_that_a_cascade_reached() {
    let fixture = Fixture::active(&chain());
    fixture.fail(&fixture.take());
    assert_eq!(
        fixture.states(),
        ["A FAILED", "B CASCADE_FAILED", "C CASCADE_FAILED", "Machine FINISHED"]
    );
    let third = fixture.object("@C_2026-03-01T02:00:00");
    assert_eq!(third.first_reference("@cascadeFailedOn"), Some("@A_2026-03-01T02:00:00"));
    // The consumer alone can't: what it needs has failed.
    let consumer = command(&fixture, "@C_2026-03-01T02:00:00", StatusCommand::Rerun);
    assert_eq!(consumer, Err(ErrorKind::Conflict));
    assert_eq!(command(&fixture, "@A_2026-03-01T02:00:00", StatusCommand::Rerun), Ok(()));
    for id in ["A", "B", "C"] {
        let task = fixture.take();
        assert!(task.attempt.starts_with(&format!("@{id}_")), "{}", task.attempt);
        let number = if id == "A" { 2 } else { 1 };
        assert!(task.attempt.ends_with(&format!("_Attempt={number}")), "{}", task.attempt);
        fixture.finish(&task);
    }
    assert_eq!(fixture.states(), ["A FINISHED", "B FINISHED", "C FINISHED", "Machine FINISHED"]);
    assert_eq!(fixture.object("@C_2026-03-01T02:00:00").first_reference("@cascadeFailedOn"), None);
}

#[test]
fn a_rerun_does_not_hold_up_the_schedule() {
    let fixture = Fixture::active(&definition("cron"));
    fixture.finish(&fixture.take());
    assert_eq!(command(&fixture, "@A_2026-03-01T02:00:00", StatusCommand::Rerun), Ok(()));
    let again = fixture.take();
    assert!(again.attempt.ends_with("T02:00:00_Attempt=2"), "{}", again.attempt);
    // Reported in between, or its worker would count as lost.
    for _ in 0..6 {
        fixture.pass(10);
        fixture.report(&again);
    }
    assert!(fixture.take().attempt.contains("T03:00:00"));
}

#[test]
fn what_a_stopped_worker_hands_back_costs_no_try() {
    let fixture = Fixture::active(&definition("cron"));
    for number in 1..=4 {
        let task = fixture.take();
        assert!(task.attempt.ends_with(&format!("_Attempt={number}")), "{}", task.attempt);
        let failure = TaskFailure { id: "WorkerStopped".into(), ..TaskFailure::default() };
        let status =
            SetTaskStatus { task: task.id, status: TaskStatus::Failed, failure: Some(failure) };
        now(fixture.engine.set_task_status(&status)).unwrap();
    }
    fixture.finish(&fixture.take());
    assert_eq!(fixture.states()[0], "A FINISHED");
    assert!(fixture.notifications().iter().all(|told| told.event == "onSuccess"));
}

#[test]
fn a_machine_that_nobody_takes_in_time_fails() {
    let mut definition = definition("cron");
    set(&mut definition, "Machine", "initTimeout", "10 minutes");
    set(&mut definition, "Default", "failureAndRerunMode", "NONE");
    let fixture = Fixture::active(&definition);
    fixture.pass(9);
    assert_eq!(fixture.states(), ["A WAITING_FOR_RUNNER", "Machine CREATING"]);
    fixture.pass(1);
    assert_eq!(fixture.states(), ["A FAILED", "Machine FAILED"]);
    let activity = fixture.object("@A_2026-03-01T02:00:00");
    assert_eq!(activity.first_text("errorId"), Some("InitTimedOut"));
}

#[test]
fn the_failure_of_a_resource_cancels_what_is_on_it_and_cascades_to_its_consumers() {
    let mut definition = chain();
    set(&mut definition, "Machine", "initTimeout", "10 minutes");
    // What comes after it is on another machine, which is sound.
    definition.objects.push(
        Object::new("Other").text("type", "Ec2Resource").text("terminateAfter", "50 minutes"),
    );
    let after = object(&mut definition, "C");
    after.fields.retain(|field| field.key != "runsOn");
    *after = std::mem::take(after).reference("runsOn", "Other").reference("onFail", "Bad");
    let fixture = Fixture::active(&definition);
    fixture.pass(10);
    assert_eq!(
        fixture.states(),
        ["A CANCELED", "B CANCELED", "C CASCADE_FAILED", "Machine FAILED", "Other FINISHED"]
    );
    let first = fixture.object("@A_2026-03-01T02:00:00");
    let machine = "@Machine_2026-03-01T02:00:00";
    assert_eq!(first.first_text("errorId"), Some("InitTimedOut"));
    assert_eq!(first.first_reference("@cascadeFailedOn"), Some(machine));
    let last = fixture.object("@C_2026-03-01T02:00:00");
    assert_eq!(last.first_reference("@cascadeFailedOn"), Some(machine));
    let told: Vec<_> = fixture.notifications().into_iter().map(|told| told.subject).collect();
    assert_eq!(told, ["[Alert] A failed", "[Alert] C failed"], "nobody is left in the dark");
}

#[test]
fn an_active_pipeline_keeps_its_objects_its_schedule_and_its_references() {
    let fixture = Fixture::active(&definition("cron"));
    let put = |change: &dyn Fn(&mut Definition)| {
        let mut changed = definition("cron");
        change(&mut changed);
        let put = now(fixture.engine.put_definition(&fixture.pipeline, &changed));
        put.map(|found| found.errored).map_err(|error| error.message())
    };
    let refused = [
        put(&|definition| definition.objects.retain(|object| object.id != "Bad")),
        put(&|definition| set(definition, "Hourly", "period", "2 hours")),
        put(&|definition| {
            let activity = object(definition, "A");
            activity.fields.retain(|field| field.key != "onFail");
        }),
    ];
    for (result, what) in refused.into_iter().zip(["object Bad", "Hourly.period", "A.onFail"]) {
        let message = result.unwrap_err();
        assert!(message.contains(what) && message.contains("deactivate"), "{message}");
    }
    assert_eq!(put(&|definition| set(definition, "A", "command", "false")), Ok(false));
    // New runs go by it once it is activated again.
    fixture.finish(&fixture.take());
    now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap();
    fixture.pass(60);
    let task = fixture.take();
    assert_eq!(task.attempt_object().unwrap().first_text("command"), Some("false"));
}

#[test]
fn a_deleted_pipeline_is_told_from_one_that_never_was() {
    let fixture = Fixture::active(&definition("cron"));
    now(fixture.engine.delete_pipeline(&fixture.pipeline)).unwrap();
    assert!(fixture.engine.was_deleted(&fixture.pipeline).unwrap());
    assert!(!fixture.engine.was_deleted("df-NEVER").unwrap());
}

#[test]
fn old_history_goes_and_the_schedule_goes_on() {
    let fixture = Fixture::active(&definition("cron"));
    for _ in 0..5 {
        fixture.finish(&fixture.take());
        fixture.notifications();
        fixture.pass(60);
    }
    let all = fixture.engine.runs(&fixture.pipeline).unwrap();
    assert_eq!(all.len(), 12);
    let before = all[4].scheduled_start;
    assert_eq!(fixture.engine.prune(before).unwrap(), 4);
    assert_eq!(fixture.engine.prune(before).unwrap(), 0);
    // Even when all of it is old, the last instances stay: no interval is made twice.
    fixture.finish(&fixture.take());
    fixture.engine.prune(before + Duration::from_secs(1 << 30)).unwrap();
    assert_eq!(fixture.states(), ["A FINISHED", "Machine FINISHED"]);
    fixture.pass(60);
    assert!(fixture.take().attempt.contains("T08:00:00"));
}
