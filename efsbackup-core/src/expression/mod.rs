//! The `#{…}` language of Data Pipeline: parsed once, evaluated over any scope.
//!
//! A text with expressions is a [`Template`]. What names stand for comes from a
//! [`Scope`], so that the same code serves parameters before a deployment, and fields
//! and run times while a pipeline runs.
//!
//! ```
//! use efsbackup_core::expression::{Template, Value};
//! use std::collections::BTreeMap;
//!
//! let template = Template::parse("s3://#{myBucket}/#{format(@scheduledStartTime, 'YYYY-MM-dd')}/")?;
//! let scope = BTreeMap::from([
//!     ("myBucket", Value::from("backups")),
//!     ("@scheduledStartTime", Value::time("2026-03-01T02:00:00")?),
//! ]);
//! assert_eq!(template.evaluate(&scope)?.to_string(), "s3://backups/2026-03-01/");
//! # Ok::<(), efsbackup_core::Error>(())
//! ```
//!
//! # Where AWS's guide is silent
//!
//! The guide names the functions and operators, but not everything a language needs.
//! These are this library's choices:
//!
//! - `^` binds tightest and to the right, then unary minus, then `*` and `/`, then `+`
//!   and `-`. Parentheses group.
//! - In a string literal a quote is written by doubling it (`'it''s'`) or with a
//!   backslash. A `}` inside a literal does not end the expression, and `#{'#{'}` gives
//!   a literal `#{`.
//! - A list that is a whole text stays a list; within other text its elements are
//!   joined with commas. An operator works on each element of a list.
//! - A text that looks like a date-time or number is one where a function or operator
//!   other than `+` needs it.
//! - `midnight` is the start of the same day, as the guide says since 2018.
//! - What an expression gives is final: a `#{…}` in it is not evaluated again.

mod evaluate;
mod fault;
mod functions;
mod joda;
mod lexer;
mod parser;
mod period;
mod scope;
mod syntax;
mod template;
mod value;

pub use period::{Period, Unit};
pub use scope::Scope;
pub use template::Template;
pub use value::Value;
