//! A run's report, for people.

use super::Context;
use super::exit::Exit;
use super::stats::{self, Watch};
use crate::error::Result;
use crate::mirror::{Counts, EntryError, Report};
use indicatif::{BinaryBytes, HumanCount};

/// How many entry errors are shown without `-v`.
const SHOWN: usize = 20;

/// Writes the report: the JSON document, the entries' errors and the summary.
pub(crate) fn write(context: &Context, report: &Report, watch: Option<Watch>) -> Result<Exit> {
    stats::write(context, watch, report, report.entries.scanned.total())?;
    write_errors(context, report);
    context.output.note(&summary(report));
    Ok(Exit::from_status(report.exit_status()))
}

/// Tells of the entries that failed: the first 20, with `-v` all that the report keeps.
pub(crate) fn write_errors(context: &Context, report: &Report) {
    let shown = if context.verbose { report.errors.len() } else { SHOWN };
    for error in report.errors.iter().take(shown) {
        context.output.warn(&format!("efsbackup: {}", entry_error(error)));
    }
    let shown = report.errors.len().min(shown) as u64;
    let rest = report.errors_total.saturating_sub(shown);
    if rest > 0 && shown > 0 {
        context.output.warn(&format!("efsbackup: and {} more errors", HumanCount(rest)));
    }
}

fn entry_error(error: &EntryError) -> String {
    let path = if error.path.is_empty() { ".".to_owned() } else { error.path.to_string() };
    format!("{}: {}: {path}", error.op, error.message)
}

/// One line: the outcome, how many entries of each fate, how many bytes, how long.
pub(crate) fn summary(report: &Report) -> String {
    let entries = &report.entries;
    let fates: [(&str, &Counts); 7] = [
        ("created", &entries.created),
        ("updated", &entries.updated),
        ("linked", &entries.linked),
        ("unchanged", &entries.unchanged),
        ("deleted", &entries.deleted),
        ("vanished", &entries.vanished),
        ("failed", &entries.failed),
    ];
    let mut text =
        format!("{}: {} entries", report.outcome.name(), HumanCount(entries.scanned.total()));
    for (fate, counts) in fates {
        if counts.total() > 0 {
            text += &format!(", {} {fate}", HumanCount(counts.total()));
        }
    }
    let (copied, scanned) = (BinaryBytes(report.bytes.copied), BinaryBytes(report.bytes.scanned));
    text += &format!("; {copied} of {scanned} copied in {:.1} s", report.elapsed.as_secs_f64());
    text
}
