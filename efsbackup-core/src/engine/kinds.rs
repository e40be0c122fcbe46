//! What this service runs, and what it refuses.

use crate::deploy::ObjectFindings;
use crate::pipeline::{Catalogue, DEFAULT_ID, Definition, Object};

/// What a component is to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its instances are run by workers.
    Activity,
    /// Its instances are what activities run on; here, this machine.
    Resource,
    /// It has no instances: schedules, actions, Default and what only others inherit from.
    Passive,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Activity => "activity",
            Kind::Resource => "resource",
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

/// Fields that change what an activity does and that this service does not honour.
const NOT_HONOURED: [(&str, &str); 3] = [
    ("input", "data nodes are not part of this service yet"),
    ("output", "data nodes are not part of this service yet"),
    ("precondition", "preconditions are not part of this service yet"),
];

/// Why this service can't run `definition`, however good it is for AWS.
pub(super) fn not_run_here(definition: &Definition) -> Vec<ObjectFindings> {
    let mut findings = Vec::new();
    for object in &definition.objects {
        let mut messages = Vec::new();
        match kind_of(definition, object) {
            Ok(Kind::Activity) => {
                let fields = definition.effective_fields(object);
                let has = |key: &str| fields.iter().any(|effective| effective.field.key == key);
                for (key, reason) in NOT_HONOURED {
                    if has(key) {
                        messages.push(format!("{key}: {reason}"));
                    }
                }
                let staged = fields.iter().any(|effective| {
                    let text = effective.field.value.as_text();
                    effective.field.key == "stage"
                        && text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
                });
                if staged {
                    messages.push("stage: data nodes are not part of this service yet".to_owned());
                }
            }
            Ok(_) => {}
            Err(kind) if Catalogue::current().get(kind).is_some() => {
                messages.push(format!("type: {kind} does not run on this machine, only on AWS"));
            }
            // An unknown type is an error of the definition, and found there.
            Err(_) => {}
        }
        if !messages.is_empty() {
            findings.push(ObjectFindings { id: object.id.clone(), messages });
        }
    }
    findings
}
