//! A changed definition put into the text or the tree that it was read from.

use super::hcl;
use super::text;
use crate::pipeline::Node;
use std::ops::Range;

/// A body with its texts and expressions as the templates that JSON syntax has.
pub(super) fn templates(node: &Node) -> Node {
    match node {
        Node::Text(literal) => Node::Text(text::template(literal)),
        Node::Intrinsic(intrinsic) => {
            Node::Text(hcl::to_json_string(intrinsic.as_terraform().unwrap_or_default()))
        }
        Node::Plain(_) => node.clone(),
        Node::List(items) => Node::List(items.iter().map(templates).collect()),
        Node::Map(entries) => {
            Node::Map(entries.iter().map(|(key, value)| (key.clone(), templates(value))).collect())
        }
    }
}

pub(super) fn entry<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Node::Map(entries) = only(node) else { return None };
    entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
}

/// JSON syntax takes a list of one map for the map.
pub(super) fn only(node: &mut Node) -> &mut Node {
    let single = matches!(node, Node::List(items) if items.len() == 1);
    match (single, node) {
        (true, Node::List(items)) => &mut items[0],
        (_, node) => node,
    }
}

/// `text` with the lines of `blocks` taken out and `new` put where the first of them was, or
/// before the byte `end` where there was none.
pub(super) fn replaced(text: &str, blocks: &[Range<usize>], end: usize, new: &str) -> String {
    let line_start = |at: usize| text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |at| at + 1);
    let mut out = String::with_capacity(text.len() + new.len());
    let mut kept = 0;
    for (index, block) in blocks.iter().enumerate() {
        let start = line_start(block.start).max(kept);
        out.push_str(text.get(kept..start).unwrap_or_default());
        if index == 0 {
            out.push_str(new);
        }
        kept = text
            .get(block.end..)
            .and_then(|t| t.find('\n'))
            .map_or(text.len(), |at| block.end + at + 1);
        // The empty lines between blocks go with them.
        while index + 1 < blocks.len() && text.get(kept..).is_some_and(|t| t.starts_with('\n')) {
            kept += 1;
        }
    }
    if blocks.is_empty() {
        let start = line_start(end);
        out.push_str(text.get(..start).unwrap_or_default());
        out.push('\n');
        out.push_str(new);
        kept = start;
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    out
}
