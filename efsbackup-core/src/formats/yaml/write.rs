//! A [`Node`] to YAML text.

use super::scalar::{inline, literal_header};
use crate::pipeline::{Intrinsic, Node};

/// A key on the line of its value ends within 1,024 characters; a longer one has its own
/// line, after a `?`.
const LONGEST_KEY: usize = 1000;

/// Writes a document in block style, indented by two spaces. Text is unquoted only where
/// every reader takes it for text, a literal block where it has several lines, and in
/// double quotes elsewhere.
pub(crate) fn write(root: &Node) -> String {
    let mut out = String::new();
    match root {
        Node::Map(entries) if !entries.is_empty() => map(entries, 0, &mut out),
        other => value(other, 0, &mut out),
    }
    out.trim_start_matches(['\n', ' ']).to_owned()
}

/// One entry of a map at `indent`, as [`write`] writes it.
pub(in crate::formats) fn write_entry(key: &str, node: &Node, indent: usize) -> String {
    let mut out = String::new();
    map(std::slice::from_ref(&(key.to_owned(), node.clone())), indent, &mut out);
    out
}

/// What follows a `key:` or a `-` at `indent`: the rest of the line and the lines below.
fn value(node: &Node, indent: usize, out: &mut String) {
    match node {
        Node::Text(text) => match literal_header(text) {
            Some(header) => literal(text, header, indent, out),
            None => line(&inline(text), out),
        },
        Node::Plain(text) => line(text, out),
        Node::List(items) if items.is_empty() => line("[]", out),
        Node::Map(entries) if entries.is_empty() => line("{}", out),
        Node::List(items) => {
            out.push('\n');
            list(items, indent, out);
        }
        Node::Map(entries) => {
            out.push('\n');
            map(entries, indent, out);
        }
        Node::Intrinsic(intrinsic) => function(intrinsic, indent, out),
    }
}

fn line(text: &str, out: &mut String) {
    out.push(' ');
    out.push_str(text);
    out.push('\n');
}

fn map(entries: &[(String, Node)], indent: usize, out: &mut String) {
    for (index, (key, node)) in entries.iter().enumerate() {
        // The first entry of a map in a list stands on the line of its dash.
        if index > 0 || !at_dash(out) {
            push_indent(indent, out);
        }
        let key = inline(key);
        if key.len() > LONGEST_KEY {
            out.push('?');
            line(&key, out);
            push_indent(indent, out);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        value(node, indent + 2, out);
    }
}

fn list(items: &[Node], indent: usize, out: &mut String) {
    for item in items {
        push_indent(indent, out);
        out.push('-');
        match item {
            Node::Map(entries) if !entries.is_empty() => {
                out.push(' ');
                map(entries, indent + 2, out);
            }
            other => value(other, indent + 2, out),
        }
    }
}

fn literal(text: &str, header: &str, indent: usize, out: &mut String) {
    line(header, out);
    for content in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !content.is_empty() {
            push_indent(indent, out);
            out.push_str(content);
        }
        out.push('\n');
    }
}

/// The short form where it was short, but not right after another: `!A !B x` is no YAML.
fn function(intrinsic: &Intrinsic, indent: usize, out: &mut String) {
    let name = intrinsic.function.strip_prefix("Fn::").unwrap_or(&intrinsic.function);
    if intrinsic.short && !matches!(intrinsic.argument, Node::Intrinsic(_)) {
        out.push_str(" !");
        out.push_str(name);
        value(&intrinsic.argument, indent, out);
    } else {
        out.push('\n');
        let entry = (intrinsic.function.clone(), intrinsic.argument.clone());
        map(std::slice::from_ref(&entry), indent, out);
    }
}

/// Whether only `- ` of a list's item stands on the line so far.
fn at_dash(out: &str) -> bool {
    out.rsplit('\n').next().is_some_and(|line| line.trim_start() == "- ")
}

fn push_indent(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}
