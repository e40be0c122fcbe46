//! How many threads and descriptors, by what the storage is.

use super::calls;
use super::options::{Jobs, Options};
use super::ping::Answers;
use super::pool::{Load, Threads};
use super::sys;
use rustix::fd::OwnedFd;
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

/// Above this many calls under way at once an NFS client queues them itself: the session of a
/// mount has 64 slots. Calls go to the mounts of both trees.
const MAX_THREADS: usize = 128;
/// How many threads begin on a file server, and how few there may become.
const FIRST_THREADS: usize = 16;
/// To how many they grow at once where a round trip takes at least so long: finding them step by
/// step takes several of these.
const DISTANT: [(Duration, usize); 2] =
    [(Duration::from_millis(4), 64), (Duration::from_millis(1), 32)];

/// How many threads copy. Local storage wants a few more than there are processors; a file
/// server wants as many calls under way as its latency can hide, which [`Width`] finds.
pub(super) fn threads(options: &Options, network: bool) -> Threads {
    let fixed = |count| Threads { first: count, most: count };
    if let Jobs::Count(count) = options.jobs {
        return fixed(count.clamp(1, 1024));
    }
    if network {
        return Threads { first: FIRST_THREADS, most: MAX_THREADS };
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    fixed((2 * processors).clamp(2, 16))
}

/// Finds how many threads are to work, from how long the file servers take to answer: what TCP
/// Vegas does with packets.
///
/// Of so many calls under way, each of which takes longer than the quickest did, the share by
/// which it takes longer waits for the others: in the server, on the way or in this machine.
/// While hardly any wait, more calls under way mean more done; once many do, only longer waits.
#[derive(Debug, Default)]
pub(super) struct Width {
    /// Of each server.
    seen: Vec<Seen>,
    processors: Processors,
    /// The number of entries that were done at the last decision, and when that was.
    entries: u64,
    decided: Option<Instant>,
}

/// What speaks for more threads, or for fewer.
#[derive(Clone, Copy, Debug)]
struct Signs {
    load: Load,
    /// How long a server takes to answer one call: the longest of the quickest.
    round_trip: Duration,
    /// How long a thread takes for an entry.
    entry: Duration,
    /// The share of a call's time that it waits for others.
    waiting: f64,
    /// The share of the processors that this process uses.
    used: f64,
}

/// What was seen of a server since the last decision.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The number of its answers at the last look.
    count: u64,
    /// How many since the last decision, and how long the quickest of them took: that one
    /// waited behind others for sure, and not for a processor only.
    new: u32,
    quickest: Duration,
}

/// How many calls may wait and more threads still come in.
const FEW_WAIT: f64 = 16.0;
/// How many wait where threads stand aside.
const MANY_WAIT: f64 = 32.0;
/// Quicker answers than this vary by as much.
const NOISE: Duration = Duration::from_micros(500);

/// Where this share of the processors is in use, more threads find none free.
const BUSY: f64 = 0.75;

/// How much of this machine's processors this process uses.
#[derive(Debug)]
struct Processors {
    count: f64,
    since: Instant,
    used: Duration,
}

impl Default for Processors {
    fn default() -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        Processors { count, since: Instant::now(), used: sys::processor_time() }
    }
}

impl Processors {
    /// The share in use since this was last asked.
    fn share(&mut self) -> f64 {
        let (now, used) = (Instant::now(), sys::processor_time());
        let share = used.saturating_sub(self.used).as_secs_f64()
            / now.saturating_duration_since(self.since).as_secs_f64().max(1e-6);
        (self.since, self.used) = (now, used);
        share / self.count
    }
}

impl Seen {
    fn look(&mut self, answers: &Answers) {
        if answers.count > self.count {
            self.count = answers.count;
            let is_first = self.new == 0;
            self.quickest =
                if is_first { answers.latest } else { answers.latest.min(self.quickest) };
            self.new += 1;
        }
    }

    /// The share of a call's time that it waits for other calls.
    fn waiting(&self, answers: &Answers) -> f64 {
        let base = answers.quickest.max(NOISE).as_secs_f64();
        (1.0 - base / self.quickest.as_secs_f64()).max(0.0)
    }
}

impl Width {
    /// How many threads are to work from now on, where so many entries were done until now.
    pub(super) fn next(&mut self, load: Load, entries: u64, servers: &[Answers]) -> usize {
        self.seen.resize(servers.len(), Seen::default());
        for (seen, answers) in self.seen.iter_mut().zip(servers) {
            seen.look(answers);
        }
        let since = *self.decided.get_or_insert_with(Instant::now);
        if servers.is_empty() || self.seen.iter().any(|seen| seen.new < 2) {
            return load.threads;
        }
        let waits = self.seen.iter().zip(servers).map(|(seen, answers)| seen.waiting(answers));
        let done = entries.saturating_sub(self.entries).max(1);
        let signs = Signs {
            load,
            round_trip: servers.iter().map(|answers| answers.quickest).max().unwrap_or_default(),
            entry: since.elapsed().mul_f64(load.threads as f64 / done as f64),
            waiting: waits.fold(0.0, f64::max),
            used: self.processors.share(),
        };
        self.seen.iter_mut().for_each(|seen| seen.new = 0);
        (self.entries, self.decided) = (entries, Some(Instant::now()));
        signs.threads()
    }
}

impl Signs {
    /// How many threads are to work.
    fn threads(&self) -> usize {
        let threads = self.load.threads;
        let waiting = self.waiting * threads as f64;
        if waiting > MANY_WAIT {
            return (threads * 3 / 4).max(FIRST_THREADS);
        }
        // Entries that take no round trip, or hardly any, wait for a processor only.
        let is_local = self.entry < self.round_trip || self.round_trip < NOISE || self.used > BUSY;
        if !self.load.is_full || is_local || waiting > FEW_WAIT {
            return threads;
        }
        let distant = DISTANT.iter().find(|(from, _)| self.round_trip >= *from);
        let more = if waiting < FEW_WAIT / 4.0 { threads * 2 } else { threads * 3 / 2 };
        more.max(distant.map_or(0, |(_, threads)| *threads))
    }
}

/// How many entries make one job: fewer where each takes round trips, so that the entries of
/// a few directories are enough for all threads.
pub(super) fn batch(network: bool) -> usize {
    if network { 8 } else { 64 }
}

/// How many files with several names are kept in memory; the others go to disk.
pub(super) fn in_memory() -> usize {
    #[cfg(feature = "testing")]
    if let Some(few) = super::testing::in_memory() {
        return few;
    }
    32 << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No call waits, and no processor is used.
    fn signs(load: Load, round_trip: Duration, entry: Duration) -> Signs {
        Signs { load, round_trip, entry, waiting: 0.0, used: 0.0 }
    }

    /// What the number of threads comes to, from `threads` on, at a server that answers within
    /// `milliseconds` as long as up to `most` calls are under way, and does no more than those
    /// in the time. Each thread uses the share `used` of the processors.
    fn found(threads: usize, milliseconds: f64, most: f64, used: f64) -> usize {
        let quickest = Duration::from_secs_f64(milliseconds / 1e3);
        let answers = Answers { quickest, ..Answers::default() };
        let mut load = Load { threads, is_full: true };
        for _ in 0..100 {
            let latest = quickest.mul_f64((load.threads as f64 / most).max(1.0));
            let seen = Seen { quickest: latest, ..Seen::default() };
            let signs = Signs {
                waiting: seen.waiting(&answers),
                used: used * load.threads as f64,
                ..signs(load, quickest, 9 * latest)
            };
            load.threads = signs.threads().clamp(1, MAX_THREADS);
        }
        load.threads
    }

    #[test]
    fn as_many_threads_work_as_the_server_serves_at_once() {
        assert_eq!(found(16, 3.0, 1e9, 0.0), MAX_THREADS);
        for (milliseconds, most) in [(0.2, 4.0), (2.0, 8.0), (2.0, 20.0), (10.0, 50.0), (3.0, 90.0)]
        {
            let threads = found(16, milliseconds, most, 0.0) as f64;
            assert!(threads >= most.min(16.0), "{milliseconds} ms, {most}: {threads}");
            assert!(threads <= 2.0 * most + 32.0, "{milliseconds} ms, {most}: {threads}");
        }
    }

    #[test]
    fn a_server_that_slows_gets_fewer_calls_at_once() {
        let before = found(16, 2.0, 1e9, 0.0);
        let after = found(before, 2.0, 5.0, 0.0);
        assert!((FIRST_THREADS..before / 2).contains(&after), "{before}, then {after}");
    }

    #[test]
    fn no_thread_comes_in_where_no_processor_is_free_or_none_has_work() {
        assert_eq!(found(16, 2.0, 1e9, 1.0), 16);
        assert!(found(16, 2.0, 1e9, 0.02) <= 64);
        let second = Duration::from_secs(1);
        let load = Load { threads: 16, is_full: false };
        assert_eq!(signs(load, second, second).threads(), 16);
    }

    #[test]
    fn no_thread_comes_in_for_entries_that_take_no_round_trip() {
        let load = Load { threads: 16, is_full: true };
        let milliseconds = Duration::from_millis;
        assert_eq!(signs(load, milliseconds(10), milliseconds(9)).threads(), 16);
        assert_eq!(signs(load, milliseconds(10), milliseconds(90)).threads(), 64);
    }

    #[test]
    fn the_farther_the_server_the_more_threads_come_in_at_once() {
        let load = Load { threads: 16, is_full: true };
        let after = |milliseconds| {
            let round_trip = Duration::from_millis(milliseconds);
            Signs { waiting: 0.5, ..signs(load, round_trip, 9 * round_trip) }.threads()
        };
        assert_eq!([0, 1, 3, 4, 30].map(after), [16, 32, 32, 64, 64]);
    }

    #[test]
    fn it_is_decided_once_each_server_has_answered_twice() {
        let mut width = Width::default();
        let load = Load { threads: 16, is_full: true };
        assert_eq!(width.next(load, 0, &[]), 16);
        let quickest = Duration::from_millis(2);
        let mut answers = [Answers { quickest, latest: quickest, ..Answers::default() }; 2];
        let mut threads = Vec::new();
        for (first, second) in [(1, 0), (2, 1), (3, 1), (3, 2), (3, 2), (4, 3)] {
            (answers[0].count, answers[1].count) = (first, second);
            width.processors.used = Duration::MAX;
            width.decided = Instant::now().checked_sub(quickest);
            threads.push(width.next(load, 0, &answers));
        }
        assert_eq!(threads, [16, 16, 16, 32, 16, 16]);
    }
}
