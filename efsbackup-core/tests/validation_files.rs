//! What validation says, file by file: for each code a definition that has it, with all that
//! `efsbackup pipeline validate` says of it; and the page that lists the codes.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/golden.rs"]
mod golden;

use efsbackup_core::formats::cli;
use efsbackup_core::pipeline::{Code, Severity};
use golden::{is_golden, root};
use std::fmt::Write;

#[test]
fn each_code_has_a_file_and_says_what_it_did() {
    let folder = root().join("tests/vectors/validation");
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let path = folder.join(format!("{code}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let mut said = String::new();
        for finding in cli::read(&text).unwrap().validate().findings {
            writeln!(said, "{finding}").unwrap();
        }
        assert!(said.contains(&format!("{code} ")), "{path:?} has no {code}:\n{said}");
        if !is_golden(&folder.join(format!("{code}.txt")), &said) {
            wrong.push(format!("{code}:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "changed (make golden writes them anew): {}", wrong.join("\n"));
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, 2 * Code::ALL.len(), "a file is of no code");
}

/// `docs/validation.md`, from the table of codes.
fn page() -> String {
    let mut page = String::from(
        "# What `efsbackup pipeline validate` finds\n\n\
         Each finding is a line, `CODE object.field: what is wrong and how to mend it`. A code \
         never changes its\nmeaning. With an error the exit status is 1; warnings are for people. \
         Where AWS's own samples break what\nits guide says, the finding is a warning. \
         `tests/vectors/validation` has a definition for each code.\n\n\
         <!-- Written by `make golden` from efsbackup-core/src/pipeline/validate/finding.rs. -->\n",
    );
    for (severity, title) in [(Severity::Error, "Errors"), (Severity::Warning, "Warnings")] {
        write!(page, "\n## {title}\n\n| code | meaning |\n|---|---|\n").unwrap();
        for code in Code::ALL.iter().filter(|code| code.severity() == severity) {
            writeln!(page, "| {code} | {} |", code.meaning()).unwrap();
        }
    }
    page
}

#[test]
fn the_page_lists_the_codes_of_this_release() {
    let is_golden = is_golden(&root().join("docs/validation.md"), &page());
    assert!(is_golden, "docs/validation.md is behind the source; run `make golden`");
}
