//! A running command and its supervisor, as the worker sees them.

use super::run_as::RunAs;
use super::supervisor::Message;
use super::sys;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::time::Duration;

/// A command whose processes all end with it.
pub(crate) struct Supervised {
    supervisor: Child,
    control: UnixStream,
    received: Vec<u8>,
    status: Option<ExitStatus>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The command's own exit status; `None` where the supervisor was killed.
    pub(crate) status: Option<ExitStatus>,
    /// Whether nothing it started is left. `false` where something hangs in a system
    /// call, so that it can't be ended.
    pub(crate) clear: bool,
}

impl Supervised {
    /// Starts `command`, with the rights of `user` if there is one; between SIGTERM and SIGKILL it
    /// is given `grace`.
    pub(crate) fn start(
        mut command: Command,
        grace: Duration,
        user: Option<&RunAs>,
    ) -> io::Result<Supervised> {
        let (control, theirs) = UnixStream::pair()?;
        sys::put_under_supervision(&mut command, OwnedFd::from(theirs), grace, user.cloned());
        let supervisor = command.spawn()?;
        // It holds their end, whose closing is to tell that the supervisor is gone.
        drop(command);
        Ok(Supervised { supervisor, control, received: Vec::new(), status: None })
    }

    /// The supervisor's process id: the session of all that the command starts.
    pub(crate) fn session(&self) -> u32 {
        self.supervisor.id()
    }

    /// The command's standard output and error, where they are pipes; once only.
    pub(crate) fn streams(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.supervisor.stdout.take(), self.supervisor.stderr.take())
    }

    /// Asks the supervisor to end everything. Asking again changes nothing.
    pub(crate) fn stop(&mut self) {
        // A supervisor that has closed its end is done already; `wait` tells.
        let _ = self.control.write_all(b"T");
    }

    /// Waits up to `timeout` for the end of everything.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<Option<Ended>> {
        self.control.set_read_timeout(Some(timeout))?;
        let mut buffer = [0; 8 * Message::SIZE];
        match self.control.read(&mut buffer) {
            Ok(0) => {
                self.supervisor.wait()?;
                return Ok(Some(Ended { status: self.status, clear: false }));
            }
            Ok(length) => self.received.extend(buffer.iter().take(length)),
            Err(error) => {
                use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
                return match error.kind() {
                    WouldBlock | TimedOut | Interrupted => Ok(None),
                    io::ErrorKind::ConnectionReset => {
                        self.supervisor.wait()?;
                        Ok(Some(Ended { status: self.status, clear: false }))
                    }
                    _ => Err(error),
                };
            }
        }
        while let Some((message, rest)) = self.received.split_first_chunk() {
            let message = Message::from_bytes(*message);
            self.received = rest.to_vec();
            match message {
                Some(Message::Ended(status)) => self.status = Some(ExitStatus::from_raw(status)),
                Some(Message::Clear) => {
                    self.supervisor.wait()?;
                    return Ok(Some(Ended { status: self.status, clear: true }));
                }
                Some(Message::Stuck) => {
                    return Ok(Some(Ended { status: self.status, clear: false }));
                }
                None => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Instant;

    fn bash(script: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn until_ended(running: &mut Supervised) -> Ended {
        loop {
            if let Some(ended) = running.wait(Duration::from_millis(50)).unwrap() {
                return ended;
            }
        }
    }

    #[test]
    fn the_exit_status_is_the_commands_own() {
        let mut running = Supervised::start(bash("exit 7"), Duration::from_secs(5), None).unwrap();
        let ended = until_ended(&mut running);
        assert_eq!(ended.status.and_then(|status| status.code()), Some(7));
        assert!(ended.clear);
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error_of_start() {
        let command = Command::new("/no/such/program");
        let error = Supervised::start(command, Duration::ZERO, None).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    /// A process that forked twice, has its own session and ignores SIGTERM. It writes
    /// its id to the file `$1`.
    const ESCAPEE: &str = "(setsid bash -c 'trap \"\" TERM; echo $$ > \"$0.part\"; \
        mv \"$0.part\" \"$0\"; while :; do sleep 1; done' \"$1\" &)";

    /// Starts the escapee and then `rest`, ends the command as `end` says, and tells
    /// whether the escapee is gone. `rest` and `end` share the file `$1.go`.
    fn escapee_is_gone(rest: &str, end: impl FnOnce(Supervised, &Path)) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let mut command = bash(&format!("{ESCAPEE}; {rest}"));
        command.arg("bash").arg(&file);
        let mut running = Supervised::start(command, Duration::from_millis(200), None).unwrap();
        let pid = loop {
            assert!(running.wait(Duration::from_millis(20)).unwrap().is_none(), "ended early");
            match std::fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => {}
            }
        };
        let process = Path::new("/proc").join(pid);
        assert!(process.exists());
        end(running, &dir.path().join("pid.go"));
        let start = Instant::now();
        while process.exists() && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        !process.exists()
    }

    #[test]
    fn stopping_ends_what_forked_twice_and_ignores_sigterm() {
        assert!(escapee_is_gone("sleep 1000", |mut running, _| {
            running.stop();
            let ended = until_ended(&mut running);
            assert!(ended.clear);
            assert_eq!(ended.status.and_then(|status| status.signal()), Some(15));
        }));
    }

    #[test]
    fn the_workers_death_ends_everything() {
        // Closing the worker's end is what its death does.
        assert!(escapee_is_gone("sleep 1000", |running, _| drop(running.control)));
    }

    #[test]
    fn what_a_finished_command_left_behind_ends_too() {
        let until_told = "until [ -e \"$1.go\" ]; do sleep 0.05; done";
        assert!(escapee_is_gone(until_told, |mut running, go| {
            std::fs::write(go, "").unwrap();
            let ended = until_ended(&mut running);
            assert_eq!(ended.status.and_then(|status| status.code()), Some(0));
            assert!(ended.clear);
        }));
    }
}
