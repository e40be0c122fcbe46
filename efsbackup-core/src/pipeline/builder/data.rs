//! Clusters, data in S3, copies of it, and what must hold before something runs.

use super::super::Object;
use super::{builders, setter, typed};

builders! {
    /// An EMR cluster to run activities on.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{EmrCluster, Object};
    ///
    /// let cluster = EmrCluster::new("Cluster")
    ///     .release("emr-5.36.0")
    ///     .core_instance_type("m5.xlarge")
    ///     .core_instance_count("2")
    ///     .application("hive");
    /// assert_eq!(Object::from(cluster).first_text("coreInstanceCount"), Some("2"));
    /// ```
    EmrCluster {
        /// Such as `emr-5.36.0`.
        release: text "releaseLabel";
        /// Such as `m5.xlarge`.
        master_instance_type: text "masterInstanceType";
        /// Such as `m5.xlarge`.
        core_instance_type: text "coreInstanceType";
        /// How many core nodes there are.
        core_instance_count: text "coreInstanceCount";
        /// Adds an application, such as `hive`.
        application: texts "applications";
        /// Adds a bootstrap action, an S3 URI with arguments.
        bootstrap_action: texts "bootstrapAction";
        /// How long it may live, a period.
        terminate_after: text "terminateAfter";
        /// The subnet.
        subnet: text "subnetId";
        /// The EC2 key pair to log in with.
        key_pair: text "keyPair";
        /// The service's IAM role.
        role: text "role";
        /// The instances' IAM role.
        resource_role: text "resourceRole";
    }
    /// Data in S3.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Object, S3DataNode};
    ///
    /// let logs = S3DataNode::new("Logs").directory("s3://logs/nightly/").compression("gzip");
    /// assert_eq!(Object::from(logs).first_text("directoryPath"), Some("s3://logs/nightly/"));
    /// ```
    S3DataNode {
        /// A folder, an S3 URI.
        directory: text "directoryPath";
        /// A single file, an S3 URI; excludes [`directory`](Self::directory).
        file: text "filePath";
        /// `none` or `gzip`.
        compression: text "compression";
        /// How its records are written, by id.
        data_format: reference "dataFormat";
        /// Adds what must hold before it is read, by id.
        precondition: references "precondition";
        /// The schedule, by id.
        schedule: reference "schedule";
    }
    /// A copy of data from one place to another.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{CopyActivity, Object};
    ///
    /// let copy = CopyActivity::new("Copy").input("Logs").output("Archive").runs_on("Machine");
    /// assert_eq!(Object::from(copy).first_reference("input"), Some("Logs"));
    /// ```
    CopyActivity {
        /// The data node it reads, by id.
        input: reference "input";
        /// The data node it writes, by id.
        output: reference "output";
        /// The resource it runs on, by id.
        runs_on: reference "runsOn";
        /// The worker group it runs on, in place of a resource.
        worker_group: text "workerGroup";
        /// The schedule, by id.
        schedule: reference "schedule";
        /// Adds an action for when it succeeds, by id.
        on_success: references "onSuccess";
        /// Adds an action for when it fails, by id.
        on_fail: references "onFail";
    }
    /// A script whose success must come first.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Object, ShellCommandPrecondition};
    ///
    /// let ready = ShellCommandPrecondition::new("Ready").command("test -e \"$1\"").argument("/mnt/ok");
    /// assert_eq!(Object::from(ready).first_text("scriptArgument"), Some("/mnt/ok"));
    /// ```
    ShellCommandPrecondition {
        /// The script.
        command: text "command";
        /// The script's S3 URI; excludes [`command`](Self::command).
        script_uri: text "scriptUri";
        /// Adds an argument: `$1`, then `$2`, …
        argument: texts "scriptArgument";
        /// The IAM role.
        role: text "role";
    }
    /// An S3 object that must be there.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Definition, S3DataNode, S3KeyExists};
    ///
    /// let definition = Definition::default()
    ///     .with(S3KeyExists::new("Done").key("s3://logs/nightly/_SUCCESS"))
    ///     .with(S3DataNode::new("Logs").directory("s3://logs/nightly/").precondition("Done"));
    /// assert_eq!(definition.objects.len(), 2);
    /// ```
    S3KeyExists {
        /// Its S3 URI.
        key: text "s3Key";
        /// The IAM role that may look.
        role: text "role";
    }
    /// An S3 prefix that something must have.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Object, S3PrefixNotEmpty};
    ///
    /// let some = S3PrefixNotEmpty::new("Some").prefix("s3://logs/nightly/");
    /// assert_eq!(Object::from(some).first_text("s3Prefix"), Some("s3://logs/nightly/"));
    /// ```
    S3PrefixNotEmpty {
        /// Its S3 URI.
        prefix: text "s3Prefix";
        /// The IAM role that may look.
        role: text "role";
    }
    /// A data node that must be there.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Definition, Exists, S3DataNode};
    ///
    /// let definition = Definition::default()
    ///     .with(Exists::new("There"))
    ///     .with(S3DataNode::new("Logs").file("s3://logs/today.gz").precondition("There"));
    /// assert_eq!(definition.objects.len(), 2);
    /// ```
    Exists {
        /// The IAM role that may look.
        role: text "role";
    }
}

typed! {
    EmrCluster S3DataNode CopyActivity ShellCommandPrecondition S3KeyExists S3PrefixNotEmpty Exists
}
