//! What a backup runs in: the roles, topic, bucket, security groups and file system around its
//! pipeline, and the same backup for runners other than Data Pipeline.
//!
//! All is written from one spec, an [`EfsBackup`] with an
//! [`Environment`](crate::recipe::Environment); what the spec names is used, and what it does
//! not name is made.
//!
//! ```
//! use efsbackup_core::recipe::{EfsBackup, Environment};
//! use efsbackup_core::stack::{Runner, files};
//!
//! let mut environment = Environment::new("nightly");
//! environment.vpc = Some("vpc-0123456789abcdef0".to_owned());
//! environment.subnets = vec!["subnet-0123456789abcdef0".to_owned()];
//! let spec = EfsBackup::to_new_file_system("fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/")
//!     .environment(environment);
//! let files = files(&spec, Runner::CloudFormation)?;
//! assert_eq!(files[0].name, "nightly.yaml");
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod cloudformation;
mod needs;
mod node;
mod plan;
mod policy;
mod shared;
mod terraform;
mod tokens;

pub use needs::{Need, Role};

use crate::error::Result;
use crate::recipe::EfsBackup;
use plan::Plan;

/// What runs a backup, and the language of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runner {
    /// AWS Data Pipeline, with all around it, as a CloudFormation template.
    CloudFormation,
    /// The same as a file of Terraform, for version 5 of the AWS provider or newer.
    Terraform,
}

impl Runner {
    /// Every runner.
    pub const ALL: [Runner; 2] = [Runner::CloudFormation, Runner::Terraform];

    /// Its name on the command line, such as `cloudformation`.
    pub fn name(self) -> &'static str {
        match self {
            Runner::CloudFormation => "cloudformation",
            Runner::Terraform => "terraform",
        }
    }

    /// The runner called `name`.
    pub fn from_name(name: &str) -> Option<Runner> {
        Runner::ALL.into_iter().find(|runner| runner.name() == name)
    }
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// The files of `spec` for `runner`.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) names what of the spec or its environment is
/// wrong or missing for this runner.
pub fn files(spec: &EfsBackup, runner: Runner) -> Result<Vec<File>> {
    let plan = Plan::new(spec)?;
    let name = |ending: &str| format!("{}.{ending}", plan.name());
    Ok(match runner {
        Runner::CloudFormation => {
            vec![File { name: name("yaml"), text: cloudformation::write(&plan)? }]
        }
        Runner::Terraform => vec![File { name: name("tf"), text: terraform::write(&plan)? }],
    })
}

/// The permissions of the two roles of a pipeline, and what needs each of them.
///
/// # Errors
/// As [`files`].
pub fn needs(spec: &EfsBackup) -> Result<Vec<Need>> {
    let plan = Plan::new(spec)?;
    Ok(needs::groups(&plan).iter().flat_map(needs::Group::needs).collect())
}
