//! The mirror's only unsafe code.
#![allow(unsafe_code)]

use rustix::fd::{IntoRawFd, OwnedFd};
use rustix::io;

/// Closes `fd` and tells what close(2) said: a network file system reports there what it
/// could not write. (Dropping an `OwnedFd` throws that answer away.)
pub(super) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was owned by `fd`, which gave it up; nobody else closes it.
    match unsafe { io::try_close(fd.into_raw_fd()) } {
        // Linux has freed the descriptor by then; the data is no less written.
        Err(io::Errno::INTR) => Ok(()),
        result => result,
    }
}
