//! What a stack is made of: what the spec names, and what is made because it does not.

use crate::error::Result;
use crate::pipeline::{Definition, Field, FieldValue, Parameter, ParameterValue};
use crate::recipe::{EfsBackup, Environment, ScheduleType, invalid};

/// Stands for the address of a file system that does not exist yet.
const UNMADE: &str = "fs-ffffffffffffffff0.efs.region.amazonaws.com:/";

/// The AMI where the spec names none, by the SSM parameter that AWS keeps: Amazon Linux 2, which
/// Data Pipeline's Task Runner is for.
const IMAGE: &str = "ssm:/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2";
/// Elsewhere: Amazon Linux 2023.
const NEWER_IMAGE: &str =
    "ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// A checked spec with its environment.
pub(super) struct Plan<'a> {
    pub(super) spec: &'a EfsBackup,
    pub(super) host: Host,
    pub(super) environment: &'a Environment,
    pub(super) subnet: String,
    pub(super) makes_file_system: bool,
    pub(super) alarm: Option<Alarm>,
    pub(super) source_id: String,
    backup_id: String,
    /// The pipeline, in which what is made is still without a value.
    definition: Definition,
}

/// What a backup runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An instance that Data Pipeline starts.
    Pipeline,
    /// A container that a state machine starts.
    Container,
    /// An instance that a state machine starts.
    Instance,
}

/// When a backup counts as missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    /// Seconds.
    pub(super) period: u64,
    pub(super) periods: u32,
}

impl<'a> Plan<'a> {
    pub(super) fn new(spec: &'a EfsBackup) -> Result<Plan<'a>> {
        let environment = environment(spec)?;
        let makes_file_system = spec.destination.is_none();
        let whole = whole(spec);
        let checked = whole.check()?;
        if checked.source.is_folder() || checked.destination.is_folder() {
            return Err(invalid("a stack backs file systems up, each HOST:/PATH; not folders"));
        }
        check_words(spec, environment)?;
        let subnet = spec.subnet.as_ref().or(environment.subnets.first());
        let subnet = subnet.ok_or_else(|| {
            invalid("a stack needs a subnet: `subnet`, or `subnets` in [environment]")
        })?;
        let makes_groups = spec.security_groups.is_empty();
        if environment.vpc.is_none() && (makes_groups || makes_file_system) {
            return Err(invalid(
                "to make security groups or a file system a stack needs the vpc, in [environment]",
            ));
        }
        if makes_file_system && environment.subnets.is_empty() {
            return Err(invalid(
                "the backup file system needs subnets for its mount targets, in [environment]",
            ));
        }
        if environment.file_system_policy && !(makes_file_system && spec.tls && spec.iam) {
            return Err(invalid(
                "file-system-policy is for a file system that the stack makes, and needs tls and iam",
            ));
        }
        let mut definition = whole.definition()?;
        if spec.key_pair.is_none() {
            without_key_pair(&mut definition);
        }
        Ok(Plan {
            subnet: subnet.clone(),
            makes_file_system,
            alarm: alarm(spec, environment)?,
            source_id: checked.source_id.clone(),
            backup_id: checked.destination_id.clone(),
            definition,
            spec,
            host: Host::Pipeline,
            environment,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.environment.name
    }

    pub(super) fn image(&self) -> &str {
        let usual = if self.host == Host::Pipeline { IMAGE } else { NEWER_IMAGE };
        self.spec.image.as_deref().unwrap_or(usual)
    }

    /// The SSM parameter that tells the AMI, unless its id is given.
    pub(super) fn image_parameter(&self) -> Option<&str> {
        self.image().strip_prefix("ssm:")
    }

    pub(super) fn makes_groups(&self) -> bool {
        self.spec.security_groups.is_empty()
    }

    /// The instance's security groups.
    pub(super) fn groups(&self) -> Vec<String> {
        match self.makes_groups() {
            true => vec!["{client-group}".to_owned()],
            false => self.spec.security_groups.clone(),
        }
    }

    fn role_arn(name: &str) -> String {
        format!("arn:{{partition}}:iam::{{account}}:role/{name}")
    }

    pub(super) fn pipeline_role_arn(&self) -> String {
        let given = self.spec.role.as_deref();
        given.map_or("{pipeline-role-arn}".to_owned(), Self::role_arn)
    }

    pub(super) fn instance_role_arn(&self) -> String {
        let given = self.spec.resource_role.as_deref();
        given.map_or("{instance-role-arn}".to_owned(), Self::role_arn)
    }

    /// The role that publishes how a run ended.
    pub(super) fn publisher_arn(&self) -> String {
        match self.host {
            Host::Pipeline => self.pipeline_role_arn(),
            Host::Container | Host::Instance => "{machine-role-arn}".to_owned(),
        }
    }

    /// The role that mounts the file systems.
    pub(super) fn client_role_arn(&self) -> String {
        match self.host {
            Host::Container => "{task-role-arn}".to_owned(),
            Host::Pipeline | Host::Instance => self.instance_role_arn(),
        }
    }

    pub(super) fn profile_arn(&self) -> String {
        let arn = |name| format!("arn:{{partition}}:iam::{{account}}:instance-profile/{name}");
        self.spec.resource_role.as_deref().map_or("{profile-arn}".to_owned(), arn)
    }

    /// The topics that are published to.
    pub(super) fn topics(&self) -> Vec<String> {
        let given = |topic: &String| topic.replacen("arn:aws:", "arn:{partition}:", 1);
        let topic = self.spec.topic.as_ref().map_or("{topic}".to_owned(), given);
        let success = self.alarm.map(|_| "{success-topic}".to_owned());
        [topic].into_iter().chain(success).collect()
    }

    /// The ARNs of the bucket for the logs, and of the objects in it.
    pub(super) fn log_arns(&self) -> (String, String) {
        let Some(uri) = &self.spec.log_uri else {
            return ("{bucket-arn}".to_owned(), format!("{{bucket-arn}}/{}/*", self.name()));
        };
        let place = uri.trim_start_matches("s3://").trim_end_matches('/');
        let bucket = place.split('/').next().unwrap_or(place);
        let arn = |place: &str| format!("arn:{{partition}}:s3:::{place}");
        (arn(bucket), arn(&format!("{place}/*")))
    }

    fn file_system_arn(id: &str) -> String {
        format!("arn:{{partition}}:elasticfilesystem:{{region}}:{{account}}:file-system/{id}")
    }

    pub(super) fn source_arn(&self) -> String {
        Self::file_system_arn(&self.source_id)
    }

    pub(super) fn backup_arn(&self) -> String {
        match self.makes_file_system {
            true => "{file-system-arn}".to_owned(),
            false => Self::file_system_arn(&self.backup_id),
        }
    }

    /// The pipeline with everything that is made in its place; `write` turns a text with tokens
    /// into a value.
    pub(super) fn definition(&self, write: impl Fn(&str) -> FieldValue) -> Definition {
        let mut definition = self.definition.clone();
        let spec = self.spec;
        let log_uri = format!("s3://{{bucket}}/{}", self.name());
        let image = self.image_parameter().map_or(self.image(), |_| "{image}");
        let made = [
            ("myTopicArn", spec.topic.is_none(), "{topic}"),
            ("myS3LogBucket", spec.log_uri.is_none(), log_uri.as_str()),
            ("myImageId", true, image),
            ("mySubnetId", true, self.subnet.as_str()),
            ("mySecurityGroupId", self.makes_groups(), "{client-group}"),
            ("myDataPipelineRole", spec.role.is_none(), "{pipeline-role}"),
            ("myDataPipelineResourceRole", spec.resource_role.is_none(), "{profile}"),
            ("myEFSBackup", self.makes_file_system, "{file-system}.efs.{region}.{dns-suffix}:/"),
            ("myEFSBackupId", self.makes_file_system, "{file-system}"),
        ];
        for (id, is_made, value) in made {
            if is_made && definition.parameter(id).is_some() {
                definition.values.retain(|value| value.id != id);
                definition.values.push(ParameterValue { id: id.to_owned(), value: write(value) });
            }
        }
        if self.alarm.is_some() {
            let id = "mySuccessTopicArn";
            let parameter = Parameter::new(id).with("type", "String");
            let about = "SNS topic of successes alone, which the alarm counts";
            definition.parameters.push(parameter.with("description", about));
            let value = write("{success-topic}");
            definition.values.push(ParameterValue { id: id.to_owned(), value });
            let success = definition.objects.iter_mut().find(|object| object.id == "SuccessNotify");
            for field in success.into_iter().flat_map(|object| &mut object.fields) {
                if field.key == "topicArn" {
                    field.value = FieldValue::Text(format!("#{{{id}}}"));
                }
            }
        }
        definition
    }
}

/// The spec's environment, with a name that can be used.
pub(super) fn environment(spec: &EfsBackup) -> Result<&Environment> {
    let environment = spec.environment.as_ref().ok_or_else(|| {
        invalid("a stack needs a name: add the table [environment] with the key name")
    })?;
    check_name(&environment.name)?;
    Ok(environment)
}

/// The spec with a destination, one that stands for that which is made where it has none.
pub(super) fn whole(spec: &EfsBackup) -> EfsBackup {
    match spec.destination {
        None => spec.clone().with_destination(UNMADE),
        Some(_) => spec.clone(),
    }
}

/// An instance without a key pair: nobody can log in to it.
fn without_key_pair(definition: &mut Definition) {
    definition.parameters.retain(|parameter| parameter.id != "myKeyPair");
    for object in &mut definition.objects {
        object.fields.retain(|Field { key, .. }| key != "keyPair");
    }
}

fn alarm(spec: &EfsBackup, environment: &Environment) -> Result<Option<Alarm>> {
    let periods = environment.alarm_after;
    if periods == 0 || spec.schedule_type == ScheduleType::Ondemand {
        return Ok(None);
    }
    let period = spec.checked_period()?.minutes() * 60;
    // CloudWatch's PutMetricAlarm: a period of a day at most, and seven days in all; a day in
    // all where the period is under an hour.
    let longest = if period < 3600 { 86_400 } else { 604_800 };
    if period > 86_400 || period * u64::from(periods) > longest {
        return Err(invalid(format!(
            "an alarm cannot count {periods} periods of {}: CloudWatch looks back a week at most, in \
             steps of a day; give a smaller alarm-after, or 0 for none",
            spec.period
        )));
    }
    Ok(Some(Alarm { period, periods }))
}

fn check_name(name: &str) -> Result<()> {
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !allowed || !letter || name.len() > 32 || name.ends_with('-') {
        return Err(invalid(format!(
            "'{name}' is no name of a stack: letters, digits and -, at most 32, a letter first"
        )));
    }
    Ok(())
}

/// What becomes part of ARNs and expressions has none of their own signs.
fn check_words(spec: &EfsBackup, environment: &Environment) -> Result<()> {
    let one = [
        ("topic", spec.topic.as_ref()),
        ("log URI", spec.log_uri.as_ref()),
        ("subnet", spec.subnet.as_ref()),
        ("key pair", spec.key_pair.as_ref()),
        ("role", spec.role.as_ref()),
        ("resource role", spec.resource_role.as_ref()),
        ("image", spec.image.as_ref()),
        ("vpc", environment.vpc.as_ref()),
        ("source group", environment.source_group.as_ref()),
        ("container", environment.container.as_ref()),
    ];
    let groups = spec.security_groups.iter().map(|group| ("security group", group));
    let subnets = environment.subnets.iter().map(|subnet| ("subnet", subnet));
    let one = one.into_iter().filter_map(|(what, word)| Some((what, word?)));
    for (what, word) in one.chain(groups).chain(subnets) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./:+=,@".contains(c);
        if word.is_empty() || !word.chars().all(allowed) {
            return Err(invalid(format!("{what} {word:?} holds what no name in AWS has")));
        }
    }
    Ok(())
}
