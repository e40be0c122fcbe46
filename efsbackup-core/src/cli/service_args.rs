//! What the verbs share that offer or use a service.

use crate::error::Result;
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
