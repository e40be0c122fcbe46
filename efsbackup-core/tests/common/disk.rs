//! File systems in files, on loop devices; for root.

use super::probe;
use rustix::fs::ioctl_ficlone;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system; unmounted when dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if !run("umount", &[self.0.as_os_str()]) {
            eprintln!("could not unmount {:?}", self.0);
        }
        // Gone with the loop device, unless it is busy.
        let _ = fs::remove_dir(&self.0);
    }
}

fn run(command: &str, arguments: &[&std::ffi::OsStr]) -> bool {
    let done = Command::new(command).args(arguments).output();
    done.is_ok_and(|done| done.status.success())
}

/// Whether loop devices with `kinds` of file systems can be had; if not, says so.
#[must_use]
pub(crate) fn can_mount(kinds: &[&str], scratch: &Path) -> bool {
    if !probe::root() {
        return false;
    }
    kinds.iter().all(|kind| {
        let make = format!("mkfs.{kind}");
        let known = Command::new(&make).arg("-V").output().is_ok();
        if !known {
            return probe::skip(&format!("{make} is not installed (`make tools` installs it)"));
        }
        let image = scratch.join(format!("probe-{kind}"));
        let mounted = make_image(&image, kind, 320 << 20)
            .then(|| mount(&image, &scratch.join(format!("probe-{kind}-mounted")), ""));
        let can = mounted.flatten().is_some();
        let _ = fs::remove_file(image);
        can || probe::skip(&format!("{kind} cannot be mounted from a file here"))
    })
}

/// Makes the file `image` hold an empty file system of `size` bytes.
pub(crate) fn make_image(image: &Path, kind: &str, size: u64) -> bool {
    File::create(image).unwrap().set_len(size).unwrap();
    // Small disks get blocks that are too small for long symbolic links; and no block is
    // kept back for root, so that disks fill up for root too.
    let options: &[&str] = match kind {
        "ext4" => &["-q", "-b", "4096", "-m", "0"],
        _ => &["-q"],
    };
    let mut options: Vec<_> = options.iter().map(std::ffi::OsStr::new).collect();
    options.push(image.as_os_str());
    run(&format!("mkfs.{kind}"), &options)
}

/// Mounts the file `image` at the new directory `path`.
pub(crate) fn mount(image: &Path, path: &Path, options: &str) -> Option<Mounted> {
    fs::create_dir_all(path).unwrap();
    let options = format!("loop,{options}");
    let options = options.trim_end_matches(',');
    run("mount", &["-o".as_ref(), options.as_ref(), image.as_os_str(), path.as_os_str()])
        .then(|| Mounted(path.to_owned()))
}

/// A copy of the file as it is at one moment; both are on one file system with reflinks.
pub(crate) fn clone_at_once(from: &Path, to: &Path) {
    ioctl_ficlone(File::create(to).unwrap(), File::open(from).unwrap()).unwrap();
}
