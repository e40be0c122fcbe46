//! The commands that the guides tell people to type.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Scratch;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of a guide that are marked `sh`, one after the other, each told as it begins.
fn script(guide: &str) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(repository.join(guide)).unwrap();
    let mut script = String::new();
    for (number, block) in text.split("```sh\n").skip(1).enumerate() {
        let commands = block.split("```").next().unwrap();
        writeln!(script, "echo '-- {guide}, block {}' >&2\n{commands}", number + 1).unwrap();
    }
    script
}

/// Runs the commands, with all that the guides have in `/mnt` below `mounts`.
fn run(script: &str, mounts: &Path) {
    let command = Path::new(env!("CARGO_BIN_EXE_efsbackup")).parent().unwrap();
    let output = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c"])
        .arg(script.replace("/mnt/", &format!("{}/", mounts.to_str().unwrap())))
        .current_dir(mounts.parent().unwrap())
        .env("PATH", format!("{}:{}", command.display(), std::env::var("PATH").unwrap()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_steps_of_several_machines_make_a_snapshot() {
    let scratch = Scratch::new();
    let mounts = scratch.path("mnt");
    fs::create_dir_all(mounts.join("source/folder")).unwrap();
    fs::write(mounts.join("source/folder/file"), "content").unwrap();
    fs::write(mounts.join("source/other"), "other").unwrap();
    let script = script("docs/several-machines.md");
    assert_eq!(script.matches("\nefsbackup shard ").count(), 4, "{script}");
    run(&script, &mounts);
    let snapshots = fs::read_dir(mounts.join("backups/fs-0123456789abcdef0")).unwrap();
    let names = snapshots.map(|entry| entry.unwrap().path());
    let visible: Vec<_> = names.filter(|path| !path.ends_with(".efsbackup")).collect();
    let [snapshot] = &visible[..] else { panic!("{visible:?}") };
    assert_eq!(fs::read_to_string(snapshot.join("folder/file")).unwrap(), "content");
}

#[test]
fn the_commands_of_the_readme_succeed_one_after_the_other() {
    let scratch = Scratch::new();
    let mounts = scratch.path("mnt");
    fs::create_dir_all(mounts.join("source")).unwrap();
    fs::create_dir(mounts.join("backups")).unwrap();
    fs::write(mounts.join("source/file"), "content").unwrap();
    let script = script("README.md");
    assert_eq!(script.matches("\nefsbackup ").count(), 10, "{script}");
    run(&script, &mounts);
    assert_eq!(fs::read_to_string(mounts.join("restored/file")).unwrap(), "content");
    // The pipeline has taken one too, under the source's own name.
    let taken = fs::read_dir(mounts.join("backups/fs-0123456789abcdef0")).unwrap();
    let copies = taken.map(|entry| entry.unwrap().path().join("file"));
    assert_eq!(copies.filter(|copy| copy.exists()).count(), 1);
}

#[test]
fn the_guides_commands_succeed_one_after_the_other() {
    let scratch = Scratch::new();
    let mounts = scratch.path("mnt");
    fs::create_dir_all(mounts.join("app/conf")).unwrap();
    fs::create_dir(mounts.join("backups")).unwrap();
    fs::write(mounts.join("app/conf/app.conf"), "first").unwrap();
    fs::write(mounts.join("app/notes.txt"), "notes\n").unwrap();

    let between = "echo changed > /mnt/app/conf/app.conf; touch /mnt/app/new\n";
    let script = script("docs/first-backup.md") + between + &script("docs/restore.md");
    assert!(script.matches("\nefsbackup ").count() >= 15, "{script}");
    run(&script, &mounts);

    let read = |path: &str| fs::read_to_string(mounts.join(path)).unwrap();
    assert_eq!(read("app.conf.old"), "first");
    assert_eq!(read("restored/notes.txt"), "notes\na change\n");
    assert_eq!(read("some/conf/app.conf"), "first");
    // The undo put back what the restore had replaced and removed.
    assert_eq!(read("app/conf/app.conf"), "changed\n");
    assert!(mounts.join("app/new").exists());
}
