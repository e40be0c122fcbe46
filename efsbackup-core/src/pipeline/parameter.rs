//! What a parameter object says about its values.

use super::{FieldValue, Parameter};
use std::collections::HashSet;

/// The type of a parameter's values. AWS names the four, but not how each is checked.
///
/// ```
/// use efsbackup_core::pipeline::{Parameter, ParameterType};
///
/// let count = Parameter::new("myCount").with("type", "Integer");
/// assert_eq!(count.parameter_type(), Some(ParameterType::Integer));
/// assert!(ParameterType::Integer.accepts("7") && !ParameterType::Integer.accepts("many"));
/// ```
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

    /// What it demands of its values.
    pub(crate) fn demands(&self) -> Demands<'_> {
        let allowed: Vec<&str> =
            self.all("allowedValues").filter_map(FieldValue::as_text).collect();
        Demands {
            secret: self.is_secret(),
            kind: self.parameter_type().unwrap_or(ParameterType::String),
            known: allowed.iter().copied().collect(),
            allowed,
        }
    }
}

/// What a parameter demands of its values, to be asked of many.
pub(crate) struct Demands<'a> {
    secret: bool,
    kind: ParameterType,
    allowed: Vec<&'a str>,
    known: HashSet<&'a str>,
}

/// So many of the allowed values are told.
const TOLD: usize = 20;

impl Demands<'_> {
    /// What is wrong with `value`, if it is text: it is not of the parameter's type, or
    /// not among the allowed values. A secret is not repeated.
    pub(crate) fn objection(&self, value: &str) -> Option<String> {
        let shown = || if self.secret { "the value".to_owned() } else { format!("'{value}'") };
        if !self.kind.accepts(value) {
            return Some(format!("{} is not of the type {}", shown(), self.kind.name()));
        }
        if !self.allowed.is_empty() && !self.known.contains(value) {
            let told = self.allowed.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
            let more = match self.allowed.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return Some(format!("{} is not allowed, only {told}{more}", shown()));
        }
        None
    }
}
