//! One error type for the whole library.

use crate::bytepath::BytePath;
use std::fmt;
use std::io;

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Declares [`ErrorKind`] from one table, so that every language's list can be
/// checked against it.
macro_rules! error_kinds {
    ($($(#[doc = $doc:expr])+ $variant:ident = $code:literal, $name:literal;)+) => {
        /// What went wrong, as a stable name and number. The list only grows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $variant = $code,)+
        }

        impl ErrorKind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$variant),+];

            /// The stable name, such as `not-found`.
            pub fn name(self) -> &'static str {
                match self { $(ErrorKind::$variant => $name),+ }
            }

            /// The stable number, from 1 up.
            pub fn code(self) -> i32 {
                self as i32
            }
        }
    };
}

error_kinds! {
    /// An argument or option is wrong.
    InvalidInput = 1, "invalid-input";
    /// The file system, kernel or build cannot do this.
    Unsupported = 2, "unsupported";
    /// Something named does not exist.
    NotFound = 3, "not-found";
    /// Something that must not exist does.
    AlreadyExists = 4, "already-exists";
    /// The operating system refused access.
    PermissionDenied = 5, "permission-denied";
    /// A directory was needed.
    NotADirectory = 6, "not-a-directory";
    /// Something else than a directory was needed.
    IsADirectory = 7, "is-a-directory";
    /// Another process holds it.
    Busy = 8, "busy";
    /// No space, quota or inodes left.
    NoSpace = 9, "no-space";
    /// Any other failure of the operating system.
    Io = 10, "io";
    /// A file kept changing while it was copied.
    ChangedDuringCopy = 11, "changed-during-copy";
    /// Symbolic links or references go round in a circle.
    Loop = 12, "loop";
    /// A parameter or expression has no value.
    UnresolvedParameter = 13, "unresolved-parameter";
    /// A pipeline definition is wrong.
    InvalidDefinition = 14, "invalid-definition";
    /// A format cannot carry what the definition says.
    CannotRepresent = 15, "cannot-represent";
    /// The state of things does not allow it now.
    Conflict = 16, "conflict";
    /// Credentials are missing or not accepted.
    Auth = 17, "auth";
    /// A service asked to slow down.
    Throttled = 18, "throttled";
    /// A service failed.
    Remote = 19, "remote";
    /// It took too long.
    Timeout = 20, "timeout";
    /// The caller asked to stop.
    Cancelled = 21, "cancelled";
    /// The run ended, but not everything was done.
    Incomplete = 22, "incomplete";
    /// A guard refused, before anything was changed.
    SafetyStop = 23, "safety-stop";
    /// A fault of this library.
    Internal = 24, "internal";
}

impl ErrorKind {
    /// The kind that an errno means.
    pub fn from_errno(errno: i32) -> ErrorKind {
        // Linux's numbers, as in asm-generic/errno.h.
        match errno {
            1 | 13 | 30 => ErrorKind::PermissionDenied,
            2 => ErrorKind::NotFound,
            17 => ErrorKind::AlreadyExists,
            20 => ErrorKind::NotADirectory,
            21 => ErrorKind::IsADirectory,
            16 | 26 => ErrorKind::Busy,
            28 | 122 => ErrorKind::NoSpace,
            22 => ErrorKind::InvalidInput,
            40 => ErrorKind::Loop,
            38 | 95 => ErrorKind::Unsupported,
            110 => ErrorKind::Timeout,
            _ => ErrorKind::Io,
        }
    }
}

/// What went wrong, where, and why. One pointer wide.
///
/// `Display` is one line without a full stop, such as
/// `open: permission denied: /src/a\xff (errno 13)`; `{:#}` adds the causes.
///
/// ```
/// use efsbackup_core::{Error, ErrorKind};
/// use std::path::Path;
///
/// let error = Error::from_errno("open", 2).with_path(Path::new("/mnt/source"));
/// assert_eq!((error.kind(), error.errno()), (ErrorKind::NotFound, Some(2)));
/// assert!(error.to_string().contains("/mnt/source"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    op: &'static str,
    message: Option<String>,
    path: Option<BytePath>,
    errno: Option<i32>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` in the operation `op` (a verb, such as `open`).
    pub fn new(kind: ErrorKind, op: &'static str) -> Self {
        Error(Box::new(Inner { kind, op, message: None, path: None, errno: None, source: None }))
    }

    /// An error from the operating system; the kind follows from the errno.
    pub fn from_io(op: &'static str, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => Self::from_errno(op, errno),
            None => Self::new(ErrorKind::Io, op).with_source(error),
        }
    }

    /// An error from an errno.
    pub fn from_errno(op: &'static str, errno: i32) -> Self {
        let mut error = Self::new(ErrorKind::from_errno(errno), op);
        error.0.errno = Some(errno);
        error
    }

    /// Says what is wrong and how to mend it, in place of the kind's own words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Names the file it happened to.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<BytePath>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed.
    pub fn op(&self) -> &'static str {
        self.0.op
    }

    /// The file it happened to.
    pub fn path(&self) -> Option<&BytePath> {
        self.0.path.as_ref()
    }

    /// The operating system's error number.
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The text without operation, path and errno.
    pub fn message(&self) -> String {
        match (&self.0.message, self.0.errno) {
            (Some(message), _) => message.clone(),
            (None, Some(errno)) => errno_text(errno),
            (None, None) => self.0.kind.name().replace('-', " "),
        }
    }
}

/// The operating system's words for an errno, in lower case and without its number.
fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        // Keep words in capitals, such as "RPC failed".
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + &text[first.len_utf8()..]
        }
        _ => text.to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.op, self.message())?;
        if let Some(path) = &self.0.path {
            write!(f, ": {path}")?;
        }
        if let Some(errno) = self.0.errno {
            write!(f, " (errno {errno})")?;
        }
        if f.alternate() {
            let mut cause = std::error::Error::source(self);
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self, self.0.kind.name())?;
        match &self.0.source {
            Some(source) => write!(f, ": {source:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide_and_one_line_long() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let error = Error::from_errno("open", 13).with_path(&b"/src/a\xff\n"[..]);
        assert_eq!(error.to_string(), "open: permission denied: /src/a\\xff\\n (errno 13)");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn kinds_have_distinct_names_and_rising_codes() {
        for pair in ErrorKind::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code());
        }
        let mut names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn the_alternate_form_adds_the_causes() {
        let error = Error::new(ErrorKind::Internal, "draw").with_source("cause");
        assert_eq!(format!("{error:#}"), "draw: internal: cause");
    }
}
