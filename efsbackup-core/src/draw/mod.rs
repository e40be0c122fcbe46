//! A definition as a picture: SVG for documents, DOT and Mermaid for other tools, text for a
//! terminal. An arrow goes from an object to the one that its field refers to.
//!
//! What is needed stands left of what needs it: resources and inputs, then activities, then
//! outputs and alarms. Values of secret fields are never shown.

mod graph;
mod layout;
mod order;
mod other;
mod rank;
mod svg;
mod words;

pub use other::{dot, mermaid, text};

use crate::pipeline::Definition;

/// Draws the definition as a self-contained SVG with its own background.
pub fn svg(definition: &Definition) -> String {
    let graph = graph::Graph::of(definition);
    svg::write(&graph, &layout::layout(&graph))
}
