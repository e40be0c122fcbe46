//! Tests of what a user may not do, which root may.

use super::build::build;
use super::{Tree, probe};
use rustix::process::Uid;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;

const NOBODY: u32 = 65_534;

/// Runs `test` in a directory of a user whom permissions stop: root is not stopped, so its
/// thread becomes another user. In the directory `tree` is called `source`.
pub(crate) fn as_a_user(tree: &Tree, test: impl FnOnce(&Path) + Send) {
    let scratch = tempfile::tempdir().unwrap();
    build(&scratch.path().join("source"), tree);
    if !probe::is_root() {
        return test(scratch.path());
    }
    give_away(scratch.path());
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let user = Uid::from_raw(NOBODY);
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            test(scratch.path());
        });
        thread.join().unwrap();
    });
}

fn give_away(path: &Path) {
    lchown(path, Some(NOBODY), None).unwrap();
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path()));
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}
