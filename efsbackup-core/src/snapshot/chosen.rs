//! Which part of a snapshot is restored.

use super::look::look;
use super::manifest_file::Coverage;
use super::store::Store;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{FileKind, Filter, Part};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

/// The first 128 bits of a path's BLAKE3 hash: paths of any length take equal room.
type Key = [u8; 16];

fn key(path: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&blake3::hash(path).as_bytes()[..16]);
    key
}

/// Every directory above `path`, from the nearest to the root, whose path is empty.
pub(super) fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
    let root = (!path.is_empty()).then_some(&path[..0]);
    slashes.map(|(at, _)| &path[..at]).chain(root)
}

/// A set of paths of a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct PathSet {
    whole: HashSet<Key>,
    single: HashSet<Key>,
    above: HashSet<Key>,
}

impl PathSet {
    /// Adds `path` and all that is in it.
    pub(super) fn add_whole(&mut self, path: &[u8]) {
        self.whole.insert(key(path));
        self.add_above(path);
    }

    /// Adds `path` without what is in it.
    pub(super) fn add(&mut self, path: &[u8]) {
        self.single.insert(key(path));
        self.add_above(path);
    }

    /// Adds the directories above `path`.
    pub(super) fn add_above(&mut self, path: &[u8]) {
        for dir in above(path) {
            if !self.above.insert(key(dir)) {
                // Then those above it are there too.
                return;
            }
        }
    }

    /// Where `path` stands.
    pub(super) fn part(&self, path: &[u8]) -> Part {
        let own = key(path);
        if self.single.contains(&own) || self.whole.contains(&own) {
            return Part::In;
        }
        if !self.whole.is_empty() && above(path).any(|dir| self.whole.contains(&key(dir))) {
            return Part::In;
        }
        if self.above.contains(&own) { Part::Above } else { Part::Out }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.single.is_empty()
    }
}

/// What the caller asked for, found in a snapshot.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The entries at the top, each with all that is in it.
    pub(super) tops: Vec<BytePath>,
    pub(super) set: PathSet,
}

/// Finds `paths` and what matches `patterns` in the snapshot `id`.
pub(super) fn choose(
    store: &Store,
    id: &str,
    paths: &[BytePath],
    patterns: &[BytePath],
    cancel: &CancelToken,
) -> Result<Chosen> {
    let root = store.dir.path.join(id);
    let mut chosen = Chosen::default();
    for path in paths {
        let inside = inside(path)?;
        check_there(&root, &inside)?;
        chosen.add(BytePath::from(inside));
    }
    for pattern in patterns {
        let filter = Filter::new().exclude(pattern.as_bytes())?;
        let mut matched = false;
        let mut consider = |path: &BytePath, kind: FileKind| {
            // What a pattern excludes is what it matches.
            if filter.excludes(path.as_bytes(), kind == FileKind::Dir) {
                matched = true;
                chosen.add(path.clone());
            }
        };
        match store.whole_manifest(id)? {
            Some(mut manifest) => {
                while let Some(entry) = manifest.next()? {
                    consider(&entry.path, entry.kind);
                }
            }
            None => {
                let coverage = Coverage { xattrs: false, acls: false };
                let none = Box::new(|_: &BytePath| false);
                let (mut entries, _) = look(store, &root, coverage, Some(none), cancel, None)?;
                while let Some(entry) = entries.next()? {
                    consider(&entry.path, entry.kind);
                }
            }
        }
        if !matched {
            return Err(Error::new(ErrorKind::NotFound, "restore")
                .with_message("nothing in the snapshot matches")
                .with_path(pattern.clone()));
        }
    }
    Ok(chosen)
}

impl Chosen {
    /// Adds an entry; one in what was added before changes nothing.
    fn add(&mut self, path: BytePath) {
        if self.set.part(path.as_bytes()) != Part::In {
            self.set.add_whole(path.as_bytes());
            self.tops.push(path);
        }
    }
}

/// A relative path that stays below where it begins.
fn inside(path: &BytePath) -> Result<PathBuf> {
    let plain = path.as_path().components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(Error::new(ErrorKind::InvalidInput, "restore")
            .with_message("a path in a snapshot is relative, without '..'")
            .with_path(path.clone()));
    }
    // Without slashes at the end, or two in a row.
    Ok(path.as_path().components().collect())
}

/// Refuses a path that is not in the tree `root`, or that a symbolic link leads to.
fn check_there(root: &Path, path: &Path) -> Result<()> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    for part in parts {
        let full = root.join(part);
        let found = std::fs::symlink_metadata(&full)
            .map_err(|error| Error::from_io("restore", error).with_path(full.as_path()))?;
        if part != path && !found.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "restore")
                .with_message("it is no directory in the snapshot")
                .with_path(full));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_above_are_told_from_the_nearest_up() {
        let all: Vec<&[u8]> = above(b"a/bc/d").collect();
        assert_eq!(all, [&b"a/bc"[..], b"a", b""]);
        assert_eq!(above(b"").count(), 0);
    }

    #[test]
    fn parts_are_told_apart() {
        let mut set = PathSet::default();
        assert!(set.is_empty());
        set.add_whole(b"a/b");
        set.add(b"c/d");
        for (path, part) in [
            (&b""[..], Part::Above),
            (b"a", Part::Above),
            (b"a/b", Part::In),
            (b"a/b/x/y", Part::In),
            (b"a/bb", Part::Out),
            (b"c", Part::Above),
            (b"c/d", Part::In),
            (b"c/d/e", Part::Out),
            (b"e", Part::Out),
        ] {
            assert_eq!(set.part(path), part, "{path:?}");
        }
        let mut all = PathSet::default();
        all.add_whole(b"");
        assert_eq!((all.part(b""), all.part(b"x/y")), (Part::In, Part::In));
    }
}
