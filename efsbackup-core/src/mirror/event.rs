//! What happened to one entry, told while it happens.

use super::settled::{ContentHasher, Settled};
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
///
/// These threads have a umask of their own that takes nothing away: a file that a listener
/// makes needs its mode named.
///
/// ```
/// use efsbackup_core::mirror::{Action, EntryEvent, Listener, Mirror};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Created(Mutex<Vec<String>>);
///
/// impl Listener for Created {
///     fn entry(&self, event: &EntryEvent<'_>) {
///         if event.action == Action::Created {
///             self.0.lock().unwrap().push(event.path.to_string());
///         }
///     }
/// }
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # std::fs::create_dir("source")?;
/// std::fs::write("source/file", "hello")?;
/// let created = Created::default();
/// Mirror::new("source", "copy").listener(&created).run()?;
/// assert!(created.0.into_inner()?.contains(&"file".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Listener: Send + Sync {
    /// Called once the entry is done; a file's content and metadata are then complete
    /// (and durable, with [`Fsync::Files`](super::Fsync::Files)).
    fn entry(&self, event: &EntryEvent<'_>);

    /// Whether this listener keeps a record of what the destination holds: only then are
    /// the other functions called. Asked once, before the run begins.
    fn keeps_record(&self) -> bool {
        false
    }

    /// A hasher for the content of the file at `path`; `None` where no digest is wanted.
    /// Contents are then copied through this process's memory, and in a dry run read
    /// though nothing is copied.
    fn hasher(&self, _path: &BytePath) -> Option<Box<dyn ContentHasher>> {
        None
    }

    /// Called for each entry that is at the destination when the run ends, also for those
    /// that were kept or linked. An entry of a directory that changed meanwhile may come
    /// twice: the later one counts.
    fn settled(&self, _entry: &Settled<'_>) {}
}
