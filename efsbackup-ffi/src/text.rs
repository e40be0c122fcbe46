//! Strings and paths in and out. Text is UTF-8; paths are bytes; both end with a NUL.

use crate::error::Failure;
use crate::guard::guard_or;
use crate::status::{EFSB_INTERNAL, EFSB_INVALID_INPUT, EFSB_NULL_ARGUMENT};
use serde::Serialize;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Frees a string that efsbackup gave (not one that it lent). NULL is fine.
///
/// # Safety
/// `string` is NULL, or was given by this library and not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_string_free(string: *mut c_char) {
    guard_or!(() => {
        if !string.is_null() {
            // SAFETY: by this function's contract it came from `give_string`.
            drop(unsafe { CString::from_raw(string) });
        }
    })
}

/// Gives `text` to C, which must free it with [`efsb_string_free`].
pub(crate) fn give_string(text: String) -> *mut c_char {
    c_string(text).into_raw()
}

/// `text` for C. A NUL inside, which C could not see past, is shown as `\0`.
pub(crate) fn c_string(text: impl Into<String>) -> CString {
    let text: String = text.into();
    CString::new(text).unwrap_or_else(|error| {
        let bytes = error.into_vec();
        let shown: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
        CString::new(shown.join(&b"\\0"[..])).unwrap_or_default()
    })
}

/// The path at `path`; an error that names `argument` for NULL.
///
/// # Safety
/// `path` is NULL or a NUL-terminated string that is alive for `'a`.
pub(crate) unsafe fn path<'a>(path: *const c_char, argument: &str) -> Result<&'a Path, Failure> {
    if path.is_null() {
        return Err(null_argument(argument));
    }
    // SAFETY: by this function's contract.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

/// The `count` paths at `paths`; an error that names `argument` for a NULL among them.
///
/// # Safety
/// `paths` is NULL or has `count` pointers, each as for [`path`].
pub(crate) unsafe fn paths<'a>(
    paths: *const *const c_char,
    count: usize,
    argument: &str,
) -> Result<Vec<&'a Path>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if paths.is_null() {
        return Err(null_argument(argument));
    }
    // SAFETY: by this function's contract.
    let pointers = unsafe { std::slice::from_raw_parts(paths, count) };
    // SAFETY: by this function's contract.
    pointers.iter().map(|&pointer| unsafe { path(pointer, argument) }).collect()
}

/// The UTF-8 text at `text`; `None` for NULL, and an error that names `argument` for what is
/// not UTF-8.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that is alive for `'a`.
pub(crate) unsafe fn text<'a>(
    text: *const c_char,
    argument: &str,
) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: by this function's contract.
    match unsafe { CStr::from_ptr(text) }.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => {
            let why = format!("{argument} is not UTF-8");
            Err(Failure::of(EFSB_INVALID_INPUT, "call", why))
        }
    }
}

/// As [`text`], but an error for NULL too.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn needed<'a>(text: *const c_char, argument: &str) -> Result<&'a str, Failure> {
    // SAFETY: by this function's contract.
    unsafe { self::text(text, argument) }?.ok_or_else(|| null_argument(argument))
}

/// The `count` texts at `texts`; an error that names `argument` for a NULL among them.
///
/// # Safety
/// `texts` is NULL or has `count` pointers, each as for [`text`].
pub(crate) unsafe fn texts<'a>(
    texts: *const *const c_char,
    count: usize,
    argument: &str,
) -> Result<Vec<&'a str>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if texts.is_null() {
        return Err(null_argument(argument));
    }
    // SAFETY: by this function's contract.
    let pointers = unsafe { std::slice::from_raw_parts(texts, count) };
    // SAFETY: by this function's contract.
    pointers.iter().map(|&pointer| unsafe { needed(pointer, argument) }).collect()
}

/// Gives `value` to the caller as JSON, if it is wanted.
///
/// # Safety
/// `json` is NULL or may be written.
pub(crate) unsafe fn give_json<T: Serialize>(
    json: *mut *mut c_char,
    value: &T,
) -> Result<(), Failure> {
    if !json.is_null() {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::of(EFSB_INTERNAL, "json", error.to_string()))?;
        // SAFETY: by this function's contract.
        unsafe { set(json, give_string(text)) };
    }
    Ok(())
}

/// The error for an argument that must not be NULL.
pub(crate) fn null_argument(argument: &str) -> Failure {
    Failure::of(EFSB_NULL_ARGUMENT, "call", format!("{argument} must not be NULL"))
}

/// Writes `value` to an out-parameter that may be NULL.
///
/// # Safety
/// `out` is NULL or may be written.
pub(crate) unsafe fn set<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: by this function's contract; what was there needs no drop, being C's.
        unsafe { out.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_inside_a_text_does_not_cut_it() {
        assert_eq!(c_string("a\0b").as_bytes(), b"a\\0b");
    }
}
