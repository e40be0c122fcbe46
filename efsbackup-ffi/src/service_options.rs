//! What calls that copy nothing, plans and runs are told.

use crate::cancel::efsb_cancel_token;
use crate::definition_options::pairs;
use crate::error::Failure;
use crate::guard::guard;
use crate::handle::Handle;
use crate::log::{Log, efsb_log_fn};
use crate::option_struct::OptionStruct;
use crate::progress::{Callback, efsb_progress_fn};
use crate::status::efsb_status;
use crate::text::text;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::deploy::{Tag, Wanted};
use efsbackup_core::expression::Value;
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// How a call is made that copies nothing. Start with #EFSB_CALL_OPTIONS_INIT; everything 0 is the
/// default.
#[repr(C)]
pub struct efsb_call_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// Cancels the call; may be NULL.
    pub cancel: *const efsb_cancel_token,
    /// Told what is done; may be NULL.
    pub log: efsb_log_fn,
    /// The first argument of `log` and `progress`.
    pub user_data: *mut c_void,
    /// The lowest level that `log` is told, an EFSB_LOG_ constant.
    pub log_level: i32,
    /// Must be 0.
    pub reserved: i32,
    /// How many milliseconds efsb_service_wait(), or efsb_service_apply() for a deactivation,
    /// waits at most. 0: without end.
    pub patience_ms: u64,
    /// Told how far efsb_verify() or efsb_adopt() is, its first argument `user_data`; may be NULL.
    pub progress: efsb_progress_fn,
}

/// What pipeline is wanted. Start with #EFSB_PLAN_OPTIONS_INIT; everything 0 is the default.
#[repr(C)]
pub struct efsb_plan_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// Values of parameters, each "NAME=VALUE", in place of the definition's own; the same name
    /// again makes a list. May be NULL when `value_count` is 0.
    pub values: *const *const c_char,
    /// How many values there are.
    pub value_count: usize,
    /// The unique id of its creation. NULL: the name.
    pub unique_id: *const c_char,
    /// Its description. NULL: the one that is there.
    pub description: *const c_char,
    /// All its tags, each "KEY=VALUE". NULL: those that are there.
    pub tags: *const *const c_char,
    /// How many tags there are.
    pub tag_count: usize,
    /// Where its schedule resumes when it is activated, "YYYY-MM-DDTHH:MM:SS" in UTC; may be
    /// NULL.
    pub start: *const c_char,
    /// Have it active, with this definition.
    pub activate: u8,
    /// Where it must be inactive for the change, cancel what runs instead of waiting for it.
    pub cancel_running: u8,
    /// Where nothing else does it, delete it and make it anew, its history lost.
    pub recreate: u8,
    /// Must be 0.
    pub reserved: [u8; 5],
}

/// How a definition is run. Start with #EFSB_RUN_OPTIONS_INIT; everything 0 is the default.
#[repr(C)]
pub struct efsb_run_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// The pipeline's name in the state. NULL: "pipeline".
    pub name: *const c_char,
    /// The folder of logs and notifications. NULL: "efsbackup-logs".
    pub log_dir: *const c_char,
    /// The file that keeps the state, on a local disk. NULL: it goes with the run.
    pub state: *const c_char,
    /// Values of parameters, each "NAME=VALUE". May be NULL when `value_count` is 0.
    pub values: *const *const c_char,
    /// How many values there are.
    pub value_count: usize,
    /// Take no task from this time on, "YYYY-MM-DDTHH:MM:SS" in UTC, finish those in hand and
    /// stop; may be NULL.
    pub until: *const c_char,
    /// More variables for the scripts, each "NAME=VALUE". May be NULL when `variable_count` is
    /// 0.
    pub variables: *const *const c_char,
    /// How many variables there are.
    pub variable_count: usize,
    /// How many tasks run at the same time. 0: the default, 2.
    pub tasks: u32,
    /// Make one run now, whatever the schedule says, and then stop.
    pub once: u8,
    /// Must be 0.
    pub reserved: [u8; 3],
}

/// How AWS is reached. Start with #EFSB_AWS_OPTIONS_INIT. What is NULL comes from the
/// environment and the profile, as with the AWS CLI.
#[repr(C)]
pub struct efsb_aws_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// The region, such as "us-east-1".
    pub region: *const c_char,
    /// The profile in the AWS CLI's files.
    pub profile: *const c_char,
    /// A URL in place of AWS's own.
    pub endpoint: *const c_char,
    /// An access key, given with its secret.
    pub access_key_id: *const c_char,
    /// The secret access key.
    pub secret_access_key: *const c_char,
    /// The session's token, where the key is a temporary one.
    pub session_token: *const c_char,
}

// SAFETY: the struct above is of numbers, raw pointers and a function pointer that may be NULL.
unsafe impl OptionStruct for efsb_call_options {
    const NAME: &'static str = "call options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_plan_options {
    const NAME: &'static str = "plan options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_run_options {
    const NAME: &'static str = "run options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_aws_options {
    const NAME: &'static str = "AWS options";
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_CALL_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_call_options_init(
    options: *mut efsb_call_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_PLAN_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_plan_options_init(
    options: *mut efsb_plan_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_RUN_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_run_options_init(
    options: *mut efsb_run_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_AWS_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_aws_options_init(
    options: *mut efsb_aws_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

impl efsb_call_options {
    /// The caller's token, or one that nobody cancels.
    ///
    /// # Safety
    /// `cancel` is NULL or alive.
    pub(crate) unsafe fn token(&self) -> Result<CancelToken, Failure> {
        if self.reserved != 0 {
            return Err(Self::invalid("`reserved` must be 0"));
        }
        // SAFETY: by this function's contract.
        Ok(unsafe { Handle::borrow(self.cancel) }.cloned().unwrap_or_default())
    }

    /// The caller's callback.
    pub(crate) fn log(&self) -> Log {
        Log { function: self.log, user_data: self.user_data, level: self.log_level }
    }

    /// The caller's callbacks, for what goes through files.
    pub(crate) fn callback(&self) -> Callback {
        Callback::new(self.progress, self.user_data, self.log())
    }

    /// How long to wait at most.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.patience_ms != 0).then(|| Duration::from_millis(self.patience_ms))
    }
}

/// Tags, each "KEY=VALUE".
///
/// # Safety
/// `tags` is NULL or has `count` texts, each NULL or NUL-terminated.
pub(crate) unsafe fn tags(tags: *const *const c_char, count: usize) -> Result<Vec<Tag>, Failure> {
    // SAFETY: by this function's contract.
    let pairs = unsafe { pairs(tags, count, "tags") }?.into_iter();
    Ok(pairs.map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() }).collect())
}

impl efsb_plan_options {
    /// Completes what is wanted; its definition gets the values.
    ///
    /// # Safety
    /// The texts are NULL or NUL-terminated, as many as said.
    pub(crate) unsafe fn complete(&self, wanted: &mut Wanted) -> Result<(), Failure> {
        if self.reserved != [0; 5] {
            return Err(Self::invalid("`reserved` must be 0"));
        }
        // SAFETY: by this function's contract.
        let values = unsafe { crate::definition_options::values(self.values, self.value_count) }?;
        wanted.definition.values.retain(|old| values.iter().all(|new| new.id != old.id));
        wanted.definition.values.extend(values);
        // SAFETY: by this function's contract.
        wanted.unique_id = unsafe { text(self.unique_id, "unique_id") }?.map(str::to_owned);
        // SAFETY: by this function's contract.
        wanted.description = unsafe { text(self.description, "description") }?.map(str::to_owned);
        if !self.tags.is_null() || self.tag_count > 0 {
            // SAFETY: by this function's contract.
            wanted.tags = Some(unsafe { tags(self.tags, self.tag_count) }?);
        }
        // SAFETY: by this function's contract.
        wanted.start = unsafe { text(self.start, "start") }?.map(Value::instant).transpose()?;
        wanted.activate = self.activate != 0;
        wanted.cancel_running = self.cancel_running != 0;
        wanted.recreate = self.recreate != 0;
        Ok(())
    }
}
