//! What must be done to have a pipeline as it is wanted.

use super::find::{all_pipelines, describe_all};
use super::wanted::Wanted;
use super::{
    DefinitionVersion, Findings, ObjectFindings, PipelineDescription, PipelineService, Tag,
    refused_while_active,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Change, Definition, FieldValue, MASK};

/// One call to the service that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Deletes the pipeline with this id, and all its history.
    Delete(String),
    /// Makes the pipeline.
    Create,
    /// Adds or overwrites these tags.
    AddTags(Vec<Tag>),
    /// Removes the tags with these keys.
    RemoveTags(Vec<String>),
    /// Deactivates the pipeline and waits until it is inactive; with `true` what runs is
    /// cancelled, else waited for.
    Deactivate(bool),
    /// Puts the definition.
    Put,
    /// Activates it.
    Activate,
}

impl Step {
    /// The step in words.
    pub fn describe(&self) -> String {
        let keys = |tags: &[Tag]| {
            tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>()
        };
        match self {
            Step::Delete(id) => format!("delete the pipeline {id}"),
            Step::Create => "create the pipeline".to_owned(),
            Step::AddTags(tags) => format!("set the tags {}", keys(tags).join(", ")),
            Step::RemoveTags(keys) => format!("remove the tags {}", keys.join(", ")),
            Step::Deactivate(true) => "deactivate it, cancelling what runs".to_owned(),
            Step::Deactivate(false) => "deactivate it, once what runs has finished".to_owned(),
            Step::Put => "put the definition".to_owned(),
            Step::Activate => "activate it".to_owned(),
        }
    }
}

/// What is different, and what [`apply`](super::apply) would do about it.
///
/// ```
/// use efsbackup_core::deploy::{PipelineService, Wanted, plan};
/// use efsbackup_core::Result;
///
/// async fn show(service: &impl PipelineService, wanted: &Wanted) -> Result<()> {
///     let plan = plan(service, wanted).await?;
///     for step in &plan.steps {
///         println!("{}", step.describe());
///     }
///     if let Some(why) = &plan.refusal {
///         println!("this would not be done: {why}");
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The pipeline that is there.
    pub pipeline: Option<String>,
    /// Its `@pipelineState`.
    pub state: Option<String>,
    /// What differs from the definition that is there; all of it where there is none.
    pub changes: Vec<Change>,
    /// The description that is there and the wanted one, where they differ.
    pub description: Option<(String, String)>,
    /// What is to be done, in this order. Empty where all is as it is wanted.
    pub steps: Vec<Step>,
    /// Why the pipeline can't simply be given the definition, a line each.
    pub reasons: Vec<String>,
    /// What the steps cost, a line each.
    pub losses: Vec<String>,
    /// What was found in the definition.
    pub findings: Findings,
    /// How many secrets the service shows as asterisks, so that nobody can tell whether
    /// they are the wanted ones.
    pub unseen: usize,
    /// Why [`apply`](super::apply) refuses to do it, and what to say to have it done.
    pub refusal: Option<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Compares what is wanted with what the service has. Changes nothing.
///
/// # Errors
/// `InvalidInput` for a name or id that no service takes, `CannotRepresent` for a
/// definition with functions of a template, `Conflict` where several pipelines have the
/// name and unique id, and those of the service.
pub async fn plan(service: &impl PipelineService, wanted: &Wanted) -> Result<Plan> {
    wanted.check()?;
    let mut plan = Plan {
        pipeline: None,
        state: None,
        changes: Vec::new(),
        description: None,
        steps: Vec::new(),
        reasons: Vec::new(),
        losses: Vec::new(),
        // This library's own checks.
        findings: Findings::from(&wanted.definition.validate()),
        unseen: 0,
        refusal: None,
    };
    match existing(service, wanted).await? {
        Some(there) => update(service, wanted, &there, &mut plan).await?,
        None => {
            plan.changes = Definition::default().diff(&wanted.definition);
            plan.steps = vec![Step::Create, Step::Put];
            plan.steps.extend(wanted.activate.then_some(Step::Activate));
        }
    }
    if plan.findings.errored && plan.steps.contains(&Step::Put) {
        plan.refusal = Some("the definition has errors; mend them first".to_owned());
    }
    Ok(plan)
}

/// The pipeline with the wanted name and unique id.
async fn existing(
    service: &impl PipelineService,
    wanted: &Wanted,
) -> Result<Option<PipelineDescription>> {
    let named = all_pipelines(service).await?.into_iter();
    let named = named.filter(|pipeline| pipeline.name == wanted.name);
    let ids: Vec<String> = named.map(|pipeline| pipeline.id).collect();
    let described = describe_all(service, &ids).await?.into_iter();
    let mut same =
        described.filter(|pipeline| pipeline.field("uniqueId") == Some(wanted.unique_id()));
    match (same.next(), same.next()) {
        (Some(first), Some(second)) => {
            Err(Error::new(ErrorKind::Conflict, "plan").with_message(format!(
                "both {} and {} are called '{}' with this unique id; delete one",
                first.id, second.id, wanted.name
            )))
        }
        (one, _) => Ok(one),
    }
}

async fn update(
    service: &impl PipelineService,
    wanted: &Wanted,
    there: &PipelineDescription,
    plan: &mut Plan,
) -> Result<()> {
    let state = there.field("@pipelineState").unwrap_or_default();
    let latest = stored(service, &there.id, DefinitionVersion::Latest).await?;
    let active = match state {
        "PENDING" => None,
        _ => stored(service, &there.id, DefinitionVersion::Active).await?,
    };
    plan.pipeline = Some(there.id.clone());
    plan.state = Some(state.to_owned());
    let (changes, unseen) = differences(latest.as_ref(), &wanted.definition);
    plan.changes = changes;
    plan.unseen = unseen;
    let put = latest.is_none() || !plan.changes.is_empty();
    let rests = matches!(state, "" | "PENDING" | "INACTIVE" | "FINISHED");
    let is_active =
        |active: &Definition| differences(Some(active), &wanted.definition).0.is_empty();
    let up_to_date = active.as_ref().is_some_and(is_active);
    // A finished pipeline with this definition has done what was wanted of it.
    let starts = !up_to_date || matches!(state, "" | "PENDING" | "INACTIVE" | "DEACTIVATING");
    if put {
        let said = service.validate_definition(&there.id, &wanted.definition).await?;
        add_findings(&mut plan.findings, said);
    }
    if let Some(text) = wanted.description.as_ref().filter(|text| **text != there.description) {
        plan.description = Some((there.description.clone(), text.clone()));
        plan.reasons.push("the service never changes a pipeline's description".to_owned());
        return replace(wanted, there, !rests, plan);
    }
    tags(wanted, there, plan);
    if put {
        let deployed = active.as_ref().or(latest.as_ref());
        match (state, deployed) {
            ("FINISHED", _) => {
                plan.reasons.push("a finished pipeline takes no definition".to_owned());
            }
            (_, Some(deployed)) if !rests => {
                plan.reasons.extend(refused_while_active(deployed, &wanted.definition));
            }
            _ => {}
        }
        if !plan.reasons.is_empty() {
            plan.steps.push(Step::Deactivate(wanted.cancel_running));
            if !rests {
                restart_costs(wanted, plan);
            }
        }
        plan.steps.push(Step::Put);
    }
    if wanted.activate && starts {
        if state == "DEACTIVATING" && plan.reasons.is_empty() {
            plan.steps.insert(0, Step::Deactivate(wanted.cancel_running));
        }
        plan.steps.push(Step::Activate);
    } else if put && !rests {
        plan.losses.push(
            "runs keep the old definition until the pipeline is activated again (--activate)"
                .to_owned(),
        );
    }
    Ok(())
}

/// What it costs that an active pipeline is inactive for a while.
fn restart_costs(wanted: &Wanted, plan: &mut Plan) {
    plan.losses.push(match wanted.cancel_running {
        true => "what runs is cancelled".to_owned(),
        false => "nothing new starts until what runs has finished".to_owned(),
    });
    plan.losses.push(
        "runs that fall due meanwhile are made up for after it, as the schedule has them"
            .to_owned(),
    );
    if !wanted.activate {
        plan.refusal = Some(
            "the pipeline must be inactive for it, and backups would stop there; say --activate \
             to have it activated again"
                .to_owned(),
        );
    }
}

/// Delete and create: nothing else can do it.
fn replace(
    wanted: &Wanted,
    there: &PipelineDescription,
    works: bool,
    plan: &mut Plan,
) -> Result<()> {
    plan.changes = Definition::default().diff(&wanted.definition);
    plan.steps = vec![Step::Delete(there.id.clone()), Step::Create, Step::Put];
    plan.steps.extend(wanted.activate.then_some(Step::Activate));
    plan.losses.push(format!("the history of {} is lost, and its id changes", there.id));
    if works {
        plan.losses.push("what runs is cancelled, and the schedule begins anew".to_owned());
        if !wanted.activate {
            plan.losses.push("the new pipeline runs nothing before it is activated".to_owned());
        }
    }
    if !wanted.recreate {
        plan.refusal = Some("it means a new pipeline; say --recreate if that is meant".to_owned());
    }
    Ok(())
}

/// What is stored, if there is anything. A service may call it missing, not activated yet,
/// or give a definition of nothing.
async fn stored(
    service: &impl PipelineService,
    pipeline: &str,
    version: DefinitionVersion,
) -> Result<Option<Definition>> {
    match service.definition(pipeline, version).await {
        Ok(definition) => Ok(Some(definition).filter(|of| !of.objects.is_empty())),
        // The pipeline itself was described just now.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What differs, without the secrets that the service does not show; and their number.
fn differences(old: Option<&Definition>, new: &Definition) -> (Vec<Change>, usize) {
    let changes = match old {
        Some(old) => old.diff(new),
        None => Definition::default().diff(new),
    };
    let hidden = |value: &FieldValue| value.as_text() == Some(MASK);
    let unseen = |change: &Change| {
        change.is_secret() && !change.old.is_empty() && change.old.iter().all(hidden)
    };
    let (unseen, seen): (Vec<_>, Vec<_>) = changes.into_iter().partition(unseen);
    (seen, unseen.len())
}

fn tags(wanted: &Wanted, there: &PipelineDescription, plan: &mut Plan) {
    let Some(tags) = &wanted.tags else { return };
    let new: Vec<Tag> = tags.iter().filter(|tag| !there.tags.contains(tag)).cloned().collect();
    let old = there.tags.iter().filter(|old| tags.iter().all(|tag| tag.key != old.key));
    let old: Vec<String> = old.map(|tag| tag.key.clone()).collect();
    // First away, as there may be ten at most.
    if !old.is_empty() {
        plan.steps.push(Step::RemoveTags(old));
    }
    if !new.is_empty() {
        plan.steps.push(Step::AddTags(new));
    }
}

/// Adds what the service found to what was found here, each thing once.
fn add_findings(findings: &mut Findings, said: Findings) {
    findings.errored |= said.errored;
    for (all, more) in
        [(&mut findings.errors, said.errors), (&mut findings.warnings, said.warnings)]
    {
        for found in more {
            for message in found.messages {
                let known = all
                    .iter()
                    .any(|known| known.id == found.id && known.messages.contains(&message));
                if !known {
                    let id = found.id.clone();
                    all.push(ObjectFindings { id, messages: vec![message] });
                }
            }
        }
    }
}
