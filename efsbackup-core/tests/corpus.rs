//! Definitions that others wrote: set EFSBACKUP_CORPUS to a folder of them. None is part of
//! this project.

#![cfg(feature = "cfn")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use efsbackup_core::formats::{self, Format};
use efsbackup_core::params;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            files(&path, found);
        } else if ["json", "yaml", "yml", "template"].contains(&ending) {
            found.push(path);
        }
    }
}

/// Each file reads and comes back the same from every form that can carry it, or is
/// refused; nothing panics.
#[test]
fn definitions_of_others_survive_every_form() {
    let Some(folder) = std::env::var_os("EFSBACKUP_CORPUS") else {
        // Past the harness, which keeps to itself what a passing test prints.
        let why = "EFSBACKUP_CORPUS names no folder of definitions";
        let _ =
            writeln!(std::io::stderr(), "SKIPPED definitions_of_others_survive_every_form: {why}");
        return;
    };
    let mut found = Vec::new();
    files(folder.as_ref(), &mut found);
    let mut read = 0;
    for path in &found {
        let name = path.strip_prefix(&folder).unwrap().display();
        let document = match formats::read_path(path) {
            Ok(document) => document,
            Err(error) => {
                eprintln!("refused {name}: {}", error.message());
                continue;
            }
        };
        read += 1;
        for format in Format::ALL {
            match document.write(format) {
                Ok(text) => {
                    let again = formats::read(text.as_bytes()).unwrap();
                    assert_eq!(again.write(format).unwrap(), text, "{name} as {format:?}");
                    if format == document.format {
                        assert_eq!(again.definition, document.definition, "{name}");
                    }
                }
                Err(error) => eprintln!("{name} not as {}: {}", format.name(), error.message()),
            }
        }
        for finding in document.definition.validate().findings {
            eprintln!("{name}: {finding}");
        }
        if let Err(error) = params::resolve(&document.definition, &[], params::Options::default()) {
            eprintln!("{name} does not resolve: {}", error.message());
        }
    }
    assert!(read > 0, "no definition in {}", folder.display());
    eprintln!("{read} of {} files are definitions", found.len());
}
