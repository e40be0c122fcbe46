//! How tasks are run, for the verbs that run them.

use crate::error::Result;
use crate::worker::RunAs;

#[derive(clap::Args)]
pub(crate) struct TaskArgs {
    /// How many tasks run here at the same time; with `serve` 0 leaves all to `efsbackup worker`
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) tasks: usize,
    /// Keep the first MIB of a script's output, and of its errors, beside the last 64 KiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    log_limit: u32,
    /// Run scripts as USER, whose groups they have; only root can
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
}

impl TaskArgs {
    /// The user that scripts run as.
    pub(crate) fn run_as(&self) -> Result<Option<RunAs>> {
        self.run_as.as_deref().map(RunAs::user).transpose()
    }

    /// The limit of a log, in bytes.
    pub(crate) fn log_limit(&self) -> u64 {
        u64::from(self.log_limit) * 1024 * 1024
    }
}
