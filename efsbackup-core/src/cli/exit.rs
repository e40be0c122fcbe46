//! The exit status of the command.

use crate::error::{Error, ErrorKind};

/// The table of exit statuses, shown under `--help`.
pub(crate) const HELP: &str = "\
Exit status:
  0    complete
  1    failed (also: a definition with errors)
  2    usage
  3    refused by a guard before anything changed
  23   finished, some entries failed
  24   finished, but some source entries vanished or kept changing
  25   copied, but deletion withheld by --max-delete
  26   stopped by --stop-after, the next run continues
  130  cancelled";

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Everything was done.
    pub(crate) const COMPLETE: Exit = Exit(0);
    /// Nothing useful came of it.
    pub(crate) const FAILED: Exit = Exit(1);
    /// The arguments are wrong.
    pub(crate) const USAGE: Exit = Exit(2);
    /// A guard refused before anything changed.
    pub(crate) const REFUSED: Exit = Exit(3);
    /// Some entries failed.
    pub(crate) const PARTIAL: Exit = Exit(23);
    /// The time was up.
    pub(crate) const UNFINISHED: Exit = Exit(26);
    /// Stopped by the user.
    pub(crate) const CANCELLED: Exit = Exit(130);

    /// The exit with the status of a report; see `Report::exit_status`.
    pub(crate) const fn from_status(status: u8) -> Exit {
        Exit(status)
    }

    /// The exit that an error means.
    pub(crate) fn of(error: &Error) -> Exit {
        match error.kind() {
            ErrorKind::SafetyStop => Exit::REFUSED,
            ErrorKind::Cancelled => Exit::CANCELLED,
            ErrorKind::Incomplete => Exit::PARTIAL,
            // With an errno it comes from the operating system, not from the user.
            ErrorKind::InvalidInput if error.errno().is_none() => Exit::USAGE,
            _ => Exit::FAILED,
        }
    }

    /// The number.
    pub(crate) fn status(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_usage_but_the_kernels_einval_is_a_failure() {
        assert_eq!(Exit::of(&Error::new(ErrorKind::InvalidInput, "mirror")), Exit::USAGE);
        assert_eq!(Exit::of(&Error::from_errno("setxattr", 22)), Exit::FAILED);
        assert_eq!(Exit::of(&Error::new(ErrorKind::SafetyStop, "mirror")), Exit::REFUSED);
    }
}
