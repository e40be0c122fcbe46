//! `efsb_mount_options`: how to mount.

use crate::cancel::efsb_cancel_token;
use crate::error::Failure;
use crate::guard::guard;
use crate::handle::Handle;
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::text;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mount::MountOptions;
use std::ffi::c_char;
use std::time::Duration;

/// How to mount. Start with #EFSB_MOUNT_OPTIONS_INIT or efsb_mount_options_init(); everything
/// 0 is the default: what AWS recommends for EFS. A yes-or-no field is yes for every value
/// but 0.
#[repr(C)]
pub struct efsb_mount_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// The AWS region of a file system given by its id. NULL: AWS_REGION.
    pub region: *const c_char,
    /// The availability zone whose mount target to use; may be NULL.
    pub az: *const c_char,
    /// The mount target's IP address, for where no name resolves; may be NULL.
    pub address: *const c_char,
    /// The access point; needs `tls`. May be NULL.
    pub access_point: *const c_char,
    /// More options, as after mount(8)'s -o; may be NULL.
    pub options: *const c_char,
    /// What cancels it; may be NULL.
    pub cancel: *const efsb_cancel_token,
    /// The longest time in seconds that it may take in all. 0: 30.
    pub timeout_seconds: f64,
    /// Nothing can be written through the mount.
    pub read_only: u8,
    /// Encrypt in transit; needs amazon-efs-utils.
    pub tls: u8,
    /// Sign in with the machine's IAM identity; needs `tls`.
    pub iam: u8,
    /// Must be 0.
    pub reserved: [u8; 5],
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_mount_options {
    const NAME: &'static str = "mount options";
}

/// Makes `*options`, of `size` bytes, the default. #EFSB_MOUNT_OPTIONS_INIT does the same;
/// this is for languages that lack macros.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mount_options_init(
    options: *mut efsb_mount_options,
    size: usize,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { OptionStruct::init(options, size) }
    }
}

/// What `given` means to the core.
///
/// # Safety
/// The pointers in `given` are NULL or as it says.
pub(crate) unsafe fn translate(
    given: &efsb_mount_options,
) -> Result<(MountOptions, CancelToken), Failure> {
    if given.reserved != [0; 5] {
        return Err(efsb_mount_options::invalid("`reserved` must be 0"));
    }
    // SAFETY: by this function's contract.
    let owned = |value, name| unsafe { text(value, name) }.map(|text| text.map(str::to_owned));
    let mut options = MountOptions::default();
    options.region = owned(given.region, "region")?;
    options.az = owned(given.az, "az")?;
    options.access_point = owned(given.access_point, "access_point")?;
    options.options = owned(given.options, "options")?.into_iter().collect();
    if let Some(address) = owned(given.address, "address")? {
        let address = address.parse();
        let no_address = |_| efsb_mount_options::invalid("`address` is no IP address");
        options.address = Some(address.map_err(no_address)?);
    }
    options.timeout = seconds(given.timeout_seconds, options.timeout)?;
    options.read_only = given.read_only != 0;
    options.tls = given.tls != 0;
    options.iam = given.iam != 0;
    // SAFETY: by this function's contract.
    let cancel = unsafe { Handle::borrow(given.cancel) }.cloned().unwrap_or_default();
    Ok((options, cancel))
}

/// A time limit; 0 is the default.
pub(crate) fn seconds(value: f64, default: Duration) -> Result<Duration, Failure> {
    match Duration::try_from_secs_f64(value) {
        Ok(Duration::ZERO) => Ok(default),
        Ok(duration) => Ok(duration),
        Err(_) => Err(efsb_mount_options::invalid("`timeout_seconds` is no time limit")),
    }
}
