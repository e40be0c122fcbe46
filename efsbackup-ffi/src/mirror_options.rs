//! `efsb_mirror_options`: what a mirror is told.

use crate::cancel::efsb_cancel_token;
use crate::error::Failure;
use crate::guard::guard;
use crate::handle::Handle;
use crate::log::{Log, efsb_log_fn};
use crate::option_struct::OptionStruct;
use crate::progress::{Callback, efsb_progress_fn};
use crate::status::efsb_status;
use crate::text::paths;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Filter, Fsync, Jobs, LinkSource, MaxDelete, Options, Trust};
use std::ffi::{c_char, c_void};
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Each file before it is closed on network file systems, the file system at the end elsewhere.
pub const EFSB_FSYNC_AUTO: i32 = 0;
/// Never; the operating system writes it in its own time.
pub const EFSB_FSYNC_NONE: i32 = 1;
/// Each file before it is closed.
pub const EFSB_FSYNC_FILES: i32 = 2;
/// The whole file system once, at the end of the run.
pub const EFSB_FSYNC_END: i32 = 3;

/// Half of the destination's entries, once it holds over 100; `max_delete` must be 0.
pub const EFSB_MAX_DELETE_DEFAULT: i32 = 0;
/// `max_delete` is a number of entries.
pub const EFSB_MAX_DELETE_COUNT: i32 = 1;
/// `max_delete` is a share of the destination's entries in percent, once it holds over 100.
pub const EFSB_MAX_DELETE_PERCENT: i32 = 2;

/// What a mirror is told. Start with #EFSB_MIRROR_OPTIONS_INIT or
/// efsb_mirror_options_init(); everything 0 is the default, which preserves all and removes
/// nothing. A yes-or-no field is yes for every value but 0.
#[repr(C)]
pub struct efsb_mirror_options {
    /// The size of this struct where it was compiled. A program compiled with an older header
    /// gets the defaults for what it does not know.
    pub size: usize,
    /// Told how far the run is; may be NULL.
    pub progress: efsb_progress_fn,
    /// Given to `progress`.
    pub user_data: *mut c_void,
    /// Cancels the run; may be NULL.
    pub cancel: *const efsb_cancel_token,
    /// Trees whose equal files are hard-linked instead of copied; the first match wins. They
    /// must be on the destination's file system. May be NULL when `link_dest_count` is 0.
    pub link_dest: *const *const c_char,
    /// How many paths `link_dest` has.
    pub link_dest_count: usize,
    /// What takes part: rules in order, of which the first that matches decides. `- PATTERN`
    /// or `PATTERN` excludes, `+ PATTERN` includes; patterns are rsync's. What is excluded
    /// stays at the destination. May be NULL when `filter_count` is 0.
    pub filter: *const *const c_char,
    /// How many rules `filter` has.
    pub filter_count: usize,
    /// When more would be removed, nothing is; `max_delete_unit` tells the unit.
    pub max_delete: u64,
    /// End the run after this many milliseconds: files in hand are finished, nothing is
    /// removed. 0: no limit.
    pub stop_after_ms: u64,
    /// How many bytes of file content all threads together may copy or compare in a second. 0:
    /// no limit.
    pub limit_bytes: u64,
    /// How many operations on the file systems all threads together may do in a second; each
    /// system call counts. 0: no limit.
    pub limit_ops: u64,
    /// How many threads copy. 0: found from the measured latency.
    pub jobs: u32,
    /// The most names a file may have at the destination (EFS: 177); where linking would
    /// exceed it, the file is copied. 0: what the file system allows.
    pub max_links: u32,
    /// How often a file that changes while it is read is read again. 0: the default, 3; -1:
    /// never.
    pub retries: i32,
    /// When data is made durable: an EFSB_FSYNC_ constant.
    pub fsync: i32,
    /// The unit of `max_delete`: an EFSB_MAX_DELETE_ constant.
    pub max_delete_unit: i32,
    /// Remove what the source lacks.
    pub remove_extraneous: u8,
    /// Compare contents, not size and time.
    pub checksum: u8,
    /// Take files of equal size as equal in content, whatever their time.
    pub size_only: u8,
    /// Rewrite existing files where they are, only the blocks that differ, instead of replacing
    /// them; holes over old data become zeros. Not with `strict`, nor for backups.
    pub in_place: u8,
    /// Do nothing, only report what would be done.
    pub dry_run: u8,
    /// Leave out what is on other file systems.
    pub one_file_system: u8,
    /// Do not preserve extended attributes.
    pub no_xattrs: u8,
    /// Do not preserve POSIX ACLs.
    pub no_acls: u8,
    /// Do not preserve hard links.
    pub no_hard_links: u8,
    /// Do not preserve owner and group.
    pub no_owner: u8,
    /// Leave out fifos, sockets and devices.
    pub no_specials: u8,
    /// Accept an empty source although `remove_extraneous` is on.
    pub allow_empty: u8,
    /// Where a file keeps changing, keep the destination's previous version.
    pub strict: u8,
    /// The destination is new and nobody reads it before the run ends: files are written
    /// under their own names.
    pub fresh: u8,
    /// Where an entry cannot be read, take it from the first tree of `link_dest` instead. It
    /// is still counted as failed.
    pub stale_from_link_dest: u8,
    /// Must be 0.
    pub reserved: [u8; 5],
    /// Told what is done, its first argument `user_data`; may be NULL.
    pub log: efsb_log_fn,
    /// The lowest level that `log` is told, an EFSB_LOG_ constant.
    pub log_level: i32,
    /// Must be 0.
    pub reserved_more: i32,
}

/// Makes `*options`, of `size` bytes, the default. #EFSB_MIRROR_OPTIONS_INIT does the same;
/// this is for languages that lack macros.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_mirror_options_init(
    options: *mut efsb_mirror_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

// SAFETY: the struct above is of numbers, raw pointers and a function pointer that may be NULL.
unsafe impl OptionStruct for efsb_mirror_options {
    const NAME: &'static str = "mirror options";
}

fn invalid(message: impl Into<String>) -> Failure {
    efsb_mirror_options::invalid(message)
}

/// What the options mean to the core.
pub(crate) struct Copying {
    /// How things are copied.
    pub(crate) options: Options,
    /// The caller's token, or one that nobody cancels.
    pub(crate) cancel: CancelToken,
}

impl efsb_mirror_options {
    /// What the options mean to the core.
    ///
    /// # Safety
    /// The pointers are as their comments say.
    pub(crate) unsafe fn copying(&self) -> Result<Copying, Failure> {
        // SAFETY: by this function's contract.
        let options = unsafe { translate(self) }?;
        // SAFETY: by this function's contract.
        let token = unsafe { Handle::borrow(self.cancel) };
        Ok(Copying { options, cancel: token.cloned().unwrap_or_default() })
    }

    /// The caller's callback as an observer.
    pub(crate) fn callback(&self) -> Callback {
        let log = Log { function: self.log, user_data: self.user_data, level: self.log_level };
        Callback::new(self.progress, self.user_data, log)
    }
}

/// # Safety
/// `link_dest` is NULL or has `link_dest_count` NUL-terminated strings.
unsafe fn translate(options: &efsb_mirror_options) -> Result<Options, Failure> {
    if options.reserved != [0; 5] || options.reserved_more != 0 {
        return Err(invalid("`reserved` must be 0"));
    }
    let defaults = Options::default();
    let mut core = defaults.clone();
    core.delete = options.remove_extraneous != 0;
    core.checksum = options.checksum != 0;
    core.size_only = options.size_only != 0;
    core.in_place = options.in_place != 0;
    core.dry_run = options.dry_run != 0;
    core.one_file_system = options.one_file_system != 0;
    core.xattrs = options.no_xattrs == 0;
    core.acls = options.no_acls == 0;
    core.hard_links = options.no_hard_links == 0;
    core.owner = options.no_owner == 0;
    core.specials = options.no_specials == 0;
    core.allow_empty = options.allow_empty != 0;
    core.strict = options.strict != 0;
    core.fresh = options.fresh != 0;
    core.stale_from_link_source = options.stale_from_link_dest != 0;
    core.max_delete = max_delete(options)?;
    core.stop_after = some(options.stop_after_ms).map(Duration::from_millis);
    core.jobs = some(u64::from(options.jobs))
        .and_then(|jobs| usize::try_from(jobs).ok())
        .map_or(Jobs::Auto, Jobs::Count);
    core.limit_bytes = NonZeroU64::new(options.limit_bytes);
    core.limit_ops = NonZeroU64::new(options.limit_ops);
    core.max_links = (options.max_links != 0).then_some(options.max_links);
    core.retries = match options.retries {
        0 => defaults.retries,
        -1 => 0,
        retries => u32::try_from(retries)
            .map_err(|_| invalid(format!("`retries` is {retries}; use -1 for none")))?,
    };
    core.fsync = match options.fsync {
        EFSB_FSYNC_AUTO => Fsync::Auto,
        EFSB_FSYNC_NONE => Fsync::None,
        EFSB_FSYNC_FILES => Fsync::Files,
        EFSB_FSYNC_END => Fsync::End,
        other => return Err(invalid(format!("`fsync` is {other}, no EFSB_FSYNC_ constant"))),
    };
    // SAFETY: by this function's contract.
    core.link_sources = unsafe { link_sources(options) }?;
    // SAFETY: by this function's contract.
    core.filter = unsafe { filter(options) }?;
    Ok(core)
}

/// `None` for 0.
fn some(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

fn max_delete(options: &efsb_mirror_options) -> Result<MaxDelete, Failure> {
    match (options.max_delete_unit, options.max_delete) {
        (EFSB_MAX_DELETE_DEFAULT, 0) => Ok(MaxDelete::default()),
        (EFSB_MAX_DELETE_DEFAULT, _) => {
            Err(invalid("`max_delete` is set, but not `max_delete_unit`"))
        }
        (EFSB_MAX_DELETE_COUNT, count) => Ok(MaxDelete::Count(count)),
        (EFSB_MAX_DELETE_PERCENT, percent) => match u8::try_from(percent) {
            Ok(percent @ 0..=100) => Ok(MaxDelete::Percent(percent)),
            _ => Err(invalid(format!("`max_delete` is {percent} percent; 0 to 100 is possible"))),
        },
        (other, _) => {
            Err(invalid(format!("`max_delete_unit` is {other}, no EFSB_MAX_DELETE_ constant")))
        }
    }
}

/// # Safety
/// As for [`translate`].
unsafe fn link_sources(options: &efsb_mirror_options) -> Result<Vec<LinkSource>, Failure> {
    // SAFETY: by this function's contract.
    let paths = unsafe { paths(options.link_dest, options.link_dest_count, "link_dest") }?;
    let link_source = |path: &Path| LinkSource::new(path, Trust::Metadata);
    Ok(paths.into_iter().map(link_source).collect())
}

/// # Safety
/// As for [`translate`].
unsafe fn filter(options: &efsb_mirror_options) -> Result<Filter, Failure> {
    // Rules are bytes without a NUL, as paths are.
    // SAFETY: by this function's contract.
    let rules = unsafe { paths(options.filter, options.filter_count, "filter") }?;
    let add = |filter: Filter, rule: &Path| filter.rule(rule.as_os_str().as_bytes());
    Ok(rules.into_iter().try_fold(Filter::new(), add)?)
}
