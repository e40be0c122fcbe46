//! Making instances: one of each activity and resource in each interval.

use super::database::from_column;
use super::kinds::{Kind, kind_of};
use super::objects::Objects;
use super::rows::{InstanceRow, PipelineRow};
use super::schedule::{Interval, Schedule, ScheduleFields, time_text};
use super::scope::ObjectScope;
use super::store::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::expression::Period;
use crate::pipeline::{Definition, Object};
use std::collections::HashMap;
use std::sync::Arc;

/// Retries of an activity that says nothing, as an older edition of AWS's guide has it.
const DEFAULT_RETRIES: i64 = 2;
/// AWS's limit of retries.
const MOST_RETRIES: i64 = 5;

/// When instances of a component run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScheduleType {
    /// At the start of the interval.
    Cron,
    /// At its end. Also what counts where nothing is said.
    TimeSeries,
    /// When the pipeline is activated.
    OnDemand,
}

/// A component that has instances, with what the scheduler needs of it.
pub(super) struct Component {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) schedule_type: ScheduleType,
    /// None for on-demand components.
    pub(super) schedule: Option<Arc<Schedule>>,
    late_after: Option<Period>,
    pub(super) retries: i64,
    /// `maxActiveInstances`: runs do not overlap unless the definition allows it.
    pub(super) most_active: i64,
    /// The resource that it runs on.
    pub(super) runs_on: Option<String>,
    /// What must finish before it.
    pub(super) before: Vec<String>,
}

/// The components of an active version, read once.
pub(super) fn known_components(
    db: &Store,
    pipeline: &str,
    version: i64,
    activation: i64,
) -> Result<Arc<Vec<Component>>> {
    db.components(pipeline, version, activation, || {
        let objects = Objects::new(db, pipeline, version);
        components(&objects, &*objects.definition()?, activation)
    })
}

/// The components of a definition that have instances.
pub(super) fn components(
    objects: &Objects<'_>,
    definition: &Definition,
    activation: i64,
) -> Result<Vec<Component>> {
    let links = objects.links()?;
    let mut found = Vec::new();
    let mut schedules = HashMap::new();
    for object in &definition.objects {
        let Ok(kind) = kind_of(definition, object) else { continue };
        // What checks nothing is never checked.
        let is_idle = kind == Kind::Precondition && links.guarded(&object.id).is_empty();
        if kind != Kind::Passive && !is_idle {
            found.push(component(objects, definition, object, kind, activation, &mut schedules)?);
        }
    }
    Ok(found)
}

fn component(
    objects: &Objects<'_>,
    definition: &Definition,
    object: &Object,
    kind: Kind,
    activation: i64,
    schedules: &mut HashMap<String, Arc<Schedule>>,
) -> Result<Component> {
    let whole = objects.component(definition, object);
    let scope = ObjectScope::new(objects, &whole, false);
    let links = objects.links()?;
    // A precondition is checked when what it guards is due, whatever it inherits.
    let led = kind == Kind::Precondition
        || kind == Kind::DataNode && whole.first_reference("schedule").is_none();
    let leader = links.leader(&object.id).filter(|_| led).and_then(|id| definition.object(id));
    let timed = leader.map(|leader| objects.component(definition, leader));
    let timed = timed.as_ref().unwrap_or(&whole);
    let timing = ObjectScope::new(objects, timed, false);
    let schedule_type = match timing.text("scheduleType")?.map(|text| text.to_ascii_lowercase()) {
        None => ScheduleType::TimeSeries,
        Some(text) if text == "timeseries" => ScheduleType::TimeSeries,
        Some(text) if text == "cron" => ScheduleType::Cron,
        Some(text) if text == "ondemand" => ScheduleType::OnDemand,
        Some(text) => {
            return Err(wrong(&object.id, &format!("scheduleType: '{text}' is unknown")));
        }
    };
    let schedule = match (schedule_type, timed.first_reference("schedule")) {
        (ScheduleType::OnDemand, _) => None,
        (_, Some(id)) => Some(match schedules.get(id) {
            Some(known) => Arc::clone(known),
            None => {
                let target = definition.object(id).ok_or_else(|| {
                    wrong(&object.id, &format!("schedule: there is no object '{id}'"))
                })?;
                let fields = schedule_fields(objects, definition, target)?;
                let schedule = Arc::new(Schedule::new(&fields, activation)?);
                schedules.insert(id.to_owned(), Arc::clone(&schedule));
                schedule
            }
        }),
        (_, None) => return Err(wrong(&object.id, "schedule is missing")),
    };
    let late_after = match scope.text("lateAfterTimeout")? {
        Some(text) if schedule_type != ScheduleType::OnDemand => {
            let period: Result<Period> = text.parse();
            Some(period.map_err(|error| {
                wrong(&object.id, &format!("lateAfterTimeout: {}", error.message()))
            })?)
        }
        _ => None,
    };
    let retries = match scope.text("maximumRetries")? {
        None => DEFAULT_RETRIES,
        Some(text) => {
            text.trim().parse().ok().filter(|count| (0..=MOST_RETRIES).contains(count)).ok_or_else(
                || wrong(&object.id, &format!("maximumRetries: '{text}' is not from 0 to 5")),
            )?
        }
    };
    let most_active = scope.text("maxActiveInstances").ok().flatten();
    let most_active = most_active.and_then(|text| text.trim().parse().ok()).unwrap_or(1).max(1);
    let runs_on = whole.first_reference("runsOn").map(str::to_owned);
    Ok(Component {
        id: object.id.clone(),
        kind,
        schedule_type,
        schedule,
        late_after,
        retries,
        most_active,
        runs_on,
        before: links.before(&object.id).to_vec(),
    })
}

fn schedule_fields(
    objects: &Objects<'_>,
    definition: &Definition,
    object: &Object,
) -> Result<ScheduleFields> {
    let whole = objects.component(definition, object);
    let scope = ObjectScope::new(objects, &whole, false);
    Ok(ScheduleFields {
        id: object.id.clone(),
        period: scope.text("period")?,
        start: scope.text("startDateTime")?,
        start_at: scope.text("startAt")?,
        end: scope.text("endDateTime")?,
        occurrences: scope.text("occurrences")?,
    })
}

/// Makes the instances of every interval that has begun.
pub(super) fn due_instances(
    db: &Store,
    pipeline: &PipelineRow,
    components: &[Component],
    version: i64,
    now: i64,
) -> Result<()> {
    let activation = pipeline.first_activated.unwrap_or(now);
    let upcoming = db.upcoming(&pipeline.id, version, activation);
    if upcoming.is_some_and(|next| next.is_none_or(|next| now < next)) {
        return Ok(());
    }
    let mut intervals = Intervals::default();
    let mut upcoming = None;
    for component in components {
        let Some(schedule) = &component.schedule else { continue };
        let mut last = last_start(db, &pipeline.id, &component.id)?.unwrap_or(i64::MIN);
        while let Some(interval) = intervals.first_after(schedule, last) {
            if interval.start > now {
                upcoming =
                    Some(upcoming.map_or(interval.start, |next: i64| next.min(interval.start)));
                break;
            }
            last = interval.start;
            let mut row = component.instance(&pipeline.id, version, interval, now);
            if pipeline.skip_before.is_some_and(|limit| interval.start < limit) {
                row.status = "SKIPPED".to_owned();
                row.open = false;
            }
            row.insert(db)?;
        }
    }
    db.note_upcoming(&pipeline.id, version, activation, upcoming);
    Ok(())
}

/// Reads what a tick needs of a pipeline, so that the first tick finds it known.
pub(super) fn learn(db: &Store, pipeline: &PipelineRow) -> Result<()> {
    let (Some(version), Some(activation)) = (pipeline.active, pipeline.first_activated) else {
        return Ok(());
    };
    let mut intervals = Intervals::default();
    let mut upcoming = None::<i64>;
    for component in known_components(db, &pipeline.id, version, activation)?.iter() {
        let Some(schedule) = &component.schedule else { continue };
        let last = last_start(db, &pipeline.id, &component.id)?.unwrap_or(i64::MIN);
        if let Some(next) = intervals.first_after(schedule, last) {
            upcoming = Some(upcoming.map_or(next.start, |known| known.min(next.start)));
        }
    }
    db.note_upcoming(&pipeline.id, version, activation, upcoming);
    Ok(())
}

/// The intervals of schedules, each found once: most components share one schedule.
#[derive(Default)]
struct Intervals(HashMap<(*const Schedule, i64), Option<Interval>>);

impl Intervals {
    fn first_after(&mut self, schedule: &Arc<Schedule>, time: i64) -> Option<Interval> {
        let find = || schedule.first_after(time);
        *self.0.entry((Arc::as_ptr(schedule), time)).or_insert_with(find)
    }
}

/// Makes one run at `now`, whatever the schedule says, and gives its scheduled start.
pub(super) fn one_run(
    db: &Store,
    pipeline: &str,
    components: &[Component],
    version: i64,
    now: i64,
) -> Result<i64> {
    // Ids have whole seconds, and each run has its own.
    let mut start = now - now.rem_euclid(1000);
    for component in components {
        if let Some(last) = last_start(db, pipeline, &component.id)? {
            start = start.max(last + 1000);
        }
    }
    for component in components {
        let interval = match (&component.schedule, component.schedule_type) {
            (Some(schedule), ScheduleType::Cron) => Interval { start, end: schedule.end_of(start) },
            _ => Interval { start, end: start },
        };
        let mut row = component.instance(pipeline, version, interval, now);
        row.due = start.max(now);
        row.insert(db)?;
    }
    Ok(start)
}

/// Whether every schedule has begun its last interval.
pub(super) fn schedules_are_over(
    db: &Store,
    pipeline: &str,
    components: &[Component],
) -> Result<bool> {
    for component in components {
        if let Some(schedule) = &component.schedule {
            let last = last_start(db, pipeline, &component.id)?.unwrap_or(i64::MIN);
            if !schedule.is_over(last) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn last_start(db: &Store, pipeline: &str, component: &str) -> Result<Option<i64>> {
    let query = "SELECT max(scheduled_start) FROM instance WHERE pipeline = ?1 AND component = ?2";
    db.prepare_cached(query)
        .and_then(|mut query| query.query_row((pipeline, component), |row| row.get(0)))
        .map_err(super::database::failed)
}

impl Component {
    /// How many attempts an instance has.
    pub(super) fn tries(&self) -> i64 {
        match self.kind {
            Kind::Activity | Kind::Precondition => 1 + self.retries,
            _ => 0,
        }
    }

    fn instance(&self, pipeline: &str, version: i64, interval: Interval, now: i64) -> InstanceRow {
        let time = time_text(from_column(interval.start));
        let due = match self.schedule_type {
            // A resource waits from the start for what runs on it.
            ScheduleType::TimeSeries if self.kind != Kind::Resource => interval.end,
            _ => interval.start,
        };
        let late_at = self.late_after.and_then(|period| {
            let due = from_column(due).to_zoned(jiff::tz::TimeZone::UTC);
            Some(super::database::to_column(period.after(&due, 1).ok()?.timestamp()))
        });
        InstanceRow {
            pipeline: pipeline.to_owned(),
            id: format!("@{}_{time}", self.id),
            component: self.id.clone(),
            kind: self.kind.name().to_owned(),
            version,
            status: "WAITING_ON_DEPENDENCIES".to_owned(),
            open: true,
            created: now,
            scheduled_start: interval.start,
            scheduled_end: interval.end,
            due,
            late_at,
            actual_start: None,
            actual_end: None,
            worker_group: None,
            hostname: None,
            attempts: 0,
            tries_left: self.tries(),
            rerun: false,
            creating: None,
            cascade_on: None,
            checks: 0,
            checked: None,
            error: Default::default(),
        }
    }
}

fn wrong(object: &str, text: &str) -> Error {
    Error::new(ErrorKind::InvalidDefinition, "schedule").with_message(format!("{object}.{text}"))
}
