//! What names stand for.

use super::Value;
use crate::Result;
use std::collections::{BTreeMap, HashMap};

/// The names that expressions may use, and their values.
///
/// ```
/// use efsbackup_core::Result;
/// use efsbackup_core::expression::{Scope, Template, Value};
///
/// /// `#{square7}` is 49.
/// struct Squares;
///
/// impl Scope for Squares {
///     fn lookup(&self, name: &str) -> Result<Option<Value>> {
///         let number = name.strip_prefix("square").and_then(|text| text.parse::<i64>().ok());
///         Ok(number.map(|number| Value::from(number * number)))
///     }
/// }
///
/// assert_eq!(Template::parse("#{square7 + 1}")?.evaluate(&Squares)?.to_string(), "50");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
pub trait Scope {
    /// The value of `name`, or `None` where it is not known (yet).
    ///
    /// The name comes as it is written: a field or parameter (`myBucket`, `*mySecret`),
    /// a field that the service sets (`@scheduledStartTime`), or a chain through
    /// references joined by dots (`node.@status`, `input.directoryPath`).
    ///
    /// # Errors
    /// Any error ends the evaluation and is passed on.
    fn lookup(&self, name: &str) -> Result<Option<Value>>;

    /// The value of `name` where it stands alone in `#{…}`: a number that a person wrote
    /// as `007` calculates as 7, but is put into a text as it was written.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    fn lookup_as_written(&self, name: &str) -> Result<Option<Value>> {
        self.lookup(name)
    }
}

impl<K: std::borrow::Borrow<str> + Ord> Scope for BTreeMap<K, Value> {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.get(name).cloned())
    }
}

impl<K: std::borrow::Borrow<str> + Eq + std::hash::Hash> Scope for HashMap<K, Value> {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.get(name).cloned())
    }
}

/// A scope that knows nothing: only literals and functions of them have values.
impl Scope for () {
    fn lookup(&self, _name: &str) -> Result<Option<Value>> {
        Ok(None)
    }
}
