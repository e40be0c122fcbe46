//! Why one entry could not be done, and what follows from it.

use crate::error::Error;
use rustix::io::Errno;

/// Why an entry was not done.
pub(super) enum Failure {
    /// The source no longer has it.
    Vanished,
    /// The caller asked to stop meanwhile.
    Stopped,
    /// The source could not be read.
    Source(Error),
    /// The destination could not be written.
    Destination(Error),
}

impl Failure {
    /// Whether the same call may succeed a little later. A write that met EIO is not tried
    /// again: the kernel may have dropped the data and then say that all is well.
    pub(super) fn is_transient(&self) -> bool {
        let errno = |error: &Error| error.errno().map(Errno::from_raw_os_error);
        let passing = [Errno::STALE, Errno::AGAIN, Errno::INTR, Errno::TIMEDOUT];
        match self {
            Failure::Vanished | Failure::Stopped => false,
            Failure::Source(error) => {
                errno(error).is_some_and(|errno| passing.contains(&errno) || errno == Errno::IO)
            }
            Failure::Destination(error) => {
                errno(error).is_some_and(|errno| passing.contains(&errno))
            }
        }
    }
}

pub(super) type Outcome<T> = Result<T, Failure>;

/// Says at which side, and in which operation, a system call failed.
pub(super) trait Side<T> {
    /// At the source: ENOENT means that the entry vanished.
    fn source(self, op: &'static str) -> Outcome<T>;
    /// At the destination.
    fn destination(self, op: &'static str) -> Outcome<T>;
}

impl<T> Side<T> for rustix::io::Result<T> {
    fn source(self, op: &'static str) -> Outcome<T> {
        self.map_err(|errno| match errno {
            Errno::NOENT => Failure::Vanished,
            errno => Failure::Source(Error::from_errno(op, errno.raw_os_error())),
        })
    }

    fn destination(self, op: &'static str) -> Outcome<T> {
        self.map_err(|errno| Failure::Destination(Error::from_errno(op, errno.raw_os_error())))
    }
}
