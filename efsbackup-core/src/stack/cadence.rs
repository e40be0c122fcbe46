//! A period in the words of other schedulers.

use crate::error::Result;
use crate::expression::{Period, Unit};
use crate::recipe::invalid;

/// How a period falls on the clock, in UTC.
enum Clock {
    /// At every n-th minute of each hour.
    Minutes(u32),
    /// At every n-th hour of each day.
    Hours(u32),
    /// At midnight.
    Daily,
    /// On Mondays at midnight.
    Weekly,
    /// On the first of every n-th month at midnight.
    Months(u32),
}

fn clock(period: Period) -> Option<Clock> {
    let count = period.count();
    match period.unit() {
        Unit::Minutes if count == 60 => Some(Clock::Hours(1)),
        Unit::Minutes if 60 % count == 0 => Some(Clock::Minutes(count)),
        Unit::Hours if count == 24 => Some(Clock::Daily),
        Unit::Hours if 24 % count == 0 => Some(Clock::Hours(count)),
        Unit::Days if count == 1 => Some(Clock::Daily),
        Unit::Days if count == 7 => Some(Clock::Weekly),
        Unit::Weeks if count == 1 => Some(Clock::Weekly),
        Unit::Months if 12 % count == 0 => Some(Clock::Months(count)),
        Unit::Years if count == 1 => Some(Clock::Months(12)),
        _ => None,
    }
}

/// As cron's five fields.
pub(super) fn cron(period: Period) -> Result<String> {
    Ok(match clock(period) {
        Some(Clock::Minutes(n)) => format!("*/{n} * * * *"),
        Some(Clock::Hours(1)) => "0 * * * *".to_owned(),
        Some(Clock::Hours(n)) => format!("0 */{n} * * *"),
        Some(Clock::Daily) => "0 0 * * *".to_owned(),
        Some(Clock::Weekly) => "0 0 * * 1".to_owned(),
        Some(Clock::Months(12)) => "0 0 1 1 *".to_owned(),
        Some(Clock::Months(n)) => format!("0 0 1 */{n} *"),
        None => {
            return Err(invalid(format!(
                "cron cannot run every {period}: take a divisor of an hour, a day or a year"
            )));
        }
    })
}

/// As the lines of a systemd timer.
pub(super) fn timer(period: Period) -> String {
    let calendar = match clock(period) {
        Some(Clock::Minutes(n)) => format!("*-*-* *:00/{n}:00 UTC"),
        Some(Clock::Hours(n)) => format!("*-*-* 00/{n}:00:00 UTC"),
        Some(Clock::Daily) => "*-*-* 00:00:00 UTC".to_owned(),
        Some(Clock::Weekly) => "Mon *-*-* 00:00:00 UTC".to_owned(),
        Some(Clock::Months(12)) => "*-01-01 00:00:00 UTC".to_owned(),
        Some(Clock::Months(n)) => format!("*-01/{n}-01 00:00:00 UTC"),
        None => return format!("OnActiveSec=1min\nOnUnitActiveSec={}min\n", period.minutes()),
    };
    // A run that fell into a time when the machine was off is made up for.
    format!("OnCalendar={calendar}\nPersistent=true\n")
}

/// As EventBridge Scheduler's expression.
pub(super) fn rate(period: Period) -> String {
    let (count, unit) = match period.unit() {
        Unit::Minutes => (period.count(), "minute"),
        Unit::Hours => (period.count(), "hour"),
        Unit::Days => (period.count(), "day"),
        Unit::Weeks => (period.count() * 7, "day"),
        Unit::Months | Unit::Years => match clock(period) {
            Some(Clock::Months(12)) => return "cron(0 0 1 1 ? *)".to_owned(),
            Some(Clock::Months(n)) => return format!("cron(0 0 1 1/{n} ? *)"),
            _ => (u32::try_from(period.minutes() / 1440).unwrap_or(u32::MAX), "day"),
        },
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("rate({count} {unit}{plural})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_become_each_scheduler_s_words() {
        let period = |text: &str| text.parse::<Period>().unwrap();
        for (text, in_cron, in_timer, in_rate) in [
            ("15 minutes", "*/15 * * * *", "*-*-* *:00/15:00 UTC", "rate(15 minutes)"),
            ("60 minutes", "0 * * * *", "*-*-* 00/1:00:00 UTC", "rate(60 minutes)"),
            ("1 hours", "0 * * * *", "*-*-* 00/1:00:00 UTC", "rate(1 hour)"),
            ("6 hours", "0 */6 * * *", "*-*-* 00/6:00:00 UTC", "rate(6 hours)"),
            ("1 day", "0 0 * * *", "*-*-* 00:00:00 UTC", "rate(1 day)"),
            ("1 week", "0 0 * * 1", "Mon *-*-* 00:00:00 UTC", "rate(7 days)"),
            ("1 months", "0 0 1 */1 *", "*-01/1-01 00:00:00 UTC", "cron(0 0 1 1/1 ? *)"),
            ("1 years", "0 0 1 1 *", "*-01-01 00:00:00 UTC", "cron(0 0 1 1 ? *)"),
        ] {
            let period = period(text);
            assert_eq!(cron(period).unwrap(), in_cron);
            assert_eq!(timer(period), format!("OnCalendar={in_timer}\nPersistent=true\n"));
            assert_eq!(rate(period), in_rate);
        }
        let odd = period("7 hours");
        assert_eq!(timer(odd), "OnActiveSec=1min\nOnUnitActiveSec=420min\n");
        assert_eq!(rate(odd), "rate(7 hours)");
        let error = cron(odd).unwrap_err().to_string();
        assert!(error.contains("cron cannot run every 7 hours"), "{error}");
    }
}
