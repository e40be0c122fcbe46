//! The intervals of a Schedule object.

use super::database::{from_column, to_column};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Period, Value};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// When instances begin and end. Times are milliseconds, as in the store.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    start: Zoned,
    period: Period,
    /// Intervals begin before it.
    end: Option<i64>,
    occurrences: Option<u32>,
}

/// One interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// The texts of a Schedule's fields, evaluated.
#[derive(Clone, Debug, Default)]
pub(super) struct ScheduleFields {
    pub(super) id: String,
    pub(super) period: Option<String>,
    pub(super) start: Option<String>,
    pub(super) start_at: Option<String>,
    pub(super) end: Option<String>,
    pub(super) occurrences: Option<String>,
}

impl Schedule {
    /// Reads the fields; `activation` is what FIRST_ACTIVATION_DATE_TIME stands for.
    pub(super) fn new(fields: &ScheduleFields, activation: i64) -> Result<Schedule> {
        let wrong = |text: &str| {
            Error::new(ErrorKind::InvalidDefinition, "schedule")
                .with_message(format!("{}.{text}", fields.id))
        };
        let period = fields.period.as_deref().ok_or_else(|| wrong("period is missing"))?;
        let period: Period = period
            .parse()
            .map_err(|error: Error| wrong(&format!("period: {}", error.message())))?;
        let start = match (fields.start.as_deref(), fields.start_at.as_deref()) {
            (Some(start), None) => time(start)
                .ok_or_else(|| wrong(&format!("startDateTime: '{start}' is not a date-time")))?,
            (None, Some("FIRST_ACTIVATION_DATE_TIME")) => {
                from_column(activation).to_zoned(TimeZone::UTC)
            }
            (None, Some(other)) => {
                return Err(wrong(&format!(
                    "startAt: '{other}' is not FIRST_ACTIVATION_DATE_TIME"
                )));
            }
            _ => return Err(wrong("needs exactly one of startDateTime and startAt")),
        };
        let end = fields.end.as_deref().map(|end| {
            let end = time(end)
                .ok_or_else(|| wrong(&format!("endDateTime: '{end}' is not a date-time")))?;
            Ok::<_, Error>(to_column(end.timestamp()))
        });
        let occurrences = fields.occurrences.as_deref().map(|count| {
            count.trim().parse().map_err(|_| wrong(&format!("occurrences: '{count}' is no number")))
        });
        Ok(Schedule { start, period, end: end.transpose()?, occurrences: occurrences.transpose()? })
    }

    /// When the first interval begins.
    pub(super) fn start(&self) -> i64 {
        to_column(self.start.timestamp())
    }

    /// The first interval that begins after `time`.
    pub(super) fn first_after(&self, time: i64) -> Option<Interval> {
        // Intervals begin in rising order, so the first one is found by halving.
        let mut low = 0_u32;
        let mut high = 1_u32;
        while self.begin(high).is_some_and(|begin| begin <= time) {
            low = high;
            high = high.checked_mul(2)?;
        }
        if self.begin(low).is_some_and(|begin| begin > time) {
            return self.interval(low);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.begin(middle) {
                Some(begin) if begin <= time => low = middle,
                _ => high = middle,
            }
        }
        self.interval(high)
    }

    /// Whether no interval begins after `time`.
    pub(super) fn is_over(&self, time: i64) -> bool {
        self.first_after(time).is_none()
    }

    /// The length of the interval from `start`.
    pub(super) fn end_of(&self, start: i64) -> i64 {
        let start_time = from_column(start).to_zoned(TimeZone::UTC);
        let end = self.period.after(&start_time, 1);
        end.map_or(start, |end| to_column(end.timestamp()))
    }

    fn interval(&self, index: u32) -> Option<Interval> {
        let start = self.begin(index)?;
        let over = self.occurrences.is_some_and(|count| index >= count)
            || self.end.is_some_and(|end| start >= end);
        (!over).then_some(Interval { start, end: self.begin(index + 1)? })
    }

    /// Reckoned from the first interval each time, so that a monthly period that starts
    /// on the 31st comes back to the 31st.
    fn begin(&self, index: u32) -> Option<i64> {
        let begin = self.period.after(&self.start, index).ok()?;
        Some(to_column(begin.timestamp()))
    }
}

/// A date-time of a definition.
pub(super) fn time(text: &str) -> Option<Zoned> {
    match Value::time(text) {
        Ok(Value::Time(time)) => Some(time),
        _ => None,
    }
}

/// A time as definitions and fields write it.
pub(super) fn time_text(time: Timestamp) -> String {
    Value::from(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        to_column(time(text).unwrap().timestamp())
    }

    fn starts(period: &str, start: &str, occurrences: Option<&str>, count: usize) -> Vec<String> {
        let fields = ScheduleFields {
            id: "S".into(),
            period: Some(period.into()),
            start: Some(start.into()),
            occurrences: occurrences.map(str::to_owned),
            ..ScheduleFields::default()
        };
        let schedule = Schedule::new(&fields, 0).unwrap();
        let mut last = i64::MIN;
        let mut found = Vec::new();
        while let Some(interval) = schedule.first_after(last).filter(|_| found.len() < count) {
            found.push(time_text(from_column(interval.start)));
            last = interval.start;
        }
        found
    }

    #[test]
    fn months_are_reckoned_from_the_first() {
        assert_eq!(
            starts("1 month", "2026-01-31T02:00:00", None, 4),
            [
                "2026-01-31T02:00:00",
                "2026-02-28T02:00:00",
                "2026-03-31T02:00:00",
                "2026-04-30T02:00:00"
            ]
        );
    }

    #[test]
    fn occurrences_end_a_schedule() {
        assert_eq!(starts("15 minutes", "2026-01-01T00:00:00", Some("2"), 9).len(), 2);
    }

    #[test]
    fn any_interval_is_found_at_once() {
        let fields = ScheduleFields {
            period: Some("1 hour".into()),
            start_at: Some("FIRST_ACTIVATION_DATE_TIME".into()),
            ..ScheduleFields::default()
        };
        let schedule = Schedule::new(&fields, at("2020-01-01T00:00:30")).unwrap();
        let found = schedule.first_after(at("2026-05-05T10:00:30")).unwrap();
        assert_eq!(found.start, at("2026-05-05T11:00:30"));
        assert_eq!(found.end, at("2026-05-05T12:00:30"));
        assert_eq!(schedule.first_after(0).unwrap().start, schedule.start());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let fields = ScheduleFields {
            id: "S".into(),
            period: Some("soon".into()),
            start: Some("2026-01-01T00:00:00".into()),
            ..ScheduleFields::default()
        };
        let error = Schedule::new(&fields, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDefinition);
        assert!(error.to_string().contains("S.period"), "{error}");
    }
}
