//! Which repository a verb works on.

use crate::error::Result;
use crate::snapshot::Repository;
use std::path::PathBuf;

/// The arguments of every verb that reads a repository.
#[derive(clap::Args)]
pub(crate) struct RepositoryArgs {
    /// The folder of all repositories
    root: PathBuf,
    /// Which one, where there are several
    #[arg(long)]
    name: Option<String>,
}

impl RepositoryArgs {
    /// The repository they mean.
    pub(crate) fn repository(&self) -> Result<Repository> {
        match &self.name {
            Some(name) => Repository::new(&self.root, name),
            None => Repository::only(&self.root),
        }
    }
}
