//! Expressions: the golden cases that every language runs, and what must hold for any text.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::expression::{Period, Template, Value};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::BTreeMap;

fn vectors() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/expressions.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn value(json: &Json) -> Value {
    match json {
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => number.as_i64().unwrap().into(),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        other => Value::time(other["time"].as_str().unwrap()).unwrap(),
    }
}

#[test]
fn golden_cases() {
    let vectors = vectors();
    let scope: BTreeMap<String, Value> =
        vectors["scope"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), value(v))).collect();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 80);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let result = Template::parse(text).and_then(|template| template.evaluate(&scope));
        match (&result, case["fails"].as_str()) {
            (Ok(value), None) => assert_eq!(value.to_string(), case["is"], "{text}"),
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind().name(), kind, "{text}: {error}");
                let says = case["says"].as_str().unwrap_or_default();
                assert!(error.to_string().contains(says), "{text}: {error}");
                assert!(!error.to_string().contains('\n'), "one line: {error}");
            }
            _ => panic!("{text}: {result:?}"),
        }
        if let Some(partly) = case["partly"].as_str() {
            let template = Template::parse(text).unwrap();
            let value = template.evaluate_partially(&scope).unwrap();
            assert_eq!(value.to_string(), partly);
        }
    }
}

#[test]
fn every_function_has_a_golden_case_and_is_described() {
    let units = ["Minutes", "Hours", "Days", "Weeks", "Months", "Years"];
    let shifts = units.iter().flat_map(|unit| [format!("plus{unit}"), format!("minus{unit}")]);
    let others = "day dayOfYear firstOfMonth format hour inTimeZone makeDate makeDateTime \
                  midnight minute month plusPeriod sunday year yesterday";
    let functions: Vec<String> =
        shifts.chain(others.split_whitespace().map(str::to_owned)).collect();
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/expressions.md");
    let page = std::fs::read_to_string(path).unwrap();
    for function in functions {
        let call = format!("#{{{function}(");
        let shown = |case: &Json| case["text"].as_str().unwrap().starts_with(&call);
        assert!(cases.iter().any(|case| shown(case) && case["is"].is_string()), "{function}");
        let template = Template::parse(&format!("#{{{function}()}}")).unwrap();
        assert!(template.unknown_functions().is_empty(), "{function}");
        let described = page.contains(&function)
            || page.contains("`minus…` and `plus…`") && units.iter().any(|u| function.ends_with(u));
        assert!(described, "{function} is not in docs/expressions.md");
    }
}

#[test]
fn a_template_tells_its_names_and_wrong_functions() {
    let template = Template::parse("#{a}#{f(b.@c, a)} #{*d.format(e)} #{x.g()}").unwrap();
    assert_eq!(template.names(), ["a", "b.@c", "*d", "e", "x"]);
    assert_eq!(template.unknown_functions(), ["f", "g"]);
    assert!(!template.is_plain());
    assert!(Template::parse("$1 ${A}").unwrap().is_plain());
}

#[test]
fn a_list_alone_stays_a_list() {
    let scope = BTreeMap::from([("l", Value::List(vec!["a".into(), "b".into()]))]);
    let value = Template::parse("#{l}").unwrap().evaluate(&scope).unwrap();
    assert_eq!(value, Value::List(vec!["a".into(), "b".into()]));
}

#[test]
fn huge_expressions_are_refused_not_crashed_on() {
    for (open, close) in
        [("(", ")"), ("day(", ")"), ("-", ""), ("#{", "}"), ("", " + 1"), ("", ".a()")]
    {
        let text = format!("#{{{}1{}}}", open.repeat(100_000), close.repeat(100_000));
        let error = Template::parse(&text).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
    let text = format!("#{{1{}}}", " + 1".repeat(500));
    assert_eq!(Template::parse(&text).unwrap().evaluate(&()).unwrap(), Value::Integer(501));
}

#[test]
fn periods_read_as_people_write_them() {
    for (text, printed, minutes) in [
        ("15 minutes", "15 minutes", 15),
        ("1 hours", "1 hour", 60),
        ("1 Day", "1 day", 1440),
        (" 2  WEEKS ", "2 weeks", 20160),
        ("36 months", "36 months", 3 * 365 * 1440),
        ("3 year", "3 years", 3 * 365 * 1440),
    ] {
        let period: Period = text.parse().unwrap();
        assert_eq!((period.to_string().as_str(), period.minutes()), (printed, minutes));
    }
    for text in ["", "15", "minutes", "0 days", "-1 days", "+1 days", "1.5 hours", "15 Period"] {
        let error = text.parse::<Period>().unwrap_err();
        assert!(error.to_string().contains("is not a period"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in "(#\\{|[-+*/^(),.'\"}@a1 ]|\\PC){0,40}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(template.as_str(), &text);
            // Without names every expression stays as written or becomes its value.
            let _ = template.evaluate(&());
            let partial = template.evaluate_partially(&());
            if template.is_plain() {
                prop_assert_eq!(partial.unwrap().to_string(), text);
            }
        }
    }

    #[test]
    fn a_string_literal_holds_any_text(text in "\\PC{0,20}") {
        let literal = text.replace('\\', "\\\\").replace('\'', "''");
        let template = Template::parse(&format!("#{{'{literal}'}}")).unwrap();
        prop_assert_eq!(template.evaluate(&()).unwrap(), Value::from(text));
    }
}
