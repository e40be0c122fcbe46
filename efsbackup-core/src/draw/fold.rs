//! Which references are lines and which are words: a hundred lines to one schedule tell
//! nobody anything.

use super::graph::{Edge, Graph, Link};
use super::rank;
use crate::pipeline::DEFAULT_ID;
use std::collections::{HashMap, HashSet};

/// The fields that say what comes from where and in which order. Others configure.
const FLOW: [&str; 4] = ["input", "output", "dependsOn", "precondition"];

/// The most lines that lead to an object by fields that configure,
pub(super) const CONFIGURED: usize = 3;
/// by those of the flow,
const FLOWING: usize = 8;
/// and the most lines of one object's own.
const OWN: usize = 16;

/// The most columns of a picture; a longer flow goes on below.
const COLUMNS: usize = 7;

/// Turns lines into words on the card that refers:
/// references that Default has as well are left out, as are those that lead to what many
/// refer to; and a flow that is too long for the page is cut.
pub(super) fn fold(graph: &mut Graph) {
    leave_out_defaults(graph);
    fold_crowds(graph);
    cut(graph);
}

fn leave_out_defaults(graph: &mut Graph) {
    let Some(default) = graph.nodes.iter().position(|node| node.id == DEFAULT_ID) else { return };
    let own = graph.edges.iter().filter(|edge| edge.from == default);
    let own: HashSet<(usize, String)> =
        own.flat_map(|edge| edge.keys.iter().map(|key| (edge.to, key.clone()))).collect();
    for edge in graph.edges.iter_mut().filter(|edge| edge.from != default) {
        let to = edge.to;
        edge.keys.retain(|key| !own.contains(&(to, key.clone())));
    }
    graph.edges.retain(|edge| !edge.keys.is_empty());
}

fn is_flow(edge: &Edge) -> bool {
    edge.keys.iter().any(|key| FLOW.contains(&key.as_str()))
}

fn fold_crowds(graph: &mut Graph) {
    let mut to: HashMap<(usize, bool), usize> = HashMap::new();
    let mut from: HashMap<usize, usize> = HashMap::new();
    for edge in &graph.edges {
        *to.entry((edge.to, is_flow(edge))).or_default() += 1;
        *from.entry(edge.from).or_default() += 1;
    }
    fold_where(graph, |edge| {
        let most = if is_flow(edge) { FLOWING } else { CONFIGURED };
        to.get(&(edge.to, is_flow(edge))).is_some_and(|&count| count > most)
            || from.get(&edge.from).is_some_and(|&count| count > OWN)
    });
}

/// Cuts a flow of too many columns into parts of about the same length.
fn cut(graph: &mut Graph) {
    let ranks = rank::ranks(graph);
    let columns = ranks.iter().max().map_or(0, |last| last + 1);
    let length = columns.div_ceil(columns.div_ceil(COLUMNS).max(1)).max(1);
    let part = |node: usize| ranks.get(node).map(|rank| rank / length);
    fold_where(graph, |edge| part(edge.from) != part(edge.to));
}

fn fold_where(graph: &mut Graph, is_folded: impl Fn(&Edge) -> bool) {
    let (folded, lines) = std::mem::take(&mut graph.edges).into_iter().partition(is_folded);
    graph.edges = lines;
    let folded: Vec<Edge> = folded;
    let mut places: HashMap<(usize, String), usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let links = node.links.iter().enumerate();
        places.extend(links.map(|(place, link)| ((index, link.key.clone()), place)));
    }
    for edge in folded {
        let user = graph.nodes.get(edge.from).map(|node| node.id.clone());
        let Some(target) = graph.nodes.get_mut(edge.to) else { continue };
        target.user = match (target.user.take(), user) {
            (Some((first, count)), _) => Some((first, count + 1)),
            (None, user) => user.map(|id| (id, 1)),
        };
        let (id, role) = (target.id.clone(), target.role);
        let Some(node) = graph.nodes.get_mut(edge.from) else { continue };
        for key in edge.keys {
            let place = *places.entry((edge.from, key.clone())).or_insert(node.links.len());
            match node.links.get_mut(place) {
                Some(link) => link.count += 1,
                None => node.links.push(Link { key, target: id.clone(), role, count: 1 }),
            }
        }
    }
}
