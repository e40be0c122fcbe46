//! As far as file systems go: long names and targets, old and late times, wide directories,
//! huge holes, files that nobody may change. And what other programs get wrong.
//!
//! `EFSBACKUP_WIDE=1000000` makes the wide directory wider than usual.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{
    Acl, Scratch, Tree, assert_same, block_device, char_device, dir, file, hardlink, probe, read,
    sparse, symlink,
};
use efsbackup_core::ErrorKind;
use efsbackup_core::mirror::{Fsync, MaxDelete, Mirror, Options, Report};
use rustix::fs::{Mode, SeekFrom, seek};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mirror(source: &Path, destination: &Path) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.fsync = Fsync::None;
    Mirror::new(source, destination).options(options).run().unwrap()
}

/// Mirrors `tree`, twice: the second run must find nothing to do.
#[track_caller]
fn comes_over(tree: &Tree) -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    let (source, destination) = (scratch.build("source", tree), scratch.path("destination"));
    let report = mirror(&source, &destination);
    assert_eq!(report.exit_status(), 0, "{report:?}");
    assert_same(&source, &destination);
    let report = mirror(&source, &destination);
    assert_eq!(report.entries.unchanged, report.entries.scanned, "{report:?}");
    (scratch, destination)
}

#[test]
fn targets_of_4080_bytes_and_times_before_1970_and_after_2106_come_over() {
    let at = |seconds: i64| file("x").mtime(seconds, 999_999_999);
    comes_over(&tree! {
        "long" => symlink(vec![b't'; 4080]).mtime(-1, 1),
        "1901" => at(-(1 << 31)), "1969" => at(-1), "1970" => file("x").mtime(0, 0),
        "2038" => at(1 << 31), "2106" => at(1 << 32), "2400" => at(13_569_465_600),
        "dir of 1960" => dir(tree! { "f" => at(-300_000_000) }).mtime(-300_000_000, 7),
    });
}

#[test]
fn attributes_of_all_namespaces_and_special_bits_survive_the_change_of_owner() {
    if !probe::root() {
        return;
    }
    let acl = |user| Acl {
        owner: 7,
        users: vec![(user, 7)],
        group: 5,
        groups: vec![(9, 1)],
        mask: 7,
        other: 1,
    };
    let mut tree = tree! {
        "file" => file("x").owner(1_000, 1_001).xattr("user.u", vec![b'u'; 1_000])
            .xattr("trusted.t", b"\0\x01").xattr("security.s", "s"),
        "dir" => dir(tree! { "inside" => file("x").mode(0o600) }).owner(1_000, 1_001)
            .xattr("trusted.t", "t").acl(&acl(4)).default_acl(&acl(5)),
        "dir of another" => dir(tree! { "dir" => dir(tree! {}).mode(0o700) }).default_acl(&acl(6)),
    };
    for mode in [0o4755, 0o2755, 0o6711, 0o1666, 0o7777, 0o000, 0o4000] {
        let name = |kind: &str| format!("{kind} {mode:o}").into_bytes();
        tree.0.push((name("file"), file("x").owner(1_000, 1_001).mode(mode)));
        tree.0.push((name("dir"), dir(tree! {}).owner(1_000, 1_001).mode(mode)));
    }
    comes_over(&tree);
}

#[test]
fn a_hole_of_one_tebibyte_has_the_same_extents() {
    let scratch = Scratch::new();
    let (middle, end) = (1 << 39, (1 << 40) - 5);
    let data: &[(u64, &[u8])] = &[(0, b"begin"), (middle, &[7; 10_000]), (end, b"5 end")];
    let source = scratch.build("source", &tree! {});
    if File::create(source.join("probe")).unwrap().set_len(1 << 40).is_err() {
        let _ = probe::skip("this file system has no files of 1 TiB");
        return;
    }
    fs::remove_file(source.join("probe")).unwrap();
    common::build::add(&source, &tree! { "huge" => sparse(1 << 40, data) });
    let destination = scratch.path("destination");
    assert_eq!(mirror(&source, &destination).exit_status(), 0);
    let open = |root: &Path| File::open(root.join("huge")).unwrap();
    assert_eq!(extents(&open(&source)), extents(&open(&destination)));
    for (offset, bytes) in data {
        let mut copy = vec![0; bytes.len()];
        std::os::unix::fs::FileExt::read_exact_at(&open(&destination), &mut copy, *offset).unwrap();
        assert_eq!(copy, *bytes);
    }
    let (from, to) = (open(&source).metadata().unwrap(), open(&destination).metadata().unwrap());
    assert_eq!((from.len(), from.mtime_nsec()), (to.len(), to.mtime_nsec()));
    assert!(to.blocks() <= from.blocks() + 128);
}

/// Where a file's data begin and end.
fn extents(file: &File) -> Vec<(u64, u64)> {
    let mut extents = Vec::new();
    let mut offset = 0;
    while let Ok(data) = seek(file, SeekFrom::Data(offset)) {
        offset = seek(file, SeekFrom::Hole(data)).unwrap();
        extents.push((data, offset));
    }
    extents
}

#[test]
fn a_wide_directory_comes_over_and_goes() {
    let width: usize =
        std::env::var("EFSBACKUP_WIDE").map_or(30_000, |width| width.parse().unwrap());
    let scratch = Scratch::new();
    let (source, destination) = (scratch.build("source", &tree! {}), scratch.path("destination"));
    fs::create_dir(source.join("wide")).unwrap();
    for number in 0..width {
        File::create(source.join(format!("wide/{number:x}"))).unwrap();
    }
    let made = mirror(&source, &destination);
    assert_eq!((made.exit_status(), made.entries.created.file), (0, width as u64));
    let again = mirror(&source, &destination);
    assert_eq!(again.entries.unchanged, again.entries.scanned);
    for number in (0..width).step_by(3) {
        fs::remove_file(source.join(format!("wide/{number:x}"))).unwrap();
    }
    let less = mirror(&source, &destination);
    assert_eq!((less.exit_status(), less.entries.deleted.file), (0, width.div_ceil(3) as u64));
    let names = |root: &Path| {
        let names = fs::read_dir(root.join("wide")).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    assert!(names(&source) == names(&destination));
}

/// Takes a file's flag away again, or nobody could remove it.
struct Flag(&'static str, PathBuf);

impl Flag {
    fn set(flag: &'static str, path: PathBuf) -> Option<Flag> {
        chattr("+", flag, &path).then(|| Flag(flag, path))
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        assert!(chattr("-", self.0, &self.1));
    }
}

fn chattr(sign: &str, flag: &str, path: &Path) -> bool {
    Command::new("chattr").arg(format!("{sign}{flag}")).arg(path).status().unwrap().success()
}

#[test]
fn what_nobody_may_change_is_told_and_all_else_is_done() {
    if !probe::root() || !probe::tool("lsattr") {
        return;
    }
    for flag in ["i", "a"] {
        let scratch = Scratch::new();
        let source = scratch.build(
            "source",
            &tree! { "kept" => file("new").mtime(1, 1), "other" => file("new"), "from" => file("x") },
        );
        let destination = scratch.build(
            "destination",
            &tree! {
                "kept" => file("old"), "other" => file("older"), "extra" => file("x"),
                "dir" => dir(tree! { "inside" => file("x"), "goes" => file("x") }),
            },
        );
        let flagged = ["kept", "extra", "dir/inside"].map(|name| destination.join(name));
        let mut flags: Vec<_> =
            flagged.into_iter().filter_map(|path| Flag::set(flag, path)).collect();
        flags.extend(Flag::set(flag, source.join("from")));
        if flags.len() < 4 {
            let _ = probe::skip("this file system has no such flags");
            return;
        }
        let report = mirror(&source, &destination);
        assert_eq!(report.exit_status(), 23, "{report:?}");
        let mut failed: Vec<_> = report.errors.iter().map(|error| error.path.to_text()).collect();
        failed.sort();
        assert_eq!(failed, ["dir/inside", "extra", "kept"], "+{flag}: {report:?}");
        assert!(report.errors.iter().all(|error| error.kind == ErrorKind::PermissionDenied));
        let content = |name: &str| fs::read_to_string(destination.join(name)).ok();
        assert_eq!(content("kept").as_deref(), Some("old"));
        assert_eq!(content("other").as_deref(), Some("new"));
        assert_eq!(content("from").as_deref(), Some("x"));
        assert_eq!((content("extra").as_deref(), content("dir/goes")), (Some("x"), None));
        let names = fs::read_dir(&destination).unwrap().count();
        assert_eq!(names, 5, "a temporary file stayed");
        drop(flags);
        assert_eq!(mirror(&source, &destination).exit_status(), 0);
        assert_same(&source, &destination);
    }
}

#[test]
fn hidden_and_ignored_files_are_files() {
    comes_over(&tree! {
        ".hidden" => dir(tree! { ".f" => file("x") }), ".gitignore" => file("*\n"), "-" => file("x"),
        ".ignore" => file("*\n"), ".git" => dir(tree! { "info" => dir(tree! { "exclude" => file("*") }) }),
        "--delete" => dir(tree! {}),
    });
}

#[test]
fn an_inode_number_equal_to_the_roots_on_another_device_is_copied() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(one) = probe::Mount::tmpfs(&scratch.path("one"), 1 << 20) else { return };
    let Some(other) = probe::Mount::tmpfs(&scratch.path("other"), 1 << 20) else { return };
    let (source, destination) = (one.path().join("source"), other.path().join("destination"));
    let tree = Tree((0..40u8).map(|n| (vec![b'a' + n], file([n]))).collect());
    common::build::build(&source, &tree);
    // Numbers are given in turn on each of the two file systems.
    fs::create_dir(&destination).unwrap();
    let root = fs::metadata(&destination).unwrap().ino();
    let has_it =
        |tree: &Path| read(tree).values().any(|meta| meta.kind == 'f' && meta.inode.1 == root);
    let destination = if has_it(&source) {
        destination
    } else {
        // The source's root took that number: the next directory has the next one.
        fs::create_dir(other.path().join("next")).unwrap();
        other.path().join("next")
    };
    let root = fs::metadata(&destination).unwrap().ino();
    assert!(read(&source).values().any(|meta| meta.kind == 'f' && meta.inode.1 == root));
    assert_eq!(mirror(&source, &destination).exit_status(), 0);
    assert_same(&source, &destination);
}

#[test]
fn device_nodes_keep_their_number_and_are_never_read() {
    if !probe::root() {
        return;
    }
    comes_over(&tree! {
        "null" => char_device(1, 3), "zero" => char_device(1, 5).mode(0o666),
        "large minor" => char_device(4_000, 1_000_000), "disk" => block_device(259, 70_000),
    });
}

#[test]
fn a_umask_cuts_no_mode_and_splits_no_hard_link() {
    let before = rustix::process::umask(Mode::from_raw_mode(0o077));
    let result = std::panic::catch_unwind(|| {
        let tree = tree! {
            "open" => file("x").mode(0o666), "dir" => dir(tree! { "l" => hardlink("open") }).mode(0o2775).mtime(5, 5),
            "link" => symlink("open"),
        };
        drop(comes_over(&tree));
    });
    rustix::process::umask(before);
    result.unwrap();
}
