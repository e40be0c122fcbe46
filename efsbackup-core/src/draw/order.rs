//! In which order the objects of a column stand, so that few lines cross.

use super::graph::Graph;

/// A place in a column: an object, or where a line passes on its way to a farther column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Card(usize),
    Pass,
}

/// The columns from left to right, and the lines between neighbouring ones.
pub(super) struct Columns {
    /// Every slot; a card's slot has the number of its node.
    pub(super) slots: Vec<Slot>,
    /// The slots of each column, from top to bottom.
    pub(super) columns: Vec<Vec<usize>>,
    /// For each edge of the graph the slots it runs through, from left to right; fewer than
    /// two where both ends are in one column.
    pub(super) ways: Vec<Vec<usize>>,
}

/// How often the order is improved.
const SWEEPS: usize = 12;
/// With more slots than this the order of the definition stays: improving it takes time
/// that grows with the square, and nobody sees it.
const MOST: usize = 1500;

impl Columns {
    pub(super) fn of(graph: &Graph, ranks: &[usize]) -> Columns {
        let count = ranks.iter().max().map_or(0, |last| last + 1);
        let mut slots: Vec<Slot> = (0..graph.nodes.len()).map(Slot::Card).collect();
        let mut columns = vec![Vec::new(); count];
        let push = |columns: &mut Vec<Vec<usize>>, column: usize, slot: usize| {
            if let Some(column) = columns.get_mut(column) {
                column.push(slot);
            }
        };
        for (node, &rank) in ranks.iter().enumerate() {
            push(&mut columns, rank, node);
        }
        let rank = |node: usize| ranks.get(node).copied().unwrap_or_default();
        let mut ways = Vec::with_capacity(graph.edges.len());
        for edge in &graph.edges {
            let mut ends = [edge.from, edge.to];
            ends.sort_by_key(|&node| rank(node));
            let [left, right] = ends;
            let mut way = vec![left];
            for column in rank(left) + 1..rank(right) {
                way.push(slots.len());
                push(&mut columns, column, slots.len());
                slots.push(Slot::Pass);
            }
            if rank(left) < rank(right) {
                way.push(right);
            }
            ways.push(way);
        }
        let mut columns = Columns { slots, columns, ways };
        columns.improve();
        columns
    }

    /// The neighbours of each slot in the column to its left (0) and to its right (1).
    pub(super) fn neighbours(&self) -> Vec<[Vec<usize>; 2]> {
        let mut neighbours = vec![[Vec::new(), Vec::new()]; self.slots.len()];
        for pair in self.ways.iter().flat_map(|way| way.windows(2)) {
            let [left, right] = pair else { continue };
            if let Some([_, rights]) = neighbours.get_mut(*left) {
                rights.push(*right);
            }
            if let Some([lefts, _]) = neighbours.get_mut(*right) {
                lefts.push(*left);
            }
        }
        neighbours
    }

    /// Moves each slot to the average place of its neighbours, forth and back, and keeps the
    /// best order seen.
    fn improve(&mut self) {
        if self.slots.len() > MOST {
            return;
        }
        let neighbours = self.neighbours();
        let mut best = (self.crossings(), self.columns.clone());
        for sweep in 0..SWEEPS {
            let forth = sweep % 2 == 0;
            let count = self.columns.len();
            for step in 1..count {
                let column = if forth { step } else { count - 1 - step };
                let places = self.places();
                let place = |slot: usize| places.get(slot).copied().unwrap_or_default();
                let weight = |slot: usize| {
                    let sides = neighbours.get(slot);
                    let side = sides.map(|[l, r]| if forth { l } else { r });
                    let beside = side.map(Vec::as_slice).unwrap_or_default();
                    match beside.len() {
                        0 => place(slot),
                        count => beside.iter().map(|&s| place(s)).sum::<f64>() / count as f64,
                    }
                };
                if let Some(column) = self.columns.get_mut(column) {
                    column.sort_by(|a, b| weight(*a).total_cmp(&weight(*b)));
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// Each slot's place in its column, from 0 at the top to 1 at the bottom.
    fn places(&self) -> Vec<f64> {
        let mut places = vec![0.0; self.slots.len()];
        for column in &self.columns {
            for (index, &slot) in column.iter().enumerate() {
                if let Some(place) = places.get_mut(slot) {
                    *place = (index as f64 + 0.5) / column.len() as f64;
                }
            }
        }
        places
    }

    /// How many pairs of lines between neighbouring columns cross.
    fn crossings(&self) -> usize {
        // Each slot's column and its place there.
        let mut at = vec![(0, 0); self.slots.len()];
        for (number, column) in self.columns.iter().enumerate() {
            for (place, &slot) in column.iter().enumerate() {
                if let Some(at) = at.get_mut(slot) {
                    *at = (number, place);
                }
            }
        }
        let at = |slot: usize| at.get(slot).copied().unwrap_or_default();
        let mut gaps: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.columns.len()];
        for pair in self.ways.iter().flat_map(|way| way.windows(2)) {
            let [left, right] = pair else { continue };
            let (column, left) = at(*left);
            if let Some(lines) = gaps.get_mut(column) {
                lines.push((left, at(*right).1));
            }
        }
        gaps.into_iter().map(inversions).sum()
    }
}

/// How many pairs stand in the other order at their second ends than at their first.
fn inversions(mut lines: Vec<(usize, usize)>) -> usize {
    lines.sort_unstable();
    let width = lines.iter().map(|(_, right)| right + 1).max().unwrap_or_default();
    // Fenwick's tree: how many lines so far end at a place or above it.
    let mut tree = vec![0; width + 1];
    let mut crossings = 0;
    for (before, (_, right)) in lines.into_iter().enumerate() {
        let mut place = right + 1;
        let mut above = 0;
        while place > 0 {
            above += tree.get(place).copied().unwrap_or_default();
            place &= place - 1;
        }
        crossings += before - above;
        place = right + 1;
        while let Some(count) = tree.get_mut(place) {
            *count += 1;
            place += place & place.wrapping_neg();
        }
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted_as_one_by_one() {
        let mut number = 7_usize;
        let mut next = || {
            number = number.wrapping_mul(1_103_515_245).wrapping_add(12345);
            number / 65536 % 9
        };
        let lines: Vec<(usize, usize)> = (0..60).map(|_| (next(), next())).collect();
        let pairs = lines.iter().enumerate().flat_map(|(index, a)| {
            let crosses =
                move |b: &&(usize, usize)| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1);
            lines.iter().skip(index + 1).filter(crosses)
        });
        let one_by_one = pairs.count();
        assert!(one_by_one > 100);
        assert_eq!(inversions(lines), one_by_one);
        assert_eq!(inversions(Vec::new()), 0);
    }
}
