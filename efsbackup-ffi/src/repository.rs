//! `efsb_repository`: taking and listing snapshots.

use crate::backup_options::{self, efsb_backup_options};
use crate::error::Failure;
use crate::guard::{guard, guard_or};
use crate::handle::Handle;
use crate::mirror::finish;
use crate::mirror_options::efsb_mirror_options;
use crate::option_struct::OptionStruct;
use crate::report::efsb_report;
use crate::snapshot::{efsb_snapshot, efsb_snapshot_list};
use crate::status::efsb_status;
use crate::text::{c_string, null_argument, path, set, text};
use efsbackup_core::snapshot::{BackupReport, Repository};
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

/// The snapshots of one source: the folder ROOT/NAME. Nothing is opened or made before a call
/// that needs it. Never changes; may be used from any thread. Freed with
/// efsb_repository_free().
pub struct efsb_repository {
    _private: [u8; 0],
}

impl Handle for efsb_repository {
    type Value = RepositoryForC;
}

/// A repository with its name in the form that C reads.
pub struct RepositoryForC {
    repository: Repository,
    name: CString,
}

/// # Safety
/// `repository` is NULL or alive for `'a`.
pub(crate) unsafe fn borrow<'a>(
    repository: *const efsb_repository,
) -> Result<&'a Repository, Failure> {
    // SAFETY: by this function's contract.
    let value = unsafe { Handle::borrow(repository) };
    Ok(&value.ok_or_else(|| null_argument("repository"))?.repository)
}

/// Names the repository `name` under the folder `root`, such as the file system's id. With
/// NULL for `name`: the only repository under `root`, which must exist then. `*repository`
/// receives it, or NULL.
///
/// # Safety
/// `root` and `name` are NULL or NUL-terminated; `repository` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_repository_new(
    root: *const c_char,
    name: *const c_char,
    repository: *mut *mut efsb_repository,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(repository, null_mut()) };
        // SAFETY: by this function's contract.
        let root = unsafe { path(root, "root") }?;
        // SAFETY: by this function's contract.
        let name = unsafe { text(name, "name") }?;
        if repository.is_null() {
            return Err(null_argument("repository"));
        }
        let value = match name {
            Some(name) => Repository::new(root, name)?,
            None => Repository::only(root)?,
        };
        let name = c_string(value.name());
        let value = RepositoryForC { repository: value, name };
        // SAFETY: by this function's contract.
        unsafe { set(repository, efsb_repository::give(value)) };
        Ok(())
    }
}

/// The repository's name; NULL for NULL. Lent as long as the repository.
///
/// # Safety
/// `repository` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_repository_name(repository: *const efsb_repository) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(repository) }
        .map_or(null(), |repository| repository.name.as_ptr()))
}

/// Frees a repository's handle; the snapshots stay. NULL is fine.
///
/// # Safety
/// `repository` is NULL, or came from efsb_repository_new() and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_repository_free(repository: *mut efsb_repository) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(repository) })
}

/// Takes a snapshot of the directory `source`: what is wholly equal in the newest complete
/// snapshot is hard-linked, the rest is copied, and only when everything is durable does the
/// snapshot get its name.
///
/// `options` may be NULL: all defaults. `report` and `snapshot` may be NULL; else they receive
/// NULL at first. `*report`, freed with efsb_report_free(), is set whenever the run went far
/// enough to have one; `*snapshot`, freed with efsb_snapshot_free(), whenever one was
/// published: always with #EFSB_OK (but in a dry run), and a partial one with #EFSB_INCOMPLETE
/// when entries failed.
///
/// Returns what efsb_mirror() returns, #EFSB_SAFETY_STOP also for a repository that another
/// run holds, and #EFSB_CONFLICT when it was lost to another run.
///
/// # Safety
/// `repository` is NULL or alive; `source` is NULL or NUL-terminated; `options` is NULL or as
/// its comments say; `report` and `snapshot` are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_backup(
    repository: *const efsb_repository,
    source: *const c_char,
    options: *const efsb_backup_options,
    report: *mut *mut efsb_report,
    snapshot: *mut *mut efsb_snapshot,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(report, null_mut()) };
        // SAFETY: by this function's contract.
        unsafe { set(snapshot, null_mut()) };
        // SAFETY: by this function's contract.
        let repository = unsafe { borrow(repository) }?;
        // SAFETY: by this function's contract.
        let source = unsafe { path(source, "source") }?;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_backup_options::read(options) }?;
        // SAFETY: by this function's contract.
        let mirror = unsafe { efsb_mirror_options::read(options.mirror) }?;
        // SAFETY: by this function's contract.
        let copying = unsafe { mirror.copying() }?;
        // SAFETY: by this function's contract.
        let options = unsafe { backup_options::translate(&options, copying.options) }?;
        let mut callback = mirror.callback();
        let entries = callback.entries();
        let mut backup = repository.backup(source).options(options).cancel(&copying.cancel);
        if let Some(listener) = entries.listener() {
            backup = backup.listener(listener);
        }
        let done = backup.progress(&mut callback).run();
        let done = callback.end(done, BackupReport::log)?;
        if let (Some(published), false) = (done.snapshot, snapshot.is_null()) {
            // SAFETY: by this function's contract.
            unsafe { set(snapshot, efsb_snapshot::give(published.into())) };
        }
        // SAFETY: by this function's contract.
        unsafe { finish(report, done.report) }
    }
}

/// Lists every snapshot, the oldest first. `*list`, freed with efsb_snapshot_list_free(),
/// receives the list, or NULL.
///
/// # Safety
/// `repository` is NULL or alive; `list` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_snapshots(
    repository: *const efsb_repository,
    list: *mut *mut efsb_snapshot_list,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(list, null_mut()) };
        // SAFETY: by this function's contract.
        let repository = unsafe { borrow(repository) }?;
        if list.is_null() {
            return Err(null_argument("list"));
        }
        let snapshots = repository.snapshots()?.into_iter().map(Into::into).collect();
        // SAFETY: by this function's contract.
        unsafe { set(list, efsb_snapshot_list::give(snapshots)) };
        Ok(())
    }
}
