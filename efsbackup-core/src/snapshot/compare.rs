//! Comparing two trees by their entries, as two streams in the order of manifests.

use super::files::Dir;
use super::manifest::{self, ManifestEntry};
use super::manifest_reader::ManifestReader;
use super::record_tree::TreeEntries;
use super::sorter::Sorter;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::mirror::FileKind;
use std::cmp::Ordering;
use std::io::Read;

/// Entries in the order of a manifest.
pub(super) trait Entries {
    /// The next entry.
    fn next(&mut self) -> Result<Option<ManifestEntry>>;
}

impl<R: Read> Entries for ManifestReader<R> {
    fn next(&mut self) -> Result<Option<ManifestEntry>> {
        ManifestReader::next(self)
    }
}

impl Entries for TreeEntries {
    fn next(&mut self) -> Result<Option<ManifestEntry>> {
        TreeEntries::next(self)
    }
}

/// Calls `each` for every path of either side, with what each side has of it.
pub(super) fn side_by_side(
    left: &mut dyn Entries,
    right: &mut dyn Entries,
    mut each: impl FnMut(Option<ManifestEntry>, Option<ManifestEntry>) -> Result<()>,
) -> Result<()> {
    let (mut one, mut other) = (left.next()?, right.next()?);
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => manifest::order(&one.path, &other.path),
        };
        match order {
            Ordering::Less => each(std::mem::replace(&mut one, left.next()?), None)?,
            Ordering::Greater => each(None, std::mem::replace(&mut other, right.next()?))?,
            Ordering::Equal => {
                let pair = (one, other);
                (one, other) = (left.next()?, right.next()?);
                each(pair.0, pair.1)?;
            }
        }
    }
}

/// What of the content of two entries differs, in words; digests are compared where both
/// sides have one.
pub(super) fn content(one: &ManifestEntry, other: &ManifestEntry) -> Vec<&'static str> {
    let digests = (one.digest, other.digest);
    [
        (one.kind != other.kind, "type"),
        (one.kind == FileKind::File && one.size != other.size, "size"),
        (matches!(digests, (Some(one), Some(other)) if one != other), "content"),
        (one.target != other.target, "target"),
        (one.device != other.device, "device"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

/// What of the metadata of two entries of one type differs, in words.
pub(super) fn metadata(one: &ManifestEntry, other: &ManifestEntry) -> Vec<&'static str> {
    // Linux has no mode of its own for symbolic links.
    let has_mode = one.kind != FileKind::Symlink;
    [
        (one.mtime != other.mtime, "time"),
        (has_mode && one.mode != other.mode, "mode"),
        (one.uid != other.uid, "owner"),
        (one.gid != other.gid, "group"),
        (one.xattrs != other.xattrs, "xattrs"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

/// Compares which names are one file, on two sides that number their files differently.
pub(super) struct Groups<'d> {
    /// By the number on the one side, then on the other; and the other way round.
    pairs: [Sorter<'d>; 2],
    seen: u64,
}

/// Added to make a number of its own for each file with one name.
const SINGLE: u64 = 1 << 63;

impl<'d> Groups<'d> {
    pub(super) fn new(place: &'d Dir) -> Self {
        Groups { pairs: [Sorter::new(place), Sorter::new(place)], seen: 0 }
    }

    /// Adds a name that both sides have.
    pub(super) fn push(&mut self, one: &ManifestEntry, other: &ManifestEntry) -> Result<()> {
        if one.group.is_none() && other.group.is_none() {
            return Ok(());
        }
        self.seen += 1;
        let numbers = [one, other].map(|entry| entry.group.unwrap_or(SINGLE | self.seen));
        for (sorter, [first, second]) in
            self.pairs.iter_mut().zip([numbers, [numbers[1], numbers[0]]])
        {
            let key = [first.to_be_bytes(), second.to_be_bytes()].concat();
            sorter.push(key, one.path.as_bytes().to_vec())?;
        }
        Ok(())
    }

    /// Calls `each` for a name of each file that is more than one file on the other side.
    pub(super) fn finish(self, mut each: impl FnMut(BytePath)) -> Result<()> {
        for sorter in self.pairs {
            let mut sorted = sorter.finish()?;
            let mut last: Option<Vec<u8>> = None;
            while let Some((key, path)) = sorted.next()? {
                if let Some(last) = &last
                    && last[..8] == key[..8]
                    && *last != key
                {
                    each(BytePath::from(path));
                }
                last = Some(key);
            }
        }
        Ok(())
    }
}
