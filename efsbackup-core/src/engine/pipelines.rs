//! Pipelines: making, defining, starting and stopping them.

use super::database::failed;
use super::objects::Objects;
use super::rows::{InstanceRow, PipelineRow, definition};
use super::store::Store;
use super::{codec, create, finish, refusals, tasks};
use crate::deploy::{
    Activate, CreatePipeline, Findings, ObjectFindings, Tag, refused_while_active,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Code, Definition, ParameterValue};
use rusqlite::OptionalExtension;

/// AWS refuses schedules that begin longer ago than this.
const LONGEST_BACKFILL: i64 = 24 * 60 * 60 * 1000;
/// AWS's limit of tags.
const MOST_TAGS: usize = 10;

/// The new pipeline's id, or the earlier one's with this name and unique id.
pub(super) fn create(db: &Store, request: &CreatePipeline, now: i64) -> Result<String> {
    for (what, text) in [("name", &request.name), ("uniqueId", &request.unique_id)] {
        if !(1..=1024).contains(&text.chars().count()) {
            return Err(invalid("create pipeline", format!("{what} needs 1 to 1024 characters")));
        }
    }
    let known = db
        .query_row(
            "SELECT id FROM pipeline WHERE name = ?1 AND unique_id = ?2",
            (&request.name, &request.unique_id),
            |row| row.get(0),
        )
        .optional()
        .map_err(failed)?;
    if let Some(id) = known {
        return Ok(id);
    }
    let random = tasks::random_id(db)?;
    let id = format!("df-{}", random.get(..20).unwrap_or(&random));
    db.execute(
        "INSERT INTO pipeline (id, name, unique_id, description, state, created) \
         VALUES (?1, ?2, ?3, ?4, 'PENDING', ?5)",
        (&id, &request.name, &request.unique_id, &request.description, now),
    )
    .map_err(failed)?;
    add_tags(db, &id, &request.tags)?;
    Ok(id)
}

/// What is wrong with a definition, on AWS or for this service, whose workers reach S3 or not.
pub(super) fn check(definition: &Definition, s3: bool) -> Result<Findings> {
    codec::encode(definition)?;
    let mut validation = definition.validate();
    let mut refused = refusals::not_run_here(definition, s3);
    validation.findings.retain(|finding| match finding.code {
        // AWS may know the type; here nothing of it would run.
        Code::UnknownType => {
            let id = finding.object.clone().unwrap_or_default();
            refused.push(ObjectFindings { id, messages: vec![format!("type: {}", finding.text)] });
            false
        }
        // Workers of this service keep logs of their own.
        Code::NoLogs => false,
        _ => true,
    });
    let mut findings = Findings::from(&validation);
    findings.errors.extend(refused);
    findings.errored = !findings.errors.is_empty();
    Ok(findings)
}

/// Which changes of an active pipeline's definition are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Those that AWS takes.
    AsOnAws,
    /// All.
    Any,
}

/// Stores a definition, with what is wrong with it.
pub(super) fn put(
    db: &Store,
    pipeline: &str,
    definition: &Definition,
    edit: Edit,
) -> Result<Findings> {
    let row = PipelineRow::get(db, pipeline)?;
    if row.state == "FINISHED" {
        return Err(conflict("put definition", "the pipeline is FINISHED"));
    }
    refuse_unstorable(definition)?;
    let working = matches!(row.state.as_str(), "SCHEDULED" | "DEACTIVATING");
    if let (Edit::AsOnAws, true, Some(active)) = (edit, working, row.active) {
        let refused = refused_while_active(&*db.definition(pipeline, active)?, definition);
        if let Some(text) = refused.first() {
            let text = format!("{text} while the pipeline is active; deactivate it first");
            return Err(conflict("put definition", &text));
        }
    }
    let findings = check(definition, db.reaches_s3())?;
    let version = store(db, pipeline, definition, findings.errored)?;
    db.execute("UPDATE pipeline SET latest = ?2 WHERE id = ?1", (pipeline, version))
        .map_err(failed)?;
    Ok(findings)
}

/// The faults for which AWS does not even save a definition.
fn refuse_unstorable(definition: &Definition) -> Result<()> {
    for object in &definition.objects {
        if object.id.is_empty() || object.name.is_empty() {
            return Err(invalid("put definition", "an object has no id or no name".to_owned()));
        }
        let empty = object.fields.iter().find(|field| {
            field.value.as_text().or(field.value.as_reference()).is_some_and(str::is_empty)
        });
        if let Some(field) = empty {
            let message = format!("{}.{} is empty", object.id, field.key);
            return Err(invalid("put definition", message));
        }
    }
    Ok(())
}

fn store(db: &Store, pipeline: &str, definition: &Definition, errored: bool) -> Result<i64> {
    let body = codec::encode(definition)?;
    let version: i64 = db
        .query_row(
            "SELECT 1 + coalesce(max(version), 0) FROM definition WHERE pipeline = ?1",
            [pipeline],
            |row| row.get(0),
        )
        .map_err(failed)?;
    db.execute(
        "INSERT INTO definition (pipeline, version, errored, body) VALUES (?1, ?2, ?3, ?4)",
        (pipeline, version, errored, body),
    )
    .map_err(failed)?;
    Ok(version)
}

/// How an activation makes runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// As the definition says.
    AsDefined,
    /// One, now.
    Once,
}

/// Starts a pipeline.
pub(super) fn activate(
    db: &Store,
    pipeline: &str,
    request: &Activate,
    runs: Runs,
    now: i64,
) -> Result<()> {
    let row = PipelineRow::get(db, pipeline)?;
    if row.state == "DEACTIVATING" {
        return Err(conflict(
            "activate",
            "the pipeline is DEACTIVATING; wait until it is INACTIVE",
        ));
    }
    let latest =
        row.latest.ok_or_else(|| conflict("activate", "the pipeline has no definition"))?;
    let (defined, errored) = definition(db, pipeline, latest)?;
    if errored {
        let message = "its definition has errors; put a valid one first";
        return Err(Error::new(ErrorKind::InvalidDefinition, "activate").with_message(message));
    }
    let version = match request.values.is_empty() {
        true => latest,
        false => store(db, pipeline, &with_values(defined, &request.values), false)?,
    };
    let first = row.first_activated.unwrap_or(now - now.rem_euclid(1000));
    let objects = Objects::new(db, pipeline, version);
    let components = create::components(&objects, &*objects.definition()?, first)?;
    let on_demand = components
        .iter()
        .any(|component| component.schedule_type == create::ScheduleType::OnDemand);
    let mode = match (runs, on_demand) {
        (Runs::Once, _) => "once",
        (Runs::AsDefined, true) => "ondemand",
        (Runs::AsDefined, false) => "schedule",
    };
    if mode == "schedule" && row.first_activated.is_none() {
        refuse_old_start(&components, now)?;
    }
    if mode != "schedule" {
        create::one_run(db, pipeline, &components, version, now)?;
    }
    db.execute(
        "UPDATE pipeline SET state = 'SCHEDULED', active = ?2, mode = ?3, skip_before = ?4, \
         first_activated = ?5 WHERE id = ?1",
        (
            pipeline,
            version,
            mode,
            request.start.map(super::database::to_column),
            // A run out of turn is not the activation that schedules refer to.
            if mode == "schedule" { Some(first) } else { row.first_activated },
        ),
    )
    .map(drop)
    .map_err(failed)
}

fn refuse_old_start(components: &[create::Component], now: i64) -> Result<()> {
    let old = components.iter().find(|component| {
        component
            .schedule
            .as_ref()
            .is_some_and(|schedule| schedule.start() < now - LONGEST_BACKFILL)
    });
    match old {
        Some(component) => Err(invalid(
            "activate",
            format!(
                "the schedule of {} begins more than one day ago; set a later startDateTime",
                component.id
            ),
        )),
        None => Ok(()),
    }
}

fn with_values(mut definition: Definition, values: &[ParameterValue]) -> Definition {
    definition.values.retain(|old| values.iter().all(|new| new.id != old.id));
    definition.values.extend(values.iter().cloned());
    definition
}

/// Stops a pipeline.
pub(super) fn deactivate(db: &Store, pipeline: &str, cancel: bool, now: i64) -> Result<()> {
    let mut row = PipelineRow::get(db, pipeline)?;
    if row.state == "PENDING" {
        return Err(conflict("deactivate", "the pipeline was never activated"));
    }
    for mut instance in InstanceRow::open(db, pipeline)? {
        let waits = instance.status != "RUNNING" && instance.attempts == 0;
        if instance.is_activity() && (cancel || waits) {
            finish::cancel(db, &mut instance, now)?;
        }
    }
    row.set_state(db, "DEACTIVATING")
}

/// Removes a pipeline and its history. Workers are told at their next report.
pub(super) fn delete(db: &Store, pipeline: &str, now: i64) -> Result<()> {
    PipelineRow::get(db, pipeline)?;
    db.execute("INSERT INTO deleted (id, time) VALUES (?1, ?2)", (pipeline, now))
        .and_then(|_| db.execute("DELETE FROM pipeline WHERE id = ?1", [pipeline]))
        .map(drop)
        .map_err(failed)
}

/// Whether there was a pipeline with this id, which was deleted.
pub(super) fn was_deleted(db: &Store, pipeline: &str) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM deleted WHERE id = ?1)";
    db.query_row(query, [pipeline], |row| row.get(0)).map_err(failed)
}

/// Adds or overwrites tags.
pub(super) fn add_tags(db: &Store, pipeline: &str, new: &[Tag]) -> Result<()> {
    PipelineRow::get(db, pipeline)?;
    for tag in new {
        let (key, value) = (tag.key.chars().count(), tag.value.chars().count());
        if !(1..=128).contains(&key) || value > 256 {
            let message =
                format!("tag '{}': a key has 1 to 128, a value 0 to 256 characters", tag.key);
            return Err(invalid("add tags", message));
        }
        db.execute(
            "INSERT OR REPLACE INTO tag VALUES (?1, ?2, ?3)",
            (pipeline, &tag.key, &tag.value),
        )
        .map_err(failed)?;
    }
    if tags(db, pipeline)?.len() > MOST_TAGS {
        return Err(invalid("add tags", format!("a pipeline has at most {MOST_TAGS} tags")));
    }
    Ok(())
}

/// Removes tags.
pub(super) fn remove_tags(db: &Store, pipeline: &str, keys: &[String]) -> Result<()> {
    PipelineRow::get(db, pipeline)?;
    for key in keys {
        db.execute("DELETE FROM tag WHERE pipeline = ?1 AND key = ?2", (pipeline, key))
            .map_err(failed)?;
    }
    Ok(())
}

/// A pipeline's tags, by key.
pub(super) fn tags(db: &Store, pipeline: &str) -> Result<Vec<Tag>> {
    super::rows::collect(
        db,
        "SELECT key, value FROM tag WHERE pipeline = :pipeline ORDER BY key",
        rusqlite::named_params! { ":pipeline": pipeline },
        |row| Ok(Tag { key: row.get(0)?, value: row.get(1)? }),
    )
}

fn invalid(op: &'static str, message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, op).with_message(message)
}

fn conflict(op: &'static str, message: &str) -> Error {
    Error::new(ErrorKind::Conflict, op).with_message(message)
}
