//! `efsb_service` and `efsb_plan`: pipelines on a service, and what is to be done to have one as
//! it is wanted; `efsb_run`.

use crate::definition::{self, efsb_definition};
use crate::definition_options::values;
use crate::error::Failure;
use crate::guard::{guard, guard_or};
use crate::handle::Handle;
use crate::log::Log;
use crate::option_struct::OptionStruct;
use crate::service_options::{
    efsb_aws_options, efsb_call_options, efsb_plan_options, efsb_run_options,
};
use crate::status::efsb_status;
use crate::text::{c_string, give_json, give_string, needed, null_argument, path, set, text};
use efsbackup_core::clock::SystemClock;
use efsbackup_core::deploy::{ApplyEvent, Plan, Wanted};
use efsbackup_core::expression::Value;
use efsbackup_core::run::{Run, RunEvent};
use efsbackup_core::service::{Blocking, Service};
use efsbackup_core::wire::{Key, Keys};
use std::ffi::{CString, c_char};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Arc;

/// A service that has pipelines: AWS Data Pipeline, one that `efsbackup serve` offers, or the
/// embedded one. Never changes; may be used from any thread of the process that opened it.
/// Freed with efsb_service_free().
pub struct efsb_service {
    _private: [u8; 0],
}

impl Handle for efsb_service {
    type Value = Service;
}

/// What is to be done to have a pipeline as it is wanted. Never changes. Freed with
/// efsb_plan_free().
pub struct efsb_plan {
    _private: [u8; 0],
}

impl Handle for efsb_plan {
    type Value = PlanForC;
}

/// A plan with what it is for.
pub struct PlanForC {
    wanted: Wanted,
    plan: Plan,
    refusal: Option<CString>,
}

impl PlanForC {
    fn new(wanted: Wanted, plan: Plan) -> PlanForC {
        let refusal = plan.refusal.as_deref().map(c_string);
        PlanForC { wanted, plan, refusal }
    }
}

/// A service's calls, and who is told of them.
pub(crate) struct Calls {
    pub(crate) calls: Blocking,
    pub(crate) log: Log,
    pub(crate) options: efsb_call_options,
}

/// # Safety
/// `service` is NULL or alive; `call` is NULL or as its comments say.
pub(crate) unsafe fn calls(
    service: *const efsb_service,
    call: *const efsb_call_options,
) -> Result<Calls, Failure> {
    // SAFETY: by this function's contract.
    let service = unsafe { Handle::borrow(service) }.ok_or_else(|| null_argument("service"))?;
    // SAFETY: by this function's contract.
    let options = unsafe { efsb_call_options::read(call) }?;
    // SAFETY: by this function's contract.
    let cancel = unsafe { options.token() }?;
    Ok(Calls { calls: service.blocking(&cancel), log: options.log(), options })
}

impl Calls {
    /// Does what a plan says; gives the pipeline's id.
    pub(crate) fn apply(&self, wanted: &Wanted, plan: &Plan) -> Result<String, Failure> {
        let log = self.log;
        let mut tell = move |event: &ApplyEvent<'_>| log.tell(&event.into());
        Ok(self.calls.apply(wanted, plan, self.options.patience(), &mut tell)?)
    }
}

/// # Safety
/// `service` is NULL or may be written.
unsafe fn give(service: *mut *mut efsb_service, value: Service) -> Result<(), Failure> {
    if service.is_null() {
        return Err(null_argument("service"));
    }
    // SAFETY: by this function's contract.
    unsafe { set(service, efsb_service::give(value)) };
    Ok(())
}

/// Opens the embedded service with its state in the file at `state`, on a local disk; it is made
/// if missing. efsb_run() on the same state, or `efsbackup serve`, runs what is active there.
///
/// # Safety
/// `state` is NULL or NUL-terminated; `service` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_open_embedded(
    state: *const c_char,
    service: *mut *mut efsb_service,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(service, null_mut()) };
        // SAFETY: by this function's contract.
        let state = unsafe { path(state, "state") }?;
        // SAFETY: by this function's contract.
        unsafe { give(service, Service::embedded(state)?) }
    }
}

/// Opens the service that `efsbackup serve` offers at `endpoint`, such as
/// "http://127.0.0.1:4664". The key is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where
/// `access_key_id` is NULL.
///
/// # Safety
/// The texts are NULL or NUL-terminated; `service` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_open_remote(
    endpoint: *const c_char,
    access_key_id: *const c_char,
    secret_access_key: *const c_char,
    service: *mut *mut efsb_service,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(service, null_mut()) };
        // SAFETY: by this function's contract.
        let endpoint = unsafe { needed(endpoint, "endpoint") }?;
        // SAFETY: by this function's contract.
        let keys = match unsafe { text(access_key_id, "access_key_id") }? {
            // SAFETY: by this function's contract.
            Some(id) => Keys::new([Key::new(id, unsafe {
                needed(secret_access_key, "secret_access_key")
            }?)?]),
            None => Keys::from_environment()?,
        };
        // SAFETY: by this function's contract.
        unsafe { give(service, Service::remote(endpoint, keys)?) }
    }
}

/// Opens AWS Data Pipeline. Region and credentials are looked for at once; `call` may cancel
/// that. `options` and `call` may be NULL.
///
/// Returns #EFSB_UNSUPPORTED where the library was built without AWS, #EFSB_AUTH without
/// credentials, #EFSB_INVALID_INPUT without a region.
///
/// # Safety
/// `options` and `call` are NULL or as their comments say; `service` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_open_aws(
    options: *const efsb_aws_options,
    call: *const efsb_call_options,
    service: *mut *mut efsb_service,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(service, null_mut()) };
        // SAFETY: by this function's contract.
        let options = unsafe { efsb_aws_options::read(options) }?;
        // SAFETY: by this function's contract.
        let cancel = unsafe { efsb_call_options::read(call)?.token() }?;
        // SAFETY: by this function's contract.
        unsafe { give(service, open_aws(&options, &cancel)?) }
    }
}

/// # Safety
/// The texts are NULL or NUL-terminated.
#[cfg(feature = "aws")]
unsafe fn open_aws(
    options: &efsb_aws_options,
    cancel: &efsbackup_core::cancel::CancelToken,
) -> Result<Service, Failure> {
    use efsbackup_core::aws::{AwsOptions, Credentials};
    let owned = |given, name| {
        // SAFETY: by this function's contract.
        unsafe { text(given, name) }.map(|text| text.map(str::to_owned))
    };
    let credentials = match owned(options.access_key_id, "access_key_id")? {
        Some(id) => Some(Credentials {
            id,
            secret: owned(options.secret_access_key, "secret_access_key")?
                .ok_or_else(|| null_argument("secret_access_key"))?,
            token: owned(options.session_token, "session_token")?,
        }),
        None => None,
    };
    let options = AwsOptions {
        region: owned(options.region, "region")?,
        profile: owned(options.profile, "profile")?,
        endpoint: owned(options.endpoint, "endpoint")?,
        credentials,
        ..AwsOptions::default()
    };
    Ok(Service::aws(&options, cancel)?)
}

/// # Safety
/// None is needed; with AWS the options' texts are read.
#[cfg(not(feature = "aws"))]
unsafe fn open_aws(
    _: &efsb_aws_options,
    _: &efsbackup_core::cancel::CancelToken,
) -> Result<Service, Failure> {
    let text = "this library was built without AWS; build efsbackup-ffi with the feature `aws`";
    Err(Failure::of(crate::status::EFSB_UNSUPPORTED, "aws", text))
}

/// Closes a service. NULL is fine.
///
/// # Safety
/// `service` is NULL, or came from this library and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_free(service: *mut efsb_service) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(service) })
}

/// Says what is to be done to have a pipeline called `name` with this definition. Changes
/// nothing. `options` and `call` may be NULL. `*plan`, freed with efsb_plan_free(), receives it.
///
/// Returns #EFSB_INVALID_INPUT for a name or id that no service takes, #EFSB_CONFLICT where
/// several pipelines have the name and unique id, #EFSB_CANCELLED, and what the service returns.
///
/// # Safety
/// `service` and `definition` are NULL or alive; `name` is NULL or NUL-terminated; `options` and
/// `call` are NULL or as their comments say; `plan` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_plan(
    service: *const efsb_service,
    name: *const c_char,
    definition: *const efsb_definition,
    options: *const efsb_plan_options,
    call: *const efsb_call_options,
    plan: *mut *mut efsb_plan,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(plan, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let name = unsafe { needed(name, "name") }?;
        // SAFETY: by this function's contract.
        let definition = unsafe { definition::borrow(definition, "definition") }?;
        if plan.is_null() {
            return Err(null_argument("plan"));
        }
        let mut wanted = Wanted::new(name, definition.definition.clone());
        // SAFETY: by this function's contract.
        unsafe { efsb_plan_options::read(options)?.complete(&mut wanted) }?;
        let planned = calls.calls.plan(&wanted)?;
        // SAFETY: by this function's contract.
        unsafe { set(plan, efsb_plan::give(PlanForC::new(wanted, planned))) };
        Ok(())
    }
}

/// Whether there is nothing to do; true for NULL.
///
/// # Safety
/// `plan` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_plan_is_empty(plan: *const efsb_plan) -> bool {
    // SAFETY: by this function's contract.
    guard_or!(true => unsafe { Handle::borrow(plan) }.is_none_or(|plan| plan.plan.is_empty()))
}

/// Why efsb_service_apply() refuses the plan; NULL where it does not. Lent as long as the plan.
///
/// # Safety
/// `plan` is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_plan_refusal(plan: *const efsb_plan) -> *const c_char {
    // SAFETY: by this function's contract.
    guard_or!(null() => unsafe { Handle::borrow(plan) }
        .and_then(|plan| plan.refusal.as_ref())
        .map_or(null(), |refusal| refusal.as_ptr()))
}

/// The whole plan. `*json`, freed with efsb_string_free(), receives an object with `pipeline`,
/// `state`, `changes`, `description`, `steps`, `reasons`, `losses`, `errors`, `warnings`,
/// `unseen_secrets` and `refusal`. Secrets are covered.
///
/// # Safety
/// `plan` is NULL or alive; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_plan_json(
    plan: *const efsb_plan,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let plan = unsafe { Handle::borrow(plan) }.ok_or_else(|| null_argument("plan"))?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &plan.plan.to_json(None)) }
    }
}

/// Frees a plan. NULL is fine.
///
/// # Safety
/// `plan` is NULL, or came from this library and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_plan_free(plan: *mut efsb_plan) {
    // SAFETY: by this function's contract.
    guard_or!(() => unsafe { Handle::free(plan) })
}

/// Does what is planned; with `activate` the pipeline is active in the end, though the plan was
/// not made for that. After a failure a new plan has what is left. `call` may be NULL.
/// `*pipeline`, freed with efsb_string_free(), receives the pipeline's id; it may be NULL.
///
/// Returns #EFSB_SAFETY_STOP for a plan with a refusal, #EFSB_CONFLICT where the pipeline is no
/// longer what was planned for, #EFSB_INVALID_DEFINITION where the service finds errors.
///
/// # Safety
/// `service` and `plan` are NULL or alive; `call` is NULL or as its comments say; `pipeline` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_service_apply(
    service: *const efsb_service,
    plan: *const efsb_plan,
    activate: bool,
    call: *const efsb_call_options,
    pipeline: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(pipeline, null_mut()) };
        // SAFETY: by this function's contract.
        let calls = unsafe { calls(service, call) }?;
        // SAFETY: by this function's contract.
        let given = unsafe { Handle::borrow(plan) }.ok_or_else(|| null_argument("plan"))?;
        let id = match activate && !given.wanted.activate {
            true => {
                let (wanted, plan) = calls.calls.plan_active(&given.wanted, &given.plan)?;
                calls.apply(&wanted, &plan)?
            }
            false => calls.apply(&given.wanted, &given.plan)?,
        };
        if !pipeline.is_null() {
            // SAFETY: by this function's contract.
            unsafe { set(pipeline, give_string(id)) };
        }
        Ok(())
    }
}

/// Runs a definition on this machine: its schedule, its scripts, its alarms. Waits until
/// everything is over or `until` has come. `options` and `call` may be NULL. `*json`, freed with
/// efsb_string_free(), receives an object with `outcome` ("finished", "failed", "cancelled"),
/// `pipeline`, `instances`, `notifications`, `log_dir` and `notifications_file`; it may be NULL.
///
/// A script that fails is no error, but an outcome; so is a cancel, on which scripts are ended.
/// Returns #EFSB_INVALID_DEFINITION for a definition with errors or that can't be run on this
/// machine, #EFSB_UNRESOLVED_PARAMETER where a parameter has no value, #EFSB_NOT_FOUND for a
/// value of an unknown one.
///
/// # Safety
/// `definition` is NULL or alive; `options` and `call` are NULL or as their comments say; `json`
/// is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_run(
    definition: *const efsb_definition,
    options: *const efsb_run_options,
    call: *const efsb_call_options,
    json: *mut *mut c_char,
) -> efsb_status {
    guard! {
        // SAFETY: by this function's contract.
        unsafe { set(json, null_mut()) };
        // SAFETY: by this function's contract.
        let definition = unsafe { definition::borrow(definition, "definition") }?;
        // SAFETY: by this function's contract.
        let run = unsafe { how_to_run(&efsb_run_options::read(options)?) }?;
        // SAFETY: by this function's contract.
        let call = unsafe { efsb_call_options::read(call) }?;
        // SAFETY: by this function's contract.
        let (cancel, log) = (unsafe { call.token() }?, call.log());
        let mut told = Vec::new();
        let done = run.run(&definition.definition, Arc::new(SystemClock), &cancel, &mut |event| {
            log.tell(&event.into());
            if let RunEvent::Notified(notification) = event {
                told.push((*notification).clone());
            }
        })?;
        // SAFETY: by this function's contract.
        unsafe { give_json(json, &done.to_json(&told)) }
    }
}

/// # Safety
/// The texts are NULL or NUL-terminated, as many as said.
unsafe fn how_to_run(options: &efsb_run_options) -> Result<Run, Failure> {
    if options.reserved != [0; 3] {
        return Err(efsb_run_options::invalid("`reserved` must be 0"));
    }
    // SAFETY: by this function's contract.
    let name = unsafe { text(options.name, "name") }?.unwrap_or("pipeline");
    let log_dir = match options.log_dir.is_null() {
        true => Path::new("efsbackup-logs"),
        // SAFETY: by this function's contract.
        false => unsafe { path(options.log_dir, "log_dir") }?,
    };
    let mut run = Run::new(name, log_dir).once(options.once != 0);
    if !options.state.is_null() {
        // SAFETY: by this function's contract.
        run = run.state(unsafe { path(options.state, "state") }?);
    }
    // SAFETY: by this function's contract.
    if let Some(until) = unsafe { text(options.until, "until") }? {
        run = run.until(Value::instant(until)?);
    }
    if options.tasks != 0 {
        run = run.tasks(usize::try_from(options.tasks).unwrap_or(usize::MAX));
    }
    // SAFETY: by this function's contract.
    let given = unsafe { values(options.values, options.value_count) }?;
    run = given.into_iter().fold(run, Run::value);
    // SAFETY: by this function's contract.
    let variables = unsafe {
        crate::definition_options::pairs(options.variables, options.variable_count, "variables")
    }?;
    Ok(variables.into_iter().fold(run, |run, (name, value)| run.variable(name, value)))
}
