//! Mirrors from and to XFS, where it can be mounted.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::disk::{can_mount, make_image, mount};
use common::{Acl, Scratch, differences, dir, file};
use efsbackup_core::mirror::{Mirror, Options, Report};
use std::path::Path;

fn mirror(source: &Path, destination: &Path) -> Report {
    let mut options = Options::default();
    options.delete = true;
    Mirror::new(source, destination).options(options).run().unwrap()
}

/// XFS lists to root each ACL a second time, as an attribute of its own.
#[test]
fn acls_keep_their_one_name_on_xfs() {
    let scratch = Scratch::new();
    if !can_mount(&["xfs"], &scratch.path("")) {
        return;
    }
    let image = scratch.path("image");
    assert!(make_image(&image, "xfs", 320 << 20));
    let disk = mount(&image, &scratch.path("disk"), "").unwrap();
    let acl = Acl { owner: 6, users: vec![(1000, 4)], group: 4, groups: vec![], mask: 6, other: 0 };
    let tree = tree! {
        "f" => file("x").acl(&acl).xattr("trusted.a", "kept"),
        "d" => dir(tree! { "f" => file("x") }).acl(&acl).default_acl(&acl),
    };
    let source = scratch.build("source", &tree);
    let on_xfs = disk.path().join("copy");
    let back = scratch.path("back");
    for (from, to) in [(&source, &on_xfs), (&on_xfs, &back)] {
        assert_eq!(mirror(from, to).exit_status(), 0);
        let again = mirror(from, to);
        assert_eq!(again.entries.unchanged.total(), 4, "{:?}", again.entries);
    }
    assert_eq!(differences(&source, &on_xfs), "");
    assert_eq!(differences(&source, &back), "");
    let mut list = [0; 1024];
    let length = rustix::fs::listxattr(back.join("f"), &mut list).unwrap();
    assert!(!list[..length].windows(7).any(|part| part == b"SGI_ACL"), "a copy of the other name");
}
