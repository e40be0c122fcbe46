//! What a spec must be.

use super::location::{Location, is_file_system_id};
use super::script::Engine;
use super::spec::{EfsBackup, Program, ScheduleType};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Period, Unit};
use jiff::civil::DateTime;
use std::str::FromStr;

/// How much earlier than its instance a run ends by itself, in minutes: time to finish
/// the files in hand and to report.
const MARGIN: u64 = 5;

/// The longest life of an instance that is chosen by itself, in minutes: a day.
const LONGEST_LIFE: u64 = 24 * 60;

/// The most instances that share a backup: the last activity names all, and an object has 50 fields
/// at most (Data Pipeline's limits page).
const MOST_NODES: u32 = 24;

/// A spec that has passed the checks: what all else is written from.
pub(crate) struct Checked<'a> {
    pub(crate) spec: &'a EfsBackup,
    pub(crate) source: Location,
    pub(crate) destination: Location,
    pub(crate) source_id: String,
    pub(crate) destination_id: String,
    /// The instance's life in minutes.
    pub(crate) life: u64,
    /// How long the script may run, in seconds.
    pub(crate) stop_after: u64,
    /// Further arguments of the script, those of the backup itself last.
    pub(crate) options: Vec<String>,
    /// Of these, those that are not the backup's own.
    pub(crate) script_options: usize,
}

#[cfg(feature = "stack")]
impl Checked<'_> {
    /// The arguments of the script on a machine of one's own.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = String> {
        self.arguments_at(&self.source.text, &self.destination.text)
    }

    /// The same with other places.
    pub(crate) fn arguments_at(
        &self,
        source: &str,
        destination: &str,
    ) -> impl Iterator<Item = String> + use<> {
        self.arguments_for([source, destination].map(str::to_owned), &self.options)
    }

    /// The arguments of the script in a container, where both are mounted already and the
    /// program is in the image.
    pub(crate) fn arguments_in_container(
        &self,
        source: &str,
        destination: &str,
    ) -> impl Iterator<Item = String> {
        let own = self.options.get(self.script_options..).unwrap_or_default();
        self.arguments_for([source, destination].map(str::to_owned), own)
    }

    fn arguments_for(
        &self,
        places: [String; 2],
        options: &[String],
    ) -> impl Iterator<Item = String> + use<> {
        let rest = [
            self.source_id.clone(),
            self.spec.time_zone.clone(),
            self.destination_id.clone(),
            self.stop_after.to_string(),
        ];
        places.into_iter().chain(rest).chain(options.to_vec())
    }
}

impl EfsBackup {
    /// Checks every setting.
    pub(crate) fn check(&self) -> Result<Checked<'_>> {
        self.check_nodes()?;
        let destination = self.destination.as_deref().ok_or_else(|| {
            invalid("the destination is missing: give it, or have a stack make one")
        })?;
        let source = Location::parse("source", &self.source)?;
        let destination = Location::parse("destination", destination)?;
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
        self.check_schedule()?;
        self.check_instance()?;
        self.check_mount(&[&source, &destination])?;
        let life = self.life()?;
        let mut options = self.script_options()?;
        let script_options = options.len();
        options.extend(self.backup_options()?);
        Ok(Checked {
            spec: self,
            source,
            destination,
            source_id,
            destination_id,
            life,
            stop_after: (life - MARGIN) * 60,
            options,
            script_options,
        })
    }

    fn check_nodes(&self) -> Result<()> {
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return Err(invalid(format!(
                "{} nodes: a backup is shared by 1 to {MOST_NODES} instances",
                self.nodes
            )));
        }
        if self.nodes > 1 && self.engine == Engine::Rsync {
            return Err(invalid(
                "the engine rsync cannot share a backup; use the engine efsbackup, or 1 node",
            ));
        }
        Ok(())
    }

    fn check_schedule(&self) -> Result<()> {
        if let Some(start) = &self.start {
            if self.schedule_type == ScheduleType::Ondemand {
                return Err(invalid("a pipeline on demand has no start"));
            }
            let digits = "0000-00-00T00:00:00".chars();
            let shaped = start.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).eq(digits);
            if !shaped || DateTime::from_str(start).is_err() {
                return Err(invalid(format!(
                    "start '{start}' is no time; write YYYY-MM-DDTHH:MM:SS, in UTC"
                )));
            }
        }
        // Data Pipeline's limits page.
        if let Some(retries) = self.retries.filter(|retries| *retries > 5) {
            return Err(invalid(format!("{retries} retries: Data Pipeline takes 0 to 5")));
        }
        Ok(())
    }

    fn check_instance(&self) -> Result<()> {
        let set = [
            ("instance type", self.instance_type.as_ref()),
            ("image", self.image.as_ref()),
            ("subnet", self.subnet.as_ref()),
            ("key pair", self.key_pair.as_ref()),
            ("role", self.role.as_ref()),
            ("resource role", self.resource_role.as_ref()),
        ];
        let set = set.into_iter().filter_map(|(what, text)| Some((what, text?)));
        let groups = self.security_groups.iter().map(|group| ("security group", group));
        for (what, text) in set.chain(groups) {
            if text.is_empty() || text.chars().any(char::is_control) || text.contains("#{") {
                return Err(invalid(format!("{what} {text:?} is empty, or holds what it may not")));
            }
        }
        // The Ec2Resource page of Data Pipeline's guide.
        if let Some(price) = &self.spot_price {
            let decimal = price.chars().all(|c| c.is_ascii_digit() || c == '.');
            let known = price.parse::<f64>().ok().filter(|price| decimal && *price > 0.0);
            if known.is_none_or(|price| price >= 20.0) {
                return Err(invalid(format!(
                    "spot price '{price}' is no number of dollars above 0 and below 20"
                )));
            }
        }
        Ok(())
    }

    fn check_mount(&self, locations: &[&Location]) -> Result<()> {
        if self.iam && !self.tls {
            return Err(invalid(
                "iam needs tls: a file system is signed in to on encrypted mounts",
            ));
        }
        if !self.tls {
            return Ok(());
        }
        if self.engine == Engine::Rsync {
            return Err(invalid("the engine rsync mounts without tls; use the engine efsbackup"));
        }
        let other = locations.iter().find(|location| !location.is_efs_name());
        other.map_or(Ok(()), |other| {
            Err(invalid(format!("tls needs EFS's own name of a file system, not {}", other.text)))
        })
    }

    /// The time between two runs.
    pub(crate) fn checked_period(&self) -> Result<Period> {
        let period = Period::from_str(&self.period)?;
        // Data Pipeline's limits page.
        let longest = Period::new(3, Unit::Years).map_or(u64::MAX, Period::minutes);
        if !(15..=longest).contains(&period.minutes()) {
            return Err(invalid(format!(
                "period '{}' is out of bounds: Data Pipeline takes 15 minutes to 3 years",
                self.period
            )));
        }
        Ok(period)
    }

    /// The instance's life in minutes.
    fn life(&self) -> Result<u64> {
        let period = self.checked_period()?;
        let ondemand = self.schedule_type == ScheduleType::Ondemand;
        let Some(text) = &self.terminate_after else {
            let life = if ondemand { LONGEST_LIFE } else { period.minutes().min(LONGEST_LIFE) };
            return Ok(life);
        };
        let life = Period::from_str(text)?.minutes();
        if life < 2 * MARGIN {
            return Err(invalid(format!(
                "terminate after '{text}' is too short: a run needs 10 minutes at least"
            )));
        }
        if life > period.minutes() && !ondemand {
            return Err(invalid(format!(
                "terminate after '{text}' is above the period '{}': two runs would go on side by side",
                self.period
            )));
        }
        Ok(life)
    }

    /// The options that the script itself takes.
    fn script_options(&self) -> Result<Vec<String>> {
        let mut options = Vec::new();
        if let Some(Program { uri, sha256 }) = &self.program {
            if self.engine == Engine::Rsync {
                return Err(invalid("the engine rsync fetches no program"));
            }
            let safe = |c: char| c.is_ascii_alphanumeric() || "-_./+=:".contains(c);
            let object = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
            let named = object.is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
            if !named || uri.ends_with('/') || !uri.chars().all(safe) {
                return Err(invalid(format!("program '{uri}' is not s3://BUCKET/KEY")));
            }
            let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if sha256.len() != 64 || !sha256.bytes().all(hexadecimal) {
                return Err(invalid(format!(
                    "'{sha256}' is no SHA-256; write what sha256sum prints, 64 hexadecimal digits"
                )));
            }
            options.push(format!("--program={uri}"));
            options.push(format!("--sha256={sha256}"));
        }
        if self.tls {
            options.push(if self.iam { "--mount=tls,iam" } else { "--mount=tls" }.to_owned());
        }
        Ok(options)
    }

    /// The options that the script passes on to the backup.
    fn backup_options(&self) -> Result<Vec<String>> {
        if self.engine == Engine::Rsync && !self.keep.is_empty() {
            return Err(invalid(
                "the engine rsync removes no snapshots; use the engine efsbackup for retention",
            ));
        }
        let rule = |(keep, count): (&_, &u32)| {
            let keep: &super::Keep = keep;
            format!("--keep-{}={count}", keep.name())
        };
        Ok(self.keep.iter().map(rule).collect())
    }
}

/// The error of a wrong setting.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
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
