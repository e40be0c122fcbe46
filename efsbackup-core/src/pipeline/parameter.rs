//! What a parameter object says about its values.

use super::{FieldValue, Parameter};

/// The type of a parameter's values. AWS names the four, but not how each is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// An S3 URI, `s3://bucket/key`.
    S3ObjectKey,
}

impl ParameterType {
    /// Every type.
    pub const ALL: [ParameterType; 4] = [
        ParameterType::String,
        ParameterType::Integer,
        ParameterType::Double,
        ParameterType::S3ObjectKey,
    ];

    /// Its name in a definition.
    pub fn name(self) -> &'static str {
        match self {
            ParameterType::String => "String",
            ParameterType::Integer => "Integer",
            ParameterType::Double => "Double",
            ParameterType::S3ObjectKey => "AWS::S3::ObjectKey",
        }
    }

    /// Whether `text` is a value of this type. Any text passes for an S3 URI, because a
    /// local folder may stand in for a bucket; [`is_s3_uri`] tells them apart.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            ParameterType::String | ParameterType::S3ObjectKey => true,
            ParameterType::Integer => text.trim().parse::<i64>().is_ok(),
            ParameterType::Double => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        }
    }
}

/// Whether `text` is `s3://` and a bucket at least, perhaps with a key.
pub fn is_s3_uri(text: &str) -> bool {
    text.strip_prefix("s3://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

impl Parameter {
    /// Its type; `String` where it names none, `None` where it names an unknown one.
    pub fn parameter_type(&self) -> Option<ParameterType> {
        match self.attribute("type") {
            None => Some(ParameterType::String),
            Some(name) => ParameterType::ALL.into_iter().find(|kind| kind.name() == name),
        }
    }

    /// What is wrong with `value`, if it is text: it is not of the parameter's type, or
    /// not among the allowed values. A secret is not repeated.
    pub fn objection(&self, value: &str) -> Option<String> {
        let shown = if self.is_secret() { "the value".to_owned() } else { format!("'{value}'") };
        let kind = self.parameter_type().unwrap_or(ParameterType::String);
        if !kind.accepts(value) {
            return Some(format!("{shown} is not of the type {}", kind.name()));
        }
        let allowed: Vec<&str> =
            self.all("allowedValues").filter_map(FieldValue::as_text).collect();
        if !allowed.is_empty() && !allowed.contains(&value) {
            return Some(format!("{shown} is not allowed, only {}", allowed.join(", ")));
        }
        None
    }
}
