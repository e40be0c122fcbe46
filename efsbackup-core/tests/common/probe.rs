//! What the machine can do. A test that needs more than it can says so and passes; with
//! `EFSBACKUP_REQUIRE_TOOLS=1` it fails.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the command `name` is installed; if not, says what cannot be shown.
#[must_use]
pub(crate) fn tool(name: &str) -> bool {
    let found = Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    found || skip(&format!("the command {name} is not installed (`make tools` installs it)"))
}

/// Terraform, or what came of it under another name. Neither is in Debian or on PyPI, so it
/// is asked where it is, and its absence fails nothing.
pub(crate) fn terraform() -> Option<&'static str> {
    let found = ["terraform", "tofu"].into_iter().find(|name| {
        let version = Command::new(name).arg("version").output();
        version.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        let why = "neither terraform nor tofu is installed";
        let _ = writeln!(std::io::stderr(), "NOT JUDGED by Terraform itself: {why}");
    }
    found
}

/// Whether the tests run as root (owners, devices, mounts); if not, says so.
#[must_use]
pub(crate) fn root() -> bool {
    is_root() || skip("it needs root")
}

/// Whether this is root, for tests that merely show more as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether `dir` is on NFS, for trees of what that has.
pub(crate) fn is_nfs(dir: &Path) -> bool {
    const NFS_SUPER_MAGIC: u64 = 0x6969;
    rustix::fs::statfs(dir).is_ok_and(|stat| stat.f_type as u64 == NFS_SUPER_MAGIC)
}

/// Whether device nodes can be made in `dir`, for tests that merely show more then.
pub(crate) fn can_make_devices(dir: &Path) -> bool {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat, unlinkat};
    let path = dir.join("probe-device");
    let device = makedev(1, 3);
    mknodat(CWD, &path, FileType::CharacterDevice, Mode::from(0o600), device)
        .and_then(|()| unlinkat(CWD, &path, rustix::fs::AtFlags::empty()))
        .is_ok()
}

/// Something mounted, until it is dropped.
pub(crate) struct Mount(std::path::PathBuf);

impl Mount {
    /// Mounts a tmpfs of `size` bytes at the new directory `path`; where that is not
    /// allowed, says so.
    pub(crate) fn tmpfs(path: &Path, size: u64) -> Option<Mount> {
        let options = format!("size={size},mode=755");
        Mount::at(path, &["-t", "tmpfs", "-o", &options], "tmpfs")
    }

    /// Shows the directory `of` at the new directory `path` too, likewise.
    pub(crate) fn bind(path: &Path, of: &Path) -> Option<Mount> {
        Mount::at(path, &["--bind"], of)
    }

    fn at(path: &Path, options: &[&str], what: impl AsRef<OsStr>) -> Option<Mount> {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        let status = mount.args(options).arg(what).arg(path).stderr(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Mount(path.to_owned()));
        }
        let _ = skip("nothing can be mounted here");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.0).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("could not unmount {:?}", self.0);
        }
    }
}

/// Says why a test skips, and gives false; where nothing may skip, fails.
pub(crate) fn skip(why: &str) -> bool {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let strict = std::env::var_os("EFSBACKUP_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!strict, "{test} cannot run: {why}");
    // Past the harness, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    false
}
