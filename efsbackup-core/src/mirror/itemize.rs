//! rsync's `%i` codes, so that people can read ours as they read rsync's.

use super::event::EntryType;
use super::meta::Difference;

/// What was done, as the first letter says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// A file's content was transferred.
    Transfer,
    /// Something that has no content was made or replaced.
    Change,
    /// A hard link was made.
    Link,
    /// At most metadata changed.
    Keep,
}

/// The letter of an entry's type. rsync shows further names as files.
fn letter(entry_type: EntryType) -> char {
    match entry_type {
        EntryType::File | EntryType::HardLink => 'f',
        EntryType::Dir => 'd',
        EntryType::Symlink => 'L',
        EntryType::Special => 'S',
    }
}

/// The code of an entry that was made.
pub(super) fn made(verb: Verb, entry_type: EntryType) -> String {
    let first = match verb {
        Verb::Transfer => '>',
        Verb::Link => 'h',
        Verb::Change | Verb::Keep => 'c',
    };
    format!("{first}{}+++++++++", letter(entry_type))
}

/// The code of an entry that was there: `content` and `size` say what of it differed.
pub(super) fn changed(
    verb: Verb,
    entry_type: EntryType,
    content: bool,
    size: bool,
    differs: &Difference,
) -> String {
    let first = match verb {
        Verb::Transfer => '>',
        Verb::Change => 'c',
        Verb::Link => 'h',
        Verb::Keep => '.',
    };
    let flag = |on: bool, letter: char| if on { letter } else { '.' };
    [
        first,
        letter(entry_type),
        flag(content, 'c'),
        flag(size, 's'),
        flag(differs.mtime, 't'),
        flag(differs.mode, 'p'),
        flag(differs.uid, 'o'),
        flag(differs.gid, 'g'),
        '.',
        flag(differs.acls, 'a'),
        flag(differs.xattrs, 'x'),
    ]
    .iter()
    .collect()
}

/// The code of a removed entry.
pub(super) const DELETING: &str = "*deleting  ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_rsyncs() {
        assert_eq!(made(Verb::Transfer, EntryType::File), ">f+++++++++");
        assert_eq!(made(Verb::Change, EntryType::Dir), "cd+++++++++");
        let differs = Difference { mtime: true, mode: true, ..Difference::default() };
        assert_eq!(changed(Verb::Keep, EntryType::Dir, false, false, &differs), ".d..tp.....");
        assert_eq!(changed(Verb::Transfer, EntryType::File, false, true, &differs), ">f.stp.....");
    }
}
