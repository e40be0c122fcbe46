//! Users write to the trees while root mirrors them. Nobody can lead the mirror outside of
//! either tree by putting a symbolic link where a directory was, and nothing at the
//! destination is ever open to more people than it will be.
//!
//! `EFSBACKUP_SOAK_SECONDS=30` attacks for longer than the usual two seconds.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, dir, file, probe};
use efsbackup_core::mirror::{Jobs, LinkSource, MaxDelete, Mirror, Options, Trust};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECRET: &str = "secret from outside";

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

/// Puts a link to `outside` in the place of `directory` and back, as fast as it goes.
fn swap(directory: &Path, outside: &Path, stop: &AtomicBool, swaps: &AtomicU64) {
    let aside = directory.with_extension("aside");
    while !stop.load(Ordering::Relaxed) {
        // The mirror may have removed or made either meanwhile; then the next round does.
        let _ = fs::rename(directory, &aside);
        if symlink(outside, directory).is_ok() {
            swaps.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::yield_now();
        let _ = fs::remove_file(directory);
        let _ = fs::rename(&aside, directory);
        std::thread::yield_now();
    }
}

/// Names, contents, modes and times of everything below `path`.
fn snapshot(path: &Path) -> Vec<(PathBuf, u32, i64, i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let meta = path.symlink_metadata().unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.push((path.clone(), meta.mode(), meta.mtime(), meta.mtime_nsec(), content));
        if meta.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

/// Calls `look` for every file below `path` that is still there when it is looked at.
fn walk(path: &Path, look: &mut dyn FnMut(&Path, &fs::Metadata)) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let Ok(meta) = entry.path().symlink_metadata() else { continue };
        look(&entry.path(), &meta);
        if meta.is_dir() {
            walk(&entry.path(), look);
        }
    }
}

#[test]
fn swapped_directories_lead_nowhere_outside() {
    let scratch = Scratch::new();
    let outside = scratch.build(
        "outside",
        &tree! {
            "file" => file(SECRET).mode(0o600),
            "precious" => dir(tree! { "file" => file(SECRET) }),
        },
    );
    let tree = tree! {
        "swapped" => dir(tree! {
            "file" => file("inside"),
            "precious" => dir(tree! { "file" => file("inside") }),
        }),
        "still" => dir(tree! { "file" => file("inside") }),
    };
    let source = scratch.build("source", &tree);
    let destination = scratch.build("destination", &tree);
    let links = scratch.build("links", &tree);
    let before = snapshot(&outside);
    let swaps = AtomicU64::new(0);
    let mut runs = 0;
    for _ in 0..10 {
        attack(&scratch, [&source, &destination, &links], &outside, &swaps, &mut runs);
        // Looked at while nobody swaps: this follows links.
        walk(&destination, &mut |path, meta| {
            if meta.is_file() {
                let content = fs::read(path).unwrap();
                assert!(content != SECRET.as_bytes(), "{path:?} was read from outside");
            }
        });
        assert_eq!(snapshot(&outside), before, "something outside was touched");
    }
    assert!(runs > 3 && swaps.into_inner() > 100, "the attack was too slow to prove anything");
}

/// Mirrors again and again while directories of all three trees are swapped.
fn attack(
    scratch: &Scratch,
    [source, destination, links]: [&PathBuf; 3],
    outside: &Path,
    swaps: &AtomicU64,
    runs: &mut u32,
) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for tree in [source, destination, links] {
            let stop = &stop;
            scope.spawn(move || swap(&tree.join("swapped"), outside, stop, swaps));
        }
        let _stop = StopOnDrop(&stop);
        let begin = Instant::now();
        while begin.elapsed() < seconds() / 10 {
            let mut options = Options::default();
            options.delete = true;
            options.max_delete = MaxDelete::Percent(100);
            options.jobs = Jobs::Count(2);
            options.retries = 0;
            options.link_sources = vec![LinkSource { path: links.clone(), trust: Trust::Metadata }];
            // Something to delete, brought in by renaming: that follows no link.
            let extra = tree! { "extra" => dir(tree! { "file" => file("x") }) };
            let extra = scratch.build(&format!("extra {runs}"), &extra);
            let _ = fs::rename(extra, destination.join("swapped.aside"));
            let _ = fs::write(destination.join("still/extra"), "x");
            // Errors are due: entries change their type under the mirror's hands.
            let _ = Mirror::new(source, destination).options(options).run().unwrap();
            *runs += 1;
        }
    });
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
                walk(&destination, &mut |path, meta| {
                    looks.fetch_add(1, Ordering::Relaxed);
                    let (mode, owner) = (meta.mode() & 0o7777, meta.uid());
                    // One file and one directory are open to others in the end.
                    let meant =
                        (mode == 0o4755 && meta.is_file()) || (mode == 0o2750 && meta.is_dir());
                    let closed = mode & 0o6077 == 0;
                    assert!(
                        closed || (meant && owner == 1_001),
                        "{path:?} of {owner} has mode {mode:o}"
                    );
                });
            }
        });
        let _stop = StopOnDrop(&stop);
        let begin = Instant::now();
        while begin.elapsed() < seconds() {
            for fresh in [false, true] {
                let _ = fs::remove_dir_all(&destination);
                let mut options = Options::default();
                options.fresh = fresh;
                let run = Mirror::new(&source, &destination).options(options).run();
                run.unwrap().into_result().unwrap();
            }
        }
    });
    assert!(looks.into_inner() > 100, "the watcher was too slow to prove anything");
}
