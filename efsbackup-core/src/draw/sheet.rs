//! The whole sheet: what hangs together is laid out for itself, and the pieces are set in
//! rows under headings.

use super::fold;
use super::graph::{Edge, Graph, Node, Role};
use super::layout::{Layout, layout};

/// Around the sheet.
const MARGIN: f64 = 32.0;
/// Between two pieces.
const SPACE: f64 = 36.0;
/// The room of a heading.
const HEADING: f64 = 34.0;
/// No sheet is broken narrower than this,
const NARROWEST: f64 = 1200.0;
/// and one with much on it is so much wider than high.
const SHAPE: f64 = 1.5;

/// What hangs together by lines.
pub(super) struct Piece {
    pub(super) graph: Graph,
    pub(super) layout: Layout,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Everything with its place.
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) pieces: Vec<Piece>,
    /// Text, and where its line stands.
    pub(super) headings: Vec<(&'static str, f64, f64)>,
}

/// What a piece is, in the order of the sheet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Shared,
    Flow,
    Alone,
}

impl Section {
    fn of(graph: &Graph) -> Section {
        // What others need, and does nothing by itself.
        let is_setting =
            |node: &Node| matches!(node.role, Role::Default | Role::Schedule | Role::Resource);
        match graph.nodes.as_slice() {
            [Node { user: Some((_, count)), role, .. }]
                if *count > fold::CONFIGURED || *role == Role::Action =>
            {
                Section::Shared
            }
            nodes if nodes.iter().all(is_setting) => Section::Shared,
            [_] if graph.edges.is_empty() => Section::Alone,
            _ => Section::Flow,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Section::Shared => "Shared",
            Section::Flow => "Flow",
            Section::Alone => "Others",
        }
    }
}

impl Sheet {
    pub(super) fn of(mut graph: Graph) -> Sheet {
        fold::fold(&mut graph);
        let mut pieces: Vec<(Section, Graph)> =
            split(graph).into_iter().map(|piece| (Section::of(&piece), piece)).collect();
        pieces.sort_by_key(|(section, piece)| {
            let role = piece.nodes.first().map(|node| node.role);
            let role = role.filter(|_| *section != Section::Flow);
            (*section, role)
        });
        let one_section = pieces.windows(2).all(|pair| match pair {
            [(one, _), (other, _)] => one == other,
            _ => true,
        });
        let pieces: Vec<(Section, Graph, Layout)> = pieces
            .into_iter()
            .map(|(section, piece)| {
                let layout = layout(&piece);
                (section, piece, layout)
            })
            .collect();
        let area: f64 = pieces
            .iter()
            .map(|(_, _, layout)| (layout.width + SPACE) * (layout.height + SPACE))
            .sum();
        let widest = pieces.iter().map(|(_, _, layout)| layout.width).fold(NARROWEST, f64::max);
        let mut sheet =
            Sheet { width: 0.0, height: MARGIN, pieces: Vec::new(), headings: Vec::new() };
        sheet.fill(pieces, widest.max((area * SHAPE).sqrt()), !one_section);
        sheet
    }

    /// Sets the pieces in rows of at most `widest`, each section on rows of its own.
    fn fill(&mut self, pieces: Vec<(Section, Graph, Layout)>, widest: f64, headed: bool) {
        let (mut x, mut y, mut bottom) = (MARGIN, MARGIN, MARGIN);
        let mut last = None;
        for (section, graph, layout) in pieces {
            if last != Some(section) {
                y = if last.is_some() { bottom + SPACE } else { MARGIN };
                x = MARGIN;
                if headed {
                    self.headings.push((section.heading(), MARGIN, y + 14.0));
                    y += HEADING;
                }
                last = Some(section);
            } else if x + layout.width > MARGIN + widest {
                (x, y) = (MARGIN, bottom + SPACE);
            }
            let right = x + layout.width;
            bottom = bottom.max(y + layout.height);
            self.width = self.width.max(right + MARGIN);
            self.pieces.push(Piece { graph, layout, x, y });
            x = right + SPACE;
        }
        self.width = self.width.max(2.0 * MARGIN);
        self.height = bottom + MARGIN;
    }
}

/// The parts of the graph that no line joins, in the order of their first nodes.
fn split(graph: Graph) -> Vec<Graph> {
    let mut roots: Vec<usize> = (0..graph.nodes.len()).collect();
    for edge in &graph.edges {
        let (one, other) = (root(&mut roots, edge.from), root(&mut roots, edge.to));
        if let Some(place) = roots.get_mut(one.max(other)) {
            *place = one.min(other);
        }
    }
    let mut parts: Vec<(Vec<Node>, Vec<Edge>)> = Vec::new();
    // The part of each root, and the place of each node in its part.
    let mut part_of = vec![usize::MAX; roots.len()];
    let mut places = Vec::with_capacity(roots.len());
    for (index, node) in graph.nodes.into_iter().enumerate() {
        let root = root(&mut roots, index);
        let Some(part) = part_of.get_mut(root) else { continue };
        if *part == usize::MAX {
            *part = parts.len();
            parts.push((Vec::new(), Vec::new()));
        }
        let part = *part;
        if let Some((nodes, _)) = parts.get_mut(part) {
            places.push((part, nodes.len()));
            nodes.push(node);
        }
    }
    let place = |node: usize| places.get(node).copied().unwrap_or_default();
    for edge in graph.edges {
        let (part, from) = place(edge.from);
        let (_, to) = place(edge.to);
        if let Some((_, edges)) = parts.get_mut(part) {
            edges.push(Edge { from, to, ..edge });
        }
    }
    parts.into_iter().map(|(nodes, edges)| Graph { nodes, edges }).collect()
}

/// The first node that `node` hangs together with; shortens the way for the next time.
fn root(roots: &mut [usize], mut node: usize) -> usize {
    while let Some(&next) = roots.get(node)
        && next != node
    {
        let beyond = roots.get(next).copied().unwrap_or(next);
        if let Some(place) = roots.get_mut(node) {
            *place = beyond;
        }
        node = next;
    }
    node
}
