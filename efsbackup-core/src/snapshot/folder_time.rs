//! Which instant an existing folder is of, by its name or its modification time.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// A date in a folder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// A day alone.
    Day(Date),
    /// With the time of day, and the offset from UTC if it is there.
    Time(DateTime, Option<Offset>),
    /// With more numbers behind it, of which nothing is known.
    Unclear,
}

/// Where an instant was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeFrom {
    /// The folder's name.
    Name,
    /// The folder's modification time.
    Modified,
}

/// The instant of a folder called `name`, modified at `modified`; why there is none, if so.
///
/// A date in the name counts, with the time of day behind it if there is one (`2026-11-22`,
/// `20261122`, `2026-11-22-21-46`, `backup_2026-11-22T21:46:05`), in `timezone`. A day alone
/// takes the time of day from the modification time if that is of this day, else midnight.
/// Without a date the modification time counts.
pub(super) fn time_of(
    name: &str,
    modified: Timestamp,
    timezone: &TimeZone,
) -> Result<(Timestamp, TimeFrom), &'static str> {
    let found = dates(name);
    let instant = match found.as_slice() {
        [] => return Ok((modified, TimeFrom::Modified)),
        [Named::Time(time, Some(offset))] => offset.to_timestamp(*time).ok(),
        [Named::Time(time, None)] => {
            let zoned = timezone.to_ambiguous_timestamp(*time);
            if zoned.is_ambiguous() {
                return Err("its time is twice, or never, on that day of summer time; rename it \
                            as YYYY-MM-DD-HH-MM-SS±HHMM");
            }
            zoned.compatible().ok()
        }
        [Named::Day(day)] => {
            let zoned = modified.to_zoned(timezone.clone());
            match zoned.date() == *day {
                true => Some(modified),
                false => timezone.to_timestamp(day.at(0, 0, 0, 0)).ok(),
            }
        }
        [Named::Unclear] => None,
        _ => return Err("its name has several dates; rename it"),
    };
    instant.map(|time| (time, TimeFrom::Name)).ok_or("the date in its name is not clear; rename it")
}

/// All dates in `name`.
fn dates(name: &str) -> Vec<Named> {
    let bytes = name.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let scan = Scan { rest: &bytes[at..] };
        match scan.date().filter(|_| begins) {
            Some((named, length)) => {
                found.push(named);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

struct Scan<'n> {
    rest: &'n [u8],
}

impl Scan<'_> {
    fn date(mut self) -> Option<(Named, usize)> {
        let whole_name = self.rest;
        let whole = whole_name.len();
        let year = self.number(4)?;
        let dashed = self.skip(b"-_.");
        let month = self.number(2)?;
        if self.skip(b"-_.") != dashed {
            return None;
        }
        let day = self.number(2)?;
        let day = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let mut best = (Named::Day(day), whole - self.rest.len());
        let ends = |scan: &Self| !scan.rest.first().is_some_and(u8::is_ascii_alphanumeric);
        let mut valid = ends(&self);
        let _ = self.skip(b"-_.T t");
        if let Some(time) = self.time(day) {
            let after_time = self.rest;
            let offset = self.offset();
            if offset.is_none() {
                self.rest = after_time;
            }
            if ends(&self) && !self.goes_on() {
                best = (Named::Time(time, offset), whole - self.rest.len());
                valid = true;
            }
        }
        self.rest = &whole_name[best.1..];
        if matches!(best.0, Named::Day(_)) && self.goes_on() {
            best.0 = Named::Unclear;
        }
        valid.then_some(best)
    }

    /// Whether more numbers follow.
    fn goes_on(&self) -> bool {
        matches!(self.rest, [between, digit, ..]
            if !between.is_ascii_alphanumeric() && digit.is_ascii_digit())
    }

    fn time(&mut self, day: Date) -> Option<DateTime> {
        let hour = self.number(2)?;
        let _ = self.skip(b"-_.:h");
        let minute = self.number(2)?;
        let before = self.rest;
        let _ = self.skip(b"-_.:");
        let second = self.number(2);
        if second.is_none() {
            self.rest = before;
        }
        let [hour, minute, second] =
            [hour, minute, second.unwrap_or(0)].map(|number| i8::try_from(number).unwrap_or(-1));
        DateTime::new(day.year(), day.month(), day.day(), hour, minute, second, 0).ok()
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.skip(b"Z") {
            return Some(Offset::UTC);
        }
        let negative = self.rest.first() == Some(&b'-');
        if !self.skip(b"+-") {
            return None;
        }
        let seconds = (i32::from(self.number(2)?) * 60 + i32::from(self.number(2)?)) * 60;
        Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
    }

    fn number(&mut self, digits: usize) -> Option<i16> {
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0')))
    }

    fn skip(&mut self, any: &[u8]) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if any.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

/// The number of a folder in a rotation: 3 of `daily.3`, with what is before it.
pub(super) fn rotation(name: &str) -> Option<(&str, u32)> {
    let (before, number) = name.rsplit_once('.')?;
    (!before.is_empty() && dates(name).is_empty()).then_some((before, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(name: &str, timezone: &str) -> Result<String, &'static str> {
        let modified = "2026-11-22T12:34:56Z".parse().unwrap();
        let timezone = TimeZone::get(timezone).unwrap();
        time_of(name, modified, &timezone).map(|(time, _)| time.to_string())
    }

    #[test]
    fn dates_are_read_in_many_forms() {
        for (name, expected) in [
            ("2026-11-20-21-46", "2026-11-20T21:46:00Z"),
            ("2026-11-20-21-46-05", "2026-11-20T21:46:05Z"),
            ("2026-11-20-21-46-05+0130", "2026-11-20T20:16:05Z"),
            ("2026-11-20-21-46-05-0800", "2026-11-21T05:46:05Z"),
            ("backup_2026-11-20T21:46:05Z", "2026-11-20T21:46:05Z"),
            ("20261120", "2026-11-20T00:00:00Z"),
            ("20261120-2146", "2026-11-20T21:46:00Z"),
            ("20261120214605", "2026-11-20T21:46:05Z"),
            ("efs-2026.11.20_21.46.full", "2026-11-20T21:46:00Z"),
            // A day alone: the time of day is the modification's, if that is of this day.
            ("2026-11-22", "2026-11-22T12:34:56Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("daily.0", "2026-11-22T12:34:56Z"),
            ("fs-0123456789abcdef0", "2026-11-22T12:34:56Z"),
            ("2026-13-40", "2026-11-22T12:34:56Z"),
        ] {
            assert_eq!(time(name, "UTC").as_deref(), Ok(expected), "{name}");
        }
        assert_eq!(time("2026-11-20-21-46", "Asia/Tokyo").unwrap(), "2026-11-20T12:46:00Z");
    }

    #[test]
    fn what_may_mean_two_instants_is_refused() {
        for name in ["2026-11-20_2026-11-21", "2026-11-20 a 2026-11-21", "2026-11-20-21-46.1"] {
            assert!(time(name, "UTC").is_err(), "{name}");
        }
        assert!(time("2026-10-25-02-30", "Europe/Berlin").is_err());
        assert!(time("2026-03-29-02-30", "Europe/Berlin").is_err());
        assert_eq!(
            time("2026-10-25-02-30-00+0100", "Europe/Berlin").unwrap(),
            "2026-10-25T01:30:00Z"
        );
    }

    #[test]
    fn rotations_are_known() {
        assert_eq!(rotation("daily.12"), Some(("daily", 12)));
        for other in ["daily", "daily.x", ".3", "2026.11.20", "daily.-1"] {
            assert_eq!(rotation(other), None, "{other}");
        }
    }
}
