//! Every exported function stands behind a guard, and the header tells of each of them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

/// The exported functions of the crate: name and body.
fn exported() -> Vec<(String, String)> {
    let mut functions = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for part in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (head, body) = part.split_once("{\n").unwrap();
            let name = head.split_once("extern \"C\" fn ").unwrap().1.split('(').next().unwrap();
            let body = body.split_once("\n}").unwrap().0;
            functions.push((name.to_owned(), body.to_owned()));
        }
    }
    assert!(functions.len() > 30, "only {} functions found", functions.len());
    functions
}

#[test]
fn every_exported_function_is_one_guard() {
    for (name, body) in exported() {
        let body = body.trim_start();
        // A safety comment may stand before; `efsb_test_panic` prepares its panic before.
        let first = body.lines().find(|line| !line.trim_start().starts_with("//")).unwrap();
        let guarded = first.contains("guard! {") || first.contains("guard_or!(");
        assert!(guarded || name == "efsb_test_panic", "{name} begins with: {first}");
        let guards = body.matches("guard!").count() + body.matches("guard_or!").count();
        assert_eq!(guards, 1, "{name}");
    }
}

#[test]
fn the_header_tells_of_every_function_with_a_comment() {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/efsbackup.h");
    let header = fs::read_to_string(header).unwrap();
    for (name, _) in exported() {
        assert!(name.starts_with("efsb_"), "{name}");
        let declared = header.contains(&format!("{name}("));
        assert_eq!(declared, name != "efsb_test_panic", "{name}");
    }
    for (before, line) in header.lines().zip(header.lines().skip(1)) {
        let constant = line.starts_with("#define EFSB_") && !line.contains("VERSION_");
        assert!(!constant || before == " */", "no comment before: {line}");
    }
}
