//! What the forms share when they are written.

use crate::pipeline::{FieldValue, Intrinsic};
use crate::{Error, ErrorKind, Result};

/// The text of a value, and whether it is a reference.
pub(super) fn carried(value: &FieldValue, place: impl Fn() -> String) -> Result<(&str, bool)> {
    match value {
        FieldValue::Text(text) => Ok((text, false)),
        FieldValue::Reference(target) => Ok((target, true)),
        FieldValue::Intrinsic(intrinsic) => Err(computed(intrinsic, place())),
    }
}

/// The refusal of a value that only one form can carry.
pub(super) fn computed(intrinsic: &Intrinsic, place: String) -> Error {
    let what = match intrinsic.as_terraform() {
        Some(expression) => format!("only Terraform can carry the expression {expression}"),
        None => format!("only CloudFormation can carry the function {}", intrinsic.function),
    };
    Error::new(ErrorKind::CannotRepresent, "write")
        .with_message(format!("{place}: {what}; replace it by its value"))
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
