//! Users write to the trees while root mirrors them. Nobody can lead the mirror outside of
//! either tree by putting a symbolic link where a directory was, and nothing at the
//! destination is ever open to more people than it will be.
//!
//! `EFSBACKUP_SOAK_SECONDS=30` attacks for longer than the usual two seconds.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, dir, file, probe, symlink};
use efsbackup_core::mirror::{
    Action, EntryEvent, Jobs, LinkSource, Listener, MaxDelete, Mirror, Options, Trust,
};
use rustix::fd::AsFd;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat, fstat, openat, renameat_with,
    statat,
};
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// As long as what the trees hold: to a mirror that is led astray, the file outside looks
/// equal, and it links it.
const SECRET: &str = "secret";

fn seconds() -> Duration {
    let seconds = std::env::var("EFSBACKUP_SOAK_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(2))
}

/// Ends the other threads even where a check fails.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets a directory and a link to the outside change places, as fast as it goes.
fn swap(tree: &Path, stop: &AtomicBool, swaps: &AtomicU64) {
    let (one, other) = (tree.join("swapped"), tree.join("swapped too"));
    while !stop.load(Ordering::Relaxed) {
        // The mirror may have removed either for a moment; the next round finds it again.
        if renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).is_ok() {
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Names, contents and metadata of everything below `path`.
fn snapshot(path: &Path) -> Vec<(PathBuf, [i64; 4], Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let meta = path.symlink_metadata().unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let numbers = [meta.mode().into(), meta.nlink() as i64, meta.mtime(), meta.mtime_nsec()];
        found.push((path.clone(), numbers, content));
        if meta.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

/// Calls `look` for every entry below the directory `name` that is still there when it is looked
/// at, and that others could get at by then: no directory on the way, which are opened last, kept
/// them out before.
fn walk(parent: impl AsFd, name: &CStr, look: &mut dyn FnMut(&CStr, &Stat)) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let Ok(dir) = openat(parent, name, flags, Mode::empty()) else { return };
    let closed = fstat(&dir).unwrap().st_mode & 0o077 == 0;
    let Ok(entries) = Dir::read_from(&dir) else { return };
    for entry in entries.flatten().filter(|entry| !closed && !is_dot(entry.file_name())) {
        let Ok(stat) = statat(&dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
        look(entry.file_name(), &stat);
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            walk(&dir, entry.file_name(), look);
        }
    }
}

fn is_dot(name: &CStr) -> bool {
    name == c"." || name == c".."
}

/// Notes what was read from outside: it alone has these names.
struct Outside(AtomicBool);

impl Listener for Outside {
    fn entry(&self, event: &EntryEvent<'_>) {
        if event.path.to_text().contains("only outside") && event.action != Action::Vanished {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn swapped_directories_lead_nowhere_outside() {
    let scratch = Scratch::new();
    let tree = |text: &str, name: &str| {
        tree! {
            "file" => file(text).mtime(1_000, 0),
            "precious" => dir(tree! { "file" => file(text).mtime(1_000, 0), name => file(text) }),
            name => file(text),
        }
    };
    let outside = scratch.build("outside", &tree(SECRET, "only outside"));
    let whole = tree! {
        "swapped" => dir(tree("inside", "only inside")),
        "swapped too" => symlink("../outside"),
        "still" => dir(tree! { "file" => file("inside") }),
    };
    let trees = ["source", "destination", "links"].map(|name| scratch.build(name, &whole));
    let [source, destination, links] = &trees;
    let before = snapshot(&outside);
    let (stop, swaps, read) = (AtomicBool::new(false), AtomicU64::new(0), Outside(false.into()));
    let mut runs = 0;
    std::thread::scope(|scope| {
        for tree in &trees {
            let (stop, swaps) = (&stop, &swaps);
            scope.spawn(move || swap(tree, stop, swaps));
        }
        let _stop = StopOnDrop(&stop);
        let begin = Instant::now();
        while begin.elapsed() < seconds() {
            // Something to copy, to link and to delete each time.
            let _ = fs::remove_file(destination.join("still/file"));
            let _ = fs::write(destination.join("still/extra"), "x");
            let mut options = Options::default();
            options.delete = true;
            options.max_delete = MaxDelete::Percent(100);
            options.jobs = Jobs::Count(2);
            options.retries = 0;
            options.link_sources = vec![LinkSource::new(links, Trust::Metadata)];
            // Errors are due: entries change their type under the mirror's hands.
            let mirror = Mirror::new(source, destination).options(options).listener(&read);
            let _ = mirror.run().unwrap();
            assert!(!read.0.load(Ordering::Relaxed), "run {runs} read outside");
            assert_eq!(snapshot(&outside), before, "run {runs} touched what is outside");
            runs += 1;
        }
    });
    let swaps = swaps.into_inner();
    println!("{runs} runs, {swaps} swaps");
    assert!(runs > 3 && swaps > 100, "the attack was too slow to prove anything");
}

#[test]
fn nothing_at_the_destination_is_ever_too_open() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let private = || file(&[b'x'; 300_000][..]).mode(0o600).owner(1_001, 1_001);
    let tree = tree! {
        "private dir" => dir(tree! { "a" => private(), "b" => private() }).mode(0o700).owner(1_001, 1_001),
        "setuid" => file("x").mode(0o4755).owner(1_001, 1_001),
        "private" => private(),
        "group" => dir(tree! { "c" => private() }).mode(0o2750).owner(1_001, 1_001),
    };
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    let stop = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let path = CString::new(destination.as_os_str().as_bytes()).unwrap();
                walk(CWD, &path, &mut |name, stat| {
                    looks.fetch_add(1, Ordering::Relaxed);
                    let (mode, owner) = (stat.st_mode & 0o7777, stat.st_uid);
                    let kind = FileType::from_raw_mode(stat.st_mode);
                    // One file and one directory are open to others in the end.
                    let meant =
                        (mode == 0o4755 && kind.is_file()) || (mode == 0o2750 && kind.is_dir());
                    let closed = mode & 0o6077 == 0;
                    assert!(
                        closed || (meant && owner == 1_001),
                        "{name:?} of {owner} has mode {mode:o}"
                    );
                });
            }
        });
        let _stop = StopOnDrop(&stop);
        let begin = Instant::now();
        while begin.elapsed() < seconds() {
            for (there, fresh) in [(false, false), (false, true), (true, false)] {
                let _ = fs::remove_dir_all(&destination);
                if there {
                    fs::create_dir(&destination).unwrap();
                }
                let mut options = Options::default();
                options.fresh = fresh;
                let run = Mirror::new(&source, &destination).options(options).run();
                run.unwrap().into_result().unwrap();
            }
        }
    });
    let looks = looks.into_inner();
    println!("{looks} looks");
    assert!(looks > 100, "the watcher was too slow to prove anything");
}
