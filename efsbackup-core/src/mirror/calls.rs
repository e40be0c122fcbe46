//! Every system call of the mirror, in one place.
//!
//! Each is the rustix function of the same name. With the feature `testing` any of them
//! can be made to fail; see [`super::testing`].

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    self, Advice, AtFlags, Dev, FileType, Gid, Mode, OFlags, RawDir, RawDirEntry, SeekFrom, StatFs,
    Statx, StatxFlags, Timestamps, Uid, XattrFlags,
};
use rustix::io::Result;
use rustix::path::Arg;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::num::NonZeroU64;

#[cfg(feature = "testing")]
use super::testing::{check, most};
#[cfg(feature = "testing")]
pub(super) use super::testing::{now, sleep};

/// Without the feature `testing`, no call is made to fail.
#[cfg(not(feature = "testing"))]
#[inline(always)]
fn check(_call: &'static str) -> Result<()> {
    Ok(())
}

/// The same for a call of a piece above the mirror, which acts on `name`.
#[cfg(feature = "snapshot")]
#[inline(always)]
pub(crate) fn step(_call: &'static str, _name: &[u8]) -> Result<()> {
    #[cfg(feature = "testing")]
    super::testing::check_step(_call, || crate::bytepath::BytePath::from(_name).to_text())?;
    Ok(())
}

/// How much of `length` a call asks for: without the feature `testing`, all.
#[cfg(not(feature = "testing"))]
#[inline(always)]
fn most(_call: &'static str, length: usize) -> usize {
    length
}

/// The time.
#[cfg(not(feature = "testing"))]
pub(super) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Waits.
#[cfg(not(feature = "testing"))]
pub(super) fn sleep(duration: std::time::Duration) {
    std::thread::sleep(duration);
}

thread_local! {
    /// The calls that this thread made since they were last asked for.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How many calls this thread made since it was last asked.
pub(super) fn take_count() -> u64 {
    COUNT.take()
}

#[inline]
fn count() {
    COUNT.set(COUNT.get().wrapping_add(1));
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty = $call:expr;)+) => {
        $(
            #[inline]
            pub(super) fn $name($($argument: $type),*) -> Result<$answer> {
                count();
                check(stringify!($name))?;
                $call
            }
        )+
    };
}

calls! {
    openat(dir: impl AsFd, name: impl Arg, flags: OFlags, mode: Mode) -> OwnedFd =
        fs::openat(dir, name, flags, mode);
    statx(dir: impl AsFd, name: &CStr, flags: AtFlags, mask: StatxFlags) -> Statx =
        fs::statx(dir, name, flags, mask);
    fstatfs(fd: impl AsFd) -> StatFs = fs::fstatfs(fd);
    mkdirat(dir: impl AsFd, name: impl Arg, mode: Mode) -> () = fs::mkdirat(dir, name, mode);
    mknodat(dir: impl AsFd, name: &CStr, kind: FileType, mode: Mode, device: Dev) -> () =
        fs::mknodat(dir, name, kind, mode, device);
    symlinkat(text: &CStr, dir: impl AsFd, name: &CStr) -> () = fs::symlinkat(text, dir, name);
    readlinkat(dir: impl AsFd, name: &CStr) -> CString = fs::readlinkat(dir, name, Vec::new());
    linkat(from: impl AsFd, name: &CStr, to: impl AsFd, new: &CStr) -> () =
        fs::linkat(from, name, to, new, AtFlags::empty());
    link_open(file: impl AsFd, dir: impl AsFd, new: &CStr) -> () =
        fs::linkat(file, c"", dir, new, AtFlags::EMPTY_PATH);
    link_path(path: &str, dir: impl AsFd, new: &CStr) -> () =
        fs::linkat(fs::CWD, path, dir, new, AtFlags::SYMLINK_FOLLOW);
    unlinkat(dir: impl AsFd, name: &CStr, flags: AtFlags) -> () = fs::unlinkat(dir, name, flags);
    renameat(dir: impl AsFd, name: &CStr, to: impl AsFd, new: &CStr) -> () =
        fs::renameat(dir, name, to, new);
    chownat(fd: impl AsFd, uid: Option<Uid>, gid: Option<Gid>) -> () =
        fs::chownat(fd, c"", uid, gid, AtFlags::EMPTY_PATH);
    fchmod(fd: impl AsFd, mode: Mode) -> () = fs::fchmod(fd, mode);
    chmod(path: &str, mode: Mode) -> () = fs::chmod(path, mode);
    futimens(fd: impl AsFd, times: &Timestamps) -> () = fs::futimens(fd, times);
    utimensat(path: &str, times: &Timestamps) -> () =
        fs::utimensat(fs::CWD, path, times, AtFlags::empty());
    fsync(fd: impl AsFd) -> () = fs::fsync(fd);
    syncfs(fd: impl AsFd) -> () = fs::syncfs(fd);
    ftruncate(fd: impl AsFd, size: u64) -> () = fs::ftruncate(fd, size);
    seek(fd: impl AsFd, to: SeekFrom) -> u64 = fs::seek(fd, to);
    pread(fd: impl AsFd, buffer: &mut [u8], offset: u64) -> usize =
        {
            let most = most("pread", buffer.len());
            rustix::io::pread(fd, &mut buffer[..most], offset)
        };
    pwrite(fd: impl AsFd, data: &[u8], offset: u64) -> usize =
        rustix::io::pwrite(fd, &data[..most("pwrite", data.len())], offset);
    copy_file_range(from: &OwnedFd, to: &OwnedFd, offset: u64, length: usize) -> usize =
        {
            let length = most("copy_file_range", length);
            fs::copy_file_range(from, Some(&mut { offset }), to, Some(&mut { offset }), length)
        };
    read_in_order(fd: &OwnedFd) -> () = fs::fadvise(fd, 0, None, Advice::Sequential);
    read_ahead(fd: &OwnedFd, offset: u64, length: u64) -> () =
        fs::fadvise(fd, offset, NonZeroU64::new(length), Advice::WillNeed);
    sync_file_range(fd: &OwnedFd, offset: u64, length: u64) -> () =
        super::sys::begin_writing(fd.as_fd(), offset, length);
    listxattrat(dir: impl AsFd, name: &CStr, list: &mut [u8]) -> usize =
        super::sys::listxattrat(dir.as_fd(), name, list);
    flistxattr(fd: impl AsFd, list: &mut [u8]) -> usize = fs::flistxattr(fd, list);
    listxattr(path: impl Arg, list: &mut [u8]) -> usize = fs::listxattr(path, list);
    llistxattr(path: impl Arg, list: &mut [u8]) -> usize = fs::llistxattr(path, list);
    fgetxattr(fd: impl AsFd, name: &CStr, value: &mut [u8]) -> usize =
        fs::fgetxattr(fd, name, value);
    getxattr(path: impl Arg, name: &CStr, value: &mut [u8]) -> usize =
        fs::getxattr(path, name, value);
    lgetxattr(path: impl Arg, name: &CStr, value: &mut [u8]) -> usize =
        fs::lgetxattr(path, name, value);
    fsetxattr(fd: impl AsFd, name: &CStr, value: &[u8]) -> () =
        fs::fsetxattr(fd, name, value, XattrFlags::empty());
    setxattr(path: &str, name: &CStr, value: &[u8]) -> () =
        fs::setxattr(path, name, value, XattrFlags::empty());
    fremovexattr(fd: impl AsFd, name: &CStr) -> () = fs::fremovexattr(fd, name);
    removexattr(path: &str, name: &CStr) -> () = fs::removexattr(path, name);
}

/// The next entry of a directory.
pub(super) fn next_entry<'d, Fd: AsFd>(
    entries: &'d mut RawDir<'_, Fd>,
) -> Option<Result<RawDirEntry<'d>>> {
    if entries.is_buffer_empty() {
        count();
        if let Err(errno) = check("getdents") {
            return Some(Err(errno));
        }
    }
    entries.next()
}

/// Closes `fd` and tells what close(2) said; see [`super::sys::close`].
pub(super) fn close(fd: OwnedFd) -> Result<()> {
    // Closed even where it is made to fail: as Linux does.
    count();
    let result = super::sys::close(fd);
    check("close").and(result)
}
