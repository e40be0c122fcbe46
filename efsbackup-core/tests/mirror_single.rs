//! A source that is no directory: what comes of it, where, and with which code, as rsync does
//! it.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{
    Entry, Scratch, Tree, assert_same, build, char_device, differences, dir, fifo, file, hardlink,
    probe, read, symlink,
};
use efsbackup_core::ErrorKind;
use efsbackup_core::Result;
use efsbackup_core::mirror::{
    EntryEvent, Filter, Fsync, LinkSource, Listener, Mirror, Options, Report, Trust,
};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

fn at(entry: Entry) -> Entry {
    entry.mtime(1_500_000_000, 123_456_789)
}

fn sources() -> Tree {
    let mut tree = tree! {
        "file" => at(file("content").mode(0o640).xattr("user.a", "1")),
        "linked" => at(file("two names").mode(0o604)),
        "other name" => hardlink("linked"),
        "symlink" => symlink("no/where").mtime(1, 2),
        "symlink to a file" => at(symlink("file")),
        "fifo" => at(fifo()),
        "directory" => at(dir(tree! { "inside" => file("x") })),
    };
    if probe::is_root() {
        tree.0.push((b"device".to_vec(), at(char_device(1, 3)).owner(1_000, 1_001)));
    }
    tree
}

/// What there is before, once for each source: everything has its name.
fn before(name: &str) -> Tree {
    let mut tree = tree! {
        "directory" => at(dir(tree! { "extra" => at(file("x")) })),
        "has it" => at(dir(tree! { name => at(file("CONTENT").mode(0o640).xattr("user.a", "1")) })),
        "has another" => at(dir(tree! { name => at(symlink("other")) })),
        "has an empty directory" => at(dir(tree! { name => at(dir(tree! {})) })),
        "has a full directory" => at(dir(tree! { name => at(dir(tree! { "f" => at(file("x")) })) })),
        "a file" => at(file("longer than before").mode(0o600)),
        "a symlink" => at(symlink("a file")),
        "a symlink to a directory" => at(symlink("directory")),
        "a dangling symlink" => at(symlink("no/where")),
        "a fifo" => at(fifo()),
    };
    tree.0.push((b"\xff".to_vec(), at(file("not UTF-8"))));
    tree
}

/// Where to.
const DESTINATIONS: &[&str] = &[
    "directory",
    "directory/",
    "directory/new name",
    "has it",
    "has another/",
    "has an empty directory",
    "has a full directory",
    "a file",
    "a symlink",
    "a symlink to a directory",
    "a dangling symlink",
    "a fifo",
    "missing",
    "missing/",
    "a file/",
    "a file/x",
    "missing/x",
];

#[derive(Default)]
struct Codes(Mutex<Vec<String>>);

impl Listener for Codes {
    fn entry(&self, event: &EntryEvent<'_>) {
        let code = event.itemize.trim();
        if !code.is_empty() && !code.starts_with('*') {
            self.0.lock().unwrap().push(format!("{code} {}", event.path.to_text()));
        }
    }
}

fn ours(source: &Path, destination: &Path, options: &Options) -> (Result<Report>, Vec<String>) {
    let codes = Codes::default();
    let mirror = Mirror::new(source, destination).options(options.clone());
    let result = mirror.listener(&codes).run().and_then(Report::into_result);
    (result, codes.0.into_inner().unwrap())
}

fn rsync(source: &Path, destination: &Path, arguments: &[&str]) -> (bool, Vec<String>) {
    let output = Command::new("rsync")
        .args(["-aHAX", "--numeric-ids", "--modify-window=-1", "-ii"])
        .args(arguments)
        .args([source, destination])
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let (code, name) = line.split_at_checked(12)?;
        // Directories made for it, and that something else must go.
        if matches!(&code[..2], "cd" | "ca" | "cr" | "sk") || code.starts_with('*') {
            return None;
        }
        Some(format!("{} {}", code.trim(), name.split(" -> ").next()?))
    };
    (output.status.success(), lines.lines().filter_map(line).collect())
}

/// A switch, as both are told it.
type Switch = (&'static str, fn(&mut Options), &'static [&'static str]);

const SWITCHES: &[Switch] = &[
    ("none", |_| {}, &[]),
    ("--delete", |options| options.delete = true, &["--delete"]),
    ("--dry-run", |options| options.dry_run = true, &["-n"]),
    ("--checksum", |options| options.checksum = true, &["--checksum"]),
];

/// Gives all directories one time: those around the entry change when it is made.
fn date_directories(root: &Path) {
    for (path, meta) in read(root) {
        if meta.kind == 'd' {
            let path = [root.as_os_str().as_bytes(), b"/", path.as_bytes()].concat();
            build::set_mtime(rustix::fs::CWD, &path, 1, 0);
        }
    }
}

#[test]
fn a_source_of_any_type_goes_where_rsync_puts_it() {
    if !probe::tool("rsync") {
        return;
    }
    let mut wrong = String::new();
    for (name, _) in &sources().0 {
        let name = std::str::from_utf8(name).unwrap();
        if ["directory", "other name"].contains(&name) {
            continue;
        }
        // Which switch makes no difference to the others.
        let switches = if name == "file" { SWITCHES } else { &SWITCHES[..1] };
        for (switch, change, arguments) in switches {
            let scratch = Scratch::new();
            let source = scratch.build("source", &sources()).join(name);
            let mut options = Options::default();
            options.fsync = Fsync::None;
            change(&mut options);
            for destination in DESTINATIONS {
                let [our, their] = ["ours", "rsync's"].map(|whose| {
                    let _ = fs::remove_dir_all(scratch.path(whose));
                    scratch.build(whose, &before(name))
                });
                let into = |root: &Path| PathBuf::from(format!("{}/{destination}", root.display()));
                let (result, our_codes) = ours(&source, &into(&our), &options);
                let (success, their_codes) = rsync(&source, &into(&their), arguments);
                let what = format!("{switch}: {name} → {destination}");
                if result.is_ok() != success {
                    wrong += &format!("{what}: {result:?}, rsync: {success}\n");
                }
                if our_codes != their_codes {
                    wrong += &format!("{what}: {our_codes:?}, rsync's {their_codes:?}\n");
                }
                date_directories(&our);
                date_directories(&their);
                for line in differences(&our, &their).lines() {
                    wrong += &format!("{what}: ours, rsync's: {line}\n");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources());
    for (name, _) in &sources().0 {
        let from = source.join(std::str::from_utf8(name).unwrap());
        let to = scratch.path("copy of it");
        let _ = fs::remove_file(&to).or_else(|_| fs::remove_dir_all(&to));
        for round in 0..2 {
            let report = Mirror::new(&from, &to).run().unwrap().into_result().unwrap();
            let unchanged = report.entries.unchanged.total() == report.entries.scanned.total();
            assert_eq!(unchanged, round == 1, "{name:?}: {report:?}");
        }
    }
}

#[test]
fn a_link_to_a_directory_is_that_directory() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources()).join("directory");
    std::os::unix::fs::symlink(&source, scratch.path("link")).unwrap();
    Mirror::new(scratch.path("link"), scratch.path("copy")).run().unwrap().into_result().unwrap();
    assert_same(&source, &scratch.path("copy"));
}

#[test]
fn what_is_not_there_or_not_a_directory_makes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources());
    for (from, kind) in [
        ("none", ErrorKind::NotFound),
        ("none/x", ErrorKind::NotFound),
        ("file/", ErrorKind::NotADirectory),
        ("file/x", ErrorKind::NotADirectory),
        ("symlink/", ErrorKind::NotFound),
    ] {
        let from = PathBuf::from(format!("{}/{from}", source.display()));
        let error = Mirror::new(&from, scratch.path("copy")).run().unwrap_err();
        assert_eq!(error.kind(), kind, "{from:?}: {error}");
        assert!(!scratch.path("copy").exists());
    }
}

#[test]
fn an_excluded_source_is_left_out() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources());
    let mut options = Options::default();
    options.filter = Filter::new().rule(b"- fi*").unwrap();
    let copy = |name: &str| {
        let mirror = Mirror::new(source.join(name), scratch.path(name)).options(options.clone());
        mirror.run().unwrap().into_result().unwrap().entries.created.total()
    };
    assert_eq!((copy("file"), copy("linked")), (0, 1));
    assert!(!scratch.path("file").exists());
}

#[test]
fn a_file_comes_from_a_link_source_and_in_place_keeps_its_inode() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources()).join("file");
    let links = scratch.build("links", &tree! {});
    let run = |to: &str, change: &dyn Fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        let mirror = Mirror::new(&source, scratch.path(to)).options(options);
        mirror.run().unwrap().into_result().unwrap()
    };
    let inode = |path: &Path| fs::symlink_metadata(path).unwrap().ino();
    run("links", &|_| {});
    let link = |options: &mut Options| {
        options.link_sources = vec![LinkSource::new(scratch.path("links"), Trust::Metadata)];
    };
    scratch.build("copy", &tree! {});
    assert_eq!(run("copy", &link).entries.linked.file, 1);
    assert_eq!(inode(&links.join("file")), inode(&scratch.path("copy/file")));

    fs::write(scratch.path("renamed"), "before").unwrap();
    let before = inode(&scratch.path("renamed"));
    run("renamed", &|options| options.in_place = true);
    assert_eq!(inode(&scratch.path("renamed")), before);
    assert_eq!(fs::read(scratch.path("renamed")).unwrap(), b"content");
}

#[test]
fn a_copy_of_a_file_onto_itself_changes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &sources());
    let before = read(&source);
    for to in ["linked", "other name", ""] {
        let mirror = Mirror::new(source.join("linked"), source.join(to));
        assert_eq!(mirror.run().unwrap().entries.unchanged.total(), 1, "{to}");
    }
    assert!(before == read(&source));
}
