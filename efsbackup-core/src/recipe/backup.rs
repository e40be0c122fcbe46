//! The pipeline of a backup.

use super::check::Checked;
use super::parameters::{self, BACKUP};
use super::spec::ScheduleType;
use crate::pipeline::{Definition, Object};

/// What both alarms tell.
const MESSAGE: &str = concat!(
    "scheduledStartTime: \"#{node.@scheduledStartTime}\"\n",
    "actualStartTime: \"#{node.@actualStartTime}\"\n",
    "actualEndTime: \"#{node.@actualEndTime}\"\n",
    "hostname: \"#{node.hostname}\"\n",
);

/// The definition that a spec stands for.
pub(super) fn definition(checked: &Checked<'_>) -> Definition {
    let mut objects = around(checked, checked.spec.schedule_type);
    objects.push(activity(checked));
    objects.extend(alarms("Backup"));
    definition_of(checked, objects, &BACKUP.map(|parameter| parameter.map(str::to_owned)))
}

/// The objects, and those parameters that they use.
pub(super) fn definition_of(
    checked: &Checked<'_>,
    objects: Vec<Object>,
    parameters: &[[String; 4]],
) -> Definition {
    let fields = objects.iter().flat_map(|object| &object.fields);
    let texts: Vec<&str> = fields.filter_map(|field| field.value.as_text()).collect();
    let used = |id: &str| texts.iter().any(|text| text.contains(&format!("#{{{id}}}")));
    let parameters: Vec<_> = parameters.iter().filter(|[id, ..]| used(id)).collect();
    let values = parameters::values(checked, &parameters);
    let parameters = parameters.into_iter().map(parameters::parameter).collect();
    Definition { objects, parameters, values }
}

/// `Default`, the schedule and the instance.
pub(super) fn around(checked: &Checked<'_>, schedule_type: ScheduleType) -> Vec<Object> {
    let scheduled = schedule_type != ScheduleType::Ondemand;
    let mut default = Object::new("Default")
        .text("type", "Default")
        .text("scheduleType", schedule_type.name())
        .text("failureAndRerunMode", "CASCADE");
    if scheduled {
        default = default.reference("schedule", "DefaultSchedule");
    }
    let default = default
        .text("role", "#{myDataPipelineRole}")
        .text("resourceRole", "#{myDataPipelineResourceRole}")
        .text("pipelineLogUri", "#{myS3LogBucket}");
    let mut objects = vec![default];
    if scheduled {
        let schedule = Object::new("DefaultSchedule").text("type", "Schedule");
        let schedule = match &checked.spec.start {
            None => schedule.text("startAt", "FIRST_ACTIVATION_DATE_TIME"),
            Some(start) => schedule.text("startDateTime", start),
        };
        objects.push(schedule.text("period", "#{myPeriod}"));
    }
    objects.push(instance(checked, INSTANCE));
    objects
}

/// The id of the instance, or of the first.
pub(super) const INSTANCE: &str = "EC2ResourceObj";

/// An instance.
pub(super) fn instance(checked: &Checked<'_>, id: &str) -> Object {
    let spec = checked.spec;
    let object = Object::new(id)
        .text("type", "Ec2Resource")
        .text("terminateAfter", format!("{} minutes", checked.life))
        .text("instanceType", "#{myInstanceType}")
        .text("securityGroupIds", "#{mySecurityGroupId}");
    let more = spec.security_groups.iter().skip(1);
    let object = more
        .fold(object, |object, group| object.text("securityGroupIds", group))
        .text("subnetId", "#{mySubnetId}")
        .text("associatePublicIpAddress", spec.public_ip.to_string())
        .text("imageId", "#{myImageId}")
        .text("keyPair", "#{myKeyPair}");
    match &spec.spot_price {
        None => object,
        Some(price) => object.text("spotBidPrice", price).text("useOnDemandOnLastAttempt", "true"),
    }
}

fn activity(checked: &Checked<'_>) -> Object {
    let object = script(checked, checked.spec.engine.script());
    finished(checked, object, &checked.options)
}

/// The activity that runs `script`.
pub(super) fn script(checked: &Checked<'_>, script: &str) -> Object {
    let activity = Object::new("ShellCommandActivityObj")
        .text("type", "ShellCommandActivity")
        .reference("runsOn", INSTANCE)
        .text("command", script);
    arguments(activity, checked.stop_after)
}

/// The activity with the arguments that all scripts share; it may last so many seconds.
pub(super) fn arguments(activity: Object, seconds: u64) -> Object {
    activity
        .text("scriptArgument", "#{myEFSSource}")
        .text("scriptArgument", "#{myEFSBackup}")
        .text("scriptArgument", "#{myEFSId}")
        .text("scriptArgument", "#{myTimeZone}")
        .text("scriptArgument", "#{myEFSBackupId}")
        .text("scriptArgument", seconds.to_string())
}

/// The activity with its last arguments, its retries and its alarms.
pub(super) fn finished(checked: &Checked<'_>, activity: Object, options: &[String]) -> Object {
    let activity =
        options.iter().fold(activity, |object, option| object.text("scriptArgument", option));
    let activity = match checked.spec.retries {
        None => activity,
        Some(retries) => activity.text("maximumRetries", retries.to_string()),
    };
    activity.reference("onSuccess", "SuccessNotify").reference("onFail", "FailureNotify")
}

/// The alarms of success and of failure; `what` is done.
pub(super) fn alarms(what: &str) -> [Object; 2] {
    [
        alarm("SuccessNotify", &format!("[Info] EFS {what} Succeeded")),
        alarm("FailureNotify", &format!("[Alert] EFS {what} Failed")),
    ]
}

fn alarm(id: &str, subject: &str) -> Object {
    Object::new(id)
        .text("type", "SnsAlarm")
        .text("topicArn", "#{myTopicArn}")
        .text("subject", subject)
        .text("message", MESSAGE)
}
