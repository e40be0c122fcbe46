//! Where the values of parameters come from, and what a definition says once they are in.
//!
//! A value that is given beats the definition's own, and that beats the parameter's default.
//! Given values come from arguments, files and the environment, see [`Given`].

mod documents;
mod given;
mod moment;
mod parameters;
mod resolve;
mod scope;

pub use crate::pipeline::MASK;
pub use given::{Given, Source, VARIABLE_PREFIX, parse_assignment};
pub use moment::Moment;
pub use parameters::{Origin, Parameters, mask};
pub use resolve::{Options, Resolved, Unresolved, resolve, resolve_at};
