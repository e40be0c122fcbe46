//! `efsb_status`: how a call ended, as a number.

use crate::guard::guard_or;
use std::ffi::{CStr, c_char};

/// How a call ended: #EFSB_OK, or one of the numbers below, which say what kind of error it
/// was. The list only grows and no number is ever used again.
pub type efsb_status = i32;

/// Everything was done.
pub const EFSB_OK: efsb_status = 0;
/// An argument or option is wrong.
pub const EFSB_INVALID_INPUT: efsb_status = 1;
/// The file system, kernel or build cannot do this.
pub const EFSB_UNSUPPORTED: efsb_status = 2;
/// Something named does not exist.
pub const EFSB_NOT_FOUND: efsb_status = 3;
/// Something that must not exist does.
pub const EFSB_ALREADY_EXISTS: efsb_status = 4;
/// The operating system refused access.
pub const EFSB_PERMISSION_DENIED: efsb_status = 5;
/// A directory was needed.
pub const EFSB_NOT_A_DIRECTORY: efsb_status = 6;
/// Something else than a directory was needed.
pub const EFSB_IS_A_DIRECTORY: efsb_status = 7;
/// Another process holds it.
pub const EFSB_BUSY: efsb_status = 8;
/// No space, quota or inodes left.
pub const EFSB_NO_SPACE: efsb_status = 9;
/// Any other failure of the operating system.
pub const EFSB_IO: efsb_status = 10;
/// A file kept changing while it was copied.
pub const EFSB_CHANGED_DURING_COPY: efsb_status = 11;
/// Symbolic links or references go round in a circle.
pub const EFSB_LOOP: efsb_status = 12;
/// A parameter or expression has no value.
pub const EFSB_UNRESOLVED_PARAMETER: efsb_status = 13;
/// A pipeline definition is wrong.
pub const EFSB_INVALID_DEFINITION: efsb_status = 14;
/// A format cannot carry what the definition says.
pub const EFSB_CANNOT_REPRESENT: efsb_status = 15;
/// The state of things does not allow it now.
pub const EFSB_CONFLICT: efsb_status = 16;
/// Credentials are missing or not accepted.
pub const EFSB_AUTH: efsb_status = 17;
/// A service asked to slow down.
pub const EFSB_THROTTLED: efsb_status = 18;
/// A service failed.
pub const EFSB_REMOTE: efsb_status = 19;
/// It took too long.
pub const EFSB_TIMEOUT: efsb_status = 20;
/// The caller asked to stop.
pub const EFSB_CANCELLED: efsb_status = 21;
/// The run ended, but not everything was done.
pub const EFSB_INCOMPLETE: efsb_status = 22;
/// A guard refused, before anything was changed.
pub const EFSB_SAFETY_STOP: efsb_status = 23;
/// A fault of this library.
pub const EFSB_INTERNAL: efsb_status = 24;
/// An argument that must not be NULL is.
pub const EFSB_NULL_ARGUMENT: efsb_status = 1001;
/// A fault of this library was stopped before it could reach the caller.
pub const EFSB_PANIC: efsb_status = 1002;
/// An option struct is longer than this library knows, and what it does not know is not zero.
pub const EFSB_E2BIG: efsb_status = 1003;

/// Every status and its stable name.
const TABLE: &[(efsb_status, &CStr)] = &[
    (EFSB_OK, c"ok"),
    (EFSB_INVALID_INPUT, c"invalid-input"),
    (EFSB_UNSUPPORTED, c"unsupported"),
    (EFSB_NOT_FOUND, c"not-found"),
    (EFSB_ALREADY_EXISTS, c"already-exists"),
    (EFSB_PERMISSION_DENIED, c"permission-denied"),
    (EFSB_NOT_A_DIRECTORY, c"not-a-directory"),
    (EFSB_IS_A_DIRECTORY, c"is-a-directory"),
    (EFSB_BUSY, c"busy"),
    (EFSB_NO_SPACE, c"no-space"),
    (EFSB_IO, c"io"),
    (EFSB_CHANGED_DURING_COPY, c"changed-during-copy"),
    (EFSB_LOOP, c"loop"),
    (EFSB_UNRESOLVED_PARAMETER, c"unresolved-parameter"),
    (EFSB_INVALID_DEFINITION, c"invalid-definition"),
    (EFSB_CANNOT_REPRESENT, c"cannot-represent"),
    (EFSB_CONFLICT, c"conflict"),
    (EFSB_AUTH, c"auth"),
    (EFSB_THROTTLED, c"throttled"),
    (EFSB_REMOTE, c"remote"),
    (EFSB_TIMEOUT, c"timeout"),
    (EFSB_CANCELLED, c"cancelled"),
    (EFSB_INCOMPLETE, c"incomplete"),
    (EFSB_SAFETY_STOP, c"safety-stop"),
    (EFSB_INTERNAL, c"internal"),
    (EFSB_NULL_ARGUMENT, c"null-argument"),
    (EFSB_PANIC, c"panic"),
    (EFSB_E2BIG, c"e2big"),
];

/// The stable name of a status, such as "not-found"; "unknown" for a number that is none.
/// The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn efsb_status_name(status: efsb_status) -> *const c_char {
    guard_or!(c"unknown".as_ptr() => name(status).as_ptr())
}

fn name(status: efsb_status) -> &'static CStr {
    let row = TABLE.iter().find(|(number, _)| *number == status);
    row.map_or(c"unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use efsbackup_core::ErrorKind;

    #[test]
    fn every_kind_of_error_has_its_number_and_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(name(kind.code()).to_str(), Ok(kind.name()), "{kind:?}");
        }
    }

    #[test]
    fn every_status_but_those_of_this_interface_is_a_kind_of_error() {
        for (status, name) in TABLE {
            let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == *status);
            let own = [EFSB_OK, EFSB_NULL_ARGUMENT, EFSB_PANIC, EFSB_E2BIG].contains(status);
            assert_ne!(kind.is_some(), own, "{name:?}");
        }
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
