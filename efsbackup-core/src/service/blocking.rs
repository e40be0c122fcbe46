//! The calls that wait.

use super::Service;
use super::wait::wait;
use crate::cancel::CancelToken;
use crate::clock::SystemClock;
use crate::deploy::{
    self, Activate, ApplyEvent, DefinitionVersion, OnThread, PipelineService, PipelineStatus, Plan,
    RunStatus, Standing, StatusCommand, Tag, Until, Wanted,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Object};
use std::time::Duration;

/// The operations on pipelines, each of which waits on the calling thread. A `pipeline` is
/// named by its id, or by its name where no other one has it.
///
/// Errors of each: those of the service; `Cancelled` once the token is set; `NotFound` and
/// `InvalidInput` where no pipeline, or several, have the name; `InvalidInput` in another
/// process than that which opened the service, where a fork has left it without its threads.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::deploy::Wanted;
/// use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
/// use efsbackup_core::service::Service;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// let definition = Definition::default()
///     .with(Defaults::new().schedule_type("ondemand"))
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
/// let calls = Service::embedded("state.db".as_ref())?.blocking(&CancelToken::new());
/// let wanted = Wanted::new("nightly", definition);
/// let plan = calls.plan(&wanted)?;
/// calls.apply(&wanted, &plan, None, &mut |_event| {})?;
/// assert_eq!(calls.status("nightly")?.state, "PENDING");
/// calls.delete("nightly")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Blocking {
    service: Service,
    cancel: CancelToken,
}

impl Blocking {
    pub(super) fn new(service: Service, cancel: CancelToken) -> Blocking {
        Blocking { service, cancel }
    }

    fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        if std::process::id() != self.service.process {
            return Err(Error::new(ErrorKind::InvalidInput, "service").with_message(
                "it was opened by the process that this one was forked from; open it here",
            ));
        }
        wait(&self.cancel, future)
    }

    fn pace(&self) -> OnThread<'_> {
        OnThread { clock: &SystemClock, cancel: &self.cancel }
    }

    /// The id of the pipeline that has this id or name.
    ///
    /// # Errors
    /// As the type says, as for all below.
    pub fn find(&self, pipeline: &str) -> Result<String> {
        self.wait(deploy::find_pipeline(&self.service, pipeline))
    }

    /// What is to be done to have a pipeline as it is wanted; see [`deploy::plan`].
    ///
    /// # Errors
    /// Those of [`deploy::plan`].
    pub fn plan(&self, wanted: &Wanted) -> Result<Plan> {
        self.wait(deploy::plan(&self.service, wanted))
    }

    /// Does what was planned; see [`deploy::apply`]. Gives the pipeline's id.
    ///
    /// # Errors
    /// Those of [`deploy::apply`].
    pub fn apply(
        &self,
        wanted: &Wanted,
        plan: &Plan,
        patience: Option<Duration>,
        tell: &mut (dyn FnMut(&ApplyEvent<'_>) + Send),
    ) -> Result<String> {
        let pace = self.pace();
        self.wait(deploy::apply(&self.service, wanted, plan, patience, &pace, tell))
    }

    /// As `planned`, and active in the end. Planned anew, but nothing else may have changed.
    ///
    /// # Errors
    /// `Conflict` where the pipeline is no longer what was planned for, and as
    /// [`plan`](Self::plan).
    pub fn plan_active(&self, wanted: &Wanted, planned: &Plan) -> Result<(Wanted, Plan)> {
        let wanted = Wanted { activate: true, ..wanted.clone() };
        let plan = self.plan(&wanted)?;
        if (&plan.pipeline, &plan.changes) != (&planned.pipeline, &planned.changes) {
            return Err(Error::new(ErrorKind::Conflict, "apply")
                .with_message("the pipeline is no longer what was planned for; plan again"));
        }
        Ok((wanted, plan))
    }

    /// Starts a pipeline, or resumes it. Gives its id, as do those below.
    ///
    /// # Errors
    /// As the type says.
    pub fn activate(&self, pipeline: &str, request: &Activate) -> Result<String> {
        let id = self.find(pipeline)?;
        self.wait(self.service.activate(&id, request))?;
        Ok(id)
    }

    /// Begins to stop it; what runs is cancelled, or may finish.
    ///
    /// # Errors
    /// As the type says.
    pub fn deactivate(&self, pipeline: &str, cancel_running: bool) -> Result<String> {
        let id = self.find(pipeline)?;
        self.wait(self.service.deactivate(&id, cancel_running))?;
        Ok(id)
    }

    /// Removes it with all its history; what runs is cancelled.
    ///
    /// # Errors
    /// As the type says.
    pub fn delete(&self, pipeline: &str) -> Result<String> {
        let id = self.find(pipeline)?;
        self.wait(self.service.delete_pipeline(&id))?;
        Ok(id)
    }

    /// Removes tags, then sets some.
    ///
    /// # Errors
    /// As the type says.
    pub fn tag(&self, pipeline: &str, tags: &[Tag], remove: &[String]) -> Result<String> {
        let id = self.find(pipeline)?;
        if !remove.is_empty() {
            self.wait(self.service.remove_tags(&id, remove))?;
        }
        if !tags.is_empty() {
            self.wait(self.service.add_tags(&id, tags))?;
        }
        Ok(id)
    }

    /// Waits until it is so far; see [`deploy::wait`]. Gives its id too.
    ///
    /// # Errors
    /// Those of [`deploy::wait`].
    pub fn wait_until(
        &self,
        pipeline: &str,
        until: Until,
        patience: Option<Duration>,
        tell: &mut (dyn FnMut(&Standing) + Send),
    ) -> Result<(String, Standing)> {
        let id = self.find(pipeline)?;
        let pace = self.pace();
        let standing = self.wait(deploy::wait(&self.service, &id, until, patience, &pace, tell))?;
        Ok((id, standing))
    }

    /// Every pipeline of the service with its state.
    ///
    /// # Errors
    /// As the type says.
    pub fn statuses(&self) -> Result<Vec<PipelineStatus>> {
        self.wait(deploy::statuses(&self.service))
    }

    /// One pipeline with its state.
    ///
    /// # Errors
    /// As the type says.
    pub fn status(&self, pipeline: &str) -> Result<PipelineStatus> {
        let id = self.find(pipeline)?;
        self.wait(async { Ok(PipelineStatus::from(&deploy::describe(&self.service, &id).await?)) })
    }

    /// Its instances with all their fields, the `last` ones where that is given.
    ///
    /// # Errors
    /// As the type says.
    pub fn instances(&self, pipeline: &str, last: Option<usize>) -> Result<Vec<Object>> {
        let id = self.find(pipeline)?;
        self.wait(deploy::instances(&self.service, &id, last))
    }

    /// Its instances, the `last` ones where that is given.
    ///
    /// # Errors
    /// As the type says.
    pub fn runs(&self, pipeline: &str, last: Option<usize>) -> Result<Vec<RunStatus>> {
        Ok(self.instances(pipeline, last)?.iter().map(RunStatus::from).collect())
    }

    /// Gives a command to these instances, and to all in `status`; gives the ids of both.
    ///
    /// # Errors
    /// As the type says.
    pub fn command(
        &self,
        pipeline: &str,
        instances: &[String],
        status: Option<&str>,
        command: StatusCommand,
    ) -> Result<(String, Vec<String>)> {
        let id = self.find(pipeline)?;
        let told = self.wait(deploy::command(&self.service, &id, instances, status, command))?;
        Ok((id, told))
    }

    /// A pipeline called `name` with the definition, description and tags of another one,
    /// for [`plan`](Self::plan) and [`apply`](Self::apply).
    ///
    /// # Errors
    /// `AlreadyExists` where there is one of that name and unique id.
    pub fn copy_of(&self, pipeline: &str, name: &str) -> Result<Wanted> {
        let id = self.find(pipeline)?;
        self.wait(deploy::copy_of(&self.service, &id, name))
    }

    /// A pipeline's definition.
    ///
    /// # Errors
    /// As the type says.
    pub fn definition(&self, pipeline: &str, version: DefinitionVersion) -> Result<Definition> {
        let id = self.find(pipeline)?;
        self.wait(self.service.definition(&id, version))
    }
}
