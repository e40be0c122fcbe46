//! The spec of a backup: a builder, and the same as a TOML file.

use super::check::invalid;
use super::environment::Environment;
use super::script::Engine;
use super::{backup, nodes, restore};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Definition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A backup of one EFS file system to another: a builder that [`definition`] turns into
/// a pipeline definition.
///
/// What the builder does not know stays a parameter without a value, to be given when
/// the pipeline is activated or run. Between two folders, what only AWS would need is
/// given the value `unused`.
///
/// [`definition`]: EfsBackup::definition
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, Keep};
///
/// let spec = EfsBackup::new(
///     "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/",
///     "fs-0fedcba9876543210.efs.eu-west-1.amazonaws.com:/",
/// )
/// .period("1 days")
/// .keep(Keep::Daily, 7)
/// .notify("arn:aws:sns:eu-west-1:123456789012:backups");
/// let definition = spec.definition()?;
/// assert!(definition.validate().is_valid());
/// assert_eq!(EfsBackup::from_toml(&spec.to_toml()?)?.definition()?, definition);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[must_use]
pub struct EfsBackup {
    pub(crate) source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination_id: Option<String>,
    #[serde(default)]
    pub(crate) engine: Engine,
    #[serde(default)]
    pub(crate) schedule_type: ScheduleType,
    #[serde(default = "hourly")]
    pub(crate) period: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    #[serde(default = "utc")]
    pub(crate) time_zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terminate_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retries: Option<u32>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) nodes: u32,
    #[serde(default, rename = "notify", skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnet: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) security_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_pair: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spot_price: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource_role: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) public_ip: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) tls: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) iam: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) keep: BTreeMap<Keep, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<Program>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<Environment>,
}

/// Which snapshots a rule of retention keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// When the runs of a pipeline begin; Data Pipeline's `scheduleType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScheduleType {
    /// At the beginning of each period.
    #[default]
    Cron,
    /// At the end of each period.
    Timeseries,
    /// When the pipeline is activated, once.
    Ondemand,
}

impl ScheduleType {
    /// Its value in a definition, such as `cron`.
    pub fn name(self) -> &'static str {
        match self {
            ScheduleType::Cron => "cron",
            ScheduleType::Timeseries => "timeseries",
            ScheduleType::Ondemand => "ondemand",
        }
    }
}

/// The command `efsbackup` as it lies in S3, for machines that do not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// `s3://BUCKET/KEY`.
    pub uri: String,
    /// Its SHA-256, 64 hexadecimal digits in lower case. Anything else is not run.
    pub sha256: String,
}

/// What a pipeline of a restore is told; see [`EfsBackup::restore_definition`].
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, RestoreTo};
///
/// let mut to = RestoreTo::new("restored");
/// to.snapshot = "2026-03-01-02-00".to_owned();
/// let spec = EfsBackup::new(
///     "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/",
///     "fs-0fedcba9876543210.efs.eu-west-1.amazonaws.com:/",
/// );
/// let definition = spec.restore_definition(&to)?;
/// assert!(definition.validate().is_valid());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreTo {
    /// The snapshot's name, or `latest`.
    pub snapshot: String,
    /// The new folder below the source that it is copied to; `None` for the source itself: what
    /// is replaced there is kept as one more snapshot.
    pub folder: Option<String>,
    /// Whether what the snapshot lacks is removed from the source; only in place.
    pub delete: bool,
}

impl RestoreTo {
    /// The newest complete snapshot, to the new folder `folder` below the source.
    pub fn new(folder: impl Into<String>) -> Self {
        RestoreTo { snapshot: "latest".to_owned(), folder: Some(folder.into()), delete: false }
    }

    /// The newest complete snapshot, over what is in the source now.
    pub fn in_place() -> Self {
        RestoreTo { snapshot: "latest".to_owned(), folder: None, delete: false }
    }
}

fn hourly() -> String {
    "1 hours".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_false(flag: &bool) -> bool {
    !*flag
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
        let destination = Some(destination.into());
        EfsBackup { destination, ..EfsBackup::to_new_file_system(source) }
    }

    /// A backup to a file system that does not exist yet: a stack makes it. Such a spec has
    /// no definition of its own.
    pub fn to_new_file_system(source: impl Into<String>) -> Self {
        EfsBackup {
            source: source.into(),
            destination: None,
            source_id: None,
            destination_id: None,
            engine: Engine::default(),
            schedule_type: ScheduleType::default(),
            period: hourly(),
            start: None,
            time_zone: utc(),
            terminate_after: None,
            retries: None,
            nodes: 1,
            topic: None,
            log_uri: None,
            instance_type: None,
            image: None,
            subnet: None,
            security_groups: Vec::new(),
            key_pair: None,
            spot_price: None,
            role: None,
            resource_role: None,
            public_ip: false,
            tls: false,
            iam: false,
            keep: BTreeMap::new(),
            program: None,
            environment: None,
        }
    }

    /// Reads a spec. Its keys are the names of the setters with `-` for `_`, and `source` and
    /// `destination`; `[keep]`, `[program]` and `[environment]` are tables.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] names line and key of the first fault. What the values mean
    /// is checked by [`definition`](Self::definition).
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message = error.message().trim_end().replace('\n', "; ");
            Error::new(ErrorKind::InvalidInput, "read spec")
                .with_message(format!("line {line}: {message}"))
        })
    }

    /// Writes the spec, so that [`from_toml`](Self::from_toml) reads the same.
    ///
    /// # Errors
    /// [`ErrorKind::CannotRepresent`] where TOML cannot carry it.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| {
            Error::new(ErrorKind::CannotRepresent, "write spec").with_source(error)
        })
    }

    setters! {
        /// Sets the source's file system id, such as `fs-0123456789abcdef0`. Needed where
        /// the address is not EFS's own DNS name, which tells it.
        source_id;
        /// Sets the destination's file system id; see [`source_id`](Self::source_id).
        destination_id;
        /// Sets when the first run begins, `YYYY-MM-DDTHH:MM:SS` in UTC. Default: when the
        /// pipeline is activated for the first time. A time in the past brings one run for
        /// each period since.
        start;
        /// Sets how long an instance may live, such as `3 hours`: 10 minutes or more, and
        /// not above the period, lest two runs go on side by side. Default: the period,
        /// but a day at most. A run ends by itself five minutes before.
        terminate_after;
        /// Sets where Data Pipeline keeps its logs: `s3://BUCKET` or `s3://BUCKET/PREFIX`.
        log_uri;
        /// Sets the EC2 instance type. Default: the parameter's, `t2.small`.
        instance_type;
        /// Sets the AMI: its id, or `ssm:NAME` for the SSM parameter that tells it, which only
        /// a stack can look up. Amazon Linux and Debian will do.
        image;
        /// Sets the id of the subnet that the instance starts in.
        subnet;
        /// Sets the name of the instance's EC2 key pair.
        key_pair;
        /// Makes it a spot instance for which up to this price in dollars an hour is paid, such
        /// as `0.02`. The last attempt of a run takes an instance at the usual price.
        spot_price;
        /// Sets the name of the IAM role that Data Pipeline takes on. Default: the
        /// parameter's, `DataPipelineDefaultRole`.
        role;
        /// Sets the name of the instance's IAM role. Default: the parameter's,
        /// `DataPipelineDefaultResourceRole`.
        resource_role;
    }

    /// Puts another source in place of the one it has.
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Puts another destination in place of the one it has.
    pub fn with_destination(mut self, destination: impl Into<String>) -> Self {
        self.destination = Some(destination.into());
        self
    }

    /// Takes all security groups away.
    pub fn without_security_groups(mut self) -> Self {
        self.security_groups.clear();
        self
    }

    /// Adds the id of a security group of the instance. Both file systems' mount targets must
    /// let one of them in at port 2049.
    pub fn security_group(mut self, id: impl Into<String>) -> Self {
        self.security_groups.push(id.into());
        self
    }

    /// Sets what takes the snapshots.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Sets when runs begin. With [`ScheduleType::Ondemand`] the period counts for nothing but
    /// the life of the instance.
    pub fn schedule_type(mut self, schedule_type: ScheduleType) -> Self {
        self.schedule_type = schedule_type;
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

    /// Sets how many attempts follow a failed one: 0 to 5. Default: the runner's.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets how many instances share the work: 1 to 24. With several the pipeline has an activity
    /// that cuts the source into units of equal cost, one on each instance that copies its units,
    /// and one that publishes the snapshot if all were copied. [`Engine::Efsbackup`] only; a
    /// restore is made by one.
    pub fn nodes(mut self, nodes: u32) -> Self {
        self.nodes = nodes;
        self
    }

    /// Sets the ARN of the SNS topic that is told of success and failure.
    pub fn notify(mut self, topic_arn: impl Into<String>) -> Self {
        self.topic = Some(topic_arn.into());
        self
    }

    /// Sets a rule of retention: `count` snapshots of this kind are kept. What no rule keeps
    /// is removed once a new snapshot is complete; without rules everything is kept.
    /// [`Engine::Efsbackup`] only.
    pub fn keep(mut self, keep: Keep, count: u32) -> Self {
        self.keep.insert(keep, count);
        self
    }

    /// Gives the instance a public IP address. Off by default: it then reaches EFS in its
    /// subnet, and AWS through a NAT gateway or VPC endpoints.
    pub fn public_ip(mut self, public_ip: bool) -> Self {
        self.public_ip = public_ip;
        self
    }

    /// Encrypts what goes to and from both file systems; needs amazon-efs-utils on the
    /// instance, which Amazon Linux can install.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Signs in to both file systems with the instance's role; needs [`tls`](Self::tls).
    pub fn iam(mut self, iam: bool) -> Self {
        self.iam = iam;
        self
    }

    /// Has the instance fetch `efsbackup` from S3, and run it only if its SHA-256 is the one
    /// given. Default: the image has it.
    pub fn program(mut self, uri: impl Into<String>, sha256: impl Into<String>) -> Self {
        self.program = Some(Program { uri: uri.into(), sha256: sha256.into() });
        self
    }

    /// Sets what a stack of this backup is made in.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
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
        Ok(if self.nodes > 1 { nodes::definition(&checked) } else { backup::definition(&checked) })
    }

    /// The definition of a pipeline that restores a snapshot of this backup to its source, once
    /// for each activation. Snapshot and folder are parameters of it: `mySnapshot`,
    /// `myRestoreFolder`.
    ///
    /// # Errors
    /// As [`definition`](Self::definition), and where the folder or snapshot is none, or the
    /// engine is rsync.
    pub fn restore_definition(&self, to: &RestoreTo) -> Result<Definition> {
        if self.engine != Engine::Efsbackup {
            return Err(invalid("only the engine efsbackup restores"));
        }
        restore::definition(&self.check()?, to)
    }
}
