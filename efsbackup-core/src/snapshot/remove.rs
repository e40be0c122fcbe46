//! Removing a whole tree.

use super::calls;
use super::files::Dir;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::mirror::{Fsync, MaxDelete, Mirror, Options};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

/// What a tree that is being removed is called; its run or snapshot follows.
pub(super) const REMOVING_PREFIX: &str = ".removing-";

/// Renames the directory `name` so that it no longer looks like what it was: a sleeping run
/// that wakes up can then not publish what is half removed, and nobody takes the rest of a
/// snapshot for one. Returns the new name; `None` when there was nothing.
pub(super) fn rename_away(parent: &Dir, name: &str) -> Result<Option<String>> {
    let removing = format!("{REMOVING_PREFIX}{}", name.trim_start_matches('.'));
    match calls::renameat(parent, name, parent, &removing) {
        Ok(()) => Ok(Some(removing)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(parent.failed("rename", name, errno)),
    }
}

/// Where the mirror that removes a tree finds nothing to keep; below the control folder.
const NOTHING: &str = "nothing-to-keep";

/// Removes the directory `name` in `parent` and all in it, with many threads: it is made
/// equal to an empty directory, which is in `control` meanwhile.
pub(super) fn remove_tree(
    parent: &Dir,
    name: &str,
    control: &Dir,
    cancel: &CancelToken,
) -> Result<()> {
    open_writable(parent, name)?;
    let nothing = control.make_dir(NOTHING)?.path;
    let options = Options {
        delete: true,
        allow_empty: true,
        max_delete: MaxDelete::Percent(100),
        // Neither is worth a look.
        xattrs: false,
        acls: false,
        fsync: Fsync::None,
        ..Options::default()
    };
    let path = parent.path.join(name);
    let report = Mirror::new(nothing, &path).options(options).cancel(cancel).run()?;
    let unlinked = |dir: &Dir, name: &str| {
        calls::unlinkat(dir, name, AtFlags::REMOVEDIR)
            .map_err(|errno| dir.failed("rmdir", name, errno))
    };
    unlinked(control, NOTHING)?;
    report.into_result().map_err(|error| {
        Error::new(error.kind(), "remove").with_message(error.message()).with_path(path)
    })?;
    unlinked(parent, name)
}

/// Opens the directory `name`, with the right to change it: a copied directory may be
/// read-only even to its owner.
fn open_writable(parent: &Dir, name: impl AsRef<[u8]>) -> Result<Dir> {
    use rustix::fs::OFlags;
    let name = name.as_ref();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || calls::openat(parent, name, flags, Mode::empty());
    let failed = |errno| parent.failed("open", "", errno);
    let fd = match open() {
        Err(Errno::ACCESS) => {
            calls::chmodat(parent, name, Mode::RWXU).map_err(failed)?;
            open().map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    let mode = rustix::fs::fstat(&fd).map_err(failed)?.st_mode;
    if !Mode::from_raw_mode(mode).contains(Mode::RWXU) {
        rustix::fs::fchmod(&fd, Mode::RWXU).map_err(failed)?;
    }
    Ok(Dir { fd, path: parent.path.join(crate::bytepath::BytePath::from(name).as_path()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_tree_goes_whole_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join(".incomplete-x");
        std::fs::create_dir_all(tree.join("a/b/c")).unwrap();
        std::fs::create_dir_all(tree.join("1/2")).unwrap();
        std::fs::write(tree.join("a/b/c/file"), "x").unwrap();
        std::fs::write(dir.path().join("kept"), "x").unwrap();
        symlink(dir.path().join("kept"), tree.join("a/link")).unwrap();
        for sub in ["a/b/c", "a/b", "a"] {
            std::fs::set_permissions(tree.join(sub), PermissionsExt::from_mode(0o500)).unwrap();
        }
        let parent = Dir::open(dir.path()).unwrap();
        let removing = rename_away(&parent, ".incomplete-x").unwrap().unwrap();
        assert_eq!(removing, ".removing-incomplete-x");
        let control = tempfile::tempdir().unwrap();
        let control = Dir::open(control.path()).unwrap();
        remove_tree(&parent, &removing, &control, &CancelToken::new()).unwrap();
        assert_eq!(rename_away(&parent, ".incomplete-x").unwrap(), None);
        assert_eq!(parent.list().unwrap().len(), 1);
        assert!(control.list().unwrap().is_empty());
    }

    #[test]
    fn a_tree_deeper_than_paths_can_be_goes_too() {
        let dir = tempfile::tempdir().unwrap();
        let parent = Dir::open(dir.path()).unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        let mut deep = parent.dir("tree").unwrap();
        for _ in 0..1500 {
            rustix::fs::mkdirat(&deep, "deeper", Mode::RWXU).unwrap();
            deep = deep.dir("deeper").unwrap();
        }
        let control = tempfile::tempdir().unwrap();
        let control = Dir::open(control.path()).unwrap();
        remove_tree(&parent, "tree", &control, &CancelToken::new()).unwrap();
        assert!(parent.list().unwrap().is_empty());
    }
}
