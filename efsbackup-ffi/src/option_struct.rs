//! Option structs that programs compiled with another header may pass.
//!
//! The first field is the struct's size where it was compiled. All zeros is the default, so a
//! shorter struct is read with zeros for what its program does not know, and a longer one is
//! fine as long as what this library does not know is zero.

use crate::error::Failure;
use crate::status::{EFSB_E2BIG, EFSB_INVALID_INPUT};
use crate::text::null_argument;
use std::mem::MaybeUninit;

/// An option struct.
///
/// # Safety
/// The type is `repr(C)`, its first field is a `usize`, and every field may hold any bit
/// pattern: numbers, raw pointers and optional function pointers.
pub(crate) unsafe trait OptionStruct: Sized {
    /// What errors call it.
    const NAME: &'static str;

    /// An error in what the struct says.
    fn invalid(message: impl Into<String>) -> Failure {
        Failure::of(EFSB_INVALID_INPUT, Self::NAME, message)
    }

    /// Makes the `size` bytes at `options` the default.
    ///
    /// # Safety
    /// `options` is NULL or `size` bytes may be written at it.
    unsafe fn init(options: *mut Self, size: usize) -> Result<(), Failure> {
        if options.is_null() {
            return Err(null_argument("options"));
        }
        Self::check_size(size)?;
        // SAFETY: by this function's contract, and the size is enough for the first field.
        unsafe {
            options.cast::<u8>().write_bytes(0, size);
            options.cast::<usize>().write(size);
        }
        Ok(())
    }

    /// The caller's options; all defaults for NULL.
    ///
    /// # Safety
    /// `options` is NULL or has as many readable bytes as its first field says.
    unsafe fn read(options: *const Self) -> Result<Self, Failure> {
        let known_size = size_of::<Self>();
        let mut copy = MaybeUninit::<Self>::zeroed();
        if !options.is_null() {
            // SAFETY: the size is the first field in every version.
            let size = unsafe { options.cast::<usize>().read() };
            Self::check_size(size)?;
            // SAFETY: by this function's contract.
            let bytes = unsafe { std::slice::from_raw_parts(options.cast::<u8>(), size) };
            let (known, unknown) = bytes.split_at(size.min(known_size));
            if unknown.iter().any(|byte| *byte != 0) {
                let why = format!("the struct has {size} bytes, this library knows {known_size}");
                return Err(Failure::of(EFSB_E2BIG, Self::NAME, why));
            }
            let target = copy.as_mut_ptr().cast::<u8>();
            // SAFETY: `known` is at most as long as the copy, and they do not overlap.
            unsafe { target.copy_from_nonoverlapping(known.as_ptr(), known.len()) };
        }
        // SAFETY: every byte is set, and the trait says that any bytes are valid.
        Ok(unsafe { copy.assume_init() })
    }

    /// Refuses a size that cannot be meant.
    fn check_size(size: usize) -> Result<(), Failure> {
        if size < size_of::<usize>() {
            return Err(Self::invalid("`size` is not set; start with the _INIT macro"));
        }
        Ok(())
    }
}
