//! What manifests are for besides verifying: digests without reading, diff and history.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, backup, repository};
use common::{Scratch, Tree, dir, file, hardlink, sparse, symlink};
use efsbackup_core::snapshot::ManifestEntry;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn some_tree() -> Tree {
    tree! {
        "file" => file("content").mtime(1_000_000_000, 123_456_789),
        "hard" => hardlink("file"),
        "holes" => sparse(1 << 20, &[(1 << 19, b"data")]),
        "empty" => file(""),
        "link" => symlink("nowhere"),
        "a" => dir(tree! { "b" => file("1") }),
        "a-b" => file("2"),
    }
}

/// The snapshot's manifest: what the difference to an empty directory is.
fn entries(scratch: &Scratch, root: &Path, id: &str) -> Vec<ManifestEntry> {
    let empty = scratch.path("empty directory");
    fs::create_dir_all(&empty).unwrap();
    let mut entries = Vec::new();
    let repository = repository(root);
    let diff = repository.diff_directory(id, &empty).contents(true);
    diff.run(|change| entries.extend(change.before)).unwrap();
    entries
}

#[test]
fn a_manifest_has_every_entry_once_in_order_with_its_digest() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, snapshot) = backup(&source, &root);
    let entries = entries(&scratch, &root, &snapshot.id);
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.to_text()).collect();
    assert_eq!(paths, ["", "a", "a-b", "empty", "file", "hard", "holes", "link", "a/b"]);
    let by_path: BTreeMap<_, _> = paths.iter().map(String::as_str).zip(&entries).collect();
    for name in ["a-b", "a/b", "empty", "file", "hard", "holes"] {
        let content = fs::read(source.join(name)).unwrap();
        assert_eq!(by_path[name].digest, Some(*blake3::hash(&content).as_bytes()), "{name}");
        assert_eq!(by_path[name].size, content.len() as u64);
    }
    assert_eq!(by_path["file"].mtime, (1_000_000_000, 123_456_789));
    assert!(by_path["file"].group.is_some());
    assert_eq!(by_path["file"].group, by_path["hard"].group);
    assert_eq!(by_path["a-b"].group, None);
    assert_eq!(by_path["link"].target.as_bytes(), b"nowhere");
}

#[test]
fn diff_tells_what_is_new_gone_and_changed() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let (_, first) = backup(&source, &root);
    let diff = |to: Option<&str>| {
        let mut lines = Vec::new();
        let repository = repository(&root);
        let diff = match to {
            Some(id) => repository.diff(&first.id, id),
            None => repository.diff_directory(&first.id, &source),
        };
        diff.contents(true)
            .run(|change| {
                let sides = (change.before.is_some(), change.after.is_some());
                lines.push(format!("{} {sides:?} {}", change.path, change.what.join(",")));
            })
            .unwrap();
        lines
    };
    assert_eq!(diff(None), Vec::<String>::new());
    fs::remove_file(source.join("a/b")).unwrap();
    fs::write(source.join("a-b"), "other").unwrap();
    fs::write(source.join("new"), "").unwrap();
    let expected = [
        " (true, true) time",
        "a (true, true) time",
        "a-b (true, true) size,content,time",
        "new (false, true) ",
        "a/b (true, false) ",
    ];
    assert_eq!(diff(None), expected);
    let (_, second) = backup(&source, &root);
    assert_eq!(diff(Some(&second.id)), expected);
    assert!(repository(&root).diff(&first.id, "2000-01-01-00-00").run(|_| ()).is_err());
}

#[test]
fn history_follows_a_path_through_all_snapshots() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &some_tree());
    let root = scratch.path("root");
    let at_step = |step: usize| match step {
        1 => fs::write(source.join("a/b"), "22").unwrap(),
        3 => fs::remove_file(source.join("a/b")).unwrap(),
        _ => {}
    };
    for step in 0..4 {
        at_step(step);
        backup(&source, &root);
    }
    let history = repository(&root).history(&b"./a/b/"[..]).unwrap();
    let sizes: Vec<_> = history.iter().map(|v| v.entry.as_ref().map(|entry| entry.size)).collect();
    assert_eq!(sizes, [Some(1), Some(2), Some(2), None]);
    let changed: Vec<_> = history.iter().map(|version| version.what.contains(&"content")).collect();
    assert_eq!(changed, [false, true, false, false]);
    assert!(at(&root, &history[0].snapshot.id).is_dir());
}
