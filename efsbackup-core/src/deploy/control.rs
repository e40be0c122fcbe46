//! What people do with pipelines that a service has: look at them, command them, copy them.

use super::find::{all_ids, all_pipelines, describe, describe_all, describe_ids};
use super::plan::plan;
use super::{
    DefinitionVersion, PipelineDescription, PipelineService, Query, Sphere, StatusCommand, Wanted,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Object;
use serde::Serialize;

/// Objects in one `SetStatus`.
const PART: usize = 100;

/// A pipeline of a service and its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PipelineStatus {
    /// `df-` and capital letters and digits.
    pub id: String,
    /// Its label.
    pub name: String,
    /// What its maker called it, so as to make it once only.
    pub unique_id: String,
    /// Its `@pipelineState`, such as `SCHEDULED`.
    pub state: String,
    /// When it was made, as the service writes it.
    pub created: String,
}

impl From<&PipelineDescription> for PipelineStatus {
    fn from(pipeline: &PipelineDescription) -> Self {
        let field = |key| pipeline.field(key).unwrap_or_default().to_owned();
        PipelineStatus {
            id: pipeline.id.clone(),
            name: pipeline.name.clone(),
            unique_id: field("uniqueId"),
            state: field("@pipelineState"),
            created: field("@creationTime"),
        }
    }
}

/// One instance of a component, as the service tells of it. Times are in UTC, as the service
/// writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunStatus {
    /// `@<component>_<scheduled start>`.
    pub id: String,
    /// The component's id.
    pub component: String,
    /// Its `@status`, such as `FINISHED`.
    pub status: String,
    /// How many attempts were made.
    pub attempts: String,
    /// When its interval begins.
    pub scheduled_start: String,
    /// When its first attempt began.
    pub actual_start: Option<String>,
    /// When it ended.
    pub actual_end: Option<String>,
    /// Why it failed, or the last of its attempts did.
    pub error: Option<String>,
}

impl From<&Object> for RunStatus {
    fn from(object: &Object) -> Self {
        let text = |key| object.first_text(key).map(str::to_owned);
        let status = text("@status").unwrap_or_default();
        RunStatus {
            id: object.id.clone(),
            component: object.first_reference("@componentParent").unwrap_or_default().to_owned(),
            attempts: text("@attemptCount").unwrap_or_default(),
            scheduled_start: text("@scheduledStartTime").unwrap_or_default(),
            actual_start: text("@actualStartTime"),
            actual_end: text("@actualEndTime"),
            error: text("errorMessage").filter(|_| status != "FINISHED"),
            status,
        }
    }
}

/// Every pipeline of the service with its state.
///
/// # Errors
/// Those of the service.
pub async fn statuses(service: &impl PipelineService) -> Result<Vec<PipelineStatus>> {
    let all = all_pipelines(service).await?;
    let ids: Vec<String> = all.into_iter().map(|pipeline| pipeline.id).collect();
    let described = describe_all(service, &ids).await?;
    Ok(described.iter().map(PipelineStatus::from).collect())
}

/// The instances of a pipeline with their fields; the last ones if `last` says how many. In
/// the service's order, which is that of their making.
///
/// # Errors
/// Those of the service.
pub async fn instances(
    service: &impl PipelineService,
    pipeline: &str,
    last: Option<usize>,
) -> Result<Vec<Object>> {
    let mut ids = all_ids(service, pipeline, Sphere::Instance, &Query::default()).await?;
    let ids = ids.split_off(last.map_or(0, |last| ids.len().saturating_sub(last)));
    describe_ids(service, pipeline, &ids).await
}

/// Gives a command to these instances, and to all that are in `status`; gives the ids of both.
///
/// # Errors
/// Those of the service.
pub async fn command(
    service: &impl PipelineService,
    pipeline: &str,
    ids: &[String],
    status: Option<&str>,
    command: StatusCommand,
) -> Result<Vec<String>> {
    let mut all = ids.to_vec();
    if let Some(status) = status {
        let is_meant = |object: &Object| {
            let is = object.first_text("@status");
            is.is_some_and(|is| is.eq_ignore_ascii_case(status)) && !ids.contains(&object.id)
        };
        let found = instances(service, pipeline, None).await?.into_iter();
        all.extend(found.filter(is_meant).map(|object| object.id));
    }
    for part in all.chunks(PART) {
        service.set_status(pipeline, part, command).await?;
    }
    Ok(all)
}

/// A pipeline called `name` with the definition, description and tags of another one, for
/// [`apply`](super::apply()).
///
/// # Errors
/// `AlreadyExists` where there is one of that name and unique id, and those of the service.
pub async fn copy_of(service: &impl PipelineService, pipeline: &str, name: &str) -> Result<Wanted> {
    let described = describe(service, pipeline).await?;
    let definition = service.definition(pipeline, DefinitionVersion::Latest).await?;
    let mut wanted = Wanted::new(name, definition);
    wanted.description = Some(described.description).filter(|text| !text.is_empty());
    wanted.tags = Some(described.tags);
    if let Some(there) = plan(service, &wanted).await?.pipeline {
        return Err(Error::new(ErrorKind::AlreadyExists, "clone")
            .with_message(format!("{there} is called '{name}' already")));
    }
    Ok(wanted)
}
