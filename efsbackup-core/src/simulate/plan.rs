//! How the attempts of a simulation go, in words that every face takes.

use super::{Attempt, End, Played};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::Value;
use crate::pipeline::Definition;
use jiff::{SignedDuration, Timestamp};
use std::str::FromStr;
use std::time::Duration;

const DEFAULT_TIME: Duration = Duration::from_secs(60);

/// How attempts go where no program decides it: they succeed after a minute, but for what is
/// said here.
///
/// ```
/// use efsbackup_core::simulate::Plan;
///
/// let plan = Plan::default().takes("Copy=25m".parse()?).fail("Copy#1".parse()?);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Plan {
    takes: Vec<Takes>,
    fail: Vec<Which>,
    lose: Vec<Which>,
}

/// How long attempts take, parsed from `[ACTIVITY=]DURATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Of this activity, or of all.
    component: Option<String>,
    time: Duration,
}

/// Some attempts of an activity, parsed from `ACTIVITY[@TIME][#N]`: all, those of one
/// scheduled start, those of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    component: String,
    scheduled_start: Option<Timestamp>,
    number: Option<u32>,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "simulate").with_message(message)
}

impl FromStr for Takes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Takes> {
        let (component, time) = match text.rsplit_once('=') {
            Some((component, time)) => (Some(component.to_owned()), time),
            None => (None, text),
        };
        let parsed = time.parse::<SignedDuration>().ok();
        let time = parsed
            .and_then(|time| Duration::try_from(time).ok())
            .ok_or_else(|| invalid("give a number with its unit, such as 90s, 25m or '1h 30m'"))?;
        Ok(Takes { component, time })
    }
}

impl FromStr for Which {
    type Err = Error;

    fn from_str(text: &str) -> Result<Which> {
        let (rest, number) = match text.rsplit_once('#') {
            Some((rest, number)) => {
                let parsed =
                    number.parse().map_err(|_| invalid(format!("'{number}' is no number")));
                (rest, Some(parsed?))
            }
            None => (text, None),
        };
        let (component, scheduled_start) = match rest.rsplit_once('@') {
            Some((component, start)) => (component, Some(Value::instant(start)?)),
            None => (rest, None),
        };
        Ok(Which { component: component.to_owned(), scheduled_start, number })
    }
}

impl Which {
    fn holds(&self, attempt: &Attempt<'_>) -> bool {
        self.component == attempt.component
            && self.scheduled_start.is_none_or(|start| start == attempt.scheduled_start)
            && self.number.is_none_or(|number| number == attempt.number)
    }
}

impl Plan {
    /// How long attempts take. The last word counts, and that about one activity more than
    /// that about all.
    #[must_use]
    pub fn takes(mut self, takes: Takes) -> Plan {
        self.takes.push(takes);
        self
    }

    /// These attempts fail.
    #[must_use]
    pub fn fail(mut self, which: Which) -> Plan {
        self.fail.push(which);
        self
    }

    /// The machines of these attempts are lost.
    #[must_use]
    pub fn lose(mut self, which: Which) -> Plan {
        self.lose.push(which);
        self
    }

    /// Refuses names that the definition does not have.
    ///
    /// # Errors
    /// `NotFound` for the first of them.
    pub fn check(&self, definition: &Definition) -> Result<()> {
        let some = self.fail.iter().chain(&self.lose).map(|which| which.component.as_str());
        let timed = self.takes.iter().filter_map(|takes| takes.component.as_deref());
        match some.chain(timed).find(|id| definition.object(id).is_none()) {
            Some(id) => Err(Error::new(ErrorKind::NotFound, "simulate")
                .with_message(format!("the definition has no object {id}"))),
            None => Ok(()),
        }
    }

    /// How this attempt goes.
    pub fn play(&self, attempt: &Attempt<'_>) -> Played {
        let of_it = |takes: &&Takes| takes.component.as_deref() == Some(attempt.component);
        let of_all = |takes: &&Takes| takes.component.is_none();
        let takes = self.takes.iter().rev();
        let takes = takes.clone().find(of_it).or_else(|| takes.clone().find(of_all));
        let takes = takes.map_or(DEFAULT_TIME, |takes| takes.time);
        if self.lose.iter().any(|which| which.holds(attempt)) {
            return Played { takes, end: End::Lost };
        }
        match self.fail.iter().any(|which| which.holds(attempt)) {
            true => Played::failed(takes, "it fails because the simulation says so"),
            false => Played::finished(takes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_named_by_activity_time_and_number() {
        let parsed: Which = "A@2026-03-01T02:00:00#2".parse().unwrap();
        assert_eq!((parsed.component.as_str(), parsed.number), ("A", Some(2)));
        let start = "2026-03-01T02:00:00Z".parse().unwrap();
        assert_eq!(parsed.scheduled_start, Some(start));
        let attempt = |number| Attempt { component: "A", scheduled_start: start, number };
        assert!(parsed.holds(&attempt(2)) && !parsed.holds(&attempt(1)));
        assert!("A".parse::<Which>().unwrap().holds(&attempt(1)));
        assert!("A#x".parse::<Which>().is_err() && "A@soon".parse::<Which>().is_err());
    }
}
