//! How many threads and descriptors, by what the storage is.

use super::calls;
use super::meta::{Meta, Sync};
use super::options::{Jobs, Options};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::Resource;
use std::time::{Duration, Instant};

/// Descriptors left for files being copied and for the rest of the program.
const RESERVED_DESCRIPTORS: u64 = 256;
/// NFS_SUPER_MAGIC and the like, from linux/magic.h and statfs(2): NFS, SMB2, CIFS, Ceph,
/// AFS, 9P, FUSE (which EFS-like clients and s3 mounts use).
const NETWORK: [u64; 7] =
    [0x6969, 0xFE53_4D42, 0xFF53_4D42, 0x00C3_6400, 0x5346_414F, 0x0102_1997, 0x6573_5546];

pub(super) fn descriptor_budget(options: &Options) -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(1 << 16);
    let per_thread = 8 + 2 * options.link_sources.len() as u64;
    let threads = match options.jobs {
        Jobs::Auto => MAX_THREADS as u64,
        Jobs::Count(count) => count as u64,
    };
    let reserved = RESERVED_DESCRIPTORS.min(limit / 4) + threads * per_thread;
    usize::try_from(limit.saturating_sub(reserved).clamp(16, 1 << 16)).unwrap_or(16)
}

pub(super) fn is_network(fd: &OwnedFd) -> bool {
    calls::fstatfs(fd).is_ok_and(|stat| NETWORK.contains(&(stat.f_type as u64)))
}

/// Above this many calls under way at once an NFS client queues them itself: its session
/// has 64 slots.
const MAX_THREADS: usize = 64;

/// How many threads copy. Local storage wants a few more than there are processors; a file
/// server wants as many calls under way as its latency can hide.
pub(super) fn threads(
    options: &Options,
    source: &OwnedFd,
    destination: &OwnedFd,
    network: bool,
) -> usize {
    if let Jobs::Count(count) = options.jobs {
        return count.clamp(1, 1024);
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if !network {
        return (2 * processors).clamp(2, 16);
    }
    let latency = round_trip(source).max(round_trip(destination));
    if latency < Duration::from_micros(300) { 16 } else { MAX_THREADS }
}

/// How many entries make one job: fewer where each takes round trips, so that the entries of
/// a few directories are enough for all threads.
pub(super) fn batch(network: bool) -> usize {
    if network { 8 } else { 64 }
}

/// The shortest of a few round trips to the file server.
fn round_trip(fd: impl AsFd) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..4 {
        let begin = Instant::now();
        if Meta::of(&fd, Sync::Force).is_err() {
            return Duration::ZERO;
        }
        shortest = shortest.min(begin.elapsed());
    }
    shortest
}

/// How many files with several names are kept in memory; the others go to disk.
pub(super) fn in_memory() -> usize {
    #[cfg(feature = "testing")]
    if let Some(few) = super::testing::in_memory() {
        return few;
    }
    32 << 10
}
