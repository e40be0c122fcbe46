//! The same graph for Graphviz, for Mermaid and for a terminal.

use super::graph::Graph;
use crate::pipeline::{Definition, FieldValue};

/// The graph in Graphviz's language.
pub fn dot(definition: &Definition) -> String {
    let graph = Graph::of(definition);
    let mut out =
        "digraph pipeline {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (id, kind) = (dot_text(&node.id), dot_text(&node.kind));
        out.push_str(&format!("  n{index} [label=\"{id}\\n{kind}\"];\n"));
    }
    for edge in &graph.edges {
        let (left, right) = graph.flow(edge);
        // What is needed stands on the left; the arrow still points to it.
        let back = if edge.forward { "" } else { ", dir=back" };
        let label = dot_text(&edge.label);
        out.push_str(&format!("  n{left} -> n{right} [label=\"{label}\"{back}];\n"));
    }
    out + "}\n"
}

fn dot_text(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The graph as a Mermaid flowchart, which many web pages draw.
pub fn mermaid(definition: &Definition) -> String {
    let graph = Graph::of(definition);
    let mut out = "flowchart LR\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (id, kind) = (mermaid_text(&node.id), mermaid_text(&node.kind));
        out.push_str(&format!("  n{index}[\"{id}<br/>{kind}\"]\n"));
    }
    for edge in &graph.edges {
        let label = mermaid_text(&edge.label);
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
pub fn text(definition: &Definition) -> String {
    let mut out = String::new();
    for object in &definition.objects {
        let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let name = definition.type_of(object).unwrap_or("no type");
        out.push_str(&format!("{} ({})\n", line(&object.id), line(name)));
        for field in object.fields.iter().filter(|field| field.key != "type") {
            let key = line(&field.key);
            let value = match &field.value {
                FieldValue::Reference(target) => match definition.object(target) {
                    Some(_) => format!("→ {}", line(target)),
                    None => format!("→ {} (there is no such object)", line(target)),
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
