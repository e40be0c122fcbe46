//! `efsbackup serve`: other people's clients, and what is refused.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use common::Scratch;
use efsbackup_core::deploy::{Activate, CreatePipeline, PipelineService};
use efsbackup_core::error::ErrorKind;
use efsbackup_core::pipeline::{Definition, Object, ShellCommandActivity};
use efsbackup_core::wire::{Key, Keys, Remote};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `efsbackup serve`; stopped when dropped.
struct Service {
    child: Child,
    endpoint: String,
    keys: PathBuf,
    /// Holds the state and the logs until the service has ended.
    _scratch: Scratch,
}

impl Service {
    fn start(arguments: &[&str]) -> Service {
        Service::start_with(arguments, Stdio::inherit())
    }

    fn start_with(arguments: &[&str], errors: Stdio) -> Service {
        let scratch = Scratch::new();
        let keys = scratch.path("keys");
        let mut child = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .args(["serve", "--new-key", "--listen", "127.0.0.1:0", "--allow-root", "--quiet"])
            .arg("--state")
            .arg(scratch.path("state.db"))
            .arg("--keys")
            .arg(&keys)
            .arg("--log-dir")
            .arg(scratch.path("logs"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim().strip_prefix("listening at ").unwrap().to_owned();
        Service { child, endpoint, keys, _scratch: scratch }
    }

    fn remote(&self) -> Remote {
        Remote::new(&self.endpoint, Keys::from_file(&self.keys).unwrap()).unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.endpoint.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// What is answered to these bytes, until the connection is closed.
    fn answer(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // It may be refused before all of it is read.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn stop(&mut self) -> std::process::ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn boto3_and_the_aws_cli_drive_it_and_botocores_model_agrees() {
    let has_boto3 = Command::new("python3")
        .args(["-c", "import boto3"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let boto3 = has_boto3 || common::probe::skip("boto3 is not installed (`make tools`)");
    if !boto3 || !common::probe::tool("aws") {
        return;
    }
    let service = Service::start(&["--worker-group", "here", "--poll-time", "1"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/serve/clients.py");
    let output = Command::new("python3")
        .arg("-B")
        .arg(script)
        .arg(&service.endpoint)
        .arg(&service.keys)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stdout).unwrap());
    eprintln!("{}", String::from_utf8(output.stdout).unwrap().trim());
}

#[test]
fn a_task_that_nobody_takes_is_told_of_once() {
    let scratch = Scratch::new();
    let errors = std::fs::File::create(scratch.path("errors")).unwrap();
    let mut service = Service::start_with(&[], Stdio::from(errors));
    let remote = service.remote();
    let definition = Definition::default()
        .with(Object::new("Default").text("scheduleType", "ondemand"))
        .with(ShellCommandActivity::new("Say").worker_group("here").command("true"))
        .with(ShellCommandActivity::new("Sing").worker_group("here").command("true"));
    let request =
        CreatePipeline { name: "n".into(), unique_id: "u".into(), ..CreatePipeline::default() };
    let id = pollster::block_on(remote.create_pipeline(&request)).unwrap();
    let found = pollster::block_on(remote.put_definition(&id, &definition)).unwrap();
    assert!(!found.errored, "{found:?}");
    pollster::block_on(remote.activate(&id, &Activate::default())).unwrap();
    let told = || std::fs::read_to_string(scratch.path("errors")).unwrap();
    let begun = Instant::now();
    while told().is_empty() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let runs = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .args(["pipeline", "runs", "n", "--endpoint", &service.endpoint, "--keys"])
        .arg(&service.keys)
        .output()
        .unwrap();
    let runs = String::from_utf8(runs.stdout).unwrap();
    let waits = runs.matches("waits for a worker of the group \"here\"").count();
    assert_eq!(waits, 2, "{runs}");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(service.stop().success());
    let told = told();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("warning: @Say_"), "{told}");
    assert!(told.ends_with("start serve, or a worker, with --worker-group here\n"), "{told}");
}

#[test]
fn the_librarys_own_client_is_understood() {
    let mut service = Service::start(&[]);
    let remote = service.remote();
    let request =
        CreatePipeline { name: "n".into(), unique_id: "u".into(), ..CreatePipeline::default() };
    let id = pollster::block_on(remote.create_pipeline(&request)).unwrap();
    let page = pollster::block_on(remote.list_pipelines(None)).unwrap();
    assert_eq!((page.items.len(), &page.items[0].id, page.marker), (1, &id, None));
    let missing = pollster::block_on(remote.describe_pipelines(&["df-X".into()])).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(service.stop().success(), "SIGTERM ends it cleanly");
    let gone = pollster::block_on(remote.list_pipelines(None)).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Remote);
    assert!(Remote::new("https://127.0.0.1:1", Keys::from_file(&service.keys).unwrap()).is_err());
    assert!(Remote::new("http://192.0.2.1:80", Keys::from_file(&service.keys).unwrap()).is_err());
}

#[test]
fn who_can_not_sign_gets_nothing() {
    let service = Service::start(&[]);
    let wrong = |id: &str| {
        let keys = Keys::new([Key::new(id, "not the secret of this key").unwrap()]);
        let remote = Remote::new(&service.endpoint, keys).unwrap();
        pollster::block_on(remote.list_pipelines(None)).unwrap_err()
    };
    let id = std::fs::read_to_string(&service.keys).unwrap();
    let id = id.lines().find_map(|line| line.strip_prefix("aws_access_key_id = ")).unwrap();
    for (error, code) in [
        (wrong(id), "InvalidSignatureException"),
        (wrong("AKIDOTHER"), "UnrecognizedClientException"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.message().contains(code), "{error}");
    }
    let unsigned = service.answer(
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DataPipeline.ListPipelines\r\n\
          Content-Length: 2\r\n\r\n{}",
    );
    assert!(unsigned.starts_with("HTTP/1.1 400 "), "{unsigned}");
    assert!(unsigned.contains("MissingAuthenticationTokenException"), "{unsigned}");
    assert!(unsigned.contains("Connection: close"), "{unsigned}");
    let old = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DataPipeline.ListPipelines\r\n\
         X-Amz-Date: 20200101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={id}/20200101/us-east-1/datapipeline/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-target, Signature={}\r\nContent-Length: 2\r\n\r\n{{}}",
        "00".repeat(32)
    );
    let old = service.answer(old.as_bytes());
    assert!(old.contains("InvalidSignatureException") && old.contains("expired"), "{old}");
    for other in ["GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n"] {
        assert!(service.answer(other.as_bytes()).starts_with("HTTP/1.1 4"), "{other}");
    }
    assert!(service.answer(&vec![b'x'; 64 * 1024]).starts_with("HTTP/1.1 4"));
}

#[test]
fn slow_clients_are_cut_off_and_others_served_meanwhile() {
    let service = Service::start(&["--request-time", "1"]);
    let start = Instant::now();
    // More than there may be connections, a byte each now and then.
    let mut slow: Vec<TcpStream> = (0..100).map(|_| service.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"POST / HT").unwrap();
    }
    let served = pollster::block_on(service.remote().list_pipelines(None));
    served.unwrap();
    for stream in &mut slow {
        // Closed by now, so either fails sooner or later.
        let _ = stream.write_all(b"T");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408 "));
    }
    assert!(start.elapsed() < Duration::from_secs(50), "they were not cut off");
}

#[test]
fn it_is_not_offered_where_it_should_not_be() {
    let scratch = Scratch::new();
    let serve = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .arg("serve")
            .arg("--state")
            .arg(scratch.path("s"))
            .arg("--keys")
            .arg(scratch.path("keys"))
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let message = serve(&["--new-key", "--allow-root", "--listen", "0.0.0.0:0"]);
    assert!(message.contains("loopback only"), "{message}");
    std::fs::set_permissions(
        scratch.path("keys"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let message = serve(&["--allow-root"]);
    assert!(message.contains("closed to others"), "{message}");
    if common::probe::is_root() {
        let message = serve(&[]);
        assert!(message.contains("--allow-root"), "{message}");
    }
}

#[test]
fn a_worker_takes_its_tasks_over_the_wire_and_both_verbs_show_the_runs() {
    let mut service = Service::start(&["--tasks", "0"]);
    let scratch = Scratch::new();
    let definition = scratch.path("definition.json");
    std::fs::write(
        &definition,
        r#"{"objects": [{"id": "Default", "scheduleType": "ondemand"},
            {"id": "Say", "type": "ShellCommandActivity", "workerGroup": "wire",
             "command": "echo \"said $1\"", "scriptArgument": "a; touch b"},
            {"id": "Sleep", "type": "ShellCommandActivity", "workerGroup": "wire",
             "dependsOn": {"ref": "Say"}, "command": "sleep 600", "retryDelay": "10 minutes"}]}"#,
    )
    .unwrap();
    let remote = service.remote();
    let request =
        CreatePipeline { name: "said".into(), unique_id: "1".into(), ..CreatePipeline::default() };
    let id = pollster::block_on(remote.create_pipeline(&request)).unwrap();
    let definition = efsbackup_core::formats::read_path(&definition).unwrap().definition;
    let findings = pollster::block_on(remote.put_definition(&id, &definition)).unwrap();
    assert!(!findings.errored, "{findings:?}");
    pollster::block_on(remote.activate(&id, &Activate::default())).unwrap();

    let logs = scratch.path("logs");
    let mut worker = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .args(["worker", "--worker-group", "wire", "--endpoint", &service.endpoint, "--quiet"])
        .arg("--keys")
        .arg(&service.keys)
        .arg("--log-dir")
        .arg(&logs)
        .arg("--work-dir")
        .arg(scratch.path("work"))
        .spawn()
        .unwrap();
    let show = |verb: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
            .arg("pipeline")
            .args(verb)
            .args(["--endpoint", &service.endpoint])
            .arg("--keys")
            .arg(&service.keys)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).unwrap()
    };
    let start = Instant::now();
    let sleeps =
        |runs: &str| runs.lines().any(|line| line.starts_with("Sleep") && line.contains("RUNNING"));
    while !sleeps(&show(&["runs", "said"])) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", show(&["runs", "said"]));
        std::thread::sleep(Duration::from_millis(50));
    }
    // Told to stop, the worker ends the script and hands the attempt back.
    let pid = rustix::process::Pid::from_child(&worker);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(worker.wait().unwrap().success());
    let (logs, svg) = (logs.to_str().unwrap().to_owned(), scratch.path("runs.svg"));
    let runs =
        show(&["runs", &id, "--tail", "5", "--log-dir", &logs, "--svg", svg.to_str().unwrap()]);
    assert!(runs.contains("said a; touch b"), "{runs}");
    let sleep = runs.lines().find(|line| line.starts_with("Sleep")).unwrap();
    assert!(sleep.contains("WAITING_FOR_RUNNER  2"), "{sleep}");
    let picture = std::fs::read_to_string(svg).unwrap();
    assert!(picture.contains("FINISHED") && picture.contains("WAITING"), "{picture}");
    let document = show(&["status", "--json"]);
    assert!(document.contains("\"state\": \"SCHEDULED\""), "{document}");
    assert!(show(&["status"]).contains("said"));
    assert!(service.stop().success());
}
