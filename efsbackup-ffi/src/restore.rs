//! Restoring snapshots.

use crate::error::Failure;
use crate::guard::guard;
use crate::handle::Handle;
use crate::mirror::finish;
use crate::mirror_options::efsb_mirror_options;
use crate::option_struct::OptionStruct;
use crate::report::efsb_report;
use crate::repository::{borrow, efsb_repository};
use crate::snapshot::efsb_snapshot;
use crate::status::efsb_status;
use crate::text::{needed, path, paths, set};
use efsbackup_core::snapshot::{Restore, RestoreReport};
use std::ffi::c_char;
use std::ptr::null_mut;

/// What is restored, and where to.
struct What {
    repository: *const efsb_repository,
    id: *const c_char,
    destination: *const c_char,
    entries: *const *const c_char,
    entry_count: usize,
    options: *const efsb_mirror_options,
}

impl What {
    /// Restores it, in the way that `so` says.
    ///
    /// # Safety
    /// As efsb_restore().
    unsafe fn restore(
        self,
        so: impl for<'a> FnOnce(Restore<'a>) -> Restore<'a>,
    ) -> Result<RestoreReport, Failure> {
        // SAFETY: by this function's contract.
        let (repository, id) = unsafe { (borrow(self.repository)?, needed(self.id, "id")?) };
        // SAFETY: by this function's contract.
        let destination = unsafe { path(self.destination, "destination") }?;
        // SAFETY: by this function's contract.
        let entries = unsafe { paths(self.entries, self.entry_count, "entries") }?;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_mirror_options::read(self.options) }?;
        // SAFETY: by this function's contract.
        let copying = unsafe { options.copying() }?;
        let mut callback = options.callback();
        let entered = callback.entries();
        let mut restore = so(repository.restore(id, destination))
            .options(copying.options)
            .cancel(&copying.cancel)
            .progress(&mut callback);
        for entry in entries {
            restore = restore.entry(entry);
        }
        if let Some(listener) = entered.listener() {
            restore = restore.listener(listener);
        }
        let done = restore.run();
        Ok(callback.end(done, RestoreReport::log)?)
    }
}

/// Copies the snapshot `id` ("latest" is the newest complete one) to `destination`, where what is restored must be missing unless
/// `remove_extraneous` is on: then it is restored over what is there, and a snapshot that
/// undoes this is kept, see efsb_restore_in_place(). The restored tree has files of its own: nothing in it is
/// hard-linked with a snapshot.
///
/// With `entries`, `entry_count` files and directories in the snapshot, only these are
/// restored, each to the same place below `destination`; one with a `*`, `?` or `[` that is no
/// entry's name is a pattern as in `filter`. It may be NULL when the count is 0. `options` and
/// `report` are as those of efsb_mirror(), and so is what is returned; `link_dest` must be
/// empty.
///
/// # Safety
/// `repository` is NULL or alive; the texts are NULL or NUL-terminated; `options` is NULL or
/// as its comments say; `report` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_restore(
    repository: *const efsb_repository,
    id: *const c_char,
    destination: *const c_char,
    entries: *const *const c_char,
    entry_count: usize,
    options: *const efsb_mirror_options,
    report: *mut *mut efsb_report,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(report, null_mut()) };
        let what = What { repository, id, destination, entries, entry_count, options };
        // SAFETY: by this function's contract.
        let done = unsafe { what.restore(|restore| restore) }?;
        // SAFETY: by this function's contract.
        unsafe { finish(report, done.report) }
    }
}

/// Restores the snapshot `id` (or "latest") over what is in `destination`: differing entries are replaced,
/// and with `remove_extraneous` those that the snapshot lacks removed. All that will be
/// replaced or removed is first kept as a snapshot, the undo; `*undo`, freed with
/// efsb_snapshot_free(), receives it, or NULL where nothing was to be kept. Restored in place,
/// it undoes this. With NULL for `undo` none is kept.
///
/// `entries` are `entry_count` files and directories of the snapshot, or patterns where they
/// have a `*`, `?` or `[` and no entry is called so; without any, all is restored. Everything
/// else is as in efsb_restore().
///
/// # Safety
/// As efsb_restore(); `undo` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_restore_in_place(
    repository: *const efsb_repository,
    id: *const c_char,
    destination: *const c_char,
    entries: *const *const c_char,
    entry_count: usize,
    options: *const efsb_mirror_options,
    report: *mut *mut efsb_report,
    undo: *mut *mut efsb_snapshot,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { (set(report, null_mut()), set(undo, null_mut())) };
        let what = What { repository, id, destination, entries, entry_count, options };
        let undone = !undo.is_null();
        // SAFETY: by this function's contract.
        let done = unsafe { what.restore(|restore| restore.in_place(true).undo(undone)) }?;
        if let (Some(kept), true) = (done.undo, undone) {
            // SAFETY: by this function's contract.
            unsafe { set(undo, efsb_snapshot::give(kept.into())) };
        }
        // SAFETY: by this function's contract.
        unsafe { finish(report, done.report) }
    }
}
