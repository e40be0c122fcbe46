//! One run of a pipeline's objects: what the service sets while they run.

use super::scope::ObjectScope;
use crate::expression::{Period, Value};
use crate::pipeline::{Catalogue, Lines, Object};
use crate::{Error, ErrorKind, Result};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The fields that name an action or a precondition, with the status that the object that
/// names it has when it counts.
const EVENTS: [(&str, &str); 4] = [
    ("onSuccess", "FINISHED"),
    ("onFail", "FAILED"),
    ("onLateAction", "RUNNING"),
    ("precondition", "WAITING_ON_DEPENDENCIES"),
];
/// How long an attempt takes where values are simulated.
const SIMULATED_LENGTH: SignedDuration = SignedDuration::from_mins(1);

/// A scheduled run, for [`resolve_at`](super::resolve_at).
///
/// ```
/// use efsbackup_core::params::{Moment, Options, resolve_at};
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default().with(
///     ShellCommandActivity::new("Run").worker_group("here").command("date -d #{@scheduledStartTime}"),
/// );
/// let moment = Moment::new("2026-03-01T02:00:00Z".parse()?);
/// let resolved = resolve_at(&definition, &[], &moment, Options::default())?;
/// let run = resolved.definition.object("Run").ok_or("no such object")?;
/// assert_eq!(run.first_text("command"), Some("date -d 2026-03-01T02:00:00"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moment {
    scheduled_start: Timestamp,
    node: Option<String>,
    runtime: BTreeMap<String, String>,
    simulated: bool,
}

impl Moment {
    /// The run whose interval begins at `scheduled_start`. It ends a period of the object's
    /// schedule later.
    pub fn new(scheduled_start: Timestamp) -> Moment {
        Moment { scheduled_start, node: None, runtime: BTreeMap::new(), simulated: false }
    }

    /// The object that `node` stands for in actions and preconditions: one that names them.
    /// Not needed where only one does.
    #[must_use]
    pub fn node(mut self, id: impl Into<String>) -> Moment {
        self.node = Some(id.into());
        self
    }

    /// Gives a runtime field its value, named as in expressions: `@status`, `hostname`,
    /// `node.@actualEndTime`.
    #[must_use]
    pub fn runtime(mut self, name: impl Into<String>, value: impl Into<String>) -> Moment {
        self.runtime.insert(name.into(), value.into());
        self
    }

    /// Whether runtime fields without a value get one as a first attempt would have that
    /// begins when it is due and takes a minute.
    #[must_use]
    pub fn simulated(mut self, simulated: bool) -> Moment {
        self.simulated = simulated;
        self
    }

    /// What was given for `name`.
    pub(super) fn given(&self, name: &str) -> Option<Value> {
        self.runtime.get(name).map(|text| Value::from(text.as_str()))
    }

    /// The id of the instance of the object with this id.
    pub(super) fn instance_id(&self, id: &str) -> String {
        format!("@{id}_{}", Value::from(self.scheduled_start))
    }

    /// The place of the one object that `node` means for `action`, and the status that goes
    /// with it.
    pub(super) fn node_of(
        &self,
        lines: &Lines<'_>,
        action: &Object,
    ) -> Result<Option<(usize, &'static str)>> {
        let mut naming = Vec::new();
        for (place, (_, type_name)) in lines.types().enumerate() {
            // An object that only others inherit from has no instances.
            if !type_name.is_some_and(has_instances) {
                continue;
            }
            let names = |key| {
                let mut fields = lines.fields(place, key).iter();
                fields.any(|field| field.value.as_reference() == Some(action.id.as_str()))
            };
            let event = EVENTS.into_iter().find(|(key, _)| names(key));
            naming.extend(event.map(|(_, status)| (place, status)));
        }
        match &self.node {
            Some(id) if !naming.is_empty() => {
                let found = naming
                    .into_iter()
                    .find(|(place, _)| lines.object(*place).is_some_and(|object| object.id == *id));
                found.map(Some).ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, "resolve").with_message(format!(
                        "{id} does not name {} as its action or precondition",
                        action.id
                    ))
                })
            }
            _ => Ok(naming.pop().filter(|_| naming.is_empty())),
        }
    }

    /// The runtime field `name` of the object that `scope` sees; `status` is what is known
    /// of it.
    pub(super) fn field(&self, scope: &ObjectScope<'_>, name: &str) -> Result<Option<Value>> {
        let start = self.scheduled_start;
        let known = match name {
            "@scheduledStartTime" => Some(start.into()),
            "@scheduledEndTime" => self.scheduled_end(scope)?.map(Value::from),
            "@id" => Some(self.instance_id(&scope.object.id).into()),
            "@componentParent" => Some(scope.object.id.as_str().into()),
            "@sphere" => Some("INSTANCE".into()),
            _ => None,
        };
        if known.is_some() || !self.simulated {
            return Ok(known);
        }
        let begin = match scope.field("scheduleType")?.map(|kind| kind.to_string()) {
            Some(kind) if kind.eq_ignore_ascii_case("cron") => Some(start),
            Some(kind) if kind.eq_ignore_ascii_case("ondemand") => Some(start),
            _ => self.scheduled_end(scope)?,
        };
        let failed = scope.status == "FAILED";
        let ends = matches!(scope.status, "FINISHED" | "FAILED");
        let end = begin.filter(|_| ends).and_then(|time| time.checked_add(SIMULATED_LENGTH).ok());
        let only = |holds: bool, text: &str| Some(Value::from(if holds { text } else { "" }));
        Ok(match name {
            "@status" => Some(scope.status.into()),
            "@actualStartTime" => begin.map(Value::from),
            "@actualEndTime" | "@finishedTime" => end.map(Value::from).or_else(|| only(false, "")),
            "@creationTime" => Some(start.into()),
            "@attemptCount" | "@attemptNumber" | "@version" => Some(1_i64.into()),
            "@triesLeft" => Some(0_i64.into()),
            "@pipelineId" => Some("df-SIMULATED0123456789".into()),
            "hostname" => Some("simulated".into()),
            "errorId" => only(failed, "ActivityFailed"),
            "errorMessage" => only(failed, "simulated failure"),
            "errorStackTrace" | "cancellationReason" => only(false, ""),
            _ => None,
        })
    }

    fn scheduled_end(&self, scope: &ObjectScope<'_>) -> Result<Option<Timestamp>> {
        let Some(period) = scope.chain("schedule", "period")? else { return Ok(None) };
        let Ok(period) = period.to_string().parse::<Period>() else { return Ok(None) };
        let start = self.scheduled_start.to_zoned(TimeZone::UTC);
        Ok(period.after(&start, 1).ok().map(|end| end.timestamp()))
    }
}

/// Whether the service sets the field called `name` while a pipeline runs.
pub(super) fn is_runtime(name: &str) -> bool {
    name.starts_with('@') || Catalogue::current().any_field(name).is_some_and(|field| field.runtime)
}

/// Whether objects of this type have instances.
pub(super) fn has_instances(type_name: &str) -> bool {
    let kind = Catalogue::current().get(type_name);
    let families = ["Activity", "DataNode", "Resource", "Precondition"];
    kind.is_some_and(|kind| families.iter().any(|family| kind.is(family)))
}
