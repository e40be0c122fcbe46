//! Hard links across the whole tree, with many threads.
//!
//! The first thread that meets a file with several names copies it; those that meet its
//! other names meanwhile leave them with the group and go on. Nobody waits.

use super::handle::FileId;
use super::meta::Meta;
use super::settled::Shared;
use super::tree::{Dir, Found};
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// The files with several names met so far.
pub(super) struct Groups {
    shards: [Mutex<HashMap<FileId, Arc<Group>>>; SHARDS],
}

impl Default for Groups {
    fn default() -> Self {
        Groups { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

/// One file with several names.
#[derive(Default)]
pub(super) struct Group(Mutex<State>);

/// How far a group is.
#[derive(Default)]
pub(super) struct State {
    pub(super) stage: Stage,
    /// Names not met yet.
    unmet: u32,
}

/// What is at the destination of a group.
#[derive(Default)]
pub(super) enum Stage {
    /// Nothing, and nobody is at work.
    #[default]
    Open,
    /// Somebody copies it; these names come after.
    Copying(Vec<Name>),
    /// The file.
    Done(Home),
}

/// One name of a group.
pub(super) struct Name {
    pub(super) dir: Arc<Dir>,
    pub(super) found: Found,
    pub(super) meta: Meta,
}

/// Where a group's file is at the destination.
pub(super) struct Home {
    pub(super) dir: Arc<Dir>,
    pub(super) name: CString,
    /// `None` in a dry run where it would be made.
    pub(super) inode: Option<u64>,
    /// What to tell of each name, if anybody asked.
    pub(super) shared: Option<Box<Shared>>,
    /// How many names it has been given here.
    pub(super) names: u32,
    /// All names given so far, where the file came from a link source: should its link
    /// count run out, the whole group must move to a copy.
    pub(super) members: Option<Vec<(Arc<Dir>, CString)>>,
}

/// What whoever meets a name has to do.
pub(super) enum Claim {
    /// Copy the file, then call [`Group::finish`].
    Lead(Arc<Group>),
    /// Nothing: the name will be linked by who copies. It was added to its directory's
    /// pending work.
    Leave,
    /// Link the name.
    Follow(Arc<Group>),
}

impl Groups {
    /// Registers one more name of the file that `name.meta` describes.
    pub(super) fn claim(&self, name: Name) -> (Claim, Option<Name>) {
        let id = name.meta.id;
        let mut shard = self.shard(id);
        let group = Arc::clone(shard.entry(id).or_default());
        let mut state = group.lock();
        state.unmet = match state.stage {
            Stage::Open => name.meta.nlink.saturating_sub(1),
            _ => state.unmet.saturating_sub(1),
        };
        if state.unmet == 0 {
            // All names are met: whoever still needs the group holds it.
            shard.remove(&id);
        }
        drop(shard);
        match &mut state.stage {
            Stage::Open => {
                state.stage = Stage::Copying(Vec::new());
                drop(state);
                (Claim::Lead(group), Some(name))
            }
            Stage::Copying(waiting) => {
                name.dir.expect_more();
                waiting.push(name);
                (Claim::Leave, None)
            }
            Stage::Done(_) => {
                drop(state);
                (Claim::Follow(group), Some(name))
            }
        }
    }

    fn shard(&self, id: FileId) -> MutexGuard<'_, HashMap<FileId, Arc<Group>>> {
        self.shards[id.ino as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// The group's state, for as long as one name is linked.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is at `home`: gives out the names that came meanwhile.
    pub(super) fn finish(&self, home: Home) -> Vec<Name> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.stage, Stage::Done(home)) {
            Stage::Copying(waiting) => waiting,
            Stage::Open | Stage::Done(_) => Vec::new(),
        }
    }

    /// The file could not be copied under the name tried: gives out another to try, or
    /// leaves it to the next name that is met.
    pub(super) fn fail(&self) -> Option<Name> {
        let mut state = self.lock();
        let next = match &mut state.stage {
            Stage::Copying(waiting) => waiting.pop(),
            Stage::Open | Stage::Done(_) => None,
        };
        if next.is_none() {
            state.stage = Stage::Open;
        }
        next
    }
}
