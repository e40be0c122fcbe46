//! Looking at pipelines and their objects.

use super::database::{failed, from_column};
use super::objects::Objects;
use super::pipelines;
use super::rows::{AttemptRow, InstanceRow, PipelineRow};
use super::schedule::time_text;
use super::scope::ObjectScope;
use super::store::Store;
use crate::deploy::{Operator, Page, PipelineDescription, PipelineIdName, Query, Sphere};
use crate::error::{Error, ErrorKind, Result};
use crate::params::MASK;
use crate::pipeline::{Field, FieldValue, Object};

/// AWS's page of pipelines and of objects.
const PAGE: usize = 100;
/// AWS's limit of conditions in a query.
const MOST_SELECTORS: usize = 10;

/// What is known of a pipeline.
pub(super) fn pipeline(db: &Store, id: &str) -> Result<PipelineDescription> {
    let row = PipelineRow::get(db, id)?;
    let created = time_text(from_column(row.created));
    let fields = [
        ("@id", row.id.as_str()),
        ("@pipelineState", &row.state),
        ("@creationTime", &created),
        ("@sphere", "PIPELINE"),
        ("name", &row.name),
        ("uniqueId", &row.unique_id),
    ];
    let mut fields: Vec<Field> = fields
        .into_iter()
        .map(|(key, text)| Field { key: key.to_owned(), value: FieldValue::from(text) })
        .collect();
    if let Some(version) = row.latest {
        let value = FieldValue::from(version.to_string());
        fields.push(Field { key: "@version".to_owned(), value });
    }
    let tags = pipelines::tags(db, id)?;
    Ok(PipelineDescription {
        id: row.id,
        name: row.name,
        description: row.description,
        fields,
        tags,
    })
}

/// A page of all pipelines, in the order of creation.
pub(super) fn list(db: &Store, marker: Option<&str>) -> Result<Page<PipelineIdName>> {
    let query = "SELECT id, name FROM pipeline ORDER BY created, id";
    let all = db
        .prepare_cached(query)
        .and_then(|mut query| {
            query
                .query_map([], |row| Ok(PipelineIdName { id: row.get(0)?, name: row.get(1)? }))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(failed)?;
    page(all, marker, PAGE)
}

/// A page of the ids of `sphere`'s objects, then of those the ones that match, as in AWS.
pub(super) fn query(
    db: &Store,
    id: &str,
    sphere: Sphere,
    query: &Query,
    marker: Option<&str>,
    limit: Option<usize>,
) -> Result<Page<String>> {
    if query.selectors.len() > MOST_SELECTORS {
        return Err(invalid(format!("a query has at most {MOST_SELECTORS} selectors")));
    }
    let row = PipelineRow::get(db, id)?;
    let size = limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut page = match sphere {
        Sphere::Component => {
            let version = row.active.or(row.latest);
            let definition = version.map(|version| db.definition(id, version)).transpose()?;
            let objects = definition.iter().flat_map(|definition| &definition.objects);
            page(objects.map(|object| object.id.clone()).collect(), marker, size)?
        }
        Sphere::Instance => {
            let next = InstanceRow::after(db, id, marker.map(place).transpose()?, size + 1)?;
            page_of(next, size, |(start, id)| format!("{start} {id}"), |(_, id)| id)
        }
        Sphere::Attempt => {
            let next = AttemptRow::after(db, id, marker.map(place).transpose()?, size + 1)?;
            page_of(
                next,
                size,
                |(number, instance)| format!("{number} {instance}"),
                |(number, instance)| AttemptRow::id_of(&instance, number),
            )
        }
    };
    if !query.selectors.is_empty() {
        let objects = objects(db, &row)?;
        let mut matching = Vec::new();
        for id in page.items {
            let object = objects.get(&id)?;
            let holds = |field: &str, operator| matches(&object, field, operator);
            if query.selectors.iter().all(|selector| holds(&selector.field, &selector.operator)) {
                matching.push(id);
            }
        }
        page.items = matching;
    }
    Ok(page)
}

fn matches(object: &Object, field: &str, operator: &Operator) -> bool {
    let mut texts = object.all(field).filter_map(FieldValue::as_text);
    match operator {
        Operator::Eq(value) => {
            texts.any(|text| text == value) || field == "name" && object.name == *value
        }
        Operator::RefEq(id) => {
            object.all(field).filter_map(FieldValue::as_reference).any(|target| target == id)
        }
        Operator::Le(value) => texts.any(|text| text <= value.as_str()),
        Operator::Ge(value) => texts.any(|text| text >= value.as_str()),
        Operator::Between(low, high) => {
            texts.any(|text| text >= low.as_str() && text <= high.as_str())
        }
    }
}

/// The objects with these ids.
pub(super) fn describe(
    db: &Store,
    pipeline: &str,
    ids: &[String],
    evaluate: bool,
    marker: Option<&str>,
) -> Result<Page<Object>> {
    let row = PipelineRow::get(db, pipeline)?;
    let wanted = page(ids.to_vec(), marker, PAGE)?;
    let objects = objects(db, &row)?;
    let mut items = Vec::with_capacity(wanted.items.len());
    for id in &wanted.items {
        let objects = of_version(&objects, db, &row, id)?;
        let object = objects.get(id)?;
        let mut shown = match evaluate {
            true => ObjectScope::new(&objects, &object, false).evaluated()?,
            false => object,
        };
        for field in shown.fields.iter_mut().filter(|field| field.key.starts_with('*')) {
            field.value = FieldValue::from(MASK);
        }
        items.push(shown);
    }
    Ok(Page { items, marker: wanted.marker })
}

/// The value of `expression` as `object` sees it.
pub(super) fn evaluate(
    db: &Store,
    pipeline: &str,
    object: &str,
    expression: &str,
) -> Result<String> {
    let row = PipelineRow::get(db, pipeline)?;
    let objects = of_version(&objects(db, &row)?, db, &row, object)?;
    let object = objects.get(object)?;
    let value = ObjectScope::new(&objects, &object, false).evaluate(expression)?;
    Ok(value.to_string())
}

fn objects<'a>(db: &'a Store, row: &'a PipelineRow) -> Result<Objects<'a>> {
    let version = row.active.or(row.latest).ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "describe").with_message("the pipeline has no definition")
    })?;
    Ok(Objects::new(db, &row.id, version))
}

/// Parameters and components count as they were when an instance was made.
fn of_version<'a>(
    default: &Objects<'a>,
    db: &'a Store,
    row: &'a PipelineRow,
    id: &str,
) -> Result<Objects<'a>> {
    let instance = id.split("_Attempt=").next().unwrap_or(id);
    let version = match InstanceRow::find(db, &row.id, instance)? {
        Some(instance) => instance.version,
        None => default.default_version(),
    };
    Ok(Objects::new(db, &row.id, version))
}

fn page<T>(items: Vec<T>, marker: Option<&str>, size: usize) -> Result<Page<T>> {
    let start = match marker {
        None => 0,
        Some(marker) => marker.parse::<usize>().map_err(|_| unknown_marker(marker))?,
    };
    let end = start.saturating_add(size);
    let marker = (end < items.len()).then(|| end.to_string());
    Ok(Page { items: items.into_iter().skip(start).take(size).collect(), marker })
}

/// A page of the rows that follow a place, one more having been asked for.
fn page_of<T>(
    mut rows: Vec<T>,
    size: usize,
    place: impl Fn(&T) -> String,
    item: impl Fn(T) -> String,
) -> Page<String> {
    let more = rows.len() > size;
    rows.truncate(size);
    let marker = rows.last().filter(|_| more).map(place);
    Page { items: rows.into_iter().map(item).collect(), marker }
}

/// The place in a marker: a number and an id.
fn place(marker: &str) -> Result<(i64, &str)> {
    marker
        .split_once(' ')
        .and_then(|(number, id)| Some((number.parse().ok()?, id)))
        .ok_or_else(|| unknown_marker(marker))
}

fn unknown_marker(marker: &str) -> Error {
    invalid(format!("the marker '{marker}' is unknown"))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "describe").with_message(message)
}
