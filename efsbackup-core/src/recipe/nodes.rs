//! The pipeline of a backup that several instances share: an activity that plans, one on each
//! instance that copies its units, and one that publishes when all are copied.

use super::backup::{INSTANCE, alarms, arguments, around, definition_of, instance};
use super::check::Checked;
use super::parameters::BACKUP;
use crate::pipeline::{Definition, Object};

/// The same for all activities of a run, and for no others.
const RUN: &str = "--run-id=#{@pipelineId}-#{format(@scheduledStartTime, 'YYYYMMdd-HHmmss')}";

/// The activity that plans. The others inherit from it.
const PLAN: &str = "PlanActivityObj";

/// The definition that a spec of several nodes stands for.
pub(super) fn definition(checked: &Checked<'_>) -> Definition {
    let nodes = checked.spec.nodes;
    let mut objects = around(checked, checked.spec.schedule_type);
    objects.extend((2..=nodes).map(|node| instance(checked, &instance_id(node))));
    // Of the first instance's life the plan and the end take a sixth each.
    let short = checked.stop_after / 6;
    let plan = Object::new(PLAN)
        .text("type", "ShellCommandActivity")
        .reference("runsOn", INSTANCE)
        .text("command", checked.spec.engine.script());
    let plan = match checked.spec.retries {
        None => plan,
        Some(retries) => plan.text("maximumRetries", retries.to_string()),
    };
    objects.push(step(checked, plan, "plan", short, &[format!("--nodes={nodes}")]));
    for node in 1..=nodes {
        let unit = inheriting(&unit_id(node)).reference("dependsOn", PLAN);
        let unit = unit.reference("runsOn", instance_id(node));
        objects.push(step(checked, unit, "unit", 4 * short, &[format!("--node={node}/{nodes}")]));
    }
    let end = inheriting("ShellCommandActivityObj");
    let end = (1..=nodes).fold(end, |end, node| end.reference("dependsOn", unit_id(node)));
    let own = checked.options.get(checked.script_options..).unwrap_or_default();
    // Told once, by the last step, whichever failed: failures cascade, and what is given up
    // because of one triggers its own onFail (Data Pipeline's guide, "Cascading failures and reruns").
    let end = end.reference("onSuccess", "SuccessNotify").reference("onFail", "FailureNotify");
    objects.push(step(checked, end, "finish", short, own));
    objects.extend(alarms("Backup"));
    definition_of(checked, objects, &BACKUP.map(|parameter| parameter.map(str::to_owned)))
}

/// The first has the name that it has alone.
fn instance_id(node: u32) -> String {
    if node == 1 { INSTANCE.to_owned() } else { format!("{INSTANCE}{node}") }
}

fn unit_id(node: u32) -> String {
    format!("UnitActivityObj{node}")
}

/// An activity that has the script of the one that plans. With a copy of it in each the template
/// of four nodes would be over the 51,200 bytes that CloudFormation takes without a bucket.
fn inheriting(id: &str) -> Object {
    Object::new(id).text("type", "ShellCommandActivity").reference("parent", PLAN)
}

/// The activity with its arguments: one step of `efsbackup shard`.
fn step(
    checked: &Checked<'_>,
    activity: Object,
    step: &str,
    seconds: u64,
    options: &[String],
) -> Object {
    let fetched = checked.options.iter().take(checked.script_options);
    let words = [format!("--share={step}")].into_iter().chain(fetched.cloned());
    let words = words.chain([RUN.to_owned()]).chain(options.iter().cloned());
    words.fold(arguments(activity, seconds), |object, word| object.text("scriptArgument", word))
}
