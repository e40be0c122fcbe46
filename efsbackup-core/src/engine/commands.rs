//! What people command: pause, resume, cancel, rerun, mark as finished.

use super::database::failed;
use super::finish;
use super::objects::Objects;
use super::rows::{InstanceRow, PipelineRow, not_found};
use super::store::Store;
use super::{create, dependencies};
use crate::deploy::StatusCommand;
use crate::error::{Error, ErrorKind, Result};

/// Does `command` to each of the objects.
pub(super) fn set_status(
    db: &Store,
    pipeline: &str,
    ids: &[String],
    command: StatusCommand,
    now: i64,
) -> Result<()> {
    let row = PipelineRow::get(db, pipeline)?;
    if row.state == "FINISHED" {
        return Err(conflict("the pipeline is FINISHED".to_owned()));
    }
    for id in ids {
        match command {
            StatusCommand::Pause | StatusCommand::Resume => component(db, &row, id, command)?,
            StatusCommand::TryCancel => finish::cancel(db, &mut open(db, pipeline, id)?, now)?,
            StatusCommand::MarkFinished => mark_finished(db, pipeline, id, now)?,
            StatusCommand::Rerun if row.state != "SCHEDULED" => {
                let message = format!("the pipeline is {}; activate it first", row.state);
                return Err(conflict(message));
            }
            StatusCommand::Rerun => rerun(db, &mut instance(db, pipeline, id)?, now)?,
        }
    }
    Ok(())
}

fn component(db: &Store, row: &PipelineRow, id: &str, command: StatusCommand) -> Result<()> {
    let version = row.active.or(row.latest);
    let definition = version.map(|version| db.definition(&row.id, version)).transpose()?;
    if definition.and_then(|definition| definition.object(id).map(drop)).is_none() {
        return Err(match InstanceRow::find(db, &row.id, id)? {
            Some(_) => invalid(format!("{id} is an instance; only components can be paused")),
            None => not_found("component", id),
        });
    }
    let query = match command {
        StatusCommand::Pause => {
            "INSERT OR IGNORE INTO paused (pipeline, component) VALUES (?1, ?2)"
        }
        _ => "DELETE FROM paused WHERE pipeline = ?1 AND component = ?2",
    };
    db.execute(query, (&row.id, id)).map(drop).map_err(failed)
}

/// Whether the component of an instance is paused.
pub(super) fn is_paused(db: &Store, instance: &InstanceRow) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM paused WHERE pipeline = ?1 AND component = ?2)";
    db.prepare_cached(query)
        .and_then(|mut query| {
            query.query_row((&instance.pipeline, &instance.component), |row| row.get(0))
        })
        .map_err(failed)
}

fn instance(db: &Store, pipeline: &str, id: &str) -> Result<InstanceRow> {
    match InstanceRow::find(db, pipeline, id)? {
        Some(instance) => Ok(instance),
        None if db
            .query_row(
                "SELECT coalesce(active, latest) FROM pipeline WHERE id = ?1",
                [pipeline],
                |row| row.get::<_, Option<i64>>(0),
            )
            .map_err(failed)?
            .map(|version| db.definition(pipeline, version))
            .transpose()?
            .is_some_and(|definition| definition.object(id).is_some()) =>
        {
            Err(invalid(format!("{id} is a component; this command is for instances")))
        }
        None => Err(not_found("instance", id)),
    }
}

fn open(db: &Store, pipeline: &str, id: &str) -> Result<InstanceRow> {
    let instance = instance(db, pipeline, id)?;
    match instance.open {
        true => Ok(instance),
        false => Err(conflict(format!("{id} is {} already", instance.status))),
    }
}

fn mark_finished(db: &Store, pipeline: &str, id: &str, now: i64) -> Result<()> {
    let mut instance = instance(db, pipeline, id)?;
    if instance.open && instance.status == "RUNNING" {
        return Err(conflict(format!("{id} is RUNNING; cancel it first")));
    }
    if instance.status == "FINISHED" {
        return Err(conflict(format!("{id} is FINISHED already")));
    }
    finish::close(db, &mut instance, "FINISHED", Default::default(), now)
}

/// Has an instance that has ended run again, with its resource; where failures cascade,
/// also what was passed over because of it.
fn rerun(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<()> {
    if instance.open {
        let message =
            format!("{} is {}; only what has ended can run again", instance.id, instance.status);
        return Err(conflict(message));
    }
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    if instance.status == "CASCADE_FAILED" {
        let links = objects.links()?;
        for id in links.before(&instance.component) {
            let needed = InstanceRow::at(db, &instance.pipeline, id, instance.scheduled_start)?;
            // A precondition that was cancelled with it is checked again with it.
            let again =
                |needed: &InstanceRow| needed.is_precondition() && needed.status == "CANCELED";
            if let Some(needed) = needed
                .filter(|needed| !needed.open && needed.status != "FINISHED" && !again(needed))
            {
                let message = format!("{} is {}; rerun it first", needed.id, needed.status);
                return Err(conflict(message));
            }
        }
    }
    reopen(db, instance, now)?;
    if instance.is_resource() {
        for mut user in InstanceRow::beside(db, instance)? {
            let runs_on = objects.instance(&user)?.first_reference("runsOn") == Some(&instance.id);
            if user.is_activity() && !user.open && runs_on {
                reopen(db, &mut user, now)?;
            }
        }
        return Ok(());
    }
    reopen_beneath(db, &objects, instance, now)?;
    consumers(db, &objects, instance, now)
}

/// What runs again with an instance: its resource, and preconditions that were cancelled.
fn reopen_beneath(
    db: &Store,
    objects: &Objects<'_>,
    instance: &InstanceRow,
    now: i64,
) -> Result<()> {
    if let Some(id) = objects.instance(instance)?.first_reference("runsOn") {
        let resource = InstanceRow::find(db, &instance.pipeline, id)?;
        if let Some(mut resource) = resource.filter(|resource| !resource.open) {
            reopen(db, &mut resource, now)?;
        }
    }
    for id in objects.links()?.before(&instance.component) {
        let needed = InstanceRow::at(db, &instance.pipeline, id, instance.scheduled_start)?;
        if let Some(mut needed) =
            needed.filter(|needed| needed.is_precondition() && needed.status == "CANCELED")
        {
            reopen(db, &mut needed, now)?;
        }
    }
    Ok(())
}

/// The instances that a cascade from `instance` has reached, in turn.
fn consumers(db: &Store, objects: &Objects<'_>, instance: &InstanceRow, now: i64) -> Result<()> {
    let links = objects.links()?;
    for mut consumer in InstanceRow::beside(db, instance)? {
        if consumer.status != "CASCADE_FAILED" {
            continue;
        }
        let object = objects.instance(&consumer)?;
        let needs = links.before(&consumer.component).contains(&instance.component);
        if needs && dependencies::cascades(objects, &object)? {
            reopen(db, &mut consumer, now)?;
            reopen_beneath(db, objects, &consumer, now)?;
            consumers(db, objects, &consumer, now)?;
        }
    }
    Ok(())
}

fn reopen(db: &Store, instance: &mut InstanceRow, now: i64) -> Result<()> {
    let objects = Objects::new(db, &instance.pipeline, instance.version);
    let definition = objects.definition()?;
    let tries = create::components(&objects, &definition, now)?
        .into_iter()
        .find(|component| component.id == instance.component)
        .map_or(0, |component| component.tries());
    instance.status = "WAITING_ON_DEPENDENCIES".to_owned();
    instance.open = true;
    instance.rerun = true;
    instance.tries_left = tries;
    instance.actual_start = None;
    instance.actual_end = None;
    instance.creating = None;
    instance.cascade_on = None;
    instance.checks = 0;
    instance.checked = None;
    instance.error = Default::default();
    instance.save(db)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "set status").with_message(message)
}

fn conflict(message: String) -> Error {
    Error::new(ErrorKind::Conflict, "set status").with_message(message)
}
