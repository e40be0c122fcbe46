//! One table of errors: Rust's kinds, C's constants, Python's kinds and classes, and
//! docs/errors.md say the same. `EFSB_WRITE_GOLDEN=1` (`make golden`) writes the page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::ErrorKind;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// A kind of error as one language has it.
#[derive(Debug, PartialEq)]
struct Row {
    code: i32,
    name: String,
    meaning: String,
}

/// `NOT_FOUND` for `not-found`.
fn constant(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

/// The kinds of the core, with what their comments say.
fn rust() -> Vec<Row> {
    let source = read("efsbackup-core/src/error.rs");
    let table = source.split_once("error_kinds! {\n").unwrap().1.split_once("\n}").unwrap().0;
    let comments: Vec<&str> =
        table.lines().filter_map(|line| line.trim().strip_prefix("/// ")).collect();
    assert_eq!(comments.len(), ErrorKind::ALL.len());
    let kinds = ErrorKind::ALL.iter().zip(comments);
    let row = |(kind, comment): (&ErrorKind, &str)| Row {
        code: kind.code(),
        name: kind.name().to_owned(),
        meaning: comment.to_owned(),
    };
    kinds.map(row).collect()
}

/// The constants of the header up to `last`, named as the core's kinds are.
fn c(last: i32) -> Vec<Row> {
    let header = read("include/efsbackup.h");
    let lines: Vec<&str> = header.lines().collect();
    let start = lines.iter().position(|line| *line == "#define EFSB_INVALID_INPUT 1").unwrap();
    let defined = lines.iter().enumerate().skip(start).filter_map(|(place, line)| {
        let (name, code) = line.strip_prefix("#define EFSB_")?.split_once(' ')?;
        let name = name.to_lowercase().replace('_', "-");
        let meaning = lines[place - 2].trim_start_matches(" * ").to_owned();
        Some(Row { code: code.parse().ok()?, name, meaning })
    });
    defined.take_while(|row| row.code <= last).collect()
}

/// Python's kinds with their classes.
fn python() -> Vec<(String, String)> {
    let source = read("efsbackup-py/python/efsbackup/_errors.py");
    let kinds = source.split_once("class ErrorKind(").unwrap().1.split_once("class ").unwrap().0;
    let kinds = kinds.lines().filter_map(|line| line.trim().split_once(" = \""));
    let class = |key: &str| {
        let row = format!("    ErrorKind.{key}: ");
        let (_, rest) = source.split_once(&row).unwrap_or_else(|| panic!("no class of {key}"));
        rest.split(',').next().unwrap().to_owned()
    };
    let row = |(key, name): (&str, &str)| {
        let name = name.trim_end_matches('"');
        assert_eq!(key, constant(name));
        (name.to_owned(), class(key))
    };
    kinds.map(row).collect()
}

#[test]
fn every_language_has_the_same_errors() {
    let rust = rust();
    assert_eq!(c(rust.last().unwrap().code), rust);
    let names: Vec<String> = python().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, rust.iter().map(|row| row.name.clone()).collect::<Vec<_>>());
}

#[test]
fn the_page_lists_the_errors_of_this_release() {
    let mut page = String::from(
        "# Errors\n\n\
         One list for every language; it only grows, and no number or name is ever used again. \
         An error also\ntells the operation, the file and the operating system's number, where \
         it has them. In Rust it is\n`efsbackup_core::Error`, with `kind()`; in C what \
         `efsb_last_error_kind()` and its fellows tell; in Python\nan exception, with `kind`. \
         Every Python class is an `EfsBackupError`; `NotFoundError` is a\n`FileNotFoundError` \
         too, and so on. In the command's `--json` it is `kind`.\n\n\
         <!-- Written by `make golden` from efsbackup-core/src/error.rs. -->\n\n\
         | number | name | C | Python | meaning |\n|---:|---|---|---|---|\n",
    );
    for (row, (_, class)) in rust().into_iter().zip(python()) {
        let Row { code, name, meaning } = row;
        let constant = constant(&name);
        writeln!(page, "| {code} | {name} | `EFSB_{constant}` | `{class}` | {meaning} |").unwrap();
    }
    page += "\nC alone has `EFSB_NULL_ARGUMENT` (1001), `EFSB_PANIC` (1002: a fault of this \
             library, stopped before it\nreached the caller) and `EFSB_E2BIG` (1003: options of \
             a later header say what this library does not know).\n";
    let path = root().join("docs/errors.md");
    if std::env::var_os("EFSB_WRITE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(read("docs/errors.md") == page, "docs/errors.md is behind; run `make golden`");
}
