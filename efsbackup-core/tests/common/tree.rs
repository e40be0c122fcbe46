//! A tree of files as a value: `tree! { "a" => file(b"x").mode(0o640), … }`.

/// A directory's entries, in the order they are made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(pub(crate) Vec<(Vec<u8>, Entry)>);

/// Builds a [`Tree`]: names are `str` or bytes, values are [`Entry`]s.
///
/// ```ignore
/// tree! {
///     "a" => file(b"x").mode(0o640),
///     "l" => symlink("a"),
///     "h" => hardlink("a"),
///     b"\xff" => dir(tree! { "f" => fifo() }).mtime(-1, 999_999_999),
/// }
/// ```
#[allow(unused_macros)]
macro_rules! tree {
    ($($name:expr => $entry:expr),* $(,)?) => {
        $crate::common::tree::Tree(vec![
            $((AsRef::<[u8]>::as_ref($name).to_vec(), $entry)),*
        ])
    };
}

/// One entry and its metadata; what is not given is as the system makes it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) what: What,
    pub(crate) mode: Option<u32>,
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mtime: Option<(i64, u32)>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A file of this size, with data at these offsets and holes between.
    File(u64, Vec<(u64, Vec<u8>)>),
    Dir(Tree),
    Symlink(Vec<u8>),
    /// Another name of the entry at this path below the tree's root.
    HardLink(Vec<u8>),
    Fifo,
    Socket,
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
}

fn entry(what: What) -> Entry {
    Entry { what, mode: None, owner: None, mtime: None, xattrs: Vec::new() }
}

pub(crate) fn file(content: impl AsRef<[u8]>) -> Entry {
    let content = content.as_ref().to_vec();
    entry(What::File(content.len() as u64, vec![(0, content)]))
}

/// A file of `size` bytes that are holes but for `data` (offset, bytes).
pub(crate) fn sparse(size: u64, data: &[(u64, &[u8])]) -> Entry {
    entry(What::File(size, data.iter().map(|(at, bytes)| (*at, bytes.to_vec())).collect()))
}

pub(crate) fn dir(tree: Tree) -> Entry {
    entry(What::Dir(tree))
}

pub(crate) fn symlink(target: impl AsRef<[u8]>) -> Entry {
    entry(What::Symlink(target.as_ref().to_vec()))
}

/// Another name of the entry at `path` below the tree's root.
pub(crate) fn hardlink(path: impl AsRef<[u8]>) -> Entry {
    entry(What::HardLink(path.as_ref().to_vec()))
}

pub(crate) fn fifo() -> Entry {
    entry(What::Fifo)
}

pub(crate) fn socket() -> Entry {
    entry(What::Socket)
}

pub(crate) fn char_device(major: u32, minor: u32) -> Entry {
    entry(What::CharDevice(major, minor))
}

pub(crate) fn block_device(major: u32, minor: u32) -> Entry {
    entry(What::BlockDevice(major, minor))
}

impl Entry {
    pub(crate) fn mode(mut self, mode: u32) -> Entry {
        self.mode = Some(mode);
        self
    }

    pub(crate) fn owner(mut self, uid: u32, gid: u32) -> Entry {
        self.owner = Some((uid, gid));
        self
    }

    /// Seconds since 1970, negative before it, and nanoseconds to add.
    pub(crate) fn mtime(mut self, seconds: i64, nanoseconds: u32) -> Entry {
        self.mtime = Some((seconds, nanoseconds));
        self
    }

    pub(crate) fn xattr(mut self, name: &str, value: impl AsRef<[u8]>) -> Entry {
        self.xattrs.push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the access ACL. It replaces the group bits of the mode by its mask.
    pub(crate) fn acl(self, acl: &Acl) -> Entry {
        self.xattr("system.posix_acl_access", acl.encode())
    }

    /// Sets the default ACL of a directory.
    pub(crate) fn default_acl(self, acl: &Acl) -> Entry {
        self.xattr("system.posix_acl_default", acl.encode())
    }
}

/// A POSIX ACL: permissions are the three bits of rwx.
#[derive(Clone, Debug)]
pub(crate) struct Acl {
    pub(crate) owner: u16,
    pub(crate) users: Vec<(u32, u16)>,
    pub(crate) group: u16,
    pub(crate) groups: Vec<(u32, u16)>,
    pub(crate) mask: u16,
    pub(crate) other: u16,
}

impl Acl {
    /// The form the kernel takes (linux/posix_acl_xattr.h): version 2, then tag,
    /// permissions and id of each entry, little endian, sorted by tag and id.
    pub(crate) fn encode(&self) -> Vec<u8> {
        const NO_ID: u32 = u32::MAX;
        let mut entries = vec![(1u16, self.owner, NO_ID)];
        entries.extend(self.users.iter().map(|(id, bits)| (2, *bits, *id)));
        entries.push((4, self.group, NO_ID));
        entries.extend(self.groups.iter().map(|(id, bits)| (8, *bits, *id)));
        entries.push((16, self.mask, NO_ID));
        entries.push((32, self.other, NO_ID));
        entries.sort_by_key(|(tag, _, id)| (*tag, *id));
        let mut bytes = 2u32.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(bits.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }
}
