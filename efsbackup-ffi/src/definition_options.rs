//! What reading, resolving, drawing and simulating definitions are told.

use crate::cancel::efsb_cancel_token;
use crate::error::Failure;
use crate::guard::guard;
use crate::option_struct::OptionStruct;
use crate::status::efsb_status;
use crate::text::{text, texts};
use efsbackup_core::expression::Value;
use efsbackup_core::formats::Reader;
use efsbackup_core::params::{self, Moment, parse_assignment};
use efsbackup_core::pipeline::ParameterValue;
use efsbackup_core::simulate::Plan;
use std::ffi::c_char;

/// How a definition is read. Start with #EFSB_READ_OPTIONS_INIT; everything 0 is the default.
#[repr(C)]
pub struct efsb_read_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// Which pipeline to take where the file has several; may be NULL.
    pub pipeline: *const c_char,
    /// Read JSON with comments, trailing commas, and raw line breaks in strings.
    pub lenient: u8,
    /// Must be 0.
    pub reserved: [u8; 7],
}

/// How a definition is resolved. Start with #EFSB_RESOLVE_OPTIONS_INIT; everything 0 is the
/// default.
#[repr(C)]
pub struct efsb_resolve_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// Values of parameters, each "NAME=VALUE"; the same name again makes a list. May be NULL
    /// when `value_count` is 0.
    pub values: *const *const c_char,
    /// How many values there are.
    pub value_count: usize,
    /// Also put in what the service sets in the run scheduled for this time, which is
    /// "YYYY-MM-DDTHH:MM:SS" in UTC; NULL: leave that as it is written.
    pub at: *const c_char,
    /// The object that `node` means in an alarm, where several name it; may be NULL. Needs
    /// `at`, as do the next three.
    pub node: *const c_char,
    /// Runtime fields with their values, such as "node.@status=FAILED". May be NULL when
    /// `runtime_count` is 0.
    pub runtime: *const *const c_char,
    /// How many runtime fields there are.
    pub runtime_count: usize,
    /// Make up runtime fields without a value, as of a first attempt that begins when it is due.
    pub simulated: u8,
    /// Replace parameters only, not the names of fields.
    pub parameters_only: u8,
    /// Write each object with what it inherits.
    pub inherited: u8,
    /// Fail where a parameter that is used has no value.
    pub require_values: u8,
    /// Must be 0.
    pub reserved: [u8; 4],
}

/// How a definition is drawn. Start with #EFSB_DRAW_OPTIONS_INIT; everything 0 is the default.
#[repr(C)]
pub struct efsb_draw_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// The colours of an SVG: "auto" (as NULL), "light" or "dark".
    pub theme: *const c_char,
    /// The status of objects, each "ID=STATUS", such as "Copy=FINISHED". May be NULL when
    /// `state_count` is 0.
    pub states: *const *const c_char,
    /// How many of them there are.
    pub state_count: usize,
}

/// How a definition is simulated. Start with #EFSB_SIMULATE_OPTIONS_INIT; everything 0 is the
/// default.
#[repr(C)]
pub struct efsb_simulate_options {
    /// The size of this struct where it was compiled.
    pub size: usize,
    /// Values of parameters, as in efsb_resolve_options.
    pub values: *const *const c_char,
    /// How many values there are.
    pub value_count: usize,
    /// When it is activated, "YYYY-MM-DDTHH:MM:SS" in UTC. NULL: at the first startDateTime,
    /// else now.
    pub from: *const c_char,
    /// Up to when it is played. NULL: a day later.
    pub until: *const c_char,
    /// How long attempts take, each "[ACTIVITY=]DURATION", such as "Copy=25m". Without, a
    /// minute. May be NULL when `takes_count` is 0.
    pub takes: *const *const c_char,
    /// How many of them there are.
    pub takes_count: usize,
    /// Which attempts fail, each "ACTIVITY[@TIME][#N]": all of an activity, of a scheduled
    /// start, or those of a number. May be NULL when `fail_count` is 0.
    pub fail: *const *const c_char,
    /// How many of them there are.
    pub fail_count: usize,
    /// Which attempts are lost with their machine, written as in `fail`. May be NULL when
    /// `lose_count` is 0.
    pub lose: *const *const c_char,
    /// How many of them there are.
    pub lose_count: usize,
    /// Cancels the simulation; may be NULL.
    pub cancel: *const efsb_cancel_token,
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_read_options {
    const NAME: &'static str = "read options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_resolve_options {
    const NAME: &'static str = "resolve options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_draw_options {
    const NAME: &'static str = "draw options";
}

// SAFETY: the struct above is of numbers and raw pointers.
unsafe impl OptionStruct for efsb_simulate_options {
    const NAME: &'static str = "simulate options";
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_READ_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_read_options_init(
    options: *mut efsb_read_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_RESOLVE_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_resolve_options_init(
    options: *mut efsb_resolve_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_DRAW_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_draw_options_init(
    options: *mut efsb_draw_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Makes `*options`, of `size` bytes, the default, as #EFSB_SIMULATE_OPTIONS_INIT does.
///
/// # Safety
/// `options` is NULL or `size` bytes may be written at it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn efsb_simulate_options_init(
    options: *mut efsb_simulate_options,
    size: usize,
) -> efsb_status {
    // SAFETY: by this function's contract.
    guard! { unsafe { OptionStruct::init(options, size) } }
}

/// Values of parameters, each "NAME=VALUE".
///
/// # Safety
/// `values` is NULL or has `count` texts, each NULL or NUL-terminated.
pub(crate) unsafe fn values(
    values: *const *const c_char,
    count: usize,
) -> Result<Vec<ParameterValue>, Failure> {
    // SAFETY: by this function's contract.
    let values = unsafe { texts(values, count, "values") }?;
    values.into_iter().map(|value| Ok(parse_assignment(value)?)).collect()
}

/// Pairs, each "NAME=VALUE".
///
/// # Safety
/// As for [`values`].
pub(crate) unsafe fn pairs<'a>(
    pairs: *const *const c_char,
    count: usize,
    argument: &str,
) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    // SAFETY: by this function's contract.
    let texts = unsafe { texts(pairs, count, argument) }?;
    let split = |text: &'a str| {
        text.split_once('=').ok_or_else(|| {
            efsb_resolve_options::invalid(format!("`{argument}` is given as NAME=VALUE"))
        })
    };
    texts.into_iter().map(split).collect()
}

impl efsb_read_options {
    /// The reader that they describe.
    ///
    /// # Safety
    /// The text is NULL or NUL-terminated.
    pub(crate) unsafe fn reader(&self) -> Result<Reader, Failure> {
        if self.reserved != [0; 7] {
            return Err(Self::invalid("`reserved` must be 0"));
        }
        let reader = Reader::new().lenient(self.lenient != 0);
        // SAFETY: by this function's contract.
        Ok(match unsafe { text(self.pipeline, "pipeline") }? {
            Some(name) => reader.pipeline(name),
            None => reader,
        })
    }
}

impl efsb_resolve_options {
    /// What they say of resolving.
    pub(crate) fn options(&self) -> Result<params::Options, Failure> {
        if self.reserved != [0; 4] {
            return Err(Self::invalid("`reserved` must be 0"));
        }
        Ok(params::Options::default()
            .fields(self.parameters_only == 0)
            .inherited(self.inherited != 0)
            .require_values(self.require_values != 0))
    }

    /// The run that they ask for.
    ///
    /// # Safety
    /// The texts are NULL or NUL-terminated, as many as said.
    pub(crate) unsafe fn moment(&self) -> Result<Option<Moment>, Failure> {
        // SAFETY: by this function's contract.
        let Some(at) = (unsafe { text(self.at, "at") })? else {
            let more = self.runtime_count > 0 || self.simulated != 0 || !self.node.is_null();
            return match more {
                true => Err(Self::invalid("`node`, `runtime` and `simulated` need `at`")),
                false => Ok(None),
            };
        };
        let mut moment = Moment::new(Value::instant(at)?).simulated(self.simulated != 0);
        // SAFETY: by this function's contract.
        if let Some(node) = unsafe { text(self.node, "node") }? {
            moment = moment.node(node);
        }
        // SAFETY: by this function's contract.
        let runtime = unsafe { pairs(self.runtime, self.runtime_count, "runtime") }?;
        let with = |moment: Moment, (name, value)| moment.runtime(name, value);
        Ok(Some(runtime.into_iter().fold(moment, with)))
    }
}

impl efsb_draw_options {
    /// What they mean to the core.
    ///
    /// # Safety
    /// The texts are NULL or NUL-terminated, as many as said.
    pub(crate) unsafe fn options(&self) -> Result<efsbackup_core::draw::Options, Failure> {
        // SAFETY: by this function's contract.
        let theme = unsafe { text(self.theme, "theme") }?.unwrap_or("auto").parse()?;
        // SAFETY: by this function's contract.
        let states = unsafe { pairs(self.states, self.state_count, "states") }?;
        let owned = |(id, state): (&str, &str)| (id.to_owned(), state.to_owned());
        Ok(efsbackup_core::draw::Options { theme, states: states.into_iter().map(owned).collect() })
    }
}

impl efsb_simulate_options {
    /// How attempts go.
    ///
    /// # Safety
    /// The lists are NULL or have as many texts as said, each NULL or NUL-terminated.
    pub(crate) unsafe fn plan(&self) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        // SAFETY: by this function's contract.
        for takes in unsafe { texts(self.takes, self.takes_count, "takes") }? {
            plan = plan.takes(takes.parse()?);
        }
        // SAFETY: by this function's contract.
        for fail in unsafe { texts(self.fail, self.fail_count, "fail") }? {
            plan = plan.fail(fail.parse()?);
        }
        // SAFETY: by this function's contract.
        for lose in unsafe { texts(self.lose, self.lose_count, "lose") }? {
            plan = plan.lose(lose.parse()?);
        }
        Ok(plan)
    }
}
