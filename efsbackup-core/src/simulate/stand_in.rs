//! What the embedded service does not run, in the shape of what it does: a simulation asks when
//! things run, not what they do.

use crate::pipeline::{Catalogue, DEFAULT_ID, Definition, Field, FieldValue, Lines, Object};
use std::collections::{HashMap, HashSet};

const ACTIVITY: &str = "ShellCommandActivity";
const RESOURCE: &str = "Ec2Resource";

/// Fields of what is dropped.
const DROPPED: [&str; 4] = ["input", "output", "precondition", "stage"];
/// Fields that a stand-in has of its own, or not.
const REPLACED: [&str; 4] = ["type", "command", "scriptUri", "scriptArgument"];

/// A definition of the same runs: every activity waits for those that write what it reads,
/// clusters are machines, and data, databases and preconditions are there at once.
pub(super) fn stand_in(definition: &Definition) -> Definition {
    let lines = Lines::of(definition);
    let catalogue = Catalogue::current();
    let types: Vec<Option<&str>> = lines.types().map(|(_, name)| name).collect();
    let kinds: Vec<Option<&str>> = types.iter().map(|name| kind(*name)).collect();
    let ids = definition.objects.iter().map(|object| object.id.as_str());
    let dropped: HashSet<&str> =
        ids.zip(&kinds).filter(|(_, kind)| kind.is_none()).map(|(id, _)| id).collect();
    let targets = |place: usize, key: &str| -> Vec<&str> {
        let fields = lines.fields(place, key).iter();
        fields.filter_map(|field| field.value.as_reference()).collect()
    };
    let mut writers: HashMap<&str, Vec<&str>> = HashMap::new();
    for (place, object) in definition.objects.iter().enumerate() {
        for data in targets(place, "output") {
            writers.entry(data).or_default().push(&object.id);
        }
    }
    let mut objects = Vec::new();
    for (place, object) in definition.objects.iter().enumerate() {
        let Some(kind) = kinds.get(place).copied().flatten() else { continue };
        // What the service runs, or need not, stays as it is.
        let is_own = kind.is_empty() || types.get(place).copied().flatten() == Some(kind);
        let takes = |key: &str| {
            let known = catalogue.get(kind).is_some_and(|kind| kind.fields.contains_key(key));
            is_own || known && !REPLACED.contains(&key)
        };
        let kept = |field: &&Field| {
            let lost = field.value.as_reference().is_some_and(|id| dropped.contains(id));
            !lost && takes(&field.key) && !DROPPED.contains(&field.key.as_str())
        };
        let mut stand_in = Object { fields: Vec::new(), ..object.clone() };
        stand_in.fields.extend(object.fields.iter().filter(kept).cloned());
        match kind {
            ACTIVITY => {
                if !is_own {
                    stand_in = stand_in.text("type", kind).text("command", "true");
                }
                for data in targets(place, "input") {
                    for writer in writers.get(data).into_iter().flatten() {
                        let after = FieldValue::Reference((*writer).to_owned());
                        let waits = stand_in.all("dependsOn").any(|value| *value == after);
                        if *writer != object.id && !waits {
                            stand_in = stand_in.reference("dependsOn", *writer);
                        }
                    }
                }
            }
            RESOURCE if !is_own => {
                stand_in = stand_in.text("type", kind);
                for role in ["role", "resourceRole"] {
                    if lines.setter(place, role).is_none() {
                        stand_in = stand_in.text(role, "none");
                    }
                }
            }
            _ => {}
        }
        objects.push(stand_in);
    }
    Definition { objects, ..definition.clone() }
}

/// The type that stands in for this one, empty where it stays; `None` where nothing does.
fn kind(type_name: Option<&str>) -> Option<&'static str> {
    match type_name {
        None | Some("Schedule" | "SnsAlarm" | "Terminate" | DEFAULT_ID) => Some(""),
        Some(name) => match Catalogue::current().get(name)?.family.as_deref() {
            Some("Activity") => Some(ACTIVITY),
            Some("Resource") => Some(RESOURCE),
            _ => None,
        },
    }
}
