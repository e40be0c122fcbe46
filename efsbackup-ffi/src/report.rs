//! `efsb_report`: what a run did.

use crate::error::{Failure, efsb_error};
use crate::guard::{guard, guard_or};
use crate::handle::Handle;
use crate::status::efsb_status;
use crate::text::{c_string, give_string, null_argument, set};
use efsbackup_core::mirror::{Counts, EntryType, Outcome, Report};
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{null, null_mut};
use std::time::SystemTime;

/// Everything was done.
pub const EFSB_OUTCOME_COMPLETE: i32 = 0;
/// The run went to its end, but some entries failed or vanished.
pub const EFSB_OUTCOME_PARTIAL: i32 = 1;
/// A guard refused before anything was changed.
pub const EFSB_OUTCOME_REFUSED: i32 = 2;
/// Everything was copied, but deletion was withheld by `max_delete`.
pub const EFSB_OUTCOME_WITHHELD: i32 = 3;
/// Stopped by `stop_after_ms`; the next run continues.
pub const EFSB_OUTCOME_UNFINISHED: i32 = 4;
/// Stopped by the caller.
pub const EFSB_OUTCOME_CANCELLED: i32 = 5;
/// The run could not go on.
pub const EFSB_OUTCOME_FAILED: i32 = 6;

/// Entries met in the source.
pub const EFSB_ENTRIES_SCANNED: i32 = 0;
/// Entries made at the destination.
pub const EFSB_ENTRIES_CREATED: i32 = 1;
/// Entries whose content, type or metadata changed at the destination.
pub const EFSB_ENTRIES_UPDATED: i32 = 2;
/// Entries hard-linked from a tree of `link_dest`.
pub const EFSB_ENTRIES_LINKED: i32 = 3;
/// Entries already equal.
pub const EFSB_ENTRIES_UNCHANGED: i32 = 4;
/// Entries removed from the destination.
pub const EFSB_ENTRIES_DELETED: i32 = 5;
/// Entries neither copied nor removed as they should have been.
pub const EFSB_ENTRIES_FAILED: i32 = 6;
/// Entries that vanished from the source, or kept changing, while the run went on.
pub const EFSB_ENTRIES_VANISHED: i32 = 7;

/// Sizes of the source's files, each counted once.
pub const EFSB_BYTES_SCANNED: i32 = 0;
/// Written at the destination.
pub const EFSB_BYTES_COPIED: i32 = 1;
/// Not written, since the files were hard-linked from a tree of `link_dest`.
pub const EFSB_BYTES_LINKED: i32 = 2;

/// Entries of all types.
pub const EFSB_TYPE_ANY: i32 = 0;
/// Regular files.
pub const EFSB_TYPE_FILE: i32 = 1;
/// Directories.
pub const EFSB_TYPE_DIR: i32 = 2;
/// Symbolic links.
pub const EFSB_TYPE_SYMLINK: i32 = 3;
/// Further names of files already counted.
pub const EFSB_TYPE_HARDLINK: i32 = 4;
/// Fifos, sockets and devices.
pub const EFSB_TYPE_SPECIAL: i32 = 5;

/// What a run did. Never changes; may be read from any thread. Freed with efsb_report_free().
pub struct efsb_report {
    _private: [u8; 0],
}

impl Handle for efsb_report {
    type Value = ReportForC;
}

/// A report with its texts in the form that C reads.
pub struct ReportForC {
    report: Report,
    errors: Vec<Failure>,
    options: Vec<CString>,
}

impl From<Report> for ReportForC {
    fn from(report: Report) -> Self {
        ReportForC {
            errors: report.errors.iter().map(Failure::from).collect(),
            options: report.options.iter().map(|option| c_string(option.as_str())).collect(),
            report,
        }
    }
}

/// # Safety
/// `report` is NULL or alive for `'a`.
unsafe fn borrow<'a>(report: *const efsb_report) -> Option<&'a Report> {
    // SAFETY: by this function's contract.
    unsafe { Handle::borrow(report) }.map(|value| &value.report)
}

/// How the run ended: an EFSB_OUTCOME_ constant; #EFSB_OUTCOME_FAILED for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_outcome(report: *const efsb_report) -> i32 {
    guard_or!(EFSB_OUTCOME_FAILED => {
        // SAFETY: by this function's contract.
        let report = unsafe { borrow(report) };
        report.map_or(EFSB_OUTCOME_FAILED, |report| match report.outcome {
            Outcome::Complete => EFSB_OUTCOME_COMPLETE,
            Outcome::Partial => EFSB_OUTCOME_PARTIAL,
            Outcome::Refused => EFSB_OUTCOME_REFUSED,
            Outcome::Withheld => EFSB_OUTCOME_WITHHELD,
            Outcome::Unfinished => EFSB_OUTCOME_UNFINISHED,
            Outcome::Cancelled => EFSB_OUTCOME_CANCELLED,
            _ => EFSB_OUTCOME_FAILED,
        })
    })
}

/// The stable name of an EFSB_OUTCOME_ constant, such as "complete"; "unknown" for a number
/// that is none. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_outcome_name(outcome: i32) -> *const c_char {
    guard_or!(c"unknown".as_ptr() => outcome_name(outcome).as_ptr())
}

fn outcome_name(outcome: i32) -> &'static CStr {
    match outcome {
        EFSB_OUTCOME_COMPLETE => c"complete",
        EFSB_OUTCOME_PARTIAL => c"partial",
        EFSB_OUTCOME_REFUSED => c"refused",
        EFSB_OUTCOME_WITHHELD => c"withheld",
        EFSB_OUTCOME_UNFINISHED => c"unfinished",
        EFSB_OUTCOME_CANCELLED => c"cancelled",
        EFSB_OUTCOME_FAILED => c"failed",
        _ => c"unknown",
    }
}

/// The exit status that the `efsbackup` command gives for this report; 1 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_exit_status(report: *const efsb_report) -> c_int {
    // SAFETY: by this function's contract.
    guard_or!(1 => unsafe { borrow(report) }.map_or(1, |report| report.exit_status().into()))
}

/// How many entries: `what` is an EFSB_ENTRIES_ constant, `entry_type` an EFSB_TYPE_ constant.
/// The root directory is counted like any other. 0 for NULL and for other numbers.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_entries(
    report: *const efsb_report,
    what: i32,
    entry_type: i32,
) -> u64 {
    guard_or!(0 => {
        // SAFETY: by this function's contract.
        let Some(report) = (unsafe { borrow(report) }) else { return 0 };
        counts(report, what).map_or(0, |counts| count(counts, entry_type))
    })
}

fn counts(report: &Report, what: i32) -> Option<Counts> {
    let entries = &report.entries;
    Some(match what {
        EFSB_ENTRIES_SCANNED => entries.scanned,
        EFSB_ENTRIES_CREATED => entries.created,
        EFSB_ENTRIES_UPDATED => entries.updated,
        EFSB_ENTRIES_LINKED => entries.linked,
        EFSB_ENTRIES_UNCHANGED => entries.unchanged,
        EFSB_ENTRIES_DELETED => entries.deleted,
        EFSB_ENTRIES_FAILED => entries.failed,
        EFSB_ENTRIES_VANISHED => entries.vanished,
        _ => return None,
    })
}

pub(crate) fn count(mut counts: Counts, entry_type: i32) -> u64 {
    match entry_type {
        EFSB_TYPE_ANY => counts.total(),
        EFSB_TYPE_FILE => *counts.of(EntryType::File),
        EFSB_TYPE_DIR => *counts.of(EntryType::Dir),
        EFSB_TYPE_SYMLINK => *counts.of(EntryType::Symlink),
        EFSB_TYPE_HARDLINK => *counts.of(EntryType::HardLink),
        EFSB_TYPE_SPECIAL => *counts.of(EntryType::Special),
        _ => 0,
    }
}

/// How many bytes of file content: `what` is an EFSB_BYTES_ constant. 0 for NULL and for
/// other numbers.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_bytes(report: *const efsb_report, what: i32) -> u64 {
    guard_or!(0 => {
        // SAFETY: by this function's contract.
        let Some(report) = (unsafe { borrow(report) }) else { return 0 };
        match what {
            EFSB_BYTES_SCANNED => report.bytes.scanned,
            EFSB_BYTES_COPIED => report.bytes.copied,
            EFSB_BYTES_LINKED => report.bytes.linked,
            _ => 0,
        }
    })
}

/// When the run began, in nanoseconds since 1970-01-01 00:00 UTC; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_started_ns(report: *const efsb_report) -> i64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(report) }.map_or(0, |report| nanoseconds(report.started)))
}

/// When the run ended, in nanoseconds since 1970-01-01 00:00 UTC; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_finished_ns(report: *const efsb_report) -> i64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(report) }.map_or(0, |report| nanoseconds(report.finished)))
}

/// Nanoseconds since 1970, or the nearest number that fits (years 1970 to 2262).
pub(crate) fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// How many seconds the run took, by a clock that never jumps; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_seconds(report: *const efsb_report) -> f64 {
    // SAFETY: by this function's contract.
    guard_or!(0.0 => unsafe { borrow(report) }.map_or(0.0, |report| report.elapsed.as_secs_f64()))
}

/// How many errors there were; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_errors_total(report: *const efsb_report) -> u64 {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { borrow(report) }.map_or(0, |report| report.errors_total))
}

/// How many of its errors the report keeps: the first 1,000; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_error_count(report: *const efsb_report) -> usize {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { Handle::borrow(report) }.map_or(0, |report| report.errors.len()))
}

/// The error at `index`, from 0; NULL when there is none. Lent as long as the report; never
/// free it.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_error(
    report: *const efsb_report,
    index: usize,
) -> *const efsb_error {
    guard_or!(null() => {
        // SAFETY: by this function's contract.
        let report = unsafe { Handle::borrow(report) };
        report.and_then(|report| report.errors.get(index)).map_or(null(), Handle::lend)
    })
}

/// How many options differed from their defaults; 0 for NULL.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_option_count(report: *const efsb_report) -> usize {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { Handle::borrow(report) }.map_or(0, |report| report.options.len()))
}

/// The option at `index`, from 0, as the command would be told it; NULL when there is none.
/// Lent as long as the report.
///
/// # Safety
/// `report` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_option(
    report: *const efsb_report,
    index: usize,
) -> *const c_char {
    guard_or!(null() => {
        // SAFETY: by this function's contract.
        let report = unsafe { Handle::borrow(report) };
        report
            .and_then(|report| report.options.get(index))
            .map_or(null(), |option| option.as_ptr())
    })
}

/// Writes the report as JSON to `*json`, a string that the caller frees with
/// efsb_string_free(). The fields are the same in every language.
///
/// # Safety
/// `report` is NULL or alive; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_to_json(
    report: *const efsb_report,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let report = unsafe { borrow(report) }.ok_or_else(|| null_argument("report"))?;
        if json.is_null() {
            return Err(null_argument("json"));
        }
        // SAFETY: by this function's contract.
        unsafe { set(json, give_string(report.to_json().to_string())) };
        Ok(())
    }
}

/// Frees a report. NULL is fine.
///
/// # Safety
/// `report` is NULL, or came from this library and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_report_free(report: *mut efsb_report) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(report) })
}
