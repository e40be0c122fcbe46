//! What happened to one entry, told while it happens.

use crate::bytepath::BytePath;

/// What kind of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryType {
    /// A regular file; the first name met of one with several names.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A further name of a file (or symbolic link, or special) already met.
    HardLink,
    /// A fifo, socket or device.
    Special,
}

/// What was done to an entry, or would be done in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Made at the destination.
    Created,
    /// Content or type replaced.
    Updated,
    /// Only owner, mode, times or extended attributes changed.
    Adjusted,
    /// Hard-linked from a link source.
    Linked,
    /// Already equal.
    Unchanged,
    /// Removed from the destination.
    Deleted,
    /// Not copied: it vanished from the source while the run went on.
    Vanished,
    /// Not copied or not removed: see the report's errors.
    Failed,
}

/// One entry and what was done to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntryEvent<'a> {
    /// The path below the source (below the destination when deleted); empty for the root.
    pub path: &'a BytePath,
    /// What it is.
    pub entry_type: EntryType,
    /// What was done.
    pub action: Action,
    /// rsync's `%i` code for it, such as `>f+++++++++`, `.d..t......` or `*deleting`.
    pub itemize: &'a str,
    /// The inode number at the destination, where the entry is complete there.
    pub inode: Option<u64>,
}

/// Receives every [`EntryEvent`], from several threads at once. It must not block for long.
pub trait Listener: Send + Sync {
    /// Called once the entry is done; a file's content and metadata are then complete
    /// (and durable, with [`Fsync::Files`](super::Fsync::Files)).
    fn entry(&self, event: &EntryEvent<'_>);
}
