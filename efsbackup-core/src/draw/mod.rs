//! A definition as a picture: SVG for documents, DOT and Mermaid for other tools, text for a
//! terminal. An arrow goes from an object to the one that its field refers to.
//!
//! What is needed stands left of what needs it: inputs and resources, then activities, then
//! outputs and alarms. In the SVG, objects that many refer to are named on the cards of those
//! that refer to them, and references that Default has too are left out. Values of secret
//! fields are never shown.

mod card;
mod fold;
mod graph;
mod layout;
mod order;
mod other;
mod palette;
mod picture;
mod rank;
mod sheet;
mod state;
mod svg;
mod words;

pub use other::{dot, mermaid, text};
pub use picture::Picture;

use crate::pipeline::Definition;
use std::collections::HashMap;

/// What a picture shows besides the definition.
///
/// ```
/// use efsbackup_core::draw::{Options, Theme, svg};
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
/// let mut options = Options::default();
/// options.theme = Theme::Dark;
/// options.states = vec![("Run".to_owned(), "FAILED".to_owned())];
/// assert!(svg(&definition, &options).contains("FAILED"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The SVG's colours.
    pub theme: Theme,
    /// Ids of objects with their status at a service, such as `FINISHED`: it is written and
    /// marked at the object, and gives its colour. Of several for one id the last counts.
    pub states: Vec<(String, String)>,
}

/// The colours of an SVG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light, but dark where the viewer prefers that (and knows `prefers-color-scheme`).
    #[default]
    Auto,
    /// Dark on white, everywhere.
    Light,
    /// Light on dark blue, everywhere.
    Dark,
}

impl Options {
    fn graph(&self, definition: &Definition) -> graph::Graph {
        let mut graph = graph::Graph::of(definition);
        let states: HashMap<&str, &str> =
            self.states.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
        for node in &mut graph.nodes {
            node.state = states.get(node.id.as_str()).map(|state| (*state).to_owned());
        }
        graph
    }
}

/// Draws the definition as a self-contained SVG with its own background.
pub fn svg(definition: &Definition, options: &Options) -> String {
    svg::write(&sheet::Sheet::of(options.graph(definition)), options.theme)
}
