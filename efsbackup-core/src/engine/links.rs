//! Which components wait for which: by `dependsOn`, by data, by preconditions.

use super::kinds::{Kind, kind_of};
use crate::pipeline::Definition;
use std::collections::HashMap;

/// The links of one version of a definition, by the ids of components.
#[derive(Default)]
pub(super) struct Links {
    /// What must have finished before a component starts.
    before: HashMap<String, Vec<String>>,
    /// The objects that name a precondition.
    guarded: HashMap<String, Vec<String>>,
    /// The activity whose worker checks a precondition.
    checked_by: HashMap<String, String>,
    /// Data nodes, with the first activity that reads or writes each.
    user: HashMap<String, String>,
}

impl Links {
    pub(super) fn of(definition: &Definition) -> Links {
        let mut links = Links::default();
        let mut producers: HashMap<String, Vec<String>> = HashMap::new();
        let working = definition.objects.iter().filter_map(|object| {
            let kind = kind_of(definition, object).ok()?;
            matches!(kind, Kind::Activity | Kind::DataNode).then_some((object, kind))
        });
        for (object, kind) in working {
            let fields = definition.effective_fields(object);
            let targets = |key: &str| -> Vec<String> {
                let named = fields.iter().filter(|found| found.field.key == key);
                named
                    .filter_map(|found| found.field.value.as_reference())
                    .map(str::to_owned)
                    .collect()
            };
            let mut before = targets("dependsOn");
            for precondition in targets("precondition") {
                links.guarded.entry(precondition.clone()).or_default().push(object.id.clone());
                before.push(precondition);
            }
            if kind == Kind::Activity {
                let (input, output) = (targets("input"), targets("output"));
                for node in input.iter().chain(&output) {
                    let user = links.user.entry(node.clone());
                    user.or_insert_with(|| object.id.clone());
                }
                for node in output {
                    producers.entry(node).or_default().push(object.id.clone());
                }
                before.extend(input);
            }
            links.before.insert(object.id.clone(), before);
        }
        for (node, writers) in &producers {
            links.before.entry(node.clone()).or_default().extend(writers.iter().cloned());
        }
        for (precondition, guarded) in &links.guarded {
            // What an activity is to write can't be checked before it has.
            let writers = guarded.iter().filter_map(|node| producers.get(node)).flatten();
            links.before.insert(precondition.clone(), writers.cloned().collect());
            let activity = |id: &String| match definition.object(id) {
                Some(object) if kind_of(definition, object) == Ok(Kind::Activity) => {
                    Some(id.clone())
                }
                _ => links.user.get(id).cloned(),
            };
            if let Some(activity) = guarded.iter().find_map(activity) {
                links.checked_by.insert(precondition.clone(), activity);
            }
        }
        links
    }

    /// What must have finished before `component` starts.
    pub(super) fn before(&self, component: &str) -> &[String] {
        self.before.get(component).map_or(&[], Vec::as_slice)
    }

    /// The objects that name the precondition `component`, in the definition's order.
    pub(super) fn guarded(&self, component: &str) -> &[String] {
        self.guarded.get(component).map_or(&[], Vec::as_slice)
    }

    /// The activity whose worker checks the precondition `component`.
    pub(super) fn checked_by(&self, component: &str) -> Option<&str> {
        self.checked_by.get(component).map(String::as_str)
    }

    /// Where a component that has no schedule of its own takes it from.
    pub(super) fn leader(&self, component: &str) -> Option<&str> {
        let leader = self.guarded(component).first().or_else(|| self.user.get(component));
        leader.map(String::as_str)
    }
}
