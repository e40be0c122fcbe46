//! Removing a whole tree.

use super::calls;
use super::files::Dir;
use crate::error::Result;
use rustix::fs::{AtFlags, FileType, Mode};
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

/// Removes the directory `name` in `parent` and all in it.
pub(super) fn remove_tree(parent: &Dir, name: &str) -> Result<()> {
    let top = open_writable(parent, name)?;
    Flattened { top, moved: 0 }.empty()?;
    let removed = calls::unlinkat(parent, name, AtFlags::REMOVEDIR);
    removed.map_err(|errno| parent.failed("rmdir", name, errno))
}

/// Directories found inside are moved up to the top before they are emptied, so that a tree
/// of any depth needs two open directories and no path grows too long.
struct Flattened {
    top: Dir,
    moved: u64,
}

impl Flattened {
    fn empty(&mut self) -> Result<()> {
        loop {
            let mut left = false;
            for (name, kind) in self.top.list()? {
                match kind {
                    FileType::Directory => {
                        left = true;
                        self.dir(&name)?;
                    }
                    _ => unlink(&self.top, &name, AtFlags::empty())?,
                }
            }
            if !left {
                return Ok(());
            }
        }
    }

    fn dir(&mut self, name: &[u8]) -> Result<()> {
        let dir = open_writable(&self.top, name)?;
        for (name, kind) in dir.list()? {
            match kind {
                FileType::Directory => self.move_up(&dir, &name)?,
                _ => unlink(&dir, &name, AtFlags::empty())?,
            }
        }
        unlink(&self.top, name, AtFlags::REMOVEDIR)
    }

    fn move_up(&mut self, dir: &Dir, name: &[u8]) -> Result<()> {
        // Another parent needs the right to write in the directory itself.
        open_writable(dir, name)?;
        loop {
            self.moved += 1;
            let free = format!("{}", self.moved);
            if self.top.stat(&free)?.is_some() {
                continue;
            }
            let moved = calls::renameat(dir, name, &self.top, &free);
            return moved.map_err(|errno| dir.failed("rename", &free, errno));
        }
    }
}

fn unlink(dir: &Dir, name: &[u8], flags: AtFlags) -> Result<()> {
    match calls::unlinkat(dir, name, flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(dir.failed("remove", "", errno)),
    }
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
        // A name that moving up would choose.
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
        remove_tree(&parent, &removing).unwrap();
        assert_eq!(rename_away(&parent, ".incomplete-x").unwrap(), None);
        assert_eq!(parent.list().unwrap().len(), 1);
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
        remove_tree(&parent, "tree").unwrap();
        assert!(parent.list().unwrap().is_empty());
    }
}
