//! The core's `mount`.

use crate::cancel::efsb_cancel_token;
use crate::guard::{guard, guard_or};
use crate::handle::Handle;
use crate::mount_options::{efsb_mount_options, seconds, translate};
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::{c_string, needed, null_argument, path, set};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mount::{self, MountGuard, UnmountOptions};
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

/// A mount that lasts until efsb_mount_close() or efsb_mount_keep(). It may be used by one
/// thread at a time.
pub struct efsb_mount {
    _private: [u8; 0],
}

impl Handle for efsb_mount {
    type Value = MountForC;
}

/// A mount with its text in the form that C reads.
pub struct MountForC {
    guard: MountGuard,
    source: CString,
}

/// Mounts `target`, a file system's id (or FS-ID:/PATH), HOST:/PATH or ADDRESS:/PATH, on the
/// directory `dir`. `*mount` receives the mount. The same one, there already, is taken as it
/// is. `options` may be NULL.
///
/// # Safety
/// The texts are NULL or NUL-terminated; `options` is NULL or has as many readable bytes as
/// its first field says, and its pointers are NULL or as it says; `mount` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_new(
    target: *const c_char,
    dir: *const c_char,
    options: *const efsb_mount_options,
    mount: *mut *mut efsb_mount,
) -> efsb_status {
    guard! {
        if mount.is_null() {
            return Err(null_argument("mount"));
        }
        // SAFETY: by this function's contract.
        unsafe { set(mount, null_mut()) };
        // SAFETY: by this function's contract.
        let (target, dir) = unsafe { (needed(target, "target")?, path(dir, "dir")?) };
        // SAFETY: by this function's contract.
        let given = unsafe { OptionStruct::read(options) }?;
        // SAFETY: by this function's contract.
        let (options, cancel) = unsafe { translate(&given) }?;
        let guard = mount::mount(&target.parse()?, dir, &options, &cancel)?;
        let source = c_string(guard.mount().source.to_string());
        // SAFETY: by this function's contract.
        unsafe { set(mount, Handle::give(MountForC { guard, source })) };
        Ok(())
    }
}

/// Checks what efsb_mount_new() is given and what is mounted there, and mounts nothing: a dry
/// run, which asks no server. `*there` receives whether the same mount is there already, so that
/// efsb_mount_new() would take it as it is.
///
/// # Safety
/// As efsb_mount_new(); `there` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_find(
    target: *const c_char,
    dir: *const c_char,
    options: *const efsb_mount_options,
    there: *mut bool,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(there, false) };
        // SAFETY: by this function's contract.
        let (target, dir) = unsafe { (needed(target, "target")?, path(dir, "dir")?) };
        // SAFETY: by this function's contract.
        let given = unsafe { OptionStruct::read(options) }?;
        // SAFETY: by this function's contract.
        let (options, _) = unsafe { translate(&given) }?;
        let found = mount::find(&target.parse()?, dir, &options)?;
        // SAFETY: by this function's contract.
        unsafe { set(there, found.is_some()) };
        Ok(())
    }
}

/// Writes the marker into the directory `dir`: from then on it proves that what is mounted there
/// is the file system `id`, which `expect_id` and `expect_destination_id` of efsb_backup_options
/// ask for. Nothing happens when it is there already.
///
/// Returns #EFSB_ALREADY_EXISTS when the marker there names another file system.
///
/// # Safety
/// `dir` and `id` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mark(dir: *const c_char, id: *const c_char) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let (dir, id) = unsafe { (path(dir, "dir")?, needed(id, "id")?) };
        mount::mark(dir, id)?;
        Ok(())
    }
}

/// What is mounted, as the kernel lists it; NULL for NULL. Lent as long as the mount.
///
/// # Safety
/// `mount` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_source(mount: *const efsb_mount) -> *const c_char {
    guard_or!(null() => {
        // SAFETY: by this function's contract.
        unsafe { Handle::borrow(mount) }.map_or(null(), |mount| mount.source.as_ptr())
    })
}

/// Whether it was mounted before by somebody else; then it is not unmounted. False for NULL.
///
/// # Safety
/// `mount` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_was_mounted(mount: *const efsb_mount) -> bool {
    guard_or!(false => {
        // SAFETY: by this function's contract.
        unsafe { Handle::borrow(mount) }.is_some_and(|mount| mount.guard.was_mounted())
    })
}

/// Unmounts and frees `mount`; waits up to 10 seconds while it is in use. NULL is fine. Where
/// it fails, it stays mounted, and `mount` is freed all the same.
///
/// # Safety
/// `mount` is NULL, or came from efsb_mount_new() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_close(mount: *mut efsb_mount) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let Some(mount) = (unsafe { Handle::take(mount) }) else { return Ok(()) };
        Ok(mount.guard.close(&UnmountOptions::default(), &CancelToken::new())?)
    }
}

/// Frees `mount` and leaves what it mounted in place. NULL is fine.
///
/// # Safety
/// `mount` is NULL, or came from efsb_mount_new() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_keep(mount: *mut efsb_mount) {
    guard_or!(() => {
        // SAFETY: by this function's contract.
        if let Some(mount) = unsafe { Handle::take(mount) } {
            mount.guard.keep();
        }
    })
}

/// Unmounts what is mounted on `dir`. While it is in use, or its server silent, it is waited
/// for `timeout_seconds` (0: 10), then with `lazy` taken out of sight. `cancel` may be NULL.
///
/// # Safety
/// `dir` is NULL or NUL-terminated; `cancel` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_unmount(
    dir: *const c_char,
    lazy: bool,
    timeout_seconds: f64,
    cancel: *const efsb_cancel_token,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let dir = unsafe { path(dir, "dir") }?;
        let mut options = UnmountOptions::default();
        options.lazy = lazy;
        options.timeout = seconds(timeout_seconds, options.timeout)?;
        // SAFETY: by this function's contract.
        let cancel = unsafe { Handle::borrow(cancel) }.cloned().unwrap_or_default();
        Ok(mount::unmount(dir, &options, &cancel)?)
    }
}
