//! The six objects.

use super::backup::Checked;
use crate::pipeline::Object;

/// What both alarms tell.
const MESSAGE: &str = concat!(
    "scheduledStartTime: \"#{node.@scheduledStartTime}\"\n",
    "actualStartTime: \"#{node.@actualStartTime}\"\n",
    "actualEndTime: \"#{node.@actualEndTime}\"\n",
    "hostname: \"#{node.hostname}\"\n",
);

/// The pipeline's objects.
pub(super) fn objects(checked: &Checked<'_>) -> Vec<Object> {
    vec![
        Object::new("Default")
            .text("type", "Default")
            .text("scheduleType", "cron")
            .text("failureAndRerunMode", "CASCADE")
            .reference("schedule", "DefaultSchedule")
            .text("role", "#{myDataPipelineRole}")
            .text("resourceRole", "#{myDataPipelineResourceRole}")
            .text("pipelineLogUri", "#{myS3LogBucket}"),
        Object::new("DefaultSchedule")
            .text("type", "Schedule")
            .text("startAt", "FIRST_ACTIVATION_DATE_TIME")
            .text("period", "#{myPeriod}"),
        Object::new("EC2ResourceObj")
            .text("type", "Ec2Resource")
            .text("terminateAfter", format!("{} minutes", checked.life))
            .text("instanceType", "#{myInstanceType}")
            .text("securityGroupIds", "#{mySecurityGroupId}")
            .text("subnetId", "#{mySubnetId}")
            .text("associatePublicIpAddress", checked.spec.public_ip.to_string())
            .text("imageId", "#{myImageId}")
            .text("keyPair", "#{myKeyPair}"),
        activity(checked),
        alarm("SuccessNotify", "[Info] EFS Backup Succeeded"),
        alarm("FailureNotify", "[Alert] EFS Backup Failed"),
    ]
}

fn activity(checked: &Checked<'_>) -> Object {
    let object = Object::new("ShellCommandActivityObj")
        .text("type", "ShellCommandActivity")
        .reference("runsOn", "EC2ResourceObj")
        .text("command", checked.spec.engine.script())
        .text("scriptArgument", "#{myEFSSource}")
        .text("scriptArgument", "#{myEFSBackup}")
        .text("scriptArgument", "#{myEFSId}")
        .text("scriptArgument", "#{myTimeZone}")
        .text("scriptArgument", "#{myEFSBackupId}")
        .text("scriptArgument", checked.stop_after.to_string());
    let options = checked.options.iter();
    options
        .fold(object, |object, option| object.text("scriptArgument", option))
        .reference("onSuccess", "SuccessNotify")
        .reference("onFail", "FailureNotify")
}

fn alarm(id: &str, subject: &str) -> Object {
    Object::new(id)
        .text("type", "SnsAlarm")
        .text("topicArn", "#{myTopicArn}")
        .text("subject", subject)
        .text("message", MESSAGE)
}
