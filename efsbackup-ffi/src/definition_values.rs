//! Definitions with values put in: resolved, and played over time.

use crate::definition::{borrow, efsb_definition, give};
use crate::definition_options::{efsb_resolve_options, efsb_simulate_options, values};
use crate::guard::guard;
use crate::handle::Handle;
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::{give_json, set, text};
use efsbackup_core::expression::Value;
use efsbackup_core::params::{self, Given};
use efsbackup_core::simulate::{self, Simulation};
use std::ffi::c_char;
use std::ptr::null_mut;

/// Puts in the values of parameters and all else that is known before a run. `options` may be
/// NULL. `*resolved`, freed with efsb_definition_free(), receives the new definition; what is
/// a secret stays as it is written, or is covered. `*json`, freed with efsb_string_free(),
/// receives an object with `parameters` (each `id`, `values`, `origin`) and `unresolved` (each
/// `object`, `field`, `name`). Each of the two may be NULL.
///
/// Returns #EFSB_NOT_FOUND for a value of an unknown parameter; #EFSB_UNRESOLVED_PARAMETER
/// where `require_values` misses one; #EFSB_INVALID_DEFINITION where a value is not of its
/// parameter's type, or an expression is wrong.
///
/// # Safety
/// `definition` is NULL or alive; `options` is NULL or as its comments say; `resolved` and
/// `json` are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_resolve(
    definition: *const efsb_definition,
    options: *const efsb_resolve_options,
    resolved: *mut *mut efsb_definition,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { (set(resolved, null_mut()), set(json, null_mut())) };
        // SAFETY: by this function's contract.
        let document = unsafe { borrow(definition, "definition") }?;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_resolve_options::read(options) }?;
        // SAFETY: by this function's contract.
        let given = unsafe { values(options.values, options.value_count) }?;
        // SAFETY: by this function's contract.
        let moment = unsafe { options.moment() }?;
        let (definition, how) = (&document.definition, options.options()?);
        let done = match moment {
            Some(moment) => params::resolve_at(definition, &given, &moment, how)?,
            None => params::resolve(definition, &given, how)?,
        };
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &done.to_json(&Given::default())) }?;
        let mut document = document.clone();
        document.definition = params::mask(&done.definition);
        // SAFETY: by this function's contract.
        unsafe { give(resolved, document) };
        Ok(())
    }
}

/// Plays the definition over a span of time: every run, retry, failure and message that would
/// be, with nothing run and no time passing. `options` may be NULL. `*json`, freed with
/// efsb_string_free(), receives an object with `from`, `until`, `state`, `instances`,
/// `attempts`, `messages` and `resources`.
///
/// Returns #EFSB_NOT_FOUND for a name that the definition does not have,
/// #EFSB_INVALID_DEFINITION for a definition with errors, #EFSB_UNRESOLVED_PARAMETER where a
/// parameter has no value, #EFSB_CANCELLED soon after `cancel` was.
///
/// # Safety
/// `definition` is NULL or alive; `options` is NULL or as its comments say; `json` is NULL or
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_definition_simulate(
    definition: *const efsb_definition,
    options: *const efsb_simulate_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let definition = &unsafe { borrow(definition, "definition") }?.definition;
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_simulate_options::read(options) }?;
        // SAFETY: by this function's contract.
        let given = unsafe { values(options.values, options.value_count) }?;
        // SAFETY: by this function's contract.
        let (from, until) = unsafe { (text(options.from, "from")?, text(options.until, "until")?) };
        let (from, until) =
            (from.map(Value::instant).transpose()?, until.map(Value::instant).transpose()?);
        // SAFETY: by this function's contract.
        let plan = unsafe { options.plan() }?;
        plan.check(definition)?;
        let span = simulate::span(definition, &given, from, until)?;
        // SAFETY: by this function's contract.
        let cancel = unsafe { Handle::borrow(options.cancel) }.cloned().unwrap_or_default();
        let simulation = Simulation::new(span).cancel(&cancel);
        let simulation = given.into_iter().fold(simulation, Simulation::value);
        let report = simulation.run(definition, &mut |attempt| plan.play(attempt))?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &report) }
    }
}
