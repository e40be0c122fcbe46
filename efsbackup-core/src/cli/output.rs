//! Where the command's words go.
//!
//! Results go to stdout, for scripts; notes and errors go to stderr and the log file, for
//! people. With `--json`, stdout carries one JSON document and nothing else.

use super::args::Global;
use super::exit::Exit;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Level, Record};
use jiff::Timestamp;
use serde::Serialize;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared handle; clones write to the same place. Lines from several threads stay whole.
#[derive(Clone)]
pub(crate) struct Output(Arc<Inner>);

struct Inner {
    json: bool,
    quiet: bool,
    verbose: bool,
    stdout: Mutex<Results>,
    log: Option<File>,
}

/// Standard output, its first error, and whether the JSON document is out.
struct Results {
    writer: BufWriter<Stdout>,
    flush_lines: bool,
    error: Option<io::Error>,
    document_written: bool,
}

impl Results {
    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let mut result = self.writer.write_all(bytes);
        if self.flush_lines {
            result = result.and_then(|()| self.writer.flush());
        }
        self.error = result.err();
    }
}

impl Output {
    /// The output that the options ask for.
    ///
    /// # Errors
    /// When the log file can't be opened.
    pub(crate) fn new(global: &Global) -> Result<Output> {
        let open = |path: &PathBuf| {
            OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
                Error::from_io("open the log file", error).with_path(BytePath::from(path.as_path()))
            })
        };
        let log = global.log_file.as_ref().map(open).transpose()?;
        Ok(Output::with_log(global, log))
    }

    /// The output without a log file.
    pub(crate) fn without_log(global: &Global) -> Output {
        Output::with_log(global, None)
    }

    fn with_log(global: &Global, log: Option<File>) -> Output {
        let stdout = io::stdout();
        Output(Arc::new(Inner {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            stdout: Mutex::new(Results {
                flush_lines: stdout.is_terminal(),
                writer: BufWriter::with_capacity(1 << 16, stdout),
                error: None,
                document_written: false,
            }),
            log,
        }))
    }

    /// Whether the results are one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.0.json
    }

    /// Whether notes are left out.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.quiet
    }

    /// Writes a line of the result to stdout: any bytes, without the line feed. With
    /// `--json`, nothing: the document is the result.
    pub(crate) fn line(&self, text: impl AsRef<[u8]>) {
        if !self.0.json {
            let line = [text.as_ref(), b"\n"].concat();
            self.results(|results| results.write(&line));
        }
    }

    /// Hands what was written so far to whoever reads stdout.
    pub(crate) fn flush(&self) {
        self.results(|results| {
            if results.error.is_none() {
                results.error = results.writer.flush().err();
            }
        });
    }

    /// Writes the one JSON document to stdout; without `--json`, nothing.
    pub(crate) fn document(&self, value: &impl Serialize) -> Result<()> {
        if !self.0.json {
            return Ok(());
        }
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| Error::new(ErrorKind::Internal, "write JSON").with_source(error))?;
        text.push(b'\n');
        self.results(|results| {
            results.document_written = true;
            results.write(&text);
        });
        Ok(())
    }

    /// Tells a person something on stderr, unless `--quiet`; and in the log file.
    pub(crate) fn note(&self, text: &str) {
        if !self.0.quiet {
            stderr_line(text);
        }
        self.log(text);
    }

    /// Tells of a problem on stderr, `--quiet` or not; and in the log file.
    pub(crate) fn warn(&self, text: &str) {
        stderr_line(text);
        self.log(text);
    }

    /// Tells of what the library did, as it deserves.
    pub(crate) fn record(&self, record: &Record) {
        match record.level {
            Level::Debug | Level::Info => self.note(&record.message),
            Level::Warning => self.warn(&format!("warning: {}", record.message)),
            Level::Error => self.warn(&record.message),
        }
    }

    /// Tells of the error that ends the command: a line on stderr, or the JSON document if
    /// none was written; and in the log file.
    pub(crate) fn error(&self, error: &Error) {
        let text = if self.0.verbose {
            format!("efsbackup: {error:#}")
        } else {
            format!("efsbackup: {error}")
        };
        self.log(&text);
        let documented = self.results(|results| results.document_written);
        if self.0.json && !documented && self.document(&ErrorDocument::of(error)).is_ok() {
            return;
        }
        stderr_line(&text);
    }

    /// Notes the start of the command in the log file, without the values of parameters:
    /// any of them may be a secret.
    pub(crate) fn log_start(&self, arguments: &[OsString]) {
        let mut is_value = false;
        let words = arguments.iter().map(|argument| {
            let word = BytePath::from(Path::new(argument)).to_string();
            let (option, value) = match word.strip_prefix("--value=") {
                Some(value) => ("--value=", value),
                None if is_value => ("", word.as_str()),
                None => {
                    is_value = word == "--value";
                    return word;
                }
            };
            is_value = false;
            let (name, _) = value.split_once('=').unwrap_or_default();
            format!("{option}{name}=*****")
        });
        self.log(&words.collect::<Vec<_>>().join(" "));
    }

    /// Writes out what is buffered. A result that could not be written turns success into
    /// failure, but a reader that went away (EPIPE) wanted no more of it.
    pub(crate) fn finish(&self, exit: Exit) -> Exit {
        let error = self.results(|results| {
            if results.error.is_none() {
                results.error = results.writer.flush().err();
            }
            results.error.take()
        });
        let exit = match error {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let text = format!("efsbackup: {}", Error::from_io("write to stdout", error));
                self.warn(&text);
                if exit == Exit::COMPLETE { Exit::FAILED } else { exit }
            }
            _ => exit,
        };
        self.log(&format!("exit status {}", exit.status()));
        exit
    }

    fn log(&self, text: &str) {
        if let Some(mut file) = self.0.log.as_ref() {
            let line = format!("{:.3} {text}\n", Timestamp::now());
            // There is nowhere better left to tell of it.
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn results<T>(&self, f: impl FnOnce(&mut Results) -> T) -> T {
        f(&mut self.0.stdout.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells of wrong arguments, when there are no options yet to go by.
pub(crate) fn usage_error(error: &Error, json: bool) {
    let mut stdout = io::stdout();
    if json && serde_json::to_writer_pretty(&mut stdout, &ErrorDocument::of(error)).is_ok() {
        let _ = stdout.write_all(b"\n");
    } else {
        stderr_line(&format!("efsbackup: {}", error.message()));
    }
}

fn stderr_line(text: &str) {
    // One write a line, so that lines of several processes stay whole.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// The document that tells of an error.
#[derive(Serialize)]
struct ErrorDocument {
    error: ErrorFields,
    exit: u8,
}

#[derive(Serialize)]
struct ErrorFields {
    kind: &'static str,
    op: &'static str,
    message: String,
    /// All of it, as it stands on stderr without `--json`.
    line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<i32>,
}

impl ErrorDocument {
    fn of(error: &Error) -> ErrorDocument {
        let path_b64 = error.path().filter(|path| path.to_utf8().is_none());
        ErrorDocument {
            error: ErrorFields {
                kind: error.kind().name(),
                op: error.op(),
                message: error.message(),
                line: error.to_string(),
                path: error.path().map(BytePath::to_text),
                path_b64: path_b64.map(|path| data_encoding::BASE64.encode(path.as_bytes())),
                errno: error.errno(),
            },
            exit: Exit::of(error).status(),
        }
    }
}
