//! What a stack holds, whichever format it is written in.

use super::needs::Role;
use super::node::texts;
use super::plan::{Alarm, Plan};
use super::policy::Statement;

/// Why the instance may reach port 443 everywhere.
pub(super) const TO_AWS: &str = "AWS: Data Pipeline, S3, SNS, package repositories";
/// What the rule says that lets nothing out.
pub(super) const NOWHERE: &str = "Nothing goes out";

/// The description of the stack.
pub(super) fn description(plan: &Plan<'_>) -> String {
    format!("Backup {} of the EFS file system {}", plan.name(), plan.source_id)
}

/// A role that is made.
pub(super) struct RolePart {
    pub(super) role: Role,
    /// Its id in CloudFormation.
    pub(super) id: &'static str,
    /// Its name as a token.
    pub(super) token: &'static str,
    pub(super) name: String,
    pub(super) assumed_by: &'static [&'static str],
    /// The policy that AWS manages for it.
    pub(super) managed: &'static str,
}

/// The name of the instance's role and of its profile: Data Pipeline takes one for the other.
pub(super) fn instance_name(plan: &Plan<'_>) -> String {
    format!("{}-instance", plan.name())
}

pub(super) fn role_parts(plan: &Plan<'_>) -> Vec<RolePart> {
    let mut parts = Vec::new();
    if plan.spec.role.is_none() {
        parts.push(RolePart {
            role: Role::Pipeline,
            id: "PipelineRole",
            token: "pipeline-role",
            name: format!("{}-pipeline", plan.name()),
            assumed_by: &["datapipeline"],
            managed: "arn:{partition}:iam::aws:policy/service-role/AWSDataPipelineRole",
        });
    }
    if plan.spec.resource_role.is_none() {
        parts.push(RolePart {
            role: Role::Instance,
            id: "InstanceRole",
            token: "instance-role",
            name: instance_name(plan),
            assumed_by: &["ec2"],
            managed: "arn:{partition}:iam::aws:policy/service-role/AmazonEC2RoleforDataPipelineRole",
        });
    }
    parts
}

/// Of the permissions made for a backup, those that AWS's managed policies do not hold.
pub(super) fn besides_managed(statements: Vec<Statement>) -> Vec<Statement> {
    let own = |statement: &Statement| {
        statement.actions.iter().any(|action| action.starts_with("elasticfilesystem:"))
    };
    statements.into_iter().filter(own).collect()
}

/// A topic that is made.
pub(super) struct TopicPart {
    pub(super) id: &'static str,
    pub(super) token: &'static str,
    /// Its name among Terraform's resources.
    pub(super) resource: &'static str,
    pub(super) name: String,
    /// Whether the alarm tells it.
    alarmed: bool,
}

pub(super) fn topics(plan: &Plan<'_>) -> Vec<TopicPart> {
    let mut topics = Vec::new();
    if plan.spec.topic.is_none() {
        topics.push(TopicPart {
            id: "Topic",
            token: "topic",
            resource: "backup",
            name: plan.name().to_owned(),
            alarmed: plan.alarm.is_some(),
        });
    }
    if plan.alarm.is_some() {
        topics.push(TopicPart {
            id: "SuccessTopic",
            token: "success-topic",
            resource: "success",
            name: format!("{}-success", plan.name()),
            alarmed: false,
        });
    }
    topics
}

/// Who may publish: the pipeline's role, and the alarm of this account.
pub(super) fn topic_policy(plan: &Plan<'_>, topic: &TopicPart) -> Vec<Statement> {
    let arn = format!("{{{}}}", topic.token);
    let publish = |sid: &str, principal| Statement {
        sid: sid.to_owned(),
        principal: Some(principal),
        actions: texts(["sns:Publish"]),
        resources: vec![arn.clone()],
        ..Statement::default()
    };
    let mut statements = vec![publish("Backup", ("AWS", vec![plan.publisher_arn()]))];
    if topic.alarmed {
        let mut alarm = publish("Alarm", ("Service", texts(["cloudwatch.amazonaws.com"])));
        alarm.conditions.push(("StringEquals", "aws:SourceAccount", "{account}".to_owned()));
        statements.push(alarm);
    }
    let mut encrypted = publish("OnlyEncrypted", ("*", Vec::new()));
    encrypted.deny = true;
    encrypted.conditions.push(("Bool", "aws:SecureTransport", "false".to_owned()));
    statements.push(encrypted);
    statements
}

/// Whoever it is, the logs are reached by TLS alone.
pub(super) fn only_encrypted_s3() -> Statement {
    Statement {
        sid: "OnlyEncrypted".to_owned(),
        deny: true,
        principal: Some(("*", Vec::new())),
        actions: texts(["s3:*"]),
        resources: texts(["{bucket-arn}", "{bucket-arn}/*"]),
        conditions: vec![("Bool", "aws:SecureTransport", "false".to_owned())],
    }
}

/// The instance's role alone, by mount targets and encrypted.
pub(super) fn file_system_policy(plan: &Plan<'_>) -> Vec<Statement> {
    let client = ["ClientMount", "ClientWrite", "ClientRootAccess"];
    let client = client.map(|action| format!("elasticfilesystem:{action}"));
    vec![
        Statement {
            sid: "BackupRole".to_owned(),
            principal: Some(("AWS", vec![plan.client_role_arn()])),
            actions: client.to_vec(),
            resources: texts(["*"]),
            conditions: vec![(
                "Bool",
                "elasticfilesystem:AccessedViaMountTarget",
                "true".to_owned(),
            )],
            ..Statement::default()
        },
        Statement {
            sid: "OnlyEncrypted".to_owned(),
            deny: true,
            principal: Some(("AWS", texts(["*"]))),
            actions: client.to_vec(),
            resources: texts(["*"]),
            conditions: vec![("Bool", "aws:SecureTransport", "false".to_owned())],
        },
    ]
}

/// A way by NFS from the instance to mount targets.
pub(super) struct Way {
    /// What the ids of its rules begin with.
    pub(super) id: &'static str,
    pub(super) client: String,
    pub(super) target: String,
    /// Whether the instance's group is made here, and needs to be let out.
    pub(super) makes_client: bool,
    pub(super) description: &'static str,
}

pub(super) fn ways(plan: &Plan<'_>) -> Vec<Way> {
    let client = plan.groups().swap_remove(0);
    let way = |id, target: String, description| Way {
        id,
        client: client.clone(),
        target,
        makes_client: plan.makes_groups(),
        description,
    };
    let mut ways = Vec::new();
    if let Some(group) = &plan.environment.source_group {
        ways.push(way("Source", group.clone(), "NFS of the file system that is backed up"));
    }
    if plan.makes_file_system {
        ways.push(way("Backup", "{target-group}".to_owned(), "NFS of the backups"));
    }
    ways
}

/// What the alarm says.
pub(super) fn late(plan: &Plan<'_>, alarm: Alarm) -> String {
    format!(
        "No backup of {} has succeeded in {} periods of {}",
        plan.source_id, alarm.periods, plan.spec.period
    )
}
