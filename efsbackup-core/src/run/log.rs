//! What a run does, for a log.

use super::RunEvent;
use crate::engine::Retry;
use crate::log::{Level, Record};
use crate::worker::log;

impl From<&RunEvent<'_>> for Record {
    fn from(event: &RunEvent<'_>) -> Self {
        match event {
            RunEvent::Started { attempt, logs } => log::started("run", attempt, logs),
            RunEvent::Ended { attempt, failure } => log::ended("run", attempt, *failure),
            RunEvent::Waits(retry) => {
                let Retry { attempt, number, of, at, delay } = retry;
                let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
                let message = format!(
                    "next is {attempt}: attempt {number} of {of} at {at}, after the retryDelay \
                     of {delay:#}"
                );
                Record { level: Level::Info, piece: "run", message }
            }
            RunEvent::Recovered { attempt } => log::recovered("run", attempt),
            RunEvent::Notified(told) => {
                let message = format!("notification: {}", told.subject);
                Record { level: Level::Info, piece: "run", message }
            }
            RunEvent::Warned(text) => log::warning("run", (*text).to_owned()),
        }
    }
}
