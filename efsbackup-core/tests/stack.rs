//! The stack around a pipeline: what judges say of it, and what its roles may do.

#![cfg(feature = "stack")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::{Definition, FieldValue};
use efsbackup_core::recipe::{EfsBackup, Engine, Environment, Keep, ScheduleType};
use efsbackup_core::stack::{self, Role, Runner, files, needs};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/";
const DESTINATION: &str = "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/";
const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn environment() -> Environment {
    let mut environment = Environment::new("nightly");
    environment.vpc = Some("vpc-0123456789abcdef0".to_owned());
    environment.subnets =
        ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"].map(str::to_owned).into();
    environment
}

/// Everything is made.
fn made() -> EfsBackup {
    let mut environment = environment();
    environment.source_group = Some("sg-0fedcba9876543210".to_owned());
    environment.file_system_policy = true;
    EfsBackup::to_new_file_system(SOURCE)
        .tls(true)
        .iam(true)
        .spot_price("0.02")
        .key_pair("ops")
        .program("s3://programs/efsbackup-1", SHA256)
        .keep(Keep::Daily, 7)
        .environment(environment)
}

/// Nothing is made but what is always.
fn given() -> EfsBackup {
    let mut environment = Environment::new("given");
    environment.alarm_after = 0;
    EfsBackup::new(SOURCE, DESTINATION)
        .engine(Engine::Rsync)
        .period("1 weeks")
        .notify("arn:aws:sns:us-east-1:123456789012:backups")
        .log_uri("s3://logs/efs")
        .image("ami-0123456789abcdef0")
        .subnet("subnet-0123456789abcdef0")
        .security_group("sg-0123456789abcdef0")
        .security_group("sg-0fedcba9876543210")
        .role("pipeline")
        .resource_role("instance")
        .environment(environment)
}

fn managed() -> EfsBackup {
    let mut environment = environment();
    environment.managed_policies = true;
    EfsBackup::to_new_file_system(SOURCE).tls(true).iam(true).environment(environment)
}

fn on_demand() -> EfsBackup {
    EfsBackup::to_new_file_system(SOURCE)
        .schedule_type(ScheduleType::Ondemand)
        .environment(environment())
}

fn specs() -> [(&'static str, EfsBackup); 4] {
    [("made", made()), ("given", given()), ("managed", managed()), ("on-demand", on_demand())]
}

fn text(spec: &EfsBackup, runner: Runner) -> String {
    files(spec, runner).unwrap().swap_remove(0).text
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn cfn_lint_finds_nothing() {
    if !probe::tool("cfn-lint") {
        return;
    }
    let scratch = Scratch::new();
    let mut names = Vec::new();
    for (name, spec) in specs() {
        let name = format!("{name}.yaml");
        std::fs::write(scratch.path(&name), text(&spec, Runner::CloudFormation)).unwrap();
        names.push(name);
    }
    // Data Pipeline exists in few regions only; us-east-1 is one.
    let mut arguments =
        vec!["--regions", "us-east-1", "--include-checks", "I", "--format", "parseable"];
    arguments.push("--template");
    arguments.extend(names.iter().map(String::as_str));
    let (passed, said) = run("cfn-lint", &arguments, &scratch.path("."));
    assert!(passed && said.is_empty(), "{said}");
}

#[test]
fn terraform_fmt_changes_nothing() {
    let Some(terraform) = probe::terraform() else { return };
    let scratch = Scratch::new();
    for (name, spec) in specs() {
        std::fs::write(scratch.path(&format!("{name}.tf")), text(&spec, Runner::Terraform))
            .unwrap();
    }
    let (passed, said) = run(terraform, &["fmt", "-check", "-diff"], &scratch.path("."));
    assert!(passed, "{said}");
}

/// The pipeline in a stack, read back.
fn pipeline(spec: &EfsBackup, runner: Runner) -> Definition {
    formats::read(text(spec, runner).as_bytes()).unwrap().definition
}

#[test]
fn the_pipeline_in_a_stack_is_that_of_the_spec_with_nothing_left_open() {
    for (name, spec) in specs() {
        let stack = pipeline(&spec, Runner::CloudFormation);
        let plain = match name {
            "given" => spec.clone(),
            _ => spec.clone().with_destination(DESTINATION),
        };
        let plain = plain.definition().unwrap();
        let ids = |definition: &Definition| -> Vec<String> {
            definition.objects.iter().map(|object| object.id.clone()).collect()
        };
        assert_eq!(ids(&stack), ids(&plain), "{name}");
        let command = |definition: &Definition| {
            let activity = definition.object("ShellCommandActivityObj").unwrap().clone();
            activity.all("scriptArgument").cloned().collect::<Vec<_>>()
        };
        assert_eq!(command(&stack), command(&plain), "{name}");
        for runner in Runner::ALL.into_iter().take(2) {
            let stack = pipeline(&spec, runner);
            for parameter in &stack.parameters {
                let known = stack.values.iter().any(|value| value.id == parameter.id);
                assert!(
                    known || parameter.attribute("default").is_some(),
                    "{name}: {}",
                    parameter.id
                );
            }
            let found = stack.validate();
            let errors: Vec<String> = found.errors().map(ToString::to_string).collect();
            assert_eq!(errors, [""; 0], "{name} {}", runner.name());
        }
    }
}

/// What the generated definition makes others call, by what stands in it: the object's type or
/// field, or a word of its script, and the actions. Data Pipeline's guide has its own calls, the
/// API references of EC2, IAM, S3, SNS and EFS which action each needs.
const CALLS: &[(Role, &str, &[&str])] = &[
    (
        Role::Pipeline,
        "type=Ec2Resource",
        &[
            "ec2:RunInstances",
            "ec2:CreateTags",
            "ec2:DescribeInstances",
            "ec2:DescribeInstanceStatus",
        ],
    ),
    (Role::Pipeline, "terminateAfter", &["ec2:TerminateInstances"]),
    (Role::Pipeline, "imageId", &["ec2:DescribeImages"]),
    (Role::Pipeline, "subnetId", &["ec2:DescribeSubnets"]),
    (Role::Pipeline, "securityGroupIds", &["ec2:DescribeSecurityGroups"]),
    (Role::Pipeline, "keyPair", &["ec2:DescribeKeyPairs"]),
    (
        Role::Pipeline,
        "spotBidPrice",
        &[
            "ec2:RequestSpotInstances",
            "ec2:DescribeSpotInstanceRequests",
            "ec2:CancelSpotInstanceRequests",
            "iam:CreateServiceLinkedRole",
        ],
    ),
    (
        Role::Pipeline,
        "resourceRole",
        &[
            "iam:PassRole",
            "iam:GetInstanceProfile",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
        ],
    ),
    (Role::Pipeline, "pipelineLogUri", &["s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"]),
    (Role::Instance, "pipelineLogUri", &["s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"]),
    (Role::Pipeline, "type=SnsAlarm", &["sns:Publish"]),
    (
        Role::Instance,
        "type=ShellCommandActivity",
        &[
            "datapipeline:PollForTask",
            "datapipeline:EvaluateExpression",
            "datapipeline:ReportTaskProgress",
            "datapipeline:ReportTaskRunnerHeartbeat",
            "datapipeline:SetTaskStatus",
        ],
    ),
    (Role::Instance, "argument=--program=", &["s3:GetObject"]),
    (
        Role::Instance,
        "argument=--mount=tls,iam",
        &[
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientWrite",
            "elasticfilesystem:ClientRootAccess",
        ],
    ),
];

/// What AWS lets Data Pipeline's own role do, in version 6 of its policy AWSDataPipelineRole, as far
/// as the roles made here do not: why, and which actions. What Data Pipeline calls is not
/// documented one by one: the policy is all that AWS tells of it.
const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        "no object of the definition is or uses one",
        &[
            "cloudwatch:*",
            "dynamodb:BatchGetItem",
            "dynamodb:DescribeTable",
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateTable",
            "elasticmapreduce:*",
            "rds:DescribeDBInstances",
            "rds:DescribeDBSecurityGroups",
            "redshift:DescribeClusters",
            "redshift:DescribeClusterSecurityGroups",
            "sdb:BatchPutAttributes",
            "sdb:Select*",
            "sqs:CreateQueue",
            "sqs:Delete*",
            "sqs:GetQueue*",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
        ],
    ),
    (
        "the definition names its security groups, subnet and image: only clusters get new ones",
        &[
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateNetworkInterface",
            "ec2:CreateSecurityGroup",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteSecurityGroup",
            "ec2:DetachNetworkInterface",
            "ec2:ModifyImageAttribute",
            "ec2:ModifyInstanceAttribute",
            "ec2:RevokeSecurityGroupEgress",
        ],
    ),
    (
        "an instance is ended with its tags, not stopped",
        &["ec2:DeleteTags", "ec2:StartInstances", "ec2:StopInstances"],
    ),
    ("the definition names its profile", &["iam:ListInstanceProfiles"]),
    ("logs are added to a bucket that is there", &["s3:CreateBucket", "s3:DeleteObject"]),
    (
        "an alarm only publishes",
        &["sns:GetTopicAttributes", "sns:ListTopics", "sns:Subscribe", "sns:Unsubscribe"],
    ),
    (
        "Task Runner evaluates expressions, with the instance's role",
        &["datapipeline:DescribeObjects", "datapipeline:EvaluateExpression"],
    ),
];

/// Of the same policy what the roles made here may do, too.
const TAKEN_OVER: &[&str] = &[
    "ec2:CancelSpotInstanceRequests",
    "ec2:CreateTags",
    "ec2:Describe*",
    "ec2:RequestSpotInstances",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
    "iam:CreateServiceLinkedRole",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:PassRole",
    "s3:Get*",
    "s3:List*",
    "s3:Put*",
    "sns:Publish",
];

#[test]
fn the_pipeline_s_role_may_do_what_aws_gives_one_of_its_kind_and_no_more() {
    let matches = |pattern: &str, action: &str| match pattern.strip_suffix('*') {
        Some(begin) => action.starts_with(begin),
        None => action == pattern,
    };
    let mut granted = BTreeSet::new();
    for (_, spec) in specs() {
        let needs = needs(&spec, Runner::CloudFormation).unwrap();
        let own = needs.iter().filter(|need| need.role == Role::Pipeline);
        granted.extend(own.map(|need| need.action));
    }
    for action in &granted {
        assert!(TAKEN_OVER.iter().any(|pattern| matches(pattern, action)), "{action}");
    }
    for pattern in TAKEN_OVER {
        assert!(granted.iter().any(|action| matches(pattern, action)), "{pattern}");
    }
    for (why, patterns) in LEFT_OUT {
        for pattern in *patterns {
            assert!(!granted.iter().any(|action| matches(pattern, action)), "{pattern}: {why}");
        }
    }
    let all = LEFT_OUT.iter().map(|(_, patterns)| patterns.len()).sum::<usize>();
    assert_eq!(all + TAKEN_OVER.len(), 58, "the policy has so many");
}

/// The actions that a definition needs, by `CALLS`.
fn called(definition: &Definition, role: Role) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for field in definition.objects.iter().flat_map(|object| &object.fields) {
        words.insert(field.key.clone());
        let text = field.value.as_text().unwrap_or_default();
        words.insert(format!("{}={text}", field.key));
        if field.key == "scriptArgument" {
            words.insert(format!("argument={}", text.split_inclusive('=').next().unwrap()));
            words.insert(format!("argument={text}"));
        }
    }
    let calls = CALLS.iter().filter(|(whose, word, _)| *whose == role && words.contains(*word));
    calls.flat_map(|(.., actions)| actions.iter().map(|action| (*action).to_owned())).collect()
}

#[test]
fn every_action_is_called_and_every_call_is_allowed() {
    let mut seen = BTreeSet::new();
    for (name, spec) in specs() {
        let definition = pipeline(&spec, Runner::CloudFormation);
        for role in [Role::Pipeline, Role::Instance] {
            let granted = needs(&spec, Runner::CloudFormation).unwrap();
            let granted = granted.iter().filter(|need| need.role == role);
            let granted: BTreeSet<String> = granted.map(|need| need.action.to_owned()).collect();
            assert_eq!(granted, called(&definition, role), "{name} {role:?}");
            seen.extend(granted);
        }
    }
    let known: BTreeSet<String> =
        CALLS.iter().flat_map(|(.., actions)| actions.iter().map(|a| (*a).to_owned())).collect();
    assert_eq!(seen, known, "a row of the table that no spec needs shows nothing");
}

#[test]
fn each_need_names_its_call_and_star_has_its_reason() {
    for (_, spec) in specs() {
        for need in needs(&spec, Runner::CloudFormation).unwrap() {
            assert!(!need.call.is_empty() && !need.action.contains('*'), "{need:?}");
            let lists = need.action.starts_with("ec2:Describe");
            let tasks = need.action.starts_with("datapipeline:");
            assert_eq!(need.why_all.is_some(), lists || tasks, "{need:?}");
        }
    }
}

/// Every statement of the policies in a template in JSON, with the resource it is in.
fn statements(template: &serde_json::Value) -> Vec<(String, serde_json::Value)> {
    fn look(value: &serde_json::Value, found: &mut Vec<serde_json::Value>) {
        match value {
            serde_json::Value::Object(entries) => {
                if entries.contains_key("Effect") {
                    found.push(value.clone());
                }
                entries.values().for_each(|value| look(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|value| look(value, found)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let mut found = Vec::new();
        look(resource, &mut found);
        all.extend(found.into_iter().map(|statement| (id.clone(), statement)));
    }
    all
}

fn as_list(value: &serde_json::Value) -> Vec<serde_json::Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The template in JSON, with CloudFormation's functions in their long form.
fn json(spec: &EfsBackup) -> serde_json::Value {
    let document = formats::read(text(spec, Runner::CloudFormation).as_bytes()).unwrap();
    serde_json::from_str(&document.write(Format::CloudFormationJson).unwrap()).unwrap()
}

#[test]
fn the_template_grants_exactly_the_needs_and_star_only_where_one_says_why() {
    for (name, spec) in [("made", made()), ("on-demand", on_demand())] {
        let all = needs(&spec, Runner::CloudFormation).unwrap();
        for (policy, role) in
            [("PipelineRolePolicy", Role::Pipeline), ("InstanceRolePolicy", Role::Instance)]
        {
            let own = statements(&json(&spec)).into_iter().filter(|(id, _)| id == policy);
            let mut granted = BTreeSet::new();
            for (_, statement) in own {
                assert_eq!(statement["Effect"], "Allow");
                let star = as_list(&statement["Resource"]).contains(&"*".into());
                for action in as_list(&statement["Action"]) {
                    let action = action.as_str().unwrap().to_owned();
                    let mut why = all.iter().filter(|n| n.role == role && n.action == action);
                    assert!(why.any(|need| need.why_all.is_some() == star), "{name} {action}");
                    granted.insert(action);
                }
            }
            let needed = all.iter().filter(|need| need.role == role);
            let needed: BTreeSet<String> = needed.map(|need| need.action.to_owned()).collect();
            assert_eq!(granted, needed, "{name} {policy}");
        }
    }
}

#[test]
fn terraform_grants_the_same_actions_in_the_same_statements() {
    for (name, spec) in specs() {
        let terraform = text(&spec, Runner::Terraform);
        for (id, statement) in statements(&json(&spec)) {
            let Some(sid) = statement["Sid"].as_str() else { continue };
            let actions = as_list(&statement["Action"]);
            let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
            let effect = statement["Effect"].as_str().unwrap();
            let found = terraform.split("statement {").any(|block| {
                block.contains(&format!("\"{sid}\""))
                    && block.contains(&format!("\"{effect}\""))
                    && block.contains(&format!("[{}]", actions.join(", ")))
            });
            assert!(found, "{name}: {id} {sid} is not in the Terraform");
        }
        for (_, statement) in statements(&json(&spec)) {
            assert!(statement["Sid"].is_string());
        }
    }
}

#[test]
fn what_holds_data_is_encrypted_private_and_kept() {
    let template = json(&made());
    let resource = |id: &str| template["Resources"][id].clone();
    for id in ["LogBucket", "BackupFileSystem"] {
        assert_eq!(resource(id)["DeletionPolicy"], "Retain");
        assert_eq!(resource(id)["UpdateReplacePolicy"], "Retain");
    }
    assert_eq!(resource("BackupFileSystem")["Properties"]["Encrypted"], true);
    let block = resource("LogBucket")["Properties"]["PublicAccessBlockConfiguration"].clone();
    assert_eq!(block.as_object().unwrap().values().filter(|v| **v == true).count(), 4);
    let terraform = text(&made(), Runner::Terraform);
    assert_eq!(terraform.matches("prevent_destroy = true").count(), 2);
    // The way in: port 2049 of the mount targets, from the instances' group alone.
    let ingress = resource("BackupIn")["Properties"].clone();
    assert_eq!(
        (ingress["FromPort"].clone(), ingress["ToPort"].clone()),
        (2049.into(), 2049.into())
    );
    assert!(ingress["CidrIp"].is_null());
    let policy = resource("BackupFileSystem")["Properties"]["FileSystemPolicy"].clone();
    let allowed = as_list(&policy["Statement"][0]["Principal"]["AWS"]);
    assert_eq!(allowed, [serde_json::json!({"Fn::GetAtt": ["InstanceRole", "Arn"]})]);
    let denied = &policy["Statement"][1];
    assert_eq!(
        (denied["Effect"].clone(), denied["Condition"]["Bool"]["aws:SecureTransport"].clone()),
        ("Deny".into(), "false".into())
    );
}

#[test]
fn the_alarm_counts_successes_alone() {
    let template = json(&made());
    let alarm = &template["Resources"]["LateAlarm"]["Properties"];
    assert_eq!(
        (alarm["Period"].clone(), alarm["EvaluationPeriods"].clone()),
        (3600.into(), 2.into())
    );
    assert_eq!(alarm["TreatMissingData"], "breaching");
    let definition = pipeline(&made(), Runner::CloudFormation);
    let topic =
        |id: &str| definition.object(id).unwrap().first_text("topicArn").unwrap().to_owned();
    assert_eq!(topic("SuccessNotify"), "#{mySuccessTopicArn}");
    assert_eq!(topic("FailureNotify"), "#{myTopicArn}");
    let value = definition.values.iter().find(|value| value.id == "mySuccessTopicArn").unwrap();
    let FieldValue::Intrinsic(reference) = &value.value else { panic!("a reference") };
    assert_eq!(reference.function, "Ref");
    assert!(json(&given())["Resources"]["LateAlarm"].is_null());
    assert!(json(&on_demand())["Resources"]["LateAlarm"].is_null());
}

#[test]
fn managed_policies_take_the_place_of_those_made_but_for_signing_in() {
    let text = text(&managed(), Runner::CloudFormation);
    for name in ["AWSDataPipelineRole", "AmazonEC2RoleforDataPipelineRole"] {
        assert!(text.contains(&format!("policy/service-role/{name}")), "{name}");
    }
    assert!(!text.contains("ec2:RunInstances"));
    assert!(text.contains("elasticfilesystem:ClientMount"));
}

#[test]
fn what_is_missing_or_wrong_is_told_in_one_line() {
    let mut nameless = environment();
    nameless.name = "0x".to_owned();
    let mut bare = Environment::new("x");
    bare.alarm_after = 0;
    let mut many = environment();
    many.alarm_after = 8;
    let mut open = environment();
    open.file_system_policy = true;
    let new = || EfsBackup::to_new_file_system(SOURCE);
    let cases = [
        (new(), "a stack needs a name: add the table [environment]"),
        (new().environment(nameless), "'0x' is no name of a stack"),
        (new().environment(bare.clone()), "a stack needs a subnet"),
        (new().subnet("subnet-1").environment(bare), "to make security groups or a file system"),
        (new().period("1 days").environment(many), "an alarm cannot count 8 periods of 1 days"),
        (new().environment(open), "file-system-policy is for a file system that the stack makes"),
        (new().subnet("a${b}").environment(environment()), "subnet \"a${b}\" holds what no name"),
        (
            EfsBackup::new("/a", "/b")
                .source_id("fs-00000001")
                .destination_id("fs-00000002")
                .environment(environment()),
            "a stack backs file systems up",
        ),
    ];
    for (spec, expected) in cases {
        let error = stack::files(&spec, Runner::CloudFormation).unwrap_err().to_string();
        assert!(error.starts_with(&format!("recipe: {expected}")), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

/// A block of a formatted file: its header without quotes, its arguments, the blocks in it.
#[derive(Default)]
struct Block {
    header: String,
    arguments: BTreeSet<String>,
    blocks: Vec<Block>,
}

/// The blocks of the lines, up to the end of the one that they stand in.
fn blocks<'a>(lines: &mut impl Iterator<Item = &'a str>, into: &mut Block) {
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some((key, value)) = line.split_once(" = ") {
            into.arguments.insert(key.trim().to_owned());
            if value == "{" {
                // A map: its keys are no arguments.
                assert!(lines.any(|line| line.trim() == "}"));
            }
            if let Some(end) = value.strip_prefix("<<-") {
                assert!(lines.any(|line| line.trim() == end));
            }
        } else if let Some(header) = line.strip_suffix(" {}") {
            into.blocks.push(Block { header: header.replace('"', ""), ..Block::default() });
        } else if let Some(header) = line.strip_suffix(" {") {
            let mut inner = Block { header: header.replace('"', ""), ..Block::default() };
            blocks(lines, &mut inner);
            into.blocks.push(inner);
        } else if line == "}" {
            return;
        } else {
            assert_eq!(line, "");
        }
    }
}

/// Every argument is one of the schema's, and all that it requires are there.
fn fits(block: &Block, schema: &serde_json::Value, wrong: &mut Vec<String>) {
    let words = |key: &str| -> BTreeSet<String> {
        as_list(&schema[key]).iter().filter_map(|w| w.as_str().map(str::to_owned)).collect()
    };
    let (required, optional) = (words("required"), words("optional"));
    let inner: BTreeSet<String> = block.blocks.iter().map(|block| block.header.clone()).collect();
    let given: BTreeSet<String> = block.arguments.union(&inner).cloned().collect();
    for word in given.difference(&required.union(&optional).cloned().collect()) {
        wrong.push(format!("{}: unknown {word}", block.header));
    }
    for word in required.difference(&given) {
        wrong.push(format!("{}: {word} is missing", block.header));
    }
    for inner in block.blocks.iter().filter(|inner| inner.header != "lifecycle") {
        fits(inner, &schema["blocks"][&inner.header], wrong);
    }
}

#[test]
fn every_argument_is_one_of_the_provider_s_schema() {
    let schema = include_str!("../../tests/vectors/terraform_arguments.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let (mut wrong, mut kinds) = (Vec::new(), BTreeSet::new());
    for (_, spec) in specs() {
        let mut file = Block::default();
        blocks(&mut text(&spec, Runner::Terraform).lines(), &mut file);
        for block in &file.blocks {
            let words: Vec<&str> = block.header.split(' ').collect();
            let kind = match words[0] {
                "data" => format!("data.{}", words[1]),
                _ => words[1].to_owned(),
            };
            assert!(schema[&kind].is_object(), "make schemas: it does not know {kind}");
            fits(block, &schema[&kind], &mut wrong);
            kinds.insert(kind);
        }
    }
    assert_eq!(wrong, [""; 0]);
    let known = schema.as_object().unwrap().keys().filter(|key| *key != "package");
    assert_eq!(kinds, known.cloned().collect());
}
