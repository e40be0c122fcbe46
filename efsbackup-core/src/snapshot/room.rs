//! How much room there is, and how much a full file system lacks.

use super::store::Store;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Mirror, Options, Outcome, Report, Trust};
use std::path::Path;

/// How many bytes are free to this user on the file system of the repository.
pub(super) fn free(store: &Store) -> Result<u64> {
    let stat = rustix::fs::fstatvfs(&store.dir).map_err(|errno| {
        Error::from_errno("statvfs", errno.raw_os_error()).with_path(store.dir.path.as_path())
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Adds to the error of a run that met a full file system how much was missing: what the
/// next run, with these `options`, would still copy is found by looking at the source again.
pub(super) fn tell_missing(
    report: &mut Report,
    store: &Store,
    source: &Path,
    mut options: Options,
    cancel: &CancelToken,
) -> Result<()> {
    let Some(error) = report.errors.first_mut().filter(|error| error.kind == ErrorKind::NoSpace)
    else {
        return Ok(());
    };
    options.dry_run = true;
    options.stop_after = None;
    for link in &mut options.link_sources {
        // Good enough to estimate, and no file is read.
        link.trust = Trust::Metadata;
    }
    let free = free(store)?;
    let nowhere = store.control.path.join("nothing");
    let looked = Mirror::new(source, nowhere).options(options).cancel(cancel).run()?;
    if !matches!(looked.outcome, Outcome::Complete | Outcome::Partial) {
        return Ok(());
    }
    let left = looked.bytes.copied;
    error.message += &match left.checked_sub(free) {
        Some(missing @ 1..) => format!(
            "; {left} bytes are still to be copied and {free} are free: {missing} bytes are \
             missing, and a little for each file; the next run goes on from here"
        ),
        _ => format!(
            "; {left} bytes are still to be copied and {free} are free, so a quota or the number \
             of files may be used up; the next run goes on from here"
        ),
    };
    Ok(())
}
