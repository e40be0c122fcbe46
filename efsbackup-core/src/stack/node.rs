//! Trees of a template, written briefly.

use crate::pipeline::Node;

pub(super) fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

/// A number or boolean.
pub(super) fn plain(value: impl ToString) -> Node {
    Node::Plain(value.to_string())
}

pub(super) fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::List(items.into_iter().collect())
}

pub(super) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>) -> Node {
    Node::Map(entries.into_iter().map(|(key, node)| (key.into(), node)).collect())
}

pub(super) fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}
