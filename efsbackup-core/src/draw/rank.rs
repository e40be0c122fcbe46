//! Which column each object stands in.

use super::graph::Graph;

/// The column of each node: right of all that it needs, and as near to what needs it as
/// that allows. Circles are cut where a walk closes them.
pub(super) fn ranks(graph: &Graph) -> Vec<usize> {
    let count = graph.nodes.len();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for edge in &graph.edges {
        let (left, right) = graph.flow(edge);
        if let Some(list) = after.get_mut(left) {
            list.push(right);
        }
    }
    let order = topological(&mut after);
    for (left, rights) in after.iter().enumerate() {
        for &right in rights {
            if let Some(list) = before.get_mut(right) {
                list.push(left);
            }
        }
    }
    let mut ranks = vec![0; count];
    let rank = |ranks: &[usize], node: usize| ranks.get(node).copied().unwrap_or_default();
    for &node in &order {
        let needs = before.get(node).into_iter().flatten();
        let column = needs.map(|&left| rank(&ranks, left) + 1).max().unwrap_or_default();
        if let Some(slot) = ranks.get_mut(node) {
            *slot = column;
        }
    }
    // What nothing stands left of moves right, next to what needs it.
    for &node in order.iter().rev() {
        let free = before.get(node).is_none_or(Vec::is_empty);
        let nearest = after.get(node).into_iter().flatten().map(|&right| rank(&ranks, right)).min();
        if let (true, Some(nearest), Some(slot)) = (free, nearest, ranks.get_mut(node)) {
            *slot = nearest.saturating_sub(1);
        }
    }
    ranks
}

/// The nodes, each after all that lead to it. Takes edges that close a circle out of `after`.
fn topological(after: &mut [Vec<usize>]) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        OnWay,
        Done,
    }
    let mut states = vec![State::New; after.len()];
    let mut order = Vec::with_capacity(after.len());
    for start in 0..after.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            if let Some(state) = states.get_mut(node) {
                *state = State::OnWay;
            }
            let Some(neighbours) = after.get_mut(node) else { break };
            match neighbours.get(*next).copied() {
                Some(neighbour) => match states.get(neighbour) {
                    Some(State::New) => {
                        *next += 1;
                        way.push((neighbour, 0));
                    }
                    Some(State::OnWay) => {
                        neighbours.remove(*next);
                    }
                    _ => *next += 1,
                },
                None => {
                    if let Some(state) = states.get_mut(node) {
                        *state = State::Done;
                    }
                    order.push(node);
                    way.pop();
                }
            }
        }
    }
    order.reverse();
    order
}
