//! What the tests share: building trees, changing them at random, comparing them, and
//! knowing what the machine can do.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code, unused_imports, unused_macros)]
// Tests stop at the first surprise and say why they skip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

pub(crate) mod build;
pub(crate) mod compare;
#[cfg(feature = "snapshot")]
pub(crate) mod crash;
pub(crate) mod disk;
pub(crate) mod logs;
#[cfg(feature = "engine")]
pub(crate) mod objects;
#[cfg(feature = "engine")]
pub(crate) mod pipeline;
pub(crate) mod probe;
pub(crate) mod random;
#[cfg(feature = "snapshot")]
pub(crate) mod repository;
pub(crate) mod rules;
#[macro_use]
pub(crate) mod tree;
pub(crate) mod user;

pub(crate) use compare::{Meta, assert_same, differences, read};
pub(crate) use efsbackup_core::bytepath::BytePath;
pub(crate) use tree::{
    Acl, Entry, Tree, block_device, char_device, dir, fifo, file, hardlink, socket, sparse, symlink,
};

use std::path::{Path, PathBuf};

/// A fresh directory, removed when dropped: in the directory `EFSBACKUP_SCRATCH`, or else on
/// the file system of the build (not in `/tmp`, which may lack extended attributes). Raises
/// the limit of open files, since deep trees are removed with one descriptor a level.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        raise_open_files();
        let place = std::env::var_os("EFSBACKUP_SCRATCH");
        let place = place.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
        Scratch(tempfile::tempdir_in(place).unwrap())
    }

    /// A directory for copies of what is in `self`: in the directory `EFSBACKUP_DESTINATION`,
    /// which may be on another file system, or else beside it.
    pub(crate) fn for_copies(&self) -> Scratch {
        let place = std::env::var_os("EFSBACKUP_DESTINATION");
        let place = place.map_or_else(|| self.0.path().to_owned(), PathBuf::from);
        Scratch(tempfile::tempdir_in(place).unwrap())
    }

    /// The path of `name` in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Builds `tree` as the directory `name` in it.
    pub(crate) fn build(&self, name: &str, tree: &Tree) -> PathBuf {
        let path = self.path(name);
        build::build(&path, tree);
        path
    }
}

/// The path by which a tree is compared: with `EFSBACKUP_SEEN=FROM:TO`, which replaces a prefix,
/// not through the mount by which it was made, but as the server has it.
pub(crate) fn seen(path: &Path) -> PathBuf {
    let Some(views) = std::env::var_os("EFSBACKUP_SEEN") else { return path.to_owned() };
    let (from, to) = views.to_str().and_then(|views| views.split_once(':')).expect("FROM:TO");
    let rest = path.to_str().and_then(|path| path.strip_prefix(from));
    PathBuf::from(format!("{to}{}", rest.expect("a path that begins so")))
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(1 << 16).min(1 << 16);
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
            .unwrap();
    }
}
