//! Who else can get at a directory of the destination.
//!
//! Each safeguard against others costs. On a file server it is a round trip: making a file so that
//! it fails where one exists (O_EXCL) costs the Linux client one more SETATTR, and a temporary
//! name a RENAME. Where nobody else can make a name, or even look in, they guard nothing.

use super::meta::Meta;
use std::collections::HashSet;
use std::ffi::CStr;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};

/// What others than this process's user can do in a directory of the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Others {
    /// Make and remove names, as far as is known.
    #[default]
    MayWrite,
    /// At most look in.
    MayRead,
    /// Nothing: this run made it, and lets nobody in before its contents are done.
    KeptOut,
}

impl Others {
    /// For a directory with this metadata that the process of user `euid` found, or `made`
    /// with mode 0700, in one of which `above` is known.
    pub(super) fn of(meta: &Meta, euid: u32, made: bool, above: Others) -> Others {
        // The group's bits bound what an ACL may grant. Where a server maps users to others,
        // the owner is another too.
        if above == Others::MayWrite || meta.uid != euid || meta.mode & 0o022 != 0 {
            Others::MayWrite
        } else if made && meta.mode & 0o077 == 0 {
            Others::KeptOut
        } else {
            Others::MayRead
        }
    }
}

/// What is known of a directory of the destination; on local file systems only of what this run
/// made.
#[derive(Debug, Default)]
pub(super) struct Reach {
    others: Others,
    /// A name was met twice, as can be in a source that changes meanwhile: two threads may
    /// be at it.
    repeats: AtomicBool,
    /// A file that is not whole has its final name, and could not be removed.
    torn: AtomicBool,
}

impl Reach {
    pub(super) fn new(others: Others) -> Reach {
        Reach { others, ..Reach::default() }
    }

    pub(super) fn others(&self) -> Others {
        self.others
    }

    /// Whether others can make names.
    pub(super) fn is_shared(&self) -> bool {
        self.others == Others::MayWrite
    }

    /// Whether nobody else can even look in.
    pub(super) fn is_hidden(&self) -> bool {
        self.others == Others::KeptOut
    }

    /// Whether a new file may be written under its own name at once.
    pub(super) fn is_own(&self) -> bool {
        self.is_hidden() && !self.has_repeats()
    }

    pub(super) fn has_repeats(&self) -> bool {
        self.repeats.load(Ordering::Relaxed)
    }

    /// Notes how removing a file that is not whole ended.
    pub(super) fn removed(&self, result: rustix::io::Result<()>) {
        if result.is_err_and(|errno| errno != rustix::io::Errno::NOENT) {
            self.torn.store(true, Ordering::Relaxed);
        }
    }

    /// Whether nobody may be let in, since what is there is not whole.
    pub(super) fn is_torn(&self) -> bool {
        self.torn.load(Ordering::Relaxed)
    }

    /// What notes the names of this directory, where that matters.
    pub(super) fn names(&self) -> Option<Names> {
        self.is_hidden().then(Names::default)
    }

    /// Notes that `name` was met.
    pub(super) fn meet(&self, names: &mut Names, name: &CStr) {
        if !names.seen.insert(names.state.hash_one(name)) {
            self.repeats.store(true, Ordering::Relaxed);
        }
    }
}

/// The names met so far, by their hash: one taken for another makes a directory slower,
/// nothing else.
#[derive(Default)]
pub(super) struct Names {
    seen: HashSet<u64>,
    state: RandomState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::meta::Sync;

    #[test]
    fn only_what_is_ours_down_from_the_root_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = std::fs::File::open(dir.path()).unwrap();
        let meta = Meta::of(&file, Sync::Normal).unwrap();
        let with = |mode, uid, made, above| Others::of(&Meta { mode, ..meta }, uid, made, above);
        let (me, above) = (meta.uid, Others::MayRead);
        assert_eq!(with(0o700, me, true, above), Others::KeptOut);
        assert_eq!(with(0o700, me, false, above), Others::MayRead);
        assert_eq!(with(0o755, me, true, above), Others::MayRead);
        assert_eq!(with(0o775, me, true, above), Others::MayWrite);
        assert_eq!(with(0o700, me + 1, true, above), Others::MayWrite);
        assert_eq!(with(0o700, me, true, Others::MayWrite), Others::MayWrite);
    }

    #[test]
    fn a_name_met_twice_ends_it() {
        let reach = Reach::new(Others::KeptOut);
        let mut names = reach.names().unwrap();
        reach.meet(&mut names, c"a");
        reach.meet(&mut names, c"b");
        assert!(reach.is_own());
        reach.meet(&mut names, c"a");
        assert!(!reach.is_own() && reach.is_hidden());
        assert!(Reach::default().names().is_none());
    }

    #[test]
    fn what_cannot_be_removed_keeps_the_directory_closed() {
        let reach = Reach::new(Others::KeptOut);
        reach.removed(Ok(()));
        reach.removed(Err(rustix::io::Errno::NOENT));
        assert!(!reach.is_torn());
        reach.removed(Err(rustix::io::Errno::STALE));
        assert!(reach.is_torn());
    }
}
