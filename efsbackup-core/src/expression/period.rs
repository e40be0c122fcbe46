//! Periods such as `15 minutes`.

use crate::{Error, ErrorKind, Result};
use jiff::{Span, Zoned};
use std::fmt;
use std::str::FromStr;

/// A length of time as definitions write it: a positive count and a unit, such as
/// `1 hours` or `30 Minutes`. Case and plural are free, as in AWS's own samples.
///
/// ```
/// use efsbackup_core::expression::{Period, Unit};
///
/// let period: Period = "2 Days".parse()?;
/// assert_eq!((period.count(), period.unit()), (2, Unit::Days));
/// assert_eq!(period.to_string(), "2 days");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    count: u32,
    unit: Unit,
}

/// The unit of a [`Period`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Sixty seconds.
    Minutes,
    /// Sixty minutes.
    Hours,
    /// A calendar day.
    Days,
    /// Seven calendar days.
    Weeks,
    /// A calendar month; the 31st falls on a shorter month's last day.
    Months,
    /// A calendar year.
    Years,
}

impl Unit {
    /// Every unit, the shortest first.
    pub const ALL: [Unit; 6] =
        [Unit::Minutes, Unit::Hours, Unit::Days, Unit::Weeks, Unit::Months, Unit::Years];

    /// Its plural, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Minutes => "minutes",
            Unit::Hours => "hours",
            Unit::Days => "days",
            Unit::Weeks => "weeks",
            Unit::Months => "months",
            Unit::Years => "years",
        }
    }

    /// This many of the unit, as a calendar span.
    pub(super) fn span(self, count: i64) -> Option<Span> {
        // The `try_` setters refuse what is out of jiff's range.
        let span = Span::new();
        match self {
            Unit::Minutes => span.try_minutes(count),
            Unit::Hours => span.try_hours(count),
            Unit::Days => span.try_days(count),
            Unit::Weeks => span.try_weeks(count),
            Unit::Months => span.try_months(count),
            Unit::Years => span.try_years(count),
        }
        .ok()
    }
}

impl Period {
    /// A period of `count` units; `None` for none.
    pub fn new(count: u32, unit: Unit) -> Option<Period> {
        (count > 0).then_some(Period { count, unit })
    }

    /// How many units.
    pub fn count(self) -> u32 {
        self.count
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// Its length in minutes, where a month counts as a twelfth of a year of 365 days.
    /// Good for comparing with a limit, not for reckoning dates.
    pub fn minutes(self) -> u64 {
        const DAY: u64 = 24 * 60;
        let unit = match self.unit {
            Unit::Minutes => 1,
            Unit::Hours => 60,
            Unit::Days => DAY,
            Unit::Weeks => 7 * DAY,
            Unit::Months => 365 * DAY / 12,
            Unit::Years => 365 * DAY,
        };
        u64::from(self.count) * unit
    }

    /// The time `periods` of these after `start`, by the calendar of its time zone.
    ///
    /// # Errors
    /// `InvalidInput` where the result is beyond the year 9999.
    pub fn after(self, start: &Zoned, periods: u32) -> Result<Zoned> {
        let count = i64::from(self.count) * i64::from(periods);
        let end = self.unit.span(count).and_then(|span| start.checked_add(span).ok());
        end.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "period").with_message(format!(
                "{periods} times {self} after {start} is beyond the calendar"
            ))
        })
    }
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Period> {
        let parsed = || {
            let (count, unit) = text.trim().split_once(char::is_whitespace)?;
            let unit = unit.trim().to_ascii_lowercase();
            let unit = Unit::ALL
                .into_iter()
                .find(|known| known.name().trim_end_matches('s') == unit.trim_end_matches('s'))?;
            let digits = count.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| count.parse().ok()).flatten().and_then(|count| Period::new(count, unit))
        };
        parsed().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "period").with_message(format!(
                "'{text}' is not a period; write a whole number and minutes, hours, days, \
                 weeks, months or years, such as '15 minutes'"
            ))
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.unit.name();
        let name = if self.count == 1 { name.trim_end_matches('s') } else { name };
        write!(f, "{} {name}", self.count)
    }
}
