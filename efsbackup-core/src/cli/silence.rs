//! Telling that a file server is silent, whatever the command waits for just then.
//!
//! A mirror notices that by itself, and knows better: what it still does elsewhere is no silence.
//! But it does not look while a repository is opened, a lock is waited for or snapshots are
//! listed. So each NFS mount among the arguments is asked for its root's metadata all the time,
//! by a thread that may hang.

use super::output::Output;
use crate::bytepath::BytePath;
use crate::mount::{Mount, MountTable};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After how long without an answer a server is called silent.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// The pause between an answer and the next question, and between looks at what is open.
const PAUSE: Duration = Duration::from_millis(250);
/// For how long after it was told of progress a run's own word holds.
const FRESH: Duration = Duration::from_secs(2);
/// How long a command that has ended waits to learn whether a silent server is back.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Tells of silence, each time once, whoever notices it.
#[derive(Clone)]
pub(crate) struct Teller(Arc<Mutex<Told>>);

struct Told {
    output: Output,
    /// What is to be out of the way of a line.
    bar: Option<indicatif::ProgressBar>,
    /// The servers that are asked.
    asked: Arc<[Server]>,
    /// The server that is silent, as it is named to the user.
    silent: Option<String>,
    /// Who was said to be waited for.
    waits_for: Option<String>,
    progress: Option<Instant>,
}

impl Teller {
    pub(super) fn new(output: Output) -> Teller {
        let asked = Arc::from([]);
        Teller(Arc::new(Mutex::new(Told {
            output,
            bar: None,
            asked,
            silent: None,
            waits_for: None,
            progress: None,
        })))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on lines are written above this bar.
    pub(super) fn use_bar(&self, bar: Option<indicatif::ProgressBar>) {
        self.told().bar = bar;
    }

    /// A run tells that it goes on, or that the server of this root is silent.
    pub(super) fn progress(&self, silent: Option<&Path>) {
        let mut told = self.told();
        told.progress = Some(Instant::now());
        told.tell(silent.map(server_of));
    }

    /// A run tells who has what it waits for.
    pub(super) fn waits_for(&self, who: Option<&str>) {
        let mut told = self.told();
        if let Some(who) = who.filter(|who| told.waits_for.as_deref() != Some(who)) {
            told.waits_for = Some(who.to_owned());
            told.warn(&format!("efsbackup: {who}"));
        }
    }

    /// What the threads here know, which counts while no run tells of its progress.
    fn noticed(&self, silent: Option<&Mount>) {
        let mut told = self.told();
        if told.progress.is_none_or(|at| at.elapsed() >= FRESH) {
            told.tell(silent.map(name));
        }
    }

    /// Watches the servers of what `arguments` name, for as long as this process lives.
    pub(super) fn watch(&self, arguments: &[OsString]) {
        let servers: Arc<[Server]> = mounts(arguments).into_iter().map(Server::ask).collect();
        if servers.is_empty() {
            return;
        }
        self.told().asked = Arc::clone(&servers);
        let teller = self.clone();
        // Where no thread can be had nothing is told.
        let _ = std::thread::Builder::new().spawn(move || {
            loop {
                std::thread::sleep(PAUSE);
                let silent = servers.iter().find(|server| server.is_silent());
                teller.noticed(silent.map(|server| &server.mount));
            }
        });
    }

    /// Tells yet that a silent server is back, if a command ends before anyone else noticed: it
    /// may have gone on by the very answer that would have been noticed.
    pub(super) fn end(&self) {
        let asked = Arc::clone(&self.told().asked);
        let until = Instant::now() + LAST_LOOK;
        while !asked.is_empty() && self.told().silent.is_some() && Instant::now() < until {
            if asked.iter().any(|server| lock(&server.open_since).is_some()) {
                std::thread::sleep(LAST_LOOK / 50);
            } else {
                self.told().tell(None);
            }
        }
    }
}

impl Told {
    fn tell(&mut self, silent: Option<String>) {
        if silent == self.silent {
            return;
        }
        let text = match (&silent, &self.silent) {
            (Some(server), _) => format!(
                "efsbackup: {server} has not answered for 5 s; it is waited for (two Ctrl-C end the \
                 run)"
            ),
            (None, Some(server)) => format!("efsbackup: {server} answers again"),
            (None, None) => return,
        };
        self.silent = silent;
        self.warn(&text);
    }

    /// Writes a line, above the bar.
    fn warn(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.warn(text)),
            None => self.output.warn(text),
        }
    }
}

/// A mount that is asked.
struct Server {
    mount: Mount,
    /// Since when there is no answer to what is asked.
    open_since: Arc<Mutex<Option<Instant>>>,
}

impl Server {
    fn ask(mount: Mount) -> Server {
        let open_since = Arc::new(Mutex::new(None));
        let (asked, place) = (Arc::clone(&open_since), mount.mount_point.clone());
        // By name: an open descriptor would keep the mount in use.
        let _ = std::thread::Builder::new().spawn(move || {
            loop {
                std::thread::sleep(PAUSE);
                lock(&asked).get_or_insert_with(Instant::now);
                let flags = AtFlags::STATX_FORCE_SYNC;
                // An error is no answer: a server that has taken its export away gives one, and
                // lets others wait.
                if statx(CWD, place.as_path(), flags, StatxFlags::BASIC_STATS).is_ok() {
                    *lock(&asked) = None;
                }
            }
        });
        Server { mount, open_since }
    }

    fn is_silent(&self) -> bool {
        lock(&self.open_since).is_some_and(|since| since.elapsed() >= SILENT_AFTER)
    }
}

fn lock(since: &Mutex<Option<Instant>>) -> MutexGuard<'_, Option<Instant>> {
    since.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The NFS mounts in which any of the arguments lies if it is a path; no server is asked.
fn mounts(arguments: &[OsString]) -> Vec<Mount> {
    let table = MountTable::read().unwrap_or_default();
    let mut found: Vec<Mount> = Vec::new();
    for path in arguments.iter().skip(1).filter_map(|path| std::path::absolute(path).ok()) {
        if let Some(mount) = table.containing(&path).filter(|mount| mount.is_nfs())
            && !found.iter().any(|other| other.id == mount.id)
        {
            found.push(mount.clone());
        }
    }
    found
}

/// The server that `root` is on, by name only: the mount itself would not answer.
fn server_of(root: &Path) -> String {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    let table = MountTable::read().unwrap_or_default();
    let shown = BytePath::from(root.as_path());
    match table.containing(&root).filter(|mount| mount.is_nfs()) {
        Some(mount) => name(mount),
        None => format!("the file server of {shown}"),
    }
}

fn name(mount: &Mount) -> String {
    format!("{}, mounted at {},", mount.source, mount.mount_point)
}
