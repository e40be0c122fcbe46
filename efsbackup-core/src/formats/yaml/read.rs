//! YAML text to a [`Node`].

use super::scalar::is_ambiguous;
use crate::pipeline::{Intrinsic, Node};
use crate::{Error, ErrorKind, Result};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// How deep collections may nest, which bounds the stack of whoever walks the tree.
const MAX_DEPTH: usize = 100;
/// How many nodes aliases may stand for in all, so that a short text cannot fill the memory.
const MAX_ALIASED: usize = 100_000;

/// Parses the one document of `text`. Scalars stay as they are written: an unquoted
/// `012345678901` keeps its zero.
pub(in crate::formats) fn parse(text: &str) -> Result<Node> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| wrong(error.marker(), error.info()))?;
        builder.take(event, span.start)?;
    }
    match builder.root {
        Some(root) => Ok(root),
        None => Err(wrong(&Marker::new(0, 1, 0), "the text is empty")),
    }
}

fn wrong(at: &Marker, message: &str) -> Error {
    // The parser counts columns from 0.
    Error::new(ErrorKind::InvalidDefinition, "read YAML").with_message(format!(
        "line {}, column {}: {message}",
        at.line(),
        at.col() + 1
    ))
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    function: Option<String>,
    /// The key that waits for its value.
    key: Option<String>,
    seen: HashSet<String>,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    root: Option<Node>,
}

type EventTag<'a> = Option<Cow<'a, Tag>>;

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Marker) -> Result<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let function = function(tag.as_ref(), &at)?;
                let tagged_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let plain = style == ScalarStyle::Plain && function.is_none() && !tagged_text;
                // A key is text always, unless it is a value without one.
                let node = match plain && is_ambiguous(&text) && !text.contains('\n') {
                    true => Node::Plain(text.into_owned()),
                    false => Node::Text(text.into_owned()),
                };
                self.put(with_function(node, function), anchor, &at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Node::List(Vec::new()), anchor, tag, &at)
            }
            Event::MappingStart(anchor, tag) => self.open(Node::Map(Vec::new()), anchor, tag, &at),
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(open) => self.put(with_function(open.node, open.function), open.anchor, &at),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(wrong(&at, "an alias stands inside its own anchor"));
                };
                self.aliased += size(&node);
                if self.aliased > MAX_ALIASED {
                    return Err(wrong(&at, "the aliases stand for too many values"));
                }
                self.put(node, 0, &at)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(wrong(&at, "a second document begins; only one is expected"))
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, node: Node, anchor: usize, tag: EventTag<'_>, at: &Marker) -> Result<()> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(wrong(at, &format!("it nests more than {MAX_DEPTH} deep")));
        }
        let function = function(tag.as_ref(), at)?;
        self.stack.push(Open { node, anchor, function, key: None, seen: HashSet::new() });
        Ok(())
    }

    /// Puts a finished node into the collection that is open, or makes it the root.
    fn put(&mut self, node: Node, anchor: usize, at: &Marker) -> Result<()> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node {
            Node::Map(entries) => match (open.key.take(), node) {
                (Some(key), value) => entries.push((key, value)),
                (None, Node::Text(key) | Node::Plain(key)) => {
                    if !open.seen.insert(key.clone()) {
                        return Err(wrong(at, &format!("the key {key} is there twice")));
                    }
                    open.key = Some(key);
                }
                (None, _) => return Err(wrong(at, "a key must be text")),
            },
            Node::List(items) => items.push(node),
            Node::Text(_) | Node::Plain(_) | Node::Intrinsic(_) => {}
        }
        Ok(())
    }
}

trait CoreTag {
    fn is_yaml_core_schema_tag(&self, suffix: &str) -> bool;
}

impl CoreTag for Cow<'_, Tag> {
    fn is_yaml_core_schema_tag(&self, suffix: &str) -> bool {
        self.is_yaml_core_schema() && self.suffix == suffix
    }
}

/// The long name of the CloudFormation function that a tag stands for.
fn function(tag: Option<&Cow<'_, Tag>>, at: &Marker) -> Result<Option<String>> {
    let Some(tag) = tag else { return Ok(None) };
    if tag.is_yaml_core_schema() {
        return Ok(None);
    }
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("!", name @ ("Ref" | "Condition")) => Ok(Some(name.to_owned())),
        ("!", name) if !name.is_empty() => Ok(Some(format!("Fn::{name}"))),
        _ => Err(wrong(at, &format!("the tag {}{} is not known", tag.handle, tag.suffix))),
    }
}

fn with_function(argument: Node, function: Option<String>) -> Node {
    match function {
        Some(function) => Node::Intrinsic(Box::new(Intrinsic { function, short: true, argument })),
        None => argument,
    }
}

fn size(node: &Node) -> usize {
    1 + match node {
        Node::Text(_) | Node::Plain(_) => 0,
        Node::List(items) => items.iter().map(size).sum(),
        Node::Map(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
        Node::Intrinsic(intrinsic) => size(&intrinsic.argument),
    }
}
