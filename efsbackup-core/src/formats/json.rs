//! JSON text to a tree.

use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Parses JSON. A key that an object has twice is an error, because one of its values
/// would be lost.
pub(super) fn parse(text: &str) -> Result<Node> {
    parse_tree(text).map_err(|wrong| wrong.place(text))
}

/// What is wrong, before it is known where in the author's text that is.
pub(super) struct Wrong {
    message: String,
    /// The byte at which it was found.
    pub(super) offset: usize,
}

/// Parses JSON; an error says the byte at which it was found.
pub(super) fn parse_tree(text: &str) -> std::result::Result<Node, Wrong> {
    serde_json::from_str::<Tree>(text).map(|tree| tree.0).map_err(|error| {
        // serde_json ends its message with the place; say the place first, as for YAML.
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = full.strip_suffix(&place).unwrap_or(&full);
        let offset = offset(text, error.line(), error.column());
        let found = text.get(offset..).and_then(|rest| rest.chars().next());
        Wrong { message: format!("{message}{}", hint(message, found)), offset }
    })
}

impl Wrong {
    /// The error, with line and column in `text`.
    pub(super) fn place(self, text: &str) -> Error {
        let (line, column) = position(text, self.offset);
        Error::new(ErrorKind::InvalidDefinition, "read JSON")
            .with_message(format!("line {line}, column {column}: {}", self.message))
    }
}

/// The byte that serde_json means. Its columns are bytes, and it puts what it finds at a
/// line break in column 0 of the next line.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let found = (start + column).saturating_sub(1).min(text.len());
    (0..=found).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Line and column, in characters and from 1, of a byte.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (1 + before.matches('\n').count(), 1 + line.chars().count())
}

fn hint(message: &str, found: Option<char>) -> &'static str {
    match message {
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "; in a JSON string write a line break as \\n and a tab as \\t, or read it with --lenient"
        }
        "trailing comma" => "; remove the comma before the bracket, or read it with --lenient",
        _ if matches!(found, Some('/' | '#')) => "; JSON has no comments, but --lenient reads them",
        "key must be a string" => "; keys need quotes",
        "trailing characters" => {
            "; a definition is one object, and its objects stand in a list \"objects\""
        }
        _ => "",
    }
}

/// [`Node`] as serde builds it.
struct Tree(Node);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Text(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Text(text)))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Plain(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Plain(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Plain(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Plain(format!("{value:?}"))))
    }

    fn visit_unit<E>(self) -> std::result::Result<Tree, E> {
        Ok(Tree(Node::Plain("null".to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree(Node::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Tree, A::Error> {
        let mut map: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!(
                    "the key \"{key}\" is there twice; write its values as a list"
                )));
            }
            let Tree(value) = entries.next_value()?;
            map.push((key, value));
        }
        Ok(Tree(Node::Map(map)))
    }
}
