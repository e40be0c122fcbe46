//! What waits for others of its own pipeline, told without a look at each.
//!
//! Where missed runs are made up for thousands of instances may be open, and each look at
//! one costs several queries.

use super::create::Component;
use super::rows::InstanceRow;
use std::collections::{BTreeSet, HashMap};

/// A pipeline's open instances, as they were when it was made. What it says is right until
/// one of them ends.
pub(super) struct Queue<'a> {
    components: HashMap<&'a str, &'a Component>,
    /// How many instances of each component are at work.
    active: HashMap<&'a str, i64>,
    /// The scheduled starts of what is open but for resources, by component.
    open: HashMap<&'a str, BTreeSet<i64>>,
    /// Those of activities by the resource that they run on.
    served: HashMap<&'a str, BTreeSet<i64>>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(open: &[InstanceRow], components: &'a [Component]) -> Queue<'a> {
        let mut queue = Queue {
            components: components.iter().map(|found| (found.id.as_str(), found)).collect(),
            active: HashMap::new(),
            open: HashMap::new(),
            served: HashMap::new(),
        };
        for instance in open.iter().filter(|instance| !instance.is_resource()) {
            let Some(component) = queue.components.get(instance.component.as_str()) else {
                continue;
            };
            if instance.is_activity() && !is_waiting(instance) && !instance.rerun {
                *queue.active.entry(&component.id).or_default() += 1;
            }
            queue.open.entry(&component.id).or_default().insert(instance.scheduled_start);
            let runs_on = component.runs_on.as_deref().filter(|_| instance.is_activity());
            if let Some(resource) = runs_on {
                queue.served.entry(resource).or_default().insert(instance.scheduled_start);
            }
        }
        queue
    }

    /// Whether the instance waits, for sure: for what it depends on, for another run of its
    /// own component, or as a resource for what is to run on it.
    pub(super) fn holds_back(&self, instance: &InstanceRow) -> bool {
        let component = self.components.get(instance.component.as_str());
        let Some(component) = component.filter(|_| is_waiting(instance)) else { return false };
        if instance.is_resource() {
            return self.has_users(instance);
        }
        let active = self.active.get(instance.component.as_str()).copied().unwrap_or(0);
        let needs = |id: &String| {
            let starts = self.open.get(id.as_str());
            starts.is_some_and(|starts| starts.contains(&instance.scheduled_start))
        };
        component.before.iter().any(needs)
            || instance.is_activity() && !instance.rerun && active >= component.most_active
    }

    /// Whether an activity on this resource is open.
    pub(super) fn has_users(&self, resource: &InstanceRow) -> bool {
        // An interval of an on-demand run has no length.
        let end = resource.scheduled_end.max(resource.scheduled_start + 1);
        let users = self.served.get(resource.component.as_str());
        users.is_some_and(|starts| starts.range(resource.scheduled_start..end).next().is_some())
    }
}

fn is_waiting(instance: &InstanceRow) -> bool {
    instance.status == "WAITING_ON_DEPENDENCIES"
}
