//! Numbers without quotes, where a form takes them, stay as they are written: `1.50` is not
//! `1.5`, and a large whole number is no rounded one.

#![cfg(all(feature = "cfn", feature = "terraform"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::{self, Format, Reader, api, cli};

/// Numbers that lose something once they are a machine's.
const NUMBERS: [&str; 9] = [
    "1.50",
    "1e3",
    "1E+03",
    "-0",
    "-0.0",
    "0.10",
    "-12.340",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
];

fn cfn_yaml(number: &str) -> String {
    format!(
        "Resources:\n  Pipeline:\n    Type: AWS::DataPipeline::Pipeline\n    Properties:\n      \
         Name: n\n      PipelineObjects:\n        - Id: A\n          Name: A\n          Fields:\n            \
         - Key: retryDelay\n              StringValue: {number}\n  Other:\n    Type: AWS::X::Y\n    \
         Properties:\n      Size: {number}\n"
    )
}

fn cfn_json(number: &str) -> String {
    format!(
        r#"{{"Resources": {{"Pipeline": {{"Type": "AWS::DataPipeline::Pipeline", "Properties":
        {{"Name": "n", "PipelineObjects": [{{"Id": "A", "Name": "A", "Fields":
        [{{"Key": "retryDelay", "StringValue": {number}}}]}}]}}}},
        "Other": {{"Type": "AWS::X::Y", "Properties": {{"Size": {number}}}}}}}}}"#
    )
}

fn terraform(number: &str) -> String {
    format!(
        "resource \"aws_datapipeline_pipeline_definition\" \"d\" {{\n  pipeline_id = \"p\"\n  count = \
         {number}\n\n  pipeline_object {{\n    id   = \"A\"\n    name = \"A\"\n\n    field {{\n      key = \
         \"retryDelay\"\n      string_value = {number}\n    }}\n  }}\n}}\n"
    )
}

fn terraform_json(number: &str) -> String {
    format!(
        r#"{{"resource": {{"aws_datapipeline_pipeline_definition": {{"d": {{"pipeline_id": "p",
        "count": {number}, "pipeline_object": [{{"id": "A", "name": "A", "field":
        [{{"key": "retryDelay", "string_value": {number}}}]}}]}}}}}}}}"#
    )
}

/// A form, and a file of it with a number as a field's value and, where it can, elsewhere.
type Form = (Format, fn(&str) -> String);

const FORMS: [Form; 4] = [
    (Format::CloudFormationYaml, cfn_yaml),
    (Format::CloudFormationJson, cfn_json),
    (Format::Terraform, terraform),
    (Format::TerraformJson, terraform_json),
];

#[test]
fn the_text_of_a_number_is_that_of_the_file() {
    for number in NUMBERS {
        for (format, file) in FORMS {
            let document = formats::read(file(number).as_bytes()).unwrap();
            let read = document.definition.objects[0].first_text("retryDelay");
            assert_eq!(read, Some(number), "{format:?}");
        }
    }
}

#[test]
fn every_form_gives_the_number_to_every_other_and_keeps_its_own() {
    for number in NUMBERS {
        for (from, file) in FORMS {
            let document = formats::read(file(number).as_bytes()).unwrap();
            for to in Format::ALL {
                let written = document.write(to).unwrap_or_else(|e| panic!("{from:?} {to:?}: {e}"));
                let again = formats::read(written.as_bytes()).unwrap();
                assert_eq!(again.definition, document.definition, "{from:?} to {to:?}:\n{written}");
                // Beside the definition it stays a number, of which the text counts too.
                let bare = |text: &str| {
                    let count = format!("\"count\": {number}");
                    let size = format!("\"Size\": {number}");
                    text.contains(&count) || text.contains(&size) || text.contains(&count[1..])
                };
                let family = |format| {
                    matches!(format, Format::CloudFormationYaml | Format::CloudFormationJson)
                };
                if from == to || family(from) && family(to) {
                    let plain = written.replace("\"count\"", "count").replace("\"Size\"", "Size");
                    let kept = [
                        format!("count = {number}\n"),
                        format!("count: {number},"),
                        format!("Size: {number}\n"),
                    ];
                    assert!(
                        bare(&written) || kept.iter().any(|kept| plain.contains(kept)),
                        "{from:?} to {to:?}:\n{written}"
                    );
                }
            }
        }
    }
}

/// The AWS CLI takes no numbers, and says which text it wants.
#[test]
fn the_aws_clis_forms_refuse_a_number_by_its_own_text() {
    for number in NUMBERS {
        let file = format!("{{\"objects\": [{{\"id\": \"A\", \"retryDelay\": {number}}}]}}");
        let error = cli::read(&file).unwrap_err();
        let told = format!("{number} is not text; write it in quotes: \"{number}\"");
        assert!(error.message().contains(&told), "{error}");
        let lenient = Reader::new().lenient(true).read(file.as_bytes()).unwrap_err();
        assert!(lenient.message().contains(&told), "{lenient}");
        let file = format!(
            "{{\"pipelineObjects\": [{{\"id\": \"A\", \"name\": \"A\", \"fields\": \
             [{{\"key\": \"k\", \"stringValue\": {number}}}]}}]}}"
        );
        assert!(api::read(&file).unwrap_err().message().contains(&told));
    }
}
