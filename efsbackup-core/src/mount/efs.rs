//! What the mount of an EFS file system tells about its id.

use super::mountinfo::Mount;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Where `mount.efs` keeps the state of its tunnels.
pub(super) const EFS_STATE_DIR: &str = "/var/run/efs";

/// The file system's id in an EFS DNS name: `fs-….efs.REGION.amazonaws.com`, or with the
/// availability zone before it.
pub(super) fn id_in_name(host: &str) -> Option<&str> {
    let mut labels = host.split('.').take(3).collect::<Vec<_>>();
    if !labels.first()?.starts_with("fs-") {
        labels.remove(0);
    }
    match labels.as_slice() {
        [id, "efs", ..] if id.starts_with("fs-") => Some(id),
        _ => None,
    }
}

/// The DNS name that EFS gives every file system in `region`.
pub(super) fn dns_name(id: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{id}.efs.{region}.{suffix}")
}

/// The port of the local end of a tunnel, if the mount goes through one: `mount.efs` with
/// `tls` mounts from 127.0.0.1.
pub(super) fn tunnel_port(mount: &Mount) -> Option<u16> {
    let address: IpAddr = mount.host()?.parse().ok()?;
    if !mount.is_nfs() || !address.is_loopback() {
        return None;
    }
    mount.option("port")?.parse().ok()
}

/// The id that the state file of `mount.efs` names for the tunnel on `port`, and the file.
/// Its name is `FS-ID.MOUNT.POINT.PORT`.
pub(super) fn id_of_tunnel(state_dir: &Path, port: u16) -> Option<(String, PathBuf)> {
    let ending = format!(".{port}");
    for entry in std::fs::read_dir(state_dir).ok()?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(&ending)) else {
            continue;
        };
        if name.starts_with("fs-") && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let id = name.split('.').next().unwrap_or(name);
            return Some((id.to_owned(), entry.path()));
        }
    }
    None
}

impl Mount {
    /// The most names a file may have here, where that is known: 177 on EFS (its quotas
    /// page), told by the mount's DNS name or by the state of its tunnel. Elsewhere only
    /// trying tells.
    pub fn max_links(&self) -> Option<u32> {
        let named = self.is_nfs() && self.host().is_some_and(|host| id_in_name(host).is_some());
        let tunnel = || id_of_tunnel(Path::new(EFS_STATE_DIR), tunnel_port(self)?);
        (named || tunnel().is_some()).then_some(177)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_in_both_forms_of_the_name() {
        assert_eq!(id_in_name("fs-1a.efs.eu-west-1.amazonaws.com"), Some("fs-1a"));
        assert_eq!(id_in_name("eu-west-1b.fs-1a.efs.eu-west-1.amazonaws.com"), Some("fs-1a"));
        assert_eq!(id_in_name("fs-1a.fsx.eu-west-1.amazonaws.com"), None);
        assert_eq!(id_in_name("a.b.fs-1a.efs.example.com"), None);
        assert_eq!(id_in_name("nas"), None);
    }

    #[test]
    fn only_mounts_of_efs_have_a_known_link_limit() {
        let mount = |source: &str| {
            let line = format!("31 30 0:41 / /mnt rw - nfs4 {source} rw");
            super::super::MountTable::parse(line.as_bytes()).unwrap().mounts.remove(0)
        };
        assert_eq!(mount("fs-1a.efs.eu-west-1.amazonaws.com:/").max_links(), Some(177));
        assert_eq!(mount("nas:/").max_links(), None);
    }

    #[test]
    fn names_in_china_have_their_own_ending() {
        assert_eq!(dns_name("fs-1", "cn-north-1"), "fs-1.efs.cn-north-1.amazonaws.com.cn");
        assert_eq!(dns_name("fs-1", "eu-west-1"), "fs-1.efs.eu-west-1.amazonaws.com");
    }
}
