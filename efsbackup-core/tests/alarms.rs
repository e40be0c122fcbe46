//! Alarms that go to a command, a webhook and topics.

#![cfg(all(feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::deploy::Topics;
use efsbackup_core::error::{Error, ErrorKind, Result};
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::run::{Alarms, Run, RunEvent, RunOutcome};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Says on its end, whichever, and in `rest` whatever is to happen after that.
fn definition(rest: &str) -> Definition {
    let alarm = Object::new("Told")
        .text("type", "SnsAlarm")
        .text("topicArn", "arn:aws:sns:us-east-1:1:t")
        .text("role", "r")
        .text("subject", "#{node.name} is over; $(touch trap)")
        .text("message", "`touch trap`\n\"quoted\"");
    let activity = |id: &str, command: &str| {
        Object::new(id)
            .text("type", "ShellCommandActivity")
            .text("workerGroup", "g")
            .text("command", command)
            .text("maximumRetries", "0")
    };
    Definition {
        objects: vec![
            Object::new("Default").text("scheduleType", "ondemand"),
            alarm,
            activity("A", "true").reference("onSuccess", "Told"),
            activity("B", rest).reference("dependsOn", "A"),
        ],
        ..Definition::default()
    }
}

fn run(folder: &Path, alarms: Alarms, rest: &str) -> (RunOutcome, Vec<String>) {
    let mut warnings = Vec::new();
    let report = Run::new("alarms", folder.join("logs"))
        .state(folder.join("state.db"))
        .once(true)
        .alarms(alarms)
        .run(&definition(rest), Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Warned(text) = event {
                warnings.push((*text).to_owned());
            }
        })
        .unwrap();
    (report.outcome, warnings)
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_command_gets_the_alarm_and_again_where_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let got = folder.path().join("got");
    let name = got.to_str().unwrap();
    // It fails the first time.
    let command = format!(
        "test \"$EFSBACKUP_ALARM_EVENT\" = onSuccess || exit 9
         printf '%s' \"$EFSBACKUP_ALARM_SUBJECT\" > {name}.subject
         if [ ! -e {name}.tried ]; then touch {name}.tried; echo no luck >&2; exit 3; fi
         cat >> {name}"
    );
    let wait = format!("until [ -s {name} ]; do sleep 0.05; done");
    let (outcome, warnings) = run(folder.path(), Alarms::default().command(command), &wait);
    assert_eq!(outcome, RunOutcome::Finished);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("exit status: 3: no luck"), "{warnings:?}");
    let told = lines(&got);
    assert_eq!(told, lines(&folder.path().join("logs/notifications.jsonl")));
    assert_eq!(told[0]["message"], "`touch trap`\n\"quoted\"");
    let subject = std::fs::read_to_string(folder.path().join("got.subject")).unwrap();
    assert_eq!(subject, "A is over; $(touch trap)");
    assert!(!Path::new("trap").exists());
}

#[test]
fn a_webhook_gets_the_alarm_and_the_next_run_sends_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    let alarms = Alarms::default().webhook(&url).unwrap().patience(Duration::from_secs(5));
    let request = |status: &str| {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let length = stream.read(&mut buffer).unwrap();
            request.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).unwrap();
        request
    };
    let first = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(folder.path(), alarms.clone(), "true"));
        let request = request("503 Busy");
        // The last try of all.
        listener.set_nonblocking(true).unwrap();
        let begin = Instant::now();
        while !running.is_finished() && begin.elapsed() < Duration::from_secs(60) {
            if let Ok((mut stream, _)) = listener.accept() {
                stream.write_all(b"HTTP/1.1 500 Still busy\r\n\r\n").unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        listener.set_nonblocking(false).unwrap();
        let (outcome, warnings) = running.join().unwrap();
        assert_eq!(outcome, RunOutcome::Finished, "an alarm is not the run's affair");
        assert!(warnings.iter().any(|text| text.contains("503 Busy")), "{warnings:?}");
        request
    });
    assert!(first.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{first}");
    let body = first.split("\r\n\r\n").nth(1).unwrap();
    let told = lines(&folder.path().join("logs/notifications.jsonl"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), told[0]);

    // Another run sends what is left, and its own.
    let nodes = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(folder.path(), alarms.clone(), "true"));
        let nodes: Vec<String> = (0..2)
            .map(|_| {
                let request = request("204 No Content");
                let body = request.split("\r\n\r\n").nth(1).unwrap().to_owned();
                serde_json::from_str::<serde_json::Value>(&body).unwrap()["node"].to_string()
            })
            .collect();
        assert_eq!(running.join().unwrap(), (RunOutcome::Finished, vec![]));
        nodes
    });
    let told = lines(&folder.path().join("logs/notifications.jsonl"));
    let expected: Vec<String> = told.iter().map(|line| line["node"].to_string()).collect();
    assert_eq!(nodes, expected, "each once, in order");
}

/// Topics that are out of reach at first, or do not exist at all.
#[derive(Debug)]
struct Fake {
    fails: Mutex<Vec<ErrorKind>>,
    published: Mutex<Vec<[String; 3]>>,
}

impl Topics for Fake {
    fn publish(&self, topic: &str, subject: &str, message: &str) -> Result<()> {
        if let Some(kind) = self.fails.lock().unwrap().pop() {
            return Err(Error::new(kind, "sns").with_message("no luck"));
        }
        let told = [topic, subject, message].map(str::to_owned);
        self.published.lock().unwrap().push(told);
        Ok(())
    }
}

#[test]
fn a_topic_is_published_to_again_but_not_one_that_does_not_exist() {
    for (kind, published, end) in
        [(ErrorKind::Throttled, 1, "sent again"), (ErrorKind::NotFound, 0, "given up")]
    {
        let folder = tempfile::tempdir().unwrap();
        let got = folder.path().join("got");
        let topics = Arc::new(Fake { fails: vec![kind].into(), published: Mutex::default() });
        let alarms = Alarms::default().topics(topics.clone());
        let alarms = alarms.command(format!("cat >> {}", got.to_str().unwrap()));
        let (outcome, warnings) = run(folder.path(), alarms, "sleep 1.5");
        assert_eq!(outcome, RunOutcome::Finished);
        assert_eq!(warnings, [format!("sns: no luck; the alarm is {end}")]);
        let told = topics.published.lock().unwrap().clone();
        assert_eq!(told.len(), published, "{told:?}");
        if let Some([topic, subject, message]) = told.first() {
            assert_eq!(topic, "arn:aws:sns:us-east-1:1:t");
            assert_eq!(subject, "A is over; $(touch trap)");
            assert_eq!(message, "`touch trap`\n\"quoted\"");
        }
        assert_eq!(lines(&got).len(), 1, "the command is told once");
    }
}

#[test]
fn a_command_that_hangs_holds_nothing_up_and_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let command = format!("echo $$ > {}; sleep 1000", pid.to_str().unwrap());
    let alarms = Alarms::default().command(command).patience(Duration::from_millis(300));
    let begin = Instant::now();
    let (outcome, warnings) = run(folder.path(), alarms, "true");
    assert_eq!(outcome, RunOutcome::Finished);
    assert!(warnings.iter().any(|text| text.contains("took longer than")), "{warnings:?}");
    assert!(begin.elapsed() < Duration::from_secs(60));
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn urls_that_are_not_spoken_are_refused() {
    for url in
        ["https://h/", "ftp://h", "h", "http://", "http://h/a b", "http://u:p@h/", "http://h\r\n/"]
    {
        let error = Alarms::default().webhook(url).unwrap_err();
        assert!(error.to_string().contains("the URL"), "{url}: {error}");
    }
}
