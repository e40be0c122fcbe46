//! What the components of a definition are to this service.

use crate::pipeline::{DEFAULT_ID, Definition, Object};

/// What a component is to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its instances are run by workers.
    Activity,
    /// Its instances are what activities run on; here, this machine.
    Resource,
    /// Its instances wait for what writes them, or for their preconditions.
    DataNode,
    /// Its instances are checked by workers, until they hold.
    Precondition,
    /// It has no instances: schedules, actions, Default and what only others inherit from.
    Passive,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Activity => "activity",
            Kind::Resource => "resource",
            Kind::DataNode => "dataNode",
            Kind::Precondition => "precondition",
            Kind::Passive => "passive",
        }
    }
}

/// What `object` is to the scheduler; `Err` names the type that is not run here.
pub(super) fn kind_of<'a>(
    definition: &'a Definition,
    object: &'a Object,
) -> std::result::Result<Kind, &'a str> {
    match definition.type_of(object) {
        Some("ShellCommandActivity") => Ok(Kind::Activity),
        Some("Ec2Resource") => Ok(Kind::Resource),
        Some("S3DataNode") => Ok(Kind::DataNode),
        Some("Exists" | "S3KeyExists" | "S3PrefixNotEmpty" | "ShellCommandPrecondition") => {
            Ok(Kind::Precondition)
        }
        Some("Schedule" | "SnsAlarm" | "Terminate" | DEFAULT_ID) | None => Ok(Kind::Passive),
        Some(other) => Err(other),
    }
}

/// Fields that only AWS acts on, or that this service can do without.
const FOR_AWS: [&str; 5] = ["pipelineLogUri", "region", "resourceRole", "role", "topicArn"];

/// The texts of a resource that count where the resource is this machine.
const OF_RESOURCES: [&str; 5] =
    ["lateAfterTimeout", "maximumRetries", "name", "scheduleType", "terminateAfter"];

/// Whether the embedded service needs the value of the text field `key` of an object of
/// this type. Others, such as an image id, may hold parameters without a value.
pub fn needs_field(type_name: &str, key: &str) -> bool {
    match type_name {
        "Ec2Resource" => OF_RESOURCES.contains(&key),
        _ => !FOR_AWS.contains(&key),
    }
}
