//! A service by one type, and its calls that wait.

#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::deploy::{
    Activate, ApplyEvent, DefinitionVersion, StatusCommand, Tag, Until, Wanted,
};
use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
use efsbackup_core::service::{Blocking, Service};
use efsbackup_core::wire::{Key, Keys};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

fn definition(command: &str) -> Definition {
    Definition::default()
        .with(Defaults::new().schedule_type("ondemand"))
        .with(ShellCommandActivity::new("Work").worker_group("nobody").command(command))
}

fn deploy(calls: &Blocking, wanted: &Wanted) -> (String, Vec<String>) {
    let plan = calls.plan(wanted).unwrap();
    let mut heard = Vec::new();
    let mut tell = |event: &ApplyEvent<'_>| {
        if let ApplyEvent::Step(step) = event {
            heard.push(step.describe());
        }
    };
    let id = calls.apply(wanted, &plan, None, &mut tell).unwrap();
    (id, heard)
}

#[test]
fn a_pipelines_life_by_calls_that_wait() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::embedded(&dir.path().join("state.db")).unwrap();
    let cancel = CancelToken::new();
    let calls = service.blocking(&cancel);
    let mut wanted = Wanted::new("nightly", definition("true"));
    let (id, heard) = deploy(&calls, &wanted);
    assert_eq!(heard, ["create the pipeline", "put the definition"]);
    assert_eq!(calls.plan(&wanted).unwrap().to_json(None)["steps"], serde_json::json!([]));
    assert_eq!(calls.find("nightly").unwrap(), id);

    let planned = calls.plan(&wanted).unwrap();
    let (active, plan) = calls.plan_active(&wanted, &planned).unwrap();
    assert_eq!(calls.apply(&active, &plan, None, &mut |_| {}).unwrap(), id);
    assert_eq!(calls.status("nightly").unwrap().state, "SCHEDULED");
    wanted.definition = definition("false");
    let stale = calls.plan_active(&wanted, &planned).unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict, "{stale}");

    let runs = calls.runs("nightly", None).unwrap();
    assert_eq!((runs.len(), runs[0].component.as_str()), (1, "Work"));
    assert_eq!(calls.runs("nightly", Some(0)).unwrap(), []);
    let told =
        calls.command("nightly", &[], Some("waiting_for_runner"), StatusCommand::MarkFinished);
    assert_eq!(told.unwrap(), (id.clone(), vec![runs[0].id.clone()]));
    let mut standings = 0;
    let mut tell = |_: &_| standings += 1;
    let patience = Some(Duration::from_secs(5));
    let (_, end) = calls.wait_until("nightly", Until::Finished, patience, &mut tell).unwrap();
    assert_eq!((end.failed(), end.statuses.get("FINISHED")), (0, Some(&1)));
    assert_eq!(standings, 1);

    calls.tag("nightly", &[Tag { key: "team".into(), value: "ops".into() }], &[]).unwrap();
    let copy = calls.copy_of("nightly", "second").unwrap();
    assert_eq!(copy.tags.as_ref().unwrap().len(), 1);
    let (second, _) = deploy(&calls, &copy);
    assert_eq!(calls.copy_of("nightly", "second").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(calls.statuses().unwrap().len(), 2);
    assert_eq!(calls.delete(&second).unwrap(), second);
    assert_eq!(calls.find("second").unwrap_err().kind(), ErrorKind::NotFound);
    calls.deactivate("nightly", true).unwrap();
    calls.activate(&id, &Activate::default()).unwrap();
    let stored = calls.definition("nightly", DefinitionVersion::Active).unwrap();
    assert!(stored.diff(&definition("true")).is_empty());

    cancel.cancel();
    assert_eq!(calls.statuses().unwrap_err().kind(), ErrorKind::Cancelled);
}

/// A service that takes a request and never answers it.
#[test]
fn a_call_to_a_silent_service_ends_when_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let keys = Keys::new([Key::new("AKIDEXAMPLE", "0123456789012345678901234567").unwrap()]);
    let service = Service::remote(&url, keys).unwrap();
    let cancel = CancelToken::new();
    let calls = service.blocking(&cancel);
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| calls.statuses());
        let _connection = listener.accept().unwrap();
        cancel.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
}
