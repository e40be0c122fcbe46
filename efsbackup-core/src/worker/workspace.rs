//! What the worker keeps on disk about an attempt while it runs it.
//!
//! Each attempt has a folder with its script and a record of who runs it. After the
//! worker's death the record tells the next worker what to end and what to report.

use super::run_as::RunAs;
use super::script::Script;
use crate::deploy::{SetTaskStatus, Task, TaskFailure, TaskStatus};
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The variable that marks every process of an attempt.
pub(super) const TOKEN_VARIABLE: &str = "EFSBACKUP_ATTEMPT_TOKEN";

/// Who runs an attempt, and how it ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) task: String,
    pub(super) pipeline: String,
    pub(super) attempt: String,
    pub(super) token: String,
    pub(super) boot: String,
    pub(super) worker: Process,
    pub(super) supervisor: Option<Process>,
    pub(super) outcome: Option<Outcome>,
}

/// A process; the start time tells it from a later one with the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) start: u64,
}

impl Process {
    /// The process with this id, if there is one.
    pub(super) fn find(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the start time is field 22.
        let start = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
        Some(Process { pid, start: start.parse().ok()? })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(self) -> bool {
        Process::find(self.pid) == Some(self)
    }
}

/// How an attempt ended: without a failure it finished.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) failure: Option<(String, String, String)>,
}

impl Outcome {
    pub(super) fn new(failure: Option<&TaskFailure>) -> Outcome {
        let parts = |failure: &TaskFailure| {
            (failure.id.clone(), failure.message.clone(), failure.stack.clone())
        };
        Outcome { failure: failure.map(parts) }
    }

    /// What to tell the service about `task`.
    pub(super) fn status(&self, task: &str) -> SetTaskStatus {
        let failure =
            self.failure.clone().map(|(id, message, stack)| TaskFailure { id, message, stack });
        let (status, failure) = match failure {
            None => (TaskStatus::Finished, None),
            Some(failure) if failure.id == TaskFailure::NOT_MET => (TaskStatus::False, None),
            Some(failure) => (TaskStatus::Failed, Some(failure)),
        };
        SetTaskStatus { task: task.to_owned(), status, failure }
    }
}

/// The folder of one attempt.
pub(super) struct Workspace {
    dir: PathBuf,
    pub(super) record: Record,
}

impl Workspace {
    /// Makes a folder below `work_dir` that says this process has `task`.
    pub(super) fn claim(work_dir: &Path, task: &Task, user: Option<&RunAs>) -> Result<Workspace> {
        let token = random_token()?;
        let pid = std::process::id();
        let worker = Process::find(pid).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "start attempt").with_message("/proc is not mounted")
        })?;
        // Even before there is a record, the name tells whose it is.
        let dir = work_dir.join(format!("{}-{}-{token}", worker.pid, worker.start));
        make_private_dir(&dir)?;
        open_to(&dir, user)?;
        let record = Record {
            task: task.id.clone(),
            pipeline: task.pipeline.clone(),
            attempt: task.attempt.clone(),
            token,
            boot: boot_id()?,
            worker,
            supervisor: None,
            outcome: None,
        };
        let workspace = Workspace { dir, record };
        workspace.save()?;
        Ok(workspace)
    }

    /// The folders below `work_dir` that have a record. Those that a dead worker left
    /// before it had one, or while it removed them, are removed.
    pub(super) fn all(work_dir: &Path) -> Result<Vec<Workspace>> {
        let failed = |error| Error::from_io("read work folder", error).with_path(work_dir);
        let mut found = Vec::new();
        for entry in fs::read_dir(work_dir).map_err(failed)? {
            let dir = entry.map_err(failed)?.path();
            let record = fs::read(dir.join("record.json")).ok();
            // A record is renamed into place, so it is whole.
            let record = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            match record {
                Some(record) => found.push(Workspace { dir, record }),
                None if owner(&dir).is_some_and(|worker| !worker.is_alive()) => {
                    fs::remove_dir_all(&dir).map_err(failed)?;
                }
                None => {}
            }
        }
        Ok(found)
    }

    /// Writes the record; it is whole or not there, whenever the machine stops.
    pub(super) fn save(&self) -> Result<()> {
        let path = self.dir.join("record.json");
        let part = self.dir.join("record.part");
        let write = || -> std::io::Result<()> {
            let mut file = private(&part)?;
            file.write_all(&serde_json::to_vec(&self.record)?)?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| Error::from_io("write record", error).with_path(path))
    }

    /// Writes the script and gives its path.
    pub(super) fn write_script(&self, script: &Script, user: Option<&RunAs>) -> Result<PathBuf> {
        let path = self.dir.join("script.sh");
        private(&path)
            .and_then(|mut file| file.write_all(script.text.as_bytes()))
            .map_err(|error| Error::from_io("write script", error).with_path(path.as_path()))?;
        user.map_or(Ok(()), |user| user.give(&path))?;
        Ok(path)
    }

    /// Makes the folder for the data of a script.
    pub(super) fn staging_dir(&self, user: Option<&RunAs>) -> Result<PathBuf> {
        let dir = self.dir.join("data");
        make_private_dir(&dir)?;
        user.map_or(Ok(()), |user| user.give(&dir))?;
        Ok(dir)
    }

    /// Removes the folder; nothing is left to end or to report.
    pub(super) fn remove(self) -> Result<()> {
        match fs::remove_dir_all(&self.dir) {
            // Two workers that start together may both look after it.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::from_io("remove work folder", error).with_path(self.dir))
            }
            _ => Ok(()),
        }
    }
}

/// The worker whose folder this is, by its name.
fn owner(dir: &Path) -> Option<Process> {
    let mut parts = dir.file_name()?.to_str()?.splitn(3, '-');
    let pid = parts.next()?.parse().ok()?;
    Some(Process { pid, start: parts.next()?.parse().ok()? })
}

/// Makes the folder of all attempts, where `user` finds its scripts.
pub(super) fn make_work_dir(dir: &Path, user: Option<&RunAs>) -> Result<()> {
    make_private_dir(dir)?;
    open_to(dir, user)?;
    user.map_or(Ok(()), |user| user.refuse_unreachable(dir))
}

/// Lets another user, if there is one, through `dir`, but not look at what is in it.
fn open_to(dir: &Path, user: Option<&RunAs>) -> Result<()> {
    if user.is_none() {
        return Ok(());
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o711))
        .map_err(|error| Error::from_io("open folder", error).with_path(dir))
}

/// Makes `dir`, and what is missing above it, for its owner only.
pub(super) fn make_private_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Error::from_io("make folder", error).with_path(dir))
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)
}

/// Changes with every start of the machine: process ids mean nothing across it.
pub(super) fn boot_id() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path)
        .map_err(|error| Error::from_io("read boot id", error).with_path(path))?;
    Ok(text.trim().to_owned())
}

fn random_token() -> Result<String> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Error::from_io("read random bytes", error).with_path(path))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
