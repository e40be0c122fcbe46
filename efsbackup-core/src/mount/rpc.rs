//! How many calls the NFS client made, from the kernel's `/proc/self/mountstats`
//! (nfsstat(8) and mountstats(8) read the same).

use super::mountinfo::{Mount, unescape};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Calls of one NFS mount by kind (such as `OPEN`, `READ`, `GETATTR`), whoever made them.
///
/// ```
/// use efsbackup_core::mount::{Mount, RpcCounts};
///
/// let mount = Mount::containing("/")?;
/// if let Some(before) = RpcCounts::of(&mount)? {
///     // … work …
///     if let Some(now) = RpcCounts::of(&mount)? {
///         println!("{} calls to the server", now.since(&before).total());
///     }
/// }
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpcCounts {
    /// How many calls of each kind; kinds without any are left out.
    pub calls: BTreeMap<String, u64>,
}

impl RpcCounts {
    /// The calls since `mount` was mounted; `None` if it is no NFS mount of this process.
    ///
    /// # Errors
    /// When the kernel's statistics cannot be read.
    pub fn of(mount: &Mount) -> Result<Option<RpcCounts>> {
        let path = Path::new("/proc/self/mountstats");
        let text = std::fs::read(path).map_err(|e| Error::from_io("read", e).with_path(path))?;
        Ok(parse(&text, mount.mount_point.as_bytes()))
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &RpcCounts) -> RpcCounts {
        let added = self.calls.iter().filter_map(|(kind, count)| {
            let before = earlier.calls.get(kind).copied().unwrap_or_default();
            Some((kind.clone(), count.checked_sub(before).filter(|added| *added > 0)?))
        });
        RpcCounts { calls: added.collect() }
    }

    /// All calls together.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// Reads the section of what is mounted at `place`; of several the one on top, the last.
///
/// `device nas:/ mounted on /mnt with fstype nfs4 statvers=1.1`, then among other lines
/// `READ: 12 12 0 …` for each kind: operations, transmissions, …
fn parse(text: &[u8], place: &[u8]) -> Option<RpcCounts> {
    let mut found: Option<RpcCounts> = None;
    let mut inside = false;
    for line in text.split(|byte| *byte == b'\n') {
        let words: Vec<&[u8]> =
            line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        if let [b"device", _, b"mounted", b"on", here, b"with", b"fstype", kind, ..] = words[..] {
            inside = kind.starts_with(b"nfs") && unescape(here).as_bytes() == place;
            if inside {
                found = Some(RpcCounts::default());
            }
            continue;
        }
        let (Some(counts), [name, count, _, ..]) = (found.as_mut().filter(|_| inside), &words[..])
        else {
            continue;
        };
        let name = name
            .strip_suffix(b":")
            .filter(|name| name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'));
        let text = |word| std::str::from_utf8(word).ok();
        if let Some(name) = name.and_then(text)
            && let Some(count @ 1..) = text(count).and_then(|count| count.parse().ok())
        {
            counts.calls.insert(name.to_owned(), count);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: &[u8] = b"device proc mounted on /proc with fstype proc
device nas:/ mounted on /mnt/a\\040b with fstype nfs4 statvers=1.1
\topts:\trw,vers=4.1
\tage:\t12
\tbytes:\t1 2 3 4 5 6 7 8
\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)
\txprt:\ttcp 0 0 1 0 24 3 3
\tper-op statistics
\t        NULL: 0 0 0 0 0 0 0 0 0
\t        READ: 12 13 0 2400 3000 1 2 3 0
\t OPEN_NOATTR: 7 7 0 1 1 1 1 1 0

device other:/ mounted on /mnt/other with fstype nfs4 statvers=1.1
\tper-op statistics
\t        READ: 99 99 0 2400 3000 1 2 3 0
";

    #[test]
    fn the_calls_of_the_one_mount_are_counted() {
        let counts = parse(STATS, b"/mnt/a b").unwrap();
        let expected = [("OPEN_NOATTR", 7), ("READ", 12)];
        assert!(counts.calls.iter().map(|(kind, count)| (&**kind, *count)).eq(expected));
        assert_eq!(counts.total(), 19);
        assert_eq!(parse(STATS, b"/proc"), None);
        assert_eq!(parse(STATS, b"/mnt"), None);
    }

    #[test]
    fn what_was_added_is_told_by_kind() {
        let earlier = RpcCounts { calls: BTreeMap::from([("READ".into(), 10)]) };
        let added = parse(STATS, b"/mnt/a b").unwrap().since(&earlier);
        assert_eq!(added.calls, BTreeMap::from([("OPEN_NOATTR".into(), 7), ("READ".into(), 2)]));
    }
}
