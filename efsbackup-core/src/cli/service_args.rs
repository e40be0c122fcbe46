//! What the verbs share that offer or use a service.

use super::Context;
use super::cloud_args::SessionArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::service::{Blocking, Service};
use crate::wire::Keys;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct KeyArgs {
    /// Take the access key from FILE, in the form of ~/.aws/credentials and closed to
    /// others (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
}

impl KeyArgs {
    pub(crate) fn read(&self) -> Result<Keys> {
        match &self.keys {
            Some(path) => Keys::from_file(path),
            None => Keys::from_environment(),
        }
    }
}

/// Which service is meant.
#[derive(clap::Args)]
#[group(id = "service", required = true, multiple = true)]
struct Which {
    /// The service whose state is in FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "aws"])]
    state: Option<PathBuf>,
    /// The service that `efsbackup serve` offers at URL, such as http://127.0.0.1:4664; with
    /// --aws a URL in place of AWS's own
    #[arg(long, visible_alias = "endpoint-url", value_name = "URL")]
    endpoint: Option<String>,
    /// AWS Data Pipeline, with the AWS CLI's credentials
    #[arg(long, conflicts_with = "keys")]
    aws: bool,
}

#[derive(clap::Args)]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

impl ServiceArgs {
    /// The service's calls, which end with the command.
    pub(crate) fn calls(&self, context: &Context) -> Result<Blocking> {
        Ok(self.open(context)?.blocking(&context.cancel))
    }

    /// The service that was named on the command line.
    pub(crate) fn open(&self, context: &Context) -> Result<Service> {
        if self.which.aws {
            return self.open_aws(context);
        }
        match (&self.which.state, &self.which.endpoint) {
            (_, Some(endpoint)) => Service::remote(endpoint, self.keys.read()?),
            (Some(path), None) if !path.exists() => Err(Error::new(
                ErrorKind::NotFound,
                "open state",
            )
            .with_message(
                "there is no such state file; `efsbackup run` and `efsbackup serve` make one",
            )
            .with_path(path.as_path())),
            (Some(path), None) => Service::embedded(path),
            (None, None) => Err(Error::new(ErrorKind::InvalidInput, "service")
                .with_message("say --state FILE, --endpoint URL or --aws")),
        }
    }

    #[cfg(feature = "s3")]
    fn open_aws(&self, context: &Context) -> Result<Service> {
        Service::aws(&self.session.options(self.which.endpoint.clone()), &context.cancel)
    }

    #[cfg(not(feature = "s3"))]
    fn open_aws(&self, _: &Context) -> Result<Service> {
        Err(super::cloud_args::without())
    }
}
