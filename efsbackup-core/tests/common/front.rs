//! A front door before a service on loopback: it hears all requests, and can refuse one or
//! lose its answer.

// Not every test that takes it in uses all of it.
#![allow(dead_code)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::Clock;
use efsbackup_core::engine::Engine;
use efsbackup_core::serve::{ServeOptions, Server};
use efsbackup_core::wire::{Key, Keys};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What the front door does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Treatment {
    /// Passes it on.
    Pass,
    /// Answers it itself: status and body.
    Answer(u16, String),
    /// Passes it on, and closes the connection without the answer.
    Lose,
}

/// A request's operation and body, and the status it was answered with.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) operation: String,
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) status: u16,
}

/// What was heard at the door.
pub(crate) struct Front {
    pub(crate) url: String,
    heard: Mutex<Vec<Heard>>,
    count: AtomicUsize,
}

impl Front {
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// Calls `test` with an engine, and a front door to it that treats the n-th request (from 1)
/// to an operation as `treat` says.
pub(crate) fn with_front(
    clock: Arc<dyn Clock>,
    treat: impl Fn(usize, &str) -> Treatment + Sync,
    test: impl FnOnce(&Engine, &Front),
) {
    let engine = Engine::in_memory(clock).unwrap();
    let mut options = ServeOptions::new(Keys::new([Key::new(ID, SECRET).unwrap()]));
    options.poll_time = Duration::from_millis(300);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let behind = server.address().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = Front {
        url: format!("http://{}", listener.local_addr().unwrap()),
        heard: Mutex::default(),
        count: AtomicUsize::new(0),
    };
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| server.run(&engine, &stop).unwrap());
        let (front, treat, stop) = (&front, &treat, &stop);
        let address = listener.local_addr().unwrap();
        scope.spawn(move || {
            for stream in listener.incoming() {
                if stop.is_cancelled() {
                    return;
                }
                let stream = stream.unwrap();
                scope.spawn(move || while one(front, &stream, behind, treat).is_some() {});
            }
        });
        let tested = catch_unwind(AssertUnwindSafe(|| test(&engine, front)));
        stop.cancel();
        // So that the listener looks at it.
        drop(TcpStream::connect(address));
        tested.unwrap();
    });
}

/// One request; `None` when the connection is over.
fn one(
    front: &Front,
    stream: &TcpStream,
    behind: SocketAddr,
    treat: &(impl Fn(usize, &str) -> Treatment + Sync),
) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut reader = BufReader::new(stream);
    let (head, body) = message(&mut reader)?;
    let operation = header(&head, "x-amz-target")?.trim_start_matches("DataPipeline.").to_owned();
    let number = front.count.fetch_add(1, Ordering::AcqRel) + 1;
    let treatment = treat(number, &operation);
    let answer = match &treatment {
        Treatment::Answer(status, body) => format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n\
             x-amzn-RequestId: front-{number}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
        Treatment::Pass | Treatment::Lose => {
            let mut service = TcpStream::connect(behind).ok()?;
            service.write_all(head.as_bytes()).ok()?;
            service.write_all(&body).ok()?;
            let (head, body) = message(&mut BufReader::new(service))?;
            [head.into_bytes(), body].concat()
        }
    };
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    front.heard.lock().unwrap().push(Heard {
        operation,
        body: String::from_utf8(body).ok()?,
        head,
        status,
    });
    if let Treatment::Lose = treatment {
        return None;
    }
    (&*stream).write_all(&answer).ok()
}

/// A message's head, with the empty line, and its body.
fn message(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
