//! A backup as a state machine that EventBridge Scheduler starts: a task on Fargate, tried again
//! when it fails, and a topic that is told how it ended. A CloudFormation template.

use super::cloudformation::{Resources, alarm, file_system, log_group, network, topics};
use super::needs::{Group, Role, containers};
use super::node::{list, map, plain, text};
use super::plan::Plan;
use super::policy::{self, Statement};
use super::shared;
use super::tokens::cloudformation as value;
use super::{cadence, kubernetes};
use crate::error::Result;
use crate::formats::yaml;
use crate::pipeline::Node;
use crate::recipe::{Checked, Location, ScheduleType, invalid};
use serde_json::{Value, json};

/// Where both file systems are in the container.
const SOURCE: &str = "/source";
const BACKUPS: &str = "/backups";

/// The template of the plan, in YAML.
pub(super) fn write(plan: &Plan<'_>, checked: &Checked<'_>) -> Result<String> {
    let image = kubernetes::container(plan.spec)?;
    let mut resources = Resources::default();
    topics(plan, &mut resources);
    network(plan, &mut resources);
    file_system(plan, &mut resources);
    log_group(plan, &mut resources);
    roles(plan, &mut resources);
    resources.add("Cluster", "AWS::ECS::Cluster", [("ClusterName", text(plan.name()))]);
    task(plan, checked, image, &mut resources)?;
    state_machine(plan, &machine(plan, checked), &mut resources)?;
    Ok(yaml::write(&resources.template(&shared::description(plan), Vec::new())))
}

/// The state machine, what starts it, and the alarm for when it does not succeed.
pub(super) fn state_machine(
    plan: &Plan<'_>,
    machine: &Value,
    resources: &mut Resources,
) -> Result<()> {
    let properties = [
        ("StateMachineName", text(plan.name())),
        ("RoleArn", value("{machine-role-arn}")),
        ("DefinitionString", value(&format!("{machine:#}"))),
    ];
    resources.add("StateMachine", "AWS::StepFunctions::StateMachine", properties);
    schedule(plan, resources)?;
    alarm(plan, resources);
    Ok(())
}

fn roles(plan: &Plan<'_>, resources: &mut Resources) {
    let groups = containers(plan);
    for (role, id, service) in [
        (Role::Task, "TaskRole", "ecs-tasks"),
        (Role::Execution, "ExecutionRole", "ecs-tasks"),
        (Role::Machine, "MachineRole", "states"),
        (Role::Scheduler, "SchedulerRole", "scheduler"),
    ] {
        add_role(plan, resources, &groups, role, id, service);
    }
}

/// Adds a role that `service` takes on, with the permissions that are its own among `groups`.
pub(super) fn add_role(
    plan: &Plan<'_>,
    resources: &mut Resources,
    groups: &[Group],
    role: Role,
    id: &str,
    service: &str,
) {
    let mut assumed = Statement::assumed_by(&[service]);
    if service != "ec2" {
        assumed.conditions.push(("StringEquals", "aws:SourceAccount", "{account}".to_owned()));
    }
    let name = format!("{}-{}", plan.name(), role.name());
    let properties = [
        ("RoleName", text(&name)),
        ("AssumeRolePolicyDocument", policy::cloudformation(&[assumed])),
    ];
    resources.add(id, "AWS::IAM::Role", properties);
    let own = groups.iter().filter(|group| group.role == role).map(Group::statement);
    let own: Vec<Statement> = own.collect();
    if !own.is_empty() {
        let properties = [
            ("PolicyName", text(&name)),
            ("RoleName", value(&format!("{{{}}}", role.token()))),
            ("PolicyDocument", policy::cloudformation(&own)),
        ];
        resources.add(&format!("{id}Policy"), "AWS::IAM::RolePolicy", properties);
    }
}

fn task(
    plan: &Plan<'_>,
    checked: &Checked<'_>,
    image: &str,
    resources: &mut Resources,
) -> Result<()> {
    let volume = |name: &str, location: &Location, id: &str| {
        let path = location.text.split_once(":/").filter(|_| location.is_efs_name());
        let Some((_, path)) = path else {
            return Err(invalid(format!(
                "Fargate mounts EFS file systems by their own names, not {}",
                location.text
            )));
        };
        let iam = if plan.spec.iam { "ENABLED" } else { "DISABLED" };
        let efs = map([
            ("FilesystemId", value(id)),
            ("RootDirectory", text(&format!("/{path}"))),
            ("TransitEncryption", text("ENABLED")),
            ("AuthorizationConfig", map([("IAM", text(iam))])),
        ]);
        Ok(map([("Name", text(name)), ("EFSVolumeConfiguration", efs)]))
    };
    let backup_id = if plan.makes_file_system { "{file-system}" } else { &checked.destination_id };
    let volumes = list([
        volume("source", &checked.source, &checked.source_id)?,
        volume("backups", &checked.destination, backup_id)?,
        map([("Name", text("tmp"))]),
    ]);
    let mounted = |name: &str, path: &str, read_only: bool| {
        let entries = [("SourceVolume", text(name)), ("ContainerPath", text(path))];
        map(entries.into_iter().chain([("ReadOnly", plain(read_only))]))
    };
    let mounts = list([
        mounted("source", SOURCE, true),
        mounted("backups", BACKUPS, false),
        mounted("tmp", "/tmp", false),
    ]);
    let script = [
        "/bin/bash".to_owned(),
        "-c".to_owned(),
        plan.spec.engine.script().to_owned(),
        "backup".to_owned(),
    ];
    let words = script.into_iter().chain(checked.arguments_in_container(SOURCE, BACKUPS));
    let mut words: Vec<Node> = words.map(|word| text(&word)).collect();
    let command = words.split_off(1);
    let logs = map([
        ("awslogs-group", value("{log-group}")),
        ("awslogs-region", value("{region}")),
        ("awslogs-stream-prefix", text("backup")),
    ]);
    let container = map([
        ("Name", text("backup")),
        ("Image", text(image)),
        ("Essential", plain(true)),
        ("EntryPoint", Node::List(words)),
        ("Command", Node::List(command)),
        ("ReadonlyRootFilesystem", plain(true)),
        ("MountPoints", mounts),
        ("LogConfiguration", map([("LogDriver", text("awslogs")), ("Options", logs)])),
    ]);
    let properties = [
        ("Family", text(plan.name())),
        ("RequiresCompatibilities", list([text("FARGATE")])),
        ("NetworkMode", text("awsvpc")),
        ("Cpu", text("1024")),
        ("Memory", text("2048")),
        ("TaskRoleArn", value("{task-role-arn}")),
        ("ExecutionRoleArn", value("{execution-role-arn}")),
        ("Volumes", volumes),
        ("ContainerDefinitions", list([container])),
    ];
    resources.add("TaskDefinition", "AWS::ECS::TaskDefinition", properties);
    Ok(())
}

/// The state machine, in the Amazon States Language.
fn machine(plan: &Plan<'_>, checked: &Checked<'_>) -> Value {
    let retries = plan.spec.retries.unwrap_or(2);
    let ip = if plan.spec.public_ip { "ENABLED" } else { "DISABLED" };
    let network = json!({
        "AwsvpcConfiguration": {
            "Subnets": [plan.subnet], "SecurityGroups": plan.groups(), "AssignPublicIp": ip
        }
    });
    let mut backup = json!({
        "Type": "Task",
        "Resource": "arn:{partition}:states:::ecs:runTask.sync",
        "Parameters": {
            "Cluster": "{cluster-arn}",
            "TaskDefinition": "{task}",
            "LaunchType": "FARGATE",
            "NetworkConfiguration": network,
        },
        "TimeoutSeconds": checked.life * 60,
    });
    let more = json!({
        "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "TellFailure" }],
        "ResultPath": "$.task",
        "Next": "TellSuccess",
    });
    if let (Some(state), Value::Object(more)) = (backup.as_object_mut(), more) {
        if retries > 0 {
            // A task that ran out of time is not tried again: so would the next one.
            let retry = json!([{
                "ErrorEquals": ["States.TaskFailed"],
                "IntervalSeconds": 120, "MaxAttempts": retries, "BackoffRate": 2.0
            }]);
            state.insert("Retry".to_owned(), retry);
        }
        state.extend(more);
    }
    json!({
        "Comment": shared::description(plan),
        "StartAt": "Backup",
        "States": {
            "Backup": backup,
            "TellSuccess": tell_success(plan),
            "TellFailure": tell_failure(plan),
            "Failed": failed("see the task's log"),
        }
    })
}

/// The state that ends an execution which has told of its failure.
pub(super) fn failed(cause: &str) -> Value {
    json!({ "Type": "Fail", "Error": "BackupFailed", "Cause": cause })
}

pub(super) fn tell_success(plan: &Plan<'_>) -> Value {
    let topics = plan.topics();
    tell(topics.last(), "[Info] EFS Backup Succeeded", ("End", json!(true)))
}

pub(super) fn tell_failure(plan: &Plan<'_>) -> Value {
    let topics = plan.topics();
    tell(topics.first(), "[Alert] EFS Backup Failed", ("Next", json!("Failed")))
}

fn tell(topic: Option<&String>, subject: &str, (key, next): (&str, Value)) -> Value {
    let message = "States.Format('execution: {}', $$.Execution.Id)";
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:{partition}:states:::sns:publish",
        "Parameters": { "TopicArn": topic, "Subject": subject, "Message.$": message },
        "Retry": [{
            "ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "MaxAttempts": 3, "BackoffRate": 2.0
        }],
    });
    if let Some(state) = state.as_object_mut() {
        state.insert(key.to_owned(), next);
    }
    state
}

fn schedule(plan: &Plan<'_>, resources: &mut Resources) -> Result<()> {
    if plan.spec.schedule_type == ScheduleType::Ondemand {
        return Ok(());
    }
    let retry = map([("MaximumRetryAttempts", plain(3)), ("MaximumEventAgeInSeconds", plain(600))]);
    let target = map([
        ("Arn", value("{machine-arn}")),
        ("RoleArn", value("{scheduler-role-arn}")),
        ("Input", text("{}")),
        ("RetryPolicy", retry),
    ]);
    let mut properties = vec![
        ("Name", text(plan.name())),
        ("ScheduleExpression", text(&cadence::rate(plan.spec.checked_period()?))),
        ("ScheduleExpressionTimezone", text("UTC")),
        ("FlexibleTimeWindow", map([("Mode", text("OFF"))])),
        ("Target", target),
    ];
    if let Some(start) = &plan.spec.start {
        properties.push(("StartDate", text(&format!("{start}Z"))));
    }
    resources.add("Schedule", "AWS::Scheduler::Schedule", properties);
    Ok(())
}
