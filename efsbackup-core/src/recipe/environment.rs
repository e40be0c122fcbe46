//! What stands around a backup, for those who have a stack made of it.

use serde::{Deserialize, Serialize};

/// What a stack is made in, and what it is to hold besides the pipeline. What the spec names
/// (topic, log place, roles, security groups, destination) is used as it is; what it does not
/// name is made.
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, Environment};
///
/// let mut environment = Environment::new("nightly");
/// environment.vpc = Some("vpc-0123456789abcdef0".to_owned());
/// environment.subnets = vec!["subnet-0123456789abcdef0".to_owned()];
/// let spec = EfsBackup::to_new_file_system("fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/")
///     .environment(environment);
/// # assert!(spec.to_toml()?.contains("subnet-0123456789abcdef0"));
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Environment {
    /// The name that everything made begins with: letters, digits and `-`, 1 to 32 of them, a
    /// letter first.
    pub name: String,
    /// The VPC's id, such as `vpc-0123456789abcdef0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Subnets of that VPC in which the backup file system gets its mount targets, one an
    /// availability zone. The instance starts in the spec's subnet, or else in the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// The security group of the source's mount targets: the instance is let in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_group: Option<String>,
    /// Attaches the two policies that AWS manages for Data Pipeline, which allow far more, in
    /// place of those made for this backup alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub managed_policies: bool,
    /// Gives the backup file system a policy that lets in the instance's role alone, and only
    /// encrypted. The spec must then say `tls` and `iam`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub file_system_policy: bool,
    /// After so many periods without a success an alarm tells the topic; 0 for no alarm.
    #[serde(default = "two")]
    pub alarm_after: u32,
    /// Logs are removed after so many days.
    #[serde(default = "ninety")]
    pub log_days: u32,
    /// The container image with bash and `efsbackup`, for the runners that use containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl Environment {
    /// An environment of this name, in which nothing is chosen yet.
    pub fn new(name: impl Into<String>) -> Self {
        Environment {
            name: name.into(),
            vpc: None,
            subnets: Vec::new(),
            source_group: None,
            managed_policies: false,
            file_system_policy: false,
            alarm_after: two(),
            log_days: ninety(),
            container: None,
        }
    }
}

fn two() -> u32 {
    2
}

fn ninety() -> u32 {
    90
}
