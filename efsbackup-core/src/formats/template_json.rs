//! A template's tree to JSON, which has no short forms of functions.

use crate::pipeline::{Intrinsic, Node};
use serde_json::{Map, Value};

/// The tree as JSON. Functions are written in their long form.
pub(super) fn to_json(node: &Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text.clone()),
        // What JSON has no number, boolean or null for is text, as `2010-09-09`.
        Node::Plain(text) => match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
            _ => Value::String(text.clone()),
        },
        Node::List(items) => Value::Array(items.iter().map(to_json).collect()),
        Node::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect()
        }
        Node::Intrinsic(intrinsic) => {
            let argument = argument(intrinsic);
            Value::Object(Map::from_iter([(intrinsic.function.clone(), argument)]))
        }
    }
}

/// The short form of GetAtt takes `Resource.Attribute`, the long one a list of both.
fn argument(intrinsic: &Intrinsic) -> Value {
    match (intrinsic.function.as_str(), &intrinsic.argument) {
        ("Fn::GetAtt", Node::Text(text)) if intrinsic.short => {
            let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
            Value::Array(vec![resource.into(), attribute.into()])
        }
        (_, argument) => to_json(argument),
    }
}
