//! Where everything stands, in pixels.

use super::graph::{Graph, Node};
use super::order::{Columns, Slot};
use super::{rank, words};
use std::collections::BTreeMap;

pub(super) const CARD_WIDTH: f64 = 264.0;
/// The part of a card with its id and type.
pub(super) const HEAD: f64 = 50.0;
/// A line of facts.
pub(super) const FACT: f64 = 19.0;
pub(super) const LABEL_SIZE: f64 = 11.5;
/// Between two cards of a column.
const SPACE: f64 = 30.0;
/// The room of a line that passes a column.
const PASS: f64 = 12.0;
const NARROWEST_GAP: f64 = 72.0;
/// On both sides of a label.
const BESIDE_LABEL: f64 = 34.0;
const LABEL_HEIGHT: f64 = 18.0;
const BETWEEN_LABELS: f64 = 2.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A line, from the object that refers to the one it refers to.
pub(super) struct Line {
    pub(super) edge: usize,
    /// Where it bends; it leaves and enters level. Between the first two points it curves,
    /// then it runs straight and curves in turn.
    pub(super) points: Vec<(f64, f64)>,
    pub(super) label: Rect,
}

/// The picture of what hangs together.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The card of each node.
    pub(super) cards: Vec<Rect>,
    pub(super) lines: Vec<Line>,
}

pub(super) fn label_width(label: &str) -> f64 {
    words::width(label) * LABEL_SIZE + 14.0
}

pub(super) fn card_height(node: &Node) -> f64 {
    match rows(node) {
        0 => HEAD,
        rows => HEAD + rows as f64 * FACT + 13.0,
    }
}

/// The most lines of references on a card; what is more is counted on the last.
pub(super) const LINKS: usize = 5;

/// The lines below a card's head.
fn rows(node: &Node) -> usize {
    node.facts.len() + node.links.len().min(LINKS) + usize::from(node.user.is_some())
}

pub(super) fn layout(graph: &Graph) -> Layout {
    let ranks = rank::ranks(graph);
    let columns = Columns::of(graph, &ranks);
    let heights: Vec<f64> = columns
        .slots
        .iter()
        .map(|slot| match slot {
            Slot::Card(node) => graph.nodes.get(*node).map_or(0.0, card_height),
            Slot::Pass => PASS,
        })
        .collect();
    let mut centres = centres(&columns, &heights);
    let tops = centres.iter().zip(&heights).map(|(centre, height)| centre - height / 2.0);
    let top = tops.fold(f64::INFINITY, f64::min);
    let shift = if top.is_finite() { -top } else { 0.0 };
    centres.iter_mut().for_each(|centre| *centre += shift);
    let bottoms = centres.iter().zip(&heights).map(|(centre, height)| centre + height / 2.0);
    let height = bottoms.fold(0.0, f64::max);

    let lefts = lefts(graph, &columns, &ranks);
    let left = |column: usize| lefts.get(column).copied().unwrap_or_default();
    let cards: Vec<Rect> = (0..graph.nodes.len())
        .map(|node| {
            let height = heights.get(node).copied().unwrap_or_default();
            let centre = centres.get(node).copied().unwrap_or_default();
            let column = ranks.get(node).copied().unwrap_or_default();
            Rect { x: left(column), y: centre - height / 2.0, width: CARD_WIDTH, height }
        })
        .collect();
    let lines = lines(graph, &columns, &ranks, &centres, &cards, &lefts);
    let right = lefts.last().map_or(0.0, |left| left + CARD_WIDTH);
    let beside = lines.iter().map(|line| line.label.x + line.label.width).fold(right, f64::max);
    Layout { width: beside, height, cards, lines }
}

/// The left side of each column: the gap before it has room for its labels.
fn lefts(graph: &Graph, columns: &Columns, ranks: &[usize]) -> Vec<f64> {
    let mut gaps = vec![NARROWEST_GAP; columns.columns.len()];
    for (edge, way) in graph.edges.iter().zip(&columns.ways) {
        let from = ranks.get(edge.from).copied().unwrap_or_default();
        // The label stands beside the object that refers.
        let gap = if way.first() == Some(&edge.from) { from + 1 } else { from };
        if let Some(gap) = gaps.get_mut(gap) {
            *gap = gap.max(label_width(&edge.label()) + 2.0 * BESIDE_LABEL);
        }
    }
    let mut x = 0.0;
    gaps.iter()
        .enumerate()
        .map(|(column, gap)| {
            x += if column == 0 { 0.0 } else { gap + CARD_WIDTH };
            x
        })
        .collect()
}

/// The middle of each slot: near the middles of its neighbours, in order, not overlapping.
fn centres(columns: &Columns, heights: &[f64]) -> Vec<f64> {
    let neighbours = columns.neighbours();
    let mut centres = vec![0.0; heights.len()];
    let place = |centres: &mut Vec<f64>, column: &[usize], wish: &dyn Fn(&[f64], usize) -> f64| {
        let wished: Vec<f64> = column.iter().map(|&slot| wish(centres, slot)).collect();
        let sizes: Vec<f64> =
            column.iter().map(|&slot| heights.get(slot).copied().unwrap_or_default()).collect();
        for (&slot, centre) in column.iter().zip(spread(&wished, &sizes)) {
            if let Some(place) = centres.get_mut(slot) {
                *place = centre;
            }
        }
    };
    for column in &columns.columns {
        place(&mut centres, column, &|_, _| 0.0);
    }
    let average = |centres: &[f64], slots: &[usize]| {
        let sum: f64 = slots.iter().filter_map(|&slot| centres.get(slot)).sum();
        (!slots.is_empty()).then(|| sum / slots.len() as f64)
    };
    for round in 0..10 {
        let count = columns.columns.len();
        for step in 0..count {
            let index = if round % 2 == 0 { step } else { count - 1 - step };
            let Some(column) = columns.columns.get(index) else { continue };
            place(&mut centres, column, &|centres, slot| {
                let stay = centres.get(slot).copied().unwrap_or_default();
                let Some([lefts, rights]) = neighbours.get(slot) else { return stay };
                match (average(centres, lefts), average(centres, rights)) {
                    (Some(left), Some(right)) => (left + right) / 2.0,
                    (Some(one), None) | (None, Some(one)) => one,
                    (None, None) => stay,
                }
            });
        }
    }
    centres
}

/// The places nearest to the wished ones (by the sum of squares) that keep the order and
/// leave room for each size: neighbours that would overlap move as a block to the average
/// of their wishes.
fn spread(wished: &[f64], sizes: &[f64]) -> Vec<f64> {
    // What each would be if all stood at 0 without overlapping.
    let mut offsets = Vec::with_capacity(sizes.len());
    let mut offset = 0.0;
    let mut last: Option<f64> = None;
    for &size in sizes {
        let space = if size > PASS { SPACE } else { SPACE / 2.0 };
        offset += last.map_or(0.0, |last| (last + size) / 2.0 + space);
        offsets.push(offset);
        last = Some(size);
    }
    // Blocks of (sum of wishes less offsets, count).
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (wish, offset) in wished.iter().zip(&offsets) {
        let mut block = (wish - offset, 1);
        while let Some(&(sum, count)) = blocks.last() {
            if sum / (count as f64) < block.0 / (block.1 as f64) {
                break;
            }
            block = (block.0 + sum, block.1 + count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let bases =
        blocks.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    bases.zip(&offsets).map(|(base, offset)| base + offset).collect()
}

/// The lines with their labels.
fn lines(
    graph: &Graph,
    columns: &Columns,
    ranks: &[usize],
    centres: &[f64],
    cards: &[Rect],
    lefts: &[f64],
) -> Vec<Line> {
    let ports = Ports::new(graph, columns, centres, cards);
    let mut taken = Taken::default();
    let mut lines = Vec::with_capacity(graph.edges.len());
    for (index, (edge, way)) in graph.edges.iter().zip(&columns.ways).enumerate() {
        let card = |node: usize| cards.get(node).copied().unwrap_or_default();
        let [left_port, right_port] = ports.of(index);
        let mut points = Vec::new();
        if let [left, passes @ .., right] = way.as_slice() {
            points.push((card(*left).x + CARD_WIDTH, left_port));
            let first = ranks.get(*left).copied().unwrap_or_default() + 1;
            for (column, slot) in (first..).zip(passes) {
                let x = lefts.get(column).copied().unwrap_or_default();
                let y = centres.get(*slot).copied().unwrap_or_default();
                points.extend([(x, y), (x + CARD_WIDTH, y)]);
            }
            points.push((card(*right).x, right_port));
            if *left != edge.from {
                points.reverse();
            }
        } else {
            // Both in one column, or the same: a bow at their right.
            let x = card(edge.from).x + CARD_WIDTH;
            points.extend([(x, left_port), (x, right_port)]);
        }
        let label = place_label(&points, &edge.label(), &taken);
        taken.add(label);
        lines.push(Line { edge: index, points, label });
    }
    lines
}

/// One end of a line at a card, and the height that the line comes from.
struct Meeting {
    towards: f64,
    edge: usize,
    end: usize,
}

/// Where lines meet cards, the left and the right end of each edge.
struct Ports(Vec<[f64; 2]>);

impl Ports {
    /// Spreads the lines of each side of a card over its height, in the order in which they
    /// arrive, so that they do not cross there.
    fn new(graph: &Graph, columns: &Columns, centres: &[f64], cards: &[Rect]) -> Ports {
        let centre = |slot: Option<&usize>| slot.and_then(|&s| centres.get(s)).copied();
        // By card and side (whether the right one).
        let mut sides: BTreeMap<(usize, bool), Vec<Meeting>> = BTreeMap::new();
        for (index, (edge, way)) in graph.edges.iter().zip(&columns.ways).enumerate() {
            if let [left, .., right] = way.as_slice() {
                let towards = centre(way.get(1)).unwrap_or_default();
                sides.entry((*left, true)).or_default().push(Meeting {
                    towards,
                    edge: index,
                    end: 0,
                });
                let towards = centre(way.get(way.len() - 2)).unwrap_or_default();
                sides.entry((*right, false)).or_default().push(Meeting {
                    towards,
                    edge: index,
                    end: 1,
                });
            } else {
                for (end, node) in [edge.from, edge.to].into_iter().enumerate() {
                    let other = if end == 0 { edge.to } else { edge.from };
                    let towards = centre(Some(&other)).unwrap_or_default();
                    sides.entry((node, true)).or_default().push(Meeting {
                        towards,
                        edge: index,
                        end,
                    });
                }
            }
        }
        let mut ports = vec![[0.0; 2]; graph.edges.len()];
        for ((node, _), mut meets) in sides {
            meets.sort_by(|a, b| a.towards.total_cmp(&b.towards));
            let card = cards.get(node).copied().unwrap_or_default();
            let step = (card.height / (meets.len() as f64 + 1.0)).min(22.0);
            let first = card.y + (card.height - step * (meets.len() as f64 - 1.0)) / 2.0;
            for (place, Meeting { edge, end, .. }) in meets.into_iter().enumerate() {
                if let Some(port) = ports.get_mut(edge).and_then(|port| port.get_mut(end)) {
                    *port = first + step * place as f64;
                }
            }
        }
        Ports(ports)
    }

    fn of(&self, edge: usize) -> [f64; 2] {
        self.0.get(edge).copied().unwrap_or_default()
    }
}

/// How far a bow stands out beside its column.
pub(super) const BOW: f64 = 46.0;

/// The labels that have their places, by their heights on the page: of thousands few are near.
#[derive(Default)]
struct Taken(BTreeMap<i64, Vec<Rect>>);

impl Taken {
    fn row(label: &Rect) -> i64 {
        (label.y / (LABEL_HEIGHT + BETWEEN_LABELS)).floor() as i64
    }

    fn add(&mut self, label: Rect) {
        self.0.entry(Taken::row(&label)).or_default().push(label);
    }

    /// How much of the labels `label` would cover.
    fn covered(&self, label: &Rect) -> f64 {
        let row = Taken::row(label);
        let near = self.0.range(row - 1..=row + 1).flat_map(|(_, labels)| labels);
        near.map(|other| shared(label, other)).sum()
    }
}

/// A place on the line's first curve where the label covers no other.
fn place_label(points: &[(f64, f64)], label: &str, taken: &Taken) -> Rect {
    let (width, height) = (label_width(label), LABEL_HEIGHT);
    let [start, end, ..] = points else { return Rect::default() };
    let at = |t: f64| {
        let (x, y) = if start.0 == end.0 {
            (start.0 + 0.75 * BOW + width / 2.0 - 8.0, start.1 + (end.1 - start.1) * t)
        } else {
            // A curve that leaves and enters level, as the SVG draws it.
            let ease = t * t * (3.0 - 2.0 * t);
            (start.0 + (end.0 - start.0) * level(t), start.1 + (end.1 - start.1) * ease)
        };
        Rect { x: x - width / 2.0, y: y - height / 2.0, width, height }
    };
    // Where the middle is taken the label moves to one end or the other; where all is taken,
    // to where it covers least.
    let places = (0..10).flat_map(|step| [0.5 - 0.04 * step as f64, 0.5 + 0.04 * step as f64]);
    let mut best = (f64::INFINITY, Rect::default());
    for place in places.map(at) {
        let covered = taken.covered(&place);
        if covered < best.0 {
            best = (covered, place);
        }
        if covered == 0.0 {
            break;
        }
    }
    best.1
}

/// How far along a curve with its handles at the middle is at `t`.
fn level(t: f64) -> f64 {
    let s = 1.0 - t;
    1.5 * s * s * t + 1.5 * s * t * t + t * t * t
}

/// The area that both cover, with a little room between them.
fn shared(a: &Rect, b: &Rect) -> f64 {
    let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x) + BETWEEN_LABELS;
    let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y) + BETWEEN_LABELS;
    width.max(0.0) * height.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_keep_order_and_room_and_stay_near_their_wishes() {
        assert_eq!(spread(&[5.0, 200.0], &[40.0, 40.0]), [5.0, 200.0]);
        // Two at the same place move apart evenly.
        assert_eq!(spread(&[0.0, 0.0], &[40.0, 40.0]), [-35.0, 35.0]);
        let placed = spread(&[100.0, 0.0, 50.0], &[40.0, PASS, 40.0]);
        assert!(placed.windows(2).all(|pair| pair[0] < pair[1]), "{placed:?}");
    }
}
