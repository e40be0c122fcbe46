//! From when to when a simulation goes where that is not said.

use crate::error::{Error, ErrorKind, Result};
use crate::expression::Value;
use crate::params;
use crate::pipeline::{Definition, ParameterValue};
use jiff::{SignedDuration, Timestamp};
use std::ops::RangeInclusive;

/// The span to play `definition` with `values` over: from the first `startDateTime` of its
/// schedules, else from now, and for a day, where `from` or `until` do not say otherwise.
///
/// # Errors
/// As [`params::resolve`]; `InvalidInput` where until is before from.
pub fn span(
    definition: &Definition,
    values: &[ParameterValue],
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<RangeInclusive<Timestamp>> {
    let resolved = params::resolve(definition, values, params::Options::default())?.definition;
    let from = from.or_else(|| first_start(&resolved)).unwrap_or_else(Timestamp::now);
    let from = Timestamp::from_second(from.as_second()).unwrap_or(from);
    let until = until.or_else(|| from.checked_add(SignedDuration::from_hours(24)).ok());
    match until.filter(|until| *until >= from) {
        Some(until) => Ok(from..=until),
        None => {
            Err(Error::new(ErrorKind::InvalidInput, "simulate")
                .with_message("until is before from"))
        }
    }
}

/// The earliest `startDateTime` of a schedule.
fn first_start(definition: &Definition) -> Option<Timestamp> {
    let schedules = definition.objects.iter().filter(|o| definition.type_of(o) == Some("Schedule"));
    let starts = schedules.filter_map(|schedule| schedule.first_text("startDateTime"));
    starts.filter_map(|text| Value::instant(text).ok()).min()
}
