//! Runs that are killed, put to sleep or made to fail, and what holds of a repository after.

use super::compare::{Meta, differences_of};
use super::read;
use super::repository::{at, child, folders, repository};
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::snapshot::State;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Whether the long form of a test is asked for: `EFSBACKUP_SOAK=1`.
pub(crate) fn soak() -> bool {
    std::env::var_os("EFSBACKUP_SOAK").is_some_and(|value| value == "1")
}

/// How many snapshots the retention keeps.
const KEEP: usize = 2;
/// Longer than any test: whoever waits for a lease that nobody holds is caught.
const LEASE: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(120);

/// A repository, and what each of its snapshots held when it was published.
pub(crate) struct Series {
    pub(crate) source: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) now: Timestamp,
    pub(crate) lease: Duration,
    pub(crate) known: BTreeMap<String, BTreeMap<BytePath, Meta>>,
    /// The complete ones ever seen, the oldest first.
    complete: Vec<String>,
    /// How many were published in all.
    pub(crate) published: usize,
}

impl Series {
    pub(crate) fn new(source: &Path, root: &Path) -> Series {
        Series {
            source: source.to_owned(),
            root: root.to_owned(),
            now: "2026-11-22T00:00:00Z".parse().unwrap(),
            lease: LEASE,
            known: BTreeMap::new(),
            complete: Vec::new(),
            published: 0,
        }
    }

    /// A backup of the source a minute after the last one, as a process of its own.
    pub(crate) fn command(&mut self) -> Command {
        self.now += SignedDuration::from_mins(1);
        let mut command = child(&self.source, &self.root, self.lease);
        command.env("CLOCK", self.now.to_string()).env("KEEP_LAST", KEEP.to_string());
        command
    }

    /// A backup that nothing disturbs. It must publish, and leave nothing over.
    #[track_caller]
    pub(crate) fn run_whole(&mut self) {
        let before = self.published;
        let mut command = self.command();
        let status = wait(&mut command.stderr(Stdio::inherit()).spawn().unwrap());
        assert!(status.success(), "a run that nothing disturbed failed");
        self.check();
        assert_eq!(self.published, before + 1);
        self.assert_tidy();
    }

    /// What must hold after every run, however it ended, of a source that nobody changed
    /// meanwhile.
    #[track_caller]
    pub(crate) fn check(&mut self) {
        let source = read(&self.source);
        self.check_each(|id, state, held| {
            if state == State::Complete {
                let differences = differences_of(&source, held);
                assert!(differences.is_empty(), "{id} is not the source:\n{differences}");
            }
        });
    }

    /// The same; `new` looks at what a snapshot that was not there before holds.
    #[track_caller]
    pub(crate) fn check_each(
        &mut self,
        mut new: impl FnMut(&str, State, &BTreeMap<BytePath, Meta>),
    ) {
        let repository = repository(&self.root);
        if !self.root.exists() || folders(&self.root).is_empty() {
            return assert!(self.known.is_empty(), "all is gone");
        }
        let listed = repository.snapshots().unwrap();
        let mut dated = folders(&self.root);
        dated.retain(|name| !name.starts_with('.'));
        let ids: Vec<&str> = listed.iter().map(|snapshot| snapshot.id.as_str()).collect();
        assert_eq!(dated, ids, "every dated folder is a snapshot");
        for snapshot in &listed {
            let id = &snapshot.id;
            assert_ne!(snapshot.state, State::Unknown, "{id} looks complete");
            let held = read(&at(&self.root, id));
            let found = repository.verify(id).run().unwrap();
            assert!(found.is_good() && found.contents_compared, "{id}: {:?}", found.differences);
            assert_eq!(found.files_without_digest, 0, "{id}");
            if let Some(known) = self.known.get(id) {
                let differences = differences_of(known, &held);
                assert!(differences.is_empty(), "{id} has changed:\n{differences}");
                continue;
            }
            new(id, snapshot.state, &held);
            self.known.insert(id.clone(), held);
            self.published += 1;
            if snapshot.state == State::Complete {
                self.complete.push(id.clone());
            }
        }
        // Only what the retention may have removed is gone.
        for id in self.complete.iter().rev().take(KEEP) {
            assert!(ids.contains(&id.as_str()), "{id} was removed, one of the last {KEEP}");
        }
        self.known.retain(|id, _| ids.contains(&id.as_str()));
    }

    /// Nothing is left of runs that ended early.
    #[track_caller]
    pub(crate) fn assert_tidy(&self) {
        let hidden: Vec<_> =
            folders(&self.root).into_iter().filter(|name| name.starts_with('.')).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
        let control = repository(&self.root).path().join(".efsbackup");
        assert_eq!(names(&control), ["format", "lock", "snapshots"]);
        let mut records = names(&control.join("snapshots"));
        records.retain(|name| {
            let ends = [".report.json", ".json", ".manifest"];
            let id = ends.iter().find_map(|end| name.strip_suffix(end));
            id.is_none_or(|id| !self.known.contains_key(id))
        });
        assert!(records.is_empty(), "{records:?}");
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits for a run to end; one that hangs, as before a lock that was left, is killed.
#[track_caller]
pub(crate) fn wait(run: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            run.kill().unwrap();
            run.wait().unwrap();
            panic!("the run hung");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether every thread of the run is stopped; one in the middle of a write ends that first.
pub(crate) fn is_stopped(run: &Child) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", run.id())) else { return false };
    let mut states = tasks.map(|task| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().unwrap_or_default().starts_with('T')
    });
    states.all(|stopped| stopped)
}

/// What happens to a run at one of its calls.
#[cfg(feature = "testing")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// All calls are noted, none fails.
    Note,
    /// It is killed before the call of this number.
    Kill(u64),
    /// It is put to sleep before the call of this number.
    Stop(u64),
    /// This call and those after it, so many in all, fail with this errno.
    Fail(u64, u64, i32),
}

#[cfg(feature = "testing")]
impl Fault {
    /// Lets it happen to the run. Which call was met is written to `told`.
    pub(crate) fn arm(self, command: &mut Command, told: &Path) {
        let text = match self {
            Fault::Note => "note".to_owned(),
            Fault::Kill(call) => format!("kill {call}"),
            Fault::Stop(call) => format!("stop {call}"),
            Fault::Fail(call, times, errno) => format!("fail {call} {times} {errno}"),
        };
        let _ = fs::remove_file(told);
        command.env("FAULT", text).env("TOLD", told);
    }
}

/// Writes down what was met when the run is over.
#[cfg(feature = "testing")]
pub(crate) struct Armed(efsbackup_core::mirror::testing::Faults, PathBuf);

#[cfg(feature = "testing")]
impl Drop for Armed {
    fn drop(&mut self) {
        let met = self.0.noted();
        if !met.is_empty() {
            fs::write(&self.1, met.join("\n")).unwrap();
        }
    }
}

/// In the child: what [`Fault::arm`] asked for.
#[cfg(feature = "testing")]
pub(crate) fn faults_of_child() -> Option<Armed> {
    use efsbackup_core::mirror::testing::Faults;
    use rustix::process::Signal;
    let fault = std::env::var("FAULT").ok()?;
    let told = PathBuf::from(std::env::var_os("TOLD").unwrap());
    let words: Vec<&str> = fault.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let faults = match words[0] {
        "note" => Faults::note(),
        "kill" => Faults::signal(number(1), Signal::KILL, fs::File::create(&told).unwrap()),
        "stop" => Faults::signal(number(1), Signal::STOP, fs::File::create(&told).unwrap()),
        _ => Faults::at(number(1), number(2), number(3) as i32),
    };
    Some(Armed(faults, told))
}

/// A call as it is counted: without what differs from run to run.
#[cfg(feature = "testing")]
pub(crate) fn kind_of_call(call: &str) -> String {
    let (call, name) = call.split_once(' ').unwrap_or((call, ""));
    let name = name.rsplit('/').next().unwrap();
    let mut kind = String::new();
    for part in name.split_inclusive(['-', '.', '_']) {
        let (word, end) = part.split_at(part.len() - usize::from(part.ends_with(['-', '.', '_'])));
        let random = word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z'));
        kind += match (random, digits) {
            (true, _) => "RUN",
            (_, true) => "0",
            _ => word,
        };
        kind += end;
    }
    format!("{call} {}", kind.replace("0-0-0-0-0", "DATE"))
}
