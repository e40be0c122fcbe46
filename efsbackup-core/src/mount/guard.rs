//! A mount that is unmounted when it is no longer needed.

use super::mountinfo::Mount;
use super::unmount::{UnmountOptions, unmount};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use std::path::Path;

/// A mount that lasts as long as this value.
///
/// [`MountGuard::close`] unmounts it and tells what failed; dropping unmounts it too, lazily
/// where it is busy, and keeps quiet.
///
/// ```no_run
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::mount::{self, MountOptions, UnmountOptions};
///
/// // Mounts, so it takes root and a server.
/// let target = "192.0.2.7:/export".parse()?;
/// let cancel = CancelToken::new();
/// let mounted = mount::mount(&target, "/mnt/source", &MountOptions::default(), &cancel)?;
/// println!("{} on {}", mounted.mount().source, mounted.path().display());
/// mounted.close(&UnmountOptions::default(), &cancel)?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it unmounts"]
pub struct MountGuard {
    mount: Mount,
    owned: bool,
    read_ahead: Option<Error>,
}

impl MountGuard {
    pub(super) fn owned(mount: Mount, read_ahead: Option<Error>) -> Self {
        MountGuard { mount, owned: true, read_ahead }
    }

    pub(super) fn borrowed(mount: Mount) -> Self {
        MountGuard { mount, owned: false, read_ahead: None }
    }

    /// What is mounted, as the kernel lists it.
    pub fn mount(&self) -> &Mount {
        &self.mount
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.mount.mount_point.as_path()
    }

    /// Whether it was mounted before, by somebody else; then it is not unmounted.
    pub fn was_mounted(&self) -> bool {
        !self.owned
    }

    /// Why the read-ahead could not be set, if so: reading is slower then, nothing else.
    pub fn read_ahead_error(&self) -> Option<&Error> {
        self.read_ahead.as_ref()
    }

    /// Leaves the mount in place for good.
    pub fn keep(mut self) -> Mount {
        self.owned = false;
        self.mount.clone()
    }

    /// Unmounts, as [`unmount`] does.
    ///
    /// # Errors
    /// Those of [`unmount`]; the mount then stays.
    pub fn close(mut self, options: &UnmountOptions, cancel: &CancelToken) -> Result<()> {
        if !std::mem::take(&mut self.owned) {
            return Ok(());
        }
        unmount(self.path(), options, cancel)
    }
}

impl Drop for MountGuard {
    fn drop(&mut self) {
        if self.owned {
            let options = UnmountOptions { lazy: true, ..UnmountOptions::default() };
            // There is nobody to tell; `close` is for those who ask.
            let _ = unmount(self.path(), &options, &CancelToken::new());
        }
    }
}
