//! Mounting NFS by the kernel's own calls, no helper program needed.

use super::mountinfo::MountTable;
use super::options::Checked;
use super::resolve::Server;
use super::sys::{self, Failure, Limit};
use super::target;
use crate::error::{Error, ErrorKind, Result};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount,
};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Mounts `path` of `server` on `dir`. A server that refuses is asked `retries` times more.
pub(super) fn attach(
    server: &Server,
    path: &str,
    dir: &Path,
    options: &Checked,
    retries: u32,
    limit: &Limit,
) -> Result<()> {
    let mut left = retries;
    loop {
        match once(server, path, dir, options, limit) {
            // The server is starting, or its address has just come up.
            Err((Failure::Call(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::AGAIN), _))
                if left > 0 && !limit.left().is_zero() =>
            {
                left -= 1;
                std::thread::sleep(limit.left().min(Duration::from_secs(1)));
            }
            Err((failure, log)) => {
                return Err(explain(failure, &log, server, path, limit).with_path(dir));
            }
            Ok(()) => return Ok(()),
        }
    }
}

/// What failed, and what the kernel wrote about it.
type Failed = (Failure, String);

fn once(
    server: &Server,
    path: &str,
    dir: &Path,
    options: &Checked,
    limit: &Limit,
) -> std::result::Result<(), Failed> {
    let context = match fsopen("nfs4", FsOpenFlags::FSOPEN_CLOEXEC) {
        Ok(context) => context,
        // Before Linux 5.2, or where a sandbox knows mount(2) only.
        Err(Errno::NOSYS) => return classic(server, path, dir, options, limit).map_err(plain),
        Err(errno) => return Err(plain(errno.into())),
    };
    let logged = |failure: Failure| (failure, log_of(context.as_fd()));
    configure(context.as_fd(), server, path, options).map_err(|errno| logged(errno.into()))?;
    sys::create(context.as_fd(), limit).map_err(logged)?;
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, options.attributes)
        .map_err(|errno| logged(errno.into()))?;
    // Last, and in this process: what was given up before is never attached.
    move_mount(&mount, "", CWD, dir, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|errno| plain(errno.into()))
}

fn plain(failure: Failure) -> Failed {
    (failure, String::new())
}

fn configure(
    context: BorrowedFd<'_>,
    server: &Server,
    path: &str,
    options: &Checked,
) -> std::result::Result<(), Errno> {
    fsconfig_set_string(context, "source", target::source(&server.host, path))?;
    for (name, value) in &options.file_system {
        match value {
            Some(value) => fsconfig_set_string(context, name, value)?,
            None => fsconfig_set_flag(context, name)?,
        }
    }
    fsconfig_set_string(context, "addr", server.address.to_string())?;
    if options.read_only() {
        fsconfig_set_flag(context, "ro")?;
    }
    Ok(())
}

/// What the kernel says about the failure, one message a read.
fn log_of(context: BorrowedFd<'_>) -> String {
    let mut lines = Vec::new();
    let mut buffer = [0; 512];
    while let Ok(length @ 1..) = rustix::io::read(context, &mut buffer) {
        let line = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
        // `e nfs4: …`
        lines.push(line.get(2..).unwrap_or(line).trim().to_owned());
    }
    lines.join("; ")
}

/// mount(2), for kernels without fsopen(2). The child that calls it may attach the mount
/// just before it is killed; that is undone.
fn classic(
    server: &Server,
    path: &str,
    dir: &Path,
    options: &Checked,
    limit: &Limit,
) -> std::result::Result<(), Failure> {
    let text = |text: Vec<u8>| CString::new(text).map_err(|_| Failure::Call(Errno::INVAL));
    let source = text(target::source(&server.host, path).into_bytes())?;
    let data = text(format!("{},addr={}", options.text(), server.address).into_bytes())?;
    let place = text(dir.as_os_str().as_bytes().to_vec())?;
    let mut flags = MountFlags::empty();
    for (attribute, flag) in [
        (MountAttrFlags::MOUNT_ATTR_RDONLY, MountFlags::RDONLY),
        (MountAttrFlags::MOUNT_ATTR_NOSUID, MountFlags::NOSUID),
        (MountAttrFlags::MOUNT_ATTR_NODEV, MountFlags::NODEV),
        (MountAttrFlags::MOUNT_ATTR_NOEXEC, MountFlags::NOEXEC),
        (MountAttrFlags::MOUNT_ATTR_NOATIME, MountFlags::NOATIME),
        (MountAttrFlags::MOUNT_ATTR_NODIRATIME, MountFlags::NODIRATIME),
    ] {
        flags.set(flag, options.attributes.contains(attribute));
    }
    let before = MountTable::read().ok().map(|table| table.at(dir).map(|mount| mount.id));
    let result = sys::mount(&source, &place, flags, &data, limit);
    if let (Err(Failure::TimedOut | Failure::Cancelled), Some(before)) = (result, before) {
        let now = MountTable::read().ok().and_then(|table| table.at(dir).map(|mount| mount.id));
        if now.is_some() && now != before {
            let _ = rustix::mount::unmount(dir, UnmountFlags::DETACH);
        }
    }
    result
}

/// What an errno of mounting means for NFS.
fn explain(failure: Failure, log: &str, server: &Server, path: &str, limit: &Limit) -> Error {
    let host = match server.host.parse::<std::net::IpAddr>() {
        Ok(_) => server.host.clone(),
        Err(_) => format!("{} ({})", server.host, server.address),
    };
    let errno = match failure {
        Failure::Cancelled => return Error::new(ErrorKind::Cancelled, "mount"),
        Failure::Call(errno) if errno != Errno::TIMEDOUT => errno,
        _ => {
            let after = if limit.left().is_zero() { " in time" } else { "" };
            return Error::new(ErrorKind::Timeout, "mount").with_message(format!(
                "{host} does not answer{after}; is TCP port 2049 open to this machine in its \
                 security group?"
            ));
        }
    };
    let message = match errno {
        Errno::PERM => "mounting takes root (CAP_SYS_ADMIN)".to_owned(),
        Errno::NODEV => "this kernel has no NFS client: its module nfsv4 is missing".to_owned(),
        Errno::CONNREFUSED => format!("{host} refuses: no NFS server listens there"),
        Errno::HOSTUNREACH | Errno::NETUNREACH => format!("no way leads to {host}"),
        Errno::NOENT => format!("{host} exports no directory {path}"),
        Errno::ACCESS => format!("{host} does not let this machine mount {path}"),
        Errno::PROTONOSUPPORT => format!("{host} does not speak this version of NFS"),
        Errno::INVAL if !log.is_empty() => format!("the kernel refuses an option: {log}"),
        Errno::INVAL => "the kernel refuses an option".to_owned(),
        _ if log.is_empty() => return Error::from_errno("mount", errno.raw_os_error()),
        _ => log.to_owned(),
    };
    Error::from_errno("mount", errno.raw_os_error()).with_message(message)
}
