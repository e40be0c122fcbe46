//! rsync's `%i` codes, so that people can read ours as they read rsync's.

use super::meta::Difference;
use rustix::fs::FileType;

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

/// The letter of a type. Types that share one are the same to rsync.
pub(super) fn letter(file_type: FileType) -> char {
    match file_type {
        FileType::Directory => 'd',
        FileType::Symlink => 'L',
        FileType::CharacterDevice | FileType::BlockDevice => 'D',
        FileType::Fifo | FileType::Socket => 'S',
        FileType::RegularFile | FileType::Unknown => 'f',
    }
}

/// The code of an entry that was made.
pub(super) fn made(verb: Verb, file_type: FileType) -> String {
    let first = match verb {
        Verb::Transfer => '>',
        Verb::Link => 'h',
        Verb::Change | Verb::Keep => 'c',
    };
    format!("{first}{}+++++++++", letter(file_type))
}

/// The code of an entry that was there: `content` and `size` say what of it differed. What
/// only got another name, or nothing, has spaces for dots.
pub(super) fn changed(
    verb: Verb,
    file_type: FileType,
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
    if matches!(verb, Verb::Keep | Verb::Link) && !content && !size && !differs.any() {
        return format!("{first}{}         ", letter(file_type));
    }
    let flag = |on: bool, letter: char| if on { letter } else { '.' };
    [
        first,
        letter(file_type),
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
        assert_eq!(made(Verb::Transfer, FileType::RegularFile), ">f+++++++++");
        assert_eq!(made(Verb::Change, FileType::Directory), "cd+++++++++");
        assert_eq!(made(Verb::Link, FileType::CharacterDevice), "hD+++++++++");
        let differs = Difference { mtime: true, mode: true, ..Difference::default() };
        assert_eq!(changed(Verb::Keep, FileType::Directory, false, false, &differs), ".d..tp.....");
        let same = Difference::default();
        assert_eq!(changed(Verb::Link, FileType::RegularFile, false, false, &same), "hf         ");
        assert_eq!(
            changed(Verb::Transfer, FileType::RegularFile, false, true, &differs),
            ">f.stp....."
        );
    }
}
