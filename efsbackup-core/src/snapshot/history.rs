//! The history of one path.

use super::diff::differences;
use super::manifest::{ManifestEntry, split};
use super::repository::Repository;
use super::snapshot::Snapshot;
use crate::bytepath::BytePath;
use crate::error::Result;

/// A path in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Whether the snapshot has a manifest: without one nothing is known of the path.
    pub known: bool,
    /// The path as it was then; `None` if it was not there, or if nothing is known.
    pub entry: Option<ManifestEntry>,
    /// What differs from the version before, such as `content` and `mode`; empty also where
    /// the path came or went.
    pub what: Vec<&'static str>,
}

impl Repository {
    /// The path `path` in every snapshot, the oldest first. Each manifest is read up to it.
    ///
    /// # Errors
    /// A manifest that is damaged, and those of [`Repository::snapshots`].
    pub fn history(&self, path: impl Into<BytePath>) -> Result<Vec<Version>> {
        let path = plain(&path.into());
        let store = self.open()?;
        let mut versions: Vec<Version> = Vec::new();
        for snapshot in store.snapshots()? {
            let manifest = store.manifest(&snapshot.id)?;
            let known = manifest.is_some();
            let mut entry = None;
            if let Some(mut manifest) = manifest {
                let (dir, name) = split(path.as_bytes());
                let found = manifest.find((dir, name))?;
                entry = found.map(|fields| ManifestEntry::new(dir, name, &fields));
            }
            let before = versions.iter().rev().find(|version| version.known);
            let before = before.and_then(|version| version.entry.as_ref());
            let what = match (before, &entry) {
                (Some(before), Some(entry)) => differences(before, entry),
                _ => Vec::new(),
            };
            versions.push(Version { snapshot, known, entry, what });
        }
        Ok(versions)
    }
}

/// The path as manifests have it: without `.` and slashes at its ends.
fn plain(path: &BytePath) -> BytePath {
    let parts = path.as_bytes().split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts.filter(|part| !part.is_empty() && *part != b".").collect();
    BytePath::from(parts.join(&b'/'))
}
