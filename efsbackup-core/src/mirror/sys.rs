//! The mirror's only unsafe code.
#![allow(unsafe_code)]

use rustix::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use rustix::io;
use std::ffi::CStr;
use std::time::Duration;

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

/// Gives this thread a umask of its own, which takes nothing away: what a file is made with
/// need not be set again. Where a sandbox does not let it, the umask of the process stays.
pub(super) fn own_umask() {
    // SAFETY: a plain system call. From here on this thread alone has the umask, root and
    // working directory that it shared; only the mirror's own threads come here.
    if unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
        rustix::process::umask(rustix::fs::Mode::empty());
    }
}

/// listxattrat(2)'s number, one for all architectures (asm-generic/unistd.h).
const SYS_LISTXATTRAT: libc::c_long = 465;

/// The names of the extended attributes of `name` in `dir`, of a symbolic link itself.
/// ENOSYS before Linux 6.13.
pub(super) fn listxattrat(dir: BorrowedFd<'_>, name: &CStr, list: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `name` ends with a NUL, the kernel writes at most `list.len()` bytes to
    // `list`, and both outlive the call.
    let length = unsafe {
        libc::syscall(
            SYS_LISTXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            list.as_mut_ptr(),
            list.len(),
        )
    };
    usize::try_from(length).map_err(|_| last_errno())
}

/// The processor time that all threads of this process have had.
pub(super) fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec to write to; the call keeps no pointer. Where it fails,
    // which it never does on Linux, it stays zero.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Begins to write these bytes of a file, and waits for nothing: sync_file_range(2).
pub(super) fn begin_writing(file: BorrowedFd<'_>, offset: u64, length: u64) -> io::Result<()> {
    let (offset, length) = (offset.cast_signed(), length.cast_signed());
    // SAFETY: a plain system call on an open descriptor; it takes no pointer.
    let result = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE)
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> io::Errno {
    let error = std::io::Error::last_os_error();
    io::Errno::from_io_error(&error).unwrap_or(io::Errno::IO)
}
