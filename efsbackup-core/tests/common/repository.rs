//! Repositories, backups and a clock for the tests.

use efsbackup_core::Result;
use efsbackup_core::clock::{Clock, SystemClock};
use efsbackup_core::mirror::Jobs;
use efsbackup_core::snapshot::{BackupOptions, BackupReport, Repository, Snapshot};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// The repository that the tests use under `root`.
pub(crate) fn repository(root: &Path) -> Repository {
    Repository::new(root, "fs-1").unwrap()
}

/// Backs `source` up under `root`.
pub(crate) fn try_backup(
    source: &Path,
    root: &Path,
    options: BackupOptions,
) -> Result<BackupReport> {
    repository(root).backup(source).options(options).run()
}

/// Backs `source` up under `root`; it must publish a complete snapshot.
pub(crate) fn backup(source: &Path, root: &Path) -> (BackupReport, Snapshot) {
    let done = try_backup(source, root, BackupOptions::default()).unwrap();
    assert_eq!(done.exit_status(), 0, "{:?}", done.report.errors);
    assert!(done.left_over.is_empty(), "{:?}", done.left_over);
    let snapshot = done.snapshot.clone().unwrap();
    (done, snapshot)
}

/// Where the snapshot `id` is.
pub(crate) fn at(root: &Path, id: &str) -> PathBuf {
    repository(root).snapshot_path(id)
}

/// The names in the repository's folder, sorted, but for `.efsbackup`.
pub(crate) fn folders(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(repository(root).path())
        .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.retain(|name| name != ".efsbackup");
    names.sort();
    names
}

/// A clock that stands still until it is set or waited on.
pub(crate) struct Hands(Mutex<Timestamp>);

impl Hands {
    pub(crate) fn at(time: &str) -> Hands {
        Hands(Mutex::new(time.parse().unwrap()))
    }

    pub(crate) fn set(&self, time: &str) {
        *self.0.lock().unwrap() = time.parse().unwrap();
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::try_from(duration).unwrap();
    }
}

/// Backs `source` up under `root` at the time `clock` shows, with names in `timezone`.
pub(crate) fn backup_at(source: &Path, root: &Path, clock: &Hands, timezone: &str) -> Snapshot {
    let mut options = BackupOptions::default();
    options.set_timezone(timezone).unwrap();
    let done = repository(root).backup(source).options(options).clock(clock).run().unwrap();
    done.snapshot.unwrap()
}

/// This test program, to be run again as a process of its own that runs only the ignored
/// test `child_run`, with the variables `SOURCE`, `ROOT` and `LEASE_MS`, and perhaps others that
/// [`run_as_child`] knows.
pub(crate) fn child(source: &Path, root: &Path, lease: Duration) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "child_run", "--test-threads=1", "--nocapture"])
        .env("SOURCE", source)
        .env("ROOT", root)
        .env("LEASE_MS", lease.as_millis().to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

/// What the ignored test `child_run` does: a backup as the variables say. Fails unless a
/// snapshot was published.
pub(crate) fn run_as_child() {
    let variable = |name: &str| std::env::var_os(name).expect("only run by other tests");
    let number = |name: &str| -> Option<u64> {
        std::env::var(name).ok().map(|number| number.parse().unwrap())
    };
    let mut options = BackupOptions::default();
    options.lease = Duration::from_millis(number("LEASE_MS").unwrap());
    // What shrinks or is emptied at random is no accident.
    options.max_shrink = 100;
    options.mirror.allow_empty = true;
    if let Some(jobs) = number("JOBS") {
        options.mirror.jobs = Jobs::Count(jobs as usize);
    }
    options.run_id = std::env::var("RUN_ID").ok();
    if let Some(keep) = number("KEEP_LAST") {
        options.retention.last = keep as u32;
    }
    let clock: Box<dyn Clock> = match std::env::var("CLOCK") {
        Ok(time) => Box::new(Hands::at(&time)),
        Err(_) => Box::new(SystemClock),
    };
    let (source, root) = (PathBuf::from(variable("SOURCE")), PathBuf::from(variable("ROOT")));
    #[cfg(feature = "testing")]
    let _faults = super::crash::faults_of_child();
    let done = repository(&root).backup(&source).options(options).clock(&*clock).run().unwrap();
    assert!(done.snapshot.is_some(), "{:?}", done.report);
}
