//! Objects of the types that a backup uses, with a method for each field that matters.
//!
//! ```
//! use efsbackup_core::pipeline::{Defaults, Definition, Schedule, ShellCommandActivity};
//!
//! let definition = Definition::default()
//!     .with(Defaults::new().schedule("Hourly").log_uri("s3://logs/"))
//!     .with(Schedule::new("Hourly").period("1 hours").from_first_activation())
//!     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
//! assert!(definition.validate().findings.is_empty());
//! ```

use super::{DEFAULT_ID, Definition, Field, FieldValue, Object};

/// Declares the builders: for each its type, and for each method its doc, its name, how it
/// sets (`text` and `reference` replace, `texts` and `references` append) and the field.
macro_rules! builders {
    ($($(#[$doc:meta])+ $type:ident {
        $($(#[$method_doc:meta])+ $method:ident: $set:ident $key:literal;)+
    })+) => {
        $(
            $(#[$doc])+
            ///
            /// Values may hold `#{…}`.
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[must_use]
            pub struct $type(Object);

            impl $type {
                $($(#[$method_doc])+ pub fn $method(mut self, value: impl Into<String>) -> Self {
                    setter::$set(&mut self.0, $key, value.into());
                    self
                })+

                /// Appends any other text field.
                pub fn text(self, key: &str, value: impl Into<String>) -> Self {
                    $type(self.0.text(key, value))
                }

                /// Appends any other reference.
                pub fn reference(self, key: &str, target: impl Into<String>) -> Self {
                    $type(self.0.reference(key, target))
                }
            }

            impl From<$type> for Object {
                fn from(builder: $type) -> Object {
                    builder.0
                }
            }
        )+

        /// Type, field and how it is set, of every method.
        #[cfg(test)]
        const METHODS: &[(&str, &str, &str)] =
            &[$($((stringify!($type), $key, stringify!($set)),)+)+];
    };
}

builders! {
    /// What all other objects inherit; its id is `Default`.
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
    Terminate {
        /// The object it inherits from, by id.
        parent: reference "parent";
    }
}

/// An object with an id and a type.
macro_rules! typed {
    ($($type:ident)+) => {
        $(impl $type {
            /// One with this id, which is its name too.
            pub fn new(id: impl Into<String>) -> Self {
                $type(Object::new(id).text("type", stringify!($type)))
            }
        })+
    };
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

impl Definition {
    /// Appends an object.
    #[must_use]
    pub fn with(mut self, object: impl Into<Object>) -> Self {
        self.objects.push(object.into());
        self
    }
}

/// How a method sets its field.
mod setter {
    use super::{Field, FieldValue, Object};

    pub(super) fn text(object: &mut Object, key: &str, value: String) {
        object.fields.retain(|field| field.key != key);
        texts(object, key, value);
    }

    pub(super) fn reference(object: &mut Object, key: &str, target: String) {
        object.fields.retain(|field| field.key != key);
        references(object, key, target);
    }

    pub(super) fn texts(object: &mut Object, key: &str, value: String) {
        object.fields.push(Field { key: key.to_owned(), value: FieldValue::Text(value) });
    }

    pub(super) fn references(object: &mut Object, key: &str, target: String) {
        object.fields.push(Field { key: key.to_owned(), value: FieldValue::Reference(target) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Catalogue, Slot};
    use super::*;

    #[test]
    fn every_method_sets_a_field_as_the_catalogue_has_it() {
        for (kind, key, set) in METHODS {
            let kind = if *kind == "Defaults" { DEFAULT_ID } else { kind };
            let field = &Catalogue::current().get(kind).unwrap().fields[*key];
            let reference = matches!(field.slot, Slot::Reference(_));
            let expected = match (reference, field.list) {
                (true, true) => "references",
                (true, false) => "reference",
                (false, true) => "texts",
                (false, false) => "text",
            };
            assert_eq!(*set, expected, "{kind}.{key}");
            assert!(!field.runtime && !field.forbidden, "{kind}.{key}");
        }
    }

    #[test]
    fn single_fields_are_replaced_and_lists_grow() {
        let activity = ShellCommandActivity::new("A")
            .command("x")
            .command("y")
            .argument("1")
            .argument("2")
            .runs_on("B")
            .runs_on("C")
            .text("myOwn", "z");
        let expected = Object::new("A")
            .text("type", "ShellCommandActivity")
            .text("command", "y")
            .text("scriptArgument", "1")
            .text("scriptArgument", "2")
            .reference("runsOn", "C")
            .text("myOwn", "z");
        assert_eq!(Object::from(activity), expected);
    }
}
