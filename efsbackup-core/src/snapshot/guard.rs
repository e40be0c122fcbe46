//! What is looked at before a backup changes anything.

use super::files::Dir;
use super::options::BackupOptions;
use super::snapshot::Snapshot;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Filter, Pair, Report};
use crate::mount;
use jiff::Timestamp;
use rustix::fs::FileType;
use std::path::{Path, PathBuf};

/// Refuses a wrong or empty source and a wrong destination.
pub(super) fn before_anything(
    source: &Path,
    root: &Path,
    name: &str,
    options: &BackupOptions,
) -> Result<()> {
    let source_dir = Dir::open(source)?;
    source_identity(source, options)?;
    if let Some(id) = &options.expect_destination_id {
        let existing = nearest_existing(root)?;
        mount::prove(&existing, id)?;
    }
    let destination = root.join(name);
    let nearest = Dir::open(&nearest_existing(&destination)?)?;
    Pair {
        source: (source, &source_dir.fd),
        destination: (&destination, &nearest.fd),
        exists: destination.exists(),
    }
    .are_apart("backup", &options.mirror)?;
    if !options.mirror.allow_empty && is_empty(&source_dir, &options.mirror.filter)? {
        return Err(refused(
            "the source is empty, or all in it is excluded, as after a failed mount; nothing was changed (--allow-empty if \
             that is right)",
            source,
        ));
    }
    Ok(())
}

/// Refuses a source that is not proved to be on the file system expected.
pub(super) fn source_identity(source: &Path, options: &BackupOptions) -> Result<()> {
    match &options.expect_id {
        Some(id) => mount::prove(source, id).map(drop),
        None => Ok(()),
    }
}

/// Whether there is nothing but, perhaps, the marker and what the filter excludes.
fn is_empty(source: &Dir, filter: &Filter) -> Result<bool> {
    Ok(source.list()?.iter().all(|(name, kind)| {
        name == mount::MARKER_NAME.as_bytes() || filter.excludes(name, *kind == FileType::Directory)
    }))
}

/// The path itself, or the first directory above it that is there.
pub(super) fn nearest_existing(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Error::from_io("resolve", error).with_path(path))?;
    let existing = absolute.ancestors().find(|path| path.exists());
    Ok(existing.unwrap_or(Path::new("/")).to_owned())
}

/// Refuses a clock that is behind the newest snapshot.
pub(super) fn clock(now: Timestamp, snapshots: &[Snapshot], accept: bool) -> Result<()> {
    let newest = snapshots.iter().rev().find_map(|snapshot| Some((snapshot.time?, &snapshot.id)));
    match newest {
        Some((time, id)) if now < time && !accept => Err(Error::new(
            ErrorKind::SafetyStop,
            "clock",
        )
        .with_message(format!(
            "it is {now:.0}, but snapshot {id} is of {time:.0}; set the clock right, or accept it \
             with --accept-clock; nothing was changed"
        ))),
        _ => Ok(()),
    }
}

/// The error for a source that has shrunk by more than allowed since the last complete
/// snapshot, if it has.
pub(super) fn shrunk(report: &Report, last: Option<&Snapshot>, max_shrink: u8) -> Option<Error> {
    let (now, before) = (report.entries.scanned.total(), last?.entries.total());
    let least = u128::from(before) * u128::from(100 - max_shrink.min(100));
    (u128::from(now) * 100 < least).then(|| {
        Error::new(ErrorKind::SafetyStop, "max-shrink").with_message(format!(
            "the source has {now} entries, the last complete snapshot {before}: more than \
             {max_shrink} % less, so nothing was published (--max-shrink 100% if that is right)"
        ))
    })
}

fn refused(message: &str, path: &Path) -> Error {
    Error::new(ErrorKind::SafetyStop, "backup")
        .with_message(message)
        .with_path(BytePath::from(path))
}
