//! HTTP/1.1 in the narrow form that this API needs: one body of a stated length a message.
//!
//! Whatever could be read in two ways (a length given twice, chunks, a folded header) is
//! refused, so that no proxy in front can see other borders between requests.

use super::sigv4::Headers;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest start line with headers, in bytes.
pub(crate) const LONGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// The longest wait in one system call: how soon a stop is noticed.
const SLICE: Duration = Duration::from_millis(50);

/// Why a message could not be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The other side has closed the connection between two messages.
    Closed,
    /// The caller's `stop` said so, between two messages.
    Stopped,
    /// It took too long.
    Slow,
    /// Head or body is longer than allowed.
    TooLong,
    /// It is not what this side understands.
    Malformed(&'static str),
    /// The connection broke.
    Broken(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Broken(error)
    }
}

/// The head of a request or an answer.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// `POST /` of a request; empty in an answer.
    pub(crate) method: String,
    pub(crate) path: String,
    /// Of an answer.
    pub(crate) status: u16,
    pub(crate) keeps_alive: bool,
    headers: Vec<(String, String)>,
    length: usize,
}

impl Headers for Head {
    fn values<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(
            self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value),
        )
    }
}

impl Head {
    /// The header's first value; `name` in small letters.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }
}

/// How long a side waits for the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the first byte of a message.
    pub(crate) idle: Duration,
    /// From the first byte of a message to its last.
    pub(crate) whole: Duration,
}

/// A connection and what was read of it too early.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    patience: Patience,
    until: Instant,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, patience: Patience) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SLICE))?;
        stream.set_write_timeout(Some(patience.whole))?;
        Ok(Connection { stream, buffer: Vec::new(), patience, until: Instant::now() })
    }

    /// Reads the head of the next request; the body is still to be read.
    pub(crate) fn request(&mut self, stop: &dyn Fn() -> bool) -> Result<Head, Trouble> {
        self.head(stop, |text| {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut request = httparse::Request::new(&mut headers);
            let read =
                request.parse(text).map_err(|_| Trouble::Malformed("this is not HTTP/1.1"))?;
            let httparse::Status::Complete(length) = read else { return Ok(None) };
            let keeps_alive = request.version == Some(1);
            let (method, path) =
                (request.method.unwrap_or_default(), request.path.unwrap_or_default());
            let (method, path) = (method.to_owned(), path.to_owned());
            let headers = owned(request.headers)?;
            Ok(Some((
                length,
                finish(Head { method, path, keeps_alive, headers, ..Head::default() })?,
            )))
        })
    }

    /// Reads the head of the answer, unless `stop` says so before it begins.
    pub(crate) fn answer(&mut self, stop: &dyn Fn() -> bool) -> Result<Head, Trouble> {
        self.head(stop, |text| {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            let read =
                response.parse(text).map_err(|_| Trouble::Malformed("this is not HTTP/1.1"))?;
            let httparse::Status::Complete(length) = read else { return Ok(None) };
            let status = response.code.unwrap_or_default();
            let headers = owned(response.headers)?;
            Ok(Some((length, finish(Head { status, headers, ..Head::default() })?)))
        })
    }

    fn head(
        &mut self,
        stop: &dyn Fn() -> bool,
        parse: impl Fn(&[u8]) -> Result<Option<(usize, Head)>, Trouble>,
    ) -> Result<Head, Trouble> {
        self.until = Instant::now() + self.patience.idle;
        let mut begun = false;
        loop {
            if !self.buffer.is_empty() {
                if !begun {
                    begun = true;
                    self.until = Instant::now() + self.patience.whole;
                }
                if let Some((length, head)) = parse(&self.buffer)? {
                    self.buffer.drain(..length);
                    return Ok(head);
                }
                if self.buffer.len() > LONGEST_HEAD {
                    return Err(Trouble::TooLong);
                }
            }
            // A request that has begun is still answered.
            let stopped = || !begun && stop();
            match self.fill(LONGEST_HEAD + 1, &stopped) {
                Err(Trouble::Closed) if begun => {
                    return Err(Trouble::Malformed("the head is cut short"));
                }
                other => other?,
            }
        }
    }

    /// Reads the body of the message whose head was read last.
    pub(crate) fn body(&mut self, head: &Head, longest: usize) -> Result<Vec<u8>, Trouble> {
        if head.length > longest {
            return Err(Trouble::TooLong);
        }
        // Grows with what has come, not with what was promised.
        while self.buffer.len() < head.length {
            match self.fill(head.length, &|| false) {
                Err(Trouble::Closed) => return Err(Trouble::Malformed("the body is cut short")),
                other => other?,
            }
        }
        let rest = self.buffer.split_off(head.length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// Reads some bytes, until the buffer has `most`.
    fn fill(&mut self, most: usize, stop: &dyn Fn() -> bool) -> Result<(), Trouble> {
        let mut chunk = [0; 16 * 1024];
        let room = most.saturating_sub(self.buffer.len()).clamp(1, chunk.len());
        loop {
            let part = chunk.get_mut(..room).unwrap_or_default();
            match self.stream.read(part) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(count) => {
                    self.buffer.extend_from_slice(part.get(..count).unwrap_or_default());
                    // A byte now and then does not prolong the time.
                    return if Instant::now() < self.until { Ok(()) } else { Err(Trouble::Slow) };
                }
                Err(error) if is_wait(&error) => {
                    if stop() {
                        return Err(Trouble::Stopped);
                    }
                    if Instant::now() >= self.until {
                        return Err(Trouble::Slow);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes a whole message.
    pub(crate) fn write(&mut self, head: &str, body: &[u8]) -> io::Result<()> {
        // One packet where it fits.
        let mut message = head.as_bytes().to_vec();
        message.extend_from_slice(body);
        self.stream.write_all(&message)
    }

    /// Whether the other side has closed the connection, or sends what nobody asked for.
    pub(crate) fn is_gone(&self) -> bool {
        let mut byte = [0];
        let peeked = self
            .stream
            .set_nonblocking(true)
            .map(|()| self.stream.peek(&mut byte))
            .and_then(|peeked| self.stream.set_nonblocking(false).map(|()| peeked));
        match peeked {
            Ok(Ok(count)) => count == 0,
            Ok(Err(error)) => !is_wait(&error),
            Err(_) => true,
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn owned(headers: &[httparse::Header<'_>]) -> Result<Vec<(String, String)>, Trouble> {
    let text = |header: &httparse::Header<'_>| {
        let value = std::str::from_utf8(header.value)
            .map_err(|_| Trouble::Malformed("a header is not text"))?;
        Ok((header.name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    headers.iter().map(text).collect()
}

/// What the headers say of the message's borders.
fn finish(mut head: Head) -> Result<Head, Trouble> {
    for unknown in ["transfer-encoding", "expect", "upgrade"] {
        if head.header(unknown).is_some() {
            return Err(Trouble::Malformed("a body is sent with its Content-Length, at once"));
        }
    }
    let mut lengths = head.values("content-length");
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => 0,
        (Some(text), None) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(|_| Trouble::TooLong)?
        }
        _ => return Err(Trouble::Malformed("Content-Length is not one number")),
    };
    drop(lengths);
    let closes = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    head.keeps_alive &= !closes;
    head.length = length;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn read(text: &[u8]) -> Result<(Head, Vec<u8>), Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(text).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let patience = Patience { idle: Duration::from_secs(5), whole: Duration::from_secs(5) };
        let mut connection = Connection::new(listener.accept().unwrap().0, patience).unwrap();
        let head = connection.request(&|| false)?;
        let body = connection.body(&head, 100)?;
        Ok((head, body))
    }

    #[test]
    fn a_request_is_read() {
        let (head, body) =
            read(b"POST / HTTP/1.1\r\nX-A:  b \r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!((&*head.method, &*head.path, head.header("x-a")), ("POST", "/", Some("b")));
        assert_eq!(body, b"{}");
        assert!(head.keeps_alive);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let refused = [
            &b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"[..],
            b"POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
            b"POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n{}",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: identity\r\n\r\n{}",
            b"POST / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}",
            b"POST / HT",
        ];
        for text in refused {
            let result = read(text);
            assert!(
                matches!(result, Err(Trouble::Malformed(_))),
                "{:?}",
                result.map(|read| read.1)
            );
        }
        let long = [b"POST / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; LONGEST_HEAD]].concat();
        assert!(matches!(read(&long), Err(Trouble::TooLong)));
        let big = b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n";
        assert!(matches!(read(big), Err(Trouble::TooLong)));
        assert!(matches!(read(b""), Err(Trouble::Closed)));
    }
}
