//! Findings and changes as JSON: the same in the command's `--json`, in C and in Python.

use super::{Change, FieldValue, Finding, MASK, Node, Part, Severity};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

impl Severity {
    /// `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl Serialize for Finding {
    /// Writes `severity`, `code`, `object`, `field` (`null` where there is none) and `text`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 5)?;
        finding.serialize_field("severity", self.severity.name())?;
        finding.serialize_field("code", self.code.as_str())?;
        finding.serialize_field("object", &self.object)?;
        finding.serialize_field("field", &self.field)?;
        finding.serialize_field("text", &self.text)?;
        finding.end()
    }
}

impl Part {
    /// `object`, `parameter` or `value`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Object => "object",
            Part::Parameter => "parameter",
            Part::Value => "value",
        }
    }
}

impl Change {
    /// `added`, `removed` or `changed`.
    pub fn kind(&self) -> &'static str {
        match self.present {
            (false, _) => "added",
            (_, false) => "removed",
            _ => "changed",
        }
    }
}

impl Serialize for Change {
    /// Writes `change`, `part`, `id`, `key` (unless it is about the whole), `old` and `new`:
    /// lists of texts, of `{"ref": id}` for references and of CloudFormation's functions in
    /// their long form. Secrets are covered.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = |values: &[FieldValue]| -> Vec<Value> {
            match self.is_secret() {
                true => values.iter().map(|_| Value::from(MASK)).collect(),
                false => values.iter().map(FieldValue::to_json).collect(),
            }
        };
        let mut change = serializer.serialize_struct("Change", 6)?;
        change.serialize_field("change", self.kind())?;
        change.serialize_field("part", self.part.name())?;
        change.serialize_field("id", &self.id)?;
        match &self.key {
            Some(key) => change.serialize_field("key", key)?,
            None => change.skip_field("key")?,
        }
        change.serialize_field("old", &values(&self.old))?;
        change.serialize_field("new", &values(&self.new))?;
        change.end()
    }
}

impl FieldValue {
    /// The value as the AWS CLI's form has it, and a function as CloudFormation's long form.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            FieldValue::Text(text) => text.as_str().into(),
            FieldValue::Reference(id) => json!({ "ref": id }),
            FieldValue::Intrinsic(of) => json!({ of.function.as_str(): node(&of.argument) }),
        }
    }
}

fn node(node: &Node) -> Value {
    match node {
        Node::Text(text) | Node::Plain(text) => text.as_str().into(),
        Node::List(items) => items.iter().map(self::node).collect(),
        Node::Map(entries) => Value::Object(
            entries.iter().map(|(key, item)| (key.clone(), self::node(item))).collect(),
        ),
        Node::Intrinsic(of) => json!({ of.function.as_str(): self::node(&of.argument) }),
    }
}
