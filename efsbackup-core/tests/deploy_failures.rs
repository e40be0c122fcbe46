//! Deploying over a connection where anything may fail: after whatever happened, applying
//! again comes to the same end, and nothing is there twice.

#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/front.rs"]
mod front;

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::deploy::{
    DefinitionVersion, OnThread, PipelineService, Plan, Query, Sphere, Tag, Wanted, all_ids,
    all_pipelines, apply, describe, plan,
};
use efsbackup_core::engine::Engine;
use efsbackup_core::error::{ErrorKind, Result};
use efsbackup_core::pipeline::{Definition, Object, ParameterValue};
use front::{Front, ID, SECRET, Treatment, with_front};
use pollster::block_on;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The client under test: AWS's SDK where it is built in, else this library's own.
#[cfg(not(feature = "aws"))]
fn client(front: &Front) -> impl PipelineService {
    use efsbackup_core::wire::{Key, Keys, Remote};
    Remote::new(&front.url, Keys::new([Key::new(ID, SECRET).unwrap()])).unwrap()
}

/// Without its retries, so that every failure is seen.
#[cfg(feature = "aws")]
fn client(front: &Front) -> impl PipelineService {
    use efsbackup_core::aws::{AwsOptions, Credentials, Session};
    let options = AwsOptions {
        region: Some("us-east-1".to_owned()),
        credentials: Some(Credentials { id: ID.into(), secret: SECRET.into(), token: None }),
        endpoint: Some(front.url.clone()),
        attempts: 1,
        ..AwsOptions::default()
    };
    efsbackup_core::deploy::aws::DataPipeline::new(&Session::open(&options).unwrap())
}

fn go(service: &impl PipelineService, wanted: &Wanted) -> Result<String> {
    let planned = block_on(plan(service, wanted))?;
    let cancel = CancelToken::new();
    let pace = OnThread { clock: &SystemClock, cancel: &cancel };
    let patience = Some(Duration::from_secs(20));
    block_on(apply(service, wanted, &planned, patience, &pace, &mut |_| {}))
}

fn definition(period: &str) -> Definition {
    Definition {
        objects: vec![
            Object::new("Default")
                .text("scheduleType", "cron")
                .text("failureAndRerunMode", "CASCADE")
                .text("pipelineLogUri", "s3://logs/")
                .reference("schedule", "Times"),
            Object::new("Times")
                .text("type", "Schedule")
                .text("startAt", "FIRST_ACTIVATION_DATE_TIME")
                .text("period", period),
            Object::new("Work")
                .text("type", "ShellCommandActivity")
                .text("command", "true")
                .text("workerGroup", "nobody"),
        ],
        parameters: Vec::new(),
        values: vec![ParameterValue::new("myWord", "w")],
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn wanted(definition: Definition) -> Wanted {
    Wanted {
        activate: true,
        cancel_running: true,
        tags: Some(vec![tag("team", "ops")]),
        ..Wanted::new("nightly", definition)
    }
}

/// What is there at first, and what is wanted.
fn tasks() -> Vec<(&'static str, Option<Wanted>, Wanted)> {
    let hourly = || wanted(definition("1 hours"));
    let mut other = hourly();
    other.definition.objects[2] = Object::new("Work")
        .text("type", "ShellCommandActivity")
        .text("command", "echo other")
        .text("workerGroup", "nobody");
    other.tags = Some(vec![tag("team", "dev"), tag("new", "1")]);
    let described =
        |text: &str| Wanted { description: Some(text.to_owned()), recreate: true, ..hourly() };
    vec![
        ("create", None, hourly()),
        ("update", Some(hourly()), other),
        ("restart", Some(hourly()), wanted(definition("2 hours"))),
        ("replace", Some(described("old")), described("new")),
        ("nothing", Some(hourly()), hourly()),
    ]
}

/// All that counts in the end; ids are the service's choice.
#[derive(Debug, PartialEq)]
struct End {
    pipelines: usize,
    state: Option<String>,
    description: String,
    tags: Vec<Tag>,
    latest: Definition,
    active: Definition,
    instances: usize,
}

fn end(engine: &Engine, name: &str) -> End {
    let mut all = block_on(all_pipelines(engine)).unwrap();
    all.retain(|pipeline| pipeline.name == name);
    let id = &all[0].id;
    let described = block_on(describe(engine, id)).unwrap();
    let get = |version| block_on(engine.definition(id, version)).unwrap();
    let instances = block_on(all_ids(engine, id, Sphere::Instance, &Query::default())).unwrap();
    End {
        pipelines: all.len(),
        state: described.field("@pipelineState").map(str::to_owned),
        description: described.description,
        tags: described.tags,
        latest: get(DefinitionVersion::Latest),
        active: get(DefinitionVersion::Active),
        instances: instances.len(),
    }
}

/// Which request fails, counted from the arming, and how many there were since.
#[derive(Default)]
struct Fuse {
    at: AtomicUsize,
    lose: AtomicBool,
    seen: AtomicUsize,
}

impl Fuse {
    fn arm(&self, at: usize, lose: bool) {
        self.seen.store(0, Ordering::Release);
        self.lose.store(lose, Ordering::Release);
        self.at.store(at, Ordering::Release);
    }

    fn treat(&self) -> Treatment {
        let number = self.seen.fetch_add(1, Ordering::AcqRel) + 1;
        match number == self.at.load(Ordering::Acquire) {
            true if self.lose.load(Ordering::Acquire) => Treatment::Lose,
            true => Treatment::Answer(500, r#"{"__type":"InternalServiceError"}"#.to_owned()),
            false => Treatment::Pass,
        }
    }
}

#[test]
fn whichever_call_fails_applying_again_comes_to_the_same_end() {
    let fuse = Fuse::default();
    with_front(
        Arc::new(SystemClock),
        |_, _| fuse.treat(),
        |engine, front| {
            let service = client(front);
            let mut failures = 0;
            // One task with the n-th request failing, on a pipeline of its own.
            let mut attempt = |task: &(&str, Option<Wanted>, Wanted), n: usize, lose: bool| {
                failures += usize::from(n > 0);
                let name = format!("{} {n} {lose}", task.0);
                let named = |of: &Wanted| Wanted { name: name.clone(), ..of.clone() };
                if let Some(before) = &task.1 {
                    fuse.arm(0, false);
                    go(&service, &named(before)).unwrap();
                }
                fuse.arm(n, lose);
                let first = go(&service, &named(&task.2));
                let requests = fuse.seen.load(Ordering::Acquire);
                assert!(requests >= n, "{name}: the failure came to pass");
                match first {
                    Ok(_) => assert!(n == 0 || task.0 == "restart", "{name}: only waits go on"),
                    Err(error) => {
                        let expected = [ErrorKind::Remote, ErrorKind::Timeout, ErrorKind::NotFound];
                        assert!(n > 0 && expected.contains(&error.kind()), "{name}: {error:?}");
                        go(&service, &named(&task.2)).unwrap();
                    }
                }
                let left: Plan = block_on(plan(&service, &named(&task.2))).unwrap();
                assert!(left.is_empty(), "{name}: {left:?}");
                (end(engine, &name), requests)
            };
            for task in tasks() {
                let (undisturbed, requests) = attempt(&task, 0, false);
                assert_eq!(undisturbed.pipelines, 1);
                for n in 1..=requests {
                    for lose in [false, true] {
                        let (end, _) = attempt(&task, n, lose);
                        assert_eq!(end, undisturbed, "{}: request {n}, lost: {lose}", task.0);
                    }
                }
                let text =
                    format!("{}: each of {requests} requests failed, before and after", task.0);
                let _ = writeln!(std::io::stderr(), "{text} it was done");
            }
            let _ =
                writeln!(std::io::stderr(), "{failures} failures, each mended by applying again");
        },
    );
}

#[test]
fn what_the_service_refuses_in_the_end_leaves_the_old_definition_active() {
    let found = r#"{"errored":true,"validationErrors":[{"id":"Work","errors":["not on AWS"]}]}"#;
    let never = r#"{"__type":"InvalidRequestException","message":"never on this pipeline"}"#;
    for (status, body, kind) in
        [(200, found, ErrorKind::InvalidDefinition), (400, never, ErrorKind::InvalidInput)]
    {
        let refuse = AtomicBool::new(false);
        let treat = |_: usize, operation: &str| match operation == "PutPipelineDefinition"
            && refuse.swap(false, Ordering::AcqRel)
        {
            true => Treatment::Answer(status, body.to_owned()),
            false => Treatment::Pass,
        };
        with_front(Arc::new(SystemClock), treat, |engine, front| {
            let service = client(front);
            go(&service, &wanted(definition("1 hours"))).unwrap();
            let before = end(engine, "nightly");
            refuse.store(true, Ordering::Release);
            let error = go(&service, &wanted(definition("2 hours"))).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let text = error.message();
            assert!(text.contains("not on AWS") || text.contains("never on this"), "{text}");
            assert!(text.contains("active again with its old definition"), "{text}");
            let after = end(engine, "nightly");
            assert_eq!((&after.state, &after.active), (&before.state, &before.active));
            assert_eq!(after.latest, before.latest);
            go(&service, &wanted(definition("2 hours"))).unwrap();
            assert_eq!(end(engine, "nightly").active, definition("2 hours"));
        });
    }
}

#[test]
fn of_120_pipelines_on_several_pages_the_right_one_is_found() {
    with_front(
        Arc::new(SystemClock),
        |_, _| Treatment::Pass,
        |engine, front| {
            let service = client(front);
            for number in 0..119 {
                let request = efsbackup_core::deploy::CreatePipeline {
                    name: format!("other {}", number % 60),
                    unique_id: number.to_string(),
                    ..Default::default()
                };
                block_on(engine.create_pipeline(&request)).unwrap();
            }
            let wanted = wanted(definition("1 hours"));
            let id = go(&service, &wanted).unwrap();
            let all = block_on(all_pipelines(&service)).unwrap();
            assert_eq!((all.len(), all.last().map(|last| &last.id)), (120, Some(&id)));
            assert!(block_on(plan(&service, &wanted)).unwrap().is_empty());
            let lists = front.heard().iter().filter(|one| one.operation == "ListPipelines").count();
            assert!(lists >= 4, "{lists} pages");
        },
    );
}
