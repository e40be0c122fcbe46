//! What a worker is told before it starts.

use super::RunAs;
use crate::deploy::ObjectStore;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The variables of the worker's own environment that scripts are given, where set.
const PASSED_ON: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// The `PATH` of scripts where the worker has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a [`Worker`](super::Worker) works.
///
/// ```
/// use efsbackup_core::worker::WorkerOptions;
///
/// let mut options = WorkerOptions::new(["backups"], "/var/log/worker", "/var/lib/worker");
/// options.tasks = 4;
/// options.environment.push(("TMPDIR".into(), "/var/tmp".into()));
/// ```
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The worker groups it polls, in this order.
    pub groups: Vec<String>,
    /// Where logs go that the definition does not send to a local folder.
    pub log_dir: PathBuf,
    /// Where it keeps scripts and records of running attempts; local disk, its own.
    pub work_dir: PathBuf,
    /// How many tasks run at the same time; 2 by default, as in AWS's own runner.
    pub tasks: usize,
    /// The name it gives itself; the machine's by default.
    pub hostname: String,
    /// The wait after a poll that found nothing; 1 second by default.
    pub poll_interval: Duration,
    /// The time between two reports of progress; 1 minute by default. A cancel takes
    /// effect at the next report.
    pub heartbeat: Duration,
    /// The time between SIGTERM and SIGKILL; 10 seconds by default.
    pub grace: Duration,
    /// Of standard output and of standard error each, how many bytes of the beginning are
    /// kept at most, beside the last 64 KiB; 64 MiB by default.
    pub log_limit: u64,
    /// The user that scripts run as; the worker's own by default. Logs then go below `log_dir`
    /// only, whatever the definition says: the worker writes them with its own rights.
    pub run_as: Option<RunAs>,
    /// Where S3 is reached; else tasks that need it fail.
    pub objects: Option<Arc<dyn ObjectStore>>,
    /// The whole environment of scripts, but for the variables named `EFSBACKUP_…` and
    /// `…_STAGING_DIR`.
    pub environment: Vec<(OsString, OsString)>,
}

impl WorkerOptions {
    /// The defaults, for these groups and folders. The environment is made of the
    /// current process's `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_ALL`, `TZ` and
    /// `TMPDIR`.
    pub fn new(
        groups: impl IntoIterator<Item = impl Into<String>>,
        log_dir: impl Into<PathBuf>,
        work_dir: impl Into<PathBuf>,
    ) -> WorkerOptions {
        WorkerOptions {
            groups: groups.into_iter().map(Into::into).collect(),
            log_dir: log_dir.into(),
            work_dir: work_dir.into(),
            tasks: 2,
            hostname: hostname(),
            poll_interval: Duration::from_secs(1),
            heartbeat: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            log_limit: 64 * 1024 * 1024,
            run_as: None,
            objects: None,
            environment: passed_on(),
        }
    }
}

/// What scripts are given of this process's environment, and a `PATH` in any case.
pub(crate) fn passed_on() -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> =
        PASSED_ON.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
    if !environment.iter().any(|(name, _)| name == "PATH") {
        environment.push(("PATH".into(), DEFAULT_PATH.into()));
    }
    environment
}

fn hostname() -> String {
    let name = rustix::system::uname();
    name.nodename().to_str().unwrap_or("localhost").to_owned()
}
