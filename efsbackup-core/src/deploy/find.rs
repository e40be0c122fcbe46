//! Looking for pipelines and their objects, all pages of them.

use super::{Page, PipelineDescription, PipelineIdName, PipelineService, Query, Sphere};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Object;

/// AWS's limit of pipelines in one description.
const PIPELINES: usize = 25;
/// Objects in one request, as the AWS CLI sends them.
const OBJECTS: usize = 100;

/// Adds a page to what is there; gives the marker of the next one.
///
/// # Errors
/// `Remote` where the page leads to itself, which would never end.
fn turn<T>(all: &mut Vec<T>, page: Page<T>, marker: Option<String>) -> Result<Option<String>> {
    all.extend(page.items);
    if page.marker.is_some() && page.marker == marker {
        return Err(Error::new(ErrorKind::Remote, "list")
            .with_message("the service gives the same page again and again"));
    }
    Ok(page.marker)
}

/// Every pipeline of the service.
///
/// # Errors
/// Those of the service.
pub async fn all_pipelines(service: &impl PipelineService) -> Result<Vec<PipelineIdName>> {
    let (mut all, mut marker) = (Vec::new(), None);
    loop {
        let page = service.list_pipelines(marker.as_deref()).await?;
        marker = turn(&mut all, page, marker)?;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

/// What the service knows of these pipelines, as many as there are.
///
/// # Errors
/// Those of the service.
pub async fn describe_all(
    service: &impl PipelineService,
    pipelines: &[String],
) -> Result<Vec<PipelineDescription>> {
    let mut all = Vec::new();
    for part in pipelines.chunks(PIPELINES) {
        all.extend(service.describe_pipelines(part).await?);
    }
    Ok(all)
}

/// What the service knows of one pipeline.
///
/// # Errors
/// `NotFound`, and those of the service.
pub async fn describe(
    service: &impl PipelineService,
    pipeline: &str,
) -> Result<PipelineDescription> {
    let found = service.describe_pipelines(&[pipeline.to_owned()]).await?;
    found.into_iter().next().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "find pipeline")
            .with_message(format!("there is no pipeline {pipeline}"))
    })
}

/// The id of the pipeline that has `wanted` as its id, or as its name.
///
/// # Errors
/// `NotFound` where there is none, `InvalidInput` where several have this name.
pub async fn find_pipeline(service: &impl PipelineService, wanted: &str) -> Result<String> {
    let wrong = |kind, text: &str| {
        Error::new(kind, "find pipeline").with_message(format!("'{wanted}': {text}"))
    };
    let all = all_pipelines(service).await?;
    if let Some(found) = all.iter().find(|pipeline| pipeline.id == wanted) {
        return Ok(found.id.clone());
    }
    let mut named = all.into_iter().filter(|pipeline| pipeline.name == wanted);
    match (named.next(), named.next()) {
        (Some(found), None) => Ok(found.id),
        (None, _) => Err(wrong(ErrorKind::NotFound, "no pipeline has this id or name")),
        _ => Err(wrong(ErrorKind::InvalidInput, "several pipelines have this name; give the id")),
    }
}

/// The ids of all components, instances or attempts that match, in the service's order.
///
/// # Errors
/// Those of the service.
pub async fn all_ids(
    service: &impl PipelineService,
    pipeline: &str,
    sphere: Sphere,
    query: &Query,
) -> Result<Vec<String>> {
    let (mut all, mut marker) = (Vec::new(), None);
    loop {
        let page = service.query_objects(pipeline, sphere, query, marker.as_deref(), None).await?;
        marker = turn(&mut all, page, marker)?;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

/// These objects with their fields, as many as there are.
///
/// # Errors
/// Those of the service.
pub async fn describe_ids(
    service: &impl PipelineService,
    pipeline: &str,
    ids: &[String],
) -> Result<Vec<Object>> {
    let mut all = Vec::new();
    for part in ids.chunks(OBJECTS) {
        let mut marker = None;
        loop {
            let page = service.describe_objects(pipeline, part, false, marker.as_deref()).await?;
            marker = turn(&mut all, page, marker)?;
            if marker.is_none() {
                break;
            }
        }
    }
    Ok(all)
}
