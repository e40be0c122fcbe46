//! A shared run that is left in its repository, for processes that come later: none of them
//! need live as long as the run does.
//!
//! The run has a lease of its own, which no process has locked and each process of the run
//! renews. So the repository stays held while one ends and another starts, but no longer than
//! the run was told to wait.

use super::backup::{Backup, Held};
use super::lease::{Found, Holder, Lease};
use super::lock::Lock;
use super::repeated::Repeated;
#[cfg(feature = "shard")]
use super::repository::Repository;
use super::shared::{Begun, SharedRun, over};
use super::store::Store;
#[cfg(feature = "shard")]
use super::store::note_name;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use std::time::{Duration, Instant, SystemTime};

/// A run's own lease, renewed as long as this lives.
#[derive(Debug)]
pub(super) struct RunLease {
    name: String,
    _renewal: Repeated,
}

impl RunLease {
    /// That of the run whose lease is called by `token`; `None` where a process holds it.
    pub(super) fn join(store: &Store, lock: &Lock, token: &str) -> Result<Option<RunLease>> {
        let Some(mut lease) = Lease::of_run(&store.control, token)? else { return Ok(None) };
        lease.renew()?;
        let name = lease.name.clone();
        Ok(Some(RunLease { name, _renewal: lock.renew_too(lease)? }))
    }

    /// Ends the run: from now on the processes that are at work hold the repository alone.
    /// Whether it had not been ended by others before.
    pub(super) fn end(self, store: &Store) -> Result<bool> {
        store.control.remove(&self.name)
    }
}

impl Begun {
    /// Ends this process's part: others go on with [`Backup::unit`] and [`Backup::join`]. The run
    /// holds the repository for `patience` after the last sign of life of any of them. What was
    /// left before of a run of this id is over.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for less than a second, [`ErrorKind::Conflict`] when the
    /// repository was lost to another run.
    pub fn leave(&self, patience: Duration) -> Result<SharedRun> {
        if patience < Duration::from_secs(1) {
            return Err(Error::new(ErrorKind::InvalidInput, "plan")
                .with_message("a run holds the repository for at least a second"));
        }
        let Held { store, lock, .. } = &self.held;
        let holder = Holder::of_run(&SystemClock, patience, &self.run.id)?;
        let lease = Lease::install(&store.control, &holder, false)?;
        for (name, found) in Found::all(&store.control)? {
            if found.is_of(&self.run.id) && found.is_left() && name != lease.name {
                store.control.remove(&name)?;
            }
        }
        lock.check()?;
        Ok(SharedRun { token: holder.token, ..self.run.clone() })
    }
}

impl Backup<'_> {
    /// Takes up the run `run`, which another process began and left, to finish it.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when the run is over, or its repository is not the one that is
    /// seen here, and as those of [`Backup::run`].
    pub fn join(&self, run: &SharedRun) -> Result<Begun> {
        self.no_dry_run()?;
        let is_over = || over("finish", self.repository.path());
        let store = self.prepare()?.ok_or_else(is_over)?;
        let holder = Holder::new(self.clock, self.options.lease, Some(&run.id))?;
        let lock = Lock::take(&store.control, holder, &self.cancel)?;
        let left = RunLease::join(&store, &lock, &run.token)?.ok_or_else(is_over)?;
        let base = store.snapshots()?.into_iter().find(|one| Some(&one.id) == run.base.as_ref());
        let began = SystemTime::from(run.time);
        let before = SystemTime::now().duration_since(began).unwrap_or_default();
        let clock = Instant::now();
        let held = Held { store, lock, time: run.time, base, left: Some(left) };
        Ok(Begun { held, run: run.clone(), started: began, before, clock })
    }
}

#[cfg(feature = "shard")]
impl Repository {
    /// Ends the run of this id that was left for processes that come later; whether there was
    /// one. Those at work stop.
    pub(crate) fn end_run(&self, id: &str) -> Result<bool> {
        let Store { control, .. } = self.open()?;
        let mut ended = false;
        for (name, found) in Found::all(&control)? {
            if found.is_left() && found.is_of(id) {
                ended |= control.remove(&name)?;
            }
        }
        Ok(ended)
    }

    /// Removes the note `name`; whether there was one.
    pub(crate) fn remove_note(&self, name: &str) -> Result<bool> {
        self.open()?.control.remove(&note_name(name))
    }

    /// Keeps the note `name` in the repository, in place of one that has the name. `tag` keeps
    /// two processes that do so at once apart. Notes go with the next snapshot that is published.
    pub(crate) fn write_note(&self, name: &str, tag: &str, content: &[u8]) -> Result<()> {
        self.open()?.control.write_over(&note_name(name), tag, content)
    }

    /// The note `name`; `None` when there is none.
    pub(crate) fn read_note(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Store { control, .. } = self.open()?;
        control.refresh();
        control.read(&note_name(name))
    }
}
