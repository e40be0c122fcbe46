//! The system calls by which snapshots read and change a repository, in one place.
//!
//! Each is the rustix function of the same name and told apart by what it acts on. With the
//! feature `testing` any of them can be made to fail, or the process to stop before it; see
//! `mirror::testing`.

use crate::mirror::step;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Result;
use rustix::path::Arg;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// `call[name](arguments) -> answer = …;`, where `name` is the argument it is told apart by.
macro_rules! calls {
    ($($call:ident[$name:ident]($($argument:ident: $type:ty),*) -> $answer:ty = $done:expr;)+) => {
        $(
            pub(super) fn $call($($argument: $type),*) -> Result<$answer> {
                step(stringify!($call), $name.as_ref())?;
                $done
            }
        )+
    };
}

calls! {
    openat[name](dir: impl AsFd, name: impl AsRef<[u8]> + Arg, flags: OFlags, mode: Mode) -> OwnedFd =
        fs::openat(dir, name, flags, mode);
    mkdirat[name](dir: impl AsFd, name: &str, mode: Mode) -> () = fs::mkdirat(dir, name, mode);
    statat[name](dir: impl AsFd, name: impl AsRef<[u8]> + Arg) -> Stat =
        fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW);
    linkat[new](dir: impl AsFd, name: &str, new: &str) -> () =
        fs::linkat(&dir, name, &dir, new, AtFlags::empty());
    renameat[name](dir: impl AsFd, name: impl AsRef<[u8]> + Arg, to: impl AsFd, new: impl Arg) -> () =
        fs::renameat(dir, name, to, new);
    renameat_with[name](dir: impl AsFd, name: &str, new: &str, flags: RenameFlags) -> () =
        fs::renameat_with(&dir, name, &dir, new, flags);
    unlinkat[name](dir: impl AsFd, name: impl AsRef<[u8]> + Arg, flags: AtFlags) -> () =
        fs::unlinkat(dir, name, flags);
    chmodat[name](dir: impl AsFd, name: impl AsRef<[u8]> + Arg, mode: Mode) -> () =
        fs::chmodat(dir, name, mode, AtFlags::empty());
    fsync[name](fd: impl AsFd, name: &[u8]) -> () = fs::fsync(fd);
    fdatasync[name](fd: impl AsFd, name: &str) -> () = fs::fdatasync(fd);
    getdents[name](dir: impl AsFd, name: &[u8]) -> fs::Dir = fs::Dir::read_from(dir);
}

/// Writes all of `content` to what is called `name`, at its position.
pub(super) fn write(mut to: impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    step("write", name.as_bytes())?;
    to.write_all(content)
}

/// Writes all of `content` to the file called `name`, from the byte `offset` on.
pub(super) fn pwrite(file: &File, name: &str, content: &[u8], offset: u64) -> io::Result<()> {
    step("pwrite", name.as_bytes())?;
    file.write_all_at(content, offset)
}
