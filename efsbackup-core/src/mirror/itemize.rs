//! rsync's `%i` codes, so that people can read ours as they read rsync's.

use super::meta::Difference;
use rustix::fs::FileType;
use std::ops::Deref;

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

/// A code: made for each entry, so it takes no memory of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code([u8; 11]);

impl Deref for Code {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The letter of a type. Types that share one are the same to rsync.
pub(super) fn letter(file_type: FileType) -> u8 {
    match file_type {
        FileType::Directory => b'd',
        FileType::Symlink => b'L',
        FileType::CharacterDevice | FileType::BlockDevice => b'D',
        FileType::Fifo | FileType::Socket => b'S',
        FileType::RegularFile | FileType::Unknown => b'f',
    }
}

fn code(first: u8, file_type: FileType, rest: [u8; 9]) -> Code {
    let mut code = [first; 11];
    code[1] = letter(file_type);
    code[2..].copy_from_slice(&rest);
    Code(code)
}

/// The code of an entry that was made.
pub(super) fn made(verb: Verb, file_type: FileType) -> Code {
    let first = match verb {
        Verb::Transfer => b'>',
        Verb::Link => b'h',
        Verb::Change | Verb::Keep => b'c',
    };
    code(first, file_type, [b'+'; 9])
}

/// The code of an entry that was there: `content` and `size` say what of it differed. What
/// only got another name, or nothing, has spaces for dots.
pub(super) fn changed(
    verb: Verb,
    file_type: FileType,
    content: bool,
    size: bool,
    differs: &Difference,
) -> Code {
    let first = match verb {
        Verb::Transfer => b'>',
        Verb::Change => b'c',
        Verb::Link => b'h',
        Verb::Keep => b'.',
    };
    if matches!(verb, Verb::Keep | Verb::Link) && !content && !size && !differs.any() {
        return code(first, file_type, [b' '; 9]);
    }
    let flag = |on: bool, letter: u8| if on { letter } else { b'.' };
    let rest = [
        flag(content, b'c'),
        flag(size, b's'),
        flag(differs.mtime, b't'),
        flag(differs.mode, b'p'),
        flag(differs.uid, b'o'),
        flag(differs.gid, b'g'),
        b'.',
        flag(differs.acls, b'a'),
        flag(differs.xattrs, b'x'),
    ];
    code(first, file_type, rest)
}

/// The code of a removed entry.
pub(super) const DELETING: &str = "*deleting  ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_rsyncs() {
        assert_eq!(&*made(Verb::Transfer, FileType::RegularFile), ">f+++++++++");
        assert_eq!(&*made(Verb::Change, FileType::Directory), "cd+++++++++");
        assert_eq!(&*made(Verb::Link, FileType::CharacterDevice), "hD+++++++++");
        let differs = Difference { mtime: true, mode: true, ..Difference::default() };
        assert_eq!(
            &*changed(Verb::Keep, FileType::Directory, false, false, &differs),
            ".d..tp....."
        );
        let same = Difference::default();
        assert_eq!(
            &*changed(Verb::Link, FileType::RegularFile, false, false, &same),
            "hf         "
        );
        assert_eq!(
            &*changed(Verb::Transfer, FileType::RegularFile, false, true, &differs),
            ">f.stp....."
        );
    }
}
