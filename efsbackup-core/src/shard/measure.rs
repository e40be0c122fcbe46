//! Measuring what copying costs, by copying a few files of the tree.

use super::cost::Cost;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Jobs, Mirror, Options, Outcome};
use crate::snapshot::Surveyed;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many small files at least are copied to measure, where there are as many.
const SMALL: usize = 8;
/// How many of them at once.
const THREADS: usize = 4;
/// What a small file holds at most, in bytes.
const SMALL_SIZE: u64 = 16 << 10;
/// What a file must hold at least, and may at most, to tell the rate.
const LARGE_SIZE: std::ops::RangeInclusive<u64> = (1 << 20)..=(64 << 20);

/// The files to measure with: small ones from all over the tree, and a large one.
#[derive(Default)]
pub(super) struct Sample {
    small: Vec<PathBuf>,
    large: Option<(u64, PathBuf)>,
    /// Every so manyeth small file is taken.
    every: u64,
    seen: u64,
}

impl Sample {
    pub(super) fn add(&mut self, entry: &Surveyed) {
        if !entry.is_file {
            return;
        }
        if LARGE_SIZE.contains(&entry.size)
            && self.large.as_ref().is_none_or(|(size, _)| *size < entry.size)
        {
            self.large = Some((entry.size, entry.path.as_path().to_owned()));
        }
        if entry.size > SMALL_SIZE {
            return;
        }
        if self.seen.is_multiple_of(self.every.max(1)) {
            self.small.push(entry.path.as_path().to_owned());
        }
        self.seen += 1;
        if self.small.len() >= 2 * SMALL {
            // Half of them, from all over what was seen.
            let mut at = 0;
            self.small.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.every = self.every.max(1) * 2;
        }
    }

    /// Copies the sample from `source` into the existing directory `scratch`, which is empty
    /// again afterwards.
    pub(super) fn measure(&self, source: &Path, scratch: &Path, like: &Options) -> Result<Cost> {
        let next = AtomicUsize::new(0);
        let times = Mutex::new(Vec::new());
        let work = || {
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(path) = self.small.get(number)
            {
                let took = copy(&source.join(path), &scratch.join(number.to_string()), like)?;
                times.lock().unwrap_or_else(PoisonError::into_inner).extend(took);
            }
            Ok(())
        };
        // Over a network all of them wait for the server, and by themselves.
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..THREADS).map(|_| scope.spawn(work)).collect();
            let own = work();
            let panicked = |_| Err(Error::new(ErrorKind::Internal, "measure"));
            others.into_iter().try_for_each(|other| other.join().unwrap_or_else(panicked))?;
            own
        })?;
        let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
        times.sort_unstable();
        let small = times.get(times.len() / 2).copied().unwrap_or(Duration::from_millis(1));
        let large = match &self.large {
            Some((size, path)) => {
                copy(&source.join(path), &scratch.join("large"), like)?.map(|took| (*size, took))
            }
            None => None,
        };
        Ok(Cost::measured(small, large))
    }
}

/// How long copying one file takes within a run; `None` where it could not be copied.
fn copy(file: &Path, to: &Path, like: &Options) -> Result<Option<Duration>> {
    let once = Options { jobs: Jobs::Count(1), fsync: like.fsync, ..Options::default() };
    // What beginning a run takes is no part of it.
    let Some(begun) = run(file, to, Options { dry_run: true, ..once.clone() })? else {
        return Ok(None);
    };
    let took = run(file, to, once)?;
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::from_io("measure", error).with_path(to))
        }
        _ => Ok(took.map(|took| took.saturating_sub(begun).max(took / 10))),
    }
}

/// How long this run takes; `None` where the file was not copied.
fn run(file: &Path, to: &Path, options: Options) -> Result<Option<Duration>> {
    let report = match Mirror::new(file, to).options(options).run() {
        Ok(report) => report,
        // It has vanished, or can't be read: told when it is copied.
        Err(error) if error.errno().is_some() => return Ok(None),
        Err(error) => return Err(Error::new(error.kind(), "measure").with_source(error)),
    };
    Ok((report.outcome == Outcome::Complete).then_some(report.elapsed))
}
