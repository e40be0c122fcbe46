//! An existing pipeline read as a backup: the spec that does the same, and what was dangerous.

use super::check::invalid;
use super::danger::{self, Danger};
use super::location::{Location, is_file_system_id};
use super::spec::{EfsBackup, Keep, ScheduleType};
use crate::error::{Error, ErrorKind, Result};
use crate::params::{self, Options};
use crate::pipeline::{Definition, FieldValue, Object, ParameterValue};

/// What an existing definition comes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migration {
    /// The same backup as a spec. What it does not say is for its defaults.
    pub spec: EfsBackup,
    /// Whether the definition restores; then the spec is that of the backup it restores from.
    pub restores: bool,
    /// What is dangerous in the definition, the worst first.
    pub dangers: Vec<Danger>,
    /// What the spec does in another way than the definition did, each in a line.
    pub changes: Vec<String>,
}

/// Reads `definition` with the values `given`.
///
/// It looks for an activity that runs a shell script on two file systems, `HOST:/PATH` each:
/// the pipelines of AWS's samples and those that follow them.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where no activity is a backup of one file system to another;
/// [`ErrorKind::UnresolvedParameter`] names a value that is missing; and as [`params::resolve`].
///
/// ```
/// use efsbackup_core::pipeline::{Defaults, Definition, Schedule, ShellCommandActivity};
/// use efsbackup_core::recipe::migrate;
///
/// let copy = ShellCommandActivity::new("Copy")
///     .worker_group("backups")
///     .command("mount $1 /from; mount $2 /to; rsync -a --delete /from/ /to/backup")
///     .argument("fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/")
///     .argument("fs-0fedcba9876543210.efs.eu-west-1.amazonaws.com:/");
/// let existing = Definition::default()
///     .with(Defaults::new().schedule("Daily"))
///     .with(Schedule::new("Daily").period("1 days"))
///     .with(copy);
/// let migration = migrate(&existing, &[])?;
/// for danger in &migration.dangers {
///     println!("{danger}");
/// }
/// assert!(!migration.dangers.is_empty() && !migration.restores);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
pub fn migrate(definition: &Definition, given: &[ParameterValue]) -> Result<Migration> {
    let resolved = params::resolve(definition, given, Options::default().fields(false))?;
    let whole = resolved.definition;
    let activities: Vec<Found<'_>> =
        whole.objects.iter().filter_map(|object| Found::new(&whole, object)).collect();
    let Some(first) = activities.iter().find(|found| found.places.len() >= 2) else {
        return Err(missing(definition, &activities));
    };
    let mut migration = first.migration()?;
    migration.dangers = danger::all(&whole, first.activity, first.instance, &first.script);
    if activities.len() > 1 {
        migration.changes.push(format!(
            "{} activities shared the work: one does it all now, on one instance",
            activities.len()
        ));
    }
    Ok(migration)
}

/// Why nothing was found: a value that is not known, or another kind of pipeline.
fn missing(definition: &Definition, activities: &[Found<'_>]) -> Error {
    let open = activities.iter().flat_map(|found| &found.arguments).find_map(|text| {
        let id = text.split_once("#{")?.1.split_once('}')?.0;
        Some(id.trim().to_owned())
    });
    let computed = definition.values.iter().find(|value| {
        let is_place = value.id.to_ascii_lowercase().contains("efs");
        is_place && matches!(value.value, FieldValue::Intrinsic(_))
    });
    if let Some(id) = open.or_else(|| computed.map(|value| value.id.clone())) {
        return Error::new(ErrorKind::UnresolvedParameter, "migrate")
            .with_message(format!("{id} has no value here; give it with --value {id}=…"));
    }
    Error::new(ErrorKind::Unsupported, "migrate").with_message(
        "no activity here runs a script on two file systems, each HOST:/PATH: this is no backup of \
         one file system to another",
    )
}

/// An activity that may be the backup.
struct Found<'a> {
    whole: &'a Definition,
    activity: &'a Object,
    instance: Option<&'a Object>,
    script: String,
    arguments: Vec<String>,
    places: Vec<String>,
}

impl<'a> Found<'a> {
    fn new(whole: &'a Definition, activity: &'a Object) -> Option<Self> {
        if whole.type_of(activity) != Some("ShellCommandActivity") {
            return None;
        }
        let fields = whole.effective_fields(activity);
        let texts = |key: &str| -> Vec<String> {
            let fields = fields.iter().filter(|effective| effective.field.key == key);
            let texts = fields.filter_map(|effective| effective.field.value.as_text());
            texts.map(str::to_owned).collect()
        };
        let arguments = texts("scriptArgument");
        let place = |text: &String| match Location::parse("argument", text) {
            Ok(location) => (!location.is_folder()).then_some(location.text),
            Err(_) => None,
        };
        let places = arguments.iter().filter_map(place).collect();
        let resource = fields.iter().find(|effective| effective.field.key == "runsOn");
        let resource = resource.and_then(|effective| effective.field.value.as_reference());
        let script = [texts("command"), texts("scriptUri")].concat().join("\n");
        let instance = resource.and_then(|id| whole.object(id));
        Some(Found { whole, activity, instance, script, arguments, places })
    }

    fn migration(&self) -> Result<Migration> {
        let [source, destination, ..] = self.places.as_slice() else {
            return Err(invalid("two file systems are needed"));
        };
        let mut changes = Vec::new();
        let mut spec = EfsBackup::new(source, destination);
        let told = |place: &str| Location::parse("place", place).is_ok_and(|it| it.id.is_some());
        let id = self.arguments.iter().find(|text| is_file_system_id(text));
        if let Some(id) = id.filter(|_| !told(source)) {
            spec = spec.source_id(id);
        }
        spec = self.times(spec, &mut changes);
        spec = self.instance(spec, &mut changes);
        spec = self.retention(spec, &mut changes);
        let zone = self.arguments.iter().find(|text| is_time_zone(text));
        if let Some(zone) = zone {
            spec = spec.time_zone(zone);
        }
        if let Some(topic) = self.topic() {
            spec = spec.notify(topic);
        }
        let restores = self.script.contains("efs-restore") || self.script.contains("restore.sh");
        if restores {
            changes.push("it restores into a new folder; --restore-in-place of pipeline new does it over what is there".to_owned());
        }
        Ok(Migration { spec, restores, dangers: Vec::new(), changes })
    }

    /// The text that counts for `object`.
    fn text(&self, object: &'a Object, key: &str) -> Option<String> {
        let fields = self.whole.effective_fields(object);
        let found = fields.iter().find(|effective| effective.field.key == key)?;
        // What only a parameter knows stays open in the spec too.
        found.field.value.as_text().filter(|text| !text.contains("#{")).map(str::to_owned)
    }

    fn times(&self, mut spec: EfsBackup, changes: &mut Vec<String>) -> EfsBackup {
        let fields = self.whole.effective_fields(self.activity);
        let schedule = fields.iter().find(|effective| effective.field.key == "schedule");
        let schedule = schedule.and_then(|effective| effective.field.value.as_reference());
        let schedule = schedule.and_then(|id| self.whole.object(id));
        let kind = self.text(self.activity, "scheduleType").unwrap_or_default();
        if kind.eq_ignore_ascii_case("timeseries") {
            spec = spec.schedule_type(ScheduleType::Timeseries);
        } else if kind.eq_ignore_ascii_case("ondemand") {
            spec = spec.schedule_type(ScheduleType::Ondemand);
        }
        if let Some(period) = schedule.and_then(|schedule| self.text(schedule, "period")) {
            spec = spec.period(period);
        }
        if let Some(start) = schedule.and_then(|schedule| self.text(schedule, "startDateTime")) {
            changes.push(format!(
                "the start {start} is left out: one in the past would bring a run for each period since"
            ));
        }
        if let Some(retries) = self.text(self.activity, "maximumRetries")
            && let Ok(retries) = retries.parse()
        {
            spec = spec.retries(retries);
        }
        spec
    }

    fn instance(&self, mut spec: EfsBackup, changes: &mut Vec<String>) -> EfsBackup {
        let default = self.whole.object(crate::pipeline::DEFAULT_ID);
        type Setter = fn(EfsBackup, String) -> EfsBackup;
        let of_default: [(&str, Setter); 3] = [
            ("role", EfsBackup::role),
            ("resourceRole", EfsBackup::resource_role),
            ("pipelineLogUri", EfsBackup::log_uri),
        ];
        for (key, set) in of_default {
            if let Some(text) = default.and_then(|object| self.text(object, key)) {
                spec = set(spec, text);
            }
        }
        let Some(instance) = self.instance else { return spec };
        let of_instance: [(&str, Setter); 5] = [
            ("instanceType", EfsBackup::instance_type),
            ("imageId", EfsBackup::image),
            ("subnetId", EfsBackup::subnet),
            ("keyPair", EfsBackup::key_pair),
            ("spotBidPrice", EfsBackup::spot_price),
        ];
        for (key, set) in of_instance {
            if let Some(text) = self.text(instance, key) {
                spec = set(spec, text);
            }
        }
        let fields = self.whole.effective_fields(instance);
        let groups = fields.iter().filter(|effective| effective.field.key == "securityGroupIds");
        for group in groups.filter_map(|effective| effective.field.value.as_text()) {
            if !group.contains("#{") {
                spec = spec.security_group(group);
            }
        }
        if let Some(life) = self.text(instance, "terminateAfter") {
            changes.push(format!(
                "terminateAfter was {life}: now it follows the period, a day at most, and the run ends \
                 by itself five minutes before"
            ));
        }
        if self
            .text(instance, "associatePublicIpAddress")
            .is_some_and(|it| it.eq_ignore_ascii_case("true"))
        {
            changes.push(
                "the instance has no public address any more: it reaches AWS by a NAT gateway or \
                 VPC endpoints, or set public-ip"
                    .to_owned(),
            );
        }
        spec
    }

    /// AWS's own script is told `daily` and `7`: so many folders are kept.
    fn retention(&self, spec: EfsBackup, changes: &mut Vec<String>) -> EfsBackup {
        let kinds = [
            ("hourly", Keep::Hourly),
            ("daily", Keep::Daily),
            ("weekly", Keep::Weekly),
            ("monthly", Keep::Monthly),
        ];
        let pairs = self.arguments.windows(2).filter_map(|pair| match pair {
            [kind, count] => Some((kind, count.parse().ok().filter(|count: &u32| *count > 0)?)),
            _ => None,
        });
        for (kind, count) in pairs {
            if let Some((_, keep)) = kinds.iter().find(|(name, _)| name == kind) {
                changes.push(format!(
                    "folders {kind}.0 and so on become snapshots by their time: `efsbackup adopt` takes \
                     the old ones over"
                ));
                return spec.keep(*keep, count);
            }
        }
        changes.push(
            "everything is kept, as before: add [keep] to have old snapshots removed".to_owned(),
        );
        spec
    }

    /// The topic of what is told when it fails, or succeeds.
    fn topic(&self) -> Option<String> {
        let fields = self.whole.effective_fields(self.activity);
        let alarm = |key: &str| {
            let field = fields.iter().find(|effective| effective.field.key == key)?;
            let alarm = self.whole.object(field.field.value.as_reference()?)?;
            self.text(alarm, "topicArn")
        };
        alarm("onFail").or_else(|| alarm("onSuccess"))
    }
}

fn is_time_zone(text: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_ascii_alphabetic() || "_-+0123456789".contains(c))
    };
    let area = text.split_once('/').is_some_and(|(area, city)| word(area) && word(city));
    matches!(text, "UTC" | "GMT") || area
}
