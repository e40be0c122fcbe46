//! Proof that a path is on the expected file system.

use super::mountinfo::Mount;
use super::{MARKER_NAME, efs, marker};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// What proved which file system a path is on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// The marker in this file.
    Marker(PathBuf),
    /// What is mounted: the file system's DNS name, or an address it stands for.
    MountSource(BytePath),
    /// The state file of the tunnel that `mount.efs` made for a TLS mount.
    TunnelState(PathBuf),
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Marker(path) => write!(f, "marker {}", BytePath::from(path.as_path())),
            Proof::MountSource(source) => write!(f, "mounted from {source}"),
            Proof::TunnelState(path) => {
                write!(f, "tunnel state {}", BytePath::from(path.as_path()))
            }
        }
    }
}

/// Proves that the directory `path` is on the file system `expected_id`, as
/// [`Prover::from_environment`] does.
///
/// # Errors
/// See [`Prover::prove`].
pub fn prove(path: impl AsRef<Path>, expected_id: &str) -> Result<Proof> {
    Prover::from_environment().prove(path, expected_id)
}

/// Turns a host name into its addresses.
type Resolve = fn(&str) -> Vec<IpAddr>;

/// Looks for proof of a file system's identity.
///
/// ```
/// use efsbackup_core::mount::Prover;
///
/// # let dir = tempfile::tempdir()?;
/// # let folder = dir.path();
/// let prover = Prover::from_environment().region("eu-west-1");
/// // A directory of this machine, as a mount that failed leaves it.
/// let refused = prover.prove(folder, "fs-0123456789abcdef0").unwrap_err();
/// assert!(refused.to_string().contains("fs-0123456789abcdef0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prover {
    region: Option<String>,
    state_dir: PathBuf,
    resolve: Resolve,
}

impl Prover {
    /// A prover that knows the region from `AWS_REGION` or `AWS_DEFAULT_REGION`, if set.
    pub fn from_environment() -> Self {
        let region = region_of_environment();
        Prover { region, state_dir: efs::EFS_STATE_DIR.into(), resolve: addresses }
    }

    /// Sets the region whose EFS name is looked up where the mount names an address only.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Proves that the directory `path` is on the file system `expected_id`. In this order
    /// count: a marker (see [`mark`](super::mark)) in `path` or above it on the same mount;
    /// the mount's source, if it is the file system's EFS name or an address of it; the
    /// state file that `mount.efs` keeps for a TLS mount. statvfs' file system number is
    /// not asked: over NFS it is 0.
    ///
    /// # Errors
    /// [`ErrorKind::SafetyStop`] when nothing proves it, or anything says it is another
    /// file system; those of opening `path`.
    pub fn prove(&self, path: impl AsRef<Path>, expected_id: &str) -> Result<Proof> {
        let path = path.as_ref();
        let canonical = path
            .canonicalize()
            .map_err(|error| Error::from_io("resolve", error).with_path(path))?;
        let mount = Mount::containing(&canonical)?;
        let marker = nearest_marker(&canonical, &mount)?;
        self.judge(path, &mount, marker, expected_id)
    }

    /// Which file system the directory `path` is on, if anything tells, and what tells it.
    ///
    /// # Errors
    /// Those of opening `path`.
    pub fn identify(&self, path: impl AsRef<Path>) -> Result<Option<(String, Proof)>> {
        let path = path.as_ref();
        let canonical = path
            .canonicalize()
            .map_err(|error| Error::from_io("resolve", error).with_path(path))?;
        let mount = Mount::containing(&canonical)?;
        let marker = nearest_marker(&canonical, &mount)?;
        Ok(self.evidence(&mount, marker).next())
    }

    /// All that tells an id, in the order in which it counts.
    fn evidence(
        &self,
        mount: &Mount,
        marker: Option<(String, PathBuf)>,
    ) -> impl Iterator<Item = (String, Proof)> + use<> {
        let marker = marker.map(|(id, file)| (id, Proof::Marker(file)));
        let source = || Proof::MountSource(mount.source.clone());
        let named = mount.host().filter(|_| mount.is_nfs()).and_then(efs::id_in_name);
        let named = named.map(|id| (id.to_owned(), source()));
        let tunnel = efs::tunnel_port(mount)
            .and_then(|port| efs::id_of_tunnel(&self.state_dir, port))
            .map(|(id, file)| (id, Proof::TunnelState(file)));
        [marker, named, tunnel].into_iter().flatten()
    }

    fn judge(
        &self,
        path: &Path,
        mount: &Mount,
        marker: Option<(String, PathBuf)>,
        expected_id: &str,
    ) -> Result<Proof> {
        let mut first = None;
        for (id, proof) in self.evidence(mount, marker) {
            if id != expected_id {
                return Err(refused(format!(
                    "{} is on file system {id} ({proof}), not {expected_id}; nothing was changed",
                    BytePath::from(path)
                )));
            }
            first.get_or_insert(proof);
        }
        if let Some(proof) = first {
            return Ok(proof);
        }
        if self.is_address_of(mount, expected_id) {
            return Ok(Proof::MountSource(mount.source.clone()));
        }
        Err(refused(format!(
            "nothing proves that {} is on {expected_id}: it is on {} ({}) mounted at {}; mount the \
             file system, or run `efsbackup mark` on it once",
            BytePath::from(path),
            mount.source,
            mount.fs_type,
            mount.mount_point
        )))
    }

    /// Whether the server is a mount target of the file system: an address of its name. Which
    /// server it is, the option `addr` says best: the source shows the name by which the
    /// same export was mounted first on this machine.
    fn is_address_of(&self, mount: &Mount, id: &str) -> bool {
        let server = mount.option("addr").or(mount.host()).filter(|_| mount.is_nfs());
        let address = server.and_then(|server| server.parse().ok());
        let (Some(address), Some(region)) = (address, &self.region) else { return false };
        let address: IpAddr = address;
        !address.is_loopback() && (self.resolve)(&efs::dns_name(id, region)).contains(&address)
    }
}

/// The region in `AWS_REGION` or `AWS_DEFAULT_REGION`.
pub(super) fn region_of_environment() -> Option<String> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::SafetyStop, "identity").with_message(message)
}

fn addresses(name: &str) -> Vec<IpAddr> {
    let found = (name, 2049).to_socket_addrs();
    found.map(|all| all.map(|address| address.ip()).collect()).unwrap_or_default()
}

/// The marker nearest to `path`, going up to the mount point but not beyond: what is above
/// is another file system. Copied markers are passed over.
fn nearest_marker(canonical: &Path, mount: &Mount) -> Result<Option<(String, PathBuf)>> {
    let inside = |dir: &&Path| dir.starts_with(mount.mount_point.as_path()) || *dir == canonical;
    for dir in canonical.ancestors().take_while(inside) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = dir.join(MARKER_NAME);
        let failed = |errno: rustix::io::Errno| {
            Error::from_errno("open", errno.raw_os_error()).with_path(dir)
        };
        let opened = match rustix::fs::open(dir, flags, Mode::empty()) {
            // A directory above that may not be read can't be asked.
            Err(rustix::io::Errno::ACCESS) if dir != canonical => continue,
            opened => opened.map_err(failed)?,
        };
        let found = marker::read(&opened).map_err(|error| error.with_path(file.clone()))?;
        if let Some(marker) = found.filter(|marker| marker.original) {
            return Ok(Some((marker.id, file)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::MountTable;
    use super::*;

    const ID: &str = "fs-0a";

    fn mount(source: &str, options: &str) -> Mount {
        let line = format!("31 30 0:41 / /mnt/efs rw - nfs4 {source} {options}");
        MountTable::parse(line.as_bytes()).unwrap().mounts.remove(0)
    }

    fn prover(state_dir: &Path) -> Prover {
        let resolve = |name: &str| match name {
            "fs-0a.efs.eu-west-1.amazonaws.com" => vec![IpAddr::from([10, 0, 0, 5])],
            _ => Vec::new(),
        };
        Prover { region: None, state_dir: state_dir.to_owned(), resolve }
    }

    fn judge(prover: &Prover, mount: &Mount) -> Result<Proof> {
        prover.judge(Path::new("/mnt/efs/sub"), mount, None, ID)
    }

    #[test]
    fn the_dns_name_in_the_mount_is_proof() {
        let prover = prover(Path::new("/nonexistent"));
        let mounted = mount("fs-0a.efs.eu-west-1.amazonaws.com:/", "rw,addr=10.0.0.5");
        assert_eq!(
            judge(&prover, &mounted).unwrap(),
            Proof::MountSource(b"fs-0a.efs.eu-west-1.amazonaws.com:/"[..].into())
        );
    }

    #[test]
    fn an_address_is_proof_only_if_the_name_resolves_to_it() {
        let here = prover(Path::new("/nonexistent")).region("eu-west-1");
        assert!(judge(&here, &mount("10.0.0.5:/", "rw")).is_ok());
        assert!(judge(&here, &mount("10.0.0.6:/", "rw")).is_err());
        assert!(judge(&here, &mount("nas:/", "rw,addr=10.0.0.5")).is_ok());
        assert!(judge(&here, &mount("10.0.0.5:/", "rw,addr=10.0.0.6")).is_err());
        let elsewhere = here.region("eu-west-2");
        assert!(judge(&elsewhere, &mount("10.0.0.5:/", "rw")).is_err());
    }

    #[test]
    fn a_tls_mount_is_proved_by_the_state_of_its_tunnel() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fs-0b.mnt.other.20050"), "{}").unwrap();
        std::fs::write(dir.path().join("fs-0a.mnt.efs.20049"), "{}").unwrap();
        let prover = prover(dir.path());
        let proof = judge(&prover, &mount("127.0.0.1:/", "rw,port=20049")).unwrap();
        assert_eq!(proof, Proof::TunnelState(dir.path().join("fs-0a.mnt.efs.20049")));
        let error = judge(&prover, &mount("127.0.0.1:/", "rw,port=20050")).unwrap_err();
        assert!(error.message().contains("is on file system fs-0b"), "{error}");
        assert!(judge(&prover, &mount("127.0.0.1:/", "rw,port=20051")).is_err());
    }

    #[test]
    fn evidence_against_outweighs_a_marker() {
        let prover = prover(Path::new("/nonexistent"));
        let marker = || Some((ID.to_owned(), PathBuf::from("/mnt/efs/.efsbackup-id")));
        let other = mount("fs-0b.efs.eu-west-1.amazonaws.com:/", "rw");
        let error = prover.judge(Path::new("/mnt/efs"), &other, marker(), ID).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SafetyStop);
        let plain = mount("nas:/export", "rw");
        let proof = prover.judge(Path::new("/mnt/efs"), &plain, marker(), ID).unwrap();
        assert_eq!(proof, Proof::Marker("/mnt/efs/.efsbackup-id".into()));
    }

    #[test]
    fn the_refusal_says_what_is_mounted_and_how_to_mend_it() {
        let error = judge(&prover(Path::new("/nonexistent")), &mount("nas:/x", "rw")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "identity: nothing proves that /mnt/efs/sub is on fs-0a: it is on nas:/x (nfs4) mounted \
             at /mnt/efs; mount the file system, or run `efsbackup mark` on it once"
        );
    }
}
