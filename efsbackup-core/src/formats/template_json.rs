//! A template's tree to JSON, which has no short forms of functions.

use crate::pipeline::{Intrinsic, Node};
use serde_json::Value;

/// The tree as JSON, indented by two spaces, with functions in their long form. Numbers are
/// written as they were read.
pub(super) fn to_json(node: &Node) -> String {
    let mut out = String::new();
    value(node, 0, &mut out);
    out.push('\n');
    out
}

fn value(node: &Node, indent: usize, out: &mut String) {
    match node {
        Node::Text(text) => string(text, out),
        Node::Plain(text) if is_json(text) => out.push_str(text),
        // What JSON has no number, boolean or null for is text, as `2010-09-09`.
        Node::Plain(text) => string(text, out),
        Node::List(items) => {
            brackets('[', ']', items.iter(), indent, out, |item, out| value(item, indent + 2, out))
        }
        Node::Map(entries) => {
            brackets('{', '}', entries.iter(), indent, out, |(key, node), out| {
                entry(key, node, indent, out)
            })
        }
        Node::Intrinsic(intrinsic) => {
            let argument = argument(intrinsic);
            let entries = [(&intrinsic.function, argument.as_ref())];
            brackets('{', '}', entries.into_iter(), indent, out, |(key, node), out| {
                entry(key, node.unwrap_or(&intrinsic.argument), indent, out)
            });
        }
    }
}

fn entry(key: &str, node: &Node, indent: usize, out: &mut String) {
    string(key, out);
    out.push_str(": ");
    value(node, indent + 2, out);
}

/// Whether it stands in JSON without quotes.
fn is_json(text: &str) -> bool {
    let plain = |value| matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null);
    text == text.trim() && serde_json::from_str(text).is_ok_and(plain)
}

fn string(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

fn brackets<T>(
    open: char,
    close: char,
    items: impl ExactSizeIterator<Item = T>,
    indent: usize,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    let line = |indent: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    };
    let is_empty = items.len() == 0;
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(indent + 2, out);
        write(item, out);
    }
    if !is_empty {
        line(indent, out);
    }
    out.push(close);
}

/// The short form of GetAtt takes `Resource.Attribute`, the long one a list of both.
fn argument(intrinsic: &Intrinsic) -> Option<Node> {
    match (intrinsic.function.as_str(), &intrinsic.argument) {
        ("Fn::GetAtt", Node::Text(text)) if intrinsic.short => {
            let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
            Some(Node::List(vec![
                Node::Text(resource.to_owned()),
                Node::Text(attribute.to_owned()),
            ]))
        }
        _ => None,
    }
}
