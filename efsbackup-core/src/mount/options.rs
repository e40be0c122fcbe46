//! How to mount, and which options exclude each other.

use crate::error::{Error, ErrorKind, Result};
use rustix::mount::MountAttrFlags;
use std::net::IpAddr;
use std::time::Duration;

/// What EFS's user guide recommends for its mounts.
const DEFAULTS: &[(&str, Option<&str>)] = &[
    ("nfsvers", Some("4.1")),
    ("rsize", Some("1048576")),
    ("wsize", Some("1048576")),
    ("hard", None),
    ("timeo", Some("600")),
    ("retrans", Some("2")),
    ("noresvport", None),
];

/// Options that say the same or the opposite: giving one replaces the default of its group.
const GROUPS: &[&[&str]] =
    &[&["nfsvers", "vers"], &["hard", "soft", "softerr"], &["resvport", "noresvport"]];

/// Options of `mount.efs` that only it understands.
const HELPER_ONLY: &[&str] = &[
    "tls",
    "iam",
    "accesspoint",
    "awsprofile",
    "awscredsuri",
    "tlsport",
    "notls",
    "verify",
    "ocsp",
    "noocsp",
];

/// How to mount.
///
/// ```
/// use efsbackup_core::mount::MountOptions;
///
/// let mut options = MountOptions::default();
/// options.region = Some("eu-west-1".to_owned());
/// options.read_only = true;
/// options.check()?;
/// options.iam = true; // which goes through TLS only
/// assert!(options.check().is_err());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MountOptions {
    /// The AWS region of a file system given by its id.
    pub region: Option<String>,
    /// The availability zone whose mount target to use, such as `eu-west-1b`.
    pub az: Option<String>,
    /// The mount target's address, for where no name resolves.
    pub address: Option<IpAddr>,
    /// The access point, `fsap-…`; needs `tls`.
    pub access_point: Option<String>,
    /// Encrypt in transit, through `mount.efs` of amazon-efs-utils.
    pub tls: bool,
    /// Sign in with the machine's IAM identity; needs `tls`.
    pub iam: bool,
    /// Nothing can be written through the mount.
    pub read_only: bool,
    /// The longest time that mounting may take in all; 30 seconds.
    pub timeout: Duration,
    /// How often a server that refuses is asked again, within `timeout`; 2.
    pub retries: u32,
    /// How far the kernel reads ahead, in KiB. Since Linux 5.4 it does not adapt to `rsize`
    /// any more and would be 128; 15 MiB is what EFS's user guide recommends.
    pub read_ahead_kib: Option<u32>,
    /// More options, as after mount(8)'s `-o`: they replace the defaults.
    pub options: Vec<String>,
}

impl Default for MountOptions {
    fn default() -> Self {
        MountOptions {
            region: None,
            az: None,
            address: None,
            access_point: None,
            tls: false,
            iam: false,
            read_only: false,
            timeout: Duration::from_secs(30),
            retries: 2,
            read_ahead_kib: Some(15 * 1024),
            options: Vec::new(),
        }
    }
}

/// Options that were found to agree.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// For the file system, in order.
    pub(super) file_system: Vec<(String, Option<String>)>,
    /// For the mount.
    pub(super) attributes: MountAttrFlags,
    /// Whether it takes `mount.efs` to mount.
    pub(super) helper: bool,
}

impl Checked {
    /// The value of a file system's option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.file_system.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.as_deref())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.file_system.iter().any(|(n, _)| n == name)
    }

    pub(super) fn read_only(&self) -> bool {
        self.attributes.contains(MountAttrFlags::MOUNT_ATTR_RDONLY)
    }

    /// As one string, the way mount(2) and `-o` take it.
    pub(super) fn text(&self) -> String {
        let options = self.file_system.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        });
        options.collect::<Vec<_>>().join(",")
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "mount options").with_message(message)
}

impl MountOptions {
    /// Looks whether the options agree.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], saying which options exclude each other and why.
    pub fn check(&self) -> Result<()> {
        self.checked().map(drop)
    }

    pub(super) fn checked(&self) -> Result<Checked> {
        let mut given = self.given()?;
        let helper =
            given.iter().any(|(name, _)| HELPER_ONLY.contains(&&**name) && name != "notls");
        conflicts(&given)?;
        let mut attributes = MountAttrFlags::empty();
        given.retain(|(name, _)| match attribute(name) {
            Some(flag) => {
                attributes |= flag;
                false
            }
            None => !is_for_others(name) && name != "notls",
        });
        if self.read_only {
            attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY;
        }
        for (name, value) in DEFAULTS {
            let group = GROUPS.iter().find(|group| group.contains(name)).copied().unwrap_or(&[]);
            if !given.iter().any(|(other, _)| other == name || group.contains(&&**other)) {
                given.push(((*name).to_owned(), value.map(str::to_owned)));
            }
        }
        Ok(Checked { file_system: given, attributes, helper })
    }

    /// Everything that was asked for, as names and values.
    fn given(&self) -> Result<Vec<(String, Option<String>)>> {
        let mut given: Vec<(String, Option<String>)> = Vec::new();
        for option in self.options.iter().flat_map(|list| list.split(',')) {
            let (name, value) = match option.trim().split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option.trim(), None),
            };
            if name.is_empty() {
                return Err(wrong("an option between two commas is empty"));
            }
            if name.contains('\0') || value.as_ref().is_some_and(|value| value.contains('\0')) {
                return Err(wrong("an option contains a zero byte"));
            }
            given.retain(|(other, _)| other != name);
            given.push((name.to_owned(), value));
        }
        let fields = [("tls", self.tls), ("iam", self.iam)];
        for name in fields.into_iter().filter(|(_, on)| *on).map(|(name, _)| name) {
            if !given.iter().any(|(other, _)| other == name) {
                given.push((name.to_owned(), None));
            }
        }
        if let Some(id) = &self.access_point {
            given.push(("accesspoint".to_owned(), Some(id.clone())));
        }
        Ok(given)
    }
}

/// The rules of `mount.efs`, so that they are explained before it is called, and ours.
fn conflicts(given: &[(String, Option<String>)]) -> Result<()> {
    let has = |name: &str| given.iter().any(|(other, _)| other == name);
    let value = |name: &str| given.iter().find(|(other, _)| other == name)?.1.as_deref();
    const EXCLUDE: &[(&str, &str, &str)] = &[
        ("tls", "port", "the tunnel chooses the port"),
        ("tls", "notls", "they are opposites"),
        ("ocsp", "noocsp", "they are opposites"),
        ("awsprofile", "awscredsuri", "credentials come from one place"),
        ("ro", "rw", "they are opposites"),
        ("hard", "soft", "they are opposites"),
        ("resvport", "noresvport", "they are opposites"),
    ];
    const NEED: &[(&str, &str, &str)] = &[
        ("accesspoint", "tls", "an access point is asked for inside the tunnel"),
        ("iam", "tls", "the signature travels inside the tunnel"),
        ("tlsport", "tls", "it is the tunnel's port"),
        ("ocsp", "tls", "it checks the tunnel's certificate"),
        ("awsprofile", "iam", "it says whose signature"),
        ("awscredsuri", "iam", "it says whose signature"),
    ];
    for (one, other, why) in EXCLUDE {
        if has(one) && has(other) {
            return Err(wrong(format!("{one} and {other} exclude each other: {why}")));
        }
    }
    for (one, other, why) in NEED {
        if has(one) && !has(other) {
            return Err(wrong(format!("{one} needs {other}: {why}")));
        }
    }
    if has("bg") {
        return Err(wrong("bg would report a mount that is not there yet; mount is waited for"));
    }
    if has("mounttargetip") {
        return Err(wrong("give the mount target's address as --address"));
    }
    if let Some(id) = value("accesspoint").filter(|id| !id.starts_with("fsap-")) {
        return Err(wrong(format!("an access point's id begins with fsap-, unlike {id:?}")));
    }
    for name in ["rsize", "wsize", "timeo", "retrans", "port"] {
        if has(name) && value(name).is_none_or(|value| value.parse::<u32>().is_err()) {
            return Err(wrong(format!("{name} needs a number, as in {name}=600")));
        }
    }
    Ok(())
}

/// Options of the mount, not of the file system.
fn attribute(name: &str) -> Option<MountAttrFlags> {
    Some(match name {
        "ro" => MountAttrFlags::MOUNT_ATTR_RDONLY,
        "nosuid" => MountAttrFlags::MOUNT_ATTR_NOSUID,
        "nodev" => MountAttrFlags::MOUNT_ATTR_NODEV,
        "noexec" => MountAttrFlags::MOUNT_ATTR_NOEXEC,
        "noatime" => MountAttrFlags::MOUNT_ATTR_NOATIME,
        "nodiratime" => MountAttrFlags::MOUNT_ATTR_NODIRATIME,
        "rw" | "suid" | "dev" | "exec" | "relatime" | "defaults" => MountAttrFlags::empty(),
        _ => return None,
    })
}

/// Options for whoever reads fstab.
fn is_for_others(name: &str) -> bool {
    matches!(name, "_netdev" | "nofail" | "auto" | "noauto" | "fg" | "user" | "nouser")
        || name.starts_with("x-")
        || name.starts_with("X-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(options: &str) -> MountOptions {
        MountOptions { options: vec![options.to_owned()], ..MountOptions::default() }
    }

    #[test]
    fn the_defaults_are_the_recommended_ones() {
        assert_eq!(
            MountOptions::default().checked().unwrap().text(),
            "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport"
        );
    }

    #[test]
    fn what_is_given_replaces_its_default() {
        let checked = with("vers=4.2,soft,timeo=50,resvport,nosuid,ro,_netdev,x-systemd.automount");
        let checked = checked.checked().unwrap();
        assert_eq!(
            checked.text(),
            "vers=4.2,soft,timeo=50,resvport,rsize=1048576,wsize=1048576,retrans=2"
        );
        assert!(checked.read_only());
        assert!(checked.attributes.contains(MountAttrFlags::MOUNT_ATTR_NOSUID));
        assert!(!checked.helper);
        assert!(with("tls").checked().unwrap().helper);
    }

    #[test]
    fn conflicts_are_explained() {
        let cases = [
            ("tls,port=2050", "tls and port exclude each other: the tunnel chooses the port"),
            ("tls,notls", "tls and notls exclude each other: they are opposites"),
            (
                "accesspoint=fsap-1",
                "accesspoint needs tls: an access point is asked for inside the tunnel",
            ),
            ("iam", "iam needs tls: the signature travels inside the tunnel"),
            ("tls,awsprofile=a", "awsprofile needs iam: it says whose signature"),
            ("tls,awscredsuri=/a", "awscredsuri needs iam: it says whose signature"),
            (
                "tls,iam,awsprofile=a,awscredsuri=/a",
                "awsprofile and awscredsuri exclude each other: credentials come from one place",
            ),
            ("tls,accesspoint=a", "an access point's id begins with fsap-, unlike \"a\""),
            ("timeo=soon", "timeo needs a number, as in timeo=600"),
            ("ro,,hard", "an option between two commas is empty"),
            ("bg", "bg would report a mount that is not there yet; mount is waited for"),
        ];
        for (options, message) in cases {
            assert_eq!(with(options).check().unwrap_err().message(), message, "{options}");
        }
        assert!(with("tls,iam,awsprofile=a,accesspoint=fsap-1").check().is_ok());
    }
}
