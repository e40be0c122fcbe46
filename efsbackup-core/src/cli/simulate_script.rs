//! How the attempts of a simulation go, as the command line says.

use super::args::duration;
use super::simulate::time;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Definition;
use crate::simulate::{Attempt, End, Played};
use jiff::Timestamp;
use std::time::Duration;

const DEFAULT_TIME: Duration = Duration::from_secs(60);

/// How long attempts take.
#[derive(Clone, Debug)]
pub(crate) struct Takes {
    /// Of this activity, or of all.
    component: Option<String>,
    time: Duration,
}

impl Takes {
    pub(crate) fn parse(text: &str) -> std::result::Result<Takes, String> {
        let (component, time) = match text.rsplit_once('=') {
            Some((component, time)) => (Some(component.to_owned()), time),
            None => (None, text),
        };
        Ok(Takes { component, time: duration(time)? })
    }
}

/// Some attempts of an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Which {
    component: String,
    scheduled_start: Option<Timestamp>,
    number: Option<u32>,
}

/// Parses `ACTIVITY[@TIME][#N]`.
pub(crate) fn which(text: &str) -> std::result::Result<Which, String> {
    let (rest, number) = match text.rsplit_once('#') {
        Some((rest, number)) => {
            let number = number.parse().map_err(|_| format!("'{number}' is no number"))?;
            (rest, Some(number))
        }
        None => (text, None),
    };
    let (component, scheduled_start) = match rest.rsplit_once('@') {
        Some((component, start)) => (component, Some(time(start)?)),
        None => (rest, None),
    };
    Ok(Which { component: component.to_owned(), scheduled_start, number })
}

impl Which {
    fn holds(&self, attempt: &Attempt<'_>) -> bool {
        self.component == attempt.component
            && self.scheduled_start.is_none_or(|start| start == attempt.scheduled_start)
            && self.number.is_none_or(|number| number == attempt.number)
    }
}

/// What the command line says of attempts.
pub(crate) struct Script {
    pub(crate) takes: Vec<Takes>,
    pub(crate) fail: Vec<Which>,
    pub(crate) lose: Vec<Which>,
}

impl Script {
    /// Refuses names that the definition does not have.
    pub(crate) fn check(&self, definition: &Definition) -> Result<()> {
        let some = self.fail.iter().chain(&self.lose).map(|which| which.component.as_str());
        let timed = self.takes.iter().filter_map(|takes| takes.component.as_deref());
        match some.chain(timed).find(|id| definition.object(id).is_none()) {
            Some(id) => Err(Error::new(ErrorKind::NotFound, "simulate")
                .with_message(format!("the definition has no object {id}"))),
            None => Ok(()),
        }
    }

    pub(crate) fn play(&self, attempt: &Attempt<'_>) -> Played {
        let of_it = |takes: &&Takes| takes.component.as_deref() == Some(attempt.component);
        let of_all = |takes: &&Takes| takes.component.is_none();
        // The last word counts, and that about one activity more than that about all.
        let takes = self.takes.iter().rev();
        let takes = takes.clone().find(of_it).or_else(|| takes.clone().find(of_all));
        let takes = takes.map_or(DEFAULT_TIME, |takes| takes.time);
        if self.lose.iter().any(|which| which.holds(attempt)) {
            return Played { takes, end: End::Lost };
        }
        match self.fail.iter().any(|which| which.holds(attempt)) {
            true => Played::failed(takes, "it fails because --fail says so"),
            false => Played::finished(takes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_named_by_activity_time_and_number() {
        let parsed = which("A@2026-03-01T02:00:00#2").unwrap();
        assert_eq!((parsed.component.as_str(), parsed.number), ("A", Some(2)));
        let start = "2026-03-01T02:00:00Z".parse().unwrap();
        assert_eq!(parsed.scheduled_start, Some(start));
        let attempt = |number| Attempt { component: "A", scheduled_start: start, number };
        assert!(parsed.holds(&attempt(2)) && !parsed.holds(&attempt(1)));
        assert!(which("A").unwrap().holds(&attempt(1)));
        assert!(which("A#x").is_err() && which("A@soon").is_err());
    }
}
