//! The progress bar on stderr.

use super::silence::Teller;
use crate::progress::{Observer, Progress};
use indicatif::{BinaryBytes, HumanCount, HumanDuration, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How often a line is written where stderr is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows [`Progress`] as one line on a terminal; elsewhere as a line every 10 seconds.
/// Nothing is known of the total, so it shows totals so far and rates.
pub(crate) struct ProgressBar {
    bar: Option<indicatif::ProgressBar>,
    lines: bool,
    next_line: Instant,
    teller: Teller,
}

impl ProgressBar {
    /// A bar, or nothing unless `wanted`. That a file server is silent is told in any case.
    pub(crate) fn new(wanted: bool, teller: Teller) -> ProgressBar {
        let terminal = io::stderr().is_terminal();
        let bar = (wanted && terminal).then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(10);
            let style = ProgressStyle::default_spinner();
            let style = style.clone().template("{spinner} {wide_msg}").unwrap_or(style);
            indicatif::ProgressBar::with_draw_target(None, target).with_style(style)
        });
        let next_line = Instant::now() + LINE_EVERY;
        teller.use_bar(bar.clone());
        ProgressBar { bar, lines: wanted && !terminal, next_line, teller }
    }
}

impl Observer for ProgressBar {
    fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.teller.progress(progress.silent.as_deref());
        self.teller.waits_for(progress.waits_for.as_deref());
        if let Some(bar) = &self.bar {
            bar.set_message(describe(progress));
            bar.tick();
        } else if self.lines && Instant::now() >= self.next_line {
            self.next_line += LINE_EVERY;
            // Progress that can't be shown is no reason to stop.
            let _ = io::stderr().write_all(format!("{}\n", describe(progress)).as_bytes());
        }
        ControlFlow::Continue(())
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.teller.use_bar(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One line about how far a run is.
fn describe(progress: &Progress) -> String {
    let seconds = progress.elapsed.as_secs_f64();
    let rate = |count: u64| if seconds > 0.0 { (count as f64 / seconds) as u64 } else { 0 };
    let mut text = format!(
        "{}: {} entries ({}/s), {} written ({}/s), {}",
        progress.phase.name(),
        HumanCount(progress.entries),
        HumanCount(rate(progress.entries)),
        BinaryBytes(progress.bytes_written),
        BinaryBytes(rate(progress.bytes_written)),
        HumanDuration(progress.elapsed),
    );
    if progress.entries_deleted > 0 {
        text += &format!(", {} deleted", HumanCount(progress.entries_deleted));
    }
    if progress.errors > 0 {
        text += &format!(", {} errors", HumanCount(progress.errors));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Phase;

    #[test]
    fn a_line_tells_totals_rates_and_errors() {
        let progress = Progress {
            phase: Phase::Copying,
            entries: 12_000,
            entries_written: 1_500,
            entries_deleted: 0,
            errors: 2,
            bytes: 4 << 20,
            bytes_written: 1 << 20,
            elapsed: Duration::from_secs(2),
            silent: None,
            waits_for: None,
        };
        assert_eq!(
            describe(&progress),
            "copying: 12,000 entries (6,000/s), 1.00 MiB written (512.00 KiB/s), 2 seconds, 2 errors"
        );
    }
}
