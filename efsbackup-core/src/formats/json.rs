//! JSON text to a tree.

use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Parses JSON. A key that an object has twice is an error, because one of its values
/// would be lost.
pub(super) fn parse(text: &str) -> Result<Node> {
    serde_json::from_str::<Tree>(text).map(|tree| tree.0).map_err(|error| {
        // serde_json ends its message with the place; say the place first, as for YAML.
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let (line, column) = position(text, error.line(), error.column());
        let message = full.strip_suffix(&place).unwrap_or(&full);
        Error::new(ErrorKind::InvalidDefinition, "read JSON")
            .with_message(format!("line {line}, column {column}: {message}{}", hint(message)))
    })
}

/// Line and column in characters, from serde_json's, whose columns are bytes, and which
/// puts what it finds at a line break in column 0 of the next line.
fn position(text: &str, line: usize, column: usize) -> (usize, usize) {
    let content = |line: usize| text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    if column == 0 && line > 1 {
        return (line - 1, content(line - 1).chars().count() + 1);
    }
    let before = content(line).char_indices().take_while(|(at, _)| *at < column);
    (line, before.count().max(1))
}

fn hint(message: &str) -> &'static str {
    match message {
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "; in a JSON string write a line break as \\n and a tab as \\t"
        }
        "trailing comma" => "; remove the comma before the bracket",
        "key must be a string" => "; JSON has no comments and needs quotes around keys",
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
