//! The functions of the language, as the date and time pages of AWS's guide list them,
//! and three that its examples use: `inTimeZone`, `plusPeriod` and `.format(…)`.

use super::evaluate::{each, integer};
use super::fault::Fault;
use super::period::{Period, Unit};
use super::value::parse_time;
use super::{Value, joda};
use jiff::{Zoned, civil, tz::TimeZone};

/// What a function does.
#[derive(Clone, Copy)]
pub(super) enum Function {
    /// A number read off a time.
    Part(fn(&Zoned) -> i64),
    /// A time `sign` times the second argument's units away.
    Shift(i64, Unit),
    /// A time fixed by another.
    Move(fn(&Zoned) -> Result<Zoned, jiff::Error>),
    Format,
    InTimeZone,
    PlusPeriod,
    MakeDate,
    MakeDateTime,
}

impl Function {
    fn arguments(self) -> usize {
        match self {
            Function::Part(_) | Function::Move(_) => 1,
            Function::Shift(..) | Function::Format => 2,
            Function::InTimeZone | Function::PlusPeriod => 2,
            Function::MakeDate => 3,
            Function::MakeDateTime => 5,
        }
    }
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("day", Function::Part(|time| time.day().into())),
    ("dayOfYear", Function::Part(|time| time.day_of_year().into())),
    ("firstOfMonth", Function::Move(Zoned::first_of_month)),
    ("format", Function::Format),
    ("hour", Function::Part(|time| time.hour().into())),
    ("inTimeZone", Function::InTimeZone),
    ("makeDate", Function::MakeDate),
    ("makeDateTime", Function::MakeDateTime),
    ("midnight", Function::Move(Zoned::start_of_day)),
    ("minusDays", Function::Shift(-1, Unit::Days)),
    ("minusHours", Function::Shift(-1, Unit::Hours)),
    ("minusMinutes", Function::Shift(-1, Unit::Minutes)),
    ("minusMonths", Function::Shift(-1, Unit::Months)),
    ("minusWeeks", Function::Shift(-1, Unit::Weeks)),
    ("minusYears", Function::Shift(-1, Unit::Years)),
    ("minute", Function::Part(|time| time.minute().into())),
    ("month", Function::Part(|time| time.month().into())),
    ("plusDays", Function::Shift(1, Unit::Days)),
    ("plusHours", Function::Shift(1, Unit::Hours)),
    ("plusMinutes", Function::Shift(1, Unit::Minutes)),
    ("plusMonths", Function::Shift(1, Unit::Months)),
    ("plusPeriod", Function::PlusPeriod),
    ("plusWeeks", Function::Shift(1, Unit::Weeks)),
    ("plusYears", Function::Shift(1, Unit::Years)),
    ("sunday", Function::Move(sunday_on_or_before)),
    ("year", Function::Part(|time| time.year().into())),
    ("yesterday", Function::Move(Zoned::yesterday)),
];

fn sunday_on_or_before(time: &Zoned) -> Result<Zoned, jiff::Error> {
    let days = time.weekday().to_sunday_zero_offset();
    time.checked_sub(jiff::Span::new().try_days(i64::from(days))?)
}

/// Whether there is a function called `name`.
pub(super) fn exists(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, _)| *known == name)
}

/// The function called `name`, if it takes `count` arguments.
pub(super) fn find(name: &str, count: usize) -> Result<Function, Fault> {
    let Some(&(_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
        let near = FUNCTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let hint = near.map(|(known, _)| format!("; did you mean {known}?")).unwrap_or_default();
        return Err(Fault::invalid(format!("there is no function {name}{hint}")));
    };
    if function.arguments() != count {
        let needed = function.arguments();
        let s = if needed == 1 { "" } else { "s" };
        return Err(Fault::invalid(format!("{name} takes {needed} argument{s}, not {count}")));
    }
    Ok(function)
}

/// Calls `function`, found for this many arguments. A list as the first one gives a list.
pub(super) fn call(function: Function, arguments: Vec<Value>) -> Result<Value, Fault> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Err(Fault::invalid("an argument is missing"));
    };
    let rest = arguments.collect::<Vec<_>>();
    each(first, &|first| call_one(function, &first, &rest))
}

fn call_one(function: Function, first: &Value, rest: &[Value]) -> Result<Value, Fault> {
    match (function, rest) {
        (Function::Part(part), []) => Ok(Value::Integer(part(&time(first)?))),
        (Function::Move(step), []) => step(&time(first)?).map(Value::Time).map_err(out_of_range),
        (Function::Shift(sign, unit), [count]) => {
            let count = integer(count)?.checked_mul(sign);
            let span = count.and_then(|count| unit.span(count));
            let span = span.ok_or_else(|| Fault::invalid("the shift is too large"))?;
            time(first)?.checked_add(span).map(Value::Time).map_err(out_of_range)
        }
        (Function::Format, [pattern]) => {
            joda::format(&time(first)?, &text(pattern)?).map(Value::Text)
        }
        (Function::InTimeZone, [zone]) => {
            let zone = text(zone)?;
            let moved = time(first)?.in_tz(&zone).map_err(|_| {
                Fault::invalid(format!("there is no time zone '{zone}'; write one as Asia/Tokyo"))
            })?;
            Ok(Value::Time(moved))
        }
        (Function::PlusPeriod, [period]) => {
            let invalid = |error: crate::Error| Fault::Invalid(error.message());
            let period: Period = text(period)?.parse().map_err(invalid)?;
            period.after(&time(first)?, 1).map(Value::Time).map_err(invalid)
        }
        (Function::MakeDate, [month, day]) => make(first, month, day, None),
        (Function::MakeDateTime, [month, day, hour, minute]) => {
            make(first, month, day, Some((hour, minute)))
        }
        _ => Err(Fault::invalid("the number of arguments is wrong")),
    }
}

fn make(
    year: &Value,
    month: &Value,
    day: &Value,
    time: Option<(&Value, &Value)>,
) -> Result<Value, Fault> {
    let small = |value: &Value| {
        let number = integer(value)?;
        i8::try_from(number).map_err(|_| Fault::invalid(format!("{number} is out of range")))
    };
    let year = integer(year)?;
    let year = i16::try_from(year).map_err(|_| Fault::invalid(format!("no year {year}")))?;
    let (hour, minute) = match time {
        Some((hour, minute)) => (small(hour)?, small(minute)?),
        None => (0, 0),
    };
    civil::DateTime::new(year, small(month)?, small(day)?, hour, minute, 0, 0)
        .and_then(|date_time| date_time.to_zoned(TimeZone::UTC))
        .map(Value::Time)
        .map_err(|error| Fault::invalid(format!("there is no such date: {error}")))
}

fn time(value: &Value) -> Result<Zoned, Fault> {
    match value {
        Value::Time(time) => Ok(time.clone()),
        Value::Text(text) => parse_time(text)
            .ok_or_else(|| Fault::invalid(format!("a date-time is needed, not the text '{text}'"))),
        value => Err(Fault::invalid(format!("a date-time is needed, not {value}"))),
    }
}

fn text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::List(_) => Err(Fault::invalid("a text is needed, not a list")),
        value => Ok(value.to_string()),
    }
}

fn out_of_range(error: jiff::Error) -> Fault {
    Fault::invalid(format!("the result is beyond the calendar: {error}"))
}
