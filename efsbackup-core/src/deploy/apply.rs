//! Doing what a plan says.

use super::plan::{Plan, Step, plan};
use super::wait::{Standing, Until, wait};
use super::wanted::Wanted;
use super::{Activate, DefinitionVersion, Findings, ObjectFindings, Pace, PipelineService};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Definition;
use std::time::Duration;

/// Heard while a plan is carried out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ApplyEvent<'a> {
    /// The step begins.
    Step(&'a Step),
    /// The pipeline's standing while a deactivation is waited for.
    Waiting(&'a Standing),
    /// After a failure the pipeline works again as it did before.
    Restored,
}

/// Carries out `planned`; gives the pipeline's id. Safe to do again after any failure: the
/// next plan has what is left. A deactivation is waited for as long as `patience` allows.
///
/// Where a pipeline was deactivated for a definition that the service then refuses, its old
/// definition is put back and activated, so that backups go on.
///
/// # Errors
/// `SafetyStop` for a plan with a refusal, `Conflict` where what the service has is no
/// longer what was planned for, `InvalidDefinition` where the service finds errors in the
/// definition, and those of the service.
///
/// ```
/// use efsbackup_core::Result;
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::deploy::{ApplyEvent, OnThread, PipelineService, Wanted, apply, plan};
///
/// async fn deploy(service: &impl PipelineService, wanted: &Wanted) -> Result<String> {
///     let plan = plan(service, wanted).await?;
///     let cancel = CancelToken::new();
///     let pace = OnThread { clock: &SystemClock, cancel: &cancel };
///     apply(service, wanted, &plan, None, &pace, &mut |event| {
///         if let ApplyEvent::Step(step) = event {
///             println!("{}", step.describe());
///         }
///     })
///     .await
/// }
/// ```
pub async fn apply(
    service: &impl PipelineService,
    wanted: &Wanted,
    planned: &Plan,
    patience: Option<Duration>,
    pace: &impl Pace,
    tell: &mut (dyn FnMut(&ApplyEvent<'_>) + Send),
) -> Result<String> {
    if let Some(refusal) = &planned.refusal {
        let findings = listed(&planned.findings.errors);
        return Err(
            Error::new(ErrorKind::SafetyStop, "apply").with_message(format!("{refusal}{findings}"))
        );
    }
    let now = plan(service, wanted).await?;
    if (&now.pipeline, &now.steps, &now.changes)
        != (&planned.pipeline, &planned.steps, &planned.changes)
    {
        return Err(Error::new(ErrorKind::Conflict, "apply")
            .with_message("the pipeline is no longer what was planned for; plan again"));
    }
    let works = now.state.as_deref() != Some("FINISHED");
    let mut run = Run { service, wanted, patience, pace, works, id: now.pipeline, before: None };
    for step in &now.steps {
        tell(&ApplyEvent::Step(step));
        if let Err(error) = run.step(step, tell).await {
            return Err(run.restore(step, error, tell).await);
        }
    }
    run.id.ok_or_else(|| Error::new(ErrorKind::Internal, "apply"))
}

struct Run<'a, S, P> {
    service: &'a S,
    wanted: &'a Wanted,
    patience: Option<Duration>,
    pace: &'a P,
    /// Whether the pipeline has not finished.
    works: bool,
    id: Option<String>,
    /// What was active before it was deactivated for the change.
    before: Option<Definition>,
}

impl<S: PipelineService, P: Pace> Run<'_, S, P> {
    async fn step(
        &mut self,
        step: &Step,
        tell: &mut (dyn FnMut(&ApplyEvent<'_>) + Send),
    ) -> Result<()> {
        let service = self.service;
        let id = self.id.clone().unwrap_or_default();
        match step {
            Step::Delete(id) => self.delete(id).await,
            Step::Create => {
                let new = service.create_pipeline(&self.wanted.request()).await?;
                if self.id.as_ref() == Some(&new) {
                    return Err(Error::new(ErrorKind::Conflict, "apply").with_message(format!(
                        "{new} was deleted, but the service gives it again; name another unique id"
                    )));
                }
                self.id = Some(new);
                Ok(())
            }
            Step::AddTags(tags) => service.add_tags(&id, tags).await,
            Step::RemoveTags(keys) => service.remove_tags(&id, keys).await,
            Step::Deactivate(cancel) => {
                let active = service.definition(&id, DefinitionVersion::Active).await?;
                service.deactivate(&id, *cancel).await?;
                self.before = Some(active).filter(|_| self.works);
                let mut waiting = |standing: &Standing| tell(&ApplyEvent::Waiting(standing));
                let until = Until::Inactive;
                wait(service, &id, until, self.patience, self.pace, &mut waiting).await.map(drop)
            }
            Step::Put => accepted(&service.put_definition(&id, &self.wanted.definition).await?),
            Step::Activate => {
                let request = Activate { values: Vec::new(), start: self.wanted.start };
                service.activate(&id, &request).await
            }
        }
    }

    /// Deletes, and waits until the service says that it is gone.
    async fn delete(&self, id: &str) -> Result<()> {
        let gone = |error: &Error| error.kind() == ErrorKind::NotFound;
        match self.service.delete_pipeline(id).await {
            Err(error) if !gone(&error) => return Err(error),
            _ => {}
        }
        let ids = [id.to_owned()];
        for _ in 0..60 {
            match self.service.describe_pipelines(&ids).await {
                Ok(found) if found.is_empty() => return Ok(()),
                Err(error) if gone(&error) => return Ok(()),
                Ok(_) => self.pace.pause(Duration::from_secs(1)).await?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Timeout, "apply")
            .with_message(format!("{id} was deleted, but is still there after a minute")))
    }

    /// Where the definition was refused for good, has the pipeline work again as it did.
    async fn restore(
        &self,
        step: &Step,
        error: Error,
        tell: &mut (dyn FnMut(&ApplyEvent<'_>) + Send),
    ) -> Error {
        let refused = matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidDefinition | ErrorKind::Conflict
        );
        let (Some(before), Some(id)) = (&self.before, &self.id) else { return error };
        if !refused || !matches!(step, Step::Put | Step::Activate) {
            return error;
        }
        let back = async {
            accepted(&self.service.put_definition(id, before).await?)?;
            self.service.activate(id, &Activate::default()).await
        };
        let text = error.message();
        match back.await {
            Ok(()) => {
                tell(&ApplyEvent::Restored);
                Error::new(error.kind(), "apply").with_message(format!(
                    "{text}; the pipeline is active again with its old definition. Where no \
                     existing pipeline takes this change, delete it and apply again"
                ))
            }
            Err(second) => Error::new(error.kind(), "apply").with_message(format!(
                "{text}; and the pipeline {id} is inactive: its old definition could not be \
                 activated again ({second})"
            )),
        }
    }
}

/// Errors that the service found when it stored a definition.
fn accepted(said: &Findings) -> Result<()> {
    if !said.errored && said.errors.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidDefinition, "put definition")
        .with_message(format!("the service finds errors{}", listed(&said.errors))))
}

/// Findings after a colon, in one line.
fn listed(findings: &[ObjectFindings]) -> String {
    let lines = findings.iter().flat_map(ObjectFindings::lines).collect::<Vec<_>>().join("; ");
    if lines.is_empty() { lines } else { format!(": {lines}") }
}
