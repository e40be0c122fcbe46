//! How tasks are run, for the verbs that run them.

#[derive(clap::Args)]
pub(crate) struct TaskArgs {
    /// How many tasks run here at the same time; with `serve` 0 leaves all to `efsbackup worker`
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) tasks: usize,
    /// Keep the first MIB of a script's output, and of its errors, beside the last 64 KiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    log_limit: u32,
}

impl TaskArgs {
    /// The limit of a log, in bytes.
    pub(crate) fn log_limit(&self) -> u64 {
        u64::from(self.log_limit) * 1024 * 1024
    }
}
