//! Removing snapshots that nothing keeps.

use super::lock::Lock;
use super::repository::Repository;
use super::retention::{Decision, Retention};
use super::tidy::Tidy;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::setters::setters;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Snapshots about to be removed; see [`Repository::prune`].
///
/// ```
/// use efsbackup_core::snapshot::{Repository, Retention};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// repository.backup("source").run()?;
/// repository.backup("source").run()?;
/// let report = repository.prune(Retention { last: 1, ..Retention::default() }).run()?;
/// assert_eq!(report.removed.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Prune<'a> {
    repository: &'a Repository,
    retention: Retention,
    timezone: TimeZone,
    dry_run: bool,
    cancel: CancelToken,
}

/// What was removed.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// What was decided of each snapshot, the oldest first.
    pub decisions: Vec<Decision>,
    /// What was removed.
    pub removed: Vec<String>,
    /// What could not be removed. The next run tries again.
    pub left_over: Vec<String>,
}

impl<'a> Prune<'a> {
    pub(super) fn new(repository: &'a Repository, retention: Retention) -> Self {
        Prune {
            repository,
            retention,
            timezone: TimeZone::UTC,
            dry_run: false,
            cancel: CancelToken::new(),
        }
    }

    setters! {
        /// Sets where hours and days begin; UTC unless set.
        timezone: TimeZone;

        /// Only decides, removes nothing.
        dry_run: bool;

        /// Stops when the token is cancelled; what is half removed by then is removed by a later
        /// run.
        cancel;
    }

    /// Removes what nothing keeps.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the retention asks for nothing;
    /// [`ErrorKind::NotFound`] when there is no repository; [`ErrorKind::SafetyStop`] when
    /// another run holds it; [`ErrorKind::Cancelled`].
    pub fn run(self) -> Result<PruneReport> {
        if self.retention.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "prune")
                .with_message("say what to keep, such as --keep-daily 7"));
        }
        let store = self.repository.open()?;
        if self.dry_run {
            let decisions = self.retention.decide(&store.snapshots()?, &self.timezone, None);
            return Ok(PruneReport { decisions, ..PruneReport::default() });
        }
        let lock = Lock::take_for_upkeep(&store.control, &self.cancel)?;
        let decisions = self.retention.decide(&store.snapshots()?, &self.timezone, None);
        let tidy = Tidy { store: &store, lock: &lock, cancel: &self.cancel };
        let report = apply(&tidy, decisions, &self.cancel);
        match self.cancel.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "prune")),
            false => Ok(report),
        }
    }
}

/// Removes what is not to be kept, the oldest first.
pub(super) fn apply(
    tidy: &Tidy<'_>,
    decisions: Vec<Decision>,
    cancel: &CancelToken,
) -> PruneReport {
    let mut report = PruneReport::default();
    for decision in decisions.iter().filter(|decision| !decision.keep) {
        if cancel.is_cancelled() {
            break;
        }
        match tidy.remove_snapshot(&decision.id) {
            Ok(()) => report.removed.push(decision.id.clone()),
            Err(error) => report.left_over.push(error.to_string()),
        }
    }
    report.decisions = decisions;
    report
}
