//! Reading a [`Node`], with errors that say where in it something is wrong.

use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};

/// A node and the way to it, such as `objects[2].schedule`.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    path: String,
}

impl<'a> At<'a> {
    /// The root of a tree; `name` is how errors call it.
    pub(super) fn root(node: &'a Node, name: &str) -> Self {
        At { node, path: name.to_owned() }
    }

    /// The error that this node is wrong.
    pub(super) fn error(&self, text: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidDefinition, "read definition")
            .with_message(format!("{}: {text}", self.path))
    }

    /// The entries of a map, in order.
    pub(super) fn map(&self) -> Result<Vec<(&'a str, At<'a>)>> {
        let Node::Map(entries) = self.node else {
            return Err(self.error(format!("an object is needed, not {}", self.kind())));
        };
        Ok(entries.iter().map(|(key, node)| (key.as_str(), self.inner(node, key))).collect())
    }

    fn inner(&self, node: &'a Node, key: &str) -> At<'a> {
        At { node, path: format!("{}.{key}", self.path) }
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Result<Vec<At<'a>>> {
        let Node::List(items) = self.node else {
            return Err(self.error(format!("a list is needed, not {}", self.kind())));
        };
        let at = |(index, node)| At { node, path: format!("{}[{index}]", self.path) };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// The text of a string. Anything else is refused, as the AWS CLI refuses it.
    pub(super) fn text(&self) -> Result<&'a str> {
        match self.node {
            Node::Text(text) => Ok(text),
            Node::Plain(text) => {
                Err(self.error(format!("{text} is not text; write it in quotes: \"{text}\"")))
            }
            _ => Err(self.error(format!("text is needed, not {}", self.kind()))),
        }
    }

    /// The text of a string, number or boolean, as it is written. CloudFormation and
    /// Terraform make text of all of these.
    #[cfg(any(feature = "cfn", feature = "terraform"))]
    pub(super) fn scalar(&self) -> Result<&'a str> {
        match self.node {
            Node::Text(text) => Ok(text),
            Node::Plain(text) if !["", "~", "null"].contains(&text.as_str()) => Ok(text),
            Node::Plain(_) => Err(self.error("a value is missing")),
            _ => Err(self.error(format!("text is needed, not {}", self.kind()))),
        }
    }

    /// The scalar of the entry called `key`, which must be there.
    #[cfg(any(feature = "cfn", feature = "terraform"))]
    pub(super) fn required_scalar(&self, key: &str) -> Result<&'a str> {
        match self.get(key) {
            Some(value) => value.scalar(),
            None => Err(self.error(format!("the key {key} is missing"))),
        }
    }

    /// The entry called `key`.
    pub(super) fn get(&self, key: &str) -> Option<At<'a>> {
        let Node::Map(entries) = self.node else { return None };
        let (_, node) = entries.iter().find(|(name, _)| name == key)?;
        Some(self.inner(node, key))
    }

    /// The text of the entry called `key`, which must be there.
    pub(super) fn required_text(&self, key: &str) -> Result<&'a str> {
        match self.get(key) {
            Some(value) => value.text(),
            None => Err(self.error(format!("the key \"{key}\" is missing"))),
        }
    }

    /// Refuses keys that are not among `known`: what is not understood would be lost.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        for (key, _) in self.map()? {
            if !known.contains(&key) {
                return Err(self.error(format!(
                    "the key \"{key}\" is not known here, only {}",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        match self.node {
            Node::Text(_) => "text",
            Node::Plain(_) => "a number, boolean or null",
            Node::List(_) => "a list",
            Node::Map(_) => "an object",
            Node::Intrinsic(intrinsic) if intrinsic.as_terraform().is_some() => {
                "a Terraform expression"
            }
            Node::Intrinsic(_) => "a CloudFormation function",
        }
    }
}
