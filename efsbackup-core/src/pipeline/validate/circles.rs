//! Objects that wait for each other, or inherit from each other, in a circle.

use super::finding::cut;
use super::{Code, Context, Validation};
use std::collections::HashMap;

/// Of a longer circle only so many objects are named.
const NAMED: usize = 20;
/// More circles than these are not told.
const TOLD: usize = 100;

/// Circles of parents, and circles of objects that wait for each other: through `dependsOn`,
/// through the data an activity reads, and through the activity that writes the data.
pub(super) fn check(context: &Context<'_>, found: &mut Validation) {
    let count = context.views.len();
    let place = |id: &str| context.lines.place(id);
    let parents = context.views.iter().map(|view| {
        let parent = view.object.first_reference("parent").and_then(place);
        parent.into_iter().collect()
    });
    let what = "objects inherit from each other in a circle";
    tell(context, &parents.collect::<Vec<_>>(), "parent", what, found);

    // Many may inherit one long list, which is one more node then, behind those of the objects:
    // whoever has it waits for the node, and the node for what the list names.
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut lists: HashMap<(usize, &str), usize> = HashMap::new();
    for view in &context.views {
        // Of several objects with one id the first is what references lead to.
        let Some(waiting) = place(&view.object.id) else { continue };
        for key in ["dependsOn", "input", "output"] {
            let Some(setter) = context.lines.setter(view.place, key) else { continue };
            let list = *lists.entry((setter, key)).or_insert_with(|| {
                let targets = context.fields(view, key).iter();
                let targets = targets.filter_map(|field| place(field.value.as_reference()?));
                let list = waits.len();
                match key {
                    // What is written waits for who writes it.
                    "output" => {
                        waits.push(Vec::new());
                        for target in targets {
                            if let Some(waits) = waits.get_mut(target) {
                                waits.push(list);
                            }
                        }
                    }
                    _ => waits.push(targets.collect()),
                }
                list
            });
            let (from, to) = if key == "output" { (list, waiting) } else { (waiting, list) };
            if let Some(waits) = waits.get_mut(from) {
                waits.push(to);
            }
        }
    }
    tell(context, &waits, "dependsOn", "objects wait for each other in a circle", found);
}

fn tell(
    context: &Context<'_>,
    graph: &[Vec<usize>],
    field: &str,
    what: &str,
    found: &mut Validation,
) {
    for circle in circles(graph, context.views.len()) {
        let id = |place: &usize| context.views.get(*place).map(|view| view.object.id.as_str());
        let ids: Vec<&str> = circle.ids.iter().filter_map(id).collect();
        let first = ids.first().copied().unwrap_or_default();
        let named: Vec<_> = ids.iter().map(|id| cut(*id, 60)).collect();
        let more = match circle.more {
            0 => String::new(),
            more => format!(" → … ({more} more)"),
        };
        let text = format!("{what}: {}{more} → {}", named.join(" → "), cut(first, 60));
        found.add(Code::Cycle, first, Some(field), text);
    }
}

/// The objects of a circle, the first of them by name, and how many more there are.
struct Circle {
    ids: Vec<usize>,
    more: usize,
}

/// A circle for each place at which a first walk comes back to where it has been.
fn circles(graph: &[Vec<usize>], objects: usize) -> Vec<Circle> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        /// And how many objects are before it on the way.
        OnWay(usize),
        Done,
    }
    let mut circles = Vec::new();
    let mut states = vec![State::New; graph.len()];
    // The objects on the way, without the lists between them.
    let mut on_way: Vec<usize> = Vec::new();
    for start in 0..objects {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        // Each with the number of its next neighbour.
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            if let (0, Some(state)) = (*next, states.get_mut(node)) {
                *state = State::OnWay(on_way.len());
                on_way.extend((node < objects).then_some(node));
            }
            let neighbour = graph.get(node).and_then(|neighbours| neighbours.get(*next)).copied();
            *next += 1;
            match neighbour.and_then(|neighbour| Some((neighbour, *states.get(neighbour)?))) {
                Some((neighbour, State::New)) => way.push((neighbour, 0)),
                Some((_, State::OnWay(depth))) if circles.len() < TOLD => {
                    let circle = on_way.get(depth..).unwrap_or_default();
                    let ids: Vec<usize> = circle.iter().take(NAMED).copied().collect();
                    circles.push(Circle { more: circle.len() - ids.len(), ids });
                }
                Some(_) => {}
                None => {
                    if let Some(state) = states.get_mut(node) {
                        *state = State::Done;
                    }
                    if node < objects {
                        on_way.pop();
                    }
                    way.pop();
                }
            }
        }
    }
    circles
}
