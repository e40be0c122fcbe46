//! Which repository a verb works on, and what is kept in it.

use crate::error::Result;
use crate::snapshot::{Repository, Retention};
use std::path::PathBuf;

/// The arguments of every verb that reads a repository.
#[derive(clap::Args)]
pub(crate) struct RepositoryArgs {
    /// The folder of all repositories
    root: PathBuf,
    /// The repository's name, where ROOT has several
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

/// Which snapshots are kept.
#[derive(clap::Args)]
pub(crate) struct KeepArgs {
    /// Keep the newest N complete snapshots
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_last: u32,
    /// Keep the newest of each of the last N hours that have one
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_hourly: u32,
    /// Likewise of each day
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_daily: u32,
    /// Likewise of each week, from Monday on
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_weekly: u32,
    /// Likewise of each month
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_monthly: u32,
    /// Likewise of each year
    #[arg(long, value_name = "N", default_value_t, hide_default_value = true)]
    keep_yearly: u32,
}

impl KeepArgs {
    /// The retention they mean; none keeps everything.
    pub(crate) fn retention(&self) -> Retention {
        Retention {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
        }
    }
}
