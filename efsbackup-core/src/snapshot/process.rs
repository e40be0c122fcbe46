//! Which process of which boot of which machine something belongs to.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A process, told apart from every other one on any machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// The machine's name, for people.
    pub(super) host: String,
    /// The kernel's random number for this boot.
    pub(super) boot_id: String,
    /// The process's number.
    pub(super) pid: u32,
    /// Within which set of process numbers: containers have their own.
    pub(super) pid_namespace: String,
    /// When it started, in clock ticks since the boot: numbers are used again.
    pub(super) start_ticks: u64,
}

impl Process {
    /// The process that asks.
    pub(super) fn current() -> Result<Self> {
        let pid = std::process::id();
        let start_ticks = start_ticks(pid).ok_or_else(|| {
            Error::new(crate::ErrorKind::Unsupported, "read")
                .with_message("the process's start time is not told; is /proc mounted?")
                .with_path(Path::new("/proc/self/stat"))
        })?;
        Ok(Process {
            host: read_line("/proc/sys/kernel/hostname")?,
            boot_id: boot_id()?,
            pid,
            pid_namespace: pid_namespace()?,
            start_ticks,
        })
    }

    /// No process: what a run that was left for others is held by. Nobody ever sees it end.
    pub(super) fn none() -> Result<Self> {
        let host = read_line("/proc/sys/kernel/hostname")?;
        Ok(Process {
            host,
            boot_id: String::new(),
            pid: 0,
            pid_namespace: String::new(),
            start_ticks: 0,
        })
    }

    /// Whether it is [`Process::none`].
    pub(super) fn is_none(&self) -> bool {
        self.pid == 0
    }

    /// Whether the process is known to have ended: it ran under this boot, among the
    /// process numbers seen here, and is there no more.
    pub(super) fn has_ended(&self) -> bool {
        let here = boot_id().is_ok_and(|boot_id| boot_id == self.boot_id)
            && pid_namespace().is_ok_and(|namespace| namespace == self.pid_namespace);
        here && start_ticks(self.pid) != Some(self.start_ticks)
    }
}

/// The kernel's random number for this boot.
pub(super) fn boot_id() -> Result<String> {
    read_line("/proc/sys/kernel/random/boot_id")
}

fn pid_namespace() -> Result<String> {
    let path = Path::new("/proc/self/ns/pid");
    let link = std::fs::read_link(path).map_err(|e| Error::from_io("read", e).with_path(path))?;
    Ok(crate::bytepath::BytePath::from(link).to_text())
}

fn read_line(path: &str) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::from_io("read", error).with_path(Path::new(path)))?;
    Ok(text.trim_end().to_owned())
}

/// When the process started (proc(5), `stat`, field 22); `None` when there is none, or only
/// what is left of one that ended.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, field 2, is in parentheses and may hold anything, those included.
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(after_name + 1..)?).ok()?;
    let mut fields = text.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_ended_only_when_that_is_known() {
        let current = Process::current().unwrap();
        assert!(!current.has_ended());
        let reused = Process { start_ticks: current.start_ticks + 1, ..current.clone() };
        assert!(reused.has_ended());
        let elsewhere = Process { boot_id: "other".into(), ..reused.clone() };
        assert!(!elsewhere.has_ended());
        let container = Process { pid_namespace: "pid:[1]".into(), ..reused };
        assert!(!container.has_ended());
    }

    #[test]
    fn a_child_that_was_not_waited_for_has_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        while start_ticks(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(child.wait().unwrap().success());
    }
}
