//! JSON text to a tree.

use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
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
    let mut numbers = Numbers { text, at: 0 };
    let mut json = serde_json::Deserializer::from_str(text);
    let tree = Tree(&mut numbers).deserialize(&mut json).and_then(|tree| {
        json.end()?;
        Ok(tree)
    });
    tree.map_err(|error| {
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

/// The numbers of a JSON text, in their order, as they are written: serde_json gives their
/// values alone, and `1.50` is not `1.5`.
struct Numbers<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Numbers<'t> {
    fn next(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default().as_bytes();
        let mut in_string = false;
        let mut bytes = rest.iter().enumerate();
        let start = loop {
            match (in_string, bytes.next()) {
                (_, None) => break rest.len(),
                (true, Some((_, b'\\'))) => drop(bytes.next()),
                (_, Some((_, b'"'))) => in_string = !in_string,
                (false, Some((at, b'-' | b'0'..=b'9'))) => break at,
                _ => {}
            }
        };
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let length = rest.iter().skip(start).take_while(|b| is_part(b)).count();
        let (start, end) = (self.at + start, self.at + start + length);
        self.at = end;
        self.text.get(start..end).unwrap_or_default()
    }
}

/// A [`Node`] as serde builds it, and the numbers that are still to come.
struct Tree<'n, 't>(&'n mut Numbers<'t>);

impl<'de> DeserializeSeed<'de> for Tree<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Tree<'_, '_> {
    fn number<E>(self) -> std::result::Result<Node, E> {
        Ok(Node::Plain(self.0.next().to_owned()))
    }
}

impl<'de> Visitor<'de> for Tree<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> std::result::Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Node, E> {
        self.number()
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Node, E> {
        self.number()
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Node, E> {
        self.number()
    }

    fn visit_unit<E>(self) -> std::result::Result<Node, E> {
        Ok(Node::Plain("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Tree(self.0))? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Node, A::Error> {
        let mut map: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!(
                    "the key \"{key}\" is there twice; write its values as a list"
                )));
            }
            let value = entries.next_value_seed(Tree(self.0))?;
            map.push((key, value));
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_they_are_written() {
        let text = "{\"-1\": 1.50, \"a\\\"2\": [1e3, 1E+2, -0, -0.0, {\"3\": \"4\\\\\"}], \
                    \"b\": 123456789012345678901234567890, \"c\": [0,00.5]}";
        let plain = |text: &str| Node::Plain(text.to_owned());
        let key = |key: &str, node| (key.to_owned(), node);
        let inner = Node::Map(vec![key("3", Node::Text("4\\".to_owned()))]);
        let list = vec![plain("1e3"), plain("1E+2"), plain("-0"), plain("-0.0"), inner];
        let expected = Node::Map(vec![
            key("-1", plain("1.50")),
            key("a\"2", Node::List(list)),
            key("b", plain("123456789012345678901234567890")),
            key("c", Node::List(vec![plain("0"), plain("0.5")])),
        ]);
        assert_eq!(parse(&text.replace("00.5", "0.5")).unwrap(), expected);
        assert!(parse(text).is_err());
        assert!(parse("1 2").is_err());
    }
}
