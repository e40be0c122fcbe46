//! Parameters: where values come from, what is refused, and what a resolved definition says.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::cli;
use efsbackup_core::params::{self, MASK, Options, Origin, Parameters, parse_assignment};
use efsbackup_core::pipeline::{Definition, FieldValue, Parameter, ParameterValue};

const PIPELINE: &str = r##"{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Nightly"}, "pipelineLogUri": "#{myLogs}"},
    {"id": "Nightly", "type": "Schedule", "period": "#{myPeriod}"},
    {"id": "Data", "type": "S3DataNode", "directoryPath": "s3://#{myBucket}/#{name}"},
    {"id": "Run", "type": "ShellCommandActivity", "runsOn": {"ref": "Box"},
     "input": {"ref": "Data"},
     "command": "echo #{myBucket} #{input.directoryPath} #{node.@status} ${HOME}",
     "scriptArgument": ["#{myOptional}", "#{myBucket}", "#{@scheduledStartTime}"],
     "stdout": "#{format(@scheduledStartTime, myFormat)}",
     "stderr": "#{pipelineLogUri}/err",
     "lateAfterTimeout": "#{myOptional}",
     "maximumRetries": "#{myRetries + 1}"},
    {"id": "Box", "type": "Ec2Resource", "securityGroupIds": "#{myGroups}",
     "*password": "#{*mySecret}"}
  ],
  "parameters": [
    {"id": "myBucket", "type": "String"},
    {"id": "myPeriod", "default": "1 hours", "allowedValues": ["1 hours", "1 days"]},
    {"id": "myGroups", "isArray": "true", "default": ["sg-1", "sg-2"]},
    {"id": "myOptional", "optional": "true"},
    {"id": "myRetries", "type": "Integer", "default": "2"},
    {"id": "myFormat", "default": "YYYY"},
    {"id": "*mySecret"}
  ],
  "values": {"myBucket": "own", "*mySecret": "s3cr3t", "myLogs": "s3://logs"}
}"##;

fn pipeline() -> Definition {
    cli::read(PIPELINE).unwrap()
}

fn given(values: &[&str]) -> Vec<ParameterValue> {
    values.iter().map(|value| parse_assignment(value).unwrap()).collect()
}

fn texts<'a>(definition: &'a Definition, object: &str, key: &str) -> Vec<&'a str> {
    let object = definition.object(object).unwrap();
    object.all(key).filter_map(FieldValue::as_text).collect()
}

#[test]
fn what_is_known_is_put_in_and_the_rest_stays() {
    let resolved = params::resolve(&pipeline(), &given(&["myBucket=b=x"]), Options::default());
    let resolved = resolved.unwrap();
    let definition = &resolved.definition;
    assert_eq!(texts(definition, "Default", "pipelineLogUri"), ["s3://logs"]);
    assert_eq!(texts(definition, "Nightly", "period"), ["1 hours"]);
    assert_eq!(
        texts(definition, "Run", "command"),
        ["echo b=x s3://b=x/Data #{node.@status} ${HOME}"]
    );
    // An optional argument without a value keeps the others' numbers; a field goes.
    assert_eq!(texts(definition, "Run", "scriptArgument"), ["", "b=x", "#{@scheduledStartTime}"]);
    assert!(texts(definition, "Run", "lateAfterTimeout").is_empty());
    assert_eq!(texts(definition, "Run", "stdout"), ["#{format(@scheduledStartTime, myFormat)}"]);
    // A field inherited from Default is the object's own.
    assert_eq!(texts(definition, "Run", "stderr"), ["s3://logs/err"]);
    assert_eq!(texts(definition, "Run", "maximumRetries"), ["3"]);
    assert_eq!(texts(definition, "Box", "securityGroupIds"), ["sg-1", "sg-2"]);
    assert_eq!(texts(definition, "Box", "*password"), ["#{*mySecret}"]);

    let left: Vec<_> = resolved
        .unresolved
        .iter()
        .map(|left| format!("{}.{}: {}", left.object, left.field, left.name))
        .collect();
    assert_eq!(
        left,
        [
            "Run.command: node.@status",
            "Run.scriptArgument: @scheduledStartTime",
            "Run.stdout: @scheduledStartTime",
            "Box.*password: *mySecret",
        ]
    );
    // Only what is still used stays declared, so the result resolves to itself.
    let ids: Vec<_> = definition.parameters.iter().map(|parameter| parameter.id.as_str()).collect();
    assert_eq!(ids, ["myFormat", "*mySecret"]);
    let again = params::resolve(definition, &[], Options::default()).unwrap();
    assert_eq!(&again.definition, definition);
}

#[test]
fn parameters_alone_may_be_resolved() {
    let options = Options::default().fields(false);
    let resolved = params::resolve(&pipeline(), &[], options).unwrap().definition;
    assert_eq!(
        texts(&resolved, "Run", "command"),
        ["echo own #{input.directoryPath} #{node.@status} ${HOME}"]
    );
    assert_eq!(texts(&resolved, "Data", "directoryPath"), ["s3://own/#{name}"]);
}

#[test]
fn each_value_tells_where_it_came_from() {
    let parameters = Parameters::new(&pipeline(), &given(&["myPeriod=1 days"])).unwrap();
    let origin = |id: &str| parameters.get(id).map(|(values, origin)| (values.join("|"), origin));
    assert_eq!(origin("myPeriod"), Some(("1 days".to_owned(), Origin::Given)));
    assert_eq!(origin("myBucket"), Some(("own".to_owned(), Origin::Definition)));
    assert_eq!(origin("myGroups"), Some(("sg-1|sg-2".to_owned(), Origin::Default)));
    assert_eq!(origin("myOptional"), None);
    assert!(parameters.ids().any(|id| id == "myOptional"));
}

#[test]
fn a_wrong_value_is_one_clear_line() {
    for (value, expected) in [
        ("myBuckit=x", "the definition has no parameter myBuckit; did you mean myBucket?"),
        ("nothing=x", "the definition has no parameter nothing"),
        ("myPeriod=2 days", "parameter myPeriod: '2 days' is not allowed, only 1 hours, 1 days"),
        ("myRetries=two", "parameter myRetries: 'two' is not of the type Integer"),
    ] {
        let error = params::resolve(&pipeline(), &given(&[value]), Options::default()).unwrap_err();
        assert_eq!(error.message(), expected);
    }
    let twice = given(&["myBucket=a", "myBucket=b"]);
    let error = params::resolve(&pipeline(), &twice, Options::default()).unwrap_err();
    assert_eq!(error.message(), "parameter myBucket: 2 values are given, but it is no array");
    for text in ["myBucket", "=x", ""] {
        let error = parse_assignment(text).unwrap_err();
        assert_eq!(error.message(), "a value is given as NAME=VALUE");
    }
}

#[test]
fn a_missing_value_is_told_where_it_is_needed() {
    let mut definition = pipeline();
    definition.values.retain(|value| value.id != "myBucket");
    definition.parameters[0] = Parameter::new("myBucket").with("description", "Where it goes");
    assert!(params::resolve(&definition, &[], Options::default()).is_ok());
    let options = Options::default().require_values(true);
    let error = params::resolve(&definition, &[], options).unwrap_err();
    assert_eq!(error.kind().name(), "unresolved-parameter");
    assert_eq!(
        error.message(),
        "the parameter myBucket (Where it goes) has no value, and Data.directoryPath needs it; \
         give myBucket=VALUE"
    );
}

#[test]
fn a_wrong_expression_is_told_with_its_field() {
    for (period, expected) in [
        (
            "#{my",
            "Nightly.period: '}' is missing before the end of the text in #{my \
             (line 1, column 5 of the text)",
        ),
        ("#{day('x')}", "Nightly.period: a date-time is needed, not the text 'x' in #{day('x')}"),
        ("#{a}", "Nightly.period: the fields of Nightly refer to each other in a circle"),
    ] {
        let mut definition = pipeline();
        definition.objects[1].fields[1].value = period.into();
        definition.objects[1] = definition.objects[1].clone().text("a", "#{b}").text("b", "#{a}");
        let error = params::resolve(&definition, &[], Options::default()).unwrap_err();
        assert_eq!(error.message(), expected);
    }
}

#[test]
fn secrets_show_nowhere_unless_asked_for() {
    let definition = pipeline();
    let resolved = params::resolve(&definition, &given(&["mySecret=hunter2"]), Options::default());
    let resolved = resolved.unwrap();
    assert!(!format!("{:?}", resolved.parameters).contains("hunter2"));
    let shown = cli::write(&params::mask(&resolved.definition)).unwrap();
    assert!(shown.contains(MASK) && !shown.contains("hunter2") && !shown.contains("s3cr3t"));
    let options = Options::default().reveal_secrets(true);
    let revealed = params::resolve(&definition, &[], options).unwrap().definition;
    assert_eq!(texts(&revealed, "Box", "*password"), ["s3cr3t"]);
    assert!(!cli::write(&params::mask(&revealed)).unwrap().contains("s3cr3t"));
    let mut typed = definition.clone();
    typed.parameters[6] = Parameter::new("*mySecret").with("type", "Integer");
    let error = params::resolve(&typed, &[], options).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[test]
fn numbers_stay_as_they_are_written() {
    let text = r##"{"objects": [{"id": "A", "x": "#{myN}", "y": "#{myN + 1}", "z": "#{myN * 2}"}],
        "parameters": [{"id": "myN", "type": "Double"}]}"##;
    for (value, expected) in [
        ("3", ["3", "4", "6"]),
        ("0.5", ["0.5", "1.5", "1.0"]),
        ("007", ["007", "8", "14"]),
        ("1.50", ["1.50", "2.5", "3.0"]),
    ] {
        let given = [ParameterValue::new("myN", value)];
        let resolved =
            params::resolve(&cli::read(text).unwrap(), &given, Options::default()).unwrap();
        let object = &resolved.definition.objects[0];
        assert_eq!(["x", "y", "z"].map(|key| object.first_text(key).unwrap()), expected);
    }
}
