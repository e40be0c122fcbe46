//! AWS's Data Pipeline through its SDK, against the embedded service on the same protocol.

#![cfg(all(feature = "aws", feature = "serve"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/front.rs"]
mod front;

use efsbackup_core::aws::{AwsOptions, Credentials, Session};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::deploy::aws::DataPipeline;
use efsbackup_core::deploy::{
    Activate, CreatePipeline, DefinitionVersion, Operator, PipelineService, PollForTask, Query,
    RunnerHeartbeat, Selector, SetTaskStatus, Sphere, StatusCommand, Tag, TaskFailure, TaskStatus,
};
use efsbackup_core::error::{Error, ErrorKind};
use efsbackup_core::pipeline::{Definition, Field, FieldValue, Object, Parameter, ParameterValue};
use front::{Front, ID, SECRET, Treatment, with_front};
use pollster::block_on;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const TOKEN: &str = "FwoGZXIvYXdzEXAMPLETOKEN0123456789";

fn options(url: &str) -> AwsOptions {
    AwsOptions {
        region: Some("us-east-1".to_owned()),
        credentials: Some(Credentials { id: ID.into(), secret: SECRET.into(), token: None }),
        endpoint: Some(url.to_owned()),
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(20),
        connect_time: Duration::from_secs(2),
        answer_time: Duration::from_secs(20),
        ..AwsOptions::default()
    }
}

fn service(front: &Front) -> DataPipeline {
    DataPipeline::new(&Session::open(&options(&front.url)).unwrap())
}

fn request(name: &str) -> CreatePipeline {
    CreatePipeline {
        name: name.to_owned(),
        unique_id: name.to_owned(),
        description: "d".to_owned(),
        tags: vec![Tag { key: "team".to_owned(), value: "ops".to_owned() }],
    }
}

fn definition() -> Definition {
    Definition {
        objects: vec![
            Object::new("Default")
                .text("scheduleType", "ondemand")
                .text("failureAndRerunMode", "CASCADE")
                .text("pipelineLogUri", "s3://logs/"),
            Object::new("Work")
                .text("type", "ShellCommandActivity")
                .text("command", "echo #{myWord} ü \" \\ \u{1F600}")
                .text("scriptArgument", "one")
                .text("scriptArgument", "two")
                .text("*password", "hidden")
                .text("workerGroup", "group"),
            Object::new("After")
                .text("type", "ShellCommandActivity")
                .text("command", "true")
                .text("workerGroup", "group")
                .reference("dependsOn", "Work"),
        ],
        parameters: vec![Parameter::new("myWord").with("type", "String")],
        values: vec![ParameterValue::new("myWord", "hello")],
    }
}

fn pass(_: usize, _: &str) -> Treatment {
    Treatment::Pass
}

/// Nothing of the secret is in an error, in whatever form it is shown.
fn tells_no_secret(error: &Error) {
    for text in [format!("{error}"), format!("{error:#}"), format!("{error:?}")] {
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    }
}

/// Every operation once, over the wire, and what it gives.
fn every_operation(aws: &DataPipeline) {
    let id = block_on(aws.create_pipeline(&request("nightly"))).unwrap();
    assert_eq!(block_on(aws.create_pipeline(&request("nightly"))).unwrap(), id);
    let definition = definition();
    let found = block_on(aws.validate_definition(&id, &definition)).unwrap();
    assert!(!found.errored, "{found:?}");
    assert!(!block_on(aws.put_definition(&id, &definition)).unwrap().errored);
    let latest = block_on(aws.definition(&id, DefinitionVersion::Latest)).unwrap();
    assert_eq!(latest, definition);
    let mut wrong = definition.clone();
    wrong.objects[1].fields.retain(|field| field.key != "command");
    let found = block_on(aws.validate_definition(&id, &wrong)).unwrap();
    assert!(found.errored && found.errors[0].id == "Work", "{found:?}");

    let described = block_on(aws.describe_pipelines(std::slice::from_ref(&id))).unwrap();
    assert_eq!((described[0].description.as_str(), described[0].tags.len()), ("d", 1));
    assert_eq!(described[0].field("uniqueId"), Some("nightly"));
    block_on(aws.add_tags(&id, &[Tag { key: "empty".into(), value: String::new() }])).unwrap();
    block_on(aws.remove_tags(&id, &["team".to_owned()])).unwrap();
    let described = block_on(aws.describe_pipelines(std::slice::from_ref(&id))).unwrap();
    assert_eq!(described[0].tags, [Tag { key: "empty".into(), value: String::new() }]);

    let values = vec![ParameterValue::new("myWord", "later")];
    block_on(aws.activate(&id, &Activate { values, start: None })).unwrap();
    let active = block_on(aws.definition(&id, DefinitionVersion::Active)).unwrap();
    assert_eq!(active.values_of("myWord").collect::<Vec<_>>(), ["later"]);
    let poll = PollForTask { worker_group: "group".into(), hostname: "here".into() };
    let task = block_on(aws.poll_for_task(&poll)).unwrap().unwrap();
    let attempt = task.attempt_object().unwrap();
    assert_eq!(attempt.first_text("command"), Some("echo later ü \" \\ \u{1F600}"));
    assert!(block_on(aws.poll_for_task(&poll)).unwrap().is_none(), "After waits for Work");
    let progress = Field { key: "note".into(), value: FieldValue::from("halfway") };
    assert!(!block_on(aws.report_task_progress(&task.id, &[progress])).unwrap());
    let alive = RunnerHeartbeat {
        runner_id: "r".into(),
        worker_group: "group".into(),
        hostname: "here".into(),
    };
    assert!(!block_on(aws.report_heartbeat(&alive)).unwrap());
    let failure =
        TaskFailure { id: "Broken".into(), message: "it broke".into(), stack: "line".into() };
    let done =
        SetTaskStatus { task: task.id.clone(), status: TaskStatus::Failed, failure: Some(failure) };
    block_on(aws.set_task_status(&done)).unwrap();

    let selector = Selector {
        field: "@scheduledStartTime".to_owned(),
        operator: Operator::Between("2000".to_owned(), "3000".to_owned()),
    };
    let query = Query { selectors: vec![selector] };
    let page = block_on(aws.query_objects(&id, Sphere::Instance, &query, None, Some(1))).unwrap();
    assert_eq!((page.items.len(), page.marker.is_some()), (1, true));
    let marker = page.marker.as_deref();
    let rest = block_on(aws.query_objects(&id, Sphere::Instance, &query, marker, None)).unwrap();
    assert_eq!((rest.items.len(), rest.marker), (1, None));
    let instances = [page.items, rest.items].concat();
    let objects = block_on(aws.describe_objects(&id, &instances, true, None)).unwrap().items;
    assert_eq!(objects.len(), 2);
    let text = block_on(aws.evaluate_expression(&id, &instances[0], "is #{myWord}")).unwrap();
    assert_eq!(text, "is later");
    block_on(aws.set_status(&id, &["After".to_owned()], StatusCommand::Pause)).unwrap();
    block_on(aws.deactivate(&id, true)).unwrap();
    assert_eq!(block_on(aws.list_pipelines(None)).unwrap().items[0].id, id);
    block_on(aws.delete_pipeline(&id)).unwrap();
    let gone = block_on(aws.deactivate(&id, true)).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    assert!(gone.message().contains("PipelineDeletedException, request "), "{gone}");
    tells_no_secret(&gone);
}

#[test]
fn every_operation_is_understood_and_botocores_model_agrees() {
    with_front(Arc::new(SystemClock), pass, |_, front| {
        let aws = service(front);
        every_operation(&aws);
        assert!(!format!("{aws:?}").contains(SECRET));
        let heard = front.heard();
        let mut operations: Vec<&str> = heard.iter().map(|one| one.operation.as_str()).collect();
        operations.sort_unstable();
        operations.dedup();
        assert_eq!(operations.len(), 19, "{operations:?}");
        assert!(heard.iter().all(|one| !one.head.contains(SECRET) && !one.body.contains(SECRET)));
        let lines: Vec<String> = heard
            .iter()
            .map(|one| format!("{}\t{}\t{}\n", one.operation, one.head.escape_debug(), one.body))
            .collect();
        judge_requests(&lines.concat());
    });
}

/// botocore's model of the service, on requests as they were heard.
fn judge_requests(lines: &str) {
    let has =
        Command::new("python3").args(["-c", "import botocore"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        assert_ne!(std::env::var("EFSBACKUP_REQUIRE_TOOLS").as_deref(), Ok("1"), "no botocore");
        let _ = writeln!(std::io::stderr(), "SKIPPED botocore is not installed (`make tools`)");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/aws/requests.py");
    let mut child = Command::new("python3")
        .args(["-B", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let _ = writeln!(std::io::stderr(), "{}", text.trim());
}

#[test]
fn bursts_of_throttling_and_broken_connections_are_gone_through() {
    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let treat = |number: usize, operation: &str| match (number, operation) {
        (1..=3 | 8..=10, _) => Treatment::Answer(400, throttled.to_owned()),
        (4, _) => Treatment::Answer(500, r#"{"__type":"InternalServiceError"}"#.to_owned()),
        (5, _) => Treatment::Lose,
        _ => Treatment::Pass,
    };
    with_front(Arc::new(SystemClock), treat, |engine, front| {
        let aws = service(front);
        let id = block_on(aws.create_pipeline(&request("nightly"))).unwrap();
        // 3 throttled, 1 failed, 1 lost, and it is one pipeline.
        assert_eq!(front.heard().len(), 6);
        assert_eq!(block_on(engine.list_pipelines(None)).unwrap().items.len(), 1);
        block_on(aws.put_definition(&id, &definition())).unwrap();
        block_on(aws.activate(&id, &Activate::default())).unwrap();
        let statuses: Vec<u16> = front.heard().iter().map(|one| one.status).collect();
        assert_eq!(statuses, [400, 400, 400, 500, 200, 200, 200, 400, 400, 400, 200]);
    });
}

#[test]
fn an_activation_whose_answer_is_lost_is_not_made_twice() {
    let treat = |_: usize, operation: &str| match operation {
        "ActivatePipeline" => Treatment::Lose,
        _ => Treatment::Pass,
    };
    with_front(Arc::new(SystemClock), treat, |engine, front| {
        let aws = service(front);
        let id = block_on(aws.create_pipeline(&request("nightly"))).unwrap();
        block_on(aws.put_definition(&id, &definition())).unwrap();
        let lost = block_on(aws.activate(&id, &Activate::default())).unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Remote, "{lost:#}");
        let query = Query::default();
        let runs = block_on(engine.query_objects(&id, Sphere::Instance, &query, None, None));
        assert_eq!(runs.unwrap().items.len(), 2, "one run of two activities");
    });
}

#[test]
fn endless_throttling_is_told_as_such() {
    let treat = |_: usize, _: &str| {
        Treatment::Answer(
            400,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.into(),
        )
    };
    with_front(Arc::new(SystemClock), treat, |_, front| {
        let aws = service(front);
        let error = block_on(aws.list_pipelines(None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert_eq!(
            error.to_string(),
            "data pipeline: ListPipelines: Rate exceeded (ThrottlingException, request front-8)"
        );
        let error = block_on(aws.activate("df-X", &Activate::default())).unwrap_err();
        assert_eq!((error.kind(), front.heard().len()), (ErrorKind::Throttled, 16));
    });
}

#[test]
fn expired_credentials_a_wrong_key_and_no_network_are_clear() {
    let expired = |_: usize, _: &str| {
        let text = "The security token included in the request is expired";
        Treatment::Answer(
            400,
            format!(r#"{{"__type":"ExpiredTokenException","message":"{text}"}}"#),
        )
    };
    with_front(Arc::new(SystemClock), expired, |_, front| {
        let token = Some(TOKEN.to_owned());
        let credentials = Credentials { id: ID.into(), secret: SECRET.into(), token };
        assert!(!format!("{credentials:?}").contains(TOKEN));
        let options = AwsOptions { credentials: Some(credentials), ..options(&front.url) };
        let aws = DataPipeline::new(&Session::open(&options).unwrap());
        let error = block_on(aws.list_pipelines(None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let text = error.to_string();
        assert!(text.contains("is expired (ExpiredTokenException, request front-1)"), "{text}");
        assert!(text.contains("the credentials have expired; get new ones"), "{text}");
        assert_eq!(front.heard().len(), 1, "nothing to be gained by asking again");
        tells_no_secret(&error);
    });
    with_front(Arc::new(SystemClock), pass, |_, front| {
        let credentials =
            Credentials { id: ID.into(), secret: "another secret of this key".into(), token: None };
        let options = AwsOptions { credentials: Some(credentials), ..options(&front.url) };
        let aws = DataPipeline::new(&Session::open(&options).unwrap());
        let error = block_on(aws.list_pipelines(None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.to_string().contains("InvalidSignatureException"), "{error}");
        assert!(!format!("{error:?}").contains("another secret"), "{error:?}");
    });
    // Nothing listens here: the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let aws = DataPipeline::new(&Session::open(&options(&format!("http://{free}"))).unwrap());
    let error = block_on(aws.list_pipelines(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    let text = format!("{error:#}");
    assert!(text.contains("ListPipelines: the service can't be reached"), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    tells_no_secret(&error);
}

#[test]
fn a_service_that_says_nothing_is_left_in_time() {
    // It takes connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options =
        AwsOptions { answer_time: Duration::from_millis(100), attempts: 2, ..options(&url) };
    let aws = DataPipeline::new(&Session::open(&options).unwrap());
    let error = block_on(aws.list_pipelines(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:#}");
    assert!(error.to_string().contains("ListPipelines: no answer in time"), "{error}");
}

#[test]
fn a_poll_ends_when_nobody_waits_for_it() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let cancel = CancelToken::new();
    let aws = DataPipeline::new(&Session::open(&options(&url)).unwrap()).until(&cancel);
    std::thread::scope(|scope| {
        let poll = PollForTask { worker_group: "g".into(), hostname: "h".into() };
        let aws = &aws;
        let polling = scope.spawn(move || block_on(aws.poll_for_task(&poll)));
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
        assert!(polling.join().unwrap().unwrap().is_none());
    });
}

#[test]
fn a_session_can_be_used_and_dropped_inside_another_runtime() {
    with_front(Arc::new(SystemClock), pass, |_, front| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let aws = service(front);
            assert!(aws.list_pipelines(None).await.unwrap().items.is_empty());
        });
    });
}

#[test]
fn secrets_go_encrypted_or_stay_on_this_machine() {
    for url in
        ["https://vpce.example", "http://127.0.0.1:4664", "http://[::1]:1/", "http://localhost"]
    {
        Session::open(&options(url)).unwrap();
    }
    for url in ["http://10.0.0.1:80", "http://127.0.0.1.example", "x", "https://", "https://a b"] {
        let error = Session::open(&options(url)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
    }
}
