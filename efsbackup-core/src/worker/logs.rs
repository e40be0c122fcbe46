//! The log folder of one attempt.

use super::capped::Capped;
use super::job::Job;
use super::mask::Masker;
use super::place::local_path;
use crate::clock::Clock;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How much of standard error goes into a failure: `errorStackTrace` holds 1024 characters.
const TAIL: usize = 1024;

/// How much of its last line goes into a failure's message, in characters.
const LINE: usize = 200;

/// The names of the logs.
pub(super) const STD_OUTPUT: &str = "StdOutput";
pub(super) const STD_ERROR: &str = "StdError";
pub(super) const ACTIVITY: &str = "Activity.log";

/// An attempt's folder, `<pipelineId>/<componentId>/<instanceId>/<attemptId>/`, and the
/// worker's own log in it.
pub(super) struct Logs {
    pub(super) dir: PathBuf,
    /// The folder's names, from that of the pipeline on.
    pub(super) names: [String; 4],
    /// Whether there are logs of a script.
    pub(super) is_captured: bool,
    activity: File,
    masker: Masker,
}

impl Logs {
    /// Makes the folder, below the job's own log URI where that is a local path, else
    /// below `default`.
    pub(super) fn open(default: &Path, pipeline: &str, attempt: &str, job: &Job) -> Result<Logs> {
        let base = job.log_uri.as_deref().and_then(local_path).unwrap_or(default);
        let names = [pipeline, &job.component, &job.instance, attempt].map(file_name);
        let dir = names.iter().fold(base.to_owned(), |dir, name| dir.join(name));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|error| Error::from_io("make log folder", error).with_path(dir.as_path()))?;
        let activity = create(&dir, ACTIVITY)?;
        let masker = Masker::new(job.secrets.iter().map(String::as_str));
        Ok(Logs { dir, names, is_captured: false, activity, masker })
    }

    /// Adds a line to the worker's own log.
    pub(super) fn note(&mut self, clock: &dyn Clock, text: &str) {
        let time = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let line = format!("{time} {}\n", self.masker.text(text));
        // A full log disk must not fail a backup.
        let _ = self.activity.write_all(line.as_bytes());
    }

    /// Copies `stream` into the file `name` until all its writers are gone; of more than
    /// `limit` bytes, the beginning and the end.
    pub(super) fn capture(
        &mut self,
        name: &'static str,
        stream: impl Read + Send + 'static,
        limit: u64,
    ) -> Result<Capture> {
        self.is_captured = true;
        let file = Capped::new(create(&self.dir, name)?, limit);
        let masker = self.masker.clone();
        let (send, receive) = channel();
        thread::Builder::new()
            .name(format!("log {name}"))
            .spawn(move || {
                // The receiver may have given up; then nobody wants the result.
                let _ = send.send(pump(stream, file, masker));
            })
            .map_err(|error| Error::from_io("start log thread", error))?;
        Ok(Capture { name, receive })
    }
}

fn create(dir: &Path, name: &str) -> Result<File> {
    let path = dir.join(name);
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| Error::from_io("create log", error).with_path(path))
}

/// An id as the name of one file: `/` and a leading dot would lead elsewhere.
fn file_name(id: &str) -> String {
    let name = id.replace('%', "%25").replace('/', "%2F").replace('\0', "%00");
    match name.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => name,
    }
}

/// A stream on its way into its file.
pub(super) struct Capture {
    name: &'static str,
    receive: Receiver<(VecDeque<u8>, io::Result<()>)>,
}

/// What came of a [`Capture`].
pub(super) struct Captured {
    /// The stream's last lines.
    pub(super) tail: String,
    /// Why the file is not complete.
    pub(super) problem: Option<String>,
}

impl Captured {
    /// The last line, cut where it is long; most programs say there why they gave up.
    pub(super) fn last_line(&self) -> Option<String> {
        let line = self.tail.lines().next_back()?.trim().replace('\t', " ");
        match line.char_indices().nth(LINE) {
            Some((end, _)) => Some(format!("{}…", line.get(..end).unwrap_or_default())),
            None => Some(line).filter(|line| !line.is_empty()),
        }
    }
}

impl Capture {
    /// Waits for the end of the stream, though not for ever: a process that hangs in a
    /// system call may hold it open.
    pub(super) fn finish(self) -> Captured {
        match self.receive.recv_timeout(Duration::from_secs(5)) {
            Ok((mut tail, written)) => Captured {
                tail: last_lines(tail.make_contiguous()),
                problem: written.err().map(|error| {
                    let error = Error::from_io("write log", error);
                    format!("{} is not complete: {error}", self.name)
                }),
            },
            Err(_) => Captured {
                tail: String::new(),
                problem: Some(format!("{} is not complete: a process holds it open", self.name)),
            },
        }
    }
}

/// Goes on reading after a failed write: a full pipe would stop the command.
fn pump(
    mut stream: impl Read,
    mut file: Capped<File>,
    mut masker: Masker,
) -> (VecDeque<u8>, io::Result<()>) {
    let mut tail = VecDeque::with_capacity(4 * TAIL);
    let mut written = Ok(());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let (bytes, last) = match stream.read(&mut buffer) {
            Ok(0) => (masker.finish(), true),
            Ok(length) => (masker.push(buffer.get(..length).unwrap_or_default()), false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                written = written.and(Err(error));
                (masker.finish(), true)
            }
        };
        if written.is_ok() {
            written = file.write(&bytes);
        }
        tail.extend(bytes.iter().skip(bytes.len().saturating_sub(4 * TAIL)));
        tail.drain(..tail.len().saturating_sub(4 * TAIL));
        if last {
            return (tail, written.and_then(|()| file.finish()));
        }
    }
}

/// The last whole lines of at most [`TAIL`] characters that the API takes as they are.
fn last_lines(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().replace("\r\n", "\n").chars() {
            match character {
                '\n' | '\t' => text.push(character),
                other if other.is_control() => text.extend(other.escape_default()),
                other => text.push(other),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    let text = text.trim_end();
    let Some((start, _)) = text.char_indices().rev().nth(TAIL - 1).filter(|(at, _)| *at > 0) else {
        return text.to_owned();
    };
    let cut = text.get(start..).unwrap_or_default();
    match cut.split_once('\n') {
        Some((_, lines)) => lines.to_owned(),
        None => cut.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_below_their_folder() {
        assert_eq!(file_name("../../etc"), "%2E.%2F..%2Fetc");
        assert_eq!(file_name("@A_2026-01-01T00:00:00"), "@A_2026-01-01T00:00:00");
    }

    #[test]
    fn the_last_line_is_one_line_of_bounded_length() {
        let last = |tail: &str| {
            let captured = Captured { tail: last_lines(tail.as_bytes()), problem: None };
            captured.last_line()
        };
        assert_eq!(last(""), None);
        assert_eq!(last(" \n"), None);
        assert_eq!(last("one\n\ttwo\tof\r\n\n").as_deref(), Some("two of"));
        let cut = last(&"é".repeat(LINE + 1)).unwrap();
        assert_eq!(cut, format!("{}…", "é".repeat(LINE)));
    }

    #[test]
    fn the_tail_is_whole_lines_that_fit() {
        assert_eq!(last_lines(b"one\ntwo\n"), "one\ntwo");
        assert_eq!(last_lines(b"\xff\x1b[0m"), "\\xff\\u{1b}[0m");
        let long = format!("{}\nlast", "x".repeat(TAIL));
        assert_eq!(last_lines(long.as_bytes()), "last");
        assert_eq!(last_lines("y".repeat(3 * TAIL).as_bytes()).len(), TAIL);
    }
}
