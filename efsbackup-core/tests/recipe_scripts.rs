//! The recipe's scripts, run by bash as an activity runs them.

#![cfg(feature = "recipe")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, dir, file, hardlink, probe, symlink};
use efsbackup_core::recipe::{Engine, RESTORE_SCRIPT};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

const SOURCE_ID: &str = "fs-00000001";
const DESTINATION_ID: &str = "fs-00000002";

/// How a script ended.
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

/// Two marked folders with awkward names, and a folder for programs that come first on
/// PATH.
struct Place {
    scratch: Scratch,
    source: PathBuf,
    destination: PathBuf,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let source = scratch.build(
            "so'urce $(touch hit) é",
            &tree! {
                "a" => file(b"content").mode(0o640).mtime(1_000_000_000, 5),
                "two words\nand a line" => hardlink("a"),
                "link" => symlink("/nowhere"),
                "sub" => dir(tree! { "b" => file([7; 5000]) }).mtime(1_000_000_001, 0),
            },
        );
        let destination = scratch.path("dest; \"ination");
        fs::create_dir(&destination).unwrap();
        fs::create_dir(scratch.path("bin")).unwrap();
        mark(&source, SOURCE_ID);
        mark(&destination, DESTINATION_ID);
        Place { scratch, source, destination }
    }

    /// Puts the shell program `text` on PATH as `name`.
    fn fake(&self, name: &str, text: &str) {
        let path = self.scratch.path("bin").join(name);
        fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file that fakes write to, named by the variable RECORD.
    fn record(&self) -> String {
        fs::read_to_string(self.scratch.path("record")).unwrap_or_default()
    }

    fn run(&self, engine: Engine) -> Ended {
        self.run_with(engine, "UTC", "600", &[])
    }

    fn run_with(&self, engine: Engine, zone: &str, seconds: &str, more: &[&str]) -> Ended {
        self.run_raw(engine, &[&self.arguments(zone, seconds)[..], more].concat())
    }

    fn arguments<'a>(&'a self, zone: &'a str, seconds: &'a str) -> [&'a str; 6] {
        let source = self.source.to_str().unwrap();
        let destination = self.destination.to_str().unwrap();
        [source, destination, SOURCE_ID, zone, DESTINATION_ID, seconds]
    }

    fn run_raw(&self, engine: Engine, arguments: &[&str]) -> Ended {
        let output = self.command(engine, arguments).output().unwrap();
        assert!(!self.scratch.path("bin").join("hit").exists(), "an argument was run as a command");
        Ended {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, engine: Engine, arguments: &[&str]) -> Command {
        let path = format!("{}:{}", self.scratch.path("bin").display(), env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command
            .args(["-c", engine.script(), "activity"])
            .args(arguments)
            .env("PATH", path)
            .env("RECORD", self.scratch.path("record"))
            .env_remove("EFSBACKUP")
            .current_dir(self.scratch.path("bin"))
            .stdin(Stdio::null());
        command
    }

    /// The names in the snapshots' folder, without the lock file.
    fn names(&self) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.destination.join(SOURCE_ID)) else {
            return BTreeSet::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".rsync-lock").collect()
    }

    /// Runs the engine rsync, which must publish one more snapshot, and gives its folder.
    fn snapshot(&self) -> PathBuf {
        let before = self.names();
        let ended = self.run(Engine::Rsync);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let mut after = self.names();
        after.retain(|name| !name.starts_with('.'));
        let new: Vec<&String> = after.difference(&before).collect();
        assert_eq!(new.len(), 1, "{before:?} {after:?}");
        let name = new[0];
        assert!(
            ended.stdout.contains(&format!("complete: {SOURCE_ID}/{name}\n")),
            "{}",
            ended.stdout
        );
        self.destination.join(SOURCE_ID).join(name)
    }

    /// A run that must be refused with `status` and a line that holds `why`, and change
    /// nothing.
    fn refused(&self, status: i32, why: &str) {
        let before = self.names();
        let ended = self.run(Engine::Rsync);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert_eq!(self.names(), before);
    }
}

/// What `efsbackup mark` writes.
fn mark(folder: &Path, id: &str) {
    let mut marker = fs::File::create(folder.join(".efsbackup-id")).unwrap();
    let inode = marker.metadata().unwrap().ino();
    write!(marker, "efsbackup-id 1\nid {id}\ninode {inode}\n").unwrap();
}

fn inode(path: impl AsRef<Path>) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn shellcheck_finds_nothing() {
    if !probe::tool("shellcheck") {
        return;
    }
    for script in Engine::ALL.map(Engine::script).into_iter().chain([RESTORE_SCRIPT]) {
        let mut child = Command::new("shellcheck")
            .args(["--shell=bash", "--severity=style", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{found}");
    }
}

#[test]
fn wrong_arguments_are_refused_before_anything_happens() {
    let place = Place::new();
    place.fake("efsbackup", "echo ran >>\"$RECORD\"");
    let (ids, zone) = ([SOURCE_ID, DESTINATION_ID], "UTC");
    let cases: [(&[&str], i32, &str); 9] = [
        (&[], 2, "6 arguments are needed, 0 were given"),
        (&["a", "/b", ids[0], zone, ids[1], "9"], 2, "'a' is neither HOST:/PATH nor"),
        (&["/a", "/b", "fs-1/..", zone, ids[1], "9"], 2, "'fs-1/..' is no file system id"),
        (&["/a", "/b", ids[0], zone, "", "9"], 2, "'' is no file system id"),
        (&["/a", "/b", ids[0], "$(id)", ids[1], "9"], 2, "'$(id)' is no time zone"),
        (&["/a", "/b", ids[0], zone, ids[1], "1x"], 2, "'1x' is no number of seconds"),
        (&["/a", "/b", ids[0], zone, ids[0], "9"], 3, "source and destination are both fs-0"),
        (&["/a", "/a/", ids[0], zone, ids[1], "9"], 3, "source and destination are both /a"),
        (&["/nonexistent", "/", ids[0], zone, ids[1], "9"], 3, "/nonexistent is not a folder"),
    ];
    for engine in Engine::ALL {
        for (arguments, status, why) in cases {
            let ended = place.run_raw(engine, arguments);
            assert_eq!(ended.status, status, "{arguments:?}: {}", ended.stderr);
            assert!(ended.stderr.starts_with(&format!("efsbackup: {why}")), "{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
    }
    assert_eq!(place.record(), "");
}

// The engine efsbackup.

#[test]
fn efsbackup_is_given_both_ids_and_the_time_left() {
    let place = Place::new();
    place
        .fake("efsbackup", "printf '<%s>' \"$@\" >>\"$RECORD\"; echo '{\"outcome\":\"complete\"}'");
    let ended = place.run_with(Engine::Efsbackup, "Asia/Tokyo", "3300", &["--keep-daily=7"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, "{\"outcome\":\"complete\"}\n");
    let expected = format!(
        "<backup><{}><{}><--json><--name><{SOURCE_ID}><--timezone><Asia/Tokyo>\
         <--expect-id><{SOURCE_ID}><--expect-destination-id><{DESTINATION_ID}>\
         <--stop-after><3300s><--keep-daily=7>",
        place.source.display(),
        place.destination.display()
    );
    // The script may have used up a second or two by itself.
    let record = place.record().replace("<3299s>", "<3300s>").replace("<3298s>", "<3300s>");
    assert_eq!(record, expected);
}

#[test]
fn vanished_entries_make_a_success_that_tells_their_number() {
    let place = Place::new();
    let report = "{\"errors\": [{\"message\": \"\\\"vanished\\\":{9}\"}],
        \"entries\": {\"failed\": {\"file\": 5}, \"vanished\": {\"file\": 2, \"dir\": 0, \"symlink\": 1}}}";
    place.fake("efsbackup", &format!("cat <<'E'\n{report}\nE\nexit 24"));
    let ended = place.run(Engine::Efsbackup);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "efsbackup: complete; 3 source entries vanished or changed while they were copied"
    );
}

#[test]
fn every_other_status_of_efsbackup_is_passed_on() {
    let place = Place::new();
    for status in [1, 3, 23, 25, 26, 130] {
        place.fake("efsbackup", &format!("echo '  \"message\": \"why\",'; exit {status}"));
        let ended = place.run(Engine::Efsbackup);
        assert_eq!(ended.status, status);
        assert_eq!(ended.stderr, format!("efsbackup: ended with status {status}: why\n"));
    }
    // Named by the environment, and missing.
    let missing = Command::new("bash")
        .args(["-c", Engine::Efsbackup.script(), "activity", "/a", "/b"])
        .args([SOURCE_ID, "UTC", DESTINATION_ID, "9"])
        .env("EFSBACKUP", place.scratch.path("nothing"))
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let text = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(text, "efsbackup: efsbackup is neither on PATH nor named by EFSBACKUP\n");
}

// The engine rsync.

/// Whether what the engine rsync needs is here.
fn rsync() -> bool {
    ["rsync", "flock", "findmnt"].into_iter().all(probe::tool)
}

#[test]
fn rsync_takes_an_exact_snapshot_and_links_what_is_unchanged() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let first = place.snapshot();
    assert_same(&place.source, &first);
    let second = place.snapshot();
    assert_same(&place.source, &second);
    for name in ["a", "sub/b"] {
        assert_eq!(inode(first.join(name)), inode(second.join(name)), "{name}");
    }
    let root = fs::metadata(place.destination.join(SOURCE_ID)).unwrap();
    assert_eq!(root.mode() & 0o777, 0o700);
}

#[test]
fn rsync_never_changes_an_older_snapshot() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let first = place.snapshot();
    fs::set_permissions(place.source.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.source.join("sub/b"), "changed").unwrap();
    fs::remove_file(place.source.join("link")).unwrap();
    let second = place.snapshot();
    assert_same(&place.source, &second);
    assert_eq!(fs::metadata(first.join("a")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read(first.join("sub/b")).unwrap(), [7; 5000]);
    assert!(fs::symlink_metadata(first.join("link")).is_ok());
}

#[test]
fn rsync_refuses_what_it_cannot_prove() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let (source, destination) = (place.source.join(".efsbackup-id"), &place.destination);
    mark(&place.source, "fs-99999999");
    place.refused(3, "should be fs-00000001, but the marker in");
    // A marker that came with a copy of the files.
    fs::remove_file(&source).unwrap();
    fs::write(&source, format!("efsbackup-id 1\nid {SOURCE_ID}\ninode 1\n")).unwrap();
    place.refused(3, "nothing proves that");
    fs::remove_file(&source).unwrap();
    place.refused(3, "nothing proves that");
    mark(&place.source, SOURCE_ID);
    fs::remove_file(destination.join(".efsbackup-id")).unwrap();
    place.refused(3, "nothing proves that");
    mark(destination, DESTINATION_ID);
    place.snapshot();
}

#[test]
fn rsync_refuses_a_source_without_entries() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    fs::remove_dir_all(&place.source).unwrap();
    fs::create_dir(&place.source).unwrap();
    mark(&place.source, SOURCE_ID);
    place.refused(3, "is empty or cannot be read");
}

#[test]
fn rsync_refuses_a_destination_that_is_not_safe() {
    if !rsync() {
        return;
    }
    let mut place = Place::new();
    let root = place.destination.join(SOURCE_ID);
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o770)).unwrap();
    place.refused(3, "others must not be able to write in it");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(place.destination.join(".efsbackup")).unwrap();
    place.refused(3, "belongs to the engine efsbackup");
    place.destination = place.source.join("sub/backups");
    fs::create_dir(&place.destination).unwrap();
    mark(&place.destination, DESTINATION_ID);
    place.refused(3, "the destination lies inside the source");
}

#[test]
fn rsync_publishes_nothing_that_is_incomplete_and_links_from_it_next_time() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let real = "PATH=${PATH#*:}; rsync \"$@\"";
    for (text, status, why) in [
        (format!("{real}; exit 23"), 23, "some entries failed: nothing is published"),
        (format!("{real}; exit 11"), 1, "rsync ended with status 11: nothing is published"),
        (format!("{real}; exit 124"), 26, "the time is up: nothing is published"),
    ] {
        place.fake("rsync", &text);
        let ended = place.run(Engine::Rsync);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert!(place.names().iter().all(|name| name.starts_with(".incomplete-")));
    }
    let left = place.names();
    assert_eq!(left.len(), 3);
    let root = place.destination.join(SOURCE_ID);
    let written: BTreeSet<u64> = left.iter().map(|name| inode(root.join(name).join("a"))).collect();
    fs::remove_file(place.scratch.path("bin/rsync")).unwrap();
    let ended = place.run(Engine::Rsync);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let names = place.names();
    assert_eq!(names.len(), 1, "what was incomplete is removed: {names:?}");
    let snapshot = root.join(names.first().unwrap());
    assert_same(&place.source, &snapshot);
    assert!(written.contains(&inode(snapshot.join("a"))), "its files are linked, not copied again");
}

#[test]
fn rsync_killed_at_any_moment_leaves_nothing_that_looks_complete() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    for number in 0..400 {
        fs::write(place.source.join(format!("sub/{number}")), number.to_string()).unwrap();
    }
    let root = place.destination.join(SOURCE_ID);
    for round in 0..12 {
        let mut child = place
            .command(Engine::Rsync, &place.arguments("UTC", "600"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 * round));
        let group = Pid::from_child(&child);
        kill_process_group(group, Signal::KILL).unwrap();
        child.wait().unwrap();
        for name in place.names().iter().filter(|name| !name.starts_with('.')) {
            assert_same(&place.source, &root.join(name));
        }
    }
    let last = place.snapshot();
    assert_same(&place.source, &last);
    let left = place.names().into_iter().filter(|name| name.starts_with('.')).count();
    assert_eq!(left, 0, "what killed runs left is removed");
}

#[test]
fn rsync_ends_by_itself_when_its_time_is_up() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    place.fake("rsync", "[[ $1 == --help ]] || exec sleep 60");
    let ended = place.run_with(Engine::Rsync, "UTC", "1", &[]);
    assert_eq!(ended.status, 26, "{}", ended.stderr);
}

#[test]
fn rsync_tells_how_many_entries_vanished_and_succeeds() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let lines = "echo 'file has vanished: \"/a\"' >&2; echo 'directory has vanished: \"/b\"' >&2";
    place.fake("rsync", &format!("PATH=${{PATH#*:}}; rsync \"$@\"; {lines}; exit 24"));
    let ended = place.run(Engine::Rsync);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.ends_with("\nefsbackup: 2 source entries vanished while they were copied\n")
    );
    assert_eq!(place.names().len(), 1);
}

#[test]
fn rsync_copies_anew_when_a_group_of_links_has_reached_the_limit() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let first = place.snapshot();
    let fails =
        "echo 'rsync: [generator] link \"c\" => a failed: Too many links (31)' >&2; exit 23";
    place.fake(
        "rsync",
        &format!(
            "PATH=${{PATH#*:}}; rsync \"$@\"; [[ \"$*\" != *--link-dest* ]] || {{ {fails}; }}"
        ),
    );
    let second = place.snapshot();
    assert_same(&place.source, &second);
    assert_ne!(inode(first.join("a")), inode(second.join("a")));
}

#[test]
fn rsync_refuses_a_time_zone_that_it_does_not_know() {
    if !rsync() {
        return;
    }
    let place = Place::new();
    let ended = place.run_with(Engine::Rsync, "Asia/Atlantis", "60", &[]);
    assert_eq!(ended.status, 2);
    assert_eq!(ended.stderr, "efsbackup: this machine knows no time zone 'Asia/Atlantis'\n");
}

// Mounting, with fakes in place of the programs that need root.

/// Fakes that record what would be mounted; findmnt shows `shown` for what is there.
fn fake_mounting(place: &Place, shown: &str) {
    place.fake("unshare", "while [[ $1 != -- ]]; do shift; done; shift; exec \"$@\"");
    place.fake("sudo", "while [[ $1 != -- ]]; do shift; done; shift; exec \"$@\"");
    place.fake("mkdir", "true");
    place.fake("mount.nfs4", "true");
    place.fake("mount", "printf '%s\\n' \"$*\" >>\"$RECORD\"");
    place.fake("findmnt", &format!("echo '{shown}'"));
    place.fake("efsbackup", "echo backup >>\"$RECORD\"");
}

#[test]
fn an_address_is_mounted_read_only_and_with_the_recommended_options() {
    let place = Place::new();
    fake_mounting(&place, "nfs4 other:/");
    let destination = place.destination.to_str().unwrap();
    let arguments = ["nas:/data", destination, SOURCE_ID, "UTC", DESTINATION_ID, "60"];
    let ended = place.run_raw(Engine::Efsbackup, &arguments);
    assert_eq!(
        place.record(),
        "-t nfs4 -o ro,nosuid,nodev,noexec,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,\
         retrans=2,noresvport -- nas:/data /mnt/efsbackup/source\n"
    );
    // What is mounted there is not what was asked for, though its name is part of it.
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_eq!(
        ended.stderr,
        "efsbackup: /mnt/efsbackup/source should hold nas:/data, but it holds 'nfs4 other:/'\n"
    );
}

#[test]
fn a_mount_that_fails_ends_the_run() {
    let place = Place::new();
    fake_mounting(&place, "");
    place.fake("mount", "echo 'mount.nfs4: Connection timed out' >&2; exit 32");
    let source = place.source.to_str().unwrap();
    let arguments = [source, "nas:/backup", SOURCE_ID, "UTC", DESTINATION_ID, "60"];
    let ended = place.run_raw(Engine::Efsbackup, &arguments);
    assert_eq!(ended.status, 1);
    let expected = "mount.nfs4: Connection timed out\nefsbackup: cannot mount nas:/backup\n";
    assert_eq!((ended.stderr.as_str(), place.record().as_str()), (expected, ""));
}

#[test]
fn the_nfs_client_is_installed_by_whatever_the_machine_has() {
    for (manager, package) in
        [("dnf", "nfs-utils"), ("yum", "nfs-utils"), ("apt-get", "nfs-common")]
    {
        let place = Place::new();
        fake_mounting(&place, "");
        fs::remove_file(place.scratch.path("bin/mount.nfs4")).unwrap();
        place.fake(manager, "printf '%s\\n' \"${0##*/} $*\" >>\"$RECORD\"");
        // Only these programs are found, so that no real package manager is.
        let script = Engine::Efsbackup.script().replace(
            "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PATH=$PATH",
        );
        for tool in ["bash", "env", "id", "tail", "mktemp", "rm"] {
            let found = ["/usr/bin", "/bin"].into_iter().map(|dir| Path::new(dir).join(tool));
            let found = found.into_iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, place.scratch.path("bin").join(tool)).unwrap();
        }
        let output = Command::new("/bin/bash")
            .args(["-c", &script, "activity", "nas:/data", "/", SOURCE_ID, "UTC", DESTINATION_ID])
            .arg("60")
            .env("PATH", place.scratch.path("bin"))
            .env("RECORD", place.scratch.path("record"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, "efsbackup: mount.nfs4 is missing and could not be installed\n");
        let install = format!("{manager} -q -y install {package}\n");
        assert!(place.record().ends_with(&install), "{}", place.record());
    }
}
