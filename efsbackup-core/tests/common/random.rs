//! Random trees with every kind of entry and nasty names, and random edits of them. The same
//! seed gives the same tree on the same kind of machine.

use super::tree::{
    Acl, Entry, Tree, block_device, char_device, dir, fifo, file, hardlink, socket, sparse, symlink,
};
use super::{build, probe};
use fastrand::Rng;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Names that break careless programs.
const NASTY: &[&[u8]] = &[
    b" ",
    b" a ",
    b"...",
    b"..a",
    b".hidden",
    b"-rf",
    b"--delete",
    b"*",
    b"?",
    b"[a]",
    b"~",
    b"#a#",
    b"a\nb",
    b"a\tb",
    b"\r",
    b"\x01\x1b[31m",
    b"\x7f",
    b"\\",
    b"a\\#012b",
    b"'",
    b"\"",
    b"$(a)",
    b"`a`",
    b"%s%n",
    b"a:b",
    b"{a,b}",
    b"!a",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"caf\xc3\xa9",
    b"cafe\xcc\x81",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x92\xbe",
    b"CON",
    b"a.",
    b"lost+found",
];

/// Makes trees and edits.
pub(crate) struct Random {
    pub(crate) rng: Rng,
    root: bool,
    devices: bool,
    /// Whether entries get extended attributes and ACLs.
    xattrs: bool,
    /// Whether entries get several names.
    pub(crate) links: bool,
    /// How long what a symbolic link says may be; XFS takes up to 1,024 bytes.
    pub(crate) max_target: usize,
    /// Paths made so far that can get further names.
    linkable: Vec<Vec<u8>>,
    counter: u32,
}

impl Random {
    /// A generator for trees below `place`, which tells what can be made there.
    pub(crate) fn new(seed: u64, place: &Path) -> Random {
        let nfs = probe::is_nfs(place);
        Random {
            rng: Rng::with_seed(seed),
            root: probe::is_root(),
            devices: probe::is_root() && probe::can_make_devices(place),
            // NFSv4.1 has neither; its server is a small ext4, with blocks of 1 KiB.
            xattrs: !nfs,
            links: true,
            max_target: if nfs { 1000 } else { 4000 },
            linkable: Vec::new(),
            counter: 0,
        }
    }

    /// A tree of up to `width` entries a directory, `depth` levels deep.
    pub(crate) fn tree(&mut self, width: usize, depth: usize) -> Tree {
        self.linkable.clear();
        self.subtree(b"", width, depth)
    }

    fn subtree(&mut self, path: &[u8], width: usize, depth: usize) -> Tree {
        let mut tree = Tree::default();
        for _ in 0..self.rng.usize(0..=width) {
            let name = self.name();
            if tree.0.iter().any(|(other, _)| *other == name) {
                continue;
            }
            let path = if path.is_empty() { name.clone() } else { [path, b"/", &name].concat() };
            let entry = match self.rng.u32(0..100) {
                0..20 if depth > 0 => dir(self.subtree(&path, width, depth - 1)),
                0..45 => file(self.content()),
                45..55 => symlink(self.target()),
                55..70 if self.links && !self.linkable.is_empty() => {
                    let target = self.rng.usize(0..self.linkable.len());
                    tree.0.push((name, hardlink(&self.linkable[target])));
                    continue;
                }
                70..76 => sparse(self.rng.u64(0..4 << 20), &[]),
                76..80 => {
                    let content = self.content();
                    let at = self.rng.u64(0..2 << 20);
                    sparse(
                        at + content.len() as u64 + self.rng.u64(0..2) * 300_000,
                        &[(at, &content)],
                    )
                }
                80..84 => fifo(),
                84..88 => socket(),
                88..91 if self.devices => {
                    char_device(self.rng.u32(0..300), self.rng.u32(0..70_000))
                }
                91..93 if self.devices => block_device(self.rng.u32(0..300), self.rng.u32(0..300)),
                _ => file(self.content()),
            };
            if !matches!(entry.what, super::tree::What::Dir(_)) {
                self.linkable.push(path);
            }
            let entry = self.metadata(entry);
            tree.0.push((name, entry));
        }
        tree
    }

    fn name(&mut self) -> Vec<u8> {
        self.counter += 1;
        match self.rng.u32(0..10) {
            0..3 => NASTY[self.rng.usize(0..NASTY.len())].to_vec(),
            3 => {
                // Any bytes but `/` and NUL, of any allowed length.
                let length = [1, 2, 8, 100, 254, 255][self.rng.usize(0..6)];
                let byte = |rng: &mut Rng| match rng.u8(1..=255) {
                    b'/' => b'+',
                    byte => byte,
                };
                let name: Vec<u8> = (0..length).map(|_| byte(&mut self.rng)).collect();
                if name == b"." || name == b".." { b"dots".to_vec() } else { name }
            }
            4..7 => format!("file{}", self.counter).into_bytes(),
            // Few names, so that later edits meet the same ones.
            _ => vec![self.rng.u8(b'a'..=b'h')],
        }
    }

    fn content(&mut self) -> Vec<u8> {
        let sizes = [0, 1, 10, 700, 4095, 4096, 4097, 65_536, 200_000];
        let mut content = vec![0; sizes[self.rng.usize(0..sizes.len())]];
        if self.rng.u32(0..10) > 0 {
            self.rng.fill(&mut content);
        }
        content
    }

    fn target(&mut self) -> Vec<u8> {
        match self.rng.u32(0..8) {
            0 => b"..".to_vec(),
            1 => b"/nowhere/at all".to_vec(),
            2 => b"../../../../etc/passwd".to_vec(),
            3 => b".".to_vec(),
            4 => vec![b'x'; self.rng.usize(1..self.max_target)],
            _ => self.name(),
        }
    }

    fn mtime(&mut self) -> (i64, u32) {
        // ext4 holds 1901 to 2446.
        let seconds = [
            -2_147_483_648,
            -86_400,
            -1,
            0,
            1,
            1_700_000_000,
            2_147_483_647,
            2_147_483_648,
            10_000_000_000,
        ];
        let seconds = match self.rng.usize(0..2 * seconds.len()) {
            at if at < seconds.len() => seconds[at],
            _ => self.rng.i64(1_000_000_000..1_800_000_000),
        };
        let nanoseconds = [0, 1, 999_999_999][self.rng.usize(0..3)];
        (seconds, if self.rng.bool() { self.rng.u32(0..1_000_000_000) } else { nanoseconds })
    }

    fn owner(&mut self) -> (u32, u32) {
        let ids = [0, 1, 1000, 65_534, 70_000, 4_294_967_294];
        (ids[self.rng.usize(0..ids.len())], ids[self.rng.usize(0..ids.len())])
    }

    /// Any mode; where this is not root, one that lets the tests read and write.
    fn mode(&mut self) -> u32 {
        let modes = [0o000, 0o400, 0o600, 0o644, 0o755, 0o777, 0o4755, 0o2775, 0o1777, 0o6711];
        let mode = match self.rng.usize(0..2 * modes.len()) {
            at if at < modes.len() => modes[at],
            _ => self.rng.u32(0..0o10000),
        };
        if self.root { mode } else { mode & 0o1777 | 0o700 }
    }

    fn acl(&mut self) -> Acl {
        let bits = |rng: &mut Rng| rng.u16(0..8);
        Acl {
            owner: if self.root { bits(&mut self.rng) } else { 7 },
            users: (0..self.rng.u32(1..3)).map(|i| (1000 + i, bits(&mut self.rng))).collect(),
            group: bits(&mut self.rng),
            groups: (0..self.rng.u32(0..3)).map(|i| (2000 + i, bits(&mut self.rng))).collect(),
            mask: bits(&mut self.rng),
            other: bits(&mut self.rng),
        }
    }

    fn xattr_value(&mut self) -> Vec<u8> {
        let mut value = vec![0; [0, 1, 20, 300][self.rng.usize(0..4)]];
        self.rng.fill(&mut value);
        value
    }

    fn metadata(&mut self, mut entry: Entry) -> Entry {
        use super::tree::What;
        let is_dir = matches!(entry.what, What::Dir(_));
        let takes_user_xattrs = is_dir || matches!(entry.what, What::File(..));
        entry = entry.mode(self.mode());
        if self.root && self.rng.bool() {
            let (uid, gid) = self.owner();
            entry = entry.owner(uid, gid);
        }
        if takes_user_xattrs && self.rng.u32(0..5) == 0 {
            for name in ["user.a", "user.b b", "user.\u{e9}"] {
                if self.rng.bool() {
                    entry = entry.xattr(name, self.xattr_value());
                }
            }
        }
        if self.root && self.rng.u32(0..8) == 0 {
            entry = entry.xattr("trusted.efsbackup-test", self.xattr_value());
        }
        if takes_user_xattrs && self.rng.u32(0..8) == 0 {
            let acl = self.acl();
            entry = entry.acl(&acl);
        }
        if is_dir && self.rng.u32(0..6) == 0 {
            let acl = self.acl();
            entry = entry.default_acl(&acl);
        }
        if !self.xattrs {
            entry.xattrs.clear();
        }
        if self.rng.u32(0..4) > 0 {
            let (seconds, nanoseconds) = self.mtime();
            entry = entry.mtime(seconds, nanoseconds);
        }
        entry
    }

    /// Makes `count` random changes below `root`.
    pub(crate) fn edit(&mut self, root: &Path, count: usize) {
        for _ in 0..count {
            let paths = list(root);
            if paths.is_empty() {
                self.add(root);
                continue;
            }
            let path = paths[self.rng.usize(0..paths.len())].clone();
            let is_dir = path.symlink_metadata().unwrap().is_dir();
            let parent = path.parent().unwrap();
            match self.rng.u32(0..14) {
                0 => remove(&path),
                1 => self.add(if is_dir { &path } else { parent }),
                2 => {
                    // Another type under the same name.
                    remove(&path);
                    let mut tree = self.subtree(b"", 3, 1);
                    drop_hard_links(&mut tree);
                    let name = path.file_name().unwrap().as_bytes().to_vec();
                    let entry = tree.0.pop().map_or_else(|| file("new"), |(_, entry)| entry);
                    build::add(parent, &Tree(vec![(name, entry)]));
                }
                3 => {
                    let target = paths[self.rng.usize(0..paths.len())].parent().unwrap().to_owned();
                    let new = target.join(OsStr::from_bytes(&self.name()));
                    if !target.starts_with(&path) && new.symlink_metadata().is_err() {
                        fs::rename(&path, new).unwrap();
                    }
                }
                4 => {
                    // One file over another.
                    let target = &paths[self.rng.usize(0..paths.len())];
                    if !is_dir && !target.symlink_metadata().unwrap().is_dir() {
                        fs::rename(&path, target).unwrap();
                    }
                }
                5 if self.links && !is_dir => {
                    let new = parent.join(OsStr::from_bytes(&self.name()));
                    if new.symlink_metadata().is_err() {
                        fs::hard_link(&path, new).unwrap();
                    }
                }
                6 => self.chown(&path),
                7 => {
                    let (seconds, nanoseconds) = self.mtime();
                    let name = path.as_os_str().as_bytes();
                    build::set_mtime(rustix::fs::CWD, name, seconds, nanoseconds);
                }
                _ => self.edit_in_place(&path),
            }
        }
    }

    /// Adds a few random entries to the directory `path`.
    fn add(&mut self, path: &Path) {
        let mut tree = self.subtree(b"", 4, 1);
        tree.0.retain(|(name, _)| path.join(OsStr::from_bytes(name)).symlink_metadata().is_err());
        drop_hard_links(&mut tree);
        build::add(path, &tree);
    }

    fn chown(&mut self, path: &Path) {
        if self.root {
            let (uid, gid) = self.owner();
            std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Changes content, mode or attributes of a file or directory; leaves others alone.
    fn edit_in_place(&mut self, path: &Path) {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_symlink()
            || metadata.file_type().is_fifo()
            || metadata.file_type().is_socket()
        {
            return;
        }
        let edit = self.rng.u32(0..8);
        if metadata.is_file() {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            match edit {
                0 => return fs::write(path, self.content()).unwrap(),
                1 => return file.set_len(self.rng.u64(0..300_000)).unwrap(),
                2 => {
                    let (at, content) = (self.rng.u64(0..100_000), self.content());
                    return std::os::unix::fs::FileExt::write_all_at(&file, &content, at).unwrap();
                }
                _ => {}
            }
        }
        let takes_user_xattrs = self.xattrs && (metadata.is_file() || metadata.is_dir());
        match edit {
            3 | 4 if takes_user_xattrs => {
                let value = self.xattr_value();
                let flags = rustix::fs::XattrFlags::empty();
                rustix::fs::setxattr(path, "user.a", &value, flags).unwrap();
            }
            5 if takes_user_xattrs => {
                // It may have none.
                let _ = rustix::fs::removexattr(path, "user.a");
                let _ = rustix::fs::removexattr(path, "system.posix_acl_access");
            }
            6 if takes_user_xattrs => {
                let acl = self.acl().encode();
                let flags = rustix::fs::XattrFlags::empty();
                rustix::fs::setxattr(path, "system.posix_acl_access", &acl, flags).unwrap();
            }
            _ => {
                let mode = fs::Permissions::from_mode(self.mode());
                fs::set_permissions(path, mode).unwrap();
            }
        }
    }
}

/// Makes `path` a new file of `length` random bytes, whatever it was.
pub(crate) fn overwrite(rng: &mut Rng, path: &Path, length: usize) {
    if path.symlink_metadata().is_ok() {
        remove(path);
    }
    let mut content = vec![0; length];
    rng.fill(&mut content);
    fs::write(path, content).unwrap();
}

fn is_hard_link(entry: &Entry) -> bool {
    matches!(entry.what, super::tree::What::HardLink(_))
}

fn remove(path: &Path) {
    if path.symlink_metadata().unwrap().is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

/// Every path below `root`, sorted, so that the same seed makes the same edits.
fn list(root: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths
}

/// Drops the hard links of a tree that is added where their targets may be missing.
fn drop_hard_links(tree: &mut Tree) {
    tree.0.retain(|(_, entry)| !is_hard_link(entry));
    for (_, entry) in &mut tree.0 {
        if let super::tree::What::Dir(tree) = &mut entry.what {
            drop_hard_links(tree);
        }
    }
}
