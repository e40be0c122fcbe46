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

/// As [`svg`], with the status of some objects on their cards: pairs of id and status, such
/// as `FINISHED`, which also gives the card's colour.
pub fn svg_with_states(definition: &Definition, states: &[(&str, &str)]) -> String {
    let mut graph = graph::Graph::of(definition);
    for node in &mut graph.nodes {
        if let Some((_, state)) = states.iter().find(|(id, _)| *id == node.id) {
            node.set_state(state);
        }
    }
    svg::write(&graph, &layout::layout(&graph))
}

/// Draws the definition as a self-contained SVG with its own background.
pub fn svg(definition: &Definition) -> String {
    let graph = graph::Graph::of(definition);
    svg::write(&graph, &layout::layout(&graph))
}
