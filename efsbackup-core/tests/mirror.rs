//! What a mirror does with the trees that people have: types, links, times, options.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::{
    Acl, Scratch, Tree, assert_same, char_device, dir, fifo, file, hardlink, probe, read, socket,
    sparse, symlink,
};
use efsbackup_core::mirror::{LinkSource, Mirror, Options, Report, Trust};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Mirrors with deletion and `change`d options; nothing may fail.
#[track_caller]
fn mirror_with(source: &Path, destination: &Path, change: impl Fn(&mut Options)) -> Report {
    let mut options = Options::default();
    options.delete = true;
    change(&mut options);
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    report.into_result().unwrap()
}

#[track_caller]
fn mirror(source: &Path, destination: &Path) -> Report {
    mirror_with(source, destination, |_| {})
}

/// The destination after a mirror of `before` and then of `after`, compared with `after`.
#[track_caller]
fn from_to(before: &Tree, after: &Tree) {
    let scratch = Scratch::new();
    let destination = scratch.path("destination");
    mirror(&scratch.build("before", before), &destination);
    let source = scratch.build("after", after);
    mirror(&source, &destination);
    assert_same(&source, &destination);
}

#[test]
fn every_type_of_entry_comes_over_with_all_its_metadata() {
    let scratch = Scratch::new();
    let acl = Acl { owner: 7, users: vec![(1000, 5)], group: 4, groups: vec![], mask: 5, other: 0 };
    let mut tree = tree! {
        "file" => file("content").mode(0o640).mtime(1_700_000_000, 123_456_789).xattr("user.a", b"\x00\xff"),
        "before 1970" => file("x").mtime(-1, 999_999_999),
        "setuid" => file("x").mode(0o4755),
        "acl" => file("x").acl(&acl),
        "dir" => dir(tree! { "sticky" => dir(tree! {}).mode(0o1777), "f" => file("") })
            .mode(0o2750).mtime(5, 6).default_acl(&acl),
        "link" => symlink("no/where").mtime(1, 2),
        "fifo" => fifo().mode(0o600).mtime(3, 4),
        "socket" => socket().mode(0o620),
    };
    if probe::is_root() {
        tree.0.push((b"null".to_vec(), char_device(1, 3).mode(0o666).owner(1, 2)));
        tree.0.push((b"owned".to_vec(), file("x").owner(70_000, 4_294_967_294).mode(0o6711)));
        tree.0.push((b"l".to_vec(), symlink("x").owner(1000, 1000).xattr("trusted.t", "v")));
    }
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    let report = mirror(&source, &destination);
    assert_same(&source, &destination);
    assert_eq!(report.entries.created.total(), report.entries.scanned.total());
    assert_eq!(report.exit_status(), 0);
}

#[test]
fn file_capabilities_survive_the_change_of_owner() {
    if !probe::root() {
        return;
    }
    // vfs_cap_data revision 2 with CAP_NET_BIND_SERVICE, from linux/capability.h.
    let capability = [&0x0200_0001_u32.to_le_bytes()[..], &(1u32 << 10).to_le_bytes(), &[0; 12]];
    let tree = tree! {
        "f" => file("x").owner(1000, 1000).mode(0o755).xattr("security.capability", capability.concat()),
    };
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree);
    mirror(&source, &scratch.path("destination"));
    assert_same(&source, &scratch.path("destination"));
    assert!(read(&scratch.path("destination")).values().any(|meta| !meta.xattrs.is_empty()));
}

#[test]
fn any_type_replaces_any_other() {
    let forms = [
        ("file", tree! { "x" => file("content") }),
        ("dir", tree! { "x" => dir(tree! { "y" => file("1"), "d" => dir(tree! {}) }) }),
        ("symlink", tree! { "x" => symlink("y") }),
        ("symlink to a directory", tree! { "x" => symlink("/usr") }),
        ("fifo", tree! { "x" => fifo() }),
        ("socket", tree! { "x" => socket() }),
        ("hard link", tree! { "x" => file("one"), "z" => hardlink("x") }),
    ];
    for (before_name, before) in &forms {
        for (after_name, after) in &forms {
            eprintln!("{before_name} → {after_name}");
            from_to(before, after);
        }
    }
}

#[test]
fn names_of_any_bytes_come_over() {
    let mut tree = tree! {
        b"\xff\xfe" => file("1"), "a\nb" => file("2"), " " => file("3"), "-rf" => dir(tree! {}),
        "\\x41" => symlink(b"\xff"), "caf\u{e9}" => file("4"), "cafe\u{301}" => file("5"),
    };
    tree.0.push((vec![b'n'; 255], file("6")));
    // Every single byte that a name can be.
    for byte in (1..=255u8).filter(|byte| *byte != b'/' && *byte != b'.') {
        if !tree.0.iter().any(|(name, _)| *name == [byte]) {
            tree.0.push((vec![byte], file([byte])));
        }
    }
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree);
    mirror(&source, &scratch.path("destination"));
    assert_same(&source, &scratch.path("destination"));
}

/// `levels` directories, one in another, with a file in each and a link at the bottom.
fn deep(levels: usize, name: &[u8]) -> Tree {
    (0..levels).fold(tree! { "bottom" => symlink("x") }, |inner, level| {
        tree! { name => dir(inner).mtime(level as i64, 0), "f" => file("x") }
    })
}

#[test]
fn a_thousand_levels_come_over_change_and_go() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &deep(1000, b"d"));
    let destination = scratch.path("destination");
    mirror(&source, &destination);
    assert_same(&source, &destination);
    fs::remove_dir_all(source.join("d")).unwrap();
    let report = mirror_with(&source, &destination, |o| {
        o.max_delete = efsbackup_core::mirror::MaxDelete::Percent(100)
    });
    assert_eq!(report.entries.deleted.total(), 1000 + 999 + 1);
    assert_same(&source, &destination);
}

#[test]
fn paths_beyond_path_max_come_over() {
    let scratch = Scratch::new();
    // 40 × 256 bytes; PATH_MAX is 4,096.
    let source = scratch.build("source", &deep(40, &[b'n'; 255]));
    mirror(&source, &scratch.path("destination"));
    assert_same(&source, &scratch.path("destination"));
    let report = mirror(&source, &scratch.path("destination"));
    assert_eq!(report.entries.unchanged.total(), report.entries.scanned.total());
}

#[test]
fn a_second_run_does_nothing() {
    for seed in 100..106 {
        let scratch = Scratch::new();
        let tree = Random::new(seed, &scratch.path("")).tree(8, 4);
        let source = scratch.build("source", &tree);
        let destination = scratch.path("destination");
        mirror_with(&source, &destination, |options| options.allow_empty = true);
        let before = read(&destination);
        let report = mirror_with(&source, &destination, |options| options.allow_empty = true);
        assert_eq!(report.entries.unchanged, report.entries.scanned, "seed {seed}");
        assert_eq!(report.bytes.copied, 0);
        // Inodes are compared too.
        assert!(before == read(&destination), "seed {seed}");
    }
}

#[test]
fn hard_links_across_directories_are_kept_split_and_merged() {
    let linked = tree! {
        "a" => dir(tree! { "1" => file("same"), "2" => hardlink("a/1") }),
        "b" => dir(tree! { "c" => dir(tree! { "3" => hardlink("a/1") }) }),
        "0" => hardlink("a/1"),
        "l" => symlink("x"), "m" => hardlink("l"),
        "p" => fifo(), "q" => hardlink("p"),
    };
    let same = || file("same").mtime(1_000_000_000, 0);
    let split = tree! {
        "a" => dir(tree! { "1" => same(), "2" => same() }),
        "b" => dir(tree! { "c" => dir(tree! { "3" => hardlink("a/2") }) }),
        "0" => same(),
        "l" => symlink("x"), "m" => symlink("x"),
        "p" => fifo(), "q" => fifo(),
    };
    let regrouped = tree! {
        "a" => dir(tree! { "1" => same(), "2" => hardlink("0") }),
        "b" => dir(tree! { "c" => dir(tree! { "3" => hardlink("a/1") }) }),
        "0" => same(),
        "l" => symlink("x"), "m" => hardlink("l"),
        "p" => fifo(), "q" => fifo(),
    };
    let trees = [&linked, &split, &regrouped];
    for before in trees {
        for after in trees {
            from_to(before, after);
        }
    }
}

#[test]
fn a_file_changed_under_several_names_is_copied_once() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("old"), "b" => hardlink("a") });
    let destination = scratch.path("destination");
    mirror(&source, &destination);
    fs::write(source.join("b"), [b'x'; 10_000]).unwrap();
    let report = mirror(&source, &destination);
    assert_same(&source, &destination);
    assert_eq!(report.bytes.copied, 10_000);
}

#[test]
fn holes_stay_holes() {
    let scratch = Scratch::new();
    let tree = tree! {
        "all hole" => sparse(64 << 20, &[]),
        "data at the end" => sparse((64 << 20) + 3, &[(64 << 20, b"end")]),
        "data in the middle" => sparse(64 << 20, &[(10 << 20, b"mid"), (30 << 20, &[7; 5000])]),
    };
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    mirror(&source, &destination);
    assert_same(&source, &destination);
    for meta in read(&destination).values() {
        assert!(meta.allocated < 1 << 20, "{} bytes on disk", meta.allocated);
    }
}

#[test]
fn without_delete_nothing_goes() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("new") });
    let destination = scratch.build(
        "destination",
        &tree! { "extra" => file("x"), "d" => dir(tree! { "e" => file("y") }) },
    );
    let report = Mirror::new(&source, &destination).run().unwrap().into_result().unwrap();
    assert_eq!(report.entries.deleted.total(), 0);
    assert_eq!(fs::read(destination.join("d/e")).unwrap(), b"y");
    assert_eq!(fs::read(destination.join("extra")).unwrap(), b"x");
    assert_eq!(fs::read(destination.join("a")).unwrap(), b"new");
}

#[test]
fn content_that_differs_behind_equal_size_and_time_is_found_by_checksum() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("good").mtime(1000, 5) });
    let destination = scratch.build("destination", &tree! { "a" => file("evil").mtime(1000, 5) });
    mirror(&source, &destination);
    assert_eq!(fs::read(destination.join("a")).unwrap(), b"evil");
    mirror_with(&source, &destination, |options| options.checksum = true);
    assert_eq!(fs::read(destination.join("a")).unwrap(), b"good");
    assert_same(&source, &destination);
}

#[test]
fn size_only_takes_the_time_over_but_not_the_content() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("new!").mtime(2000, 0) });
    let destination = scratch.build("destination", &tree! { "a" => file("old.").mtime(1000, 0) });
    let report = mirror_with(&source, &destination, |options| options.size_only = true);
    assert_eq!(report.bytes.copied, 0);
    assert_eq!(fs::read(destination.join("a")).unwrap(), b"old.");
    assert_eq!(fs::metadata(destination.join("a")).unwrap().mtime(), 2000);
}

#[test]
fn equal_files_are_linked_from_the_link_source_and_others_copied() {
    let scratch = Scratch::new();
    let acl = Acl { owner: 6, users: vec![(7, 4)], group: 4, groups: vec![], mask: 4, other: 4 };
    let at = |entry: common::Entry| entry.mtime(1000, 0);
    let previous = scratch.build(
        "previous",
        &tree! {
            "same" => at(file("12345")), "mode" => at(file("x").mode(0o600)), "gone" => file("x"),
            "xattr" => at(file("x").xattr("user.a", "1")), "acl" => at(file("x").acl(&acl)),
            "size" => at(file("12")), "d" => dir(tree! { "deep" => at(file("123")) }),
        },
    );
    let source = scratch.build(
        "source",
        &tree! {
            "same" => at(file("12345")), "mode" => at(file("x").mode(0o644)),
            "xattr" => at(file("x").xattr("user.a", "2")), "acl" => at(file("x")),
            "size" => at(file("123")), "d" => dir(tree! { "deep" => at(file("123")) }),
        },
    );
    let before = read(&previous);
    let destination = scratch.path("destination");
    let report = mirror_with(&source, &destination, |options| {
        options.link_sources = vec![LinkSource::new(&previous, Trust::Metadata)];
    });
    assert_same(&source, &destination);
    assert!(before == read(&previous), "the link source changed");
    let shared = |name: &str| {
        let inode = |root: &Path| fs::symlink_metadata(root.join(name)).unwrap().ino();
        inode(&previous) == inode(&destination)
    };
    assert!(shared("same") && shared("d/deep"));
    for name in ["mode", "xattr", "acl", "size"] {
        assert!(!shared(name), "{name} must not be shared");
    }
    assert_eq!(report.entries.linked.file, 2);
    assert_eq!(report.bytes.linked, 8);
}

#[test]
fn where_a_link_would_be_one_too_many_the_file_is_copied() {
    let scratch = Scratch::new();
    let tree =
        tree! { "a" => file("x").mtime(1, 0), "b" => hardlink("a"), "c" => file("y").mtime(1, 0) };
    let source = scratch.build("source", &tree);
    let previous = scratch.build("previous", &tree);
    let destination = scratch.path("destination");
    mirror_with(&source, &destination, |options| {
        options.link_sources = vec![LinkSource::new(&previous, Trust::Metadata)];
        options.max_links = Some(3);
    });
    assert_same(&source, &destination);
    let links = |name: &str| fs::metadata(destination.join(name)).unwrap().nlink();
    // Two names already in `previous` and two more would be four.
    assert_eq!((links("a"), links("b"), links("c")), (2, 2, 2));
}

#[test]
fn what_is_switched_off_is_left_alone() {
    let scratch = Scratch::new();
    let acl = Acl { owner: 6, users: vec![(7, 4)], group: 4, groups: vec![], mask: 4, other: 4 };
    let source = scratch.build(
        "source",
        &tree! {
            "a" => file("x").xattr("user.a", "1"), "b" => file("x").acl(&acl),
            "p" => fifo(), "h" => file("y"), "i" => hardlink("h"),
        },
    );
    let destination = scratch.path("destination");
    mirror_with(&source, &destination, |options| {
        options.xattrs = false;
        options.acls = false;
        options.hard_links = false;
        options.specials = false;
    });
    let made = read(&destination);
    assert!(made.values().all(|meta| meta.xattrs.is_empty() && meta.names.is_empty()));
    assert!(!destination.join("p").exists());
    assert_eq!(fs::read(destination.join("i")).unwrap(), b"y");
}

#[test]
fn other_file_systems_are_left_out_on_request() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let Some(mount) = probe::Mount::tmpfs(&source.join("mount"), 1 << 20) else { return };
    fs::write(mount.path().join("inside"), "x").unwrap();
    let destination = scratch.path("destination");
    mirror_with(&source, &destination, |options| options.one_file_system = true);
    assert_eq!(fs::read_dir(destination.join("mount")).unwrap().count(), 0);
    mirror(&source, &destination);
    assert!(destination.join("mount/inside").exists());
    // Now the destination holds what the source is told to leave out.
    mirror_with(&source, &destination, |options| options.one_file_system = true);
    assert!(destination.join("mount").is_dir());
}
