//! One connection: its requests, one after the other.

use super::ServeOptions;
use super::dispatch::{self, Waits};
use super::rate::Rate;
use crate::cancel::CancelToken;
use crate::engine::Engine;
use crate::wire::CONTENT_TYPE;
use crate::wire::fault::Fault;
use crate::wire::http::{Connection, Head, Patience, Trouble};
use crate::wire::sigv4::Claim;
use jiff::Timestamp;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Serves until the client, the time or `stop` ends it. The connection's own errors are
/// nobody's business but its client's.
pub(super) fn serve(
    stream: TcpStream,
    engine: &Engine,
    options: &ServeOptions,
    rate: &Rate,
    stop: &CancelToken,
) {
    let patience = Patience { idle: options.idle_time, whole: options.request_time };
    let Ok(mut connection) = Connection::new(stream, patience) else { return };
    let numbers = AtomicU64::new(0);
    while !stop.is_cancelled() {
        let head = match connection.request(&|| stop.is_cancelled()) {
            Ok(head) => head,
            Err(trouble) => return refuse(&mut connection, trouble),
        };
        let answer = match request(&mut connection, &head, engine, options, rate, stop) {
            Ok(answer) => answer,
            Err(Refused::Trouble(trouble)) => return refuse(&mut connection, trouble),
            // What follows on this connection may be the rest of an unread body.
            Err(Refused::Unread(fault)) => return write(&mut connection, 0, fault, false),
        };
        let keeps = head.keeps_alive && !stop.is_cancelled();
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(body) => {
                let head = head_of(200, body.len(), number, keeps);
                if connection.write(&head, &body).is_err() {
                    return;
                }
            }
            Err(fault) => write(&mut connection, number, fault, keeps),
        }
        if !keeps {
            return;
        }
    }
}

/// Why the connection can't go on.
enum Refused {
    Trouble(Trouble),
    Unread(Fault),
}

/// Reads the rest of a request and does it.
fn request(
    connection: &mut Connection,
    head: &Head,
    engine: &Engine,
    options: &ServeOptions,
    rate: &Rate,
    stop: &CancelToken,
) -> Result<Result<Vec<u8>, Fault>, Refused> {
    if head.method != "POST" || head.path != "/" {
        let fault = Fault::new(404, "UnknownOperationException", "requests are POST / only");
        return Err(Refused::Unread(fault));
    }
    // What has no known key is not worth reading.
    let claim = Claim::read(head, &options.keys, Timestamp::now()).map_err(Refused::Unread)?;
    let body = connection.body(head, options.longest_body).map_err(Refused::Trouble)?;
    claim.verify(head, &body).map_err(Refused::Unread)?;
    if !rate.pass(Instant::now()) {
        return Ok(Err(Fault::new(400, "ThrottlingException", "Rate exceeded")));
    }
    let gone = || stop.is_cancelled() || connection.is_gone();
    let waits = Waits { time: options.poll_time, gone: &gone };
    let target = head.header("x-amz-target").unwrap_or_default();
    Ok(dispatch::call(engine, target, &body, &waits))
}

fn refuse(connection: &mut Connection, trouble: Trouble) {
    let fault = match trouble {
        Trouble::Closed | Trouble::Stopped | Trouble::Broken(_) => return,
        Trouble::Slow => Fault::new(408, "RequestTimeout", "the request took too long"),
        Trouble::TooLong => Fault::new(413, "RequestEntityTooLarge", "the request is too long"),
        Trouble::Malformed(text) => Fault::new(400, "SerializationException", text),
    };
    write(connection, 0, fault, false);
}

fn write(connection: &mut Connection, number: u64, fault: Fault, keeps: bool) {
    let body = fault.to_json();
    let head = head_of(fault.status, body.len(), number, keeps);
    // Who does not read the answer will not miss it.
    drop(connection.write(&head, &body));
}

fn head_of(status: u16, length: usize, number: u64, keeps: bool) -> String {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        _ => "Internal Server Error",
    };
    let connection = if keeps { "keep-alive" } else { "close" };
    let time = Timestamp::now().as_microsecond();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\
         x-amzn-RequestId: {time:016x}-{number:08x}\r\nConnection: {connection}\r\n\r\n"
    )
}
