//! Comparing definitions: what counts as a difference, and how it is told.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::{self, Format, cli};
use efsbackup_core::pipeline::{Definition, FieldValue};
use proptest::prelude::*;
use std::process::{Command, Output};

const OLD: &str = r##"{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "role": "r"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "Run", "name": "Runner", "type": "ShellCommandActivity", "workerGroup": "g",
     "command": "set -e\necho 'one'\necho two\necho three\necho \"four\"\n",
     "scriptArgument": ["a", "b"], "dependsOn": [{"ref": "First"}, {"ref": "Second"}],
     "onFail": {"ref": "Told"}, "*password": "hunter2"},
    {"id": "First", "type": "ShellCommandActivity", "workerGroup": "g", "command": "true"},
    {"id": "Second", "parent": {"ref": "First"}},
    {"id": "Told", "type": "SnsAlarm", "topicArn": "t", "subject": "s", "message": "m"}
  ],
  "parameters": [
    {"id": "myA", "type": "String", "allowedValues": ["p", "q"]},
    {"id": "*myKey", "default": "s3cr3t"}
  ],
  "values": {"myA": "p", "myB": ["1", "2"], "*myKey": "s3cr3t"}
}"##;

fn old() -> Definition {
    cli::read(OLD).unwrap()
}

fn changes(new: &Definition) -> Vec<String> {
    let shown = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.clone(),
        FieldValue::Reference(id) => format!("->{id}"),
        FieldValue::Intrinsic(of) => of.function.clone(),
    };
    let list = |values: &[FieldValue]| values.iter().map(shown).collect::<Vec<_>>().join(" ");
    let changes = old().diff(new);
    let line = |change: &efsbackup_core::pipeline::Change| {
        format!(
            "{:?} {}: {} | {}",
            change.part,
            change.place(),
            list(&change.old),
            list(&change.new)
        )
    };
    changes.iter().map(line).collect()
}

fn with(text: &str, new: &str) -> Definition {
    assert!(OLD.contains(text), "{text}");
    cli::read(&OLD.replace(text, new)).unwrap()
}

#[test]
fn order_counts_only_where_it_means_something() {
    let none: [String; 0] = [];
    let mut shuffled = old();
    shuffled.objects.reverse();
    shuffled.parameters.reverse();
    shuffled.values.rotate_left(1);
    for object in &mut shuffled.objects {
        // A stable sort by key keeps the order of a key's own values.
        object.fields.sort_by(|a, b| a.key.cmp(&b.key));
    }
    assert_eq!(changes(&shuffled), none);
    let dependencies = r#"[{"ref": "First"}, {"ref": "Second"}]"#;
    assert_eq!(changes(&with(dependencies, r#"[{"ref": "Second"}, {"ref": "First"}]"#)), none);
    assert_eq!(changes(&with(r#"["p", "q"]"#, r#"["q", "p"]"#)), none);

    let turned = with(r#"["a", "b"]"#, r#"["b", "a"]"#);
    assert_eq!(changes(&turned), ["Object Run.scriptArgument: a b | b a"]);
    let turned = with(r#"["1", "2"]"#, r#"["2", "1"]"#);
    assert_eq!(changes(&turned), ["Value myB: 1 2 | 2 1"]);
    let twice = with(dependencies, r#"[{"ref": "First"}, {"ref": "First"}]"#);
    assert_eq!(changes(&twice), ["Object Run.dependsOn: ->First ->Second | ->First ->First"]);
}

#[test]
fn every_kind_of_change_has_its_place() {
    for (text, new, expected) in [
        ("1 hours", "1 days", "Object Hourly.period: 1 hours | 1 days"),
        (r#", "role": "r""#, "", "Object Default.role: r | "),
        (r#""role": "r""#, r#""role": "r", "region": "x""#, "Object Default.region:  | x"),
        ("Runner", "Walker", "Object Run.name: Runner | Walker"),
        (r#", "name": "Runner""#, "", "Object Run.name: Runner | "),
        (r#"{"ref": "Told"}"#, r#""Told""#, "Object Run.onFail: ->Told | Told"),
        (r#""type": "String""#, r#""type": "Integer""#, "Parameter myA.type: String | Integer"),
        (r#""myA": "p", "#, "", "Value myA: p | "),
    ] {
        assert_eq!(changes(&with(text, new)), [expected]);
    }
    let mut fewer = old();
    fewer.objects.remove(5);
    assert_eq!(changes(&fewer), ["Object Told:  | "]);
    assert_eq!(fewer.diff(&old())[0].present, (false, true));
    fewer.objects.push(fewer.objects[0].clone());
    assert_eq!(changes(&fewer), ["Object Told:  | ", "Object Default:  | "]);
}

#[test]
fn the_form_is_no_difference() {
    for format in [Format::Cli, Format::Api, Format::CloudFormationYaml] {
        let text = formats::write(&old(), format).unwrap();
        let again = formats::read(text.as_bytes()).unwrap().definition;
        assert!(old().diff(&again).is_empty(), "{}", format.name());
    }
}

fn run(arguments: &[&str], new: &str) -> Output {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let paths = [folder.path().join("old.json"), folder.path().join("new.json")];
    std::fs::write(&paths[0], OLD).unwrap();
    std::fs::write(&paths[1], new).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_efsbackup"));
    command.args(["pipeline", "diff"]).args(&paths).args(arguments).output().unwrap()
}

#[test]
fn a_changed_script_is_told_line_by_line() {
    let new = OLD.replace("echo two", "echo 2\\u0007").replace("hunter2", "hunter3");
    let ran = run(&[], &new);
    assert_eq!(ran.status.code(), Some(0));
    let expected = "~ object Run.command\n\
                    \x20     set -e\n\
                    \x20     echo 'one'\n\
                    \x20   - echo two\n\
                    \x20   + echo 2\\u{7}\n\
                    \x20     echo three\n\
                    \x20     echo \"four\"\n\
                    ~ object Run.*password\n\
                    \x20   ***** (a secret)\n";
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), expected);
    assert_eq!(run(&["--exit-code"], &new).status.code(), Some(1));
    let same = run(&["--exit-code"], OLD);
    assert_eq!((same.status.code(), same.stdout.is_empty()), (Some(0), true));
    assert_eq!(String::from_utf8(same.stderr).unwrap(), "both mean the same\n");
}

#[test]
fn the_json_document_has_each_change_and_no_secret() {
    let new = OLD.replace("s3cr3t", "s3cr3t-too").replace(r#""role": "r""#, r#""role": "s""#);
    let ran = run(&["--json"], &new);
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(!text.contains("s3cr3t"), "{text}");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["equal"], false);
    assert_eq!(
        document["changes"][0],
        serde_json::json!({"change": "changed", "part": "object", "id": "Default", "key": "role",
            "old": ["r"], "new": ["s"]})
    );
    assert_eq!(document["changes"].as_array().unwrap().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_definition_with_its_parts_in_any_order_means_the_same(seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut shuffled = old();
        random.shuffle(&mut shuffled.objects);
        random.shuffle(&mut shuffled.parameters);
        for object in &mut shuffled.objects {
            let unordered = |key: &str| key != "scriptArgument";
            let mut fields: Vec<_> =
                object.fields.iter().filter(|f| unordered(&f.key)).cloned().collect();
            random.shuffle(&mut fields);
            object.fields.retain(|field| !unordered(&field.key));
            object.fields.extend(fields);
        }
        prop_assert!(old().diff(&shuffled).is_empty());
        // One field less is one change, whatever the order.
        let object = random.usize(..shuffled.objects.len());
        let fields = &mut shuffled.objects[object].fields;
        fields.remove(random.usize(..fields.len()));
        prop_assert_eq!(old().diff(&shuffled).len(), 1);
    }
}
