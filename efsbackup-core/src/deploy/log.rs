//! What plans and waits do, for a log.

use super::{ApplyEvent, Standing};
use crate::log::{Level, Record};
use std::fmt;

/// In words, such as `SCHEDULED: 2 FINISHED, 1 RUNNING`.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state)?;
        for (number, (status, count)) in self.statuses.iter().enumerate() {
            write!(f, "{} {count} {status}", if number == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl From<&Standing> for Record {
    fn from(standing: &Standing) -> Self {
        Record { level: Level::Info, piece: "wait", message: standing.to_string() }
    }
}

impl From<&ApplyEvent<'_>> for Record {
    fn from(event: &ApplyEvent<'_>) -> Self {
        let (level, message) = match event {
            ApplyEvent::Step(step) => (Level::Info, step.describe()),
            ApplyEvent::Waiting(standing) => (Level::Info, format!("it is {}", standing.state)),
            ApplyEvent::Restored => {
                (Level::Warning, "the old definition is active again".to_owned())
            }
        };
        Record { level, piece: "apply", message }
    }
}
