//! What a shared run will do: its units.

use super::cost::Cost;
use super::cut::{Cutter, LARGE};
use super::measure::Sample;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Options;
use crate::snapshot::{Begun, Range, SharedRun, Surveyed};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One piece of the work of a shared run. As JSON it has these fields.
///
/// ```
/// use efsbackup_core::shard::Unit;
///
/// // As it arrives on another machine.
/// let text = r#"{"range": {"from": "", "to": "m", "pieces": []}, "entries": 90, "bytes": 0, "seconds": 0.2}"#;
/// let unit: Unit = serde_json::from_str(text)?;
/// println!("from {} on: {} entries", unit.range.from, unit.entries);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unit {
    /// What it is of the source.
    pub range: Range,
    /// How many entries it held when it was planned, but for files with several names, which no
    /// unit copies. A file that is cut counts where its end is.
    pub entries: u64,
    /// The sizes of its files in bytes.
    pub bytes: u64,
    /// How long copying it would take one thread, by the cost that the plan reckoned with.
    pub seconds: f64,
}

/// The units of a shared run, which together are the whole source. As JSON it has these fields.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::mirror::Options;
/// use efsbackup_core::shard::{Plan, PlanOptions};
/// use efsbackup_core::snapshot::Repository;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # ["source", "backups"].into_iter().try_for_each(std::fs::create_dir)?;
/// # std::fs::write("source/file", "hello")?;
/// let repository = Repository::new("backups", "home")?;
/// let begun = repository.backup("source").begin()?;
/// let mut how = PlanOptions::default();
/// how.units = 4;
/// let plan = Plan::new(&begun, "source", &Options::default(), &how, &CancelToken::new())?;
/// let copied: Result<Vec<_>, _> = plan
///     .units
///     .iter()
///     .map(|unit| repository.backup("source").unit(&plan.run, &unit.range))
///     .collect();
/// repository.backup("source").finish(begun, &copied?)?.into_result()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// What every unit is told.
    pub run: SharedRun,
    /// What copying costs.
    pub cost: Cost,
    /// The units, in the order of a walk.
    pub units: Vec<Unit>,
}

/// How a source is to be cut.
///
/// ```
/// use efsbackup_core::shard::PlanOptions;
///
/// let mut options = PlanOptions::default();
/// options.units = 16;
/// options.max_seconds = Some(600.0); // more units, if one would take longer
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanOptions {
    /// How many units there are to be. Some more than there are workers lets those that are
    /// faster do more. Fewer where there are not as many entries.
    pub units: usize,
    /// The most that a unit may cost, in seconds of one thread; there are more units where that
    /// asks for it. Only a single file of less than 32 MiB may cost more.
    pub max_seconds: Option<f64>,
    /// What copying costs; measured by copying a few files, unless set.
    pub cost: Option<Cost>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions { units: 16, max_seconds: None, cost: None }
    }
}

impl Plan {
    /// Looks at `source` and cuts it; `copying` says how it will be copied. Its `stop_after` counts
    /// for the looking, too.
    ///
    /// # Errors
    /// [`ErrorKind::Incomplete`] when the time was up;
    /// [`ErrorKind::InvalidInput`] for no units or a cost of nothing; [`ErrorKind::Cancelled`];
    /// when the source can't be opened, or the repository not be written to.
    pub fn new(
        begun: &Begun,
        source: impl AsRef<Path>,
        copying: &Options,
        options: &PlanOptions,
        cancel: &CancelToken,
    ) -> Result<Plan> {
        let source = source.as_ref();
        let wrong =
            |message: &str| Err(Error::new(ErrorKind::InvalidInput, "plan").with_message(message));
        if options.units == 0 {
            return wrong("a run has at least one unit");
        }
        if options.max_seconds.is_some_and(|most| most.is_nan() || most <= 0.0) {
            return wrong("a unit may take more than 0 seconds");
        }
        let seen = Mutex::new((Sample::default(), 0_u64, 0_u64));
        let look = |entry: &Surveyed| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0.add(entry);
            seen.1 += 1;
            seen.2 += entry.size;
        };
        let mut survey = begun.survey(source, copying, cancel, &look)?;
        let (sample, entries, bytes) = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cost = match options.cost {
            Some(cost) => cost,
            None => begun.in_scratch(|scratch| sample.measure(source, scratch, copying))?,
        };
        cost.check()?;
        let total = cost.entry_seconds * entries as f64 + bytes as f64 / cost.bytes_per_second;
        let count = match options.max_seconds {
            // A cut may come half an entry late: what is left of the bound is for that.
            Some(most) => options
                .units
                .max((total / (most - cost.entry_seconds).max(most / 2.0)).ceil() as usize),
            None => options.units,
        };
        let mut cutter = Cutter::new(cost, total, count, options.max_seconds);
        while let Some(Surveyed { path, size, .. }) = survey.next()? {
            let version = cutter.must_cut(size).then(|| begun.version(source, &path)).flatten();
            match version {
                Some(version) if version.size >= LARGE => cutter.add_in_pieces(&path, version),
                _ => cutter.add(&path, size),
            }
        }
        Ok(Plan { run: begun.run().clone(), cost, units: cutter.finish() })
    }
}
