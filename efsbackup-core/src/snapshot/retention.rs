//! Which snapshots are kept.

use super::snapshot::{Snapshot, State};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};
use serde::Serialize;

/// How many snapshots are kept; 0 keeps none for that reason. A snapshot is kept if any
/// reason keeps it. The meaning is restic's: of each hour (day, week, …) that has snapshots
/// the newest counts, for as many hours as given, beginning with the latest; and while a
/// count is not used up, the oldest snapshot is kept too.
///
/// ```
/// use efsbackup_core::snapshot::Retention;
///
/// let keep = Retention { hourly: 24, daily: 7, weekly: 4, ..Retention::default() };
/// assert!(!keep.is_empty() && Retention::default().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The newest ones.
    pub last: u32,
    /// One an hour. The hour that is repeated when summer time ends is two.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
    /// One a week, which begins on Monday (ISO 8601).
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
    /// One a year.
    pub yearly: u32,
}

/// How much older than the last complete snapshot an undo gets.
const UNDO_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What becomes of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The snapshot.
    pub id: String,
    /// Whether it is kept.
    pub keep: bool,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// Tells two periods apart.
type Period = (i64, i64, i64);

impl Retention {
    /// Whether nothing is asked for; then everything is kept.
    pub fn is_empty(&self) -> bool {
        *self == Retention::default()
    }

    /// Decides over `snapshots`, the oldest first. Never removed are the last complete one,
    /// the one called `new`, and folders without a record. Partial snapshots are not
    /// counted; they are kept until there is a newer complete one. Undos are not counted
    /// either; they are kept until there is a complete one a week younger. Adopted ones are
    /// kept, and not counted, until they are verified.
    pub(super) fn decide(
        &self,
        snapshots: &[Snapshot],
        timezone: &TimeZone,
        new: Option<&str>,
    ) -> Vec<Decision> {
        let complete =
            |snapshot: &&Snapshot| snapshot.state == State::Complete && snapshot.time.is_some();
        let mut rules = self.rules();
        let oldest = snapshots.iter().find(complete).map(|snapshot| &snapshot.id);
        let last = snapshots.iter().rfind(complete).map(|snapshot| &snapshot.id);
        let newest = snapshots.iter().rfind(complete).and_then(|snapshot| snapshot.time);
        let mut newer_complete = false;
        let mut decisions: Vec<Decision> = snapshots
            .iter()
            .rev()
            .map(|snapshot| {
                let mut reasons = Vec::new();
                if Some(&snapshot.id) == last {
                    reasons.push("last complete".to_owned());
                }
                if Some(snapshot.id.as_str()) == new {
                    reasons.push("new".to_owned());
                }
                match (snapshot.state, snapshot.time) {
                    (State::Complete, Some(time)) => {
                        newer_complete = true;
                        let time = time.to_zoned(timezone.clone());
                        let is_oldest = Some(&snapshot.id) == oldest;
                        reasons.extend(rules.iter_mut().filter_map(|r| r.keeps(&time, is_oldest)));
                    }
                    (State::Partial, _) if newer_complete => {}
                    (State::Partial, _) => reasons.push("nothing newer is complete".to_owned()),
                    (State::Adopted, _) => reasons.push("adopted, not verified".to_owned()),
                    (State::Undo, Some(time))
                        if newest.is_some_and(|newest| newest - UNDO_KEPT > time) => {}
                    (State::Undo, _) => reasons.push("undo of the last week".to_owned()),
                    _ => reasons.push("no record of it".to_owned()),
                }
                let keep = !reasons.is_empty();
                if !keep {
                    reasons.push(match snapshot.state {
                        State::Partial => "partial, and a newer one is complete".to_owned(),
                        State::Undo => "undo of more than a week ago".to_owned(),
                        _ => "nothing keeps it".to_owned(),
                    });
                }
                Decision { id: snapshot.id.clone(), keep, reasons }
            })
            .collect();
        decisions.reverse();
        decisions
    }

    fn rules(&self) -> [Rule; 6] {
        let rule = |name, left, period: fn(&Zoned) -> Period| Rule {
            name,
            left,
            period: Some(period),
            previous: None,
        };
        [
            Rule { name: "last", left: self.last, period: None, previous: None },
            rule("hourly", self.hourly, |t| {
                (t.year().into(), day(t) * 24 + i64::from(t.hour()), t.offset().seconds().into())
            }),
            rule("daily", self.daily, |t| (t.year().into(), day(t), 0)),
            rule("weekly", self.weekly, |t| {
                let week = t.date().iso_week_date();
                (week.year().into(), week.week().into(), 0)
            }),
            rule("monthly", self.monthly, |t| (t.year().into(), t.month().into(), 0)),
            rule("yearly", self.yearly, |t| (t.year().into(), 0, 0)),
        ]
    }
}

fn day(time: &Zoned) -> i64 {
    time.day_of_year().into()
}

/// One reason to keep snapshots.
struct Rule {
    name: &'static str,
    left: u32,
    /// `None`: every snapshot is a period of its own, also two of one instant.
    period: Option<fn(&Zoned) -> Period>,
    previous: Option<Period>,
}

impl Rule {
    /// Why this rule keeps the snapshot of `time`, if it does. Called for the newest first.
    fn keeps(&mut self, time: &Zoned, is_oldest: bool) -> Option<String> {
        if self.left == 0 {
            return None;
        }
        let period = self.period.map(|period| period(time));
        let is_new = period.is_none() || self.previous != period;
        if !is_new && !is_oldest {
            return None;
        }
        self.previous = period;
        self.left -= 1;
        Some(if is_new { self.name.to_owned() } else { format!("oldest {}", self.name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshots(times: &[&str]) -> Vec<Snapshot> {
        let snapshot = |time: &&str| {
            let mut snapshot = Snapshot::unknown((*time).to_owned());
            snapshot.state = State::Complete;
            snapshot.time = Some(time.parse().unwrap());
            snapshot
        };
        times.iter().map(snapshot).collect()
    }

    /// The times kept, but for the last one, which always is.
    fn kept(retention: Retention, timezone: &str, times: &[&str]) -> Vec<String> {
        let timezone = TimeZone::get(timezone).unwrap();
        let decisions = retention.decide(&snapshots(times), &timezone, None);
        assert!(decisions.last().unwrap().keep);
        decisions.into_iter().filter(|d| d.keep).map(|d| d.id).collect()
    }

    #[test]
    fn the_newest_of_each_day_counts_in_the_given_timezone() {
        let times = [
            "2026-03-01T10:00:00Z",
            "2026-03-02T14:00:00Z",
            "2026-03-02T16:00:00Z",
            "2026-03-03T01:00:00Z",
        ];
        let daily = Retention { daily: 2, ..Retention::default() };
        assert_eq!(kept(daily, "UTC", &times), [times[2], times[3]]);
        // In Tokyo 16:00Z is the next day already, the day of the last one.
        assert_eq!(kept(daily, "Asia/Tokyo", &times), [times[1], times[3]]);
    }

    #[test]
    fn two_of_one_instant_are_two() {
        let times =
            ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00", "2026-03-01T11:00:00+01:00"];
        let retention = Retention { last: 2, ..Retention::default() };
        assert_eq!(kept(retention, "UTC", &times), times[1..]);
    }

    #[test]
    fn the_oldest_is_kept_while_a_count_is_not_used_up() {
        let times = ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z"];
        let daily = |daily| Retention { daily, ..Retention::default() };
        assert_eq!(kept(daily(7), "UTC", &times), [times[0], times[2]]);
        assert_eq!(kept(daily(1), "UTC", &times), [times[2]]);
    }

    #[test]
    fn the_repeated_hour_is_two_and_the_skipped_one_none() {
        // Summer time ends in Berlin on 2026-10-25: 02:30 comes twice.
        let autumn = [
            "2026-10-24T23:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:45:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z",
        ];
        let hourly = |hourly| Retention { hourly, ..Retention::default() };
        let three = kept(hourly(3), "Europe/Berlin", &autumn);
        assert_eq!(three, [autumn[2], autumn[3], autumn[4]]);
        // It begins on 2026-03-29: after 01:59 comes 03:00.
        let spring = ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"];
        assert_eq!(kept(hourly(2), "Europe/Berlin", &spring), spring[1..]);
        // Both days have all their hours: one snapshot a day is enough for "daily".
        let daily = Retention { daily: 1, ..Retention::default() };
        assert_eq!(kept(daily, "Europe/Berlin", &autumn), [autumn[4]]);
    }

    #[test]
    fn weeks_begin_on_monday_and_belong_to_the_year_of_their_thursday() {
        let times = [
            "2026-12-27T12:00:00Z", // Sunday, week 52
            "2026-12-28T12:00:00Z", // Monday, week 53
            "2027-01-03T12:00:00Z", // Sunday, week 53 of 2026
            "2027-01-04T12:00:00Z", // Monday, week 1 of 2027
        ];
        let weekly = Retention { weekly: 2, ..Retention::default() };
        assert_eq!(kept(weekly, "UTC", &times), times[2..]);
        let monthly = Retention { monthly: 2, ..Retention::default() };
        assert_eq!(kept(monthly, "UTC", &times), [times[1], times[3]]);
        let yearly = Retention { yearly: 1, ..Retention::default() };
        assert_eq!(kept(yearly, "UTC", &times), [times[3]]);
    }

    #[test]
    fn any_reason_keeps_and_all_are_told() {
        let times = ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"];
        let retention = Retention { last: 2, daily: 5, ..Retention::default() };
        let decisions = retention.decide(&snapshots(&times), &TimeZone::UTC, None);
        let reasons: Vec<_> = decisions.iter().map(|d| d.reasons.join(", ")).collect();
        assert_eq!(reasons, ["daily", "last", "last complete, last, daily"]);
    }

    #[test]
    fn undos_are_not_counted_and_go_after_a_week() {
        let times = ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-09T10:00:00Z"];
        let mut all = snapshots(&times);
        all[0].state = State::Undo;
        all[1].state = State::Undo;
        let retention = Retention { last: 9, ..Retention::default() };
        let decisions = retention.decide(&all, &TimeZone::UTC, None);
        let told: Vec<_> = decisions.iter().map(|d| (d.keep, d.reasons.join(", "))).collect();
        assert_eq!(told[0], (false, "undo of more than a week ago".to_owned()));
        assert_eq!(told[1], (true, "undo of the last week".to_owned()));
        assert_eq!(told[2], (true, "last complete, last".to_owned()));
        all[2].state = State::Partial;
        assert!(retention.decide(&all, &TimeZone::UTC, None).iter().all(|d| d.keep));
    }

    /// Every six hours from 2026-02-20T00 on, for 40 days, UTC; what `restic forget` keeps
    /// was worked out by hand with a calendar.
    #[test]
    fn a_calendar_worked_by_hand() {
        let start: jiff::Timestamp = "2026-02-20T00:00:00Z".parse().unwrap();
        let times: Vec<String> = (0..160)
            .map(|number| (start + SignedDuration::from_hours(6 * number)).to_string())
            .collect();
        let times: Vec<&str> = times.iter().map(String::as_str).collect();
        // The last is 2026-03-31T18:00:00Z, a Tuesday.
        let retention =
            Retention { last: 2, hourly: 3, daily: 4, weekly: 3, monthly: 3, yearly: 2 };
        let expected = [
            "2026-02-20T00:00:00Z", // the oldest: a third month and a second year are not there
            "2026-02-28T18:00:00Z", // the last of February
            "2026-03-22T18:00:00Z", // the Sunday that ends week 12
            "2026-03-28T18:00:00Z", // the fourth day
            "2026-03-29T18:00:00Z", // the third day, and the Sunday that ends week 13
            "2026-03-30T18:00:00Z", // the second day
            "2026-03-31T06:00:00Z", // the third hour
            "2026-03-31T12:00:00Z", // the second hour, the second of the last two
            "2026-03-31T18:00:00Z",
        ];
        assert_eq!(kept(retention, "UTC", &times), expected);
        // In Los Angeles (UTC−8, from 2026-03-08 on −7) the newest is at 11:00: days end with
        // the snapshot of 06:00Z the day after, at 23:00 (before: 22:00) the same day.
        let daily = Retention { daily: 3, ..Retention::default() };
        let expected = ["2026-03-30T06:00:00Z", "2026-03-31T06:00:00Z", "2026-03-31T18:00:00Z"];
        assert_eq!(kept(daily, "America/Los_Angeles", &times), expected);
    }

    /// The day of 23 hours and that of 25 each count as one; the hours around 02:00 are told
    /// apart by the instant, not by what the clock on the wall shows.
    #[test]
    fn both_days_that_change_the_clock_worked_by_hand() {
        let hours = |from: &str, count: i64| -> Vec<String> {
            let from: jiff::Timestamp = from.parse().unwrap();
            (0..count).map(|hour| (from + SignedDuration::from_hours(hour)).to_string()).collect()
        };
        let kept_of = |retention, times: &[String]| {
            let times: Vec<&str> = times.iter().map(String::as_str).collect();
            kept(retention, "Europe/Berlin", &times)
        };
        // 2026-03-29 begins at 23:00Z the day before and ends at 22:00Z: 23 hours.
        let spring = hours("2026-03-27T12:00:00Z", 60); // until 2026-03-29T23:00Z, the 30th
        let daily = |daily| Retention { daily, ..Retention::default() };
        let days = ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z", "2026-03-29T23:00:00Z"];
        assert_eq!(kept_of(daily(3), &spring), days);
        // 2026-10-25 begins at 22:00Z and ends at 23:00Z the day after: 25 hours.
        let autumn = hours("2026-10-24T12:00:00Z", 36); // until 2026-10-25T23:00Z, the 26th
        let days = ["2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z", "2026-10-25T23:00:00Z"];
        assert_eq!(kept_of(daily(3), &autumn), days);
        // 25 hours of that day, all kept.
        let hourly = Retention { hourly: 26, ..Retention::default() };
        assert_eq!(kept_of(hourly, &autumn), autumn[10..]);
    }

    #[test]
    fn partial_ones_are_not_counted_and_the_unknown_are_left_alone() {
        let times = ["2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"];
        let mut all = snapshots(&times);
        all[1].state = State::Partial;
        all.insert(0, Snapshot::unknown("2000-01-01-00-00".into()));
        let retention = Retention { last: 1, ..Retention::default() };
        let kept = |all: &[Snapshot], new: Option<&str>| -> Vec<bool> {
            let decisions = retention.decide(all, &TimeZone::UTC, new);
            decisions.iter().map(|decision| decision.keep).collect()
        };
        assert_eq!(kept(&all, None), [true, false, false, true]);
        assert_eq!(kept(&all, Some(times[0])), [true, true, false, true]);
        all[3].state = State::Partial;
        assert_eq!(kept(&all, None), [true, true, true, true]);
    }
}
