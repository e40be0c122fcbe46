//! The lock of a repository: one run at a time, also between machines.
//!
//! Each process that holds the repository has a lease, a file that names it, is locked by it
//! for its whole life, and is renewed all the time. Leases are added in the gate, for a moment
//! one process at a time, and only beside those of the same run. A lease whose holder's
//! process is seen to be gone is removed at once; any other only after it stayed unchanged for
//! its full length by the taker's own clock, so no two machines' clocks are ever compared. A
//! holder that was given up wrongly (a machine that slept) misses its lease when it looks, and
//! it looks before each step that publishes or removes.

use super::files::{Dir, TEMPORARY};
use super::gate::Gate;
use super::lease::{Found, Holder, LEASE_PREFIX, Lease};
use super::options::BackupOptions;
use super::repeated::Repeated;
use crate::cancel::CancelToken;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use rustix::fs::FileType;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a lease is renewed within its length.
const RENEWALS_PER_LENGTH: u32 = 12;

/// How often at least a lease and the cancel token are looked at while waiting.
const POLL: Duration = Duration::from_millis(100);

/// A held repository; given back when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    control: Dir,
    pub(super) holder: Holder,
    lease: Lease,
    length: Duration,
    lost: Arc<AtomicBool>,
    renewal: Option<Repeated>,
}

impl Lock {
    /// Takes the repository for as long as one step of upkeep takes.
    ///
    /// # Errors
    /// Those of [`Lock::take`].
    pub(super) fn take_for_upkeep(control: &Dir, cancel: &CancelToken) -> Result<Lock> {
        let holder = Holder::new(&SystemClock, BackupOptions::default().lease, None)?;
        Self::take(control, holder, cancel)
    }

    /// Takes the repository for `holder`, or joins those who hold it for the same run.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when another run holds it, [`ErrorKind::Cancelled`].
    pub(super) fn take(control: &Dir, holder: Holder, cancel: &CancelToken) -> Result<Lock> {
        Self::take_telling(control, holder, cancel, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`Lock::take`]; `tell` is told again and again who is waited for, and until when, where
    /// that takes longer than finding out whether a holder is alive.
    pub(super) fn take_telling(
        control: &Dir,
        holder: Holder,
        cancel: &CancelToken,
        tell: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Lock> {
        let length = Duration::from_millis(holder.lease_ms);
        let mut watched = HashMap::new();
        let mut said = (None, String::new());
        loop {
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "lock"));
            }
            let gate = Gate::pass(control, &holder.token, length, cancel)?;
            let look = look(control, &holder, length, watched)?;
            if look.waits_for.is_empty() {
                for name in look.given_up {
                    control.remove(&name)?;
                }
                remove_unfinished(control)?;
                let lease = Lease::install(control, &holder, !holder.shares());
                match (gate.is_passed(control)?, lease) {
                    (true, lease) => return Self::hold(control, holder, lease?),
                    // Others may have come in before they could see this lease.
                    (false, Ok(lease)) => drop(control.remove(&lease.name)?),
                    (false, Err(_)) => {}
                }
            }
            drop(gate);
            watched = look.waits_for;
            let until = until(&watched, length);
            if until.is_some() && until != said.0 {
                said = (until, waiting(&watched, until));
            }
            if until.is_some() && tell(&said.1).is_break() {
                return Err(Error::new(ErrorKind::Cancelled, "lock"));
            }
            std::thread::sleep((length / RENEWALS_PER_LENGTH / 4).min(POLL));
        }
    }

    fn hold(control: &Dir, holder: Holder, lease: Lease) -> Result<Lock> {
        let length = Duration::from_millis(holder.lease_ms);
        let lost = Arc::default();
        let renewal = renewal(control, lease.try_clone()?, length, Arc::clone(&lost))?;
        let control = reopen(control)?;
        Ok(Lock { control, holder, lease, length, lost, renewal: Some(renewal) })
    }

    /// Renews `lease`, too, as often as the own one, until what is returned is dropped.
    pub(super) fn renew_too(&self, lease: Lease) -> Result<Repeated> {
        renewal(&self.control, lease, self.length, Arc::default())
    }

    /// The folder of the leases, opened once more.
    pub(super) fn control(&self) -> Result<Dir> {
        reopen(&self.control)
    }

    /// Looks whether the repository is still ours.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another run has taken it.
    pub(super) fn check(&self) -> Result<()> {
        match self.lease.counts(&self.control)? {
            true => Ok(()),
            false => Err(self.taken()),
        }
    }

    /// Whether the repository is known to be another's by now; costs nothing.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The error for a lock that was lost.
    pub(super) fn taken(&self) -> Error {
        Error::new(ErrorKind::Conflict, "lock").with_message(
            "another run took the repository, since this one gave no sign of life for too long; \
             nothing was published",
        ).with_path(self.control.path.as_path())
    }

    /// The right to publish, which no other process of the same run has meanwhile.
    pub(super) fn turn(&self) -> Result<Gate> {
        Gate::pass(&self.control, &self.holder.token, self.length, &CancelToken::new())
    }

    /// The tokens of all who hold the repository, this process included.
    pub(super) fn holders(&self) -> Result<Vec<String>> {
        let found = Found::all(&self.control)?;
        let holders = found.into_iter().filter(|(_, found)| !found.holder_has_ended());
        Ok(holders.map(|(name, _)| name.trim_start_matches(LEASE_PREFIX).to_owned()).collect())
    }

    /// Keeps other processes of the same run out from now on; where there are some, gives the
    /// repository back instead. So of several exactly the last gets it for itself.
    pub(super) fn alone(self) -> Result<Option<Lock>> {
        if self.holder.shares() {
            let gate = self.turn()?;
            if self.holders()?.iter().any(|token| *token != self.holder.token) {
                self.control.remove(&self.lease.name)?;
                return Ok(None);
            }
            self.lease.set_alone(true)?;
            if !gate.is_passed(&self.control)? {
                return Ok(None);
            }
        }
        Ok(Some(self))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal = None;
        // What can't be given back is taken by the next run once this process has ended.
        let _ = self.control.remove(&self.lease.name);
    }
}

/// Renews the lease until what is returned is dropped, and looks whether it still counts.
fn renewal(
    control: &Dir,
    mut lease: Lease,
    length: Duration,
    lost: Arc<AtomicBool>,
) -> Result<Repeated> {
    let control = reopen(control)?;
    Repeated::every(length / RENEWALS_PER_LENGTH, move || {
        // A renewal that fails is tried again; only a lease that was removed ends the run.
        let _ = lease.renew();
        if matches!(lease.counts(&control), Ok(false)) {
            lost.store(true, Ordering::Release);
        }
    })
}

/// Leases by their names, each with when it was first found so.
type Watched = HashMap<String, (Found, Instant)>;

/// What one look at the leases says.
struct Look {
    /// Those whose holders have ended, or gave no sign of life for too long.
    given_up: Vec<String>,
    /// Those that keep the repository from `holder`.
    waits_for: Watched,
}

/// Looks who else has a lease, with the gate held.
fn look(control: &Dir, holder: &Holder, length: Duration, mut watched: Watched) -> Result<Look> {
    let mut look = Look { given_up: Vec::new(), waits_for: Watched::new() };
    let mut alive = false;
    for (name, found) in Found::all(control)? {
        let ours = holder.shares() && found.is_of(&holder.run);
        if found.holder_has_ended() {
            look.given_up.push(name);
            continue;
        }
        if ours && found.admits() {
            continue;
        }
        let since = match watched.remove(&name) {
            Some((before, since)) if before == found => since,
            before => {
                // One of the same run is waited for.
                alive |= before.is_some() && !ours;
                Instant::now()
            }
        };
        if since.elapsed() >= found.length(length) {
            look.given_up.push(name);
        } else {
            look.waits_for.insert(name, (found, since));
        }
    }
    match alive {
        true => Err(held(control, &look.waits_for)),
        false => Ok(look),
    }
}

/// Removes what processes that were killed while they took the repository have left.
fn remove_unfinished(control: &Dir) -> Result<()> {
    for name in control.names(FileType::RegularFile)? {
        let lease = name.starts_with(LEASE_PREFIX) && name.ends_with(TEMPORARY);
        if lease || Gate::is_left_over(&name) {
            control.remove(&name)?;
        }
    }
    Ok(())
}

fn reopen(control: &Dir) -> Result<Dir> {
    let fd: OwnedFd = control
        .fd
        .try_clone()
        .map_err(|error| Error::from_io("open", error).with_path(control.path.as_path()))?;
    Ok(Dir { fd, path: control.path.clone() })
}

/// Until when is waited for these at most; `None` where it is soon known who of them is alive.
fn until(leases: &Watched, length: Duration) -> Option<Instant> {
    let is_long = |found: &Found, since: &Instant| {
        found.is_left() || since.elapsed() > found.length(length) / RENEWALS_PER_LENGTH * 2
    };
    let is_long = leases.values().any(|(found, since)| is_long(found, since));
    let ends = leases.values().map(|(found, since)| *since + found.length(length));
    is_long.then(|| ends.max()).flatten()
}

/// What there is to say to who waits for these until `until`.
fn waiting(leases: &Watched, until: Option<Instant>) -> String {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let ends = Timestamp::now().checked_add(left.unwrap_or_default()).unwrap_or(Timestamp::MAX);
    let left = leases.values().find(|(found, _)| found.is_left());
    let mend = match left.and_then(|(found, _)| found.holder.as_ref()) {
        Some(holder) => format!("; `efsbackup shard cancel` with --run-id {} ends it", holder.run),
        None => String::new(),
    };
    format!(
        "{} holds the repository, and is waited for until {ends:.0} unless it gives a sign of \
         life{mend}",
        who(leases)
    )
}

fn held(control: &Dir, leases: &Watched) -> Error {
    Error::new(ErrorKind::SafetyStop, "lock")
        .with_message(format!(
            "{} holds the repository; nothing was changed; wait until it is done, or end it",
            who(leases)
        ))
        .with_path(control.path.as_path())
}

/// Who has these leases.
fn who(leases: &Watched) -> String {
    let mut holders: Vec<&Holder> =
        leases.values().filter_map(|(found, _)| found.holder.as_ref()).collect();
    holders.sort_by_key(|holder| (holder.since, holder.process.pid));
    match holders.first() {
        Some(Holder { run, .. }) => {
            let processes: Vec<String> = holders.iter().map(ToString::to_string).collect();
            format!("run {run} ({})", processes.join(", "))
        }
        None => "another run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lease::try_lock;
    use super::super::process::Process;
    use super::*;
    use std::fs::File;

    const LENGTH: Duration = Duration::from_millis(1500);
    const HOUR: u64 = 3_600_000;

    /// Process `token` of the run `run`.
    fn holder(run: &str, token: &str) -> Holder {
        Holder {
            run: run.into(),
            token: token.into(),
            since: Timestamp::UNIX_EPOCH,
            lease_ms: LENGTH.as_millis() as u64,
            process: Process::current().unwrap(),
        }
    }

    /// One of another machine, whose end nobody here can see.
    fn elsewhere(run: &str, token: &str) -> Holder {
        let process = Process { boot_id: "another".into(), ..Process::current().unwrap() };
        Holder { process, ..holder(run, token) }
    }

    fn ended(run: &str, token: &str) -> Holder {
        let current = Process::current().unwrap();
        let process = Process { start_ticks: current.start_ticks + 1, ..current };
        // Only the process's end can explain that it is taken.
        Holder { process, lease_ms: HOUR, ..holder(run, token) }
    }

    fn take_as(control: &Dir, holder: Holder) -> Result<Lock> {
        Lock::take(control, holder, &CancelToken::new())
    }

    fn take(control: &Dir, run: &str) -> Result<Lock> {
        take_as(control, holder(run, run))
    }

    fn install(control: &Dir, holder: &Holder) -> Lease {
        Lease::install(control, holder, !holder.shares()).unwrap()
    }

    fn control() -> (tempfile::TempDir, Dir) {
        let dir = tempfile::tempdir().unwrap();
        let control = Dir::open(dir.path()).unwrap();
        (dir, control)
    }

    fn names(control: &Dir) -> Vec<String> {
        control.names(FileType::RegularFile).unwrap()
    }

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_it() {
        let (_dir, control) = control();
        let first = take(&control, "first").unwrap();
        let error = take(&control, "second").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        let pid = format!("run first (process {} on ", std::process::id());
        assert!(error.message().starts_with(&pid), "{error}");
        first.check().unwrap();
        drop(first);
        take(&control, "third").unwrap().check().unwrap();
    }

    #[test]
    fn processes_of_one_run_hold_it_together_and_the_last_gives_it_back() {
        let (_dir, control) = control();
        let first = take_as(&control, holder("run", "a")).unwrap();
        let second = take_as(&control, holder("run", "b")).unwrap();
        let error = take(&control, "other").unwrap_err();
        assert_eq!(error.message().matches("process ").count(), 2, "{error}");
        assert_eq!(first.holders().unwrap().len(), 2);
        assert!(first.alone().unwrap().is_none());
        second.check().unwrap();
        assert!(take(&control, "other").unwrap_err().message().starts_with("run run (process "));
        assert_eq!(second.holders().unwrap(), ["b"]);
        drop(second);
        assert_eq!(names(&control), ["lock"]);
        take(&control, "other").unwrap();
    }

    #[test]
    fn one_that_wants_to_be_alone_keeps_others_of_its_run_waiting() {
        let (dir, control) = control();
        let first = take_as(&control, holder("run", "a")).unwrap();
        let first = first.alone().unwrap().unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let control = Dir::open(dir.path()).unwrap();
                let second = take_as(&control, holder("run", "b")).unwrap();
                second.holders().unwrap()
            });
            std::thread::sleep(LENGTH);
            drop(first);
            assert_eq!(waits.join().unwrap(), ["b"]);
        });
    }

    #[test]
    fn a_process_of_the_run_that_died_keeps_nobody_out() {
        let (_dir, control) = control();
        drop(install(&control, &ended("run", "a")));
        let second = take_as(&control, holder("run", "b")).unwrap();
        let _alone = second.alone().unwrap().unwrap();
        assert_eq!(names(&control), ["lease-b", "lock"]);
    }

    #[test]
    fn a_run_is_taken_once_all_its_processes_are_given_up() {
        let (_dir, control) = control();
        let mut silent = install(&control, &elsewhere("run", "a"));
        let alive = take_as(&control, holder("run", "b")).unwrap();
        assert!(take(&control, "next").is_err());
        drop(alive);
        let started = Instant::now();
        let taken = take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
        // The sleeper wakes: its renewal changes nothing.
        silent.renew().unwrap();
        assert!(!silent.counts(&control).unwrap());
        taken.check().unwrap();
        assert_eq!(taken.holders().unwrap(), ["next"]);
    }

    #[test]
    fn the_lease_of_a_process_that_ended_is_taken_at_once() {
        let (_dir, control) = control();
        drop(install(&control, &ended("ended", "ended")));
        take(&control, "next").unwrap().check().unwrap();
    }

    #[test]
    fn a_lease_still_locked_is_not_taken_at_once_even_if_its_process_seems_gone() {
        let (_dir, control) = control();
        let seems_gone = ended("container", "container");
        let lease = install(&control, &Holder { lease_ms: 1500, ..seems_gone });
        let started = Instant::now();
        take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
        drop(lease);
    }

    #[test]
    fn a_lease_that_cannot_be_read_is_waited_for_like_any_other() {
        let (dir, control) = control();
        std::fs::write(dir.path().join("lease-x"), b"").unwrap();
        let started = Instant::now();
        take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
    }

    #[test]
    fn the_holder_of_a_lost_lock_is_told() {
        let (_dir, control) = control();
        let lock = take(&control, "first").unwrap();
        control.remove("lease-first").unwrap();
        let _lease = install(&control, &holder("second", "second"));
        assert_eq!(lock.check().unwrap_err().kind(), ErrorKind::Conflict);
        let started = Instant::now();
        while !lock.is_lost() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(lock.is_lost());
        drop(lock);
        assert_eq!(names(&control), ["lease-second", "lock"], "another's lease was removed");
    }

    #[test]
    fn whoever_stops_in_the_gate_stops_nobody() {
        let (dir, control) = control();
        let stopped = File::create(dir.path().join("lock")).unwrap();
        assert!(try_lock(&stopped).unwrap());
        let started = Instant::now();
        let taken = take(&control, "next").unwrap();
        assert!(started.elapsed() >= LENGTH);
        taken.check().unwrap();
        // It wakes, and sees that what it does counts no more.
        assert!(!control.has("lock", &stopped).unwrap());
        assert_eq!(names(&control), ["lease-next", "lock"]);
    }

    #[test]
    fn waiting_for_a_lease_can_be_cancelled() {
        let (_dir, control) = control();
        let patient = Holder { lease_ms: HOUR, ..elsewhere("elsewhere", "elsewhere") };
        let _lease = install(&control, &patient);
        let cancel = CancelToken::new();
        cancel.cancel();
        let error = Lock::take(&control, holder("next", "next"), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
