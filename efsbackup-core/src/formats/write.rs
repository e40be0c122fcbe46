//! What the forms without CloudFormation's functions share when they are written.

use crate::pipeline::FieldValue;
use crate::{Error, ErrorKind, Result};

/// The text of a value, and whether it is a reference.
pub(super) fn carried(value: &FieldValue, place: impl Fn() -> String) -> Result<(&str, bool)> {
    match value {
        FieldValue::Text(text) => Ok((text, false)),
        FieldValue::Reference(target) => Ok((target, true)),
        FieldValue::Intrinsic(intrinsic) => Err(Error::new(ErrorKind::CannotRepresent, "write")
            .with_message(format!(
                "{}: only CloudFormation can carry the function {}; replace it by its value",
                place(),
                intrinsic.function
            ))),
    }
}

/// The text of a value that cannot be a reference.
pub(super) fn text_of(value: &FieldValue, place: impl Fn() -> String) -> Result<&str> {
    not_a_reference(value, &place)?;
    carried(value, place).map(|(text, _)| text)
}

/// Refuses a reference where the forms have none.
pub(super) fn not_a_reference(value: &FieldValue, place: impl Fn() -> String) -> Result<()> {
    let Some(target) = value.as_reference() else { return Ok(()) };
    Err(Error::new(ErrorKind::CannotRepresent, "write").with_message(format!(
        "{}: a reference (to {target}) can only stand in a field of an object",
        place()
    )))
}
