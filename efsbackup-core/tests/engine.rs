//! The embedded service on a clock of the test's own.

#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::pipeline::*;
use efsbackup_core::ErrorKind;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{
    Activate, DefinitionVersion, Operator, PipelineService, PollForTask, Query, Selector, Sphere,
    StatusCommand, Tag,
};
use efsbackup_core::engine::{Engine, LOCAL_GROUP};
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

#[test]
fn a_run_goes_from_waiting_to_finished_and_says_so() {
    let fixture = Fixture::active(&definition("cron"));
    assert!(fixture.pipeline.starts_with("df-"));
    assert_eq!(fixture.state(), "SCHEDULED");
    assert_eq!(fixture.states(), ["A WAITING_FOR_RUNNER", "Machine CREATING"]);
    let task = fixture.take();
    assert_eq!(fixture.states(), ["A RUNNING", "Machine RUNNING"]);
    assert_eq!(task.attempt, "@A_2026-03-01T02:00:00_Attempt=1");
    let attempt = task.attempt_object().unwrap();
    let arguments: Vec<_> =
        attempt.all("scriptArgument").map(|value| value.as_text().unwrap()).collect();
    assert_eq!(arguments, ["first", "2026-03-01"]);
    let machine = attempt.first_reference("runsOn").unwrap();
    assert_eq!(machine, "@Machine_2026-03-01T02:00:00");
    assert_eq!(task.object(machine).unwrap().first_text("terminateAfter"), Some("50 minutes"));
    assert_eq!(task.object(machine).unwrap().first_text("@actualStartTime"), Some(START));

    fixture.clock.sleep(Duration::from_secs(90));
    fixture.finish(&task);
    assert_eq!(fixture.states(), ["A FINISHED", "Machine FINISHED"]);
    let told = fixture.notifications();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event, "onSuccess");
    assert_eq!(told[0].topic_arn, "arn:aws:sns:us-east-1:1:t");
    assert_eq!(told[0].subject, "[Info] done");
    assert_eq!(
        told[0].message,
        "scheduled \"2026-03-01T02:00:00\" started 2026-03-01T02:00:00 \
         ended 2026-03-01T02:01:30 on node1 with FINISHED"
    );
    assert_eq!(told[0].problem, None);
    assert!(fixture.notifications().is_empty(), "delivered once");
}

#[test]
fn a_failed_attempt_is_retried_after_the_delay_and_reported_after_the_last() {
    let fixture = Fixture::active(&definition("cron"));
    fixture.fail(&fixture.take());
    assert_eq!(fixture.states()[0], "A WAITING_FOR_RUNNER");
    assert!(fixture.notifications().is_empty());
    assert!(fixture.poll().is_none(), "retryDelay has not passed");
    fixture.pass(5);
    let second = fixture.take();
    assert_eq!(second.attempt, "@A_2026-03-01T02:00:00_Attempt=2");
    fixture.fail(&second);
    assert_eq!(fixture.states(), ["A FAILED", "Machine FINISHED"]);
    let told = fixture.notifications();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].subject, "[Alert] A failed");
    let instance = fixture.object("@A_2026-03-01T02:00:00");
    assert_eq!(instance.first_text("errorId"), Some("CommandFailed"));
    assert_eq!(instance.first_text("errorMessage"), Some("exit status 3"));
    assert_eq!(instance.first_text("errorStackTrace"), Some("last line"));
    assert_eq!(instance.first_text("@attemptCount"), Some("2"));
    fixture.pass(60);
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T03:00:00_Attempt=1");
}

#[test]
fn cron_runs_at_the_start_and_timeseries_at_the_end_of_the_interval() {
    for (kind, waits) in [("cron", false), ("timeseries", true)] {
        let fixture = Fixture::active(&definition(kind));
        assert_eq!(fixture.poll().is_none(), waits, "{kind}");
        if waits {
            let waiting = ["A WAITING_ON_DEPENDENCIES", "Machine WAITING_ON_DEPENDENCIES"];
            assert_eq!(fixture.states(), waiting);
            fixture.pass(60);
            assert_eq!(fixture.take().attempt, "@A_2026-03-01T02:00:00_Attempt=1");
        }
    }
}

#[test]
fn missed_intervals_are_made_up_for_one_after_another() {
    let mut definition = definition("cron");
    set(&mut definition, "Hourly", "occurrences", "3");
    let fixture = Fixture::active(&definition);
    fixture.pass(600);
    let mut attempts = Vec::new();
    while let Some(task) = fixture.poll() {
        assert!(fixture.poll().is_none(), "runs do not overlap");
        fixture.finish(&task);
        attempts.push(task.attempt);
    }
    let expected: Vec<_> =
        (2..5).map(|hour| format!("@A_2026-03-01T0{hour}:00:00_Attempt=1")).collect();
    assert_eq!(attempts, expected);
    assert_eq!(fixture.state(), "FINISHED");
    let error = now(fixture.engine.put_definition(&fixture.pipeline, &definition)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn an_ondemand_pipeline_runs_once_an_activation() {
    let fixture = Fixture::active(&definition("ondemand"));
    fixture.finish(&fixture.take());
    fixture.pass(600);
    assert!(fixture.poll().is_none());
    assert_eq!(fixture.state(), "FINISHED");
    now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap();
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T12:00:00_Attempt=1");
}

#[test]
fn one_run_now_leaves_the_schedule_alone() {
    let mut definition = definition("cron");
    set(&mut definition, "Hourly", "period", "1 days");
    let fixture = Fixture::new(&definition);
    for attempt in ["@A_2026-03-01T02:00:00_Attempt=1", "@A_2026-03-01T02:00:01_Attempt=1"] {
        fixture.engine.activate_once(&fixture.pipeline, &Activate::default()).unwrap();
        if attempt.contains("02:00:01") {
            assert!(fixture.poll().is_none(), "its second is taken; it waits for the next");
            assert!(!fixture.engine.is_at_rest(&fixture.pipeline).unwrap());
            fixture.clock.sleep(Duration::from_secs(1));
        }
        let task = fixture.take();
        assert_eq!(task.attempt, attempt);
        fixture.finish(&task);
        assert_eq!(fixture.state(), "INACTIVE");
        assert!(fixture.engine.is_at_rest(&fixture.pipeline).unwrap());
    }
    assert_eq!(
        fixture.object("@A_2026-03-01T02:00:00").first_text("@scheduledEndTime"),
        Some("2026-03-02T02:00:00")
    );
}

/// `B` after `A`.
fn chain() -> Definition {
    let mut definition = definition("cron");
    set(&mut definition, "A", "maximumRetries", "0");
    definition.objects.push(
        Object::new("B")
            .text("type", "ShellCommandActivity")
            .reference("runsOn", "Machine")
            .reference("dependsOn", "A")
            .reference("onFail", "Bad")
            .text("command", "true"),
    );
    definition
}

#[test]
fn what_depends_on_another_waits_for_it() {
    let fixture = Fixture::active(&chain());
    let first = fixture.take();
    assert!(first.attempt.starts_with("@A_"));
    assert!(fixture.poll().is_none());
    fixture.finish(&first);
    let second = fixture.take();
    assert!(second.attempt.starts_with("@B_"));
    assert_eq!(fixture.states(), ["A FINISHED", "B RUNNING", "Machine RUNNING"]);
}

#[test]
fn a_failure_cascades_only_where_the_definition_says_so() {
    let fixture = Fixture::active(&chain());
    fixture.fail(&fixture.take());
    assert_eq!(fixture.states(), ["A FAILED", "B CASCADE_FAILED", "Machine FINISHED"]);
    let subjects: Vec<_> = fixture.notifications().into_iter().map(|n| n.subject).collect();
    assert_eq!(subjects, ["[Alert] A failed", "[Alert] B failed"]);

    let mut none = chain();
    set(&mut none, "Default", "failureAndRerunMode", "NONE");
    let fixture = Fixture::active(&none);
    fixture.fail(&fixture.take());
    fixture.pass(45);
    assert_eq!(fixture.states(), ["A FAILED", "B WAITING_ON_DEPENDENCIES", "Machine RUNNING"]);
    assert!(fixture.engine.is_at_rest(&fixture.pipeline).unwrap());
}

#[test]
fn terminate_after_ends_the_resource_and_what_runs_on_it_without_a_retry() {
    let fixture = Fixture::active(&definition("cron"));
    let task = fixture.take();
    fixture.pass(14);
    assert!(!fixture.report(&task));
    for _ in 0..3 {
        fixture.pass(12);
        let _ = fixture.report(&task);
    }
    assert!(fixture.report(&task), "the worker is told to stop");
    assert_eq!(fixture.states(), ["A RUNNING", "Machine TIMEDOUT"]);
    fixture.fail(&task);
    assert_eq!(fixture.states(), ["A FAILED", "Machine TIMEDOUT"]);
    let instance = fixture.object("@A_2026-03-01T02:00:00");
    assert_eq!(instance.first_text("errorId"), Some("ResourceTimedOut"));
    assert_eq!(fixture.notifications()[0].subject, "[Alert] A failed");
}

#[test]
fn attempt_timeout_stops_the_attempt_and_is_retried() {
    let mut definition = definition("cron");
    set(&mut definition, "A", "attemptTimeout", "10 minutes");
    let fixture = Fixture::active(&definition);
    let task = fixture.take();
    fixture.pass(10);
    assert!(fixture.report(&task));
    assert_eq!(fixture.states()[0], "A RUNNING", "until its worker has stopped it");
    fixture.fail(&task);
    assert_eq!(fixture.states()[0], "A WAITING_FOR_RUNNER");
    let attempt = fixture.object(&task.attempt);
    assert_eq!(attempt.first_text("errorId"), Some("AttemptTimedOut"));
}

#[test]
fn a_task_that_was_not_acknowledged_is_given_out_again() {
    let fixture = Fixture::active(&definition("cron"));
    let lost = fixture.poll().unwrap();
    fixture.pass(1);
    assert!(fixture.poll().is_none());
    fixture.pass(1);
    let task = fixture.take();
    assert_eq!(task.attempt, lost.attempt, "it never ran, so it is the same attempt");
    let error = now(fixture.engine.report_task_progress(&lost.id, &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "the first worker may not start it any more");
}

#[test]
fn a_silent_worker_is_lost_and_the_attempt_counted() {
    let fixture = Fixture::active(&definition("cron"));
    let lost = fixture.take();
    fixture.pass(15);
    assert_eq!(fixture.states()[0], "A WAITING_FOR_RUNNER");
    let error = now(fixture.engine.report_task_progress(&lost.id, &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fixture.pass(5);
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T02:00:00_Attempt=2");
    assert_eq!(fixture.object(&lost.attempt).first_text("errorId"), Some("WorkerLost"));
}

#[test]
fn lateness_is_told_once() {
    let mut definition = definition("cron");
    let activity = object(&mut definition, "A");
    *activity = std::mem::take(activity)
        .text("lateAfterTimeout", "20 minutes")
        .reference("onLateAction", "Bad");
    let fixture = Fixture::active(&definition);
    fixture.pass(19);
    assert!(fixture.notifications().is_empty());
    fixture.pass(1);
    assert_eq!(fixture.notifications()[0].event, "onLateAction");
    fixture.pass(1);
    assert!(fixture.notifications().is_empty());
}

#[test]
fn deactivation_cancels_through_the_worker_and_activation_goes_on() {
    let fixture = Fixture::active(&definition("cron"));
    let task = fixture.take();
    now(fixture.engine.deactivate(&fixture.pipeline, true)).unwrap();
    assert_eq!(fixture.state(), "DEACTIVATING");
    assert!(fixture.report(&task));
    fixture.fail(&task);
    assert_eq!(fixture.states(), ["A CANCELED", "Machine CANCELED"]);
    assert_eq!(fixture.state(), "INACTIVE");
    fixture.pass(120);
    assert!(fixture.poll().is_none());
    assert!(fixture.notifications().is_empty(), "nothing failed");

    let start = Some("2026-03-01T04:00:00Z".parse().unwrap());
    now(fixture.engine.activate(&fixture.pipeline, &Activate { start, ..Activate::default() }))
        .unwrap();
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T04:00:00_Attempt=1");
    assert!(fixture.states().contains(&"A SKIPPED".to_owned()), "{:?}", fixture.states());
}

#[test]
fn deactivation_may_wait_for_what_runs() {
    let fixture = Fixture::active(&definition("cron"));
    let task = fixture.take();
    now(fixture.engine.deactivate(&fixture.pipeline, false)).unwrap();
    assert!(!fixture.report(&task));
    fixture.finish(&task);
    assert_eq!(fixture.states(), ["A FINISHED", "Machine FINISHED"]);
    assert_eq!(fixture.state(), "INACTIVE");
}

#[test]
fn a_broken_definition_is_kept_but_not_run() {
    let fixture = Fixture::new(&definition("cron"));
    let mut broken = definition("cron");
    set(&mut broken, "A", "type", "CopyActivity");
    let activity = object(&mut broken, "A");
    *activity = std::mem::take(activity).reference("dependsOn", "Nobody");
    let findings = now(fixture.engine.put_definition(&fixture.pipeline, &broken)).unwrap();
    assert!(findings.errored);
    let error = findings.errors.iter().find(|error| error.id == "A").unwrap();
    assert!(error.messages.iter().any(|text| text.starts_with("E301 dependsOn: ")), "{error:?}");
    let not_here = findings.errors.iter().filter(|error| error.id == "A");
    let mut not_here = not_here.flat_map(|error| &error.messages);
    assert!(not_here.any(|text| text.contains("does not run on this machine")));
    let stored = now(fixture.engine.definition(&fixture.pipeline, DefinitionVersion::Latest));
    assert_eq!(stored.unwrap(), broken);
    let error = now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDefinition);
    assert!(fixture.states().is_empty());

    let mut empty = definition("cron");
    set(&mut empty, "A", "command", "");
    let error = now(fixture.engine.put_definition(&fixture.pipeline, &empty)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("A.command is empty"), "{error}");
}

#[test]
fn a_schedule_that_began_long_ago_is_refused() {
    let mut definition = definition("cron");
    let schedule = object(&mut definition, "Hourly");
    schedule.fields.retain(|field| field.key != "startAt");
    set(&mut definition, "Hourly", "startDateTime", "2026-02-27T00:00:00");
    let fixture = Fixture::new(&definition);
    let error = now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap_err();
    assert!(error.to_string().contains("more than one day ago"), "{error}");
    fixture.engine.activate_once(&fixture.pipeline, &Activate::default()).unwrap();
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T02:00:00_Attempt=1");
}

#[test]
fn what_cannot_be_evaluated_fails_at_once_and_says_where() {
    let mut definition = definition("cron");
    set(&mut definition, "A", "command", "echo #{nothing}");
    let fixture = Fixture::new(&definition);
    // Some faults show only while a pipeline runs.
    now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap();
    assert!(fixture.poll().is_none());
    assert_eq!(fixture.states()[0], "A FAILED");
    let instance = fixture.engine.runs(&fixture.pipeline).unwrap().remove(0);
    let error = instance.error.unwrap();
    assert!(error.contains("A_2026-03-01T02:00:00_Attempt=1.command"), "{error}");
    assert_eq!(instance.attempts, 1);
}

#[test]
fn values_given_at_activation_count_for_that_activation() {
    let fixture = Fixture::new(&definition("ondemand"));
    let values = vec![ParameterValue::new("myFirst", "other")];
    now(fixture.engine.activate(&fixture.pipeline, &Activate { values, start: None })).unwrap();
    let task = fixture.take();
    assert_eq!(task.attempt_object().unwrap().first_text("scriptArgument"), Some("other"));
    let latest = now(fixture.engine.definition(&fixture.pipeline, DefinitionVersion::Latest));
    assert_eq!(latest.unwrap(), definition("ondemand"));
}

#[test]
fn secrets_reach_workers_only() {
    let mut definition = definition("ondemand");
    definition.parameters.push(Parameter::new("*myWord"));
    definition.values.push(ParameterValue::new("*myWord", "hunter2"));
    set(&mut definition, "A", "scriptArgument", "#{*myWord}");
    set(&mut definition, "Good", "message", "used #{*myWord}");
    let fixture = Fixture::active(&definition);
    let task = fixture.take();
    let attempt = task.attempt_object().unwrap();
    assert_eq!(attempt.first_text("scriptArgument"), Some("hunter2"));
    assert_eq!(attempt.first_text("*myWord"), Some("hunter2"), "so that it can be masked");
    let shown = fixture.object(&task.attempt);
    assert_eq!(shown.first_text("scriptArgument"), Some("*****"));
    fixture.finish(&task);
    assert_eq!(fixture.notifications()[0].message, "used *****");
}

#[test]
fn creation_is_idempotent_and_pipelines_can_be_found_and_deleted() {
    let engine = Engine::in_memory(clock()).unwrap();
    let first = create(&engine, "nightly");
    assert_eq!(create(&engine, "nightly"), first);
    let second = create(&engine, "hourly");
    assert_ne!(first, second);
    let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
    now(engine.add_tags(&second, &[tag("a"), tag("b")])).unwrap();
    now(engine.remove_tags(&second, &["a".to_owned()])).unwrap();
    let description = now(engine.describe_pipelines(std::slice::from_ref(&second))).unwrap();
    assert_eq!(description[0].tags, [tag("b")]);
    assert_eq!(description[0].field("@pipelineState"), Some("PENDING"));
    let many: Vec<Tag> = (0..11).map(|n| tag(&n.to_string())).collect();
    assert_eq!(now(engine.add_tags(&first, &many)).unwrap_err().kind(), ErrorKind::InvalidInput);
    now(engine.delete_pipeline(&second)).unwrap();
    let listed = now(engine.list_pipelines(None)).unwrap();
    assert_eq!(listed.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&first]);
    assert_eq!(now(engine.delete_pipeline(&second)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn deleting_a_pipeline_takes_the_task_from_its_worker() {
    let fixture = Fixture::active(&definition("cron"));
    let task = fixture.take();
    now(fixture.engine.delete_pipeline(&fixture.pipeline)).unwrap();
    let error = now(fixture.engine.report_task_progress(&task.id, &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn objects_can_be_queried_a_page_at_a_time_and_evaluated() {
    let fixture = Fixture::active(&definition("cron"));
    fixture.finish(&fixture.take());
    fixture.pass(60);
    let query = |sphere, selectors: &[(&str, Operator)], marker: Option<&str>, limit| {
        let selectors = selectors
            .iter()
            .map(|(field, operator)| Selector {
                field: (*field).into(),
                operator: operator.clone(),
            })
            .collect();
        let query = Query { selectors };
        now(fixture.engine.query_objects(&fixture.pipeline, sphere, &query, marker, limit)).unwrap()
    };
    assert_eq!(query(Sphere::Component, &[], None, None).items.len(), 6);
    let status = [("@status", Operator::Eq("FINISHED".into()))];
    let finished = query(Sphere::Instance, &status, None, None);
    assert_eq!(finished.items, ["@A_2026-03-01T02:00:00", "@Machine_2026-03-01T02:00:00"]);
    let later = [("@scheduledStartTime", Operator::Ge("2026-03-01T03:00:00".into()))];
    assert_eq!(query(Sphere::Instance, &later, None, None).items.len(), 2);
    let page = query(Sphere::Instance, &[], None, Some(3));
    assert_eq!(page.items.len(), 3);
    assert_eq!(query(Sphere::Instance, &[], page.marker.as_deref(), Some(3)).items.len(), 1);
    let of = [("@instanceParent", Operator::RefEq("@A_2026-03-01T02:00:00".into()))];
    let attempts = query(Sphere::Attempt, &of, None, None).items;
    assert_eq!(attempts, ["@A_2026-03-01T02:00:00_Attempt=1"]);
    let text = "#{name} #{parent.@id} #{runsOn.terminateAfter} #{@status}";
    let value = now(fixture.engine.evaluate_expression(&fixture.pipeline, &attempts[0], text));
    assert_eq!(value.unwrap(), "A A 50 minutes FINISHED");
}

#[test]
fn commands_end_instances_and_unknown_ones_are_refused() {
    let fixture = Fixture::active(&definition("cron"));
    let id = ["@A_2026-03-01T02:00:00".to_owned()];
    let set_status = |command| now(fixture.engine.set_status(&fixture.pipeline, &id, command));
    let error = set_status(StatusCommand::Rerun).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "it has not run yet");
    set_status(StatusCommand::TryCancel).unwrap();
    assert_eq!(fixture.states(), ["A CANCELED", "Machine CANCELED"]);
    assert!(fixture.poll().is_none());
    assert_eq!(set_status(StatusCommand::TryCancel).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn a_notification_that_could_not_be_delivered_comes_again() {
    let fixture = Fixture::active(&definition("cron"));
    fixture.finish(&fixture.take());
    let refuse = efsbackup_core::Error::new(ErrorKind::NoSpace, "deliver");
    let mut refusal = Some(refuse);
    let error = fixture.engine.deliver(&mut |_| Err(refusal.take().unwrap())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    let again = fixture.notifications();
    assert_eq!(again.len(), 1);
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("notifications.jsonl");
    again[0].append_to(&file).unwrap();
    again[0].append_to(&file).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 2);
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["subject"], "[Info] done");
    assert_eq!(line["event"], "onSuccess");
}

#[test]
fn another_process_goes_on_where_the_first_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let clock = clock();
    let open = |path: &Path| Engine::open(path, clock.clone()).unwrap();
    let (pipeline, task) = {
        let engine = open(&path);
        let pipeline = create(&engine, "nightly");
        now(engine.put_definition(&pipeline, &definition("cron"))).unwrap();
        now(engine.activate(&pipeline, &Activate::default())).unwrap();
        let fixture = Fixture { clock: clock.clone(), engine, pipeline };
        (fixture.pipeline.clone(), fixture.take())
    };
    let fixture = Fixture { clock: clock.clone(), engine: open(&path), pipeline };
    assert_eq!(fixture.states()[0], "A RUNNING");
    assert!(fixture.poll().is_none(), "what runs is not given out twice");
    fixture.finish(&task);
    assert_eq!(fixture.states()[0], "A FINISHED");
    assert_eq!(fixture.notifications().len(), 1);
    fixture.pass(60);
    assert_eq!(fixture.take().attempt, "@A_2026-03-01T03:00:00_Attempt=1");
}

#[test]
fn two_connections_never_hand_out_the_same_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let clock = clock();
    let first = Engine::open(&path, clock.clone()).unwrap();
    let mut many = definition("ondemand");
    for number in 0..20 {
        let activity = Object::new(format!("N{number}"))
            .text("type", "ShellCommandActivity")
            .reference("runsOn", "Machine")
            .text("command", "true");
        many.objects.push(activity);
    }
    let pipeline = create(&first, "nightly");
    now(first.put_definition(&pipeline, &many)).unwrap();
    now(first.activate(&pipeline, &Activate::default())).unwrap();
    let taken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let engine = Engine::open(&path, clock.clone()).unwrap();
                let poll =
                    PollForTask { worker_group: LOCAL_GROUP.into(), hostname: "node1".into() };
                while let Some(task) = now(engine.poll_for_task(&poll)).unwrap() {
                    taken.lock().unwrap().push(task.attempt);
                }
            });
        }
    });
    let mut taken = taken.into_inner().unwrap();
    taken.sort();
    let count = taken.len();
    taken.dedup();
    assert_eq!((count, taken.len()), (21, 21));
}
