//! The progress bar on stderr.

use super::output::Output;
use crate::bytepath::BytePath;
use crate::mount::MountTable;
use crate::progress::{Observer, Progress};
use indicatif::{BinaryBytes, HumanCount, HumanDuration, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a line is written where stderr is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows [`Progress`] as one line on a terminal; elsewhere as a line every 10 seconds.
/// Nothing is known of the total, so it shows totals so far and rates.
pub(crate) struct ProgressBar {
    bar: Option<indicatif::ProgressBar>,
    lines: bool,
    next_line: Instant,
    output: Output,
    silent: Option<PathBuf>,
}

impl ProgressBar {
    /// A bar, or nothing unless `wanted`. That a file server is silent is told in any case.
    pub(crate) fn new(wanted: bool, output: Output) -> ProgressBar {
        let terminal = io::stderr().is_terminal();
        let bar = (wanted && terminal).then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(10);
            let style = ProgressStyle::default_spinner();
            let style = style.clone().template("{spinner} {wide_msg}").unwrap_or(style);
            indicatif::ProgressBar::with_draw_target(None, target).with_style(style)
        });
        let next_line = Instant::now() + LINE_EVERY;
        ProgressBar { bar, lines: wanted && !terminal, next_line, output, silent: None }
    }

    /// Tells once that a server is silent, and once that it answers again.
    fn tell_of_silence(&mut self, silent: Option<&Path>) {
        if silent == self.silent.as_deref() {
            return;
        }
        let text = match (silent, &self.silent) {
            (Some(root), _) => format!(
                "efsbackup: {} has not answered for 5 s; it is waited for (two Ctrl-C end the run)",
                server_of(root)
            ),
            (None, Some(root)) => format!("efsbackup: {} answers again", server_of(root)),
            (None, None) => return,
        };
        self.silent = silent.map(Path::to_path_buf);
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.warn(&text)),
            None => self.output.warn(&text),
        }
    }
}

impl Observer for ProgressBar {
    fn update(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.tell_of_silence(progress.silent.as_deref());
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
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The server that `root` is on, by name only: the mount itself would not answer.
fn server_of(root: &Path) -> String {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    let table = MountTable::read().unwrap_or_default();
    let shown = BytePath::from(root.as_path());
    match table.containing(&root).filter(|mount| mount.is_nfs()) {
        Some(mount) => format!("{}, mounted at {},", mount.source, mount.mount_point),
        None => format!("the file server of {shown}"),
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
        };
        assert_eq!(
            describe(&progress),
            "copying: 12,000 entries (6,000/s), 1.00 MiB written (512.00 KiB/s), 2 seconds, 2 errors"
        );
    }
}
