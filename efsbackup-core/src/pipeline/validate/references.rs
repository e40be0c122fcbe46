//! References: whether they lead somewhere, to the right kind of object, and not in circles.

use super::super::{FieldValue, Slot, nearest};
use super::{Code, Context, Validation, View};
use std::collections::{HashMap, HashSet};

/// How many ids are looked through for the one that was meant.
const SEARCHED: usize = 200;

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let object = view.object;
    for field in &object.fields {
        let FieldValue::Reference(target) = &field.value else { continue };
        if target.is_empty() {
            continue;
        }
        let Some(there) = context.view(target) else {
            let ids = context.definition.objects.iter().take(SEARCHED).map(|o| o.id.as_str());
            let hint = nearest(target, ids).map(|near| format!("; did you mean {near}?"));
            let text = format!("there is no object {target}{}", hint.unwrap_or_default());
            found.add(Code::Dangling, &object.id, Some(&field.key), text);
            continue;
        };
        let Some(kind) = context.field_type(view, &field.key) else { continue };
        let Slot::Reference(targets) = &kind.slot else { continue };
        let Some(target_kind) = there.kind else { continue };
        if !targets.iter().any(|name| target_kind.is(name)) {
            let text =
                format!("{target} is a {}; {} is needed", target_kind.name, targets.join(" or "));
            found.add(Code::WrongTarget, &object.id, Some(&field.key), text);
        }
    }
}

/// Circles of parents, and circles of objects that wait for each other: through `dependsOn`,
/// through the data an activity reads, and through the activity that writes the data.
pub(super) fn check_cycles(context: &Context<'_>, found: &mut Validation) {
    let mut parents = HashMap::new();
    let mut waits: HashMap<&str, Vec<&str>> = HashMap::new();
    for view in &context.views {
        let id = view.object.id.as_str();
        let parent = view.object.first_reference("parent");
        parents.insert(id, parent.into_iter().collect::<Vec<_>>());
        for effective in &view.fields {
            let Some(target) = effective.field.value.as_reference() else { continue };
            match effective.field.key.as_str() {
                "dependsOn" | "input" => waits.entry(id).or_default().push(target),
                "output" => waits.entry(target).or_default().push(id),
                _ => {}
            }
        }
    }
    for (graph, field, what) in [
        (&parents, "parent", "objects inherit from each other in a circle"),
        (&waits, "dependsOn", "objects wait for each other in a circle"),
    ] {
        let order = context.definition.objects.iter().map(|object| object.id.as_str());
        for circle in circles(graph, order) {
            let first = circle.first().copied().unwrap_or_default();
            let text = format!("{what}: {} → {first}", circle.join(" → "));
            found.add(Code::Cycle, first, Some(field), text);
        }
    }
}

/// A circle for each object from which a first walk comes back to where it has been.
fn circles<'a>(
    graph: &HashMap<&'a str, Vec<&'a str>>,
    order: impl Iterator<Item = &'a str>,
) -> Vec<Vec<&'a str>> {
    let mut circles = Vec::new();
    let mut done = HashSet::new();
    for start in order {
        // The way from the start, each object with the number of its next neighbour.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_way = HashSet::from([start]);
        while let Some((id, next)) = way.last_mut() {
            let id = *id;
            let neighbours = graph.get(id).map(Vec::as_slice).unwrap_or_default();
            let neighbour = neighbours.get(*next).copied().filter(|_| !done.contains(id));
            *next += 1;
            match neighbour {
                Some(neighbour) if on_way.contains(neighbour) => {
                    let ids = way.iter().map(|(id, _)| *id);
                    circles.push(ids.skip_while(|id| *id != neighbour).collect());
                }
                Some(neighbour) => {
                    on_way.insert(neighbour);
                    way.push((neighbour, 0));
                }
                None => {
                    done.insert(id);
                    on_way.remove(id);
                    way.pop();
                }
            }
        }
    }
    circles
}
