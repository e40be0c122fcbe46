//! `efsb_snapshot` and lists of them.

use crate::guard::guard_or;
use crate::handle::Handle;
use crate::report::{count, nanoseconds};
use crate::text::c_string;
use efsbackup_core::snapshot::{Snapshot, State};
use std::ffi::{CString, c_char};
use std::ptr::null;

/// The snapshot holds everything the source held.
pub const EFSB_STATE_COMPLETE: i32 = 0;
/// Some entries could not be read: they are missing, or as they were before.
pub const EFSB_STATE_PARTIAL: i32 = 1;
/// The folder is there, but no record of it.
pub const EFSB_STATE_UNKNOWN: i32 = 2;
/// It was made by another program and not verified since.
pub const EFSB_STATE_ADOPTED: i32 = 3;
/// It holds only what a restore in place has replaced or removed.
pub const EFSB_STATE_UNDO: i32 = 4;

/// One snapshot of a repository. Never changes; may be read from any thread.
pub struct efsb_snapshot {
    _private: [u8; 0],
}

impl Handle for efsb_snapshot {
    type Value = SnapshotForC;
}

/// The snapshots of a repository as they were when they were listed. Never changes; may be
/// read from any thread. Freed with efsb_snapshot_list_free().
pub struct efsb_snapshot_list {
    _private: [u8; 0],
}

impl Handle for efsb_snapshot_list {
    type Value = Vec<SnapshotForC>;
}

/// A snapshot with its texts in the form that C reads.
pub struct SnapshotForC {
    snapshot: Snapshot,
    id: CString,
    file_system: Option<CString>,
}

impl From<Snapshot> for SnapshotForC {
    fn from(snapshot: Snapshot) -> Self {
        SnapshotForC {
            id: c_string(snapshot.id.as_str()),
            file_system: snapshot.file_system.as_deref().map(c_string),
            snapshot,
        }
    }
}

/// # Safety
/// `snapshot` is NULL or alive for `'a`.
unsafe fn borrow<'a>(snapshot: *const efsb_snapshot) -> Option<&'a Snapshot> {
    // SAFETY: by this function's contract.
    unsafe { Handle::borrow(snapshot) }.map(|value| &value.snapshot)
}

/// Its name, which is its folder's name; NULL for NULL. Lent as long as the snapshot.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_id(snapshot: *const efsb_snapshot) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(snapshot) }
        .map_or(null(), |snapshot| snapshot.id.as_ptr()))
}

/// What it is worth: an EFSB_STATE_ constant; #EFSB_STATE_UNKNOWN for NULL.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_state(snapshot: *const efsb_snapshot) -> i32 {
    guard_or!(EFSB_STATE_UNKNOWN => {
        // SAFETY: by this function's contract.
        match unsafe { borrow(snapshot) }.map(|snapshot| snapshot.state) {
            Some(State::Complete) => EFSB_STATE_COMPLETE,
            Some(State::Partial) => EFSB_STATE_PARTIAL,
            Some(State::Adopted) => EFSB_STATE_ADOPTED,
            Some(State::Undo) => EFSB_STATE_UNDO,
            _ => EFSB_STATE_UNKNOWN,
        }
    })
}

/// The instant it is of, in nanoseconds since 1970-01-01 00:00 UTC; 0 when it is not known,
/// and for NULL.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_time_ns(snapshot: *const efsb_snapshot) -> i64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(snapshot) }
        .and_then(|snapshot| snapshot.time)
        .map_or(0, |time| nanoseconds(time.into())))
}

/// When it was finished, in nanoseconds since 1970-01-01 00:00 UTC; 0 when it is not known,
/// and for NULL.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_published_ns(snapshot: *const efsb_snapshot) -> i64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(snapshot) }
        .and_then(|snapshot| snapshot.published)
        .map_or(0, |time| nanoseconds(time.into())))
}

/// How many entries of a type (EFSB_TYPE_) it holds; 0 for NULL and for other numbers.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_entries(
    snapshot: *const efsb_snapshot,
    entry_type: i32,
) -> u64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(snapshot) }
        .map_or(0, |snapshot| count(snapshot.entries, entry_type)))
}

/// The sizes of its files in bytes, each counted once; 0 for NULL.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_bytes(snapshot: *const efsb_snapshot) -> u64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(snapshot) }.map_or(0, |snapshot| snapshot.bytes))
}

/// How many bytes were newly stored for it; 0 for NULL.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_new_bytes(snapshot: *const efsb_snapshot) -> u64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(snapshot) }.map_or(0, |snapshot| snapshot.new_bytes))
}

/// The id of the file system it is proved to be of; NULL when there is no proof, and for NULL.
/// Lent as long as the snapshot.
///
/// # Safety
/// `snapshot` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_file_system(
    snapshot: *const efsb_snapshot,
) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(snapshot) }
        .and_then(|snapshot| snapshot.file_system.as_ref())
        .map_or(null(), |id| id.as_ptr()))
}

/// Frees what efsb_backup() gave; the snapshot itself stays. Not for snapshots of a list. NULL
/// is fine.
///
/// # Safety
/// `snapshot` is NULL, or came from efsb_backup() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_free(snapshot: *mut efsb_snapshot) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(snapshot) })
}

/// How many snapshots the list has; 0 for NULL.
///
/// # Safety
/// `list` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_list_count(list: *const efsb_snapshot_list) -> usize {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { Handle::borrow(list) }.map_or(0, Vec::len))
}

/// The snapshot at `index`, from 0, the oldest; NULL when there is none. Lent as long as the
/// list; never free it.
///
/// # Safety
/// `list` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_list_get(
    list: *const efsb_snapshot_list,
    index: usize,
) -> *const efsb_snapshot {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(list) }
        .and_then(|list| list.get(index))
        .map_or(null(), Handle::lend))
}

/// Frees a list. NULL is fine.
///
/// # Safety
/// `list` is NULL, or came from efsb_snapshots() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshot_list_free(list: *mut efsb_snapshot_list) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(list) })
}
