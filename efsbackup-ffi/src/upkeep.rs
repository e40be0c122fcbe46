//! Looking at snapshots and keeping them: verify, diff, history, adopt, prune.
//!
//! What is found comes as JSON, the documents that the command writes with `--json`. `call` may
//! be NULL.

use crate::error::Failure;
use crate::guard::guard;
use crate::option_struct::OptionStruct;
use crate::repository::{borrow, efsb_repository};
use crate::service_options::efsb_call_options;
use crate::status::{EFSB_INCOMPLETE, efsb_status};
use crate::text::{give_json, needed, null_argument, path, paths, set, text};
use efsbackup_core::snapshot::{BackupOptions, PruneReport, Retention, Verification};
use std::ffi::c_char;
use std::path::Path;
use std::ptr::null_mut;

/// # Safety
/// `value` is NULL or NUL-terminated and alive for `'a`.
unsafe fn optional<'a>(value: *const c_char, argument: &str) -> Result<Option<&'a Path>, Failure> {
    match value.is_null() {
        true => Ok(None),
        // SAFETY: by this function's contract.
        false => unsafe { path(value, argument) }.map(Some),
    }
}

/// Reads every entry of the snapshot `id` ("latest" is the newest complete one) and compares it with its manifest. `*json`, freed
/// with efsb_string_free(), receives what was found, also with #EFSB_INCOMPLETE: `good`,
/// `differences` (each with `path`, `kind`, `what`, `repaired`) and more.
///
/// With `source` it is compared with that tree instead; with `repair_from` what is not as the
/// manifest says is made anew where that tree still has it just so. One of the two may be
/// given. `sample_percent` reads only that share of the files' contents; 0 reads all. `call` and
/// `json` may be NULL.
///
/// Returns #EFSB_OK if all is as it should be, #EFSB_INCOMPLETE if not.
///
/// # Safety
/// `repository` is NULL or alive; the texts are NULL or NUL-terminated; `call` is NULL or as its
/// comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_verify(
    repository: *const efsb_repository,
    id: *const c_char,
    source: *const c_char,
    repair_from: *const c_char,
    sample_percent: f64,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let (repository, id) = unsafe { (borrow(repository)?, needed(id, "id")?) };
        // SAFETY: by this function's contract.
        let call = unsafe { efsb_call_options::read(call) }?;
        // SAFETY: by this function's contract.
        let cancel = unsafe { call.token() }?;
        let mut callback = call.callback();
        let mut verify = repository.verify(id).cancel(&cancel).progress(&mut callback);
        // SAFETY: by this function's contract.
        if let Some(source) = unsafe { optional(source, "source") }? {
            verify = verify.against(source);
        }
        // SAFETY: by this function's contract.
        if let Some(source) = unsafe { optional(repair_from, "repair_from") }? {
            verify = verify.repair(source);
        }
        if sample_percent != 0.0 {
            verify = verify.sample(sample_percent);
        }
        let found = verify.run();
        let found = callback.end(found, Verification::log)?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &found) }?;
        match found.is_good() {
            true => Ok(()),
            false => Err(Failure::of(
                EFSB_INCOMPLETE,
                "verify",
                format!("{} entries are not as they should be", found.differences_total),
            )),
        }
    }
}

/// Tells what changed from the snapshot `id` (or "latest") to the snapshot `other`, or to the directory
/// `directory`: one of the two, the other NULL. `*json`, freed with efsb_string_free(),
/// receives an array of objects with `path`, `change` ("added", "removed", "changed") and
/// `what`. With `contents` files of a directory are read; else those of equal size and time
/// count as equal.
///
/// # Safety
/// `repository` is NULL or alive; the texts are NULL or NUL-terminated; `call` is NULL or as its
/// comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_diff(
    repository: *const efsb_repository,
    id: *const c_char,
    other: *const c_char,
    directory: *const c_char,
    contents: bool,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let (repository, id) = unsafe { (borrow(repository)?, needed(id, "id")?) };
        // SAFETY: by this function's contract.
        let cancel = unsafe { efsb_call_options::read(call)?.token() }?;
        // SAFETY: by this function's contract.
        let diff = match unsafe { optional(directory, "directory") }? {
            Some(directory) => repository.diff_directory(id, directory),
            // SAFETY: by this function's contract.
            None => repository.diff(id, unsafe { needed(other, "other") }?),
        };
        let mut changes = Vec::new();
        diff.contents(contents).cancel(&cancel).run(|change| changes.push(change))?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &changes) }
    }
}

/// Tells of `entry`, a path below the source, in every snapshot, the oldest first. `*json`,
/// freed with efsb_string_free(), receives an array of objects with `snapshot`, `known`
/// (whether the snapshot has a manifest), `there`, `what` (what differs from the version
/// before), `size` and `digest`.
///
/// # Safety
/// `repository` is NULL or alive; `entry` is NULL or NUL-terminated; `json` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_history(
    repository: *const efsb_repository,
    entry: *const c_char,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let (repository, entry) = unsafe { (borrow(repository)?, path(entry, "entry")?) };
        let versions = repository.history(entry)?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &versions) }
    }
}

/// Makes `folder_count` existing `folders`, such as "daily.0", snapshots without copying them:
/// they are read and renamed into the repository, which is made if it is missing. `timezone`,
/// or NULL for UTC, is that of dates in their names. `*json`, freed with efsb_string_free(),
/// receives an array of objects with `folder`, `id`, `time`, `time_from` and `snapshot`. With
/// `dry_run` they are only checked.
///
/// Returns #EFSB_SAFETY_STOP, with nothing changed, when something about a folder is not clear.
///
/// # Safety
/// `repository` is NULL or alive; `folders` has as many texts as said, and they and `timezone`
/// are NULL or NUL-terminated; `call` is NULL or as its comments say; `json` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_adopt(
    repository: *const efsb_repository,
    folders: *const *const c_char,
    folder_count: usize,
    timezone: *const c_char,
    dry_run: bool,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let repository = unsafe { borrow(repository) }?;
        // SAFETY: by this function's contract.
        let folders = unsafe { paths(folders, folder_count, "folders") }?;
        // SAFETY: by this function's contract.
        let (named, call) = unsafe { (named(timezone)?, efsb_call_options::read(call)?) };
        // SAFETY: by this function's contract.
        let cancel = unsafe { call.token() }?;
        let mut callback = call.callback();
        let adopt = repository.adopt(folders).timezone(named.timezone).dry_run(dry_run);
        let adopted = adopt.cancel(&cancel).progress(&mut callback).run();
        let adopted = callback.end(adopted, |folders, records| {
            folders.iter().for_each(|folder| folder.log(records));
        })?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &adopted) }
    }
}

/// # Safety
/// `timezone` is NULL or NUL-terminated.
unsafe fn named(timezone: *const c_char) -> Result<BackupOptions, Failure> {
    let mut options = BackupOptions::default();
    // SAFETY: by this function's contract.
    if let Some(timezone) = unsafe { text(timezone, "timezone") }? {
        options.set_timezone(timezone)?;
    }
    Ok(options)
}

/// How many snapshots efsb_prune() keeps; the fields mean what those of efsb_backup_options do.
/// At least one is not 0.
#[repr(C)]
pub struct efsb_retention {
    /// The newest ones.
    pub keep_last: u32,
    /// One of each hour.
    pub keep_hourly: u32,
    /// One of each day.
    pub keep_daily: u32,
    /// One of each week.
    pub keep_weekly: u32,
    /// One of each month.
    pub keep_monthly: u32,
    /// One of each year.
    pub keep_yearly: u32,
}

/// Removes the snapshots that `retention` does not keep, but never the last complete one; with
/// `dry_run` only decides. `timezone`, or NULL for UTC, says where hours and days begin.
/// `*json`, freed with efsb_string_free(), receives an object with `decisions` (each `id`,
/// `keep` and `reasons`), `removed` and `left_over`.
///
/// # Safety
/// `repository` and `retention` are NULL or alive; `timezone` is NULL or NUL-terminated; `call`
/// is NULL or as its comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_prune(
    repository: *const efsb_repository,
    retention: *const efsb_retention,
    timezone: *const c_char,
    dry_run: bool,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let repository = unsafe { borrow(repository) }?;
        // SAFETY: by this function's contract.
        let keep = unsafe { retention.as_ref() }.ok_or_else(|| null_argument("retention"))?;
        let retention = Retention {
            last: keep.keep_last,
            hourly: keep.keep_hourly,
            daily: keep.keep_daily,
            weekly: keep.keep_weekly,
            monthly: keep.keep_monthly,
            yearly: keep.keep_yearly,
        };
        // SAFETY: by this function's contract.
        let (named, call) = unsafe { (named(timezone)?, efsb_call_options::read(call)?) };
        // SAFETY: by this function's contract.
        let cancel = unsafe { call.token() }?;
        let prune = repository.prune(retention).timezone(named.timezone).dry_run(dry_run);
        let done = prune.cancel(&cancel).run();
        let done = call.callback().end(done, PruneReport::log)?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &done) }
    }
}
