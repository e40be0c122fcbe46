//! A stack around a pipeline, as a file of Terraform.

use super::needs::{Role, groups};
use super::node::{list, map, plain, text};
use super::plan::Plan;
use super::policy::{self, Statement, expressions};
use super::shared;
use super::tokens::terraform as value;
use crate::error::Result;
use crate::formats::fold_arguments;
use crate::formats::terraform::{Module, block};
use crate::pipeline::{FieldValue, Intrinsic, Node};

/// Blocks of a file, in the order in which they are written.
#[derive(Default)]
pub(super) struct Blocks(Vec<String>);

impl Blocks {
    /// The file.
    pub(super) fn text(&self) -> String {
        self.0.join("\n")
    }

    pub(super) fn block(&mut self, header: &str, body: &Node) {
        self.0.push(block(header, body));
    }

    pub(super) fn resource<K: Into<String>>(
        &mut self,
        kind: &str,
        name: &str,
        body: impl IntoIterator<Item = (K, Node)>,
    ) {
        self.0.push(block(&format!("resource \"{kind}\" \"{name}\""), &map(body)));
    }

    fn data(&mut self, kind: &str, name: &str, body: Node) {
        self.0.push(block(&format!("data \"{kind}\" \"{name}\""), &body));
    }

    /// A policy's document, and the expression that gives it.
    pub(super) fn document(&mut self, name: &str, statements: &[Statement]) -> Node {
        self.data("aws_iam_policy_document", name, policy::terraform(statements));
        expression(&format!("data.aws_iam_policy_document.{name}.json"))
    }
}

/// An expression of Terraform as it stands.
pub(super) fn expression(expression: &str) -> Node {
    Node::Intrinsic(Box::new(Intrinsic::terraform(expression)))
}

/// A text with tokens.
fn filled(text: &str) -> Node {
    expression(&value(text))
}

/// The file of the plan.
pub(super) fn write(plan: &Plan<'_>) -> Result<String> {
    let mut blocks = Blocks::default();
    let empty = || Node::Map(Vec::new());
    for kind in ["aws_caller_identity", "aws_partition", "aws_region"] {
        blocks.data(kind, "current", empty());
    }
    if let Some(name) = plan.image_parameter() {
        blocks.data("aws_ssm_parameter", "image", map([("name", text(name))]));
    }
    roles(plan, &mut blocks);
    topics(plan, &mut blocks);
    log_bucket(plan, &mut blocks);
    network(plan, &mut blocks);
    file_system(plan, &mut blocks);
    alarm(plan, &mut blocks);
    blocks.0.push(pipeline(plan)?);
    Ok(blocks.text())
}

fn roles(plan: &Plan<'_>, blocks: &mut Blocks) {
    let managed = plan.environment.managed_policies;
    let groups = groups(plan);
    let own = |role: Role| -> Vec<Statement> {
        groups.iter().filter(|group| group.role == role).map(|group| group.statement()).collect()
    };
    for part in shared::role_parts(plan) {
        let resource = if part.role == Role::Pipeline { "pipeline" } else { "instance" };
        let assumed = Statement::assumed_by(part.assumed_by);
        let assumed = blocks.document(&format!("{resource}_assume"), &[assumed]);
        let body = [("name", text(&part.name)), ("assume_role_policy", assumed)];
        blocks.resource("aws_iam_role", resource, body);
        let role = filled(&format!("{{{}}}", part.token));
        if managed {
            let body = [("role", role.clone()), ("policy_arn", filled(part.managed))];
            blocks.resource("aws_iam_role_policy_attachment", resource, body);
        }
        let statements =
            if managed { shared::besides_managed(own(part.role)) } else { own(part.role) };
        if !statements.is_empty() {
            let document = blocks.document(resource, &statements);
            let body = [("name", text(&part.name)), ("role", role), ("policy", document)];
            blocks.resource("aws_iam_role_policy", resource, body);
        }
    }
    if plan.spec.resource_role.is_none() {
        let name = text(&shared::instance_name(plan));
        let body = [("name", name), ("role", filled("{instance-role}"))];
        blocks.resource("aws_iam_instance_profile", "instance", body);
    }
}

fn topics(plan: &Plan<'_>, blocks: &mut Blocks) {
    for topic in shared::topics(plan) {
        blocks.resource("aws_sns_topic", topic.resource, [("name", text(&topic.name))]);
        let statements = shared::topic_policy(plan, &topic);
        let document = blocks.document(&format!("{}_topic", topic.resource), &statements);
        let body = [("arn", filled(&format!("{{{}}}", topic.token))), ("policy", document)];
        blocks.resource("aws_sns_topic_policy", topic.resource, body);
    }
}

fn log_bucket(plan: &Plan<'_>, blocks: &mut Blocks) {
    if plan.spec.log_uri.is_some() {
        return;
    }
    let keep = map([("prevent_destroy", plain(true))]);
    let prefix = text(&format!("{}-logs-", plan.name()));
    let body = [("bucket_prefix", prefix), ("lifecycle", list([keep]))];
    blocks.resource("aws_s3_bucket", "logs", body);
    let bucket = || ("bucket", filled("{bucket}"));
    let default = map([(
        "apply_server_side_encryption_by_default",
        list([map([("sse_algorithm", text("AES256"))])]),
    )]);
    blocks.resource(
        "aws_s3_bucket_server_side_encryption_configuration",
        "logs",
        [bucket(), ("rule", list([default]))],
    );
    let private = [
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ];
    let private = private.map(|key| (key, plain(true)));
    let body = [bucket()].into_iter().chain(private);
    blocks.resource("aws_s3_bucket_public_access_block", "logs", body);
    let owner = map([("object_ownership", text("BucketOwnerEnforced"))]);
    let body = [bucket(), ("rule", list([owner]))];
    blocks.resource("aws_s3_bucket_ownership_controls", "logs", body);
    let rule = map([
        ("id", text("ExpireLogs")),
        ("status", text("Enabled")),
        ("filter", list([map([("prefix", text(""))])])),
        ("expiration", list([map([("days", plain(plan.environment.log_days))])])),
        ("abort_incomplete_multipart_upload", list([map([("days_after_initiation", plain(7))])])),
    ]);
    let body = [bucket(), ("rule", list([rule]))];
    blocks.resource("aws_s3_bucket_lifecycle_configuration", "logs", body);
    let document = blocks.document("logs", &[shared::only_encrypted_s3()]);
    blocks.resource("aws_s3_bucket_policy", "logs", [bucket(), ("policy", document)]);
}

fn network(plan: &Plan<'_>, blocks: &mut Blocks) {
    let vpc = || ("vpc_id", text(plan.environment.vpc.as_deref().unwrap_or_default()));
    let group = |blocks: &mut Blocks, name: &str, suffix: &str, description: &str| {
        let name_of_it = text(&format!("{}-{suffix}", plan.name()));
        let description = text(&format!("{description} of the backup {}", plan.name()));
        let body = [("name", name_of_it), ("description", description), vpc()];
        blocks.resource("aws_security_group", name, body);
    };
    if plan.makes_groups() {
        group(blocks, "client", "instances", "Instances");
        let body = [
            ("security_group_id", filled("{client-group}")),
            ("description", text(shared::TO_AWS)),
            ("ip_protocol", text("tcp")),
            ("from_port", plain(443)),
            ("to_port", plain(443)),
            ("cidr_ipv4", text("0.0.0.0/0")),
        ];
        blocks.resource("aws_vpc_security_group_egress_rule", "aws", body);
    }
    if plan.makes_file_system {
        group(blocks, "mount_target", "mount-targets", "Mount targets");
    }
    for way in shared::ways(plan) {
        let rule = |of: &str, other: &str| {
            [
                ("security_group_id", filled(of)),
                ("description", text(way.description)),
                ("ip_protocol", text("tcp")),
                ("from_port", plain(2049)),
                ("to_port", plain(2049)),
                ("referenced_security_group_id", filled(other)),
            ]
        };
        let name = way.id.to_ascii_lowercase();
        if way.makes_client {
            let body = rule(&way.client, &way.target);
            blocks.resource("aws_vpc_security_group_egress_rule", &name, body);
        }
        let body = rule(&way.target, &way.client);
        blocks.resource("aws_vpc_security_group_ingress_rule", &name, body);
    }
}

fn file_system(plan: &Plan<'_>, blocks: &mut Blocks) {
    if !plan.makes_file_system {
        return;
    }
    let body = [
        ("creation_token", text(plan.name())),
        ("encrypted", plain(true)),
        ("performance_mode", text("generalPurpose")),
        ("throughput_mode", text("elastic")),
        ("tags", map([("Name", text(plan.name()))])),
        ("lifecycle", list([map([("prevent_destroy", plain(true))])])),
    ];
    blocks.resource("aws_efs_file_system", "backup", body);
    for (index, subnet) in plan.environment.subnets.iter().enumerate() {
        let body = [
            ("file_system_id", filled("{file-system}")),
            ("subnet_id", text(subnet)),
            ("security_groups", expressions(&["{target-group}".to_owned()])),
        ];
        blocks.resource("aws_efs_mount_target", &format!("backup_{}", index + 1), body);
    }
    if plan.environment.file_system_policy {
        let statements = shared::file_system_policy(plan);
        let document = blocks.document("file_system", &statements);
        let body = [("file_system_id", filled("{file-system}")), ("policy", document)];
        blocks.resource("aws_efs_file_system_policy", "backup", body);
    }
}

fn alarm(plan: &Plan<'_>, blocks: &mut Blocks) {
    let Some(alarm) = plan.alarm else { return };
    let topics: Vec<String> = plan.topics().into_iter().take(1).collect();
    let body = [
        ("alarm_name", text(&format!("{}-late", plan.name()))),
        ("alarm_description", text(&shared::late(plan, alarm))),
        ("namespace", text("AWS/SNS")),
        ("metric_name", text("NumberOfMessagesPublished")),
        ("statistic", text("Sum")),
        ("period", plain(alarm.period)),
        ("evaluation_periods", plain(alarm.periods)),
        ("threshold", plain(1)),
        ("comparison_operator", text("LessThanThreshold")),
        ("treat_missing_data", text("breaching")),
        ("alarm_actions", expressions(&topics)),
        ("dimensions", map([("TopicName", filled("{success-topic-name}"))])),
    ];
    blocks.resource("aws_cloudwatch_metric_alarm", "late", body);
}

/// The pipeline. Terraform keeps no order of arguments: they stand in the command.
fn pipeline(plan: &Plan<'_>) -> Result<String> {
    let mut definition = plan.definition(|text| {
        let written = value(text);
        match written.starts_with('"') && !written.contains("${") {
            true => FieldValue::Text(text.to_owned()),
            false => FieldValue::Intrinsic(Box::new(Intrinsic::terraform(written))),
        }
    });
    fold_arguments(&mut definition)?;
    Module::new(definition).name(plan.name()).write_hcl()
}
