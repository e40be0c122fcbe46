//! Reads a tree with all its metadata, and tells how two differ.

use super::build::{open_dir, proc_path};
use efsbackup_core::bytepath::BytePath;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, getxattr, listxattr, openat, readlinkat,
    statat,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// How much more space a copy may take than its source before its holes count as lost.
const SLACK: i64 = 64 << 10;

/// One entry, without what differs by nature (inode, change time).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// `f`, `d`, `l`, `p`, `s`, `c` or `b`.
    pub(crate) kind: char,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) mtime: (i64, i64),
    /// A file's size and hash, a symbolic link's target, a device's number.
    pub(crate) content: Content,
    pub(crate) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// All names in the tree of this file, where there are several.
    pub(crate) names: Vec<BytePath>,
    /// Bytes on disk (files only).
    pub(crate) allocated: i64,
    /// Device and inode number.
    pub(crate) inode: (u64, u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    None,
    File(i64, u64),
    Target(BytePath),
    Device(u64),
}

/// Reads the whole tree below `root`; the root itself has the empty path.
pub(crate) fn read(root: &Path) -> BTreeMap<BytePath, Meta> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, flags, Mode::empty()).unwrap();
    let mut entries = BTreeMap::new();
    entries.insert(BytePath::default(), read_entry(root.as_fd(), b""));
    read_dir(&root, &BytePath::default(), &mut entries);
    let mut names: BTreeMap<(u64, u64), Vec<BytePath>> = BTreeMap::new();
    for (path, meta) in entries.iter().filter(|(_, meta)| meta.kind != 'd') {
        names.entry(meta.inode).or_default().push(path.clone());
    }
    for meta in entries.values_mut() {
        meta.names =
            names.get(&meta.inode).filter(|names| names.len() > 1).cloned().unwrap_or_default();
    }
    entries
}

fn read_dir(dir: &OwnedFd, path: &BytePath, entries: &mut BTreeMap<BytePath, Meta>) {
    for entry in Dir::read_from(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let meta = read_entry(dir.as_fd(), name);
        let is_dir = meta.kind == 'd';
        let path = path.join(name);
        entries.insert(path.clone(), meta);
        if is_dir {
            read_dir(&open_dir(dir, name), &path, entries);
        }
    }
}

fn read_entry(parent: BorrowedFd<'_>, name: &[u8]) -> Meta {
    let (path, fd) = proc_path(parent, name);
    let stat: Stat = statat(&fd, "", AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW).unwrap();
    let file_type = FileType::from_raw_mode(stat.st_mode);
    let (kind, content) = match file_type {
        FileType::RegularFile => ('f', Content::File(stat.st_size, hash(&path))),
        FileType::Directory => ('d', Content::None),
        FileType::Symlink => {
            let target = readlinkat(&fd, "", Vec::new()).unwrap();
            ('l', Content::Target(BytePath::from(target.into_bytes())))
        }
        FileType::Fifo => ('p', Content::None),
        FileType::Socket => ('s', Content::None),
        FileType::CharacterDevice => ('c', Content::Device(stat.st_rdev)),
        FileType::BlockDevice => ('b', Content::Device(stat.st_rdev)),
        FileType::Unknown => panic!("unknown file type of {:?}", BytePath::from(name)),
    };
    Meta {
        kind,
        mode: stat.st_mode & 0o7777,
        owner: (stat.st_uid, stat.st_gid),
        mtime: (stat.st_mtime, stat.st_mtime_nsec.try_into().unwrap()),
        content,
        xattrs: xattrs(&path),
        names: Vec::new(),
        allocated: if kind == 'f' { stat.st_blocks * 512 } else { 0 },
        inode: (stat.st_dev, stat.st_ino),
    }
}

/// A hash of the content; of an unreadable file, 0. Zeros are only counted: hashing the
/// holes of every tree is most of what the tests would do.
fn hash(path: &str) -> u64 {
    static ZEROS: [u8; 1 << 14] = [0; 1 << 14];
    let Ok(mut file) = std::fs::File::open(path) else { return 0 };
    let mut hasher = DefaultHasher::new();
    let mut buffer = vec![0; ZEROS.len()];
    let mut offset = 0;
    loop {
        let count = file.read(&mut buffer).unwrap();
        if count == 0 {
            return hasher.finish();
        }
        if buffer[..count] != ZEROS[..count] {
            hasher.write_usize(offset);
            hasher.write(&buffer[..count]);
        }
        offset += count;
    }
}

fn xattrs(path: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 1 << 16];
    let length = match listxattr(path, &mut names[..]) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => panic!("listxattr: {error}"),
    };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 1 << 16];
        let length = getxattr(path, name, &mut value[..]).unwrap();
        value.truncate(length);
        value
    };
    // XFS's other names for ACLs.
    let names = names.filter(|name| !name.starts_with(b"trusted.SGI_ACL_"));
    names.map(|name| (name.to_vec(), value(name))).collect()
}

/// Every difference between two trees, a line each; empty when there is none.
pub(crate) fn differences(left: &Path, right: &Path) -> String {
    differences_of(&read(left), &read(right))
}

/// Every difference between two trees that were read; empty when there is none.
pub(crate) fn differences_of(
    left: &BTreeMap<BytePath, Meta>,
    right: &BTreeMap<BytePath, Meta>,
) -> String {
    let mut text = String::new();
    for (path, l) in left {
        match right.get(path) {
            None => writeln!(text, "{path:?}: only on the left").unwrap(),
            Some(r) => text += &entry_differences(path, l, r),
        }
    }
    for path in right.keys().filter(|path| !left.contains_key(path)) {
        writeln!(text, "{path:?}: only on the right").unwrap();
    }
    text
}

fn entry_differences(path: &BytePath, left: &Meta, right: &Meta) -> String {
    let mut text = String::new();
    let mut tell = |what: &str, l: String, r: String| {
        if l != r {
            writeln!(text, "{path:?}: {what}: {l} != {r}").unwrap();
        }
    };
    tell("type", left.kind.to_string(), right.kind.to_string());
    tell("content", format!("{:?}", left.content), format!("{:?}", right.content));
    tell("mode", format!("{:o}", left.mode), format!("{:o}", right.mode));
    tell("owner", format!("{:?}", left.owner), format!("{:?}", right.owner));
    tell("mtime", format!("{:?}", left.mtime), format!("{:?}", right.mtime));
    tell("names", format!("{:?}", left.names), format!("{:?}", right.names));
    let readable = |xattrs: &BTreeMap<Vec<u8>, Vec<u8>>| {
        let pair = |(name, value): (&Vec<u8>, &Vec<u8>)| {
            format!("{}={}", BytePath::from(name.as_slice()), BytePath::from(value.as_slice()))
        };
        xattrs.iter().map(pair).collect::<Vec<_>>().join(", ")
    };
    tell("xattrs", readable(&left.xattrs), readable(&right.xattrs));
    if right.allocated > left.allocated + SLACK {
        tell("bytes on disk", left.allocated.to_string(), right.allocated.to_string());
    }
    text
}

/// Fails with every difference between two trees.
#[track_caller]
pub(crate) fn assert_same(left: &Path, right: &Path) {
    let differences = differences(left, right);
    assert!(differences.is_empty(), "the trees differ:\n{differences}");
}
