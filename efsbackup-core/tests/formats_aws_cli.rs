//! The AWS CLI's own translation as the judge of ours: what it sends, field for field in
//! the same order, and what it prints again.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats::{self, Format, Reader};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the AWS CLI makes of each file.
fn translated(files: &[PathBuf]) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/aws_cli_translate.py");
    let import = Command::new("python3").args(["-c", "import awscli"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        let _ = probe::skip("python3 has no package awscli (`make tools` installs it)");
        return None;
    }
    let output = Command::new("python3").arg(script).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Compares one file with what the AWS CLI made of it. Values in the order of the text are
/// equal only if keys stand in the same order, which `Value` alone would not show.
fn compare(file: &Path, theirs: &Value) {
    let name = file.display();
    let ours = formats::read_path(file);
    if let Some(error) = theirs["error"].as_str() {
        let ours = ours.expect_err(&format!("{name}: the AWS CLI refuses it: {error}"));
        assert_eq!(ours.kind().name(), "invalid-definition");
        return;
    }
    let document = ours.unwrap();
    let api = document.write(Format::Api).unwrap();
    let mut sent = theirs.clone();
    let printed = sent.as_object_mut().unwrap().remove("file").unwrap();
    let ours: Value = serde_json::from_str(&api).unwrap();
    assert_eq!(ours.to_string(), sent.to_string(), "{name}");
    // And back: our file is the one that the AWS CLI prints of the same answer.
    let back = formats::read(api.as_bytes()).unwrap().write(Format::Cli).unwrap();
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!(back.to_string(), printed.to_string(), "{name}");
    // A template has the same order.
    #[cfg(feature = "cfn")]
    {
        let template = document.write(Format::CloudFormationYaml).unwrap();
        let template = formats::read(template.as_bytes()).unwrap();
        assert_eq!(template.write(Format::Api).unwrap(), api, "{name}");
    }
}

#[test]
fn our_api_form_is_what_the_aws_cli_sends() {
    let cases = [
        // Every rule of the translation at once.
        json!({
            "objects": [
                {"type": "T", "name": "n", "id": "A", "z": "1", "Z": "2", "_a": "3", "@b": "4",
                 "*c": "5", "0": "6", "é": "7", "\u{1f600}": "8", "\u{ffff}": "9", "empty": [],
                 "one": ["x"], "list": ["b", {"ref": "B"}, "a", ""], "ref": {"ref": "A"}},
                {"id": "A", "again": "the same id"},
                {"parent": {"ref": "A"}, "id": ""}
            ],
            "parameters": [
                {"type": "String", "id": "myP", "allowedValues": ["b", "a"], "*x": "1"},
                {"id": "*mySecret", "name": "an attribute here"}
            ],
            "values": {"myZ": "1", "myA": ["2", "1", ""], "*mySecret": "s", "none": []}
        }),
        json!({"objects": []}),
        json!({"objects": [], "parameters": [], "values": {}}),
        // What it refuses.
        json!({"objects": [{"name": "no id"}]}),
        json!({"objects": [], "parameters": [{"type": "String"}]}),
        json!({"objects": [{"id": "A", "n": 5}]}),
        json!({"objects": [{"id": "A", "n": true}]}),
        json!({"objects": [{"id": "A", "n": null}]}),
        json!({"objects": [{"id": "A", "n": {}}]}),
        json!({"objects": [{"id": "A", "n": {"ref": "A", "x": "y"}}]}),
        json!({"objects": [{"id": "A", "n": [["a"]]}]}),
        json!({"objects": [], "values": {"myA": {"ref": "A"}}}),
        json!({"none": []}),
    ];
    let scratch = Scratch::new();
    let files: Vec<PathBuf> = (0..cases.len()).map(|at| scratch.path(&at.to_string())).collect();
    for (file, case) in files.iter().zip(&cases) {
        std::fs::write(file, case.to_string()).unwrap();
    }
    let Some(theirs) = translated(&files) else { return };
    let refused = files.iter().filter(|file| {
        let theirs = &theirs[file.to_str().unwrap()];
        compare(file, theirs);
        theirs["error"].is_string()
    });
    assert_eq!(refused.count(), 10);
}

/// The same for definitions of others: every whole file in the AWS CLI's form.
#[test]
fn definitions_of_others_are_sent_as_the_aws_cli_sends_them() {
    let Some(folder) = std::env::var_os("EFSBACKUP_CORPUS") else {
        let test = "definitions_of_others_are_sent_as_the_aws_cli_sends_them";
        let why = "EFSBACKUP_CORPUS names no folder of definitions";
        // Past the harness, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
        return;
    };
    let mut files = Vec::new();
    json_files(folder.as_ref(), &mut files);
    let is_cli = |file: &PathBuf| {
        let document = Reader::new().lenient(true).read_path(file);
        document.is_ok_and(|document| document.format == Format::Cli)
    };
    files.retain(is_cli);
    let Some(theirs) = translated(&files) else { return };
    let mut refused = Vec::new();
    for file in &files {
        let theirs = &theirs[file.to_str().unwrap()];
        compare(file, theirs);
        if theirs["error"].is_string() {
            refused.push(file.file_name().unwrap().to_str().unwrap());
        }
    }
    assert!(files.len() > 50, "only {} files in the AWS CLI's form", files.len());
    // It is no JSON: a line break stands in a string.
    assert_eq!(refused, ["ondemand.json"]);
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
}
