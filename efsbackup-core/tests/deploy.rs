//! Plan and apply against the embedded service, which refuses what AWS refuses.

#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::pipeline::*;
use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{
    ApplyEvent, CreatePipeline, DefinitionVersion, OnThread, Pace, PipelineService, Plan,
    PollForTask, SetTaskStatus, Step, Tag, TaskStatus, Until, Wanted, all_pipelines, apply, plan,
    standing, wait,
};
use efsbackup_core::engine::{Engine, LOCAL_GROUP};
use efsbackup_core::error::Result;
use efsbackup_core::pipeline::{Definition, Object, ParameterValue};
use std::time::Duration;

/// A service, its clock, and what was heard of the last apply.
struct Place {
    clock: std::sync::Arc<TestClock>,
    engine: Engine,
}

impl Place {
    fn new() -> Place {
        let clock = clock();
        let engine = Engine::in_memory(clock.clone()).unwrap();
        Place { clock, engine }
    }

    fn plan(&self, wanted: &Wanted) -> Plan {
        now(plan(&self.engine, wanted)).unwrap()
    }

    fn apply(&self, wanted: &Wanted) -> Result<(String, Vec<String>)> {
        let plan = self.plan(wanted);
        let cancel = CancelToken::new();
        let pace = OnThread { clock: &*self.clock, cancel: &cancel };
        let mut heard = Vec::new();
        let mut tell = |event: &ApplyEvent<'_>| match event {
            ApplyEvent::Step(step) => heard.push(word(step).to_owned()),
            ApplyEvent::Waiting(standing) => heard.push(standing.state.clone()),
            other => heard.push(format!("{other:?}")),
        };
        let patience = Some(Duration::from_secs(60));
        let id = now(apply(&self.engine, wanted, &plan, patience, &pace, &mut tell))?;
        Ok((id, heard))
    }

    /// Applies, and shows that there is then nothing left to do.
    fn deploy(&self, wanted: &Wanted) -> (String, Vec<String>) {
        let (id, heard) = self.apply(wanted).unwrap();
        let second = self.plan(wanted);
        assert!(second.is_empty() && second.changes.is_empty(), "{second:?}");
        assert_eq!(now(all_pipelines(&self.engine)).unwrap().len(), 1);
        (id, heard)
    }

    fn state(&self, id: &str) -> String {
        let found = now(self.engine.describe_pipelines(&[id.to_owned()])).unwrap();
        found[0].field("@pipelineState").unwrap().to_owned()
    }

    fn active(&self, id: &str) -> Definition {
        now(self.engine.definition(id, DefinitionVersion::Active)).unwrap()
    }
}

fn word(step: &Step) -> &'static str {
    match step {
        Step::Delete(_) => "delete",
        Step::Create => "create",
        Step::AddTags(_) => "add tags",
        Step::RemoveTags(_) => "remove tags",
        Step::Deactivate(_) => "deactivate",
        Step::Put => "put",
        Step::Activate => "activate",
        _ => "?",
    }
}

fn wanted(kind: &str) -> Wanted {
    Wanted { activate: true, ..Wanted::new("nightly", definition(kind)) }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

#[test]
fn a_new_pipeline_is_made_defined_and_activated_and_then_there_is_nothing_to_do() {
    let place = Place::new();
    let mut wanted = wanted("cron");
    wanted.tags = Some(vec![tag("team", "ops")]);
    wanted.description = Some("every night".to_owned());
    let (id, heard) = place.deploy(&wanted);
    assert_eq!(heard, ["create", "put", "activate"]);
    assert_eq!(place.state(&id), "SCHEDULED");
    let (again, heard) = place.deploy(&wanted);
    assert_eq!((again, heard.len()), (id, 0));
}

#[test]
fn without_activate_the_state_stays_as_it_is() {
    let place = Place::new();
    let mut quiet = Wanted { activate: false, ..wanted("cron") };
    let (id, heard) = place.deploy(&quiet);
    assert_eq!((heard, place.state(&id)), (vec!["create".into(), "put".into()], "PENDING".into()));
    place.deploy(&wanted("cron"));
    set(&mut quiet.definition, "A", "command", "echo other");
    let planned = place.plan(&quiet);
    assert!(planned.losses[0].contains("activated again"), "{planned:?}");
    let (_, heard) = place.deploy(&quiet);
    assert_eq!(heard, ["put"]);
    assert_eq!(place.active(&id), definition("cron"));
}

#[test]
fn a_change_that_the_service_takes_costs_nothing() {
    let place = Place::new();
    let (id, _) = place.deploy(&wanted("cron"));
    let mut other = wanted("cron");
    set(&mut other.definition, "A", "command", "echo other");
    other.definition.objects.push(Object::new("New").text("type", "Terminate"));
    other.definition.values.push(ParameterValue::new("myExtra", "x"));
    let planned = place.plan(&other);
    assert!(planned.reasons.is_empty() && planned.losses.is_empty(), "{planned:?}");
    let (same, heard) = place.deploy(&other);
    assert_eq!((same, heard), (id.clone(), vec!["put".to_owned(), "activate".to_owned()]));
    assert_eq!(place.active(&id), other.definition);
}

#[test]
fn only_tags_are_only_tags() {
    let place = Place::new();
    let mut wanted = wanted("cron");
    wanted.tags = Some(vec![tag("a", "1"), tag("b", "2")]);
    let (id, _) = place.deploy(&wanted);
    wanted.tags = Some(vec![tag("b", "3"), tag("c", "4")]);
    assert_eq!(place.deploy(&wanted).1, ["remove tags", "add tags"]);
    let described = now(place.engine.describe_pipelines(std::slice::from_ref(&id))).unwrap();
    assert_eq!(described[0].tags, [tag("b", "3"), tag("c", "4")]);
    wanted.tags = None;
    assert!(place.deploy(&wanted).1.is_empty());
}

/// Each change that AWS does not take of an active pipeline.
fn refused_changes() -> Vec<(&'static str, Definition)> {
    let without = {
        let mut of = definition("cron");
        of.objects.retain(|object| object.id != "Good");
        let a = of.objects.iter_mut().find(|object| object.id == "A").unwrap();
        a.fields.retain(|field| field.key != "onSuccess");
        of
    };
    let schedule = definition("cron");
    let schedule = schedule.objects.iter().find(|of| of.type_name() == Some("Schedule")).unwrap();
    let schedule = schedule.id.clone();
    let (mut period, mut start, mut reference) =
        (definition("cron"), definition("cron"), definition("cron"));
    set(&mut period, &schedule, "period", "2 hours");
    let times = start.objects.iter_mut().find(|object| object.id == schedule).unwrap();
    times.fields.retain(|field| !["startAt", "startDateTime"].contains(&field.key.as_str()));
    set(&mut start, &schedule, "startDateTime", "2026-03-01T05:00:00");
    reference.objects.push(
        Object::new("B")
            .text("type", "ShellCommandActivity")
            .text("command", "true")
            .text("workerGroup", "g"),
    );
    let a = reference.objects.iter_mut().find(|object| object.id == "A").unwrap();
    *a = a.clone().reference("dependsOn", "B");
    vec![
        ("the object Good can't be removed", without),
        ("can't be changed", period),
        ("can't be changed", start),
        ("A.dependsOn is a reference", reference),
    ]
}

#[test]
fn what_an_active_pipeline_does_not_take_is_done_while_it_is_inactive() {
    for (reason, definition) in refused_changes() {
        let place = Place::new();
        let (id, _) = place.deploy(&wanted("cron"));
        let wanted = Wanted { activate: true, ..Wanted::new("nightly", definition) };
        let planned = place.plan(&wanted);
        assert!(planned.reasons.iter().any(|text| text.contains(reason)), "{planned:?}");
        assert!(planned.losses.iter().any(|text| text.contains("nothing new starts")));
        let quiet = Wanted { activate: false, ..wanted.clone() };
        let refusal = place.plan(&quiet).refusal.unwrap();
        assert!(refusal.contains("--activate"), "{refusal}");
        let error = place.apply(&quiet).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        assert_eq!(place.state(&id), "SCHEDULED", "nothing was touched");

        let cancelling = Wanted { cancel_running: true, ..wanted.clone() };
        let (same, heard) = place.deploy(&cancelling);
        assert_eq!(same, id);
        assert_eq!(heard, ["deactivate", "INACTIVE", "put", "activate"]);
        assert_eq!(
            (place.state(&id).as_str(), place.active(&id)),
            ("SCHEDULED", wanted.definition)
        );
    }
}

#[test]
fn a_running_activity_is_waited_for_or_the_wait_ends_and_nothing_is_lost() {
    let fixture = Fixture::active(&definition("cron"));
    let task = fixture.take();
    let (_, other) = refused_changes().remove(1);
    let unique_id = Some("test".to_owned());
    let wanted = Wanted { unique_id, activate: true, ..Wanted::new("nightly", other) };
    let cancel = CancelToken::new();
    let pace = OnThread { clock: &*fixture.clock, cancel: &cancel };
    let go = |patience| {
        let planned = now(plan(&fixture.engine, &wanted)).unwrap();
        assert_eq!(planned.steps, [Step::Deactivate(false), Step::Put, Step::Activate]);
        now(apply(&fixture.engine, &wanted, &planned, patience, &pace, &mut |_| {}))
    };
    let late = go(Some(Duration::from_secs(30))).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout);
    assert!(late.message().contains("still DEACTIVATING after 30 seconds"), "{late}");
    assert!(!fixture.report(&task), "it was not cancelled");
    fixture.finish(&task);
    assert_eq!(fixture.state(), "INACTIVE");
    let planned = now(plan(&fixture.engine, &wanted)).unwrap();
    assert_eq!(planned.steps, [Step::Put, Step::Activate], "what is left");
    let done = now(apply(&fixture.engine, &wanted, &planned, None, &pace, &mut |_| {})).unwrap();
    assert_eq!((done, fixture.state()), (fixture.pipeline.clone(), "SCHEDULED".to_owned()));
    assert!(now(plan(&fixture.engine, &wanted)).unwrap().is_empty());
}

#[test]
fn a_new_description_is_a_new_pipeline_and_only_when_that_is_meant() {
    let place = Place::new();
    let (old, _) = place.deploy(&wanted("cron"));
    let mut other = wanted("cron");
    other.description = Some("new".to_owned());
    let planned = place.plan(&other);
    assert!(planned.refusal.as_deref().unwrap().contains("--recreate"), "{planned:?}");
    assert!(planned.losses[0].contains(&format!("the history of {old} is lost")), "{planned:?}");
    assert_eq!(place.apply(&other).unwrap_err().kind(), ErrorKind::SafetyStop);
    other.recreate = true;
    let (new, heard) = place.deploy(&other);
    assert_ne!(new, old);
    assert_eq!(heard, ["delete", "create", "put", "activate"]);
    assert_eq!(place.state(&new), "SCHEDULED");
}

#[test]
fn a_finished_pipeline_gets_its_next_definition() {
    let place = Place::new();
    let (id, _) = place.deploy(&wanted("ondemand"));
    let poll = PollForTask { worker_group: LOCAL_GROUP.into(), hostname: "h".into() };
    let task = now(place.engine.poll_for_task(&poll)).unwrap().unwrap().id;
    let done = SetTaskStatus { task, status: TaskStatus::Finished, failure: None };
    now(place.engine.set_task_status(&done)).unwrap();
    assert_eq!(place.state(&id), "FINISHED");
    assert!(place.plan(&wanted("ondemand")).is_empty(), "it has done what was wanted");
    let mut other = wanted("ondemand");
    set(&mut other.definition, "A", "command", "echo other");
    let (_, heard) = place.deploy(&other);
    assert_eq!(heard, ["deactivate", "INACTIVE", "put", "activate"]);
}

#[test]
fn the_identity_is_name_and_unique_id_alone() {
    let place = Place::new();
    let foreign = CreatePipeline {
        name: "nightly".into(),
        unique_id: "another".into(),
        ..CreatePipeline::default()
    };
    let foreign = now(place.engine.create_pipeline(&foreign)).unwrap();
    let (mine, _) = place.apply(&wanted("cron")).unwrap();
    assert_ne!(mine, foreign);
    assert_eq!(place.state(&foreign), "PENDING");
    let mut taken = wanted("cron");
    taken.unique_id = Some("another".to_owned());
    assert_eq!(place.apply(&taken).unwrap().0, foreign);
}

#[test]
fn a_definition_with_errors_changes_nothing() {
    let place = Place::new();
    let mut bad = wanted("cron");
    for object in &mut bad.definition.objects {
        object.fields.retain(|field| field.key != "command");
    }
    let planned = place.plan(&bad);
    assert!(planned.findings.errored);
    assert!(planned.refusal.as_deref().unwrap().contains("the definition has errors"));
    let error = place.apply(&bad).unwrap_err();
    assert!(error.message().contains("; mend them first: E202 A.command: "), "{error}");
    assert!(now(all_pipelines(&place.engine)).unwrap().is_empty());
    let (id, _) = place.deploy(&wanted("cron"));
    bad.recreate = true;
    bad.description = Some("other".to_owned());
    assert_eq!(place.apply(&bad).unwrap_err().kind(), ErrorKind::SafetyStop);
    assert_eq!((place.state(&id).as_str(), place.active(&id)), ("SCHEDULED", definition("cron")));
}

#[test]
fn a_plan_that_is_out_of_date_is_not_carried_out() {
    let place = Place::new();
    let old = place.plan(&wanted("cron"));
    let (id, _) = place.deploy(&wanted("cron"));
    let cancel = CancelToken::new();
    let pace = OnThread { clock: &*place.clock, cancel: &cancel };
    let error = now(apply(&place.engine, &wanted("cron"), &old, None, &pace, &mut |_| {}));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(now(all_pipelines(&place.engine)).unwrap()[0].id, id);
}

#[test]
fn a_secret_is_compared_but_not_shown() {
    let place = Place::new();
    let secret = |text: &str| {
        let mut of = wanted("cron");
        set(&mut of.definition, "A", "*password", text);
        of
    };
    place.deploy(&secret("first secret"));
    let planned = place.plan(&secret("second secret"));
    assert_eq!(planned.changes.len(), 1);
    let shown = format!("{planned:?}");
    assert!(!shown.contains("first secret") && !shown.contains("second secret"), "{shown}");
    // A service that shows asterisks: nobody can tell, and it is no change for ever.
    place.deploy(&secret("*****"));
    let planned = place.plan(&secret("second secret"));
    assert_eq!((planned.is_empty(), planned.unseen), (true, 1));
}

#[test]
fn waiting_tells_what_happens_and_ends() {
    let fixture = Fixture::active(&definition("cron"));
    let cancel = CancelToken::new();
    let pace = OnThread { clock: &*fixture.clock, cancel: &cancel };
    let go = |until, patience| {
        let mut told = Vec::new();
        let patience = Some(Duration::from_secs(patience));
        let end =
            now(wait(&fixture.engine, &fixture.pipeline, until, patience, &pace, &mut |of| {
                told.push(of.clone());
            }));
        (end, told)
    };
    go(Until::Scheduled, 1).0.unwrap();
    assert_eq!(go(Until::Running, 1).0.unwrap_err().kind(), ErrorKind::Timeout);
    let task = fixture.take();
    let (running, told) = go(Until::Running, 1);
    assert_eq!((running.unwrap().open(), told.len()), (2, 1));
    assert_eq!(go(Until::Finished, 20).0.unwrap_err().kind(), ErrorKind::Timeout);
    fixture.finish(&task);
    let (ended, _) = go(Until::Finished, 1);
    let ended = ended.unwrap();
    assert_eq!((ended.open(), ended.failed(), ended.statuses["FINISHED"]), (0, 0, 2));
    fixture.pass(60);
    let task = fixture.take();
    fixture.fail(&task);
    fixture.clock.sleep(Duration::from_secs(300));
    fixture.fail(&fixture.take());
    assert_eq!(go(Until::Finished, 1).0.unwrap().failed(), 1);
    now(fixture.engine.deactivate(&fixture.pipeline, true)).unwrap();
    go(Until::Inactive, 1).0.unwrap();
    let never = go(Until::Scheduled, 1).0.unwrap_err();
    assert_eq!(never.kind(), ErrorKind::Conflict);
    assert!(never.message().contains("activate it first"), "{never}");
    cancel.cancel();
    let stopped = now(pace.pause(Duration::from_secs(1))).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
    let now_at = now(standing(&fixture.engine, &fixture.pipeline, true, &pace)).unwrap();
    assert_eq!(now_at.state, "INACTIVE");
}
