//! What templates say of a pipeline besides its definition.

use crate::pipeline::Node;

/// A pipeline's name, description and tags, as far as they are literal text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct About {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    /// Where something is said that only this form can carry.
    pub(super) own: Vec<String>,
}

impl About {
    /// The literal text of `node`; anything else that is there is noted under `path`.
    pub(super) fn literal(&mut self, node: &Node, path: impl FnOnce() -> String) -> Option<String> {
        match node {
            Node::Text(text) => Some(text.clone()),
            Node::Plain(text) if !["", "~", "null"].contains(&text.as_str()) => Some(text.clone()),
            Node::Plain(_) => None,
            _ => {
                self.own.push(path());
                None
            }
        }
    }
}
