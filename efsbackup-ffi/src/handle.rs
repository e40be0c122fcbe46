//! Rust values that C holds by an opaque pointer.

/// A type that C sees only as `typedef struct efsb_x efsb_x;`. The implementing type is
/// never made; pointers to it are pointers to a boxed [`Handle::Value`]. A cast between
/// handles of different types does not compile.
pub(crate) trait Handle: Sized {
    /// What the pointer really points to.
    type Value;

    /// Gives `value` to C, which must free it with the type's `_free` function.
    fn give(value: Self::Value) -> *mut Self {
        Box::into_raw(Box::new(value)).cast()
    }

    /// A pointer that C may use as long as `value` lives.
    fn lend(value: &Self::Value) -> *const Self {
        std::ptr::from_ref(value).cast()
    }

    /// The value behind `handle`, or `None` for NULL.
    ///
    /// # Safety
    /// `handle` is NULL or came from [`Handle::give`] or [`Handle::lend`] and is alive for
    /// `'a`.
    unsafe fn borrow<'a>(handle: *const Self) -> Option<&'a Self::Value> {
        // SAFETY: by this function's contract the pointer is NULL or points to a live value.
        unsafe { handle.cast::<Self::Value>().as_ref() }
    }

    /// Takes the value back from C; `None` for NULL.
    ///
    /// # Safety
    /// `handle` is NULL or came from [`Handle::give`] and was not freed before.
    unsafe fn take(handle: *mut Self) -> Option<Self::Value> {
        // SAFETY: by this function's contract it is a box that nobody else will free.
        (!handle.is_null()).then(|| *unsafe { Box::from_raw(handle.cast::<Self::Value>()) })
    }

    /// Frees the value; nothing happens for NULL.
    ///
    /// # Safety
    /// `handle` is NULL or came from [`Handle::give`] and was not freed before.
    unsafe fn free(handle: *mut Self) {
        // SAFETY: by this function's contract.
        drop(unsafe { Self::take(handle) });
    }
}
