//! Times printed by Joda-Time patterns, which `format` takes.
//!
//! The letters and their rules are those of Joda-Time's `DateTimeFormat`: `YYYY` is the
//! year of the era (not of the week), `hh` the 12-hour clock, `DD` the day of the year.

use super::fault::Fault;
use jiff::Zoned;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// No sensible pattern repeats a letter more often.
const LONGEST: usize = 64;

/// `time` printed by `pattern`.
pub(super) fn format(time: &Zoned, pattern: &str) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' {
            quoted(&mut rest, &mut out);
        } else if c.is_ascii_alphabetic() {
            let mut width = 1;
            while rest.next_if_eq(&c).is_some() {
                width += 1;
            }
            if width > LONGEST {
                return Err(Fault::invalid(format!("'{c}' stands {width} times in a row")));
            }
            letter(time, c, width, &mut out)?;
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// Literal text after its opening quote; two quotes are one, inside and outside of it.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    if rest.next_if_eq(&'\'').is_some() {
        out.push('\'');
        return;
    }
    while let Some(c) = rest.next() {
        if c == '\'' && rest.next_if_eq(&'\'').is_none() {
            return;
        }
        out.push(c);
    }
}

fn letter(time: &Zoned, letter: char, width: usize, out: &mut String) -> Result<(), Fault> {
    let hour = i64::from(time.hour());
    let year = i64::from(time.year());
    // Years before 1 count backwards from 1 BC, which is year 0.
    let year_of_era = if year > 0 { year } else { 1 - year };
    let week = time.date().iso_week_date();
    match letter {
        'G' => out.push_str(if year > 0 { "AD" } else { "BC" }),
        'C' => number(year_of_era / 100, width, out),
        'Y' => year_number(year_of_era, width, out),
        'y' => year_number(year, width, out),
        'x' => year_number(week.year().into(), width, out),
        'w' => number(week.week().into(), width, out),
        'e' => number(time.weekday().to_monday_one_offset().into(), width, out),
        'E' => name(&DAYS, time.weekday().to_monday_one_offset(), width >= 4, out),
        'D' => number(time.day_of_year().into(), width, out),
        'M' if width >= 3 => name(&MONTHS, time.month(), width >= 4, out),
        'M' => number(time.month().into(), width, out),
        'd' => number(time.day().into(), width, out),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'K' => number(hour % 12, width, out),
        'h' => number((hour + 11) % 12 + 1, width, out),
        'H' => number(hour, width, out),
        'k' => number((hour + 23) % 24 + 1, width, out),
        'm' => number(time.minute().into(), width, out),
        's' => number(time.second().into(), width, out),
        'S' => {
            let nanoseconds = format!("{:09}", time.subsec_nanosecond());
            out.extend(nanoseconds.chars().chain(std::iter::repeat('0')).take(width));
        }
        'z' => zone_name(time, width >= 4, out),
        'Z' if width >= 3 => zone_id(time, out),
        'Z' => {
            let offset = if width == 2 { "%:z" } else { "%z" };
            out.push_str(&time.strftime(offset).to_string());
        }
        other => {
            return Err(Fault::invalid(format!(
                "'{other}' is no letter of a date pattern; put literal text in quotes"
            )));
        }
    }
    Ok(())
}

/// A number of at least `width` digits.
fn number(number: i64, width: usize, out: &mut String) {
    out.push_str(&format!("{number:0width$}"));
}

/// Two letters give the last two digits of a year.
fn year_number(year: i64, width: usize, out: &mut String) {
    if width == 2 { number(year.rem_euclid(100), 2, out) } else { number(year, width, out) }
}

/// The `one_based`th name, or its first three letters.
fn name(names: &[&str], one_based: i8, full: bool, out: &mut String) {
    let index = usize::try_from(one_based - 1).unwrap_or_default();
    let name = names.get(index).copied().unwrap_or_default();
    out.push_str(if full { name } else { name.get(..3).unwrap_or(name) });
}

/// `UTC`, `PDT`. Long names are not in the time zone data: those but UTC's print the id.
fn zone_name(time: &Zoned, long: bool, out: &mut String) {
    let info = time.time_zone().to_offset_info(time.timestamp());
    match (info.abbreviation(), long) {
        ("UTC", true) => out.push_str("Coordinated Universal Time"),
        (_, true) => zone_id(time, out),
        (short, false) => out.push_str(short),
    }
}

fn zone_id(time: &Zoned, out: &mut String) {
    match time.time_zone().iana_name() {
        Some(id) => out.push_str(id),
        None => out.push_str(&time.offset().to_string()),
    }
}
