//! Hard links across the whole tree, with many threads.
//!
//! The first thread that meets a file with several names copies it; those that meet its
//! other names meanwhile leave them with the group and go on. Nobody waits.
//!
//! A group is forgotten once all its names were met. Until then it may take long, or for ever
//! where names are outside the tree; so groups that nobody is at work on go to disk when they
//! become many.

use super::disk_map::DiskMap;
use super::handle::FileId;
use super::home::Home;
use super::meta::Meta;
use super::tree::{Dir, Found};
use super::unnamed::{number, put_number};
use std::collections::HashMap;
use std::io::Result;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;
const MAPS: usize = 8;

type Shard = HashMap<FileId, Arc<Group>>;

/// The files with several names met so far.
pub(super) struct Groups {
    shards: [Mutex<Shard>; SHARDS],
    /// How many a shard keeps in memory.
    limit: usize,
    /// Those that went to disk, in this folder: several maps, so that threads seldom wait.
    on_disk: [Mutex<Option<DiskMap>>; MAPS],
    folder: PathBuf,
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
    /// No group so far; of those to come about `limit` are kept in memory, the others in
    /// unnamed files in `folder`.
    pub(super) fn new(limit: usize, folder: PathBuf) -> Groups {
        Groups {
            shards: std::array::from_fn(|_| Mutex::default()),
            limit: limit / SHARDS,
            on_disk: std::array::from_fn(|_| Mutex::default()),
            folder,
        }
    }

    /// Registers one more name of the file that `name.meta` describes.
    pub(super) fn claim(&self, name: Name) -> Result<(Claim, Option<Name>)> {
        let id = name.meta.id;
        let mut shard = self.shard(id);
        let group = match shard.get(&id) {
            Some(group) => Arc::clone(group),
            None => {
                if shard.len() >= self.limit {
                    self.store(&mut shard, id)?;
                }
                let group = Arc::new(self.recall(id)?.unwrap_or_default());
                shard.insert(id, Arc::clone(&group));
                group
            }
        };
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
        Ok(match &mut state.stage {
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
        })
    }

    /// Moves all groups of the shard of `id` to disk that nobody holds.
    fn store(&self, shard: &mut Shard, id: FileId) -> Result<()> {
        let mut on_disk = self.on_disk(id);
        let on_disk = match &mut *on_disk {
            Some(on_disk) => on_disk,
            none => none.insert(DiskMap::new(&self.folder)?),
        };
        let mut bytes = Vec::new();
        let mut stored = Ok(());
        shard.retain(|id, group| {
            let Some(Group(state)) = Arc::get_mut(group) else { return true };
            let state = state.get_mut().unwrap_or_else(PoisonError::into_inner);
            let Stage::Done(home) = &state.stage else {
                // Nothing is known of a file that nobody could copy.
                return !matches!(state.stage, Stage::Open);
            };
            if stored.is_ok() {
                bytes.clear();
                put_number(&mut bytes, state.unmet.into());
                home.encode(&mut bytes);
                stored = on_disk.insert(*id, &bytes);
            }
            stored.is_err()
        });
        stored
    }

    /// Takes a group back from disk.
    fn recall(&self, id: FileId) -> Result<Option<Group>> {
        let Some(on_disk) = &mut *self.on_disk(id) else { return Ok(None) };
        let Some(bytes) = on_disk.take(id)? else { return Ok(None) };
        let mut from = bytes.as_slice();
        let unmet = u32::try_from(number(&mut from)?).unwrap_or(u32::MAX);
        let stage = Stage::Done(Home::decode(&mut from)?);
        Ok(Some(Group(Mutex::new(State { stage, unmet }))))
    }

    fn on_disk(&self, id: FileId) -> MutexGuard<'_, Option<DiskMap>> {
        // A multiple of it is the number of shards: all of a shard are in one map.
        self.on_disk[id.ino as usize % MAPS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, id: FileId) -> MutexGuard<'_, Shard> {
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
