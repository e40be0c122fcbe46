//! A backup as a state machine that EventBridge Scheduler starts: it starts an instance, has
//! Systems Manager run the script on it, and ends it however that went. A CloudFormation template.

use super::cloudformation::{Resources, file_system, log_group, network, topics};
use super::instance_needs;
use super::needs::Role;
use super::node::{list, map, text};
use super::plan::Plan;
use super::shared;
use super::steps::{add_role, failed, state_machine, tell_failure, tell_success};
use super::tokens::cloudformation as value;
use crate::error::Result;
use crate::formats::yaml;
use crate::pipeline::Node;
use crate::recipe::{Checked, invalid};
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

/// What the instance is of, unless the spec says.
const INSTANCE_TYPE: &str = "t3.small";
/// Seconds between two looks at the command. An execution has 25,000 events at most (Step
/// Functions' quotas), and a look makes eight: of those of a day with a minute between are 11,520.
const LOOK: u64 = 60;
/// Minutes by which an instance outlives its script, before it ends by itself.
const GRACE: u64 = 10;

/// The template of the plan, in YAML.
pub(super) fn write(plan: &Plan<'_>, checked: &Checked<'_>) -> Result<String> {
    if plan.spec.spot_price.is_some() {
        return Err(invalid("a state machine starts no spot instances: leave spot-price out"));
    }
    let mut resources = Resources::default();
    topics(plan, &mut resources);
    network(plan, &mut resources);
    file_system(plan, &mut resources);
    log_group(plan, &mut resources);
    roles(plan, &mut resources);
    state_machine(plan, &machine(plan, checked)?, &mut resources)?;
    let mut parameters: Vec<(&str, Node)> = Vec::new();
    if let Some(name) = plan.image_parameter() {
        let image = map([
            ("Type", text("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>")),
            ("Default", text(name)),
            ("Description", text("SSM parameter that tells the AMI of the instance")),
        ]);
        parameters.push(("ImageId", image));
    }
    Ok(yaml::write(&resources.template(&shared::description(plan), parameters)))
}

fn roles(plan: &Plan<'_>, resources: &mut Resources) {
    let groups = instance_needs::groups(plan);
    if plan.spec.resource_role.is_none() {
        add_role(plan, resources, &groups, Role::Instance, "InstanceRole", "ec2");
        let properties = [
            ("InstanceProfileName", text(&shared::instance_name(plan))),
            ("Roles", list([value("{instance-role}")])),
        ];
        resources.add("InstanceProfile", "AWS::IAM::InstanceProfile", properties);
    }
    add_role(plan, resources, &groups, Role::Machine, "MachineRole", "states");
    add_role(plan, resources, &groups, Role::Scheduler, "SchedulerRole", "scheduler");
}

/// The state machine, in the Amazon States Language.
fn machine(plan: &Plan<'_>, checked: &Checked<'_>) -> Result<Value> {
    let retries = plan.spec.retries.unwrap_or(2);
    let mut states = Map::new();
    let mut state = |name: &str, state: Value| states.insert(name.to_owned(), state);
    let none = json!({ "Status": "None" });
    state(
        "Begin",
        json!({
            "Type": "Pass", "Result": { "attempt": 0, "script": none }, "Next": "StartInstance"
        }),
    );
    state("StartInstance", start(plan, checked));
    state("RunScript", run(plan, checked)?);
    state("WaitForScript", json!({ "Type": "Wait", "Seconds": LOOK, "Next": "LookAtScript" }));
    state(
        "LookAtScript",
        json!({
            "Type": "Task",
            "Resource": "arn:{partition}:states:::aws-sdk:ssm:getCommandInvocation",
            "Parameters": {
                "CommandId.$": "$.command.CommandId", "InstanceId.$": "$.instance.InstanceId"
            },
            "ResultSelector": { "Status.$": "$.Status" },
            "ResultPath": "$.script",
            "Retry": retry(10, 5, 2.0),
            "Catch": caught("GiveUpInstance"),
            "Next": "HasScriptEnded",
        }),
    );
    let is = |status: &str| json!({ "Variable": "$.script.Status", "StringEquals": status });
    state(
        "HasScriptEnded",
        json!({
            "Type": "Choice",
            "Choices": [
                { "Variable": "$.script.Status", "StringEquals": "Success", "Next": "EndInstance" },
                {
                    "Or": [is("Pending"), is("InProgress"), is("Delayed"), is("Cancelling")],
                    "Next": "WaitForScript"
                },
            ],
            "Default": "GiveUpInstance",
        }),
    );
    state("EndInstance", end("TellSuccess", "TellSuccess"));
    state("GiveUpInstance", end("ShallTryAgain", "ShallTryAgain"));
    // A script that ran out of time is not tried again: so would the next one.
    let late = json!({
        "Variable": "$.script.Status", "StringEquals": "TimedOut", "Next": "TellFailure"
    });
    let left = json!({
        "Variable": "$.attempt", "NumericLessThan": retries, "Next": "PauseBeforeAttempt"
    });
    state(
        "ShallTryAgain",
        json!({ "Type": "Choice", "Choices": [late, left], "Default": "TellFailure" }),
    );
    state("PauseBeforeAttempt", json!({ "Type": "Wait", "Seconds": 120, "Next": "CountAttempt" }));
    state(
        "CountAttempt",
        json!({
            "Type": "Pass",
            "Parameters": { "attempt.$": "States.MathAdd($.attempt, 1)", "script": none },
            "Next": "StartInstance",
        }),
    );
    state("TellSuccess", tell_success(plan));
    state("TellFailure", tell_failure(plan));
    state("Failed", failed("see the log of the command"));
    Ok(json!({
        "Comment": shared::description(plan), "StartAt": "Begin", "States": Value::Object(states)
    }))
}

/// The instance of an attempt. Asked for twice by one attempt, it is the same one. It ends by
/// itself, too, should the execution be stopped.
fn start(plan: &Plan<'_>, checked: &Checked<'_>) -> Value {
    let image = plan.image_parameter().map_or(plan.image(), |_| "{image}");
    let minutes = checked.life + GRACE;
    let first = BASE64.encode(format!("#!/bin/sh\nshutdown -P +{minutes}\n").as_bytes());
    let mut parameters = json!({
        "ImageId": image,
        "InstanceType": plan.spec.instance_type.as_deref().unwrap_or(INSTANCE_TYPE),
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken.$": "States.Hash(States.Format('{}/{}', $$.Execution.Id, $.attempt), 'SHA-256')",
        "IamInstanceProfile": { "Arn": plan.profile_arn() },
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": { "HttpTokens": "required" },
        "NetworkInterfaces": [{
            "DeviceIndex": 0,
            "SubnetId": plan.subnet,
            "Groups": plan.groups(),
            "AssociatePublicIpAddress": plan.spec.public_ip,
        }],
        "TagSpecifications": [{
            "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": plan.name() }]
        }],
        "UserData": first,
    });
    if let (Some(key), Some(parameters)) = (&plan.spec.key_pair, parameters.as_object_mut()) {
        parameters.insert("KeyName".to_owned(), json!(key));
    }
    json!({
        "Type": "Task",
        "Resource": "arn:{partition}:states:::aws-sdk:ec2:runInstances",
        "Parameters": parameters,
        "ResultSelector": {
            "InstanceId.$": "States.ArrayGetItem($.Instances[*].InstanceId, 0)", "InstanceIds.$": "$.Instances[*].InstanceId"
        },
        "ResultPath": "$.instance",
        "Catch": caught("ShallTryAgain"),
        "Next": "RunScript",
    })
}

/// The command. Until the instance's agent has made itself known the call fails, for up to ten
/// minutes.
fn run(plan: &Plan<'_>, checked: &Checked<'_>) -> Result<Value> {
    let mut words = vec!["backup".to_owned()];
    let [source, destination] = [&checked.source.text, &checked.destination.text];
    let made = "{file-system}.efs.{region}.{dns-suffix}:/";
    let destination = if plan.makes_file_system { made } else { destination.as_str() };
    words.extend(checked.arguments_at(source, destination));
    if plan.makes_file_system {
        // The fifth argument is its id.
        if let Some(id) = words.get_mut(5) {
            "{file-system}".clone_into(id);
        }
    }
    let script = plan.spec.engine.script();
    // Systems Manager puts values of its own in place of these.
    if words.iter().any(|word| word.contains("{{")) || script.contains("{{") {
        return Err(invalid("no argument may hold '{{', which Systems Manager would evaluate"));
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let command = format!("exec /bin/bash -c {} {}", quoted(script), words.join(" "));
    Ok(json!({
        "Type": "Task",
        "Resource": "arn:{partition}:states:::aws-sdk:ssm:sendCommand",
        "Parameters": {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds.$": "$.instance.InstanceIds",
            "TimeoutSeconds": 600,
            "Parameters": {
                "commands": [command],
                "executionTimeout": [(checked.stop_after + 240).to_string()],
            },
            "CloudWatchOutputConfig": {
                "CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "{log-group}"
            },
        },
        "ResultSelector": { "CommandId.$": "$.Command.CommandId" },
        "ResultPath": "$.command",
        "Retry": retry(15, 40, 1.0),
        "Catch": caught("GiveUpInstance"),
        "Next": "WaitForScript",
    }))
}

/// The end of the instance; where it cannot be had by a call, it ends by itself.
fn end(next: &str, even_so: &str) -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:{partition}:states:::aws-sdk:ec2:terminateInstances",
        "Parameters": { "InstanceIds.$": "$.instance.InstanceIds" },
        "ResultPath": Value::Null,
        "Retry": retry(10, 5, 2.0),
        "Catch": caught(even_so),
        "Next": next,
    })
}

fn retry(seconds: u32, attempts: u32, rate: f64) -> Value {
    json!([{
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": seconds, "MaxAttempts": attempts, "BackoffRate": rate
    }])
}

fn caught(next: &str) -> Value {
    json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": next }])
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
