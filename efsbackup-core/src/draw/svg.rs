//! The picture as SVG. It paints its own background and names its own colours, so that it
//! looks the same in every viewer of the same preference.

use super::Theme;
use super::card;
use super::graph::{Graph, Role};
use super::layout::{BOW, LABEL_SIZE, Line, Rect};
use super::palette::{self, FAINT, INK, PAGE};
use super::sheet::{Piece, Sheet};
use super::state::State;
use super::words::{width as width_of, xml};
use std::collections::BTreeMap;
use std::fmt::{Result, Write};

const FONT: &str = "-apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif";

/// The room of the legend.
const LEGEND: f64 = 40.0;

/// What is written to, in the colours of a theme.
pub(super) struct Pen {
    pub(super) out: String,
    theme: Theme,
    /// Whether the status of objects is shown, so that colours tell that alone.
    pub(super) shows_states: bool,
}

impl Pen {
    /// The colour in this theme.
    pub(super) fn colour(&self, colour: &'static str) -> &'static str {
        palette::shown(self.theme, colour)
    }

    pub(super) fn text(&mut self, at: (f64, f64), attributes: &str, content: &str) -> Result {
        let (x, y) = at;
        writeln!(self.out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>", xml(content))
    }

    /// The mark of a state: strokes in a filled circle.
    pub(super) fn mark(&mut self, (x, y): (f64, f64), state: State) -> Result {
        let (accent, page) = (self.colour(palette::of_state(state).0), self.colour(PAGE));
        writeln!(
            self.out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9\" fill=\"{accent}\"/>\n\
             <path d=\"M{x:.1} {y:.1} {}\" fill=\"none\" stroke=\"{page}\" stroke-width=\"2\" \
             stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
            state.strokes()
        )
    }
}

pub(super) fn write(sheet: &Sheet, theme: Theme) -> String {
    let nodes = || sheet.pieces.iter().flat_map(|piece| &piece.graph.nodes);
    let shows_states = nodes().any(|node| node.state.is_some());
    let mut pen = Pen { out: String::new(), theme, shows_states };
    // Writing to a String cannot fail.
    let _ = draw(sheet, &mut pen);
    pen.out
}

fn draw(sheet: &Sheet, pen: &mut Pen) -> Result {
    let Sheet { width, height, .. } = sheet;
    let legend = legend(sheet);
    let below = if legend.is_empty() { 0.0 } else { LEGEND };
    let width = legend.last().map_or(*width, |(_, x, text)| width.max(x + width_of(text) * 12.0));
    let full = height + below;
    let objects: usize = sheet.pieces.iter().map(|piece| piece.graph.nodes.len()).sum();
    writeln!(
        pen.out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{full:.0}\" \
         viewBox=\"0 0 {width:.0} {full:.0}\" role=\"img\" class=\"efsbackup\" \
         aria-label=\"Pipeline of {objects} objects\" font-family=\"{FONT}\">"
    )?;
    pen.out.push_str(&palette::style(pen.theme));
    let page = pen.colour(PAGE);
    writeln!(pen.out, "<rect width=\"100%\" height=\"100%\" fill=\"{page}\"/>")?;
    for (heading, x, y) in &sheet.headings {
        let fill = pen.colour(FAINT);
        let attributes = format!("font-size=\"13\" font-weight=\"600\" fill=\"{fill}\"");
        pen.text((*x, *y), &attributes, heading)?;
    }
    for piece in &sheet.pieces {
        draw_piece(piece, pen)?;
    }
    for (state, x, text) in &legend {
        pen.mark((x - 18.0, height + 2.0), *state)?;
        let fill = pen.colour(INK);
        pen.text((*x, height + 6.0), &format!("font-size=\"12\" fill=\"{fill}\""), text)?;
    }
    writeln!(pen.out, "</svg>")
}

/// Every status on the sheet and how many objects have it, with the place of its text.
fn legend(sheet: &Sheet) -> Vec<(State, f64, String)> {
    let mut counts: BTreeMap<(State, &str), usize> = BTreeMap::new();
    for node in sheet.pieces.iter().flat_map(|piece| &piece.graph.nodes) {
        if let Some(status) = &node.state {
            *counts.entry((State::of(status), status)).or_default() += 1;
        }
    }
    let mut x = 32.0;
    let item = |((state, status), count)| {
        let text = format!("{status} {count}");
        let at = x + 28.0;
        x = at + width_of(&text) * 12.0 + 24.0;
        (state, at, text)
    };
    counts.into_iter().map(item).collect()
}

fn draw_piece(piece: &Piece, pen: &mut Pen) -> Result {
    let Piece { graph, layout, x, y } = piece;
    writeln!(pen.out, "<g transform=\"translate({x:.1} {y:.1})\">")?;
    for line in &layout.lines {
        draw_line(graph, line, pen)?;
    }
    for (node, rect) in graph.nodes.iter().zip(&layout.cards) {
        card::draw(node, rect, pen)?;
    }
    for line in &layout.lines {
        draw_label(graph, line, pen)?;
    }
    writeln!(pen.out, "</g>")
}

fn line_colour(graph: &Graph, line: &Line, pen: &Pen) -> &'static str {
    let edge = graph.edges.get(line.edge);
    let target = edge.and_then(|edge| graph.nodes.get(edge.to)).map(|node| node.role);
    pen.colour(match target {
        Some(role @ (Role::Action | Role::Missing)) => palette::of_role(role).0,
        _ => FAINT,
    })
}

fn draw_line(graph: &Graph, line: &Line, pen: &mut Pen) -> Result {
    let (Some(&(x, y)), Some(&tip)) = (line.points.first(), line.points.last()) else {
        return Ok(());
    };
    let colour = line_colour(graph, line, pen);
    let mut path = format!("M{x:.1} {y:.1}");
    let mut last = (x, y);
    let mut from_right = true;
    for (index, &(x, y)) in line.points.iter().enumerate().skip(1) {
        if x == last.0 {
            let bow = x + BOW;
            write!(path, " C{bow:.1} {:.1} {bow:.1} {y:.1} {x:.1} {y:.1}", last.1)?;
            from_right = false;
        } else if index % 2 == 1 {
            let middle = (last.0 + x) / 2.0;
            write!(path, " C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}", last.1)?;
            from_right = x > last.0;
        } else {
            write!(path, " L{x:.1} {y:.1}")?;
        }
        last = (x, y);
    }
    let keys = graph.edges.get(line.edge).map(|edge| edge.keys.as_slice());
    let inherits = keys.is_some_and(|keys| keys.iter().eq(["parent"]));
    let dashes = if inherits { " stroke-dasharray=\"5 4\"" } else { "" };
    writeln!(
        pen.out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.4\"{dashes}/>"
    )?;
    // The tip: every line arrives level.
    let back = if from_right { -8.5 } else { 8.5 };
    let (x, y) = tip;
    writeln!(
        pen.out,
        "<path d=\"M{x:.1} {y:.1} L{:.1} {:.1} L{:.1} {:.1} Z\" fill=\"{colour}\"/>",
        x + back,
        y - 4.2,
        x + back,
        y + 4.2
    )
}

fn draw_label(graph: &Graph, line: &Line, pen: &mut Pen) -> Result {
    let Some(edge) = graph.edges.get(line.edge) else { return Ok(()) };
    let Rect { x, y, width, height } = line.label;
    let page = pen.colour(PAGE);
    writeln!(
        pen.out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{:.1}\" \
         fill=\"{page}\"/>",
        height / 2.0
    )?;
    let fill = line_colour(graph, line, pen);
    let attributes = format!("font-size=\"{LABEL_SIZE}\" text-anchor=\"middle\" fill=\"{fill}\"");
    pen.text((x + width / 2.0, y + height / 2.0 + 4.0), &attributes, &edge.label())
}
