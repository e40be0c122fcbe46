//! Mounting through `mount.efs`, which makes the tunnel for encryption in transit.

use super::options::{Checked, MountOptions};
use super::sys::Limit;
use super::target::Target;
use crate::error::{Error, ErrorKind, Result};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where amazon-efs-utils puts it.
const PLACES: &[&str] = &["/sbin/mount.efs", "/usr/sbin/mount.efs"];

/// Mounts the file system `target` on `dir`.
pub(super) fn attach(
    target: &Target,
    dir: &Path,
    asked: &MountOptions,
    options: &Checked,
    limit: &Limit,
) -> Result<()> {
    let failed =
        |kind, message: String| Error::new(kind, "mount.efs").with_message(message).with_path(dir);
    let Some(id) = target.file_system_id() else {
        return Err(failed(
            ErrorKind::InvalidInput,
            "encryption and IAM need a file system's id or its EFS name as the source".into(),
        ));
    };
    let program = PLACES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
        failed(
            ErrorKind::Unsupported,
            "tls, iam and access points need amazon-efs-utils, which is not installed here".into(),
        )
    })?;
    let mut command = Command::new(program);
    command.arg(format!("{id}:{}", target.path())).arg(dir).arg("-o").arg(list(asked, options));
    // A group of its own, so that what it started can be ended with it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child =
        command.spawn().map_err(|error| Error::from_io("mount.efs", error).with_path(dir))?;
    if !ended(&mut child, limit)? {
        let group = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        // It is dead, or hangs in the kernel and must not be waited for.
        std::thread::spawn(move || child.wait());
        return Err(match limit.cancel.is_cancelled() {
            true => failed(ErrorKind::Cancelled, "cancelled".into()),
            false => failed(ErrorKind::Timeout, "it did not end in time".into()),
        });
    }
    let status = child.wait().map_err(|error| Error::from_io("mount.efs", error))?;
    if status.success() {
        return Ok(());
    }
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // Daemons it started may hold the pipe: only what is there already is read.
        let _ = rustix::io::ioctl_fionbio(&stderr, true);
        let _ = stderr.take(4096).read_to_end(&mut said);
    }
    let said = crate::bytepath::BytePath::from(said.trim_ascii());
    Err(failed(ErrorKind::Io, format!("{status}: {said}")))
}

/// The options as `mount.efs` takes them.
fn list(asked: &MountOptions, options: &Checked) -> String {
    let mut list = options.text();
    if options.read_only() {
        list.push_str(",ro");
    }
    let address = asked.address.map(|address| address.to_string());
    let more = [("az", asked.az.as_ref()), ("region", asked.region.as_ref())];
    for (name, value) in more.into_iter().chain([("mounttargetip", address.as_ref())]) {
        if let Some(value) = value {
            list.push_str(&format!(",{name}={value}"));
        }
    }
    list
}

fn ended(child: &mut Child, limit: &Limit) -> Result<bool> {
    loop {
        if child.try_wait().map_err(|error| Error::from_io("mount.efs", error))?.is_some() {
            return Ok(true);
        }
        if limit.left().is_zero() || limit.cancel.is_cancelled() {
            return Ok(false);
        }
        std::thread::sleep(limit.left().min(Duration::from_millis(20)));
    }
}
