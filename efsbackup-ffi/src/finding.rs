//! `efsb_finding`: what validation says of a definition.

use crate::guard::guard_or;
use crate::handle::Handle;
use crate::text::c_string;
use efsbackup_core::pipeline::{Finding, Severity};
use std::ffi::{CString, c_char};
use std::ptr::null;

/// All that efsb_definition_validate() found, in the order of the definition. Freed with
/// efsb_finding_list_free().
pub struct efsb_finding_list {
    _private: [u8; 0],
}

impl Handle for efsb_finding_list {
    type Value = Vec<FindingForC>;
}

/// One thing that is wrong or doubtful in a definition. It belongs to its list.
pub struct efsb_finding {
    _private: [u8; 0],
}

impl Handle for efsb_finding {
    type Value = FindingForC;
}

/// A finding with its texts in the form that C reads.
pub struct FindingForC {
    is_error: bool,
    code: CString,
    object: Option<CString>,
    field: Option<CString>,
    path: CString,
    message: CString,
}

impl From<Finding> for FindingForC {
    fn from(finding: Finding) -> Self {
        FindingForC {
            is_error: finding.severity == Severity::Error,
            code: c_string(finding.code.as_str()),
            path: c_string(finding.place()),
            object: finding.object.map(c_string),
            field: finding.field.map(c_string),
            message: c_string(finding.text),
        }
    }
}

/// How many findings there are; 0 for NULL.
///
/// # Safety
/// `list` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_list_count(list: *const efsb_finding_list) -> usize {
    // SAFETY: by this function's contract.
    guard_or!(0 => unsafe { Handle::borrow(list) }.map_or(0, Vec::len))
}

/// The finding at `index`, lent as long as the list; NULL beyond the end and for NULL.
///
/// # Safety
/// `list` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_list_get(
    list: *const efsb_finding_list,
    index: usize,
) -> *const efsb_finding {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(list) }
        .and_then(|list| list.get(index))
        .map_or(null(), Handle::lend))
}

/// Frees a list with its findings. NULL is fine.
///
/// # Safety
/// `list` is NULL, or came from this library and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_list_free(list: *mut efsb_finding_list) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(list) })
}

/// Whether the service would refuse the definition for it; else it is a warning. False for
/// NULL.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_is_error(finding: *const efsb_finding) -> bool {
    // SAFETY: by this function's contract.
    guard_or!(false => unsafe { Handle::borrow(finding) }.is_some_and(|found| found.is_error))
}

/// Its stable code, such as "E301"; NULL for NULL. Lent as long as the finding.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_code(finding: *const efsb_finding) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(finding) }
        .map_or(null(), |found| found.code.as_ptr()))
}

/// The object's or parameter's id; NULL where it is about the whole definition, and for NULL.
/// Lent as long as the finding.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_object(finding: *const efsb_finding) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(finding) }
        .and_then(|found| found.object.as_ref())
        .map_or(null(), |object| object.as_ptr()))
}

/// The field's key; NULL where it is about no field, and for NULL. Lent as long as the
/// finding.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_field(finding: *const efsb_finding) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(finding) }
        .and_then(|found| found.field.as_ref())
        .map_or(null(), |field| field.as_ptr()))
}

/// Where it is: "object.field", "object" or "definition"; NULL for NULL. Lent as long as the
/// finding.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_path(finding: *const efsb_finding) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(finding) }
        .map_or(null(), |found| found.path.as_ptr()))
}

/// What is wrong, and how to mend it; NULL for NULL. Lent as long as the finding.
///
/// # Safety
/// `finding` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_finding_message(finding: *const efsb_finding) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(finding) }
        .map_or(null(), |found| found.message.as_ptr()))
}
