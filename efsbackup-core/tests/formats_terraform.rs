//! Pipelines as Terraform resources: read, written as `terraform fmt` formats them, refused
//! where Terraform would lose something, and read by another parser.

#![cfg(all(feature = "cfn", feature = "terraform"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::{self, Format, Reader, fold_arguments, terraform};
use efsbackup_core::pipeline::{
    Definition, FieldValue, Intrinsic, Object, Parameter, ParameterValue,
};
use proptest::prelude::*;
use std::process::Command;

/// Terraform 0.11's syntax where it differs, comments, other resources, every kind of value.
const MODULE: &str = r##"# Roles for the pipeline.
resource "aws_iam_role" "backup" {
  name               = "${var.name}-role"
  assume_role_policy = "${data.aws_iam_policy_document.assume.json}"
}

data "aws_iam_policy_document" "assume" {
  statement {
    principals = {
      type = "Service"
    }
  }
}

variable "name" {}

resource "aws_datapipeline_pipeline" "nightly" {
  name        = "nightly" // its name
  description = "All but $${x}"
  tags {
    env   = "prod"
    owner = "${var.name}"
  }
}

resource "aws_datapipeline_pipeline_definition" "nightly" {
  pipeline_id = "${aws_datapipeline_pipeline.nightly.id}"

  # What there is to back up.
  parameter_object {
    id = "mySource"
    attribute {
      key          = "default"
      string_value = "fs:/"
    }
  }

  parameter_value {
    id           = "mySource"
    string_value = "${var.name}:/"
  }

  lifecycle {
    create_before_destroy = true
  }

  pipeline_object {
    id   = "Default"
    name = "Default"
    field {
      key          = "role"
      string_value = "${aws_iam_role.backup.name}"
    }
    field {
      key          = "maximumRetries"
      string_value = 3
    }
    field {
      key          = "escaped"
      string_value = "a \"b\" \\ $${HOME} %%{x} #{mySource}\t\u00e9"
    }
  }
  pipeline_object {
    id   = "Run"
    name = "Run it"
    field {
      key          = "command"
      string_value = <<-EOT
        set -eu

          echo "$${HOME}" #{mySource}
      EOT
    }
    field {
      key       = "runsOn"
      ref_value = "Box"
    }
    field {
      key          = "zone"
      string_value = "${var.zone == "a" ? 1 : 2}-x"
    }
  }
  # The end.
}
"##;

fn expression(text: &str) -> FieldValue {
    FieldValue::Intrinsic(Box::new(Intrinsic::terraform(text)))
}

fn read(text: &str) -> formats::Document {
    formats::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_kind_of_value_is_read() {
    let document = read(MODULE);
    assert_eq!((document.format, document.pipeline()), (Format::Terraform, Some("nightly")));
    let definition = &document.definition;
    let default = definition.object("Default").unwrap();
    assert_eq!(default.all("role").next(), Some(&expression("aws_iam_role.backup.name")));
    assert_eq!(default.first_text("maximumRetries"), Some("3"));
    assert_eq!(default.first_text("escaped"), Some("a \"b\" \\ ${HOME} %{x} #{mySource}\té"));
    let run = definition.object("Run").unwrap();
    assert_eq!(run.first_text("command"), Some("set -eu\n\n  echo \"${HOME}\" #{mySource}\n"));
    assert_eq!(run.first_reference("runsOn"), Some("Box"));
    let zone = expression("\"${var.zone == \"a\" ? 1 : 2}-x\"");
    assert_eq!((run.name.as_str(), run.all("zone").next()), ("Run it", Some(&zone)));
    assert_eq!(definition.parameters, [Parameter::new("mySource").with("default", "fs:/")]);
    assert_eq!(definition.values[0].value, expression("\"${var.name}:/\""));
}

#[test]
fn what_was_read_stays_as_it_is() {
    let mut document = read(MODULE);
    assert_eq!(document.write(Format::Terraform).unwrap(), MODULE);
    assert_eq!(document.left_behind(Format::Terraform), [""; 0]);
    // Only the definition is written anew, and all else stays: comments, other arguments.
    document.definition.objects[1].fields.truncate(1);
    document.definition.parameters.clear();
    let written = document.write(Format::Terraform).unwrap();
    assert_eq!(read(&written).definition, document.definition);
    for kept in [
        "# Roles for the pipeline.\n",
        "  name        = \"nightly\" // its name\n",
        "  # What there is to back up.\n",
        "  lifecycle {\n    create_before_destroy = true\n  }\n",
        "  # The end.\n}\n",
        "      string_value = aws_iam_role.backup.name\n",
    ] {
        assert!(written.contains(kept), "{kept}: {written}");
    }
    // A definition without objects of its own place gets one.
    let empty =
        "resource \"aws_datapipeline_pipeline_definition\" \"a\" {\n  pipeline_id = \"df-1\"\n}\n";
    let mut document = read(empty);
    document.definition.objects.push(Object::new("A"));
    let expected =
        empty.replace("}\n", "\n  pipeline_object {\n    id   = \"A\"\n    name = \"A\"\n  }\n}\n");
    assert_eq!(document.write(Format::Terraform).unwrap(), expected);
}

#[test]
fn the_two_syntaxes_say_the_same() {
    let document = read(MODULE);
    let json = document.write(Format::TerraformJson).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let definition = &value["resource"]["aws_datapipeline_pipeline_definition"]["nightly"];
    assert_eq!(definition["pipeline_id"], "${aws_datapipeline_pipeline.nightly.id}");
    let fields = &definition["pipeline_object"][0]["field"];
    assert_eq!(fields[0]["string_value"], "${aws_iam_role.backup.name}");
    assert_eq!(fields[2]["string_value"], "a \"b\" \\ $${HOME} %%{x} #{mySource}\té");
    let zone = &definition["pipeline_object"][1]["field"][2]["string_value"];
    assert_eq!(zone, "${var.zone == \"a\" ? 1 : 2}-x");
    let again = read(&json);
    assert_eq!((again.format, &again.definition), (Format::TerraformJson, &document.definition));
    assert_eq!(again.write(Format::TerraformJson).unwrap(), json);
    let back = again.write(Format::Terraform).unwrap();
    assert_eq!(read(&back).definition, document.definition);
    assert_eq!(read(&back).write(Format::TerraformJson).unwrap(), json);
    assert_eq!(
        document.left_behind(Format::TerraformJson),
        [
            "aws_iam_role.backup",
            "data.aws_iam_policy_document.assume",
            "variable.name",
            "aws_datapipeline_pipeline_definition.nightly.lifecycle",
        ]
    );
    let tags = &value["resource"]["aws_datapipeline_pipeline"]["nightly"]["tags"];
    assert_eq!(tags["owner"], "${var.name}");
    assert!(
        document
            .left_behind(Format::Api)
            .contains(&"aws_datapipeline_pipeline.nightly.tags.owner".to_owned())
    );
    // A pipeline that stands elsewhere is left where it is.
    let elsewhere =
        "resource \"aws_datapipeline_pipeline_definition\" \"a\" {\n  pipeline_id = var.id\n}\n";
    let mut elsewhere = read(elsewhere);
    elsewhere.definition.objects.push(Object::new("A"));
    let elsewhere = elsewhere.write(Format::TerraformJson).unwrap();
    assert!(elsewhere.contains("\"pipeline_id\": \"${var.id}\""), "{elsewhere}");
    assert!(!elsewhere.contains("\"aws_datapipeline_pipeline\""), "{elsewhere}");
    // A changed definition is put into the tree that was read.
    let commented = json.replacen('{', "{\"//\": \"kept\", \"variable\": {\"x\": {}},", 1);
    let mut changed = read(&commented);
    changed.definition.objects.truncate(1);
    let text = changed.write(Format::TerraformJson).unwrap();
    assert!(text.contains("\"//\": \"kept\"") && text.contains("\"variable\""), "{text}");
    assert_eq!(read(&text).definition, changed.definition);
}

#[test]
fn expressions_stay_in_terraform() {
    let document = read(MODULE);
    for format in [Format::Cli, Format::Api, Format::CloudFormationYaml] {
        let error = document.write(format).unwrap_err();
        assert_eq!(error.kind().name(), "cannot-represent");
        let text = error.to_string();
        assert!(text.contains("only Terraform can carry the expression"), "{text}");
    }
    let function = "Resources:\n  P:\n    Type: AWS::DataPipeline::Pipeline\n    Properties:\n      \
                    PipelineObjects:\n        - {Id: A, Name: A, Fields: [{Key: k, StringValue: !Ref X}]}\n";
    let error = read(function).write(Format::Terraform).unwrap_err().to_string();
    assert!(error.contains("A.k: only CloudFormation can carry the function Ref"), "{error}");
}

#[test]
fn name_description_and_tags_go_between_templates_and_terraform() {
    let template = "Resources:\n  P:\n    Type: AWS::DataPipeline::Pipeline\n    DependsOn: B\n    \
                    Properties:\n      Name: nightly\n      Description: d\n      Activate: false\n      \
                    PipelineObjects:\n        - Id: A\n          Name: A\n          Fields: []\n      \
                    PipelineTags:\n        - Key: a b\n          Value: \"1\"\n        \
                    - Key: r\n          Value: !Ref AWS::Region\n";
    let document = read(template);
    let written = document.write(Format::Terraform).unwrap();
    assert!(
        written.starts_with(
            "resource \"aws_datapipeline_pipeline\" \"pipeline\" {\n  name        = \"nightly\"\n  \
             description = \"d\"\n\n  tags = {\n    \"a b\" = \"1\"\n  }\n}\n"
        ),
        "{written}"
    );
    assert_eq!(
        document.left_behind(Format::Terraform),
        [
            "Resources.P.DependsOn",
            "Resources.P.Properties.Activate",
            "Resources.P.Properties.PipelineTags[1]"
        ]
    );
    let back = read(&written).write(Format::CloudFormationYaml).unwrap();
    for line in ["Name: nightly\n", "Description: d\n", "- Key: \"a b\"\n          Value: \"1\"\n"]
    {
        assert!(back.contains(line), "{back}");
    }
    let left = read(&written).left_behind(Format::Api);
    assert_eq!(left, ["the pipeline's name", "the pipeline's description", "the pipeline's tags"]);
}

#[test]
fn what_terraform_would_lose_is_refused() {
    let run = || Object::new("A").text("type", "T");
    let definition = |object: Object| Definition { objects: vec![object], ..Definition::default() };
    let cases = [
        (
            definition(run().text("scriptArgument", "a").text("scriptArgument", "b")),
            "A.scriptArgument: Terraform keeps a set: the order of its 2 values is lost; --fold-arguments",
        ),
        (
            definition(run().reference("input", "a").reference("input", "b")),
            "A.input: Terraform keeps a set",
        ),
        (definition(run().text("x", "")), "A.x: Terraform's provider leaves empty values out"),
        (
            definition(run().reference("dependsOn", "a").reference("dependsOn", "a")),
            "takes this value and another",
        ),
        (
            definition(run().text("a", "bc").text("ab", "c")),
            "A.ab: Terraform keeps a set, and takes",
        ),
        (
            definition(run().text("x", "e\u{301}")),
            "A.x: Terraform turns its text into Unicode's normal form C",
        ),
        (Definition::default(), "needs at least one object"),
        (
            Definition {
                values: vec![ParameterValue::new("myX", "1"), ParameterValue::new("myX", "2")],
                ..definition(run())
            },
            "value of myX: Terraform keeps a set",
        ),
    ];
    for (definition, expected) in cases {
        for format in [Format::Terraform, Format::TerraformJson] {
            let error = formats::write(&definition, format).unwrap_err();
            assert_eq!(error.kind().name(), "cannot-represent");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
    let unordered = run().reference("onFail", "a").reference("onFail", "b");
    assert!(formats::write(&definition(unordered), Format::Terraform).is_ok());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let definition = |body: &str| {
        format!(
            "resource \"aws_datapipeline_pipeline_definition\" \"d\" {{\n  pipeline_id = \"p\"\n{body}}}\n"
        )
    };
    for (text, expected) in [
        ("resource \"x\" \"y\" {\n  a = [1,\n}\n".to_owned(), "line 3, column 1: "),
        ("resource \"x\" \"y\" {\n  a = 1\n".to_owned(), "line 2, column 9: "),
        ("resource \"x\" \"y\" {\n}\n".to_owned(), "no resource is of the type aws_datapipeline_pipeline_definition"),
        (definition("  pipeline_object {\n    id = 1\n  }\n"), ".d.pipeline_object[0]: the key name is missing"),
        (
            definition("  pipeline_object {\n    id = var.x\n    name = \"n\"\n  }\n"),
            ".d.pipeline_object[0].id: text is needed, not a Terraform expression",
        ),
        (
            definition("  pipeline_object {\n    id = \"a\"\n    name = \"n\"\n    field {\n      key = \"k\"\n    }\n  }\n"),
            ".d.pipeline_object[0].field[0]: either string_value or ref_value is needed",
        ),
        (
            definition("  dynamic \"pipeline_object\" {\n    for_each = var.x\n  }\n"),
            "only Terraform knows what the block dynamic \"pipeline_object\" gives",
        ),
        (
            "{\"resource\": {\"aws_datapipeline_pipeline_definition\": {\"d\": {\"pipeline_object\": [{\"id\": \"${a\"}]}}}}".to_owned(),
            "in the template \"${a\"",
        ),
    ] {
        let error = formats::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn one_of_several_definitions_is_chosen() {
    let one = terraform::write_hcl(&Definition {
        objects: vec![Object::new("A")],
        ..Definition::default()
    });
    let one = one.unwrap();
    let two = format!(
        "{one}\n{}",
        one.replace("\"pipeline\"", "\"other\"").replace("pipeline.pipeline", "pipeline.other")
    );
    let error = formats::read(two.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("2 pipelines (pipeline, other); choose one with --pipeline"), "{error}");
    let other = Reader::new().pipeline("other").read(two.as_bytes()).unwrap();
    assert_eq!(other.pipeline(), Some("other"));
    assert_eq!(
        other.left_behind(Format::TerraformJson),
        ["aws_datapipeline_pipeline.pipeline", "aws_datapipeline_pipeline_definition.pipeline"]
    );
}

#[test]
fn folded_arguments_reach_the_command() {
    let awkward = ["a b", "it's \"x\" $HOME `id` \\", "-n", "", "two\nlines", "é)("];
    for shell in ["sh", "bash"] {
        for interpreter in ["", "#!/bin/bash -e\n"] {
            let mut object = Object::new("Run").text(
                "command",
                format!("{interpreter}for a in \"$@\"; do printf '<%s>' \"$a\"; done"),
            );
            for argument in awkward {
                // Once as literal text, once as what an expression becomes.
                object = object.text("scriptArgument", argument);
                object = object.text("scriptArgument", format!("#{{myX}}{argument}"));
            }
            let mut definition = Definition { objects: vec![object], ..Definition::default() };
            assert_eq!(fold_arguments(&mut definition).unwrap(), ["Run"]);
            let run = &definition.objects[0];
            assert_eq!(run.all("scriptArgument").count(), 0);
            let command = run.first_text("command").unwrap();
            assert!(command.starts_with(interpreter));
            let output =
                Command::new(shell).args(["-c", &command.replace("#{myX}", "$'\"")]).output();
            let output = output.unwrap();
            let expected: String =
                awkward.iter().map(|text| format!("<{text}><$'\"{text}>")).collect();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{command}");
            assert!(formats::write(&definition, Format::Terraform).is_ok());
        }
    }
}

#[test]
fn arguments_that_cannot_be_folded_are_refused() {
    let two = |object: Object| object.text("scriptArgument", "a").text("scriptArgument", "b");
    let command = |id: &str| two(Object::new(id).text("command", "true"));
    for (objects, expected) in [
        (
            vec![two(Object::new("A").text("scriptUri", "s3://b/k"))],
            "there is no command in the same object",
        ),
        (
            vec![two(Object::new("A").text("command", "#!/usr/bin/python3\nx"))],
            "begins with #! and is no shell's",
        ),
        (
            vec![command("A"), Object::new("B").reference("parent", "A").text("command", "x")],
            "B inherits them or",
        ),
    ] {
        let mut definition = Definition { objects, ..Definition::default() };
        let before = definition.clone();
        let error = fold_arguments(&mut definition).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(definition, before);
    }
    let one = Object::new("A").text("command", "x").text("scriptArgument", "a");
    let mut definition = Definition { objects: vec![one], ..Definition::default() };
    let before = definition.clone();
    assert_eq!(fold_arguments(&mut definition).unwrap(), [""; 0]);
    assert_eq!(definition, before);
}

/// Texts on which HCL readers trip, and any others that Terraform can carry.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "${a}",
            "$${a}",
            "$$${a}",
            "%{ if x }",
            "$",
            "%",
            "$$",
            "a$",
            "\"",
            "\\",
            "\\n",
            "a\n",
            "a\nb\n",
            "a\nb",
            "\n",
            "\n\n",
            "a\n\nb\n",
            " a\nb\n",
            "a\n  b\n",
            " a\n b\n",
            "a\n\t\nb\n",
            "a\tb\n\tc\n",
            "EOT\nx\n",
            "x\nEOT\n",
            "x\n EOTa\n",
            "a\r\nb\n",
            "\u{0}",
            "\u{7f}",
            "\u{2028}",
            "\u{feff}",
            "\u{1f600}",
            "#{myX}",
            "# x",
            "// x",
            "/* x",
            "<<EOT",
            "true",
            "null",
            "1",
            "a\n${b}\n",
        ])
        .prop_map(str::to_owned),
        "[ -~\n\t]{1,30}",
        "\\PC{1,12}".prop_filter("Terraform normalizes it", |text| unicode(text)),
    ]
}

/// Whether a text is surely in Unicode's normal form C: it has no marks that combine.
fn unicode(text: &str) -> bool {
    text.is_ascii()
}

fn any_definition() -> impl Strategy<Value = Definition> {
    let value =
        prop_oneof![text().prop_map(FieldValue::Text), text().prop_map(FieldValue::Reference)];
    let field = ("[a-z]{1,8}", value);
    let object = (text(), text(), prop::collection::vec(field, 0..5));
    let objects = prop::collection::vec(object, 1..4);
    let values = prop::collection::btree_map("my[A-Z]{1,4}", text(), 0..3);
    (objects, values).prop_map(|(objects, values)| Definition {
        objects: objects
            .into_iter()
            .map(|(id, name, fields)| {
                let mut object = Object { id, name, fields: Vec::new() };
                for (index, (key, value)) in fields.into_iter().enumerate() {
                    let key = format!("{key}{index}:");
                    object.fields.push(efsbackup_core::pipeline::Field { key, value });
                }
                object
            })
            .collect(),
        parameters: values.keys().map(|id| Parameter::new(id).with("default", "d")).collect(),
        values: values.iter().map(|(id, text)| ParameterValue::new(id, text)).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn nothing_is_lost_on_the_way(definition in any_definition()) {
        for format in [Format::Terraform, Format::TerraformJson] {
            let text = formats::write(&definition, format).unwrap();
            let document = formats::read(text.as_bytes()).unwrap();
            prop_assert_eq!((document.format, &document.definition), (format, &definition), "{}", text);
        }
    }

    #[test]
    fn any_text_reads_or_is_refused(text in text(), body in "[a-z{}\"$%= \n]{0,60}") {
        for text in [format!("resource \"a\" \"b\" {{\n{body}"), format!("resource {{ x = \"{text}\"\n}}"), body] {
            let _ = formats::read(text.as_bytes());
        }
    }
}

#[test]
fn what_terraform_itself_refuses_is_refused() {
    let body = "pipeline_id = \"p\"\n  pipeline_object {\n    id = \"A\"\n    name = \"A\"\n  }";
    let resource = "resource \"aws_datapipeline_pipeline_definition\"";
    let definition = Definition::default().with(Object::new("A").text("k", "v"));
    let json =
        terraform::write_json(&definition).unwrap().replace("\"pipeline\": {", "\"a%{b\": {");
    let error = terraform::read_json(&json).unwrap_err();
    assert!(error.message().contains("'a%{b' is no name of a resource"), "{error}");
    let twice = format!("{resource} \"d\" {{\n  {body}\n  tags = {{}}\n  tags {{\n  }}\n}}\n");
    let error = terraform::read_hcl(&twice).unwrap_err();
    assert!(error.message().contains("tags is an argument and a block"), "{error}");
}
