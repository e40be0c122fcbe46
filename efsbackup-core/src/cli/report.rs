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
        let noun = if rest == 1 { "error" } else { "errors" };
        context.output.warn(&format!("efsbackup: and {} more {noun}", HumanCount(rest)));
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
    let dry_run = report.options.iter().any(|option| option == "--dry-run");
    let (would, done) = if dry_run { ("would be ", "dry run, ") } else { ("", "") };
    let total = entries.scanned.total();
    let noun = if total == 1 { "entry" } else { "entries" };
    let mut text = format!("{done}{}: {} {noun}", report.outcome.name(), HumanCount(total));
    for (fate, counts) in fates {
        if counts.total() > 0 {
            let is_done = !matches!(fate, "unchanged" | "vanished" | "failed");
            let would = if is_done { would } else { "" };
            text += &format!(", {} {would}{fate}", HumanCount(counts.total()));
        }
    }
    let (copied, scanned) = (BinaryBytes(report.bytes.copied), BinaryBytes(report.bytes.scanned));
    let seconds = report.elapsed.as_secs_f64();
    text += &format!("; {copied} of {scanned} {would}copied in {seconds:.1} s");
    text
}
