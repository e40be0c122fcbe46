//! What the verbs share that offer or use a service.

use crate::clock::SystemClock;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Keys, Remote};
use std::path::PathBuf;
use std::sync::Arc;

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
#[group(id = "service", required = true, multiple = false)]
struct Which {
    /// The service whose state is in FILE
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The service that `efsbackup serve` offers at URL, such as http://127.0.0.1:4664
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    keys: KeyArgs,
}

/// A service that was named on the command line.
pub(crate) enum Service {
    Embedded(Box<Engine>),
    Remote(Remote),
}

impl ServiceArgs {
    pub(crate) fn open(&self) -> Result<Service> {
        match (&self.which.state, &self.which.endpoint) {
            (_, Some(endpoint)) => Ok(Service::Remote(Remote::new(endpoint, self.keys.read()?)?)),
            (Some(path), None) if !path.exists() => {
                Err(Error::new(ErrorKind::NotFound, "open state")
                    .with_message("there is no such state file")
                    .with_path(path.as_path()))
            }
            (Some(path), None) => {
                Ok(Service::Embedded(Box::new(Engine::open(path, Arc::new(SystemClock))?)))
            }
            (None, None) => Err(Error::new(ErrorKind::InvalidInput, "service")
                .with_message("say --state FILE or --endpoint URL")),
        }
    }
}
