//! What can be wrong with an expression, and where.

use crate::{Error, ErrorKind};

/// A fault of one expression. It becomes the public error once, in `template`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The text is not of the language.
    #[error("{0}")]
    Syntax(String),
    /// A name that the scope does not know.
    #[error("#{{{0}}} has no value")]
    Unresolved(String),
    /// A wrong argument or operand.
    #[error("{0}")]
    Invalid(String),
    /// The scope itself failed.
    #[error("{}", .0.message())]
    Scope(Error),
}

impl Fault {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Fault::Invalid(text.into())
    }

    /// The public error for the expression `source`, which begins at `line` and `column`.
    pub(super) fn into_error(self, source: &str, line: usize, column: usize) -> Error {
        let kind = match self {
            // It has its own place, in the text that the scope evaluated.
            Fault::Scope(error) => return error,
            Fault::Unresolved(_) => ErrorKind::UnresolvedParameter,
            Fault::Syntax(_) | Fault::Invalid(_) => ErrorKind::InvalidDefinition,
        };
        let place = if line == 1 && column == 1 {
            String::new()
        } else {
            format!(" (line {line}, column {column} of the text)")
        };
        Error::new(kind, "expression").with_message(format!("{self} in {source}{place}"))
    }
}
