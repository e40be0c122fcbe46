//! What a mirror does, for a log.

use super::{Action, EntryError, EntryEvent, EntryType, Listener, Report};
use crate::bytepath::BytePath;
use crate::log::{Level, Records};

const PIECE: &str = "mirror";

/// Notes each entry that something was done to; what failed is in the report.
impl Listener for Records {
    fn entry(&self, event: &EntryEvent<'_>) {
        let end = if event.entry_type == EntryType::Dir { "/" } else { "" };
        let path = shown(event.path);
        match event.action {
            Action::Unchanged | Action::Failed => {}
            Action::Vanished => self.add(Level::Info, PIECE, || format!("vanished: {path}")),
            _ => self.add(Level::Debug, PIECE, || format!("{} {path}{end}", event.itemize)),
        }
    }
}

fn shown(path: &BytePath) -> String {
    if path.is_empty() { ".".to_owned() } else { path.to_string() }
}

impl Report {
    /// Adds the errors of entries, as far as they are kept, and a line about the whole.
    pub fn log(&self, records: &Records) {
        for EntryError { op, message, path, .. } in &self.errors {
            records.add(Level::Warning, PIECE, || format!("{op}: {message}: {}", shown(path)));
        }
        let more = self.errors_total.saturating_sub(self.errors.len() as u64);
        if more > 0 {
            records.add(Level::Warning, PIECE, || format!("and {more} more errors"));
        }
        let entries = &self.entries;
        let level = if self.exit_status() == 0 { Level::Info } else { Level::Warning };
        records.add(level, PIECE, || {
            format!(
                "{}: {} entries, {} created, {} updated, {} linked, {} deleted, {} failed; \
                 {} bytes copied in {:.1} s",
                self.outcome.name(),
                entries.scanned.total(),
                entries.created.total(),
                entries.updated.total(),
                entries.linked.total(),
                entries.deleted.total(),
                entries.failed.total(),
                self.bytes.copied,
                self.elapsed.as_secs_f64()
            )
        });
    }
}
