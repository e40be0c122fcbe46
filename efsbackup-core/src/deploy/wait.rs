//! Waiting for what a service does in its own time.

use super::find::{all_ids, describe, describe_ids};
use super::{Pace, PipelineService, Query, Sphere};
use crate::error::{Error, ErrorKind, Result};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// Between two looks; doubled up to the longest.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

/// States in which an instance or attempt stays.
const ENDS: [&str; 8] = [
    "FINISHED",
    "MARK_FINISHED",
    "FAILED",
    "CANCELED",
    "CANCELLED",
    "CASCADE_FAILED",
    "TIMEDOUT",
    "SKIPPED",
];
/// Of them, those of work that was done.
const GOOD: [&str; 3] = ["FINISHED", "MARK_FINISHED", "SKIPPED"];

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The pipeline is active: `SCHEDULED`, or `FINISHED` already.
    Scheduled,
    /// Something runs, or has run.
    Running,
    /// All that has fallen due by now has ended.
    Finished,
    /// The pipeline is inactive: `INACTIVE`, `FINISHED` or never activated.
    Inactive,
}

/// `scheduled`, `running`, `finished` or `inactive`.
impl FromStr for Until {
    type Err = Error;

    fn from_str(text: &str) -> Result<Until> {
        Ok(match text {
            "scheduled" => Until::Scheduled,
            "running" => Until::Running,
            "finished" => Until::Finished,
            "inactive" => Until::Inactive,
            _ => {
                return Err(Error::new(ErrorKind::InvalidInput, "wait")
                    .with_message("until: give 'scheduled', 'running', 'finished' or 'inactive'"));
            }
        })
    }
}

/// How far a pipeline is.
///
/// ```
/// use efsbackup_core::Result;
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::deploy::{OnThread, PipelineService, standing};
///
/// async fn has_failed(service: &impl PipelineService, pipeline: &str) -> Result<bool> {
///     let (clock, cancel) = (SystemClock, CancelToken::new());
///     let pace = OnThread { clock: &clock, cancel: &cancel };
///     let standing = standing(service, pipeline, true, &pace).await?;
///     println!("{}: {} open, {} failed", standing.state, standing.open(), standing.failed());
///     Ok(standing.failed() > 0)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its `@pipelineState`.
    pub state: String,
    /// How many of the instances that have fallen due are in each `@status`.
    pub statuses: BTreeMap<String, usize>,
}

impl Standing {
    /// How many instances have not ended.
    pub fn open(&self) -> usize {
        let open = self.statuses.iter().filter(|(status, _)| !ENDS.contains(&status.as_str()));
        open.map(|(_, count)| count).sum()
    }

    /// How many instances have ended otherwise than well.
    pub fn failed(&self) -> usize {
        let failed = self.statuses.iter().filter(|(status, _)| {
            ENDS.contains(&status.as_str()) && !GOOD.contains(&status.as_str())
        });
        failed.map(|(_, count)| count).sum()
    }

    fn is(&self, until: Until) -> bool {
        let rests = matches!(self.state.as_str(), "INACTIVE" | "FINISHED");
        let begun = |status: &str| status == "RUNNING" || ENDS.contains(&status);
        match until {
            Until::Scheduled => matches!(self.state.as_str(), "SCHEDULED" | "FINISHED"),
            Until::Running => self.statuses.keys().any(|status| begun(status)),
            Until::Finished => self.open() == 0 && (rests || !self.statuses.is_empty()),
            Until::Inactive => rests || self.state == "PENDING",
        }
    }
}

/// How far the pipeline is now. With `instances`, those that have fallen due are counted.
///
/// # Errors
/// Those of the service.
pub async fn standing(
    service: &impl PipelineService,
    pipeline: &str,
    instances: bool,
    pace: &impl Pace,
) -> Result<Standing> {
    let described = describe(service, pipeline).await?;
    let state = described.field("@pipelineState").unwrap_or_default().to_owned();
    let mut statuses = BTreeMap::new();
    if instances && state != "PENDING" {
        // Some services make instances ahead of their time.
        let now = pace.now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let ids = all_ids(service, pipeline, Sphere::Instance, &Query::default()).await?;
        for object in describe_ids(service, pipeline, &ids).await? {
            let status = object.first_text("@status").unwrap_or_default();
            let due = object.first_text("@scheduledStartTime").is_none_or(|start| *start <= *now);
            if due || status == "RUNNING" {
                *statuses.entry(status.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(Standing { state, statuses })
}

/// Waits until the pipeline is so far, for `patience` at most. `tell` hears of every change.
///
/// # Errors
/// `Timeout`; `Conflict` where it can't come to it any more, as the pipeline rests; those of
/// `pace` and of the service, though one that is throttled or out of reach is asked again.
pub async fn wait(
    service: &impl PipelineService,
    pipeline: &str,
    until: Until,
    patience: Option<Duration>,
    pace: &impl Pace,
    tell: &mut (dyn FnMut(&Standing) + Send),
) -> Result<Standing> {
    let begin = pace.now();
    let mut pause = SHORTEST;
    let mut told = None;
    loop {
        let instances = matches!(until, Until::Running | Until::Finished);
        let now = match standing(service, pipeline, instances, pace).await {
            Ok(now) => Some(now),
            Err(error) if passes(error.kind()) => None,
            Err(error) => return Err(error),
        };
        if let Some(now) = now {
            if told.as_ref() != Some(&now) {
                tell(&now);
            }
            if now.is(until) {
                return Ok(now);
            }
            let rests = matches!(now.state.as_str(), "PENDING" | "INACTIVE" | "FINISHED");
            if rests && now.open() == 0 {
                return Err(Error::new(ErrorKind::Conflict, "wait").with_message(format!(
                    "{pipeline} is {} and will not get there; activate it first",
                    now.state
                )));
            }
            told = Some(now);
        }
        let waited = pace.now().duration_since(begin).unsigned_abs();
        let left = patience.map(|patience| patience.saturating_sub(waited));
        if left == Some(Duration::ZERO) {
            let state = told.map(|standing| standing.state).unwrap_or_default();
            return Err(Error::new(ErrorKind::Timeout, "wait").with_message(format!(
                "{pipeline} is still {state} after {} seconds",
                waited.as_secs()
            )));
        }
        pace.pause(pause.min(left.unwrap_or(pause))).await?;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Whether asking again later may help.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Throttled | ErrorKind::Remote | ErrorKind::Timeout)
}
