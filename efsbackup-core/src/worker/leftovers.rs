//! After the worker's death: ending what it left running, and telling the service.

use super::WorkerEvent;
use super::workspace::{Outcome, Process, Record, TOKEN_VARIABLE, Workspace, boot_id};
use crate::deploy::{PipelineService, TaskFailure};
use crate::error::{Error, ErrorKind, Result};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the processes of a dead worker may take to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends and reports every attempt below `work_dir` whose worker is dead, and adds what it
/// did to `events`. After an error it can be called again.
pub(super) fn recover<S: PipelineService>(
    work_dir: &Path,
    service: &S,
    events: &mut Vec<WorkerEvent>,
) -> Result<()> {
    let boot = boot_id()?;
    for mut workspace in Workspace::all(work_dir)? {
        let same_boot = workspace.record.boot == boot;
        if same_boot && workspace.record.worker.is_alive() {
            continue;
        }
        if same_boot {
            end(&workspace.record)?;
        }
        let attempt = workspace.record.attempt.clone();
        let outcome = workspace.record.outcome.get_or_insert_with(|| {
            Outcome::new(Some(&TaskFailure {
                id: "WorkerLost".into(),
                message: "the worker stopped while this attempt ran; what it had started \
                          was ended"
                    .into(),
                stack: String::new(),
            }))
        });
        let status = outcome.status(&workspace.record.task);
        match pollster::block_on(service.set_task_status(&status)) {
            Ok(()) => events.push(WorkerEvent::Recovered { attempt }),
            // The service has given the attempt up by itself.
            Err(error) if is_closed(&error) => {}
            Err(error) => return Err(error),
        }
        workspace.remove()?;
    }
    Ok(())
}

/// Whether the service no longer waits for this task.
pub(super) fn is_closed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::InvalidInput)
}

/// Ends all that an attempt started, its supervisor having had its chance.
pub(super) fn end(record: &Record) -> Result<()> {
    let start = Instant::now();
    loop {
        let supervised = record.supervisor.is_some_and(Process::is_alive);
        let waited = start.elapsed();
        let mut left = 0;
        if !supervised || waited > PATIENCE / 2 {
            left = kill_marked(&record.token)?;
        }
        if !supervised && left == 0 {
            return Ok(());
        }
        if waited > PATIENCE {
            return Err(Error::new(ErrorKind::Busy, "end leftovers").with_message(format!(
                "{left} processes of {} can't be ended; they hang in a system call",
                record.attempt
            )));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Kills the processes whose environment has `token`, and counts them.
fn kill_marked(token: &str) -> Result<usize> {
    let marker = format!("{TOKEN_VARIABLE}={token}");
    let failed = |error| Error::from_io("read processes", error).with_path(Path::new("/proc"));
    let mut count = 0;
    for entry in fs::read_dir("/proc").map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        // Held before the look, so that the signal goes to the process that was looked at.
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty());
        let path = format!("/proc/{}/environ", pid.as_raw_pid());
        let Ok(environment) = fs::read(path) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes()) {
            count += 1;
            // One that is gone by now is what was wanted; any other stays counted.
            let _ = match &handle {
                Ok(handle) => rustix::process::pidfd_send_signal(handle, Signal::KILL),
                Err(_) => rustix::process::kill_process(pid, Signal::KILL),
            };
        }
    }
    Ok(count)
}
