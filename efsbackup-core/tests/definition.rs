//! Validation: every kind of finding has a case, limits hold at their edges, and the time
//! it takes grows with the size alone.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::cli;
use efsbackup_core::pipeline::{Code, Definition, Object, Parameter, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/validation.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn definition(vectors: &Value, case: &Value) -> Definition {
    let mut objects = Vec::new();
    if case["alone"] != true {
        objects.extend(vectors["base"].as_array().unwrap().clone());
    }
    objects.extend(case["objects"].as_array().into_iter().flatten().cloned());
    let mut file = json!({ "objects": objects });
    for key in ["parameters", "values"] {
        if let Some(value) = case.get(key) {
            file[key] = value.clone();
        }
    }
    cli::read(&file.to_string()).unwrap()
}

#[test]
fn golden_cases() {
    let vectors = vectors();
    for case in vectors["cases"].as_array().unwrap() {
        let findings = definition(&vectors, case).validate().findings;
        let mut found: Vec<_> = findings
            .iter()
            .map(|finding| format!("{} {}", finding.code, finding.place()))
            .collect();
        let mut expected: Vec<&str> = case["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{}: {findings:#?}", case["name"]);
        if let Some(says) = case["says"].as_str() {
            assert!(findings.iter().any(|finding| finding.text.contains(says)), "{findings:#?}");
        }
    }
}

fn wide(definition: Definition) -> BTreeSet<&'static str> {
    definition.validate().findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn limits_hold_at_their_edges() {
    let codes = |edge: usize, make: &dyn Fn(usize) -> Definition| {
        let new = &wide(make(edge + 1)) - &wide(make(edge));
        new.into_iter().collect::<Vec<_>>()
    };
    let one = |object: Object| Definition { objects: vec![object], ..Definition::default() };
    let alarm = || Object::new("A").text("type", "SnsAlarm");
    assert_eq!(
        codes(100, &|n| Definition {
            objects: (0..n).map(|i| Object::new(i.to_string()).text("type", "Terminate")).collect(),
            ..Definition::default()
        }),
        ["W501"]
    );
    assert_eq!(
        codes(49, &|n| one((0..n).fold(alarm(), |o, i| o.text(format!("my_{i}"), "x")))),
        ["E501"]
    );
    assert_eq!(codes(10_240, &|n| one(alarm().text("message", "x".repeat(n)))), ["E502"]);
    // Two bytes a letter: bytes count, not letters.
    assert_eq!(codes(5_120, &|n| one(alarm().text("message", "é".repeat(n)))), ["E502"]);
    let used = "typeSnsAlarmmessagesubject".len() + 10_000;
    assert_eq!(
        codes(15_360 - used, &|n| one(alarm()
            .text("message", "x".repeat(10_000))
            .text("subject", "x".repeat(n)))),
        ["E503"]
    );
    assert_eq!(
        codes(50, &|n| Definition {
            parameters: (0..n).map(|i| Parameter::new(format!("my{i}"))).collect(),
            ..Definition::default()
        }),
        ["E504"]
    );
    assert_eq!(
        codes(256, &|n| one(Object::new("x".repeat(n)).text("type", "Terminate"))),
        ["E505"]
    );
}

#[test]
fn every_code_has_a_case() {
    let vectors = vectors();
    let mut covered: BTreeSet<&str> =
        ["E501", "E502", "E503", "E504", "E505", "W501"].into_iter().collect();
    for case in vectors["cases"].as_array().unwrap() {
        for finding in case["findings"].as_array().unwrap() {
            covered.insert(finding.as_str().unwrap().split(' ').next().unwrap());
        }
    }
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(all.len(), Code::ALL.len(), "codes are distinct");
    assert_eq!(covered, all);
    for code in Code::ALL {
        assert_eq!(code.severity() == Severity::Error, code.as_str().starts_with('E'));
        assert!(code.meaning().ends_with('.'));
    }
}

#[test]
fn errors_end_a_run_and_warnings_do_not() {
    let object = Object::new("A\nB").text("type", "SnsAlarm").text("colour", "red");
    let mut definition = Definition { objects: vec![object], ..Definition::default() };
    let validation = definition.validate();
    assert_eq!((validation.errors().count(), validation.warnings().count()), (4, 1));
    let error = validation.into_result().unwrap_err();
    assert_eq!(
        error.message(),
        "E201 A\\nB.message: SnsAlarm requires it; set it here, on a parent or on Default \
         (and 3 more errors)"
    );
    definition.objects[0] = Object::new("A").text("type", "Terminate").text("colour", "red");
    let validation = definition.validate();
    assert!(validation.is_valid() && validation.findings.len() == 1);
    validation.into_result().unwrap();
}

/// Ten times the size must not take a hundred times as long. The sizes are such that a
/// quadratic walk would not end in reasonable time, whatever the machine.
#[test]
fn a_huge_definition_is_checked_in_proportion_to_its_size() {
    let count = 50_000;
    let mut objects: Vec<Object> = (0..count)
        .map(|i| {
            Object::new(format!("A{i}"))
                .text("type", "ShellCommandActivity")
                .text("command", "true #{name}")
                .reference("dependsOn", format!("A{}", i + 1))
        })
        .collect();
    let fields = (0..count).fold(Object::new("Last"), |o, i| o.text(format!("my_{i}"), "x"));
    objects.push(fields);
    let definition = Definition { objects, ..Definition::default() };
    let dangling = definition.validate().findings;
    assert_eq!(dangling.iter().filter(|finding| finding.code == Code::Dangling).count(), 1);
}
