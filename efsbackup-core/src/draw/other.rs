//! The same graph for Graphviz, for Mermaid and for a terminal.

use super::graph::Node;
use super::state::State;
use super::{Options, palette};
use crate::pipeline::{Definition, FieldValue, Lines};
use std::collections::{HashMap, HashSet};

/// The status with its mark, to stand below an object's type.
fn marked(node: &Node) -> Option<String> {
    node.state.as_deref().map(|state| format!("{} {state}", State::of(state).mark()))
}

/// The graph in Graphviz's language.
pub fn dot(definition: &Definition, options: &Options) -> String {
    let graph = options.graph(definition);
    let mut out =
        "digraph pipeline {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (id, kind) = (dot_text(&node.id), dot_text(&node.kind));
        let (mut status, mut colour) = (String::new(), String::new());
        if let (Some(marked), Some(state)) = (marked(node), &node.state) {
            status = format!("\\n{}", dot_text(&marked));
            let (accent, tint) = palette::of_state(State::of(state));
            colour =
                format!(", style=\"rounded,filled\", color=\"{accent}\", fillcolor=\"{tint}\"");
        }
        out.push_str(&format!("  n{index} [label=\"{id}\\n{kind}{status}\"{colour}];\n"));
    }
    for edge in &graph.edges {
        let (left, right) = graph.flow(edge);
        // What is needed stands on the left; the arrow still points to it.
        let back = if edge.forward { "" } else { ", dir=back" };
        let label = dot_text(&edge.label());
        out.push_str(&format!("  n{left} -> n{right} [label=\"{label}\"{back}];\n"));
    }
    out + "}\n"
}

fn dot_text(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The graph as a Mermaid flowchart, which many web pages draw.
///
/// ```
/// use efsbackup_core::draw::{Options, mermaid};
/// use efsbackup_core::pipeline::{Definition, Schedule};
///
/// let definition = Definition::default().with(Schedule::new("Hourly").period("1 hours"));
/// assert!(mermaid(&definition, &Options::default()).contains("Hourly"));
/// ```
pub fn mermaid(definition: &Definition, options: &Options) -> String {
    let graph = options.graph(definition);
    let mut out = "flowchart LR\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (id, kind) = (mermaid_text(&node.id), mermaid_text(&node.kind));
        let status = marked(node).map(|text| format!("<br/>{}", mermaid_text(&text)));
        let status = status.unwrap_or_default();
        out.push_str(&format!("  n{index}[\"{id}<br/>{kind}{status}\"]\n"));
        if let Some(state) = &node.state {
            let (accent, tint) = palette::of_state(State::of(state));
            let ink = palette::INK;
            let style = format!("fill:{tint},stroke:{accent},color:{ink}");
            out.push_str(&format!("  style n{index} {style}\n"));
        }
    }
    for edge in &graph.edges {
        let label = mermaid_text(&edge.label());
        out.push_str(&format!("  n{} -->|\"{label}\"| n{}\n", edge.from, edge.to));
    }
    out
}

/// Mermaid takes entities by number or name, marked by `#`, not by `&`.
fn mermaid_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            '#' | '"' | '<' | '>' | '&' | '`' | '\\' | ';' => {
                out.push_str(&format!("#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// Every object with its fields, and where its references lead. Secret fields are covered.
pub fn text(definition: &Definition, options: &Options) -> String {
    let ids: HashSet<&str> = definition.objects.iter().map(|o| o.id.as_str()).collect();
    let states: HashMap<&str, &str> =
        options.states.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
    let mut out = String::new();
    for (object, type_name) in Lines::of(definition).types() {
        let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let name = super::words::type_name(type_name.unwrap_or("no type"));
        let status = states.get(object.id.as_str()).map(|status| {
            let mark = State::of(status).mark();
            format!(" {mark} {}", line(status))
        });
        let status = status.unwrap_or_default();
        out.push_str(&format!("{} ({}){status}\n", line(&object.id), line(&name)));
        for field in object.fields.iter().filter(|field| field.key != "type") {
            let key = line(&field.key);
            let value = match &field.value {
                FieldValue::Reference(target) => match ids.contains(target.as_str()) {
                    true => format!("→ {}", line(target)),
                    false => format!("→ {} (there is no such object)", line(target)),
                },
                FieldValue::Text(_) if field.key.starts_with('*') => "*****".to_owned(),
                FieldValue::Text(text) => line(&super::words::first_line(text)),
                FieldValue::Intrinsic(intrinsic) => format!("({})", line(&intrinsic.function)),
            };
            out.push_str(&format!("  {key} {value}\n"));
        }
    }
    out
}
