//! Whether a file server copies by itself what is asked for with copy_file_range(2).
//!
//! NFS has that since version 4.2, and EFS speaks 4.1. There the kernel reads and writes in turn,
//! 128 KiB at a time and each after a round trip, so content is better copied through memory.

use rustix::fs;

/// Whether the server of this device copies between two files there. Of other file systems than
/// NFS the kernel knows best.
pub(super) fn is_offered(device: u64) -> bool {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let device = format!("{}:{}", fs::major(device), fs::minor(device));
    is_offered_by(&mounts, device.as_bytes())
}

/// Reads lines such as `36 35 0:42 / /mnt rw,relatime shared:1 - nfs4 nas:/ rw,vers=4.1,…`, of
/// proc_pid_mountinfo(5).
fn is_offered_by(mounts: &[u8], device: &[u8]) -> bool {
    let on_device = |line: &[u8]| line.split(|byte| *byte == b' ').nth(2) == Some(device);
    let Some(line) = mounts.split(|byte| *byte == b'\n').find(|line| on_device(line)) else {
        return false;
    };
    let mut words = line.split(|byte| *byte == b' ').skip_while(|word| *word != b"-").skip(1);
    let (kind, options) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    !kind.starts_with(b"nfs") || options.split(|byte| *byte == b',').any(|word| word == b"vers=4.2")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw
36 22 0:42 / /mnt/a rw,relatime shared:1 - nfs4 nas:/ rw,vers=4.1,rsize=1048576
37 22 0:43 / /mnt/\xff rw,relatime - nfs4 nas:/ rw,vers=4.2,rsize=1048576
38 22 0:44 / /mnt/c rw,relatime - cifs //nas/c rw,vers=3.1.1
";

    #[test]
    fn nfs_offers_it_since_4_2() {
        let offered =
            ["0:42", "0:43", "0:44", "0:45"].map(|device| is_offered_by(MOUNTS, device.as_bytes()));
        assert_eq!(offered, [false, true, true, false]);
    }
}
