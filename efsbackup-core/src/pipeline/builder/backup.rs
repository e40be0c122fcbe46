//! The types of the pipeline that backs up one file system.

use super::super::{DEFAULT_ID, Object};
use super::{builders, setter, typed};

builders! {
    /// What all other objects inherit; its id is `Default`.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Defaults, Definition};
    ///
    /// let defaults = Defaults::new().schedule_type("ondemand").log_uri("s3://logs/");
    /// assert!(Definition::default().with(defaults).object("Default").is_some());
    /// ```
    Defaults {
        /// The schedule of what sets none, by id.
        schedule: reference "schedule";
        /// `cron`, `timeseries` or `ondemand`.
        schedule_type: text "scheduleType";
        /// `cascade` or `none`.
        failure_and_rerun_mode: text "failureAndRerunMode";
        /// The service's IAM role.
        role: text "role";
        /// The IAM role of instances.
        resource_role: text "resourceRole";
        /// Where logs go, an S3 URI.
        log_uri: text "pipelineLogUri";
    }
    /// When things run.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Definition, Schedule};
    ///
    /// let hourly = Schedule::new("Hourly").period("1 hours").start("2026-03-01T00:00:00");
    /// assert!(Definition::default().with(hourly).validate().is_valid());
    /// ```
    Schedule {
        /// The time between two runs, from 15 minutes to 3 years.
        period: text "period";
        /// The first run, `YYYY-MM-DDTHH:MM:SS` in UTC.
        start: text "startDateTime";
        /// No run begins after this, `YYYY-MM-DDTHH:MM:SS` in UTC.
        end: text "endDateTime";
        /// How many runs there are; excludes [`end`](Self::end).
        occurrences: text "occurrences";
    }
    /// An EC2 instance to run activities on.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Ec2Resource, Object};
    ///
    /// let machine = Ec2Resource::new("Machine")
    ///     .instance_type("t3.small")
    ///     .subnet("#{mySubnet}")
    ///     .security_group("sg-0123456789abcdef0")
    ///     .terminate_after("2 hours");
    /// assert_eq!(Object::from(machine).first_text("terminateAfter"), Some("2 hours"));
    /// ```
    Ec2Resource {
        /// Such as `t3.small`.
        instance_type: text "instanceType";
        /// The AMI.
        image: text "imageId";
        /// How long it may live, a period.
        terminate_after: text "terminateAfter";
        /// The subnet.
        subnet: text "subnetId";
        /// Adds a security group, by id.
        security_group: texts "securityGroupIds";
        /// The EC2 key pair to log in with.
        key_pair: text "keyPair";
        /// `true` or `false`.
        public_ip: text "associatePublicIpAddress";
        /// The service's IAM role.
        role: text "role";
        /// The instance's IAM role.
        resource_role: text "resourceRole";
        /// `retryall` or `retrynone`.
        action_on_resource_failure: text "actionOnResourceFailure";
        /// `continue` or `terminate`.
        action_on_task_failure: text "actionOnTaskFailure";
    }
    /// A shell script that runs on a resource, or on a machine of a worker group.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Object, ShellCommandActivity};
    ///
    /// let copy = ShellCommandActivity::new("Copy")
    ///     .command("rsync -a \"$1\" \"$2\"")
    ///     .argument("#{mySource}")
    ///     .argument("#{myDestination}")
    ///     .runs_on("Machine")
    ///     .on_fail("Alarm");
    /// assert_eq!(Object::from(copy).all("scriptArgument").count(), 2);
    /// ```
    ShellCommandActivity {
        /// The script.
        command: text "command";
        /// The script's S3 URI; excludes [`command`](Self::command).
        script_uri: text "scriptUri";
        /// Adds an argument: `$1`, then `$2`, …
        argument: texts "scriptArgument";
        /// The resource it runs on, by id.
        runs_on: reference "runsOn";
        /// The worker group it runs on, in place of a resource.
        worker_group: text "workerGroup";
        /// Adds an object that must finish first, by id.
        depends_on: references "dependsOn";
        /// How long an attempt may take, a period.
        attempt_timeout: text "attemptTimeout";
        /// How many attempts follow a failed one, 5 at most.
        maximum_retries: text "maximumRetries";
        /// The time between two attempts, a period.
        retry_delay: text "retryDelay";
        /// From when on it counts as late, a period after its scheduled start.
        late_after: text "lateAfterTimeout";
        /// Adds an action for when it succeeds, by id.
        on_success: references "onSuccess";
        /// Adds an action for when it fails, by id.
        on_fail: references "onFail";
        /// Adds an action for when it is late, by id.
        on_late: references "onLateAction";
    }
    /// A message to an SNS topic.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Object, SnsAlarm};
    ///
    /// let alarm = SnsAlarm::new("Alarm")
    ///     .topic("arn:aws:sns:eu-west-1:123456789012:backups")
    ///     .subject("the backup of #{node.@scheduledStartTime} failed")
    ///     .message("#{node.errorMessage}");
    /// assert_eq!(Object::from(alarm).type_name(), Some("SnsAlarm"));
    /// ```
    SnsAlarm {
        /// The topic.
        topic: text "topicArn";
        /// The subject.
        subject: text "subject";
        /// The message; `#{node.@scheduledStartTime}` and the like tell of the object.
        message: text "message";
        /// The IAM role that may publish.
        role: text "role";
    }
    /// An action that ends what is late.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Definition, ShellCommandActivity, Terminate};
    ///
    /// let definition = Definition::default()
    ///     .with(Terminate::new("Enough"))
    ///     .with(ShellCommandActivity::new("Copy").late_after("3 hours").on_late("Enough"));
    /// assert_eq!(definition.objects.len(), 2);
    /// ```
    Terminate {
        /// The object it inherits from, by id.
        parent: reference "parent";
    }
}

typed! { Schedule Ec2Resource ShellCommandActivity SnsAlarm Terminate }

impl Defaults {
    /// The one object `Default`.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Defaults(Object::new(DEFAULT_ID).text("type", DEFAULT_ID))
    }
}

impl Schedule {
    /// The first run is when the pipeline is activated for the first time.
    pub fn from_first_activation(mut self) -> Self {
        setter::text(&mut self.0, "startAt", "FIRST_ACTIVATION_DATE_TIME".to_owned());
        self
    }
}
