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

mod cadence;
mod cloudformation;
mod instance;
mod instance_needs;
mod kubernetes;
mod needs;
mod node;
mod plan;
mod policy;
mod shared;
mod split;
mod steps;
mod systemd;
mod terraform;
mod tokens;

pub use needs::{Need, Role};

use crate::error::{Error, ErrorKind, Result};
use crate::recipe::EfsBackup;
use plan::{Host, Plan};

/// What runs a backup, and the language of its files.
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, Environment};
/// use efsbackup_core::stack::{Runner, files};
///
/// let spec = EfsBackup::new(
///     "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/",
///     "fs-0fedcba9876543210.efs.eu-west-1.amazonaws.com:/",
/// )
/// .environment(Environment::new("nightly"));
/// for file in files(&spec, Runner::Systemd)? {
///     println!("{}: {} bytes", file.name, file.text.len());
/// }
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runner {
    /// AWS Data Pipeline, with all around it, as a CloudFormation template.
    CloudFormation,
    /// The same as a file of Terraform, for version 5 of the AWS provider or newer.
    Terraform,
    /// AWS Data Pipeline in the split that many run: roles with AWS's managed policies in
    /// Terraform, the pipeline alone in CloudFormation.
    Split,
    /// EventBridge Scheduler, Step Functions and a task on Fargate, as a CloudFormation template.
    StepFunctions,
    /// EventBridge Scheduler, Step Functions and an EC2 instance for each run, on which Systems
    /// Manager runs the script, as a CloudFormation template.
    StepFunctionsEc2,
    /// A service and a timer of systemd, and their script.
    Systemd,
    /// A CronJob of Kubernetes, and its volumes.
    Kubernetes,
}

impl Runner {
    /// Every runner.
    pub const ALL: [Runner; 7] = [
        Runner::CloudFormation,
        Runner::Terraform,
        Runner::Split,
        Runner::StepFunctions,
        Runner::StepFunctionsEc2,
        Runner::Systemd,
        Runner::Kubernetes,
    ];

    /// Its name on the command line, such as `cloudformation`.
    pub fn name(self) -> &'static str {
        match self {
            Runner::CloudFormation => "cloudformation",
            Runner::Terraform => "terraform",
            Runner::Split => "split",
            Runner::StepFunctions => "step-functions",
            Runner::StepFunctionsEc2 => "step-functions-ec2",
            Runner::Systemd => "systemd",
            Runner::Kubernetes => "kubernetes",
        }
    }

    /// The runner called `name`.
    pub fn from_name(name: &str) -> Option<Runner> {
        Runner::ALL.into_iter().find(|runner| runner.name() == name)
    }
}

/// A file to be written.
///
/// ```
/// use efsbackup_core::stack::File;
///
/// let note = File::new("README", "how these files are used\n");
/// assert_eq!(note.name, "README");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl File {
    /// A file of this name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        File { name: name.into(), text: text.into() }
    }
}

/// The files of `spec` for `runner`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) names what of the spec or its environment is wrong
/// or missing for this runner; [`Unsupported`](ErrorKind::Unsupported) for several nodes where the
/// runner has one.
pub fn files(spec: &EfsBackup, runner: Runner) -> Result<Vec<File>> {
    let name = plan::environment(spec)?.name.as_str();
    let is_pipeline = matches!(runner, Runner::CloudFormation | Runner::Terraform | Runner::Split);
    if spec.nodes > 1 && !is_pipeline {
        return Err(Error::new(ErrorKind::Unsupported, "stack").with_message(format!(
            "{} nodes share a backup on Data Pipeline only; for {} use 1",
            spec.nodes,
            runner.name()
        )));
    }
    let file = |ending: &str, text: String| File { name: format!("{name}{ending}"), text };
    Ok(match runner {
        Runner::CloudFormation => {
            vec![file(".yaml", cloudformation::write(&Plan::new(spec)?)?)]
        }
        Runner::Terraform => vec![file(".tf", terraform::write(&Plan::new(spec)?)?)],
        Runner::Split => vec![
            file("-iam.tf", split::terraform(name)),
            file(".yaml", split::cloudformation(spec, name)?),
        ],
        Runner::StepFunctions => {
            let plan = plan_on(Host::Container, spec)?;
            vec![file("-steps.yaml", steps::write(&plan, &plan::whole(spec).check()?)?)]
        }
        Runner::StepFunctionsEc2 => {
            let plan = plan_on(Host::Instance, spec)?;
            vec![file("-steps-ec2.yaml", instance::write(&plan, &plan::whole(spec).check()?)?)]
        }
        Runner::Systemd => systemd::files(spec, name)?,
        Runner::Kubernetes => kubernetes::files(spec, name)?,
    })
}

fn plan_on(host: Host, spec: &EfsBackup) -> Result<Plan<'_>> {
    let mut plan = Plan::new(spec)?;
    plan.host = host;
    Ok(plan)
}

/// The permissions of the roles that `runner` has, and what needs each of them.
///
/// # Errors
/// As [`files`]; [`Unsupported`](ErrorKind::Unsupported) for a runner without roles of its own.
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, Environment};
/// use efsbackup_core::stack::{Runner, needs};
///
/// let mut environment = Environment::new("nightly");
/// environment.vpc = Some("vpc-0123456789abcdef0".to_owned());
/// environment.subnets = vec!["subnet-0123456789abcdef0".to_owned()];
/// let spec = EfsBackup::to_new_file_system("fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/")
///     .environment(environment);
/// for need in needs(&spec, Runner::CloudFormation)? {
///     println!("{}: {} for {}", need.role.name(), need.action, need.call);
/// }
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
pub fn needs(spec: &EfsBackup, runner: Runner) -> Result<Vec<Need>> {
    let groups = match runner {
        Runner::CloudFormation | Runner::Terraform => needs::groups(&Plan::new(spec)?),
        Runner::StepFunctions => needs::containers(&plan_on(Host::Container, spec)?),
        Runner::StepFunctionsEc2 => instance_needs::groups(&plan_on(Host::Instance, spec)?),
        Runner::Split | Runner::Systemd | Runner::Kubernetes => {
            return Err(Error::new(ErrorKind::Unsupported, "stack")
                .with_message(format!("{} has no roles made for this backup", runner.name())));
        }
    };
    Ok(groups.iter().flat_map(needs::Group::needs).collect())
}
