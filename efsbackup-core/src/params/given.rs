//! Values as a person gives them.

use crate::pipeline::ParameterValue;
use crate::{Error, ErrorKind, Result};

/// A value from `NAME=VALUE`, split at the first `=`. To give a list, give the name again.
///
/// # Errors
/// `InvalidInput` where there is no `=` or no name.
pub fn parse_assignment(text: &str) -> Result<ParameterValue> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(ParameterValue::new(name.trim(), value))
        }
        // The text is not repeated: it may be a secret without its name.
        _ => Err(Error::new(ErrorKind::InvalidInput, "parameter")
            .with_message("a value is given as NAME=VALUE")),
    }
}
