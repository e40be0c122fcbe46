//! S3, SNS and Data Pipeline through AWS's SDK, with moto in AWS's place.

#![cfg(all(feature = "s3", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::probe;
use efsbackup_core::aws::{AwsOptions, Credentials, Session};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::deploy::aws::{DataPipeline, S3, Sns};
use efsbackup_core::deploy::{Activate, CreatePipeline};
use efsbackup_core::deploy::{ObjectStore, PipelineService, S3Uri, Topics};
use efsbackup_core::error::ErrorKind;
use efsbackup_core::pipeline::{Definition, Object};
use pollster::block_on;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// moto's server; ended when dropped.
struct Moto {
    child: Child,
    host: String,
}

impl Moto {
    fn start() -> Option<Moto> {
        if !probe::tool("moto_server") {
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &free.port().to_string()])
            .env("MOTO_S3_DEFAULT_MAX_KEYS", "3")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while TcpStream::connect(free).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "moto_server does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(Moto { child, host: free.to_string() })
    }

    fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    fn session(&self) -> Session {
        let credentials =
            Credentials { id: "AKIDEXAMPLE".into(), secret: SECRET.into(), token: None };
        Session::open(&AwsOptions {
            region: Some("us-east-1".to_owned()),
            credentials: Some(credentials),
            endpoint: Some(self.url()),
            attempts: 2,
            ..AwsOptions::default()
        })
        .unwrap()
    }

    /// A request that moto takes for one to `service`.
    fn ask(&self, service: &str, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=A/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, \
             Signature=0\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// A topic, and what is published to it: one line a message.
    fn topic(&self, name: &str) -> (String, std::sync::mpsc::Receiver<serde_json::Value>) {
        let body = format!("Action=CreateTopic&Version=2010-03-31&Name={name}");
        let answer = self.ask("sns", "POST", "/", &body);
        let arn = answer.split("<TopicArn>").nth(1).unwrap().split('<').next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let body = format!(
            "Action=Subscribe&Version=2010-03-31&TopicArn={arn}&Protocol=http&\
             Endpoint=http://{address}/"
        );
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let (mut head, mut length) = (String::new(), 0);
                while reader.read_line(&mut head).unwrap() > 2 {
                    if let Some(value) = head.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                reader
                    .get_mut()
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
                if message["Type"] == "Notification" && send.send(message).is_err() {
                    return;
                }
            }
        });
        self.ask("sns", "POST", "/", &body);
        (arn.to_owned(), receive)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn uri(text: &str) -> S3Uri {
    text.parse().unwrap()
}

fn objects(moto: &Moto) {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let cancel = CancelToken::new();
    let s3 = S3::new(&moto.session());
    moto.ask("s3", "PUT", "/bucket", "");
    let keys = ["a", "folder/b c", "folder/ü+%41&?#", "folder/c", "folder/d'\"", "g", "h"];
    for key in keys {
        fs::write(&from, format!("content of {key}\n")).unwrap();
        let place = uri(&format!("s3://bucket/{key}"));
        s3.store(&from, &place, &cancel).unwrap();
        s3.fetch(&place, &to, &cancel).unwrap();
        assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap(), "{key}");
        assert!(s3.exists(&place, &cancel).unwrap());
    }
    let list = |prefix: &str, most: usize| {
        let mut found = Vec::new();
        s3.list(&uri(prefix), &cancel, &mut |uri, size| {
            assert_eq!(size, format!("content of {}\n", uri.key).len() as u64);
            found.push(uri.key);
            if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .unwrap();
        found
    };
    let mut sorted = keys.map(str::to_owned).to_vec();
    sorted.sort_unstable();
    assert_eq!(list("s3://bucket", 99), sorted, "over pages of three");
    assert_eq!(list("s3://bucket/folder/", 99).len(), 4);
    assert_eq!(list("s3://bucket", 2).len(), 2);
    assert!(list("s3://bucket/none/", 99).is_empty());

    assert!(!s3.exists(&uri("s3://bucket/none"), &cancel).unwrap());
    for error in [
        s3.exists(&uri("s3://no-bucket/a"), &cancel).unwrap_err(),
        s3.fetch(&uri("s3://bucket/none"), &to, &cancel).unwrap_err(),
        s3.store(&from, &uri("s3://no-bucket/a"), &cancel).unwrap_err(),
        s3.list(&uri("s3://no-bucket"), &cancel, &mut |_, _| ControlFlow::Continue(()))
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.to_string().contains("s3://"), "{error}");
        assert!(!format!("{error:?}").contains(SECRET));
    }

    // 11 MiB in parts of 5: three of them.
    let large: Vec<u8> = (0..11 * 1024 * 1024_u32).map(|i| (i / 7) as u8).collect();
    fs::write(&from, &large).unwrap();
    let place = uri("s3://bucket/large");
    s3.clone().part_size(5 * 1024 * 1024).store(&from, &place, &cancel).unwrap();
    s3.fetch(&place, &to, &cancel).unwrap();
    assert!(fs::read(&to).unwrap() == large);
    let head = moto.ask("s3", "HEAD", "/bucket/large", "").to_lowercase();
    assert!(head.contains("-3\""), "an ETag of three parts: {head}");
    fs::write(&from, "").unwrap();
    s3.store(&from, &place, &cancel).unwrap();
    s3.fetch(&place, &to, &cancel).unwrap();
    assert_eq!(fs::read(&to).unwrap().len(), 0);
    cancel.cancel();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = Moto {
        child: Command::new("true").spawn().unwrap(),
        host: silent.local_addr().unwrap().to_string(),
    };
    let stopped = S3::new(&nobody.session()).store(&from, &place, &cancel).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
}

fn topics(moto: &Moto) {
    let sns = Sns::new(&moto.session());
    let (arn, heard) = moto.topic("first");
    sns.publish(&arn, "[Alert] für\nnode", "message: \"ü\"\n#{x}").unwrap();
    let message = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(message["Subject"], "[Alert] f?r node");
    assert_eq!(message["Message"], "message: \"ü\"\n#{x}");
    sns.publish(&arn, "", "").unwrap();
    assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap()["Message"], "-");
    sns.publish(&arn, &"x".repeat(500), &"ü".repeat(200 * 1024)).unwrap();
    let message = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(message["Subject"].as_str().unwrap().len(), 100);
    assert_eq!(message["Message"].as_str().unwrap().len(), 256 * 1024);
    let missing = sns.publish(&arn.replace("first", "none"), "s", "m").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing:?}");
    assert_eq!(sns.publish("no ARN", "s", "m").unwrap_err().kind(), ErrorKind::InvalidInput);
}

fn pipelines(moto: &Moto) {
    let aws = DataPipeline::new(&moto.session());
    let request = CreatePipeline {
        name: "nightly".into(),
        unique_id: "nightly".into(),
        description: "d".into(),
        tags: Vec::new(),
    };
    let id = block_on(aws.create_pipeline(&request)).unwrap();
    let definition = Definition {
        objects: vec![Object::new("Default").text("scheduleType", "ondemand")],
        ..Definition::default()
    };
    assert!(!block_on(aws.put_definition(&id, &definition)).unwrap().errored);
    block_on(aws.activate(&id, &Activate::default())).unwrap();
    let described = block_on(aws.describe_pipelines(std::slice::from_ref(&id))).unwrap();
    assert_eq!((&described[0].id, described[0].name.as_str()), (&id, "nightly"));
    assert_eq!(described[0].field("@pipelineState"), Some("SCHEDULED"));
    assert_eq!(block_on(aws.list_pipelines(None)).unwrap().items.len(), 1);
    block_on(aws.delete_pipeline(&id)).unwrap();
}

/// `efsbackup run` with a script, a precondition and logs on S3, and alarms to topics.
fn whole_run(moto: &Moto) {
    let dir = tempfile::tempdir().unwrap();
    let cancel = CancelToken::new();
    let s3 = S3::new(&moto.session());
    moto.ask("s3", "PUT", "/work", "");
    let script = dir.path().join("script");
    fs::write(&script, "echo \"hello $1\"\n").unwrap();
    s3.store(&script, &uri("s3://work/script.sh"), &cancel).unwrap();
    let (arn, heard) = moto.topic("alarms");
    let definition = |topic: &str| {
        serde_json::json!({"objects": [
            {"id": "Default", "scheduleType": "ondemand", "pipelineLogUri": "s3://work/logs",
             "maximumRetries": "0"},
            {"id": "There", "type": "S3KeyExists", "s3Key": "s3://work/script.sh", "role": "r"},
            {"id": "A", "type": "ShellCommandActivity", "workerGroup": "here",
             "scriptUri": "s3://work/script.sh", "scriptArgument": "world",
             "precondition": {"ref": "There"}, "onSuccess": {"ref": "Good"}},
            {"id": "Good", "type": "SnsAlarm", "role": "r", "topicArn": topic,
             "subject": "done", "message": "#{node.@status}"},
        ]})
        .to_string()
    };
    let run = |topic: &str| {
        fs::write(dir.path().join("p.json"), definition(topic)).unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .args(["run", "p.json", "--once", "--s3", "--sns", "--region", "us-east-1"])
            .current_dir(dir.path())
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .output()
            .unwrap();
        let text = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert_eq!(ran.status.code(), Some(0), "{text}");
        assert!(!text.contains(SECRET), "{text}");
        text
    };
    run(&arn);
    let message = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!((&message["Subject"], &message["Message"]), (&"done".into(), &"FINISHED".into()));
    let mut logs = Vec::new();
    s3.list(&uri("s3://work/logs/"), &cancel, &mut |uri, size| {
        assert!(size > 0);
        logs.push(uri.key);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(logs.iter().any(|key| key.ends_with("StdOutput.gz")), "{logs:?}");
    let text = run(&arn.replace("alarms", "none"));
    assert!(text.contains("warning: sns: Publish: "), "{text}");
}

#[test]
fn s3_sns_and_data_pipeline_work_with_moto_in_awss_place() {
    let Some(moto) = Moto::start() else { return };
    objects(&moto);
    topics(&moto);
    pipelines(&moto);
    whole_run(&moto);
}
