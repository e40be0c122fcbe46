//! The split into roles in Terraform and a pipeline in CloudFormation, against the facts of the
//! one that went round. Its objects are compared in the tests of the recipe.

#![cfg(feature = "stack")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats;
use efsbackup_core::pipeline::FieldValue;
use efsbackup_core::recipe::{EfsBackup, Environment};
use efsbackup_core::stack::{Runner, files};
use std::collections::BTreeMap;
use std::process::Command;

fn spec() -> EfsBackup {
    let environment = Environment::new("nightly");
    EfsBackup::new(
        "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/",
        "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/",
    )
    .environment(environment)
}

fn terraform() -> String {
    files(&spec(), Runner::Split).unwrap().swap_remove(0).text
}

fn cloudformation(spec: &EfsBackup) -> String {
    files(spec, Runner::Split).unwrap().swap_remove(1).text
}

/// How an argument compares with the published one, which is in the syntax of Terraform 0.11.
enum Fact {
    /// The same, but that what was an expression in a text is now one of its own.
    Same(&'static str),
    /// What it was, what it is, and why.
    Mended(&'static str, &'static str, &'static str),
}
use Fact::{Mended, Same};

const PROFILE: &str = "Terraform takes the argument no more: a profile has one role";
const ATTACHED: &str = "it took the policy away from every other role, user and group of the \
                        account; this one attaches and does nothing else";
const UNUSED: &str = "no cluster of EMR is ever started";

/// The published file: each block with what it says, but for names of what only names itself.
const FACTS: &[(&str, &[(&str, Fact)])] = &[
    (
        "data aws_iam_policy_document datapipeline_resource",
        &[
            ("statement.sid", Mended("EC2AssumeRole", "\"AssumeRole\"", "one name for both")),
            ("statement.effect", Same("\"Allow\"")),
            ("statement.actions", Same("[\"sts:AssumeRole\"]")),
            ("statement.principals.type", Same("\"Service\"")),
            ("statement.principals.identifiers", Same("[\"ec2.amazonaws.com\"]")),
        ],
    ),
    (
        "resource aws_iam_role datapipeline_resource",
        &[
            ("name", Same("\"${var.name}-datapipeline-resource-role\"")),
            ("assume_role_policy", Same("data.aws_iam_policy_document.datapipeline_resource.json")),
        ],
    ),
    (
        "resource aws_iam_role_policy_attachment datapipeline_resource",
        &[
            (
                "role",
                Mended(
                    "roles, in aws_iam_policy_attachment",
                    "aws_iam_role.datapipeline_resource.name",
                    ATTACHED,
                ),
            ),
            (
                "policy_arn",
                Same("\"arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforDataPipelineRole\""),
            ),
        ],
    ),
    (
        "resource aws_iam_instance_profile datapipeline_resource",
        &[
            ("name", Same("\"${var.name}-datapipeline-resource\"")),
            ("role", Mended("roles", "aws_iam_role.datapipeline_resource.name", PROFILE)),
        ],
    ),
    (
        "data aws_iam_policy_document datapipeline_role",
        &[
            ("statement.sid", Same("\"AssumeRole\"")),
            ("statement.effect", Same("\"Allow\"")),
            ("statement.actions", Same("[\"sts:AssumeRole\"]")),
            ("statement.principals.type", Same("\"Service\"")),
            (
                "statement.principals.identifiers",
                Mended(
                    "elasticmapreduce.amazonaws.com, datapipeline.amazonaws.com",
                    "[\"datapipeline.amazonaws.com\"]",
                    UNUSED,
                ),
            ),
        ],
    ),
    (
        "resource aws_iam_role datapipeline_role",
        &[
            ("name", Same("\"${var.name}-datapipeline-role\"")),
            ("assume_role_policy", Same("data.aws_iam_policy_document.datapipeline_role.json")),
        ],
    ),
    (
        "resource aws_iam_role_policy_attachment datapipeline_role",
        &[
            (
                "role",
                Mended(
                    "roles, in aws_iam_policy_attachment",
                    "aws_iam_role.datapipeline_role.name",
                    ATTACHED,
                ),
            ),
            ("policy_arn", Same("\"arn:aws:iam::aws:policy/service-role/AWSDataPipelineRole\"")),
        ],
    ),
];

/// What each block of a formatted file says: the block's header without quotes, and its
/// arguments by their paths.
fn blocks(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(header) = line.strip_suffix(" {") {
            if path.is_empty() {
                found.push((header.replace('"', ""), BTreeMap::new()));
            }
            path.push(header.to_owned());
        } else if line == "}" {
            path.pop();
        } else {
            let (key, value) = line.split_once(" = ").unwrap();
            let key = [&path[1..], &[key.trim().to_owned()]].concat().join(".");
            found.last_mut().unwrap().1.insert(key, value.to_owned());
        }
    }
    found
}

#[test]
fn the_roles_are_those_that_went_round_but_for_what_is_mended() {
    let blocks = blocks(&terraform());
    assert_eq!(blocks[0].0, "variable name");
    let blocks = &blocks[1..];
    assert_eq!(blocks.len(), FACTS.len());
    for (header, facts) in FACTS {
        let (_, arguments) = blocks.iter().find(|(found, _)| found == header).unwrap();
        let expected: BTreeMap<String, String> = facts
            .iter()
            .map(|(key, fact)| match fact {
                Same(value) => ((*key).to_owned(), (*value).to_owned()),
                Mended(was, is, why) => {
                    assert!(was != is && !why.is_empty());
                    ((*key).to_owned(), (*is).to_owned())
                }
            })
            .collect();
        assert_eq!(*arguments, expected, "{header}");
    }
}

#[test]
fn the_pipeline_is_the_spec_s_and_what_is_open_is_asked_for() {
    let document = formats::read(cloudformation(&spec()).as_bytes()).unwrap();
    let plain = spec().definition().unwrap();
    assert_eq!(document.definition.objects, plain.objects);
    assert_eq!(document.definition.parameters, plain.parameters);
    let value = |id: &str| {
        let value = document.definition.values.iter().find(|value| value.id == id);
        value.map(|value| value.value.clone())
    };
    let text = |text: &str| Some(FieldValue::from(text));
    assert_eq!(value("myDataPipelineRole"), text("nightly-datapipeline-role"));
    // The profile: that is what an instance is started with.
    assert_eq!(value("myDataPipelineResourceRole"), text("nightly-datapipeline-resource"));
    for id in
        ["myTopicArn", "myS3LogBucket", "myImageId", "mySubnetId", "mySecurityGroupId", "myKeyPair"]
    {
        let Some(FieldValue::Intrinsic(reference)) = value(id) else { panic!("{id} is asked for") };
        assert_eq!(reference.function, "Ref");
    }
    assert_eq!(document.left_behind(formats::Format::Api)[..2], ["Description", "Parameters"]);
}

#[test]
fn cfn_lint_and_terraform_fmt_find_nothing() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("roles.tf"), terraform()).unwrap();
    std::fs::write(scratch.path("pipeline.yaml"), cloudformation(&spec())).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(scratch.path(".")).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8(said).unwrap());
    };
    if probe::tool("cfn-lint") {
        run(
            "cfn-lint",
            &["--regions", "us-east-1", "--include-checks", "I", "--", "pipeline.yaml"],
        );
    }
    if let Some(terraform) = probe::terraform() {
        run(terraform, &["fmt", "-check", "-diff"]);
    }
}
