//! The power fails while a backup runs: the disk is copied in one step at random moments,
//! and each copy is started up as after a loss of power.
//!
//! The disk is a file on an XFS with reflinks, itself in a file. A copy has every write that
//! the file system has issued so far, in their order, and nothing of what is in its caches.

#![cfg(feature = "snapshot")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod common;

use common::compare::differences_of;
use common::crash::{Series, soak, wait};
use common::disk::{Mounted, can_mount, clone_at_once, make_image, mount};
use common::random::{Random, overwrite};
use common::repository::{at, folders, repository};
use common::{Scratch, differences, read};
use efsbackup_core::snapshot::State;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_run() {
    common::repository::run_as_child();
}

/// The same command in a world in which the machine was started anew.
fn after_a_restart(command: &Command, boot_id: &Path) -> Command {
    let script = r#"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#;
    let mut restarted = Command::new("unshare");
    restarted.args(["--mount", "sh", "-c", script]).arg(boot_id);
    restarted.arg(command.get_program()).args(command.get_args());
    restarted.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    restarted.stdout(Stdio::null());
    restarted
}

struct Lab {
    // Unmounted in this order.
    disk: Mounted,
    host: Mounted,
    scratch: Scratch,
    kind: &'static str,
    boot_id: PathBuf,
}

impl Lab {
    fn new(kind: &'static str) -> Option<Lab> {
        let scratch = Scratch::new();
        if !can_mount(&["xfs", "ext4"], &scratch.path("")) {
            return None;
        }
        let host = scratch.path("host.img");
        assert!(make_image(&host, "xfs", 3 << 30));
        let host = mount(&host, &scratch.path("host"), "").unwrap();
        let image = host.path().join("disk.img");
        assert!(make_image(&image, kind, 384 << 20));
        let disk = mount(&image, &scratch.path("disk"), "").unwrap();
        let boot_id = scratch.path("boot_id");
        fs::write(&boot_id, "01234567-89ab-cdef-0123-456789abcdef\n").unwrap();
        Some(Lab { disk, host, scratch, kind, boot_id })
    }

    fn cut_power(&self) -> PathBuf {
        let copy = self.host.path().join("copy.img");
        clone_at_once(&self.host.path().join("disk.img"), &copy);
        copy
    }

    /// Starts up what was left when the power failed during the run after `series`, which
    /// would have been called `next`. Whether that was there already.
    fn start_up(&self, copy: &Path, series: &Series, next: &str) -> bool {
        // Two file systems of one id are mounted at once.
        let options = if self.kind == "xfs" { "nouuid" } else { "" };
        let mounted = mount(copy, &self.scratch.path("copy"), options).expect("it must mount");
        let mut after = Series::new(&series.source, &mounted.path().join("root"));
        (after.now, after.lease) = (series.now, series.lease);
        let root = after.root.clone();
        let mut held = folders(&root);
        held.retain(|name| !name.starts_with('.'));
        let there = held.iter().any(|id| id == next);
        for id in &held {
            let snapshot = repository(&root).snapshot(id).unwrap();
            let report = repository(&root).report(id).unwrap().unwrap();
            assert_eq!(snapshot.state, State::Complete, "{id}: {:?}", report.errors);
            let found = repository(&root).verify(id).run().unwrap();
            assert!(found.is_good() && found.contents_compared, "{id}: {:?}", found.differences);
            assert!(id == next || series.known.contains_key(id), "{id} was never made");
            let source = || read(&series.source);
            let known = series.known.get(id).map_or_else(source, Clone::clone);
            let whole = differences_of(&known, &read(&at(&root, id)));
            assert!(whole.is_empty(), "{id}:\n{whole}");
        }
        // What was published before the power failed is durable.
        let last = series.known.keys().next_back();
        assert!(last.is_none_or(|last| held.contains(last)), "{last:?} is gone: {held:?}");

        let mut command = after_a_restart(&after.command(), &self.boot_id);
        let status = wait(&mut command.stderr(Stdio::inherit()).spawn().unwrap());
        assert!(status.success(), "the run after the restart failed");
        after.check_each(|id, _, _| {
            if !held.iter().any(|old| old == id) {
                let whole = differences(&series.source, &at(&root, id));
                assert!(whole.is_empty(), "{id}, after the restart:\n{whole}");
            }
        });
        after.assert_tidy();
        there
    }
}

fn power_may_fail_at_any_moment(kind: &'static str) {
    let Some(lab) = Lab::new(kind) else { return };
    let mut random = Random::new(11, &lab.scratch.path(""));
    random.max_target = 1024;
    let source = lab.scratch.build("source", &random.tree(16, 3));
    let write = |random: &mut Random, number: u32| {
        let length = 1 << random.rng.u32(10..18);
        overwrite(&mut random.rng, &source.join(format!("data{number}")), length);
    };
    (0..60).for_each(|number| write(&mut random, number));
    let mut series = Series::new(&source, &lab.disk.path().join("root"));
    series.lease = Duration::from_secs(1);
    let (copies, mut already, mut unfinished) = (if soak() { 110 } else { 3 }, 0, 0);
    let mut typical = Duration::from_millis(200);
    for copy in 0..copies {
        random.edit(&source, 8);
        for _ in 0..20 {
            let number = random.rng.u32(0..60);
            write(&mut random, number);
        }
        let next = series.now + jiff::SignedDuration::from_mins(1);
        let next = next.strftime("%Y-%m-%d-%H-%M").to_string();
        let started = Instant::now();
        let mut run = series.command().spawn().unwrap();
        std::thread::sleep(typical * random.rng.u32(0..110) / 100);
        let image = lab.cut_power();
        assert!(wait(&mut run).success(), "copy {copy}");
        typical = (typical * 3 + started.elapsed()) / 4;
        if copy > 0 || folders(&series.root).len() > 1 {
            let there = lab.start_up(&image, &series, &next);
            already += u32::from(there);
            unfinished += u32::from(!there);
        }
        series.check();
    }
    eprintln!(
        "{kind}: power failed {} times, {already} times after the snapshot got its name",
        already + unfinished
    );
    assert!(unfinished > 0 || !soak());
}

#[test]
fn r17_power_may_fail_at_any_moment_of_a_backup_to_ext4() {
    power_may_fail_at_any_moment("ext4");
}

#[test]
fn r17_power_may_fail_at_any_moment_of_a_backup_to_xfs() {
    power_may_fail_at_any_moment("xfs");
}
