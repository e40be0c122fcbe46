//! A plan that is left in the repository, for processes that come later: on a scheduler that
//! starts a process for the plan, one on each node for its units, and one for the end.

use super::plan::{Plan, Unit};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Begun, CopiedUnit, Repository, to_json};
use serde::de::DeserializeOwned;
use std::time::Duration;

impl Plan {
    /// Writes the plan into the repository, and leaves the run to others: [`Plan::of_run`] finds
    /// it again. For `patience` see [`Begun::leave`].
    ///
    /// # Errors
    /// As [`Begun::leave`], and when it can't be written.
    pub fn leave(
        mut self,
        begun: Begun,
        repository: &Repository,
        patience: Duration,
    ) -> Result<Plan> {
        self.run = begun.leave(patience)?;
        let (run, token) = (&self.run.id, &self.run.token);
        let text = to_json(&self)?;
        let written = repository.write_note(&plan_note(run), token, text.as_bytes());
        written.inspect_err(|_| drop(repository.end_run(run)))?;
        // Until here both hold the repository: it was never free.
        drop(begun);
        Ok(self)
    }

    /// The plan that was left for the run of this id.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when there is none, since none was made or its run is over.
    pub fn of_run(repository: &Repository, id: &str) -> Result<Plan> {
        read(repository, &plan_note(id))?
            .ok_or_else(|| none(repository, id, "plan", "plan it first"))
    }

    /// Ends the run of this id that was left for others: its processes stop, and the next run need
    /// not wait for it. What they copied serves that one.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when there is none; when it can't be removed.
    pub fn cancel(repository: &Repository, id: &str) -> Result<()> {
        let ended = repository.end_run(id)?;
        match repository.remove_note(&plan_note(id))? || ended {
            true => Ok(()),
            false => Err(none(repository, id, "cancel", "there is nothing to cancel")),
        }
    }

    /// The units that node `node`, 1 to `nodes`, is to copy, each with its number.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a node that is none of these.
    pub fn of_node(
        &self,
        node: usize,
        nodes: usize,
    ) -> Result<impl Iterator<Item = (usize, &Unit)> + use<'_>> {
        if !(1..=nodes).contains(&node) {
            return Err(Error::new(ErrorKind::InvalidInput, "unit")
                .with_message(format!("there is no node {node} of {nodes}")));
        }
        Ok(self.units.iter().enumerate().skip(node - 1).step_by(nodes))
    }

    /// Keeps in the repository that unit `number` was copied.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep(&self, repository: &Repository, number: usize, copied: &CopiedUnit) -> Result<()> {
        let name = unit_note(&self.run.token, number);
        repository.write_note(&name, &copied.token, to_json(copied)?.as_bytes())
    }

    /// What was kept of unit `number`; `None` when it was not copied yet.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn copied(&self, repository: &Repository, number: usize) -> Result<Option<CopiedUnit>> {
        read(repository, &unit_note(&self.run.token, number))
    }

    /// What was kept of all units.
    ///
    /// # Errors
    /// [`ErrorKind::Incomplete`] tells how many were not copied.
    pub fn all_copied(&self, repository: &Repository) -> Result<Vec<CopiedUnit>> {
        let kept = (0..self.units.len()).map(|number| self.copied(repository, number));
        let kept = kept.collect::<Result<Vec<_>>>()?;
        let missing = kept.iter().filter(|copied| copied.is_none()).count();
        if missing > 0 {
            return Err(Error::new(ErrorKind::Incomplete, "finish").with_message(format!(
                "{missing} of {} units were not copied, so nothing was published; copy them, or \
                 plan anew",
                kept.len()
            )));
        }
        Ok(kept.into_iter().flatten().collect())
    }
}

fn none(repository: &Repository, id: &str, op: &'static str, mend: &str) -> Error {
    Error::new(ErrorKind::SafetyStop, op)
        .with_message(format!("no run {id} is under way here; {mend}"))
        .with_path(repository.path())
}

fn plan_note(run: &str) -> String {
    format!("plan-{run}")
}

fn unit_note(token: &str, number: usize) -> String {
    format!("unit-{token}-{number}")
}

fn read<T: DeserializeOwned>(repository: &Repository, name: &str) -> Result<Option<T>> {
    let Some(text) = repository.read_note(name)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::new(ErrorKind::Io, "read plan")
            .with_message(format!("{name}: {error}"))
            .with_path(repository.path())
    })
}
