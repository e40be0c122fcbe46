//! The scripts with the real `efsbackup`, in a root of their own with file systems to mount and
//! awkward names everywhere. Only what would need a server or AWS is a fake: `mount`, which binds
//! a folder, what `findmnt` shows of it, and `aws`.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, assert_same, dir, file, hardlink, probe, symlink};
use efsbackup_core::recipe::{Engine, RESTORE_SCRIPT};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE_ID: &str = "fs-00000001";
const BACKUP_ID: &str = "fs-00000002";
/// A folder of a file system, as a person may call it who means ill.
const AWKWARD: &str = "so'ur ce $(touch ${IFS}hit) `touch hit` \"é\" * ; & -rf";

const MOUNT: &str = r#"
printf '<%s>' "$@" >>/record/mounts
printf '\n' >>/record/mounts
[[ $1 == -t && $3 == -o && $5 == -- && $# == 7 ]] || exit 32
host=${6%%:*} path=${6#*:} mode=${4%%,*}
/usr/bin/mount --bind "/targets/${host%%.*}$path" "$7" &&
  /usr/bin/mount -o "remount,bind,$mode,nosuid,nodev,noexec" "$7"
[[ $2 == nfs4 ]] || host=127.0.0.1
printf 'nfs4 %s:%s\n' "$host" "$path" >"/record/shown.${7##*/}"
"#;
const FINDMNT: &str = r#"
[[ $* == *--mountpoint* ]] || exec /usr/bin/findmnt "$@"
cat -- "/record/shown.${!###*/}"
"#;
const AWS: &str = r#"
printf '<%s>' "$@" >>/record/aws
[[ $1 == s3 && $2 == cp && $4 == s3://* ]] && cp -- "$THE_PROGRAM" "$5"
"#;

struct Place {
    scratch: Scratch,
}

struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    /// The two file systems, with a tree in the source's awkward folder; `None` where this
    /// cannot run.
    fn new() -> Option<Place> {
        if !probe::root() || !["unshare", "findmnt", "chroot"].into_iter().all(probe::tool) {
            return None;
        }
        let scratch = Scratch::new();
        for folder in
            ["targets", "fake", "record", "root", "targets/fs-00000001", "targets/fs-00000002"]
        {
            fs::create_dir(scratch.path(folder)).unwrap();
        }
        let place = Place { scratch };
        for (name, text) in [
            ("mount", MOUNT),
            ("findmnt", FINDMNT),
            ("aws", AWS),
            ("mount.nfs4", ""),
            ("mount.efs", ""),
        ] {
            let path = place.scratch.path("fake").join(name);
            fs::write(&path, format!("#!/bin/bash\n{text}")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        place.scratch.build(
            &format!("targets/fs-00000001/{AWKWARD}"),
            &tree! {
                "a" => file(b"content").mode(0o640).mtime(1_000_000_000, 5),
                "two words\nand a line" => hardlink("a"),
                "link" => symlink("/nowhere"),
                "sub" => dir(tree! { "$(touch hit)" => file([7; 5000]) }).mtime(1_000_000_001, 0),
            },
        );
        fs::create_dir(place.backups()).unwrap();
        for (folder, id) in [(place.source(), SOURCE_ID), (place.backups(), BACKUP_ID)] {
            let program = env!("CARGO_BIN_EXE_efsbackup");
            let marked = Command::new(program).arg("mark").arg(folder).args(["--id", id]).output();
            assert!(marked.unwrap().status.success());
        }
        Some(place)
    }

    fn source(&self) -> PathBuf {
        self.scratch.path("targets").join(SOURCE_ID).join(AWKWARD)
    }

    fn backups(&self) -> PathBuf {
        self.scratch.path("targets").join(BACKUP_ID).join(AWKWARD)
    }

    fn run(&self, script: &str, options: &[&str]) -> Ended {
        let address = |id: &str| format!("{id}.efs.us-east-1.amazonaws.com:/{AWKWARD}");
        let helper = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recipe_root.sh");
        let output = Command::new(helper)
            .arg(self.scratch.path("."))
            .args([env!("CARGO_BIN_EXE_efsbackup"), script, "activity"])
            .args([&address(SOURCE_ID), &address(BACKUP_ID)])
            .args([SOURCE_ID, "Asia/Tokyo", BACKUP_ID, "600"])
            .args(options)
            .output()
            .unwrap();
        self.nothing_was_run();
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// No name was taken for a command.
    fn nothing_was_run(&self) {
        fn look(folder: &Path) {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                assert_ne!(entry.file_name(), "hit", "in {}", folder.display());
                if entry.file_type().unwrap().is_dir() {
                    look(&entry.path());
                }
            }
        }
        look(&self.scratch.path("."));
    }

    fn snapshots(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.backups().join(SOURCE_ID)) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let shown = |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
        let mut paths: Vec<PathBuf> = paths.filter(shown).collect();
        paths.sort();
        paths
    }

    fn backed_up(&self, options: &[&str]) -> PathBuf {
        let ended = self.run(Engine::Efsbackup.script(), options);
        assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
        self.snapshots().pop().unwrap()
    }

    fn record(&self, name: &str) -> String {
        fs::read_to_string(self.scratch.path("record").join(name)).unwrap_or_default()
    }
}

#[test]
fn both_file_systems_are_mounted_and_a_snapshot_is_taken() {
    let Some(place) = Place::new() else { return };
    for engine in Engine::ALL {
        let ended = place.run(engine.script(), &[]);
        if engine == Engine::Rsync {
            assert_eq!(ended.status, Some(3), "{}", ended.stderr);
            assert!(ended.stderr.contains("belongs to the engine efsbackup"), "{}", ended.stderr);
            continue;
        }
        assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
        let [snapshot] = &place.snapshots()[..] else { panic!("one snapshot") };
        assert_same(&place.source(), snapshot);
    }
    let mounts = place.record("mounts");
    let source = format!("<--><{SOURCE_ID}.efs.us-east-1.amazonaws.com:/{AWKWARD}>");
    assert!(mounts.starts_with("<-t><nfs4><-o><ro,nosuid,nodev,noexec,"), "{mounts}");
    assert!(mounts.contains(&source), "{mounts}");
}

#[test]
fn the_engine_rsync_does_the_same() {
    let Some(place) = Place::new() else { return };
    if !probe::tool("rsync") {
        return;
    }
    let ended = place.run(Engine::Rsync.script(), &[]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let [snapshot] = &place.snapshots()[..] else { panic!("one snapshot") };
    assert_same(&place.source(), snapshot);
}

#[test]
fn encrypted_mounts_are_made_by_the_helper_and_gone_at_the_end() {
    let Some(place) = Place::new() else { return };
    // The fake helper of the mounts; what is left at the end is told before the root is gone.
    let script = String::from(
        "bash -c \"$SCRIPT\" activity \"$@\"; status=$?; \
         /usr/bin/findmnt --raw --noheadings --output TARGET | grep ^/mnt >/record/left; \
         ls -A /mnt/efsbackup >>/record/left; exit $status",
    );
    let script = format!("SCRIPT={}; {script}", quoted(Engine::Efsbackup.script()));
    let ended = place.run(&script, &["--mount=tls,iam", "--keep-last=3"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let mounts = place.record("mounts");
    let expected = format!(
        "<-t><efs><-o><ro,nosuid,nodev,noexec,tls,iam,region=us-east-1><--><{SOURCE_ID}:/{AWKWARD}>"
    );
    assert!(mounts.starts_with(&expected), "{mounts}");
    assert_eq!(mounts.lines().count(), 2);
    assert_eq!(place.record("left"), "");
    assert_eq!(place.snapshots().len(), 1);
}

/// Text as one word of bash.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn the_program_is_fetched_and_run_only_if_it_is_the_one_meant() {
    let Some(place) = Place::new() else { return };
    let sum = Command::new("sha256sum").arg(env!("CARGO_BIN_EXE_efsbackup")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let wrong = format!("--sha256={}", "0".repeat(64));
    let uri = "--program=s3://programs/efsbackup-1";
    let ended = place.run(Engine::Efsbackup.script(), &[uri, &wrong]);
    assert_eq!(ended.status, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("is not what was to be run"), "{}", ended.stderr);
    assert_eq!(place.record("mounts"), "", "nothing is mounted before");
    let missing = place.run(Engine::Efsbackup.script(), &[uri]);
    assert_eq!(missing.status, Some(2), "{}", missing.stderr);
    place.backed_up(&[uri, &format!("--sha256={sum}")]);
    assert!(
        place.record("aws").contains("<s3><cp><--only-show-errors><s3://programs/efsbackup-1>")
    );
}

#[test]
fn a_restore_goes_to_a_new_folder_or_in_place_and_keeps_what_it_replaces() {
    let Some(place) = Place::new() else { return };
    let snapshot = place.backed_up(&[]);
    let name = snapshot.file_name().unwrap().to_str().unwrap().to_owned();
    fs::write(place.source().join("a"), "spoiled").unwrap();
    fs::write(place.source().join("new"), "new").unwrap();

    let folder = "re stored/$(touch hit)";
    let ended = place.run(RESTORE_SCRIPT, &["--snapshot=latest", &format!("--into={folder}")]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with(&format!("restored: {SOURCE_ID}/{name} to {folder}\n")));
    assert_same(&snapshot, &place.source().join(folder));
    let again = place.run(RESTORE_SCRIPT, &["--snapshot=latest", &format!("--into={folder}")]);
    assert_eq!(again.status, Some(3), "{}", again.stderr);
    fs::remove_dir_all(place.source().join("re stored")).unwrap();

    let named = format!("--snapshot={name}");
    let ended = place.run(RESTORE_SCRIPT, &[&named, "--in-place", "--delete"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_same(&snapshot, &place.source());
    assert_eq!(place.snapshots().len(), 2, "what was replaced is kept");
}

#[test]
fn a_restore_refuses_what_leads_elsewhere() {
    let Some(place) = Place::new() else { return };
    let none = place.run(RESTORE_SCRIPT, &["--snapshot=latest", "--into=x"]);
    assert_ne!(none.status, Some(0));
    assert!(!place.source().join("x").exists());
    place.backed_up(&[]);
    std::os::unix::fs::symlink("/tmp", place.source().join("out")).unwrap();
    for (options, status) in [
        (["--snapshot=latest", "--into=out/x"], 3),
        (["--snapshot=latest", "--into=../x"], 2),
        (["--snapshot=latest", "--into=/x"], 2),
        (["--snapshot=$(touch hit)", "--into=x"], 2),
        (["--snapshot=../other", "--into=x"], 2),
        (["--snapshot=latest", "--keep-last=1"], 2),
    ] {
        let ended = place.run(RESTORE_SCRIPT, &options);
        assert_eq!(ended.status, Some(status), "{options:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}
