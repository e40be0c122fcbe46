//! Definitions read, written and converted: nothing lost, and errors that say where.

#![cfg(feature = "cfn")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::{self, Format, Reader, cli, cloudformation};
use efsbackup_core::pipeline::{
    Definition, Field, FieldValue, Intrinsic, Node, Object, Parameter, ParameterValue,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::process::{Command, Stdio};

const CLI: &str = r##"{
  "objects": [
    {
      "id": "Default",
      "name": "Default",
      "schedule": {
        "ref": "Nightly"
      },
      "role": "r"
    },
    {
      "id": "Run",
      "name": "Run it",
      "type": "ShellCommandActivity",
      "scriptArgument": [
        "#{mySource}",
        "",
        "a \"b\"\n\\c"
      ],
      "onFail": [
        {
          "ref": "A"
        },
        {
          "ref": "B"
        }
      ]
    }
  ],
  "parameters": [
    {
      "id": "mySource",
      "type": "String",
      "allowedValues": [
        "x",
        "y"
      ]
    }
  ],
  "values": {
    "mySource": "x",
    "myList": [
      "1",
      "2"
    ]
  }
}
"##;

fn definition() -> Definition {
    let activity = Object {
        name: "Run it".to_owned(),
        ..Object::new("Run")
            .text("type", "ShellCommandActivity")
            .text("scriptArgument", "#{mySource}")
            .text("scriptArgument", "")
            .text("scriptArgument", "a \"b\"\n\\c")
            .reference("onFail", "A")
            .reference("onFail", "B")
    };
    let default = Object::new("Default").reference("schedule", "Nightly").text("role", "r");
    let parameter = Parameter::new("mySource")
        .with("type", "String")
        .with("allowedValues", "x")
        .with("allowedValues", "y");
    Definition {
        objects: vec![default, activity],
        parameters: vec![parameter],
        values: vec![
            ParameterValue::new("mySource", "x"),
            ParameterValue::new("myList", "1"),
            ParameterValue::new("myList", "2"),
        ],
    }
}

#[test]
fn the_aws_cli_file_reads_and_writes() {
    assert_eq!(cli::read(CLI).unwrap(), definition());
    assert_eq!(cli::write(&definition()).unwrap(), CLI);
}

#[test]
fn an_empty_list_is_no_field_and_a_missing_name_is_the_id() {
    let text = r#"{"objects": [{"id": "A", "x": [], "y": ["1"]}]}"#;
    assert_eq!(cli::read(text).unwrap().objects, [Object::new("A").text("y", "1")]);
}

/// The forms that carry every definition.
const WHOLE: [Format; 4] =
    [Format::Cli, Format::Api, Format::CloudFormationYaml, Format::CloudFormationJson];

#[test]
fn the_form_of_a_file_is_found_out() {
    for format in WHOLE {
        let text = formats::write(&definition(), format).unwrap();
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(text.as_bytes());
        let document = formats::read(&marked).unwrap();
        assert_eq!((document.format, &document.definition), (format, &definition()), "{text}");
        assert_eq!(document.write(format).unwrap(), text);
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("{\"objects\": [\n  {\"id\": \"A\",}\n]}", "line 2, column 14: trailing comma"),
        ("{\n  // note\n}", "line 2, column 3: key must be a string; JSON has no comments"),
        ("{\"objects\": [{\"id\": \"A\nB\"}]}", "line 1, column 23: control character"),
        ("{\"é\": [,]}", "line 1, column 8: expected value"),
        ("{\"objects\": [", "line 1, column 13: EOF while parsing"),
        (
            "{\"objects\": [\n{\"id\": \"A\", \"step\": \"1\",\n \"step\": \"2\"}]}",
            "line 3, column 7: the key \"step\" is there twice; write its values as a list",
        ),
        ("{\"objects\": [{\"name\": \"A\"}]}", "objects[0]: the key \"id\" is missing"),
        (
            "{\"objects\": [{\"id\": \"A\", \"n\": 5}]}",
            "objects[0].n: 5 is not text; write it in quotes",
        ),
        (
            "{\"objects\": [{\"id\": \"A\", \"n\": {\"reff\": \"B\"}}]}",
            "objects[0].n: the key \"reff\"",
        ),
        (
            "{\"objects\": [{\"id\": \"A\", \"n\": [[]]}]}",
            "objects[0].n[0]: text is needed, not a list",
        ),
        ("{\"objects\": {}}", "objects: a list is needed, not an object"),
        ("{\"objects\": [], \"note\": \"\"}", "definition: the key \"note\" is not known here"),
        ("{\"values\": {}}", "none of the keys objects (AWS CLI)"),
        (
            "{\"pipelineObjects\": [{\"id\": \"A\", \"fields\": [{\"key\": \"k\"}]}]}",
            "pipelineObjects[0].fields[0]: either \"stringValue\" or \"refValue\"",
        ),
        ("Resources:\n  A: [1\n  B: 2\n", "line 3, column "),
        ("Resources:\n  A: {}\n  A: {}\n", "line 3, column 3: the key A is there twice"),
        ("Resources: {}\n", "no resource is of the type AWS::DataPipeline::Pipeline"),
        ("- a\n", "template: the key Resources is missing"),
        ("", "the text is empty"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document"),
        ("a: !<tag:x,1:y> 2\n", "line 1, column 4: the tag"),
    ] {
        let error = formats::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let error = formats::read(b"{\n\"\xff\"}").unwrap_err().to_string();
    assert!(error.contains("line 2: the text is not UTF-8"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = formats::read_path("/nonexistent/pipeline.json".as_ref()).unwrap_err();
    assert_eq!(error.kind().name(), "not-found");
    assert!(error.to_string().contains("/nonexistent/pipeline.json"));
}

const TEMPLATE: &str = r##"AWSTemplateFormatVersion: 2010-09-09
Description: "All but the pipeline stays as it is"
Parameters:
  Owner:
    Type: String
    Default: 012345678901
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${AWS::StackName}-log"
  Backup:
    Type: AWS::DataPipeline::Pipeline
    DependsOn: Bucket
    Properties:
      Name: !Ref AWS::StackName
      PipelineObjects:
        - Id: Default
          Name: Default
          Fields:
            - Key: account
              StringValue: !Ref Owner
            - Key: pipelineLogUri
              StringValue: !Sub "s3://${Bucket}/#{myX}"
            - Key: topic
              StringValue:
                Fn::ImportValue: !Sub "${Parent}-Topic"
            - Key: joined
              StringValue: !Join
                - ","
                -
                  - a
                  - !GetAtt Bucket.Arn
            - Key: retries
              StringValue: "3"
            - Key: parent
              RefValue: Base
      ParameterObjects:
        - Id: myX
          Attributes:
            - Key: default
              StringValue: !Ref Owner
      ParameterValues:
        - Id: myX
          StringValue: !Ref Owner
      Activate: yes
      PipelineTags:
        - Key: env
          Value: "007"
Outputs:
  Id:
    Value: !Ref Backup
"##;

fn short(function: &str, argument: Node) -> FieldValue {
    let function = function.to_owned();
    FieldValue::Intrinsic(Box::new(Intrinsic { function, short: true, argument }))
}

#[test]
fn a_template_keeps_everything_but_the_layout() {
    let document = formats::read(TEMPLATE.as_bytes()).unwrap();
    let written = document.write(Format::CloudFormationYaml).unwrap();
    assert_eq!(written, TEMPLATE);
    let default = document.definition.object("Default").unwrap();
    let text = |text: &str| Node::Text(text.to_owned());
    assert_eq!(default.all("account").next(), Some(&short("Ref", text("Owner"))));
    let log = short("Fn::Sub", text("s3://${Bucket}/#{myX}"));
    assert_eq!(default.all("pipelineLogUri").next(), Some(&log));
    assert_eq!(document.definition.values[0].value, short("Ref", text("Owner")));
    assert_eq!(
        document.left_behind(Format::Cli),
        [
            "Description",
            "Parameters",
            "Resources.Bucket",
            "Outputs",
            "Resources.Backup.DependsOn",
            "the pipeline's tags"
        ]
    );
}

#[test]
fn comments_and_layout_of_a_template_stay() {
    let text = TEMPLATE
        .replace("Resources:\n", "# All of it.\nResources:   # here\n\n")
        .replace("      ParameterObjects:", "      # What it takes.\n      ParameterObjects:")
        .replace("      Activate: yes", "\n      # At once.\n      Activate:   yes # yes");
    let mut document = formats::read(text.as_bytes()).unwrap();
    assert_eq!(document.write(Format::CloudFormationYaml).unwrap(), text);
    // A list that was changed is written anew in its place, and nothing else.
    document.definition.values[0].value = "x".into();
    let changed = text.replace(
        "        - Id: myX\n          StringValue: !Ref Owner\n\n",
        "        - Id: myX\n          StringValue: x\n\n",
    );
    assert_ne!(changed, text);
    assert_eq!(document.write(Format::CloudFormationYaml).unwrap(), changed);
    document.definition.objects.truncate(0);
    let written = document.write(Format::CloudFormationYaml).unwrap();
    assert!(written.contains("      PipelineObjects: []\n      # What it takes.\n"), "{written}");
    assert_eq!(formats::read(written.as_bytes()).unwrap().definition, document.definition);
    // Dashes as far out as their key, and a list in brackets.
    let flat = "Resources:\n P:\n  Type: AWS::DataPipeline::Pipeline\n  Properties:\n   PipelineObjects:\n   \
                - {Id: A, Name: A, Fields: []} # a\n   Name: n # name\n";
    for text in [flat.to_owned(), flat.replace(":\n   - {", ": [{").replace("[]} #", "[]}] #")] {
        let mut document = formats::read(text.as_bytes()).unwrap();
        document.definition.objects[0].name = "B".to_owned();
        let written = document.write(Format::CloudFormationYaml).unwrap();
        assert!(written.ends_with("Name: B\n       Fields: []\n   Name: n # name\n"), "{written}");
        assert_eq!(formats::read(written.as_bytes()).unwrap().definition, document.definition);
    }
    let mut nowhere =
        formats::read(b"Resources:\n P:\n  Type: AWS::DataPipeline::Pipeline\n  Properties: \n")
            .unwrap();
    nowhere.definition.objects.push(Object::new("New"));
    let error = nowhere.write(Format::CloudFormationYaml).unwrap_err().to_string();
    assert!(error.contains("Resources.P: it has no Properties"), "{error}");
    // Where it cannot be, the whole is written anew: here a list that was not there.
    document.definition.objects.push(Object::new("New"));
    let all =
        "{\"Resources\": {\"P\": {\"Type\": \"AWS::DataPipeline::Pipeline\", \"Properties\": {}}}}";
    for text in [all.to_owned(), format!("--- # one line\n{all}\n")] {
        let mut bare = formats::read(text.as_bytes()).unwrap();
        bare.definition.clone_from(&document.definition);
        let written = bare.write(Format::CloudFormationYaml).unwrap();
        assert_eq!(formats::read(written.as_bytes()).unwrap().definition, document.definition);
    }
}

#[test]
fn functions_are_long_in_json_and_nowhere_else() {
    let document = formats::read(TEMPLATE.as_bytes()).unwrap();
    let json = document.write(Format::CloudFormationJson).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fields = &value["Resources"]["Backup"]["Properties"]["PipelineObjects"][0]["Fields"];
    assert_eq!(fields[0]["StringValue"], serde_json::json!({"Ref": "Owner"}));
    let joined = serde_json::json!({"Fn::Join": [",", ["a", {"Fn::GetAtt": ["Bucket", "Arn"]}]]});
    assert_eq!(fields[3]["StringValue"], joined);
    assert_eq!(value["AWSTemplateFormatVersion"], "2010-09-09");
    // The same again from there.
    let again = formats::read(json.as_bytes()).unwrap();
    assert_eq!(again.write(Format::CloudFormationJson).unwrap(), json);
    for format in [Format::Cli, Format::Api] {
        let error = document.write(format).unwrap_err();
        assert_eq!(error.kind().name(), "cannot-represent");
        assert!(error.to_string().contains("Default.account: only CloudFormation can carry"));
    }
}

#[test]
fn what_a_function_would_decide_is_refused() {
    let template = |objects: &str| {
        format!(
            "Resources:\n  P:\n    Type: AWS::DataPipeline::Pipeline\n    Properties:\n      \
             PipelineObjects: {objects}\n"
        )
    };
    for (objects, expected) in [
        ("!If [A, [], []]", "PipelineObjects: a list is needed, not a CloudFormation function"),
        ("[!If [A, {}, {}]]", "PipelineObjects[0]: an object is needed"),
        ("[{Id: !Ref X, Name: n, Fields: []}]", "PipelineObjects[0].Id: text is needed"),
        ("[{Id: A, Name: n, Fields: [{Key: k, StringValue: }]}]", "a value is missing"),
        ("[{Id: A, Name: n, Fields: [{Key: k, StringValue: {a: 1}}]}]", "not an object"),
        ("[{Id: A, Name: n, Fields: [], Note: x}]", "the key \"Note\" is not known here"),
        ("[{Id: A, Fields: []}]", "the key Name is missing"),
    ] {
        let error = formats::read(template(objects).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{objects}: {error}");
    }
}

#[test]
fn one_of_several_pipelines_is_chosen_and_the_others_stay() {
    let pipeline = |id: &str, name: &str| {
        format!(
            "  {id}:\n    Type: AWS::DataPipeline::Pipeline\n    Properties:\n      Name: {name}\n      \
             PipelineObjects:\n        - Id: {id}\n          Name: {id}\n          Fields: []\n"
        )
    };
    let text = format!("Resources:\n{}{}", pipeline("Nightly", "n"), pipeline("Hourly", "h"));
    let error = formats::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("2 pipelines (Nightly, Hourly); choose one with --pipeline"), "{error}");
    let all = Reader::new().read_all(text.as_bytes()).unwrap();
    assert_eq!(all.len(), 2);
    for (document, id) in all.iter().zip(["Nightly", "Hourly"]) {
        assert_eq!((document.pipeline(), &*document.definition.objects[0].id), (Some(id), id));
        assert_eq!(document.write(Format::CloudFormationYaml).unwrap(), text);
        let chosen = Reader::new().pipeline(id).read(text.as_bytes()).unwrap();
        assert_eq!(&chosen, document);
    }
    assert_eq!(all[1].left_behind(Format::Api), ["Resources.Nightly", "the pipeline's name"]);
    let error = Reader::new().pipeline("Houry").read(text.as_bytes()).unwrap_err();
    assert_eq!(error.kind().name(), "not-found");
    assert!(error.to_string().contains("called Houry; there are Nightly, Hourly"), "{error}");
    let error = Reader::new().pipeline("x").read(CLI.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("holds one definition without a name"), "{error}");
}

#[test]
fn lenient_reading_takes_what_people_write() {
    let text = CLI
        .replace("\"role\": \"r\"", "\"role\": \"r\", # the role\n")
        .replace("\\n\\\\c", "\n\\\\c")
        .replacen('{', "// a definition\n{", 1);
    let error = formats::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 1, column 1: expected value; JSON has no comments"), "{error}");
    assert!(error.contains("--lenient"), "{error}");
    let document = Reader::new().lenient(true).read(text.as_bytes()).unwrap();
    assert_eq!((document.format, &document.definition), (Format::Cli, &definition()));
    assert_eq!(
        document.tolerated,
        [
            "line 1, column 1: a comment",
            "line 10, column 20: a comment",
            "line 10, column 18: a trailing comma",
            "line 20, column 17: a raw line break in a string",
        ]
    );
    let strict = Reader::new().lenient(true).read(CLI.as_bytes()).unwrap();
    assert_eq!(strict, formats::read(CLI.as_bytes()).unwrap());
}

#[test]
fn a_short_hostile_text_is_refused_quickly() {
    let deep = "[".repeat(100_000);
    assert!(formats::read(deep.as_bytes()).is_err());
    assert!(formats::read(format!("{{\"objects\": {deep}").as_bytes()).is_err());
    let blocks: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let error = formats::read(blocks.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 100 deep"), "{error}");
    let mut laughs = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..30 {
        let below = level - 1;
        laughs += &format!("a{level}: &a{level} [*a{below}, *a{below}]\n");
    }
    let error = formats::read(laughs.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("stand for too many"), "{error}");
}

#[test]
fn a_script_is_a_literal_block() {
    let script = "#!/bin/bash\nset -eu\n\tcat <<-X\n\t  #{a}: \"$1\"\n\tX\n";
    let objects = vec![Object::new("A").text("command", script).text("x", "0123")];
    let yaml =
        cloudformation::write_yaml(&Definition { objects, ..Definition::default() }).unwrap();
    assert!(
        yaml.contains("StringValue: |\n                #!/bin/bash\n                set -eu\n"),
        "{yaml}"
    );
    assert!(yaml.contains("StringValue: \"0123\"\n"), "{yaml}");
    assert_eq!(
        cloudformation::read_yaml(&yaml).unwrap().definition.objects[0].first_text("command"),
        Some(script)
    );
}

/// Texts that some YAML or JSON reader is known to trip over, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "\n",
            "\n\n",
            "a\n",
            "a\n\n",
            "a\n \n",
            " a\nb",
            "\ta\n",
            "a\n\tb\n",
            "a \nb",
            "yes",
            "No",
            "null",
            "~",
            "0123",
            "1_000",
            "1e3",
            "0x1F",
            ".inf",
            "12:30:45",
            "=",
            "2010-09-09",
            "<<",
            "- a",
            "? a",
            ": a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "!Ref a",
            "&a",
            "*a",
            "%a",
            "@a",
            "`a",
            "'a'",
            "\"a\"",
            "[a]",
            "{a}",
            "a, b",
            "|",
            ">",
            "---",
            "...",
            "a\r\nb",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{feff}a",
            "\u{1f600}",
            "a\\b",
            "\u{0}",
            "\u{7f}",
            "${X}",
            "#{myX}",
            "---\na\n",
            "a\n---\nb\n",
            "%YAML\nb\n",
            "AWS::StackName",
            "a::",
            "é",
        ])
        .prop_map(str::to_owned),
        "[ -~\n\t]{0,30}",
        "\\PC{0,12}",
        prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,3}", text()]
        .prop_filter("an AWS CLI file has no such field", |key| key != "id" && key != "name")
}

fn any_definition() -> impl Strategy<Value = Definition> {
    let value =
        prop_oneof![text().prop_map(FieldValue::Text), text().prop_map(FieldValue::Reference),];
    let fields = prop::collection::vec((key(), value), 0..6);
    let object = (text(), text(), fields).prop_map(|(id, name, fields)| {
        let fields = fields.into_iter().map(|(key, value)| Field { key, value }).collect();
        Object { id, name, fields }
    });
    let attributes = prop::collection::vec((key(), text().prop_map(FieldValue::Text)), 0..4);
    let parameter = (text(), attributes).prop_map(|(id, attributes)| Parameter { id, attributes });
    let value = (text(), text()).prop_map(|(id, value)| ParameterValue::new(id, value));
    (
        prop::collection::vec(object, 0..4),
        prop::collection::vec(parameter, 0..3),
        prop::collection::vec(value, 0..4),
    )
        .prop_map(|(objects, parameters, values)| Definition { objects, parameters, values })
}

/// The same definition with the values of each key together, as an AWS CLI file has them.
fn grouped(mut definition: Definition) -> Definition {
    fn group<T, K: PartialEq>(items: &mut [T], key: impl Fn(&T) -> K) {
        let order: Vec<K> = items.iter().map(&key).collect();
        items.sort_by_key(|item| order.iter().position(|k| *k == key(item)));
    }
    for object in &mut definition.objects {
        group(&mut object.fields, |field| field.key.clone());
    }
    for parameter in &mut definition.parameters {
        group(&mut parameter.attributes, |(key, _)| key.clone());
    }
    group(&mut definition.values, |value| value.id.clone());
    definition
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn nothing_is_lost_on_any_way(definition in any_definition()) {
        for format in [Format::Api, Format::CloudFormationYaml, Format::CloudFormationJson] {
            let text = formats::write(&definition, format).unwrap();
            let document = formats::read(text.as_bytes()).unwrap();
            prop_assert_eq!(&document.definition, &definition, "{}", text);
        }
        let text = cli::write(&definition).unwrap();
        prop_assert_eq!(cli::read(&text).unwrap(), grouped(definition), "{}", text);
    }

    #[test]
    fn any_bytes_read_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), text in text()) {
        let _ = formats::read(&bytes);
        let _ = formats::read(text.as_bytes());
        let _ = formats::read(format!("{{\"objects\": {text}").as_bytes());
    }
}

/// PyYAML reads YAML 1.1, which takes more unquoted words for something else than text.
#[test]
fn pyyaml_reads_the_same_texts() {
    let import = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !import.is_ok_and(|status| status.success()) {
        let strict = std::env::var_os("EFSBACKUP_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!strict, "python3 with PyYAML is not installed");
        eprintln!("skipped: python3 with PyYAML is not installed");
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts: Vec<String> =
        (0..600).map(|_| text().new_tree(&mut runner).unwrap().current()).collect();
    let mut object = Object::new("A");
    for text in &texts {
        object = object.text("x", text);
    }
    let definition = Definition { objects: vec![object], ..Definition::default() };
    let yaml = cloudformation::Template::new(definition).name("n").write_yaml().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("template.yaml");
    std::fs::write(&file, yaml).unwrap();
    let program = "import json, sys, yaml\n\
        t = yaml.safe_load(open(sys.argv[1], encoding='utf-8', newline=''))\n\
        f = t['Resources']['Pipeline']['Properties']['PipelineObjects'][0]['Fields']\n\
        print(json.dumps([x['StringValue'] for x in f]))";
    let output = Command::new("python3").args(["-c", program]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read.len(), texts.len());
    for (read, text) in read.iter().zip(&texts) {
        assert_eq!(read, text);
    }
}
