//! What the caller decides: how each attempt goes.

use jiff::Timestamp;
use std::time::Duration;

/// An attempt that a worker has just taken.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The activity's id.
    pub component: &'a str,
    /// When its interval begins.
    pub scheduled_start: Timestamp,
    /// Its number, from 1 on.
    pub number: u32,
}

/// How an attempt goes.
///
/// ```
/// use efsbackup_core::simulate::{Attempt, Played};
/// use std::time::Duration;
///
/// /// The first attempt of each run fails.
/// fn script(attempt: &Attempt<'_>) -> Played {
///     match attempt.number {
///         1 => Played::failed(Duration::from_secs(60), "exit status 1"),
///         _ => Played::finished(Duration::from_secs(600)),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// How long it takes where nothing ends it before.
    pub takes: Duration,
    /// How it ends then.
    pub end: End,
}

/// How an attempt ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With success.
    Finished,
    /// Without, for this reason.
    Failed(String),
    /// Never: its worker falls silent at once, as when its machine is lost.
    Lost,
}

impl Played {
    /// Success after `takes`.
    pub fn finished(takes: Duration) -> Played {
        Played { takes, end: End::Finished }
    }

    /// Failure after `takes`, with this message.
    pub fn failed(takes: Duration, message: impl Into<String>) -> Played {
        Played { takes, end: End::Failed(message.into()) }
    }

    /// A worker that is never heard of again.
    pub fn lost() -> Played {
        Played { takes: Duration::MAX, end: End::Lost }
    }
}
