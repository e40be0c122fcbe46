//! The parameters, and the values that the spec knows.

use super::check::Checked;
use crate::pipeline::{Parameter, ParameterValue};

/// The pipeline's parameters: id, type, default ("" for none), what it is.
pub(super) const BACKUP: [[&str; 4]; 15] = [
    ["myEFSSource", "String", "", "File system to back up: HOST:/PATH, or a folder here"],
    ["myEFSBackup", "String", "", "File system for the snapshots: HOST:/PATH, or a folder here"],
    [
        "myEFSId",
        "String",
        "",
        "Id of the file system to back up, and the name of its snapshots' folder",
    ],
    ["myEFSBackupId", "String", "", "Id of the file system for the snapshots"],
    ["myTimeZone", "String", "UTC", "Time zone of the snapshots' names"],
    ["myPeriod", "String", "1 hours", "Time between two backups"],
    ["myTopicArn", "String", "", "SNS topic that is told how a backup ended"],
    ["myS3LogBucket", "AWS::S3::ObjectKey", "", "Where the logs go"],
    ["myInstanceType", "String", "t2.small", "EC2 instance type"],
    ["myImageId", "String", "", "AMI of the instance"],
    ["mySubnetId", "String", "", "Subnet of the instance"],
    ["mySecurityGroupId", "String", "", "Security group of the instance"],
    ["myKeyPair", "String", "", "EC2 key pair of the instance"],
    ["myDataPipelineRole", "String", "DataPipelineDefaultRole", "IAM role of Data Pipeline"],
    [
        "myDataPipelineResourceRole",
        "String",
        "DataPipelineDefaultResourceRole",
        "IAM role of the instance",
    ],
];

/// A parameter object: id, type, default, description.
pub(super) fn parameter([id, kind, default, description]: &[String; 4]) -> Parameter {
    let parameter = Parameter::new(id).with("type", kind).with("description", description);
    if default.is_empty() { parameter } else { parameter.with("default", default) }
}

/// The values that the spec gives, in the parameters' order. Between two folders nothing
/// of AWS takes part, but a run wants a value for each parameter all the same.
pub(super) fn values(checked: &Checked<'_>, parameters: &[&[String; 4]]) -> Vec<ParameterValue> {
    let spec = checked.spec;
    let known = |id: &str| match id {
        "myEFSSource" => Some(&checked.source.text),
        "myEFSBackup" => Some(&checked.destination.text),
        "myEFSId" => Some(&checked.source_id),
        "myEFSBackupId" => Some(&checked.destination_id),
        "myTimeZone" => Some(&spec.time_zone),
        "myPeriod" => Some(&spec.period),
        "myTopicArn" => spec.topic.as_ref(),
        "myS3LogBucket" => spec.log_uri.as_ref(),
        "myInstanceType" => spec.instance_type.as_ref(),
        // Data Pipeline takes an AMI's id only.
        "myImageId" => spec.image.as_ref().filter(|image| !image.starts_with("ssm:")),
        "mySubnetId" => spec.subnet.as_ref(),
        "mySecurityGroupId" => spec.security_groups.first(),
        "myKeyPair" => spec.key_pair.as_ref(),
        "myDataPipelineRole" => spec.role.as_ref(),
        "myDataPipelineResourceRole" => spec.resource_role.as_ref(),
        _ => None,
    };
    let folders = checked.source.is_folder() && checked.destination.is_folder();
    let value = |[id, kind, default, _]: &[String; 4]| match known(id) {
        Some(value) => Some(ParameterValue::new(id, value)),
        None if folders && default.is_empty() => {
            let unused = if kind == "String" { "unused" } else { "s3://unused" };
            Some(ParameterValue::new(id, unused))
        }
        None => None,
    };
    parameters.iter().filter_map(|parameter| value(parameter)).collect()
}
