//! The vectors that Rust, C and Python run alike: expressions, resolution, differences,
//! simulation, mirrors.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/vectors.rs"]
mod shared;

use efsbackup_core::expression::Value;
use efsbackup_core::formats;
use efsbackup_core::mirror::{Mirror, Report};
use efsbackup_core::params::{self, Given, Moment, Options, parse_assignment};
use efsbackup_core::pipeline::Definition;
use efsbackup_core::simulate::{self, Plan, Simulation};
use efsbackup_core::{Error, Result};
use serde_json::Value as Json;
use shared::{Case, check_expression, expression, field_changes, make, names, vectors};

fn definition(json: &Json) -> Definition {
    formats::read(json.to_string().as_bytes()).unwrap().definition
}

fn check_failure(case: &Case<'_>, error: &Error) {
    assert_eq!(
        error.kind().name(),
        case.text("fails").unwrap_or_else(|| panic!("{}: {error}", case.name())),
        "{}",
        case.name()
    );
    assert!(error.to_string().contains(case.text("says").unwrap_or("")), "{error}");
}

#[test]
fn definitions_are_resolved_as_the_vectors_say() {
    let vectors = vectors("resolution.json");
    for case in Case::all(&vectors) {
        let old = definition(&vectors["definitions"][case.text("definition").unwrap()]);
        let resolved = || -> Result<_> {
            let values: Result<Vec<_>> =
                case.texts("values").into_iter().map(parse_assignment).collect();
            match case.text("at") {
                Some(at) => {
                    let moment = Moment::new(Value::instant(at)?);
                    params::resolve_at(&old, &values?, &moment, Options::default())
                }
                None => params::resolve(&old, &values?, Options::default()),
            }
        };
        match resolved() {
            Ok(resolved) => {
                let said = resolved.to_json(&Given::default());
                case.check_resolved(&said);
                let changes = serde_json::to_value(old.diff(&resolved.definition)).unwrap();
                assert_eq!(&field_changes(&changes), case.get("resolved"), "{}", case.name());
            }
            Err(error) => check_failure(&case, &error),
        }
    }
}

#[test]
fn expressions_give_what_the_vectors_say() {
    let vectors = vectors("expressions.json");
    for case in Case::all(&vectors) {
        let Some(document) = expression(&vectors, &case) else { continue };
        let old = definition(&document);
        let resolved = params::resolve(&old, &[], Options::default())
            .map(|new| field_changes(&serde_json::to_value(old.diff(&new.definition)).unwrap()))
            .map_err(|error| format!("{}: {error}", error.kind().name()));
        check_expression(&case, resolved);
    }
}

#[test]
fn definitions_differ_as_the_vectors_say() {
    let vectors = vectors("diff.json");
    for case in Case::all(&vectors) {
        let changes = definition(case.get("old")).diff(&definition(case.get("new")));
        let changes = serde_json::to_value(changes).unwrap();
        assert_eq!(&changes, case.get("changes"), "{}", case.name());
    }
}

#[test]
fn definitions_are_played_as_the_vectors_say() {
    let vectors = vectors("simulation.json");
    let definition = definition(&vectors["definition"]);
    for case in Case::all(&vectors) {
        let played = || -> Result<_> {
            let mut plan = Plan::default();
            for takes in case.texts("takes") {
                plan = plan.takes(takes.parse()?);
            }
            for fail in case.texts("fail") {
                plan = plan.fail(fail.parse()?);
            }
            plan.check(&definition)?;
            let until = case.text("until").map(Value::instant).transpose()?;
            let span = simulate::span(&definition, &[], None, until)?;
            Simulation::new(span).run(&definition, &mut |attempt| plan.play(attempt))
        };
        match played() {
            Ok(report) => case.check_played(&serde_json::to_value(report).unwrap()),
            Err(error) => check_failure(&case, &error),
        }
    }
}

#[test]
fn trees_are_mirrored_as_the_vectors_say() {
    let vectors = vectors("mirror.json");
    for case in Case::all(&vectors) {
        let folder = tempfile::tempdir().unwrap();
        let [source, destination] = ["source", "destination"].map(|name| folder.path().join(name));
        make(case.get("source"), &source);
        make(case.get("destination"), &destination);
        let options = case.texts("options");
        let run = || -> Result<Report> {
            Mirror::new(&source, &destination)
                .delete(options.contains(&"delete"))
                .checksum(options.contains(&"checksum"))
                .run()
        };
        match run().and_then(|report| report.clone().into_result().map(|_| report)) {
            Ok(report) => case.check_report(&serde_json::to_value(report).unwrap()),
            Err(error) => check_failure(&case, &error),
        }
        case.check_left(&names(&source), &names(&destination));
    }
}
