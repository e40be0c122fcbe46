//! Clusters, data in S3, copies of it, and what must hold before something runs.

use super::super::Object;
use super::{builders, setter, typed};

builders! {
    /// An EMR cluster to run activities on.
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
    S3KeyExists {
        /// Its S3 URI.
        key: text "s3Key";
        /// The IAM role that may look.
        role: text "role";
    }
    /// An S3 prefix that something must have.
    S3PrefixNotEmpty {
        /// Its S3 URI.
        prefix: text "s3Prefix";
        /// The IAM role that may look.
        role: text "role";
    }
    /// A data node that must be there.
    Exists {
        /// The IAM role that may look.
        role: text "role";
    }
}

typed! {
    EmrCluster S3DataNode CopyActivity ShellCommandPrecondition S3KeyExists S3PrefixNotEmpty Exists
}
