//! A worker that is killed, and the one that comes after it.

#![cfg(all(feature = "engine", feature = "worker"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::cancel::CancelToken;
use efsbackup_core::clock::SystemClock;
use efsbackup_core::pipeline::{Definition, Object};
use efsbackup_core::run::{Run, RunEvent, RunOutcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the folder of the test that starts this program again as a worker to be killed.
const FOLDER: &str = "EFSBACKUP_TEST_WORKER_FOLDER";

/// The same for the worker that is killed many times.
const BUSY_FOLDER: &str = "EFSBACKUP_TEST_BUSY_FOLDER";

/// Each attempt adds its id to `$1/attempts`. The first leaves a process that forked
/// twice, has its own session and ignores SIGTERM, and waits; later ones finish.
const SCRIPT: &str = r#"
echo "$EFSBACKUP_ATTEMPT_ID" >> "$1/attempts"
case $EFSBACKUP_ATTEMPT_ID in *=1) ;; *) exit 0 ;; esac
(setsid bash -c 'trap "" TERM; echo $$ > "$0"; while :; do sleep 1; done' "$1/pid" &)
sleep 1000
"#;

fn definition(folder: &Path, retries: &str) -> Definition {
    Definition {
        objects: vec![
            Object::new("Default").text("scheduleType", "ondemand").text("role", "r"),
            Object::new("Machine")
                .text("type", "Ec2Resource")
                .text("terminateAfter", "2 hours")
                .text("resourceRole", "r"),
            Object::new("A")
                .text("type", "ShellCommandActivity")
                .reference("runsOn", "Machine")
                .text("command", SCRIPT)
                .text("scriptArgument", folder.to_str().unwrap())
                .text("maximumRetries", retries)
                .text("retryDelay", "2 minutes"),
        ],
        ..Definition::default()
    }
}

fn request(folder: &Path) -> Run {
    Run::new("killed", folder.join("logs"))
        .state(folder.join("state.db"))
        .once(true)
        .grace(Duration::from_millis(200))
}

/// Not a test of its own: the worker that the tests below start and kill.
#[test]
fn worker_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let retries = fs::read_to_string(folder.join("retries")).unwrap();
    let definition = definition(&folder, &retries);
    let cancel = CancelToken::new();
    request(&folder).run(&definition, Arc::new(SystemClock), &cancel, &mut |_| {}).unwrap();
}

/// A worker process whose first attempt has left its process behind.
fn worker_at_work(folder: &Path, retries: &str) -> Child {
    fs::write(folder.join("retries"), retries).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker_to_be_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| fs::read_to_string(folder.join("pid")).is_ok_and(|text| text.ends_with('\n')));
    child
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let script = format!("kill -KILL {}", pids.join(" "));
    assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
}

/// The process that the attempt left behind.
fn escapee(folder: &Path) -> PathBuf {
    Path::new("/proc").join(fs::read_to_string(folder.join("pid")).unwrap().trim())
}

/// Whether it runs. Where nobody collects orphans, a killed one stays as a zombie.
fn is_running(process: &Path) -> bool {
    fs::read_to_string(process.join("stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

/// The id of the supervising process, from the worker's record.
fn supervisor(folder: &Path) -> u32 {
    let work = fs::read_dir(folder.join("state.db.work")).unwrap().next().unwrap().unwrap();
    let record = || -> Option<u64> {
        let text = fs::read_to_string(work.path().join("record.json")).ok()?;
        let record: serde_json::Value = serde_json::from_str(&text).ok()?;
        record["supervisor"]["pid"].as_u64()
    };
    let mut found = None;
    until(|| {
        found = record();
        found.is_some()
    });
    u32::try_from(found.unwrap()).unwrap()
}

fn attempts(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("attempts")).unwrap();
    text.lines().map(|line| line.rsplit('=').next().unwrap().to_owned()).collect()
}

#[test]
fn the_death_of_the_worker_ends_its_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = worker_at_work(folder.path(), "0");
    let escapee = escapee(folder.path());
    assert!(is_running(&escapee));
    worker.kill().unwrap();
    worker.wait().unwrap();
    until(|| !is_running(&escapee));
}

#[test]
fn the_next_worker_reports_the_attempt_as_lost_and_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = worker_at_work(folder.path(), "0");
    worker.kill().unwrap();
    worker.wait().unwrap();
    let mut recovered = Vec::new();
    let definition = definition(folder.path(), "0");
    let report = request(folder.path())
        .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |event| {
            if let RunEvent::Recovered { attempt } = event {
                recovered.push((*attempt).to_owned());
            }
        })
        .unwrap();
    assert_eq!(recovered.len(), 1);
    assert!(recovered[0].ends_with("_Attempt=1"));
    assert_eq!(report.outcome, RunOutcome::Failed);
    assert!(report.instances[0].error.as_ref().unwrap().contains("the worker stopped"));
    assert_eq!(attempts(folder.path()), ["1"], "what may have run is not run again unasked");
}

#[test]
fn a_retry_after_the_workers_death_is_a_new_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = worker_at_work(folder.path(), "1");
    worker.kill().unwrap();
    worker.wait().unwrap();
    let definition = definition(folder.path(), "1");
    let clock = Arc::new(FastClock(jiff::Timestamp::now()));
    let report =
        request(folder.path()).run(&definition, clock, &CancelToken::new(), &mut |_| {}).unwrap();
    assert_eq!(report.outcome, RunOutcome::Finished);
    assert_eq!(report.instances[0].attempts, 2);
    assert_eq!(attempts(folder.path()), ["1", "2"]);
}

#[test]
fn what_outlives_worker_and_supervisor_is_ended_by_the_next_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = worker_at_work(folder.path(), "0");
    let escapee = escapee(folder.path());
    kill(&[supervisor(folder.path()), worker.id()]);
    worker.wait().unwrap();
    assert!(is_running(&escapee), "nobody was left to end it");
    let definition = definition(folder.path(), "0");
    request(folder.path())
        .run(&definition, Arc::new(SystemClock), &CancelToken::new(), &mut |_| {})
        .unwrap();
    assert!(!is_running(&escapee));
}

#[test]
fn a_worker_whose_supervisor_is_killed_ends_what_is_left_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let worker = std::thread::spawn(move || {
        let definition = definition(&path, "0");
        let cancel = CancelToken::new();
        request(&path).run(&definition, Arc::new(SystemClock), &cancel, &mut |_| {}).unwrap()
    });
    let pid = folder.path().join("pid");
    until(|| fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    let escapee = escapee(folder.path());
    kill(&[supervisor(folder.path())]);
    let report = worker.join().unwrap();
    assert_eq!(report.outcome, RunOutcome::Failed);
    assert!(report.instances[0].error.as_ref().unwrap().contains("supervisor was killed"));
    assert!(!is_running(&escapee));
}

/// A clock that runs 600 times as fast since some instant, in every process alike.
struct FastClock(jiff::Timestamp);

impl efsbackup_core::clock::Clock for FastClock {
    fn now(&self) -> jiff::Timestamp {
        self.0 + jiff::Timestamp::now().duration_since(self.0) * 600
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration / 600);
    }
}

/// Several short activities with retries, each attempt noting its id.
fn busy(folder: &Path) -> Definition {
    let mut definition = definition(folder, "5");
    let script = "echo \"$EFSBACKUP_ATTEMPT_ID\" >> \"$1/attempts\"; sleep 0.1";
    let machine = definition.objects.remove(1);
    definition.objects.truncate(1);
    definition.objects.push(machine);
    for number in 0..6 {
        let activity = Object::new(format!("N{number}"))
            .text("type", "ShellCommandActivity")
            .reference("runsOn", "Machine")
            .text("command", script)
            .text("scriptArgument", folder.to_str().unwrap())
            .text("maximumRetries", "5")
            .text("retryDelay", "2 minutes");
        definition.objects.push(activity);
    }
    definition
}

fn busy_run(folder: &Path) -> efsbackup_core::run::RunReport {
    let start = fs::read_to_string(folder.join("clock")).unwrap().parse().unwrap();
    let clock = Arc::new(FastClock(start));
    request(folder).run(&busy(folder), clock, &CancelToken::new(), &mut |_| {}).unwrap()
}

/// Not a test of its own: the busy worker that the test below kills again and again.
#[test]
fn busy_worker_to_be_killed() {
    let Some(folder) = std::env::var_os(BUSY_FOLDER).map(PathBuf::from) else { return };
    busy_run(&folder);
}

#[test]
fn no_attempt_runs_twice_however_often_the_worker_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("clock"), jiff::Timestamp::now().to_string()).unwrap();
    // Delays that look random and are the same each time.
    let mut state = 7_u64;
    for _ in 0..25 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let delay = Duration::from_millis(20 + (state >> 33) % 280);
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "busy_worker_to_be_killed"])
            .env(BUSY_FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let report = busy_run(folder);
    assert!(report.instances.iter().all(|run| !run.is_open), "{:?}", report.instances);
    let text = fs::read_to_string(folder.join("attempts")).unwrap();
    let mut ran: Vec<&str> = text.lines().collect();
    let count = ran.len();
    ran.sort_unstable();
    ran.dedup();
    assert_eq!(ran.len(), count, "{text}");
    assert!(count >= 6, "{text}");
    let left: Vec<_> = fs::read_dir(folder.join("state.db.work")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
