//! The picture as SVG. It paints its own background and names its own colours, so that it
//! looks the same in a light and in a dark viewer.

use super::graph::{Graph, Node, Role};
use super::layout::{BOW, FACT, HEAD, LABEL_SIZE, Layout, Line, Rect};
use super::words::{fit, width as width_of, xml};
use std::fmt::Write;

const FONT: &str = "-apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif";
const MONO: &str = "ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace";

/// How much wider bold letters are.
const BOLD: f64 = 1.13;

/// Accent and tint of a role.
fn colours(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Default => ("#64748b", "#f1f5f9"),
        Role::Schedule => ("#7c3aed", "#f3effe"),
        Role::Resource => ("#c2570c", "#fdf1e6"),
        Role::Activity => ("#1d4ed8", "#eaf1fe"),
        Role::Data => ("#0f766e", "#e6f6f4"),
        Role::Precondition => ("#a16207", "#fdf6dd"),
        Role::Action => ("#be185d", "#fdecf3"),
        Role::Other => ("#475569", "#f4f5f7"),
        Role::Missing => ("#dc2626", "#fef2f2"),
    }
}

/// Accent and tint of a status.
fn state_colours(state: &str) -> (&'static str, &'static str) {
    match state {
        "FINISHED" => ("#15803d", "#e9f7ee"),
        "FAILED" | "TIMEDOUT" => ("#dc2626", "#fef2f2"),
        "CASCADE_FAILED" | "CANCELED" => ("#c2570c", "#fdf1e6"),
        "RUNNING" | "CREATING" | "SHUTTING_DOWN" => ("#1d4ed8", "#eaf1fe"),
        // Waiting, paused, skipped.
        _ => ("#64748b", "#f1f5f9"),
    }
}

pub(super) fn write(graph: &Graph, layout: &Layout) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = draw(graph, layout, &mut out);
    out
}

fn draw(graph: &Graph, layout: &Layout, out: &mut String) -> std::fmt::Result {
    let Layout { width, height, .. } = layout;
    let objects = graph.nodes.len();
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"Pipeline of {objects} objects\" font-family=\"{FONT}\">"
    )?;
    writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
    for line in &layout.lines {
        draw_line(graph, line, out)?;
    }
    for (node, card) in graph.nodes.iter().zip(&layout.cards) {
        draw_card(node, card, out)?;
    }
    for line in &layout.lines {
        draw_label(graph, line, out)?;
    }
    writeln!(out, "</svg>")
}

fn draw_card(node: &Node, card: &Rect, out: &mut String) -> std::fmt::Result {
    let (accent, tint) = match &node.state {
        Some(state) => state_colours(state),
        None => colours(node.role),
    };
    let Rect { x, y, width, height } = card;
    let dashes = if node.role == Role::Missing { " stroke-dasharray=\"5 4\"" } else { "" };
    writeln!(out, "<g><title>{} ({})</title>", xml(&node.id), xml(&node.kind))?;
    writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"9\" \
         fill=\"{tint}\" stroke=\"{accent}\" stroke-width=\"1.3\"{dashes}/>"
    )?;
    writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"28\" rx=\"2\" fill=\"{accent}\"/>",
        x + 12.0,
        y + 11.0
    )?;
    let (text_x, room) = (x + 25.0, width - 38.0);
    // A long id is written smaller before it is cut. Bold letters are wider.
    let size = (room / (width_of(&node.id) * BOLD)).clamp(11.0, 14.0);
    let attributes = format!("font-size=\"{size:.1}\" font-weight=\"600\" fill=\"#0f172a\"");
    text(out, (text_x, y + 22.0), &attributes, &fit(&node.id, room / (size * BOLD)))?;
    let attributes = format!("font-size=\"11.5\" fill=\"{accent}\"");
    text(out, (text_x, y + 38.5), &attributes, &fit(&node.kind, room / 11.5))?;
    if node.facts.is_empty() {
        return writeln!(out, "</g>");
    }
    writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{accent}\" \
         stroke-opacity=\"0.25\"/>",
        x + 12.0,
        y + HEAD,
        x + width - 12.0,
        y + HEAD
    )?;
    let mut line = y + HEAD + 18.0;
    for fact in &node.facts {
        let key = fit(&fact.key, 14.0);
        text(out, (x + 12.0, line), "font-size=\"11\" fill=\"#64748b\"", &key)?;
        // A monospaced letter is 0.6 ems wide; the value stands at the right.
        let room = width - 24.0 - width_of(&fact.key) * 11.0 - 10.0;
        let value = mono_fit(&fact.value, (room / (10.5 * 0.61)) as usize);
        let attributes = format!(
            "font-size=\"10.5\" font-family=\"{MONO}\" text-anchor=\"end\" fill=\"#1e293b\""
        );
        text(out, (x + width - 12.0, line), &attributes, &value)?;
        line += FACT;
    }
    writeln!(out, "</g>")
}

/// The text in at most `cells` monospaced cells; what is not ASCII may take two.
fn mono_fit(text: &str, cells: usize) -> String {
    let size = |c: char| if c.is_ascii() { 1 } else { 2 };
    if text.chars().map(size).sum::<usize>() <= cells {
        return text.to_owned();
    }
    let mut used = 1;
    let mut cut: String = text
        .chars()
        .take_while(|&c| {
            used += size(c);
            used <= cells
        })
        .collect();
    cut.push('…');
    cut
}

fn text(out: &mut String, at: (f64, f64), attributes: &str, content: &str) -> std::fmt::Result {
    let (x, y) = at;
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>", xml(content))
}

fn line_colour(graph: &Graph, line: &Line) -> &'static str {
    let Some(edge) = graph.edges.get(line.edge) else { return "#64748b" };
    let target = graph.nodes.get(edge.to).map_or(Role::Other, |node| node.role);
    match target {
        Role::Action | Role::Missing => colours(target).0,
        _ => "#64748b",
    }
}

fn draw_line(graph: &Graph, line: &Line, out: &mut String) -> std::fmt::Result {
    let (Some(&(x, y)), Some(&tip)) = (line.points.first(), line.points.last()) else {
        return Ok(());
    };
    let colour = line_colour(graph, line);
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
    let inherits = graph.edges.get(line.edge).is_some_and(|edge| edge.label == "parent");
    let dashes = if inherits { " stroke-dasharray=\"5 4\"" } else { "" };
    writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.4\"{dashes}/>"
    )?;
    // The tip: every line arrives level.
    let back = if from_right { -8.5 } else { 8.5 };
    let (x, y) = tip;
    writeln!(
        out,
        "<path d=\"M{x:.1} {y:.1} L{:.1} {:.1} L{:.1} {:.1} Z\" fill=\"{colour}\"/>",
        x + back,
        y - 4.2,
        x + back,
        y + 4.2
    )
}

fn draw_label(graph: &Graph, line: &Line, out: &mut String) -> std::fmt::Result {
    let Some(edge) = graph.edges.get(line.edge) else { return Ok(()) };
    let Rect { x, y, width, height } = line.label;
    writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{:.1}\" \
         fill=\"#ffffff\"/>",
        height / 2.0
    )?;
    let attributes = format!(
        "font-size=\"{LABEL_SIZE}\" text-anchor=\"middle\" fill=\"{}\"",
        line_colour(graph, line)
    );
    text(out, (x + width / 2.0, y + height / 2.0 + 4.0), &attributes, &edge.label)
}
