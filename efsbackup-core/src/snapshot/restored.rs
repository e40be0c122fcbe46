//! Is what was restored what the manifest says?

use super::compare;
use super::record_tree::TreeEntries;
use super::store::Store;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{EntryError, Outcome, Report};

/// Compares the digests of what was copied with the manifest of the snapshot `id`. What
/// differs becomes an error of its entry.
pub(super) fn check(
    store: &Store,
    id: &str,
    mut restored: TreeEntries,
    report: &mut Report,
) -> Result<()> {
    let mut manifest = match store.manifest(id) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(()),
        Err(error) if error.errno().is_none() => return unchecked(report, &error),
        Err(error) => return Err(error),
    };
    let compared = compare::side_by_side(&mut manifest, &mut restored, |want, have| {
        if let (Some(want), Some(have)) = (want, have)
            && let (Some(recorded), Some(copied)) = (want.digest, have.digest)
            && recorded != copied
        {
            let message = "the snapshot is damaged: the content is not what its manifest says";
            add(report, have.path, &Error::new(ErrorKind::Io, "restore").with_message(message));
        }
        Ok(())
    });
    match compared {
        Err(error) if error.errno().is_none() => unchecked(report, &error),
        compared => compared,
    }
}

fn unchecked(report: &mut Report, error: &Error) -> Result<()> {
    let message = format!("contents could not be checked: {}", error.message());
    let error = Error::new(ErrorKind::Io, "restore").with_message(message);
    add(report, BytePath::default(), &error);
    Ok(())
}

fn add(report: &mut Report, path: BytePath, error: &Error) {
    report.entries.failed.file += 1;
    report.errors_total += 1;
    if report.errors.len() < Report::MAX_ERRORS {
        report.errors.push(EntryError::new(path, error));
    }
    if report.outcome == Outcome::Complete {
        report.outcome = Outcome::Partial;
    }
}
