//! What is not to be shown: fields and parameters whose name begins with `*`.

use super::{Field, FieldValue, Parameter, ParameterValue};
use std::fmt;

/// What stands for a secret where people read.
pub const MASK: &str = "*****";

/// Whether what has this name is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    name.starts_with('*')
}

/// The value, or what stands for it. An expression tells nothing.
fn shown<'a>(name: &str, value: &'a FieldValue) -> &'a dyn fmt::Debug {
    match value {
        FieldValue::Text(text) if is_secret(name) && !text.contains("#{") => &MASK,
        value => value,
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = shown(&self.key, &self.value);
        f.debug_struct("Field").field("key", &self.key).field("value", value).finish()
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = shown(&self.id, &self.value);
        f.debug_struct("ParameterValue").field("id", &self.id).field("value", value).finish()
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|(key, value)| (key, shown(if key == "default" { &self.id } else { "" }, value)))
            .collect();
        f.debug_struct("Parameter").field("id", &self.id).field("attributes", &attributes).finish()
    }
}
