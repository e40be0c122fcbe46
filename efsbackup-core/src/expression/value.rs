//! What an expression gives.

use crate::{Error, ErrorKind, Result};
use jiff::{Timestamp, Zoned, civil, tz::TimeZone};
use std::fmt;

/// A value of the language. `Display` prints it as the service puts it into a text.
///
/// ```
/// use efsbackup_core::expression::Value;
///
/// let list = Value::from(vec![Value::from("a"), Value::from(2)]);
/// assert_eq!(list.to_string(), "a,2");
/// assert_eq!(Value::time("2026-03-01T02:00:00")?.to_string(), "2026-03-01T02:00:00");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text; booleans are text too.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Double(f64),
    /// A date and time; UTC unless `inTimeZone` moved it.
    Time(Zoned),
    /// Several values, as a field that is given more than once has.
    List(Vec<Value>),
}

impl Value {
    /// A time from its text, `YYYY-MM-DDTHH:MM:SS` in UTC.
    ///
    /// # Errors
    /// `InvalidInput` where the text is not of that form.
    pub fn time(text: &str) -> Result<Value> {
        parse_time(text).map(Value::Time).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "time").with_message(format!(
                "'{text}' is not a date-time; write YYYY-MM-DDTHH:MM:SS (UTC)"
            ))
        })
    }

    /// As [`time`](Value::time), as an instant.
    ///
    /// # Errors
    /// As [`time`](Value::time).
    pub fn instant(text: &str) -> Result<Timestamp> {
        match Value::time(text)? {
            Value::Time(time) => Ok(time.timestamp()),
            _ => Err(Error::new(ErrorKind::Internal, "time")),
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The UTC time that `text` names. A date alone is its midnight; `Z` may follow.
pub(super) fn parse_time(text: &str) -> Option<Zoned> {
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let dated = text.len() >= 10 && text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let date_time: civil::DateTime = dated.then(|| text.parse().ok()).flatten()?;
    date_time.to_zoned(TimeZone::UTC).ok()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Integer(number) => write!(f, "{number}"),
            // Java's way: a whole double keeps its `.0`, as in the guide's `4.0`.
            Value::Double(number) => write!(f, "{number:?}"),
            Value::Time(time) => f.write_str(&time.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    value.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Value::Time(time.to_zoned(TimeZone::UTC))
    }
}

impl From<Zoned> for Value {
    fn from(time: Zoned) -> Self {
        Value::Time(time)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Value::List(values)
    }
}
