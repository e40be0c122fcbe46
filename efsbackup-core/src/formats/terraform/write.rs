//! Trees to HCL text, formatted as `terraform fmt` formats it.

use super::text;
use crate::pipeline::Node;

/// Writes the entries of a body: arguments first, in groups as they come, then blocks. A
/// list of maps is blocks of that name; `spaced` puts an empty line before each of them.
pub(super) fn body(entries: &[(String, Node)], indent: usize, spaced: bool, out: &mut String) {
    let mut written = false;
    for run in entries.chunk_by(|(_, a), (_, b)| is_argument(a) && is_argument(b)) {
        if is_argument(&run[0].1) {
            arguments(run, indent, out);
            written = true;
            continue;
        }
        for (name, node) in run {
            let Node::List(blocks) = node else { continue };
            for (index, block) in blocks.iter().enumerate() {
                if written && (spaced || index == 0) {
                    out.push('\n');
                }
                push_block(name, block, indent, out);
                written = true;
            }
        }
    }
}

/// A block with its header.
pub(super) fn push_block(header: &str, node: &Node, indent: usize, out: &mut String) {
    push_indent(indent, out);
    out.push_str(header);
    let Node::Map(entries) = node else { return };
    if entries.is_empty() {
        out.push_str(" {}\n");
        return;
    }
    out.push_str(" {\n");
    // Only the blocks of a resource stand apart.
    body(entries, indent + 2, indent == 0, out);
    push_indent(indent, out);
    out.push_str("}\n");
}

fn is_argument(node: &Node) -> bool {
    !matches!(node, Node::List(_))
}

/// Arguments on lines next to each other have their equals signs in one column. One whose
/// value is a map stands apart.
fn arguments(run: &[(String, Node)], indent: usize, out: &mut String) {
    let simple = |node: &Node| !matches!(node, Node::Map(_));
    let mut first = true;
    for group in run.chunk_by(|(_, a), (_, b)| simple(a) && simple(b)) {
        if !first {
            out.push('\n');
        }
        first = false;
        let width = group.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
        for (key, node) in group {
            push_indent(indent, out);
            out.push_str(key);
            out.extend(std::iter::repeat_n(' ', width - key.chars().count()));
            out.push_str(" = ");
            out.push_str(&value(node, indent));
            out.push('\n');
        }
    }
}

fn value(node: &Node, indent: usize) -> String {
    match node {
        Node::Text(text) => text::value(text, indent),
        Node::Plain(text) => text.clone(),
        Node::Intrinsic(intrinsic) => intrinsic.as_terraform().unwrap_or_default().to_owned(),
        Node::Map(entries) => {
            let mut out = "{\n".to_owned();
            let name = |key: &str| match text::is_identifier(key) {
                true => key.to_owned(),
                false => text::quoted(key),
            };
            let named: Vec<_> =
                entries.iter().map(|(key, node)| (name(key), node.clone())).collect();
            arguments(&named, indent + 2, &mut out);
            push_indent(indent, &mut out);
            out.push('}');
            out
        }
        Node::List(_) => String::new(),
    }
}

fn push_indent(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}
