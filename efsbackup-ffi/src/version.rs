//! The versions of library and ABI.

use crate::guard::guard_or;
use std::ffi::{CStr, c_char};

/// The version of the ABI that this header describes; see efsb_abi_version().
pub const EFSB_ABI_VERSION: u32 = 0;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the library that is loaded, such as "1.2.3"; compare EFSB_VERSION, that of
/// the header compiled with. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_version() -> *const c_char {
    guard_or!(c"".as_ptr() => VERSION.as_ptr())
}

/// The ABI of the library that is loaded; compare #EFSB_ABI_VERSION. It is also the number in
/// the library's SONAME, and rises when programs must be compiled again.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_abi_version() -> u32 {
    guard_or!(EFSB_ABI_VERSION => EFSB_ABI_VERSION)
}

/// Panics inside. Not in the header: tests prove with it that no panic reaches C.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn efsb_test_panic() -> crate::status::efsb_status {
    #[allow(clippy::panic)]
    let body = || -> Result<(), crate::error::Failure> { panic!("asked for by a test") };
    crate::guard::guard!(body())
}
