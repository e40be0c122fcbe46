//! `efsb_mirror`: make one tree equal to another.

use crate::error::Failure;
use crate::guard::guard;
use crate::handle::Handle;
use crate::mirror_options::efsb_mirror_options;
use crate::option_struct::OptionStruct;
use crate::report::efsb_report;
use crate::status::efsb_status;
use crate::text::{path, set};
use efsbackup_core::mirror::{Mirror, Report};
use std::ffi::c_char;
use std::ptr::null_mut;

/// Makes the contents of the directory `destination` equal those of the directory `source`.
/// `destination` is made if it is missing; its parent must exist. A `source` that is a file, a
/// symbolic link to no directory, or a special, goes into the directory `destination`, or gets
/// that name.
///
/// `options` may be NULL: all defaults. What it points to is used until the call returns.
///
/// `report` may be NULL. Else it receives NULL at first, and a report, which the caller frees
/// with efsb_report_free(), whenever the run went far enough to have one: always with #EFSB_OK
/// and #EFSB_INCOMPLETE, sometimes with other results.
///
/// Returns #EFSB_OK when all that still exists was copied (exit status 0 or 24 of the command);
/// #EFSB_INCOMPLETE when entries failed, deletion was withheld or `stop_after_ms` ended the
/// run; #EFSB_CANCELLED; #EFSB_SAFETY_STOP when a guard refused before anything was changed;
/// another status when the run could not go on. Blocks until then; may be called from several
/// threads at once.
///
/// # Safety
/// `source` and `destination` are NULL or NUL-terminated; `options` is NULL or has as many
/// readable bytes as its `size` says, and its pointers are as their comments say; `report` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mirror(
    source: *const c_char,
    destination: *const c_char,
    options: *const efsb_mirror_options,
    report: *mut *mut efsb_report,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(report, null_mut()) };
        // SAFETY: by this function's contract.
        let source = unsafe { path(source, "source") }?;
        // SAFETY: by this function's contract.
        let destination = unsafe { path(destination, "destination") }?;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_mirror_options::read(options) }?;
        // SAFETY: by this function's contract.
        let copying = unsafe { options.copying() }?;
        let mut callback = options.callback();
        let entries = callback.entries();
        let mut mirror = Mirror::new(source, destination).options(copying.options);
        if let Some(listener) = entries.listener() {
            mirror = mirror.listener(listener);
        }
        let done = mirror.cancel(&copying.cancel).progress(&mut callback).run();
        let done = callback.end(done, Report::log)?;
        // SAFETY: by this function's contract.
        unsafe { finish(report, done) }
    }
}

/// Gives the caller the report, if it is wanted, and says whether all is well.
///
/// # Safety
/// `report` is NULL or may be written.
pub(crate) unsafe fn finish(report: *mut *mut efsb_report, done: Report) -> Result<(), Failure> {
    let result = done.clone().into_result();
    if !report.is_null() {
        // SAFETY: by this function's contract.
        unsafe { set(report, efsb_report::give(done.into())) };
    }
    result?;
    Ok(())
}
