//! A contiguous part of a tree, in the order of a walk.

use super::piece::Piece;
use crate::bytepath::BytePath;
use crate::mirror::Part;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The part of a tree from one path up to, but without, another, in the order of a walk: each
/// directory comes before all that is in it, and that before the names after it. Ranges that
/// follow each other leave no gap: an entry that is new belongs to one of them.
///
/// Beside it there may be pieces of large files, which are left out of the rest.
///
/// As JSON, paths are text as `BytePath` shows it.
///
/// ```
/// use efsbackup_core::bytepath::BytePath;
/// use efsbackup_core::mirror::Part;
/// use efsbackup_core::snapshot::Range;
///
/// let name = |name: &str| BytePath::from(name.as_bytes());
/// let range = Range { from: name("m"), to: Some(name("n")), pieces: Vec::new() };
/// assert_eq!(range.part(b"m/file"), Part::In);
/// assert_eq!(range.part(b"z"), Part::Out);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first path, below the root; empty for the root itself.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub from: BytePath,
    /// The first path after it; `None` for the end of the tree.
    #[serde(serialize_with = "write_option", deserialize_with = "read_option")]
    pub to: Option<BytePath>,
    /// Pieces of large files. A range that ends where it begins is nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
}

impl Range {
    /// Whether no path is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.to.as_ref() == Some(&self.from)
    }

    /// Where the entry at `path` stands.
    pub fn part(&self, path: &[u8]) -> Part {
        let place = || walk_key(path);
        if self.to.as_ref().is_some_and(|to| place().ge(walk_key(to.as_bytes()))) {
            return Part::Out;
        }
        if self.pieces.iter().any(|piece| piece.path.as_bytes() == path) {
            return Part::Out;
        }
        let from = self.from.as_bytes();
        if place().ge(walk_key(from)) {
            return Part::In;
        }
        match from.strip_prefix(path) {
            Some([b'/', ..]) => Part::Above,
            _ => Part::Out,
        }
    }
}

/// What paths are compared by: `/` comes before all bytes that names can have.
pub(super) fn walk_key(path: &[u8]) -> impl Iterator<Item = u8> {
    path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte })
}

pub(super) fn write<S: Serializer>(path: &BytePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

fn write_option<S: Serializer>(path: &Option<BytePath>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(ToString::to_string).serialize(to)
}

pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<BytePath, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom("a path can't be read");
    BytePath::from_display(&text).ok_or_else(wrong)
}

fn read_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BytePath>, D::Error> {
    let wrong = || serde::de::Error::custom("a path can't be read");
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| BytePath::from_display(&text).ok_or_else(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: Option<&str>) -> Range {
        let path = |text: &str| BytePath::from(text.as_bytes());
        Range { from: path(from), to: to.map(path), pieces: Vec::new() }
    }

    #[test]
    fn ranges_that_follow_each_other_share_nothing_and_leave_nothing_out() {
        let paths = ["a", "a/x", "a/x/1", "a/y", "a-b", "a-b/c", "b", "b/z"];
        let cuts = ["", "a/x/1", "a-b", "a-b/c", "b/q"];
        for path in paths {
            let parts = (0..cuts.len()).map(|at| {
                let range = range(cuts[at], cuts.get(at + 1).copied());
                range.part(path.as_bytes())
            });
            assert_eq!(parts.filter(|part| *part == Part::In).count(), 1, "{path}");
        }
    }

    #[test]
    fn the_way_to_the_first_path_is_gone() {
        let range = range("a/x/1", Some("a/y"));
        let part = |path: &str| range.part(path.as_bytes());
        assert_eq!(["a", "a/x"].map(part), [Part::Above; 2]);
        assert_eq!(["a/x/1", "a/x/1/deep", "a/x/2", "a/x-"].map(part), [Part::In; 4]);
        assert_eq!(["a/x/0", "a/y", "a/y/z", "a-b", "b"].map(part), [Part::Out; 5]);
    }

    #[test]
    fn any_bytes_come_back_from_json() {
        let odd = Range { from: BytePath::from(&b"a\xff\n\\"[..]), to: None, pieces: Vec::new() };
        let text = serde_json::to_string(&odd).unwrap();
        assert_eq!(serde_json::from_str::<Range>(&text).unwrap(), odd);
    }
}
