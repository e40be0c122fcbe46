//! What to mount: a file system's id, or a server and a path.

use super::efs;
use crate::error::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::str::FromStr;

/// What to mount.
///
/// ```
/// use efsbackup_core::mount::Target;
///
/// let target: Target = "fs-0123456789abcdef0:/projects".parse()?;
/// assert_eq!(target.file_system_id(), Some("fs-0123456789abcdef0"));
/// assert_eq!(target.path(), "/projects");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An EFS file system by its id, and a directory of it.
    FileSystem {
        /// The id, `fs-` and hexadecimal digits.
        id: String,
        /// The directory, from `/` on.
        path: String,
    },
    /// Any NFS server, by name or address, and a directory that it exports.
    Server {
        /// The name or address, an IPv6 address without brackets.
        host: String,
        /// The directory, from `/` on.
        path: String,
    },
}

/// Reads `FS-ID`, `FS-ID:/PATH`, `HOST:/PATH` or `[IPV6]:/PATH`.
impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Target> {
        let (host, path) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").unwrap_or((rest, "")),
            None => text.split_once(':').unwrap_or((text, "/")),
        };
        if host.is_empty() || !path.starts_with('/') || text.contains(['\n', '\0']) {
            return Err(invalid(format!(
                "{text:?} cannot be mounted: give a file system's id, HOST:/PATH or [IPV6]:/PATH"
            )));
        }
        let path = path.to_owned();
        if is_id(host) {
            return Ok(Target::FileSystem { id: host.to_owned(), path });
        }
        // Without a path, only an id says which file system is meant.
        if !text.contains(':') {
            return Err(invalid(format!(
                "{text:?} is not a file system's id (fs-…); give HOST:/PATH for any other server"
            )));
        }
        Ok(Target::Server { host: host.to_owned(), path })
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "mount").with_message(message)
}

/// Whether `text` is an EFS file system's id: `fs-` and 8 to 40 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.strip_prefix("fs-").is_some_and(|digits| {
        (8..=40).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

impl Target {
    /// The directory to mount.
    pub fn path(&self) -> &str {
        match self {
            Target::FileSystem { path, .. } | Target::Server { path, .. } => path,
        }
    }

    /// The EFS file system's id, if it is one: given as such, or in its DNS name.
    pub fn file_system_id(&self) -> Option<&str> {
        match self {
            Target::FileSystem { id, .. } => Some(id),
            Target::Server { host, .. } => efs::id_in_name(host),
        }
    }

    /// The names or addresses to look up, the best first: of a file system's id, its name in
    /// the availability zone `az`, which never leaves that zone, then the one of `region`,
    /// whose answer is the mount target of the asking machine's own zone.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id without a region.
    pub(super) fn hosts(&self, region: Option<&str>, az: Option<&str>) -> Result<Vec<String>> {
        let (id, region) = match (self, region) {
            (Target::Server { host, .. }, _) => return Ok(vec![host.clone()]),
            (Target::FileSystem { id, .. }, Some(region)) => (id, region),
            (Target::FileSystem { id, .. }, None) => {
                return Err(invalid(format!(
                    "{id} is in which region? Give --region or set AWS_REGION"
                )));
            }
        };
        let name = efs::dns_name(id, region);
        Ok(az.map(|az| format!("{az}.{name}")).into_iter().chain([name]).collect())
    }
}

/// `HOST:/PATH` as the kernel and mount(8) write it.
pub(super) fn source(host: &str, path: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{path}"),
        _ => format!("{host}:{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, path: &str) -> Target {
        Target::Server { host: host.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn ids_names_and_addresses_are_told_apart() {
        let id = |path: &str| Target::FileSystem { id: "fs-01234567".into(), path: path.into() };
        assert_eq!("fs-01234567".parse::<Target>().unwrap(), id("/"));
        assert_eq!("fs-01234567:/a b".parse::<Target>().unwrap(), id("/a b"));
        assert_eq!("fs-nas:/x".parse::<Target>().unwrap(), server("fs-nas", "/x"));
        assert_eq!("10.0.0.5:/".parse::<Target>().unwrap(), server("10.0.0.5", "/"));
        assert_eq!("[fd00::1]:/a:b".parse::<Target>().unwrap(), server("fd00::1", "/a:b"));
        assert_eq!(source("fd00::1", "/a:b"), "[fd00::1]:/a:b");
        for wrong in ["", "nas", ":/x", "nas:x", "[fd00::1]", "fd00::1:/x", "nas:/x\n"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_name_in_the_zone_comes_first() {
        let target: Target = "fs-01234567".parse().unwrap();
        assert_eq!(
            target.hosts(Some("eu-west-1"), Some("eu-west-1b")).unwrap(),
            [
                "eu-west-1b.fs-01234567.efs.eu-west-1.amazonaws.com",
                "fs-01234567.efs.eu-west-1.amazonaws.com"
            ]
        );
        assert!(target.hosts(None, None).unwrap_err().message().contains("--region"));
        assert_eq!(server("nas", "/x").hosts(None, None).unwrap(), ["nas"]);
    }
}
