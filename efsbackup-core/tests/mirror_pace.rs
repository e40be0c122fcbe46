//! How fast a run may be: limits of bytes and operations a second, and waiting that cancelling
//! ends. Time stands still here but for the waits, so each says exactly how long they were.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, Tree, assert_same, dir, file, hardlink, sparse};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::testing::{Faults, Time};
use efsbackup_core::mirror::{Fsync, Jobs, MaxDelete, Mirror, Options, Outcome, Report};
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

/// A tenth of a second's worth may come at once.
const BURST: Duration = Duration::from_millis(100);

fn mirror(source: &Path, destination: &Path, change: impl Fn(&mut Options)) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.max_delete = MaxDelete::Percent(100);
    options.fsync = Fsync::None;
    change(&mut options);
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    report.into_result().unwrap()
}

/// Three large and a hundred small files, 3,210,000 bytes of content and a hole.
fn source() -> Tree {
    let mut tree = tree! {
        "large" => file(vec![1; 1_000_000]), "too" => file(vec![2; 2_000_000]),
        "same" => hardlink("too"), "hole" => sparse(100 << 20, &[(50 << 20, &[3; 10_000])]),
    };
    let small = |n: u8| (vec![b'a', n], file(vec![n; 2_000]));
    tree.0.push((b"small".to_vec(), dir(Tree((100..200).map(small).collect()))));
    tree
}

/// The run waited as long as the whole amount takes at the rate. (With more threads it may be
/// longer here: while one works, the others' waits let the time go on.)
#[track_caller]
fn assert_paid(waited: Duration, jobs: usize, amount: u64, rate: u64, free: u64) {
    let least = amount.saturating_sub(free) as f64 / rate as f64 - BURST.as_secs_f64();
    let due = amount as f64 / rate as f64;
    let waited = waited.as_secs_f64();
    assert!(waited >= least, "{waited} s, due {due} s");
    // Whoever waits looks up every 20 ms.
    assert!(jobs > 1 || waited <= due + 0.02, "{waited} s, due {due} s");
}

#[test]
fn bytes_a_second_hold_for_all_threads_together() {
    for jobs in [1, 8] {
        let scratch = Scratch::new();
        let source = scratch.build("source", &source());
        let destination = scratch.path("destination");
        let limit = |options: &mut Options| {
            options.jobs = Jobs::Count(jobs);
            options.limit_bytes = NonZeroU64::new(1_000);
        };
        let time = Time::stop();
        let copied = mirror(&source, &destination, limit).bytes.copied;
        // A file system may give data back in whole blocks.
        assert!((3_210_000..3_220_000).contains(&copied), "{copied} bytes");
        assert_paid(time.waited(), jobs, copied, 1_000, 0);
        drop(time);
        assert_same(&source, &destination);
        // What is only looked at costs nothing; what is compared costs as much.
        let time = Time::stop();
        mirror(&source, &destination, limit);
        assert_eq!(time.waited(), Duration::ZERO);
        drop(time);
        let time = Time::stop();
        mirror(&source, &destination, |options| {
            limit(options);
            options.checksum = true;
        });
        assert_paid(time.waited(), jobs, 3_200_000 + (100 << 20), 1_000, 0);
    }
}

#[test]
fn operations_a_second_are_all_calls_of_all_threads() {
    for jobs in [1, 8] {
        let scratch = Scratch::new();
        let source = scratch.build("source", &source());
        let destination = scratch.path("destination");
        let extra = Tree((0..50).map(|n| (format!("extra {n}").into(), file(""))).collect());
        scratch.build("destination", &tree! { "gone" => dir(extra) });
        // To copy and delete, then to find nothing to do.
        for least in [1_000, 300] {
            let time = Time::stop();
            mirror(&source, &destination, |options| {
                options.jobs = Jobs::Count(jobs);
                options.limit_ops = NonZeroU64::new(10);
            });
            assert!(time.calls() > least, "{} calls", time.calls());
            // What opens both roots and ends the run is not held back.
            assert_paid(time.waited(), jobs, time.calls(), 10, 100);
        }
    }
}

#[test]
fn without_limits_nothing_waits() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &source());
    let time = Time::stop();
    mirror(&source, &scratch.path("destination"), |_| {});
    assert_eq!(time.waited(), Duration::ZERO);
}

#[test]
fn cancelling_and_stop_after_end_a_wait() {
    // Time goes on here: no other test may stop it.
    let _turn = Faults::none();
    let scratch = Scratch::new();
    let source = scratch.build("source", &source());
    let mut options = Options::default();
    // A year for this tree.
    options.limit_bytes = NonZeroU64::new(1);
    options.limit_ops = NonZeroU64::new(1);
    options.fsync = Fsync::None;
    let token = CancelToken::new();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            token.cancel();
        });
        let mirror = Mirror::new(&source, scratch.path("cancelled")).options(options.clone());
        mirror.cancel(&token).run().unwrap()
    });
    assert_eq!(report.outcome, Outcome::Cancelled);
    // The file in hand is finished, at the rate given.
    (options.limit_bytes, options.limit_ops) = (None, NonZeroU64::new(100));
    options.stop_after = Some(Duration::from_millis(50));
    let report = Mirror::new(&source, scratch.path("stopped")).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Unfinished);
}
