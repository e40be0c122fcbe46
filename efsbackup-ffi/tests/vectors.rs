//! The vectors of tests/vectors through the C interface: examples/c/pipeline.c and
//! tests/report.c do what is asked, and print what came of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "common/build.rs"]
mod build;
#[path = "../../efsbackup-core/tests/common/vectors.rs"]
mod shared;

use build::{CRATE, compile_source};
use serde_json::{Value, json};
use shared::{Case, check_expression, expression, field_changes, make, names, vectors};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn pipeline() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let source = Path::new(CRATE).join("../examples/c/pipeline.c");
    PROGRAM.get_or_init(|| compile_source(&source, "vectors-pipeline"))
}

/// A folder with definitions in it, and the program to do something with them.
struct Work(tempfile::TempDir);

impl Work {
    fn new() -> Work {
        Work(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(pipeline()).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    /// What the program prints, or its error.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(arguments);
        match output.status.code() {
            Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
            Some(1) => Err(String::from_utf8(output.stderr).unwrap()),
            _ => panic!("{arguments:?}: {output:?}"),
        }
    }
}

fn check_failure(case: &Case<'_>, error: &str) {
    let kind = case.text("fails").unwrap_or_else(|| panic!("{}: {error}", case.name()));
    assert!(error.starts_with(&format!("{kind}: ")), "{}: {error}", case.name());
    assert!(error.contains(case.text("says").unwrap_or("")), "{}: {error}", case.name());
}

#[test]
fn definitions_are_resolved_as_the_vectors_say() {
    let (vectors, work) = (vectors("resolution.json"), Work::new());
    for case in Case::all(&vectors) {
        work.write("old", &vectors["definitions"][case.text("definition").unwrap()].to_string());
        let mut arguments = vec!["resolve", "old", case.text("at").unwrap_or("")];
        arguments.extend(case.texts("values"));
        match work.run(&arguments) {
            Ok(printed) => {
                let (said, resolved) = printed.split_once('\n').unwrap();
                case.check_resolved(&serde_json::from_str(said).unwrap());
                work.write("new", resolved);
                let changes = work.run(&["diff", "old", "new"]).unwrap();
                let changes = field_changes(&serde_json::from_str(&changes).unwrap());
                assert_eq!(&changes, case.get("resolved"), "{}", case.name());
            }
            Err(error) => check_failure(&case, &error),
        }
    }
}

#[test]
fn expressions_give_what_the_vectors_say() {
    let (vectors, work) = (vectors("expressions.json"), Work::new());
    let mut tried = 0;
    for case in Case::all(&vectors) {
        let Some(definition) = expression(&vectors, &case) else { continue };
        work.write("old", &definition.to_string());
        let resolved = work.run(&["resolve", "old"]).map(|printed| {
            work.write("new", printed.split_once('\n').unwrap().1);
            let changes = work.run(&["diff", "old", "new"]).unwrap();
            field_changes(&serde_json::from_str(&changes).unwrap())
        });
        check_expression(&case, resolved);
        tried += 1;
    }
    assert!(tried > 90, "{tried}");
}

#[test]
fn definitions_differ_as_the_vectors_say() {
    let (vectors, work) = (vectors("diff.json"), Work::new());
    for case in Case::all(&vectors) {
        work.write("old", &case.get("old").to_string());
        work.write("new", &case.get("new").to_string());
        let changes = work.run(&["diff", "old", "new"]).unwrap();
        let changes: Value = serde_json::from_str(&changes).unwrap();
        assert_eq!(&changes, case.get("changes"), "{}", case.name());
    }
}

#[test]
fn definitions_are_played_as_the_vectors_say() {
    let (vectors, work) = (vectors("simulation.json"), Work::new());
    work.write("definition", &vectors["definition"].to_string());
    for case in Case::all(&vectors) {
        // A definition that has a start needs none here; an end is needed to say the rest.
        let until = case.text("until").unwrap_or("2026-03-01T01:30:00");
        let mut arguments = vec!["simulate", "definition", "", until];
        for word in ["takes", "fail"] {
            arguments.extend(case.texts(word).into_iter().flat_map(|value| [word, value]));
        }
        match work.run(&arguments) {
            Ok(document) => case.check_played(&serde_json::from_str(&document).unwrap()),
            Err(error) => check_failure(&case, &error),
        }
    }
}

/// The definition of a case of validation.json.
fn validated(vectors: &Value, case: &Case<'_>) -> Value {
    let mut objects = Vec::new();
    if case.get("alone") != true {
        objects.extend(vectors["base"].as_array().unwrap().clone());
    }
    objects.extend(case.get("objects").as_array().into_iter().flatten().cloned());
    let mut file = json!({ "objects": objects });
    for key in ["parameters", "values"] {
        if !case.get(key).is_null() {
            file[key] = case.get(key).clone();
        }
    }
    file
}

#[test]
fn definitions_are_validated_as_the_vectors_say() {
    let (vectors, work) = (vectors("validation.json"), Work::new());
    for case in Case::all(&vectors) {
        work.write("definition", &validated(&vectors, &case).to_string());
        let output = work.output(&["validate", "definition"]);
        let printed = String::from_utf8(output.stdout).unwrap();
        // "LEVEL CODE PLACE: TEXT"; a text may have several lines.
        let mut found: Vec<String> = Vec::new();
        let levels = ["error E", "warning W"];
        for line in
            printed.lines().filter(|line| levels.iter().any(|level| line.starts_with(level)))
        {
            let (_, finding) = line.split_once(' ').unwrap();
            found.push(finding.split_once(": ").unwrap().0.to_owned());
        }
        let mut expected = case.texts("findings");
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{}", case.name());
        assert!(printed.contains(case.text("says").unwrap_or("")), "{}: {printed}", case.name());
        let is_valid = !expected.iter().any(|finding| finding.starts_with('E'));
        assert_eq!(output.status.code(), Some(i32::from(!is_valid)), "{}", case.name());
    }
}

/// Level and finding, a line each; a finding without a place has no `: ` more.
#[test]
fn each_code_says_what_its_file_says() {
    let folder = Path::new(CRATE).join("../tests/vectors/validation");
    let (work, mut codes) = (Work::new(), 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let output = work.output(&["validate", path.to_str().unwrap()]);
            let printed = String::from_utf8(output.stdout).unwrap();
            let without_level = |line: &str| match line.split_once(' ') {
                Some(("error" | "warning", finding)) => finding.replacen(" : ", ": ", 1) + "\n",
                _ => line.to_owned() + "\n",
            };
            let said: String = printed.lines().map(without_level).collect();
            let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_eq!(said, expected, "{path:?}");
            codes += 1;
        }
    }
    assert!(codes > 50, "{codes}");
}

#[test]
fn definitions_are_converted_as_the_vectors_say() {
    let (vectors, work) = (vectors("formats.json"), Work::new());
    for case in Case::all(&vectors) {
        let verb = if case.get("fold").is_null() { "convert" } else { "fold" };
        work.write("definition", &case.get("definition").to_string());
        for form in ["cli", "api", "cfn-yaml", "cfn-json", "terraform", "terraform-json"] {
            let place = format!("{} as {form}", case.name());
            match work.run(&[verb, "definition", form]) {
                Ok(text) => {
                    let lines = case.get("forms")[form].as_array().expect(&place).iter();
                    let lines: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
                    assert_eq!(text, lines.join("\n") + "\n", "{place}");
                }
                Err(error) => {
                    let why = case.get("refused")[form].as_str().expect(&place);
                    assert!(error.starts_with("cannot-represent: "), "{place}: {error}");
                    assert!(error.contains(why), "{place}: {error}");
                }
            }
        }
    }
}

#[test]
fn trees_are_mirrored_as_the_vectors_say() {
    let report = compile_source(&Path::new(CRATE).join("tests/report.c"), "vectors-report");
    let vectors = vectors("mirror.json");
    for case in Case::all(&vectors) {
        let folder = tempfile::tempdir().unwrap();
        let [source, destination] = ["source", "destination"].map(|name| folder.path().join(name));
        make(case.get("source"), &source);
        make(case.get("destination"), &destination);
        let mut command = Command::new(&report);
        command.arg(&source).arg(&destination).args(case.texts("options"));
        let output = command.output().unwrap();
        match output.status.success() {
            true => case.check_report(&serde_json::from_slice(&output.stdout).unwrap()),
            false => check_failure(&case, &String::from_utf8(output.stderr).unwrap()),
        }
        case.check_left(&names(&source), &names(&destination));
    }
}
