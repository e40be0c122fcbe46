//! Looking at a tree: every entry as it is now, in the order of a manifest.

use super::manifest::ManifestEntry;
use super::manifest_file::Coverage;
use super::record_tree::{TreeEntries, TreeRecord, Wanted};
use super::store::Store;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Filter, Mirror, Options, Outcome, Part, Report};
use crate::progress::Observer;
use std::path::Path;

/// Looks at the tree `path` with many threads, and reads the contents that are `wanted`.
pub(super) fn look(
    store: &Store,
    path: &Path,
    coverage: Coverage,
    wanted: Option<Wanted>,
    cancel: &CancelToken,
    observer: Option<&mut dyn Observer>,
) -> Result<(TreeEntries, Report)> {
    let record = TreeRecord::of_look(&store.records, wanted);
    let options = Options {
        dry_run: true,
        allow_empty: true,
        // Each name by itself: nothing has to be remembered of a file until its last name.
        hard_links: false,
        xattrs: coverage.xattrs,
        acls: coverage.acls,
        ..Options::default()
    };
    // Compared with nothing, everything is new and so looked at.
    let nothing = store.control.path.join("nothing");
    let mut mirror = Mirror::new(path, nothing).options(options).cancel(cancel).listener(&record);
    if let Some(observer) = observer {
        mirror = mirror.progress(observer);
    }
    let report = mirror.run()?;
    match report.outcome {
        Outcome::Complete | Outcome::Partial => Ok((record.finish()?, report)),
        Outcome::Cancelled => Err(Error::new(ErrorKind::Cancelled, "verify")),
        _ => match report.into_result() {
            Err(error) => Err(error),
            Ok(_) => Err(Error::new(ErrorKind::Internal, "verify")),
        },
    }
}

/// Looks at one directory, without what is in it.
pub(super) fn look_at_directory(
    store: &Store,
    path: &Path,
    coverage: Coverage,
    cancel: &CancelToken,
) -> Result<Option<ManifestEntry>> {
    let record = TreeRecord::of_look(&store.records, None);
    let options = Options {
        dry_run: true,
        allow_empty: true,
        xattrs: coverage.xattrs,
        acls: coverage.acls,
        filter: Filter::new().only(|_| Part::Out),
        ..Options::default()
    };
    let nothing = store.control.path.join("nothing");
    Mirror::new(path, nothing).options(options).cancel(cancel).listener(&record).run()?;
    record.finish()?.next()
}
