//! Mounting, from what was asked for to a mount that is looked at once more.

use super::guard::MountGuard;
use super::mountinfo::{Mount, MountTable};
use super::options::{Checked, MountOptions};
use super::sys::Limit;
use super::target::Target;
use super::{attach, efs, helper, identity, resolve, target};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Mounts `target` on the directory `dir` and returns a guard that unmounts it.
///
/// The same mount, there already, is taken as it is, and left by the guard. Nothing is
/// mounted over anything else.
///
/// The call ends within the options' `timeout`, also when the server or the name server is
/// silent, and soon after `cancel`; and nothing is mounted later by what it gave up. (Looking
/// at `dir` itself is not limited: it must not lie in a mount that hangs.)
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for options that exclude each other; [`ErrorKind::AlreadyExists`]
/// when something else is mounted there; [`ErrorKind::Timeout`]; [`ErrorKind::Cancelled`]; those
/// of the kernel, in words.
pub fn mount(
    target: &Target,
    dir: impl AsRef<Path>,
    options: &MountOptions,
    cancel: &CancelToken,
) -> Result<MountGuard> {
    let limit = Limit { deadline: Instant::now() + options.timeout, cancel: cancel.clone() };
    let Wanted { checked, hosts, place } = Wanted::of(target, dir.as_ref(), options)?;
    if let Some(mounted) = MountTable::read()?.at(&place) {
        return already(mounted, target, &hosts, &checked).map(MountGuard::borrowed);
    }
    if checked.helper {
        helper::attach(target, &place, options, &checked, &limit)?;
    } else {
        let server = resolve::resolve(&hosts, options.address, &limit)?;
        attach::attach(&server, target.path(), &place, &checked, options.retries, &limit)?;
    }
    let table = MountTable::read()?;
    let mounted =
        table.at(&place).filter(|mounted| mounted.is_nfs()).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Io, "mount")
                .with_message("the mount succeeded, but is not there")
                .with_path(place.as_path())
        })?;
    let read_ahead = options.read_ahead_kib.and_then(|kib| set_read_ahead(&mounted, kib).err());
    Ok(MountGuard::owned(mounted, read_ahead))
}

/// The mount that [`mount`] would take as it is; `None` where it would mount. Asks no server.
///
/// # Errors
/// As [`mount`], for what can be known beforehand.
pub fn find(
    target: &Target,
    dir: impl AsRef<Path>,
    options: &MountOptions,
) -> Result<Option<Mount>> {
    let Wanted { checked, hosts, place } = Wanted::of(target, dir.as_ref(), options)?;
    let table = MountTable::read()?;
    table.at(&place).map(|mounted| already(mounted, target, &hosts, &checked)).transpose()
}

/// What was asked for, checked.
struct Wanted {
    checked: Checked,
    /// Under which names the server may be known.
    hosts: Vec<String>,
    /// The directory, without symbolic links.
    place: PathBuf,
}

impl Wanted {
    fn of(target: &Target, dir: &Path, options: &MountOptions) -> Result<Wanted> {
        let checked = options.checked()?;
        let region = options.region.clone().or_else(identity::region_of_environment);
        let hosts = if checked.helper {
            Vec::new()
        } else {
            target.hosts(region.as_deref(), options.az.as_deref())?
        };
        let place =
            dir.canonicalize().map_err(|error| Error::from_io("resolve", error).with_path(dir))?;
        Ok(Wanted { checked, hosts, place })
    }
}

/// Whether what is mounted is what is wanted.
fn already(mounted: &Mount, target: &Target, hosts: &[String], wanted: &Checked) -> Result<Mount> {
    let other = |message: String| {
        Err(Error::new(ErrorKind::AlreadyExists, "mount")
            .with_message(message)
            .with_path(mounted.mount_point.clone()))
    };
    let same_id = target.file_system_id().is_some_and(|id| {
        mounted.host().and_then(efs::id_in_name) == Some(id)
            && mounted.source.to_utf8().is_some_and(|source| {
                source
                    .split_once(":/")
                    .is_some_and(|(_, path)| path == target.path().trim_start_matches('/'))
            })
    });
    let same_source = hosts
        .iter()
        .any(|host| mounted.source.as_bytes() == target::source(host, target.path()).as_bytes());
    // What a tunnel leads to, its state tells; its options are not the ones asked for here.
    let tunnel = efs::tunnel_port(mounted)
        .and_then(|port| efs::id_of_tunnel(Path::new(efs::EFS_STATE_DIR), port))
        .is_some_and(|(id, _)| target.file_system_id() == Some(&*id));
    let same = if wanted.helper { tunnel } else { same_id || same_source };
    if !same {
        return other(format!(
            "{} ({}) is mounted here already; unmount it first",
            mounted.source, mounted.fs_type
        ));
    }
    let version = wanted.value("nfsvers").or_else(|| wanted.value("vers"));
    let soft = |has: bool| if has { "soft" } else { "hard" };
    let is_soft = mounted.options.as_bytes().split(|b| *b == b',').any(|o| o.starts_with(b"soft"));
    let wants_soft = wanted.has("soft") || wanted.has("softerr");
    if mounted.is_read_only() != wanted.read_only() {
        let how = if mounted.is_read_only() { "read-only" } else { "writable" };
        return other(format!("{} is mounted here already, but {how}", mounted.source));
    }
    if version.is_some() && mounted.option("vers") != version {
        let has = mounted.option("vers").unwrap_or("another");
        return other(format!("{} is mounted here already, but by version {has}", mounted.source));
    }
    if is_soft != wants_soft {
        return other(format!("{} is mounted here already, but {}", mounted.source, soft(is_soft)));
    }
    Ok(mounted.clone())
}

/// Sets how far the kernel reads ahead in files of this mount.
fn set_read_ahead(mount: &Mount, kib: u32) -> Result<()> {
    let device = mount.device.to_text();
    let path = Path::new("/sys/class/bdi").join(device).join("read_ahead_kb");
    std::fs::write(&path, kib.to_string()).map_err(|error| {
        Error::from_io("set read-ahead", error).with_path(BytePath::from(path.as_path()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str, target: &str, options: &str, read_only: bool) -> Result<Mount> {
        let mounted = MountTable::parse(line.as_bytes()).unwrap().mounts.remove(0);
        let target: Target = target.parse().unwrap();
        let mut asked = MountOptions { read_only, ..MountOptions::default() };
        asked.options =
            Some(options.to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
        let checked = asked.checked().unwrap();
        let hosts = target.hosts(Some("eu-west-1"), None).unwrap();
        already(&mounted, &target, &hosts, &checked)
    }

    #[test]
    fn only_the_very_same_mount_is_taken_as_it_is() {
        let efs = "31 30 0:41 / /mnt ro,relatime - nfs4 \
                   fs-01234567.efs.eu-west-1.amazonaws.com:/ ro,vers=4.1,hard,addr=10.0.0.5";
        assert!(ask(efs, "fs-01234567", "", true).is_ok());
        assert!(ask(efs, "fs-01234567.efs.eu-west-1.amazonaws.com:/", "", true).is_ok());
        let refused = |target, options, read_only| {
            ask(efs, target, options, read_only).unwrap_err().message()
        };
        assert!(refused("fs-01234567", "", false).ends_with("but read-only"));
        assert!(refused("fs-01234567", "soft", true).ends_with("but hard"));
        assert!(refused("fs-01234567", "vers=4.2", true).ends_with("but by version 4.1"));
        assert!(refused("fs-01234567:/sub", "", true).contains("unmount it first"));
        assert!(refused("fs-012345678", "", true).contains("unmount it first"));
        assert!(refused("nas:/", "", true).contains("unmount it first"));
        // A longer name that only begins alike, and another kind of file system.
        let nas = "31 30 0:41 / /mnt rw - nfs4 nas:/exports rw,vers=4.1,hard";
        assert!(ask(nas, "nas:/exports", "", false).is_ok());
        assert!(ask(nas, "nas:/export", "", false).is_err());
        assert!(ask("31 30 0:41 / /mnt rw - tmpfs none rw", "nas:/exports", "", false).is_err());
    }
}
