//! `efsb_backup_options`: what a backup is told.

use crate::error::Failure;
use crate::guard::guard;
use crate::mirror_options::efsb_mirror_options;
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::text;
use efsbackup_core::mirror::Options;
use efsbackup_core::snapshot::BackupOptions;
use std::ffi::c_char;

/// What a backup is told. Start with #EFSB_BACKUP_OPTIONS_INIT or efsb_backup_options_init();
/// everything 0 is the default. A yes-or-no field is yes for every value but 0.
#[repr(C)]
pub struct efsb_backup_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// How the source is copied, who is told how far the run is and what cancels it; may be
    /// NULL. A backup chooses `remove_extraneous`, `link_dest`, `fresh` and
    /// `stale_from_link_dest` itself.
    pub mirror: *const efsb_mirror_options,
    /// Where snapshots' names take the time of day from, such as "Asia/Tokyo". NULL: UTC.
    pub timezone: *const c_char,
    /// The id of the file system that the source must be proved to be on; may be NULL.
    pub expect_id: *const c_char,
    /// The id of the file system that the repository must be proved to be on; may be NULL.
    pub expect_destination_id: *const c_char,
    /// The run that this backup is a part of: up to 64 letters, digits and any of "._-".
    /// Backups that give the same one share the repository instead of refusing each other.
    /// NULL: a run of its own.
    pub run_id: *const c_char,
    /// Publish nothing when the source has shrunk by more than this share, in percent, of the
    /// entries of the last complete snapshot. 0: the default, 50; -1: when it has shrunk at
    /// all.
    pub max_shrink: i32,
    /// How many snapshots to keep. When all keep_ fields are 0, every snapshot is kept; else
    /// what none of them keeps is removed after the new snapshot is complete.
    pub keep_last: u32,
    /// For how many hours to keep the last snapshot of each.
    pub keep_hourly: u32,
    /// For how many days to keep the last snapshot of each.
    pub keep_daily: u32,
    /// For how many weeks to keep the last snapshot of each.
    pub keep_weekly: u32,
    /// For how many months to keep the last snapshot of each.
    pub keep_monthly: u32,
    /// For how many years to keep the last snapshot of each.
    pub keep_yearly: u32,
    /// Refuse to make a repository where there is none: a backup file system that failed to
    /// mount looks like a first run.
    pub require_existing: u8,
    /// Go on although the clock is behind the last snapshot.
    pub accept_clock: u8,
    /// Must be 0.
    pub reserved: [u8; 2],
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_backup_options {
    const NAME: &'static str = "backup options";
}

/// Makes `*options`, of `size` bytes, the default. #EFSB_BACKUP_OPTIONS_INIT does the same;
/// this is for languages that lack macros.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_backup_options_init(
    options: *mut efsb_backup_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// What `options` means to the core, with `copying` for the copying.
///
/// # Safety
/// The texts are NULL or NUL-terminated.
pub(crate) unsafe fn translate(
    options: &efsb_backup_options,
    copying: Options,
) -> Result<BackupOptions, Failure> {
    let invalid = efsb_backup_options::invalid;
    if options.reserved != [0; 2] {
        return Err(invalid("`reserved` must be 0".to_owned()));
    }
    let mut core = BackupOptions::default();
    // SAFETY: by this function's contract.
    if let Some(timezone) = unsafe { text(options.timezone, "timezone") }? {
        core.set_timezone(timezone)?;
    }
    // SAFETY: by this function's contract.
    core.expect_id = unsafe { text(options.expect_id, "expect_id") }?.map(str::to_owned);
    // SAFETY: by this function's contract.
    let destination = unsafe { text(options.expect_destination_id, "expect_destination_id") }?;
    core.expect_destination_id = destination.map(str::to_owned);
    // SAFETY: by this function's contract.
    core.run_id = unsafe { text(options.run_id, "run_id") }?.map(str::to_owned);
    core.max_shrink = match options.max_shrink {
        0 => core.max_shrink,
        -1 => 0,
        other => u8::try_from(other).ok().filter(|percent| *percent <= 100).ok_or_else(|| {
            invalid(format!("`max_shrink` is {other} percent; 1 to 100 and -1 are possible"))
        })?,
    };
    core.require_existing = options.require_existing != 0;
    core.accept_clock = options.accept_clock != 0;
    core.retention.last = options.keep_last;
    core.retention.hourly = options.keep_hourly;
    core.retention.daily = options.keep_daily;
    core.retention.weekly = options.keep_weekly;
    core.retention.monthly = options.keep_monthly;
    core.retention.yearly = options.keep_yearly;
    core.mirror = copying;
    Ok(core)
}
