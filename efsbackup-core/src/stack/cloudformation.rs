//! A stack around a pipeline, as a CloudFormation template.

use super::needs::{Role, groups};
use super::node::{list, map, plain, text};
use super::plan::Plan;
use super::policy::{self, Statement};
use super::shared;
use super::tokens::cloudformation as value;
use crate::error::Result;
use crate::formats::cloudformation::Template;
use crate::formats::yaml;
use crate::pipeline::{FieldValue, Node};

/// The resources of a template, in the order in which they are written.
#[derive(Default)]
pub(super) struct Resources(Vec<(String, Node)>);

impl Resources {
    /// Appends a resource.
    pub(super) fn add<K: Into<String>>(
        &mut self,
        id: &str,
        kind: &str,
        properties: impl IntoIterator<Item = (K, Node)>,
    ) {
        let resource = map([("Type", text(kind)), ("Properties", map(properties))]);
        self.0.push((id.to_owned(), resource));
    }

    /// Appends one that outlives its stack: it holds data.
    fn add_kept<K: Into<String>>(
        &mut self,
        id: &str,
        kind: &str,
        properties: impl IntoIterator<Item = (K, Node)>,
    ) {
        let resource = map([
            ("Type", text(kind)),
            ("DeletionPolicy", text("Retain")),
            ("UpdateReplacePolicy", text("Retain")),
            ("Properties", map(properties)),
        ]);
        self.0.push((id.to_owned(), resource));
    }

    /// The whole template.
    pub(super) fn template(self, description: &str, parameters: Vec<(&str, Node)>) -> Node {
        let mut entries = vec![
            ("AWSTemplateFormatVersion", text("2010-09-09")),
            ("Description", text(description)),
        ];
        if !parameters.is_empty() {
            entries.push(("Parameters", map(parameters)));
        }
        entries.push(("Resources", Node::Map(self.0)));
        map(entries)
    }
}

/// The template of the plan, in YAML.
pub(super) fn write(plan: &Plan<'_>) -> Result<String> {
    let mut resources = Resources::default();
    roles(plan, &mut resources);
    topics(plan, &mut resources);
    log_bucket(plan, &mut resources);
    network(plan, &mut resources);
    file_system(plan, &mut resources);
    pipeline(plan, &mut resources)?;
    alarm(plan, &mut resources);
    let mut parameters = Vec::new();
    if let Some(name) = plan.image_parameter() {
        let image = map([
            ("Type", text("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>")),
            ("Default", text(name)),
            ("Description", text("SSM parameter that tells the AMI of the instance")),
        ]);
        parameters.push(("ImageId", image));
    }
    let description = shared::description(plan);
    Ok(yaml::write(&resources.template(&description, parameters)))
}

fn roles(plan: &Plan<'_>, resources: &mut Resources) {
    let managed = plan.environment.managed_policies;
    let groups = groups(plan);
    let own = |role: Role| -> Vec<Statement> {
        groups.iter().filter(|group| group.role == role).map(|group| group.statement()).collect()
    };
    for part in shared::role_parts(plan) {
        let assumed = Statement::assumed_by(part.assumed_by);
        let mut properties = vec![
            ("RoleName", text(&part.name)),
            ("AssumeRolePolicyDocument", policy::cloudformation(&[assumed])),
        ];
        if managed {
            properties.push(("ManagedPolicyArns", list([value(part.managed)])));
        }
        resources.add(part.id, "AWS::IAM::Role", properties);
        let statements =
            if managed { shared::besides_managed(own(part.role)) } else { own(part.role) };
        if !statements.is_empty() {
            let properties = [
                ("PolicyName", text(&part.name)),
                ("RoleName", value(&format!("{{{}}}", part.token))),
                ("PolicyDocument", policy::cloudformation(&statements)),
            ];
            resources.add(&format!("{}Policy", part.id), "AWS::IAM::RolePolicy", properties);
        }
    }
    if plan.spec.resource_role.is_none() {
        let properties = [
            ("InstanceProfileName", text(&shared::instance_name(plan))),
            ("Roles", list([value("{instance-role}")])),
        ];
        resources.add("InstanceProfile", "AWS::IAM::InstanceProfile", properties);
    }
}

pub(super) fn topics(plan: &Plan<'_>, resources: &mut Resources) {
    for topic in shared::topics(plan) {
        resources.add(topic.id, "AWS::SNS::Topic", [("TopicName", text(&topic.name))]);
        let arn = format!("{{{}}}", topic.token);
        let properties = [
            ("Topics", list([value(&arn)])),
            ("PolicyDocument", policy::cloudformation(&shared::topic_policy(plan, &topic))),
        ];
        resources.add(&format!("{}Policy", topic.id), "AWS::SNS::TopicPolicy", properties);
    }
}

fn log_bucket(plan: &Plan<'_>, resources: &mut Resources) {
    if plan.spec.log_uri.is_some() {
        return;
    }
    let encryption =
        map([("ServerSideEncryptionByDefault", map([("SSEAlgorithm", text("AES256"))]))]);
    let private =
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let rule = map([
        ("Id", text("ExpireLogs")),
        ("Status", text("Enabled")),
        ("ExpirationInDays", plain(plan.environment.log_days)),
        ("AbortIncompleteMultipartUpload", map([("DaysAfterInitiation", plain(7))])),
    ]);
    let owner = map([("ObjectOwnership", text("BucketOwnerEnforced"))]);
    let properties = [
        ("BucketEncryption", map([("ServerSideEncryptionConfiguration", list([encryption]))])),
        ("PublicAccessBlockConfiguration", map(private.map(|key| (key, plain(true))))),
        ("OwnershipControls", map([("Rules", list([owner]))])),
        ("LifecycleConfiguration", map([("Rules", list([rule]))])),
    ];
    resources.add_kept("LogBucket", "AWS::S3::Bucket", properties);
    let properties = [
        ("Bucket", value("{bucket}")),
        ("PolicyDocument", policy::cloudformation(&[shared::only_encrypted_s3()])),
    ];
    resources.add("LogBucketPolicy", "AWS::S3::BucketPolicy", properties);
}

pub(super) fn network(plan: &Plan<'_>, resources: &mut Resources) {
    let vpc = text(plan.environment.vpc.as_deref().unwrap_or_default());
    if plan.makes_groups() {
        let properties = [
            ("GroupDescription", text(&format!("Instances of the backup {}", plan.name()))),
            ("VpcId", vpc.clone()),
            (
                "SecurityGroupEgress",
                list([map([
                    ("IpProtocol", text("tcp")),
                    ("FromPort", plain(443)),
                    ("ToPort", plain(443)),
                    ("CidrIp", text("0.0.0.0/0")),
                    ("Description", text(shared::TO_AWS)),
                ])]),
            ),
        ];
        resources.add("ClientGroup", "AWS::EC2::SecurityGroup", properties);
    }
    if plan.makes_file_system {
        let properties = [
            ("GroupDescription", text(&format!("Mount targets of the backup {}", plan.name()))),
            ("VpcId", vpc),
            // Without a rule of its own it could reach everything.
            (
                "SecurityGroupEgress",
                list([map([
                    ("IpProtocol", text("icmp")),
                    ("FromPort", plain(252)),
                    ("ToPort", plain(86)),
                    ("CidrIp", text("255.255.255.255/32")),
                    ("Description", text(shared::NOWHERE)),
                ])]),
            ),
        ];
        resources.add("MountTargetGroup", "AWS::EC2::SecurityGroup", properties);
    }
    for way in shared::ways(plan) {
        let port = [
            ("IpProtocol", text("tcp")),
            ("FromPort", plain(2049)),
            ("ToPort", plain(2049)),
            ("Description", text(way.description)),
        ];
        let (from, to) = (value(&way.client), value(&way.target));
        if way.makes_client {
            let ends = [("GroupId", from.clone()), ("DestinationSecurityGroupId", to.clone())];
            let properties = ends.into_iter().chain(port.clone());
            resources.add(&format!("{}Out", way.id), "AWS::EC2::SecurityGroupEgress", properties);
        }
        let ends = [("GroupId", to), ("SourceSecurityGroupId", from)];
        let properties = ends.into_iter().chain(port);
        resources.add(&format!("{}In", way.id), "AWS::EC2::SecurityGroupIngress", properties);
    }
}

pub(super) fn file_system(plan: &Plan<'_>, resources: &mut Resources) {
    if !plan.makes_file_system {
        return;
    }
    let tag = map([("Key", text("Name")), ("Value", text(plan.name()))]);
    let mut properties = vec![
        ("Encrypted", plain(true)),
        ("PerformanceMode", text("generalPurpose")),
        ("ThroughputMode", text("elastic")),
        ("FileSystemTags", list([tag])),
    ];
    if plan.environment.file_system_policy {
        let statements = shared::file_system_policy(plan);
        properties.push(("FileSystemPolicy", policy::cloudformation(&statements)));
    }
    resources.add_kept("BackupFileSystem", "AWS::EFS::FileSystem", properties);
    for (index, subnet) in plan.environment.subnets.iter().enumerate() {
        let properties = [
            ("FileSystemId", value("{file-system}")),
            ("SubnetId", text(subnet)),
            ("SecurityGroups", list([value("{target-group}")])),
        ];
        resources.add(&format!("MountTarget{}", index + 1), "AWS::EFS::MountTarget", properties);
    }
}

/// The log of the containers.
pub(super) fn log_group(plan: &Plan<'_>, resources: &mut Resources) {
    // CloudWatch Logs knows some numbers of days only: the first that is long enough.
    let known = [1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365, 731, 1096, 1827, 2557, 3653];
    let days = known.into_iter().find(|days| *days >= plan.environment.log_days).unwrap_or(3653);
    let name = text(&format!("/efsbackup/{}", plan.name()));
    let properties = [("LogGroupName", name), ("RetentionInDays", plain(days))];
    resources.add_kept("LogGroup", "AWS::Logs::LogGroup", properties);
}

fn pipeline(plan: &Plan<'_>, resources: &mut Resources) -> Result<()> {
    let definition = plan.definition(|text| match value(text) {
        Node::Intrinsic(intrinsic) => FieldValue::Intrinsic(intrinsic),
        _ => FieldValue::Text(text.to_owned()),
    });
    let mut pipeline = Template::new(definition).name(plan.name()).resource()?;
    // A first run must find what it works with.
    let waits = resources.0.iter().map(|(id, _)| id.as_str()).filter(|id| {
        let ends = ["Policy", "In", "Out"];
        id.starts_with("MountTarget") && *id != "MountTargetGroup"
            || ends.iter().any(|end| id.ends_with(end))
    });
    let waits = list(waits.map(text));
    if let Node::Map(entries) = &mut pipeline {
        entries.insert(1, ("DependsOn".to_owned(), waits));
    }
    resources.0.push(("Pipeline".to_owned(), pipeline));
    Ok(())
}

pub(super) fn alarm(plan: &Plan<'_>, resources: &mut Resources) {
    let Some(alarm) = plan.alarm else { return };
    let topics = plan.topics();
    let topic = topics.first().map_or("{topic}", String::as_str);
    let dimension = map([("Name", text("TopicName")), ("Value", value("{success-topic-name}"))]);
    let properties = [
        ("AlarmName", text(&format!("{}-late", plan.name()))),
        ("AlarmDescription", text(&shared::late(plan, alarm))),
        ("Namespace", text("AWS/SNS")),
        ("MetricName", text("NumberOfMessagesPublished")),
        ("Dimensions", list([dimension])),
        ("Statistic", text("Sum")),
        ("Period", plain(alarm.period)),
        ("EvaluationPeriods", plain(alarm.periods)),
        ("Threshold", plain(1)),
        ("ComparisonOperator", text("LessThanThreshold")),
        ("TreatMissingData", text("breaching")),
        ("AlarmActions", list([value(topic)])),
    ];
    resources.add("LateAlarm", "AWS::CloudWatch::Alarm", properties);
}
