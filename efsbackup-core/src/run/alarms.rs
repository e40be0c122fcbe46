//! Where alarms go beside the notifications file: to a command, to a webhook, to their topics.

use crate::cancel::CancelToken;
use crate::deploy::Topics;
use crate::engine::{Engine, Notification, Outlet};
use crate::error::{Error, ErrorKind, Result};
use crate::worker::{Supervised, passed_on};
use rustix::fs::MemfdFlags;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks for new alarms.
const LOOK: Duration = Duration::from_millis(200);
/// The longest wait before an alarm that could not be sent is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much of an answer or of what a command says counts.
const ANSWER: usize = 500;

/// A command, a webhook and the alarms' topics, told of every alarm, at least once each.
///
/// Command and webhook get the notification as one JSON document: the command on its standard
/// input, the webhook as the body of a POST. To the topic go subject and message. They are told from a thread of their own, so that neither
/// holds up a run; one that fails is told again, after 1 second at first and up to a minute
/// later, and what fired meanwhile waits in the state.
///
/// ```
/// use efsbackup_core::run::{Alarms, Run};
/// use std::time::Duration;
///
/// let alarms = Alarms::default()
///     .command("/usr/local/bin/page-someone")
///     .webhook("http://127.0.0.1:9000/alarms")?
///     .patience(Duration::from_secs(300));
/// let run = Run::new("nightly", "/var/log/efsbackup").alarms(alarms);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Alarms {
    command: Option<OsString>,
    webhook: Option<Webhook>,
    topics: Option<Arc<dyn Topics>>,
    patience: Duration,
}

#[derive(Clone, Debug)]
struct Webhook {
    /// `host:port`.
    host: String,
    path: String,
}

/// Who has been told of an alarm already, should the next one fail.
#[derive(Default)]
struct Told {
    alarm: Option<i64>,
    command: bool,
    webhook: bool,
}

impl Default for Alarms {
    fn default() -> Self {
        Alarms { command: None, webhook: None, topics: None, patience: Duration::from_secs(60) }
    }
}

impl Alarms {
    /// Runs `command` with `sh -c` for each alarm. It has the variables that scripts have
    /// too, and `EFSBACKUP_ALARM_EVENT`, `_NODE`, `_SUBJECT` and `_MESSAGE`; its exit status
    /// must be 0 within [`patience`](Self::patience).
    #[must_use]
    pub fn command(mut self, command: impl Into<OsString>) -> Alarms {
        self.command = Some(command.into());
        self
    }

    /// Posts each alarm to `url`, whose answer must be of the 200s.
    ///
    /// # Errors
    /// `InvalidInput` for anything but `http://HOST[:PORT][/PATH]`. There is no TLS here: a
    /// command can be `curl`.
    pub fn webhook(mut self, url: &str) -> Result<Alarms> {
        let wrong = |text: &str| {
            Error::new(ErrorKind::InvalidInput, "alarm")
                .with_message(format!("the URL '{url}': {text}"))
        };
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            wrong("only http:// is spoken here; for others let a command be curl")
        })?;
        if rest.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(wrong("it has a blank in it"));
        }
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.is_empty() || host.contains('@') {
            return Err(wrong("write http://HOST:PORT/PATH"));
        }
        let port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if port { host.to_owned() } else { format!("{host}:80") };
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        self.webhook = Some(Webhook { host, path });
        Ok(self)
    }

    /// Publishes each alarm to the topic it names. An alarm whose topic does not exist, or is
    /// not known, is given up; that is told as a problem.
    #[must_use]
    pub fn topics(mut self, topics: Arc<dyn Topics>) -> Alarms {
        self.topics = Some(topics);
        self
    }

    /// How long command and webhook may take; 60 seconds by default.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Alarms {
        self.patience = patience;
        self
    }

    /// Whether there is nobody to tell.
    pub fn is_empty(&self) -> bool {
        self.command.is_none() && self.webhook.is_none() && self.topics.is_none()
    }

    /// Which of an engine's outlets the notifications file then is.
    pub fn file_outlet(&self) -> Outlet {
        if self.is_empty() { Outlet::All } else { Outlet::File }
    }

    /// Tells command, webhook and topics of each alarm of `engine` until `stop` is set; what is left
    /// then is tried once more. What goes wrong is told to `problems`, a line
    /// each.
    pub fn run(&self, engine: &Engine, stop: &CancelToken, problems: &Sender<String>) {
        if self.is_empty() {
            return;
        }
        let mut pause = LOOK;
        let mut told = Told::default();
        loop {
            let last = stop.is_cancelled();
            let sent = engine
                .deliver_to(Outlet::Beyond, &mut |alarm| self.send(alarm, &mut told, problems));
            pause = match sent {
                Ok(()) => LOOK,
                Err(error) => {
                    // Nobody may be left to hear it.
                    let _ = problems.send(format!("{error:#}; the alarm is sent again"));
                    (pause * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE)
                }
            };
            if last {
                return;
            }
            let begin = Instant::now();
            while begin.elapsed() < pause && !stop.is_cancelled() {
                thread::sleep(LOOK.min(Duration::from_millis(50)));
            }
        }
    }

    fn send(&self, alarm: &Notification, told: &mut Told, problems: &Sender<String>) -> Result<()> {
        if told.alarm != Some(alarm.id) {
            *told = Told { alarm: Some(alarm.id), ..Told::default() };
        }
        if let Some(command) = self.command.as_ref().filter(|_| !told.command) {
            self.tell(command, alarm)?;
            told.command = true;
        }
        if let Some(webhook) = self.webhook.as_ref().filter(|_| !told.webhook) {
            post(webhook, alarm, self.patience)?;
            told.webhook = true;
        }
        let Some(topics) = &self.topics else { return Ok(()) };
        match topics.publish(&alarm.topic_arn, &alarm.subject, &alarm.message) {
            // No later try would do better, and later alarms wait.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                let _ = problems.send(format!("{error:#}; the alarm is given up"));
                Ok(())
            }
            published => published,
        }
    }

    fn tell(&self, text: &OsString, alarm: &Notification) -> Result<()> {
        let failed = |error| Error::from_io("tell alarm command", error);
        let mut document = memory("alarm").map_err(failed)?;
        writeln!(document, "{}", alarm.to_json()).map_err(failed)?;
        document.rewind().map_err(failed)?;
        let mut said = memory("alarm-said").map_err(failed)?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(text).env_clear().envs(passed_on());
        for (name, value) in [
            ("EFSBACKUP_ALARM_EVENT", &alarm.event),
            ("EFSBACKUP_ALARM_NODE", &alarm.node),
            ("EFSBACKUP_ALARM_SUBJECT", &alarm.subject),
            ("EFSBACKUP_ALARM_MESSAGE", &alarm.message),
        ] {
            // A variable can't hold it; the document has it escaped.
            command.env(name, value.replace('\0', ""));
        }
        command.stdin(document).stdout(Stdio::null());
        command.stderr(said.try_clone().map_err(failed)?);
        let grace = Duration::from_secs(2);
        let mut running = Supervised::start(command, grace, None).map_err(failed)?;
        let begin = Instant::now();
        let mut late = false;
        let ended = loop {
            if let Some(ended) = running.wait(LOOK).map_err(failed)? {
                break ended;
            }
            if begin.elapsed() >= self.patience && !late {
                late = true;
                running.stop();
            }
        };
        if !late && ended.status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let mut text = Vec::new();
        let end = said.seek(std::io::SeekFrom::End(0)).map_err(failed)?;
        said.seek(std::io::SeekFrom::Start(end.saturating_sub(ANSWER as u64))).map_err(failed)?;
        said.read_to_end(&mut text).map_err(failed)?;
        let why = match (late, ended.status) {
            (true, _) => format!("took longer than {} seconds", self.patience.as_secs()),
            (false, Some(status)) => format!("ended with {status}"),
            (false, None) => "was killed with its supervisor".to_owned(),
        };
        let said = text.trim_ascii().escape_ascii();
        Err(Error::new(ErrorKind::Remote, "alarm")
            .with_message(format!("the command {why}: {said}")))
    }
}

/// A file in memory, which does not block as a pipe would.
fn memory(name: &str) -> std::io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?))
}

fn post(webhook: &Webhook, alarm: &Notification, patience: Duration) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Remote, "alarm")
            .with_message(format!("no answer from http://{}", webhook.host))
            .with_source(error)
    };
    let body = alarm.to_json();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        webhook.path,
        webhook.host,
        body.len()
    );
    let begin = Instant::now();
    let left = || -> std::io::Result<Duration> {
        let left = patience.saturating_sub(begin.elapsed());
        if left.is_zero() { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    };
    let answer = || -> std::io::Result<Vec<u8>> {
        let address = webhook.host.to_socket_addrs()?.next();
        let address = address.ok_or(std::io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, left()?)?;
        stream.set_write_timeout(Some(left()?))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut buffer = [0; ANSWER];
        // The first line has the status; the rest is of no interest.
        while answer.len() < ANSWER && !answer.contains(&b'\n') {
            stream.set_read_timeout(Some(left()?))?;
            match stream.read(&mut buffer)? {
                0 => break,
                length => answer.extend(buffer.iter().take(length)),
            }
        }
        Ok(answer)
    };
    let answer = answer().map_err(failed)?;
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    if line.starts_with(b"HTTP/1.") && line.get(8..10) == Some(b" 2") {
        return Ok(());
    }
    let line = line.escape_ascii();
    Err(Error::new(ErrorKind::Remote, "alarm")
        .with_message(format!("http://{} answers: {line}", webhook.host)))
}
