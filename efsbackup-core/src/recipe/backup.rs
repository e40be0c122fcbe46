//! The spec of a backup, and its checks.

use super::location::{Location, is_file_system_id};
use super::script::Engine;
use super::{objects, parameters};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Period, Unit};
use crate::pipeline::Definition;
use std::str::FromStr;

/// How much earlier than its instance a run ends by itself, in minutes: time to finish
/// the files in hand and to report.
const MARGIN: u64 = 5;

/// The longest life of an instance that is chosen by itself, in minutes: a day.
const LONGEST_LIFE: u64 = 24 * 60;

/// A backup of one EFS file system to another: a builder that [`definition`] turns into
/// a pipeline definition.
///
/// What the builder does not know stays a parameter without a value, to be given when
/// the pipeline is activated or run. Between two folders, what only AWS would need is
/// given the value `unused`.
///
/// [`definition`]: EfsBackup::definition
#[derive(Clone, Debug)]
#[must_use]
pub struct EfsBackup {
    pub(super) source: String,
    pub(super) destination: String,
    source_id: Option<String>,
    destination_id: Option<String>,
    pub(super) engine: Engine,
    pub(super) period: String,
    pub(super) time_zone: String,
    terminate_after: Option<String>,
    keep: Vec<(Keep, u32)>,
    pub(super) topic: Option<String>,
    pub(super) log_uri: Option<String>,
    pub(super) instance_type: Option<String>,
    pub(super) image: Option<String>,
    pub(super) subnet: Option<String>,
    pub(super) security_group: Option<String>,
    pub(super) key_pair: Option<String>,
    pub(super) role: Option<String>,
    pub(super) resource_role: Option<String>,
    pub(super) public_ip: bool,
}

/// Which snapshots a rule of retention keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// The newest ones.
    Last,
    /// The newest of each hour.
    Hourly,
    /// The newest of each day.
    Daily,
    /// The newest of each week.
    Weekly,
    /// The newest of each month.
    Monthly,
    /// The newest of each year.
    Yearly,
}

impl Keep {
    /// The stable name, as in the options of `efsbackup backup`, such as `daily`.
    pub fn name(self) -> &'static str {
        match self {
            Keep::Last => "last",
            Keep::Hourly => "hourly",
            Keep::Daily => "daily",
            Keep::Weekly => "weekly",
            Keep::Monthly => "monthly",
            Keep::Yearly => "yearly",
        }
    }
}

/// A spec that has passed the checks: what the objects and parameters are written from.
pub(super) struct Checked<'a> {
    pub(super) spec: &'a EfsBackup,
    pub(super) source: Location,
    pub(super) destination: Location,
    pub(super) source_id: String,
    pub(super) destination_id: String,
    /// The instance's life in minutes.
    pub(super) life: u64,
    /// How long the script may run, in seconds.
    pub(super) stop_after: u64,
    /// Further arguments of the script.
    pub(super) options: Vec<String>,
}

/// Declares setters of optional texts.
macro_rules! setters {
    ($($(#[$doc:meta])+ $field:ident;)+) => {
        $($(#[$doc])+
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.$field = Some($field.into());
            self
        })+
    };
}

impl EfsBackup {
    /// A backup of `source` to `destination`, each `HOST:/PATH` (mounted by NFS) or the
    /// absolute path of a folder (used as it is). Hourly, times in UTC, engine
    /// [`Engine::Efsbackup`], nothing ever removed.
    pub fn new(source: impl Into<String>, destination: impl Into<String>) -> Self {
        EfsBackup {
            source: source.into(),
            destination: destination.into(),
            source_id: None,
            destination_id: None,
            engine: Engine::default(),
            period: "1 hours".to_owned(),
            time_zone: "UTC".to_owned(),
            terminate_after: None,
            keep: Vec::new(),
            topic: None,
            log_uri: None,
            instance_type: None,
            image: None,
            subnet: None,
            security_group: None,
            key_pair: None,
            role: None,
            resource_role: None,
            public_ip: false,
        }
    }

    setters! {
        /// Sets the source's file system id, such as `fs-0123456789abcdef0`. Needed where
        /// the address is not EFS's own DNS name, which tells it.
        source_id;
        /// Sets the destination's file system id; see [`source_id`](Self::source_id).
        destination_id;
        /// Sets how long an instance may live, such as `3 hours`: 10 minutes or more, and
        /// not above the period, lest two runs go on side by side. Default: the period,
        /// but a day at most. A run ends by itself five minutes before.
        terminate_after;
        /// Sets where Data Pipeline keeps its logs: `s3://BUCKET` or `s3://BUCKET/PREFIX`.
        log_uri;
        /// Sets the EC2 instance type. Default: the parameter's, `t2.small`.
        instance_type;
        /// Sets the AMI's id. Amazon Linux and Debian will do.
        image;
        /// Sets the id of the subnet that the instance starts in.
        subnet;
        /// Sets the id of the instance's security group. Both file systems' mount targets
        /// must let it in at port 2049.
        security_group;
        /// Sets the name of the instance's EC2 key pair.
        key_pair;
        /// Sets the name of the IAM role that Data Pipeline takes on. Default: the
        /// parameter's, `DataPipelineDefaultRole`.
        role;
        /// Sets the name of the instance's IAM role. Default: the parameter's,
        /// `DataPipelineDefaultResourceRole`.
        resource_role;
    }

    /// Sets what takes the snapshots.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Sets the time between two runs, such as `1 hours`: 15 minutes to 3 years.
    pub fn period(mut self, period: impl Into<String>) -> Self {
        self.period = period.into();
        self
    }

    /// Sets the time zone of the snapshots' names, such as `Asia/Tokyo`.
    pub fn time_zone(mut self, time_zone: impl Into<String>) -> Self {
        self.time_zone = time_zone.into();
        self
    }

    /// Sets the ARN of the SNS topic that is told of success and failure.
    pub fn notify(mut self, topic_arn: impl Into<String>) -> Self {
        self.topic = Some(topic_arn.into());
        self
    }

    /// Adds a rule of retention: `count` snapshots of this kind are kept. What no rule keeps
    /// is removed once a new snapshot is complete; without rules everything is kept.
    /// [`Engine::Efsbackup`] only.
    pub fn keep(mut self, keep: Keep, count: u32) -> Self {
        self.keep.push((keep, count));
        self
    }

    /// Gives the instance a public IP address. Off by default: it then reaches EFS in its
    /// subnet, and AWS through a NAT gateway or VPC endpoints.
    pub fn public_ip(mut self, public_ip: bool) -> Self {
        self.public_ip = public_ip;
        self
    }

    /// The pipeline definition.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] names the first setting that is wrong: a location, an
    /// id that is missing or malformed, source and destination that are the same, a
    /// period out of bounds, an ARN, a URI, or retention with an engine that has none.
    pub fn definition(&self) -> Result<Definition> {
        let checked = self.check()?;
        Ok(Definition {
            objects: objects::objects(&checked),
            parameters: parameters::parameters(),
            values: parameters::values(&checked),
        })
    }

    fn check(&self) -> Result<Checked<'_>> {
        let source = Location::parse("source", &self.source)?;
        let destination = Location::parse("destination", &self.destination)?;
        if source.overlaps(&destination) {
            return Err(invalid(format!(
                "source {} and destination {} overlap; the backup belongs on another file system",
                source.text, destination.text
            )));
        }
        let source_id = file_system_id("source", &source, self.source_id.as_deref())?;
        let destination_id =
            file_system_id("destination", &destination, self.destination_id.as_deref())?;
        if source_id == destination_id {
            return Err(invalid(format!(
                "source and destination are both {source_id}; the backup belongs on another file \
                 system"
            )));
        }
        check_time_zone(&self.time_zone)?;
        check_topic(self.topic.as_deref())?;
        if let Some(uri) = self.log_uri.as_deref().filter(|uri| !is_s3_uri(uri)) {
            return Err(invalid(format!(
                "log URI '{uri}' is not s3://BUCKET or s3://BUCKET/PREFIX"
            )));
        }
        let life = self.life()?;
        Ok(Checked {
            spec: self,
            source,
            destination,
            source_id,
            destination_id,
            life,
            stop_after: (life - MARGIN) * 60,
            options: self.options()?,
        })
    }

    /// The instance's life in minutes.
    fn life(&self) -> Result<u64> {
        let period = Period::from_str(&self.period)?;
        // Data Pipeline's limits page.
        let longest = Period::new(3, Unit::Years).map_or(u64::MAX, Period::minutes);
        if !(15..=longest).contains(&period.minutes()) {
            return Err(invalid(format!(
                "period '{}' is out of bounds: Data Pipeline takes 15 minutes to 3 years",
                self.period
            )));
        }
        let Some(text) = &self.terminate_after else {
            return Ok(period.minutes().min(LONGEST_LIFE));
        };
        let life = Period::from_str(text)?.minutes();
        if life < 2 * MARGIN {
            return Err(invalid(format!(
                "terminate after '{text}' is too short: a run needs 10 minutes at least"
            )));
        }
        if life > period.minutes() {
            return Err(invalid(format!(
                "terminate after '{text}' is above the period '{}': two runs would go on side by side",
                self.period
            )));
        }
        Ok(life)
    }

    /// The options that the script passes on to the backup.
    fn options(&self) -> Result<Vec<String>> {
        if self.engine == Engine::Rsync && !self.keep.is_empty() {
            return Err(invalid(
                "the engine rsync removes no snapshots; use the engine efsbackup for retention",
            ));
        }
        let rule = |(keep, count): &(Keep, u32)| format!("--keep-{}={count}", keep.name());
        Ok(self.keep.iter().map(rule).collect())
    }
}

/// The error of a wrong setting.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "recipe").with_message(message)
}

/// The id that was given, or that the address tells.
fn file_system_id(what: &str, location: &Location, given: Option<&str>) -> Result<String> {
    match (given, &location.id) {
        (Some(given), _) if !is_file_system_id(given) => Err(invalid(format!(
            "{what} id '{given}' is no file system id; write fs- and 8 to 40 hexadecimal digits"
        ))),
        (Some(given), Some(told)) if given != told => Err(invalid(format!(
            "{what} {} is {told}, but its id was given as {given}",
            location.text
        ))),
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(id)) => Ok(id.clone()),
        (None, None) => Err(invalid(format!(
            "{what} {} does not tell its file system's id; give the {what} id too",
            location.text
        ))),
    }
}

/// The script looks whether the machine knows the zone; here only the form is checked.
fn check_time_zone(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
    if name.is_empty() || name.starts_with('/') || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "'{name}' is no time zone; write UTC or a name such as Asia/Tokyo"
        )));
    }
    Ok(())
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:TOPIC`.
fn check_topic(topic: Option<&str>) -> Result<()> {
    let Some(topic) = topic else { return Ok(()) };
    let parts: Vec<&str> = topic.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, name]
            if [partition, region, account, name].iter().all(|part| !part.is_empty()) =>
        {
            Ok(())
        }
        _ => Err(invalid(format!(
            "'{topic}' is no topic's ARN; write arn:aws:sns:REGION:ACCOUNT:TOPIC"
        ))),
    }
}

fn is_s3_uri(uri: &str) -> bool {
    let bucket = uri.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
    bucket.is_some_and(|bucket| !bucket.is_empty())
}
