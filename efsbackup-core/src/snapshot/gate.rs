//! The gate of a repository: the right to change who holds it, or what it holds, for a moment.

use super::calls;
use super::files::{Dir, TEMPORARY};
use super::lease::try_lock;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// The file whose lock is the gate.
const LOCK: &str = "lock";
/// How often one looks whether the gate is free.
const POLL: Duration = Duration::from_millis(10);

/// The gate, passed; free again when dropped.
///
/// Whoever stops in it does not stop the others: after a while they put another file in the
/// place of the one that it has locked. It has to look, before it counts what it did, whether
/// the gate still is the one that it passed.
#[derive(Debug)]
pub(super) struct Gate {
    file: File,
}

impl Gate {
    /// Waits until nobody else is in the gate, or for as long as `patience`.
    pub(super) fn pass(
        control: &Dir,
        token: &str,
        patience: Duration,
        cancel: &CancelToken,
    ) -> Result<Gate> {
        let mut shut: Option<(u64, Instant)> = None;
        loop {
            let file = Self::open(control)?;
            if try_lock(&file)? {
                let gate = Gate { file };
                if gate.is_passed(control)? {
                    return Ok(gate);
                }
                continue;
            }
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "lock"));
            }
            let meta = file.metadata();
            let inode =
                meta.map_err(|e| Error::from_io("stat", e).with_path(control.path.join(LOCK)))?;
            match shut {
                Some((which, since)) if which == inode.ino() => {
                    if since.elapsed() >= patience {
                        Self::replace(control, token)?;
                        shut = None;
                    }
                }
                _ => shut = Some((inode.ino(), Instant::now())),
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether it is still the one that was passed.
    pub(super) fn is_passed(&self, control: &Dir) -> Result<bool> {
        control.has(LOCK, &self.file)
    }

    fn open(control: &Dir) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        calls::openat(control, LOCK, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|errno| control.failed("open", LOCK, errno))
    }

    fn replace(control: &Dir, token: &str) -> Result<()> {
        let temporary = format!("{LOCK}-{token}{TEMPORARY}");
        drop(control.create(&temporary)?);
        calls::renameat(control, &temporary, control, LOCK)
            .map_err(|errno| control.failed("rename", &temporary, errno))
    }

    /// Whether `name` is of one who was killed while it replaced the gate.
    pub(super) fn is_left_over(name: &str) -> bool {
        name.strip_prefix(LOCK).is_some_and(|rest| rest.starts_with('-'))
    }
}
