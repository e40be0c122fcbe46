//! Commands to pipelines that a service has.
//!
//! In all of them `pipeline` is a pipeline's id, or its name where no other one has it, and
//! `call` may be NULL.

use crate::definition::{efsb_definition, give};
use crate::definition_options::values;
use crate::guard::guard;
use crate::service::{calls, efsb_service};
use crate::service_options::{efsb_call_options, tags};
use crate::status::efsb_status;
use crate::text::{give_json, give_string, needed, set, text, texts};
use efsbackup_core::deploy::{Activate, DefinitionVersion, Standing, StatusCommand, Until};
use efsbackup_core::expression::Value;
use std::ffi::c_char;
use std::ptr::null_mut;

/// Starts a pipeline, or resumes it. `values`, `value_count` of them, each "NAME=VALUE", replace
/// those that are stored. `start`, "YYYY-MM-DDTHH:MM:SS" in UTC or NULL, is where the schedule
/// resumes; what falls due before it is skipped.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_activate(
    service: *const efsb_service,
    pipeline: *const c_char,
    values: *const *const c_char,
    value_count: usize,
    start: *const c_char,
    call: *const efsb_call_options,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        // SAFETY: by this function's contract.
        let values = unsafe { self::values(values, value_count) }?;
        // SAFETY: by this function's contract.
        let start = unsafe { text(start, "start") }?.map(Value::instant).transpose()?;
        calls.calls.activate(pipeline, &Activate { values, start })?;
        Ok(())
    }
}

/// Begins to stop a pipeline; it can be activated again. With `finish` what runs may finish, else
/// it is cancelled.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_deactivate(
    service: *const efsb_service,
    pipeline: *const c_char,
    finish: bool,
    call: *const efsb_call_options,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        calls.calls.deactivate(pipeline, !finish)?;
        Ok(())
    }
}

/// Removes a pipeline with all its history; what runs is cancelled.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_delete(
    service: *const efsb_service,
    pipeline: *const c_char,
    call: *const efsb_call_options,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        calls.calls.delete(pipeline)?;
        Ok(())
    }
}

/// Removes the tags with the keys `remove`, then sets `tags`, each "KEY=VALUE". Each list may be
/// NULL when its count is 0.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_tag(
    service: *const efsb_service,
    pipeline: *const c_char,
    tags: *const *const c_char,
    tag_count: usize,
    remove: *const *const c_char,
    remove_count: usize,
    call: *const efsb_call_options,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        // SAFETY: by this function's contract.
        let tags = unsafe { self::tags(tags, tag_count) }?;
        // SAFETY: by this function's contract.
        let keys = unsafe { texts(remove, remove_count, "remove") }?;
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        calls.calls.tag(pipeline, &tags, &keys)?;
        Ok(())
    }
}

/// Waits until a pipeline is so far: "scheduled" (it is active), "running" (something runs, or has
/// run), "finished" (all that has fallen due has ended) or "inactive". The log is told of changes.
/// `*json`, freed with efsb_string_free(), receives an object with `pipeline`, `state`, `statuses`
/// (how many instances are in each) and `failed`; it may be NULL.
///
/// Returns #EFSB_TIMEOUT after `patience_ms`, and #EFSB_CONFLICT where it will never get there.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_wait(
    service: *const efsb_service,
    pipeline: *const c_char,
    until: *const c_char,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        // SAFETY: by this function's contract.
        let until: Until = unsafe { needed(until, "until") }?.parse()?;
        let log = calls.log;
        let mut tell = move |standing: &Standing| log.tell(&standing.into());
        let patience = calls.options.patience();
        let (id, end) = calls.calls.wait_until(pipeline, until, patience, &mut tell)?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &end.to_json(&id)) }
    }
}

/// The state of a pipeline, or of all where `pipeline` is NULL. `*json`, freed with
/// efsb_string_free(), receives an array of objects with `id`, `name`, `state` and `created`.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_status(
    service: *const efsb_service,
    pipeline: *const c_char,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let found = match unsafe { text(pipeline, "pipeline") }? {
            Some(pipeline) => vec![calls.calls.status(pipeline)?],
            None => calls.calls.statuses()?,
        };
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &found) }
    }
}

/// The instances of a pipeline in the order of their making, the `last` ones, or all where that is
/// 0. `*json`, freed with efsb_string_free(), receives an array of objects with `id`, `component`,
/// `status`, `attempts`, `scheduled_start`, `actual_start`, `actual_end` and `error`.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_runs(
    service: *const efsb_service,
    pipeline: *const c_char,
    last: usize,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        let found = calls.calls.runs(pipeline, (last > 0).then_some(last))?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &found) }
    }
}

/// Gives a command to instances: "rerun", "cancel" or "mark-finished". They are the
/// `instance_count` ids at `instances`, which may be NULL when that is 0, and all instances in
/// `status`, such as "FAILED", where that is not NULL. `*json`, freed with efsb_string_free(),
/// receives an array of their ids; it may be NULL.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_command(
    service: *const efsb_service,
    pipeline: *const c_char,
    command: *const c_char,
    instances: *const *const c_char,
    instance_count: usize,
    status: *const c_char,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        // SAFETY: by this function's contract.
        let command: StatusCommand = unsafe { needed(command, "command") }?.parse()?;
        // SAFETY: by this function's contract.
        let ids = unsafe { texts(instances, instance_count, "instances") }?;
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        // SAFETY: by this function's contract.
        let status = unsafe { text(status, "status") }?;
        let (_, told) = calls.calls.command(pipeline, &ids, status, command)?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &told) }
    }
}

/// Makes a new pipeline called `name` of another one's definition, description and tags, and with
/// `activate` activates it. `*id`, freed with efsb_string_free(), receives its id; it may be NULL.
///
/// Returns #EFSB_ALREADY_EXISTS where there is one of that name and unique id.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `id` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_clone(
    service: *const efsb_service,
    pipeline: *const c_char,
    name: *const c_char,
    activate: bool,
    call: *const efsb_call_options,
    id: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(id, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        // SAFETY: by this function's contract.
        let name = unsafe { needed(name, "name") }?;
        let mut wanted = calls.calls.copy_of(pipeline, name)?;
        wanted.activate = activate;
        let plan = calls.calls.plan(&wanted)?;
        let made = calls.apply(&wanted, &plan)?;
        if !id.is_null() {
            // SAFETY: by this function's contract.
            unsafe { set(id, give_string(made)) };
        }
        Ok(())
    }
}

/// A pipeline's definition: the one that was put last, or with `active` the one that was activated
/// last. AWS covers secrets in it. `*definition`, freed with efsb_definition_free(), receives it.
///
/// # Safety
/// `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
/// NULL or as its comments say; `definition` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_definition(
    service: *const efsb_service,
    pipeline: *const c_char,
    active: bool,
    call: *const efsb_call_options,
    definition: *mut *mut efsb_definition,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(definition, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let pipeline = unsafe { needed(pipeline, "pipeline") }?;
        let version =
            if active { DefinitionVersion::Active } else { DefinitionVersion::Latest };
        let found = calls.calls.definition(pipeline, version)?;
        // SAFETY: by this function's contract.
        unsafe { give(definition, found.into()) };
        Ok(())
    }
}
