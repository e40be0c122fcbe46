//! What somebody may try who can reach the service, or who writes definitions: each is
//! refused or does no harm. The signatures are the test's own.

#![cfg(all(feature = "serve", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::engine::Engine;
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use efsbackup_core::run::{Run, RunOutcome};
use efsbackup_core::serve::{ServeOptions, Server};
use efsbackup_core::wire::{Key, Keys};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Calls `attack` with the address of a service that gives up on slow clients in a second.
fn attack(attack: impl FnOnce(SocketAddr)) {
    let engine = Engine::in_memory(Arc::new(SystemClock)).unwrap();
    let mut options = ServeOptions::new(Keys::new([Key::new(ID, SECRET).unwrap()]));
    options.request_time = Duration::from_secs(1);
    options.longest_body = 100_000;
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let address = server.address().unwrap();
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| server.run(&engine, &stop).unwrap());
        let attacked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attack(address)));
        stop.cancel();
        attacked.unwrap();
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The head of a signed request, as Amazon's documentation of Signature Version 4 has it.
fn head(operation: &str, body: &[u8], secret: &str, time: Timestamp) -> String {
    let date = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &date[..8];
    let target = format!("DataPipeline.{operation}");
    let canonical = format!(
        "POST\n/\n\nhost:h\nx-amz-date:{date}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{}",
        hex(&Sha256::digest(body))
    );
    let scope = format!("{day}/us-east-1/datapipeline/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let key = [day, "us-east-1", "datapipeline", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    format!(
        "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Date: {date}\r\nX-Amz-Target: {target}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={ID}/{scope}, \
         SignedHeaders=host;x-amz-date;x-amz-target, Signature={}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        hex(&hmac(&key, &text)),
        body.len()
    )
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn answer(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = connect(address);
    // It may be refused before all of it is read.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_is_altered_or_old_or_signed_with_another_key_is_refused() {
    attack(|address| {
        let now = Timestamp::now();
        let signed = head("ListPipelines", b"{}", SECRET, now);
        let served = answer(address, &signed, b"{}");
        assert!(served.starts_with("HTTP/1.1 200 "), "{served}");
        assert!(served.contains("\"pipelineIdList\":[]"), "{served}");

        let refused = |head: &str, body: &[u8], why: &str| {
            let answer = answer(address, head, body);
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(why), "{answer}");
            assert!(!answer.contains("pipelineIdList"), "{answer}");
        };
        refused(&signed, b"[]", "InvalidSignatureException");
        let other = signed.replace("ListPipelines", "DeletePipeline");
        refused(&other, b"{}", "InvalidSignatureException");
        refused(&signed.replace("Host: h", "Host: i"), b"{}", "InvalidSignatureException");
        let twice =
            signed.replace("Host: h", "X-Amz-Target: DataPipeline.DeletePipeline\r\nHost: h");
        refused(&twice, b"{}", "IncompleteSignatureException");
        let unsigned = signed.replace("host;x-amz-date;x-amz-target", "host;x-amz-date");
        refused(&unsigned, b"{}", "not signed");
        let none = signed.replace("Authorization:", "X-Authorization:");
        refused(&none, b"{}", "MissingAuthenticationTokenException");
        refused(&head("ListPipelines", b"{}", "other", now), b"{}", "InvalidSignatureException");
        for minutes in [-6, 6] {
            let time = now + SignedDuration::from_mins(minutes);
            refused(
                &head("ListPipelines", b"{}", SECRET, time),
                b"{}",
                "InvalidSignatureException",
            );
        }
    });
}

#[test]
fn what_is_too_long_is_refused_unread_and_too_deep_is_no_harm() {
    attack(|address| {
        let long = vec![b' '; 100_001];
        let mut stream = connect(address);
        let head_only = head("ListPipelines", &long, SECRET, Timestamp::now());
        stream.write_all(head_only.as_bytes()).unwrap();
        let mut answer_to_head = String::new();
        stream.read_to_string(&mut answer_to_head).unwrap();
        assert!(answer_to_head.starts_with("HTTP/1.1 413 "), "{answer_to_head}");

        let headers = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        assert!(answer(address, &headers, b"").starts_with("HTTP/1.1 413 "));
        let many = format!("POST / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
        assert!(answer(address, &many, b"").starts_with("HTTP/1.1 4"));

        let deep = "[".repeat(90_000);
        let signed = head("ListPipelines", deep.as_bytes(), SECRET, Timestamp::now());
        let refused = answer(address, &signed, deep.as_bytes());
        assert!(refused.contains("SerializationException"), "{refused}");
        let signed = head("ListPipelines", b"{}", SECRET, Timestamp::now());
        assert!(answer(address, &signed, b"{}").starts_with("HTTP/1.1 200 "), "still there");
    });
}

#[test]
fn a_signed_request_whose_body_trickles_is_cut_off() {
    attack(|address| {
        let body = vec![b' '; 1_000];
        let mut stream = connect(address);
        let head = head("ListPipelines", &body, SECRET, Timestamp::now());
        stream.write_all(head.as_bytes()).unwrap();
        let begin = Instant::now();
        // A byte well before any single wait could end.
        while stream.write_all(b" ").is_ok() && begin.elapsed() < Duration::from_secs(40) {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(begin.elapsed() < Duration::from_secs(40), "it was not cut off");
    });
}

fn activity(id: &str, command: &str) -> Definition {
    Definition {
        objects: vec![
            Object::new("Default").text("scheduleType", "ondemand"),
            Object::new(id)
                .text("type", "ShellCommandActivity")
                .text("workerGroup", "g")
                .text("maximumRetries", "0")
                .text("command", command),
        ],
        ..Definition::default()
    }
}

fn run(folder: &Path, definition: &Definition) -> efsbackup_core::Result<RunOutcome> {
    let run = Run::new("attack", folder.join("a/b/c/logs"))
        .state(folder.join("state.db"))
        .once(true)
        .log_limit(200_000);
    let report = run.run(definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})?;
    Ok(report.outcome)
}

/// All files below `folder`, as paths in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned())
                }
            }
        }
    }
    found
}

#[test]
fn names_that_lead_elsewhere_stay_in_the_log_folder() {
    for id in ["../../../escape", "/escape", "..", "a/../../../../escape", "%2E%2E%2Fescape"] {
        let folder = tempfile::tempdir().unwrap();
        match run(folder.path(), &activity(id, "echo out")) {
            Ok(outcome) => {
                assert_eq!(outcome, RunOutcome::Finished, "{id}");
                let logs = files(&folder.path().join("a/b/c/logs"));
                assert!(logs.iter().any(|name| name.contains("StdOutput")), "{id}: {logs:?}");
            }
            Err(error) => assert!(error.to_string().contains(id), "{id}: {error}"),
        }
        let outside: Vec<_> = files(folder.path())
            .into_iter()
            .filter(|name| !name.starts_with("a/b/c/logs/") && !name.starts_with("state.db"))
            .collect();
        assert!(outside.is_empty(), "{id}: {outside:?}");
    }
    assert!(!Path::new("/escape").exists());
}

#[test]
fn arguments_are_never_read_as_shell() {
    let folder = tempfile::tempdir().unwrap();
    let trap = folder.path().join("trap");
    let trap = trap.to_str().unwrap();
    let arguments: Vec<String> = [
        "$(touch TRAP)",
        "`touch TRAP`",
        "; touch TRAP",
        "& touch TRAP &",
        "| touch TRAP",
        "> TRAP",
        "' ; touch TRAP ; '",
        "\" ; touch TRAP ; \"",
        "\\' ; touch TRAP #",
        "$'\\x27; touch TRAP'",
        "\n touch TRAP\n",
        "\r\n",
        "\\",
        "\\\\'",
        "*",
        "~",
        "$HOME",
        "${IFS}",
        "!!",
        "-n",
        "--",
        " ",
        "\u{7f}\u{1b}[2J",
        "ü\u{202e}\u{0}".trim_end_matches('\0'),
        "{a,b}",
        "#{'#'}{x}",
    ]
    .iter()
    .map(|text| text.replace("TRAP", trap))
    .collect();
    let out = folder.path().join("out");
    let script = format!("printf '%s\\0' \"$@\" > {}", out.to_str().unwrap());
    let mut definition = activity("A", &script);
    for argument in &arguments {
        let object = definition.objects.pop().unwrap();
        definition.objects.push(object.text("scriptArgument", argument));
    }
    assert_eq!(run(folder.path(), &definition).unwrap(), RunOutcome::Finished);
    let got = fs::read_to_string(out).unwrap();
    let got: Vec<&str> = got.split_terminator('\0').collect();
    let last = arguments.len() - 1;
    assert_eq!(got[..last], arguments[..last]);
    assert_eq!(got[last], "#{x}", "the one that is an expression");
    assert!(!Path::new(trap).exists());
}

#[test]
fn a_secret_is_nowhere_but_in_the_state_and_its_script() {
    const WORD: &str = "hunter2-\u{fc}-'quoted'";
    let folder = tempfile::tempdir().unwrap();
    let script =
        "echo \"out $1\"; echo \"err $1\" >&2; ps -ef >&2 || cat /proc/*/cmdline >&2; exit 3";
    let mut definition = activity("A", script);
    let alarm = Object::new("Bad")
        .text("type", "SnsAlarm")
        .text("topicArn", "arn:aws:sns:us-east-1:1:t")
        .text("role", "r")
        .text("subject", "failed with #{*myWord}")
        .text("message", "#{node.errorMessage} #{node.errorStackTrace} #{node.scriptArgument}");
    let object = definition.objects.pop().unwrap();
    definition.objects.push(object.text("scriptArgument", "#{*myWord}").reference("onFail", "Bad"));
    definition.objects.push(alarm);
    definition.parameters.push(Parameter::new("*myWord").with("type", "String"));
    definition.values.push(ParameterValue::new("*myWord", WORD));
    assert_eq!(run(folder.path(), &definition).unwrap(), RunOutcome::Failed);
    let mut seen = 0;
    for name in files(folder.path()) {
        let bytes = common::logs::plain(&folder.path().join(&name));
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        if !name.starts_with("state.db") {
            assert!(!holds("hunter2"), "{name}");
            seen += usize::from(holds("*****"));
        }
    }
    assert!(seen >= 4, "out, error, activity log and notification are masked: {seen}");
}

#[test]
fn a_script_that_never_stops_talking_does_not_fill_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let definition = activity("A", "yes | head -c 1000000; echo; echo the end");
    assert_eq!(run(folder.path(), &definition).unwrap(), RunOutcome::Finished);
    let logs = folder.path().join("a/b/c/logs");
    let name = files(&logs).into_iter().find(|name| name.ends_with("StdOutput.gz")).unwrap();
    let out = common::logs::plain(&logs.join(name));
    assert!(out.len() < 300_000, "{}", out.len());
    assert!(out.ends_with(b"the end\n"));
    let missing = b" bytes are left out here]";
    assert!(out.windows(missing.len()).any(|part| part == missing));
}
