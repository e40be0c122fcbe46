//! The open database, and what is known of it without asking again.

use super::create::Component;
use super::database::failed;
use super::links::Links;
use super::rows;
use super::turns::Turns;
use crate::error::Result;
use crate::params::Parameters;
use crate::pipeline::Definition;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

/// Versions of definitions held in memory.
const MOST_VERSIONS: usize = 1_000;
/// The longest time a pipeline is left alone, in milliseconds: it bounds what a reason to
/// look at it that was overlooked could cost.
const LONGEST_QUIET: i64 = 60_000;

/// One version of a pipeline's definition; it never changes.
type Version = (String, i64);

type Components = Arc<Vec<Component>>;

/// When the next interval of a pipeline begins, if one will, all earlier ones being made:
/// for one version, first activated at one time.
#[derive(Clone, Copy)]
struct Upcoming {
    version: i64,
    activation: i64,
    next: Option<i64>,
}

/// A connection with what was read through it.
pub(super) struct Store {
    connection: Connection,
    turns: Option<Turns>,
    definitions: RefCell<HashMap<Version, Arc<Definition>>>,
    parameters: RefCell<HashMap<Version, Arc<Parameters>>>,
    components: RefCell<HashMap<(Version, i64), Components>>,
    links: RefCell<HashMap<Version, Arc<Links>>>,
    upcoming: RefCell<HashMap<String, Upcoming>>,
    /// Until when nothing is to do for a pipeline, unless somebody does something to it.
    quiet: RefCell<HashMap<String, i64>>,
    /// Changes when another process writes.
    data_version: Cell<i64>,
    /// Whether the workers reach S3.
    s3: Cell<bool>,
}

impl Deref for Store {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Store {
    pub(super) fn new(connection: Connection) -> Store {
        Store {
            connection,
            turns: None,
            definitions: RefCell::default(),
            parameters: RefCell::default(),
            components: RefCell::default(),
            links: RefCell::default(),
            upcoming: RefCell::default(),
            quiet: RefCell::default(),
            data_version: Cell::new(0),
            s3: Cell::new(false),
        }
    }

    /// The store of a file that several processes may write.
    pub(super) fn with_turns(self, turns: Turns) -> Store {
        Store { turns: Some(turns), ..self }
    }

    /// Whether the workers reach S3.
    pub(super) fn reaches_s3(&self) -> bool {
        self.s3.get()
    }

    pub(super) fn set_reaches_s3(&self, reaches: bool) {
        self.s3.set(reaches);
    }

    /// Begins a transaction that writes.
    pub(super) fn begin(&self) -> Result<()> {
        let begin = || self.run("BEGIN IMMEDIATE");
        match &self.turns {
            Some(turns) => turns.take(begin)?,
            None => begin()?,
        }
        self.look_at_others().inspect_err(|_| self.roll_back())
    }

    /// Begins a part of the transaction that can be undone by itself.
    pub(super) fn save_point(&self) -> Result<()> {
        self.run("SAVEPOINT part")
    }

    /// Ends that part.
    pub(super) fn release(&self) -> Result<()> {
        self.run("RELEASE part")
    }

    /// Undoes that part.
    pub(super) fn undo(&self) -> Result<()> {
        // What was read of it may never have been.
        self.forget();
        self.run("ROLLBACK TO part").and_then(|()| self.release())
    }

    /// Makes the transaction durable.
    pub(super) fn commit(&self) -> Result<()> {
        self.run("COMMIT")
    }

    /// Undoes the transaction, if SQLite has not done so by itself.
    pub(super) fn roll_back(&self) {
        self.forget();
        if !self.connection.is_autocommit() {
            // A connection that can't even do this fails the next transaction too.
            let _ = self.run("ROLLBACK");
        }
    }

    /// Runs `work`, which only reads, on one state of the store.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        let transaction = transaction.map_err(failed)?;
        self.look_at_others()?;
        let value = work(self)?;
        transaction.commit().map_err(failed)?;
        Ok(value)
    }

    fn run(&self, statement: &str) -> Result<()> {
        let mut statement = self.connection.prepare_cached(statement).map_err(failed)?;
        statement.execute([]).map(drop).map_err(failed)
    }

    /// Forgets what other processes may have changed.
    fn look_at_others(&self) -> Result<()> {
        let version = "PRAGMA data_version";
        let mut version = self.connection.prepare_cached(version).map_err(failed)?;
        let written = version.query_row([], |row| row.get(0)).map_err(failed)?;
        if self.data_version.replace(written) != written {
            self.quiet.borrow_mut().clear();
            self.upcoming.borrow_mut().clear();
        }
        Ok(())
    }

    fn forget(&self) {
        self.definitions.borrow_mut().clear();
        self.parameters.borrow_mut().clear();
        self.components.borrow_mut().clear();
        self.links.borrow_mut().clear();
        self.quiet.borrow_mut().clear();
        self.upcoming.borrow_mut().clear();
    }

    /// A version of a definition.
    pub(super) fn definition(&self, pipeline: &str, version: i64) -> Result<Arc<Definition>> {
        let key = (pipeline.to_owned(), version);
        if let Some(known) = self.definitions.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(rows::definition(self, pipeline, version)?.0);
        if self.definitions.borrow().len() >= MOST_VERSIONS {
            self.forget();
        }
        self.definitions.borrow_mut().insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// The parameters of a version with their values.
    pub(super) fn parameters(&self, pipeline: &str, version: i64) -> Result<Arc<Parameters>> {
        let key = (pipeline.to_owned(), version);
        if let Some(known) = self.parameters.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(Parameters::new(&*self.definition(pipeline, version)?, &[])?);
        self.parameters.borrow_mut().insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// The components of a version first activated at `activation`, read by `read`.
    pub(super) fn components(
        &self,
        pipeline: &str,
        version: i64,
        activation: i64,
        read: impl FnOnce() -> Result<Vec<Component>>,
    ) -> Result<Components> {
        let key = ((pipeline.to_owned(), version), activation);
        if let Some(known) = self.components.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(read()?);
        self.components.borrow_mut().insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// Which components of a version wait for which.
    pub(super) fn links(&self, pipeline: &str, version: i64) -> Result<Arc<Links>> {
        let key = (pipeline.to_owned(), version);
        if let Some(known) = self.links.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(Links::of(&*self.definition(pipeline, version)?));
        self.links.borrow_mut().insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// When the next interval of a version first activated at `activation` begins, where
    /// that is known: outer `None` where it is not, inner where no more will.
    pub(super) fn upcoming(
        &self,
        pipeline: &str,
        version: i64,
        activation: i64,
    ) -> Option<Option<i64>> {
        let known = self.upcoming.borrow().get(pipeline).copied()?;
        (known.version == version && known.activation == activation).then_some(known.next)
    }

    /// Notes that all intervals before `next` have their instances.
    pub(super) fn note_upcoming(
        &self,
        pipeline: &str,
        version: i64,
        activation: i64,
        next: Option<i64>,
    ) {
        let upcoming = Upcoming { version, activation, next };
        self.upcoming.borrow_mut().insert(pipeline.to_owned(), upcoming);
    }

    /// Whether nothing is to do for a pipeline at `now`.
    pub(super) fn is_quiet(&self, pipeline: &str, now: i64) -> bool {
        self.quiet.borrow().get(pipeline).is_some_and(|until| now < *until)
    }

    /// Notes that nothing is to do for a pipeline from `now` until `until`.
    pub(super) fn rest(&self, pipeline: &str, now: i64, until: i64) {
        let until = until.min(now + LONGEST_QUIET);
        self.quiet.borrow_mut().insert(pipeline.to_owned(), until);
    }

    /// Notes that something was done to a pipeline.
    pub(super) fn wake(&self, pipeline: &str) {
        self.quiet.borrow_mut().remove(pipeline);
    }
}
