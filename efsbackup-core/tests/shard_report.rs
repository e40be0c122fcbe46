//! What a shared run reports is what one process reports: counts, bytes, errors, and a line for
//! each entry that something was done to.

#![cfg(feature = "shard")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::repository::{at, repository};
use common::user::{as_a_user, set_mode};
use common::{Entry, Tree, assert_same, dir, fifo, file, hardlink, symlink};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Action, EntryEvent, Fsync, Jobs, Listener, Options, Report};
use efsbackup_core::shard::{Cost, Plan, PlanOptions};
use efsbackup_core::snapshot::{Backup, BackupOptions, BackupReport, Repository, State};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

/// A megabyte costs as much as an entry.
const COST: Cost = Cost { entry_seconds: 0.01, bytes_per_second: 1e8 };
const UNITS: usize = 9;

/// What `--itemize` writes.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Listener for Lines {
    fn entry(&self, event: &EntryEvent<'_>) {
        if !matches!(event.action, Action::Unchanged | Action::Vanished | Action::Failed) {
            self.0.lock().unwrap().push(format!("{} {}", event.itemize, event.path));
        }
    }
}

impl Lines {
    fn sorted(self) -> Vec<String> {
        let mut lines = self.0.into_inner().unwrap();
        lines.sort();
        lines
    }
}

fn job<'r>(repository: &'r Repository, source: &Path, lines: &'r Lines) -> Backup<'r> {
    let mut options = BackupOptions::default();
    options.mirror.fsync = Fsync::None;
    // With several threads chance decides which of a file's names is copied and which linked.
    options.mirror.jobs = Jobs::Count(1);
    repository.backup(source).options(options).listener(lines)
}

fn alone(source: &Path, root: &Path) -> (BackupReport, Vec<String>) {
    let (repository, lines) = (repository(root), Lines::default());
    (job(&repository, source, &lines).run().unwrap(), lines.sorted())
}

fn shared(source: &Path, root: &Path) -> (BackupReport, Vec<String>) {
    let (repository, lines) = (repository(root), Lines::default());
    let begun = job(&repository, source, &lines).begin().unwrap();
    let mut how = PlanOptions::default();
    (how.units, how.cost) = (UNITS, Some(COST));
    let plan = Plan::new(&begun, source, &Options::default(), &how, &CancelToken::new()).unwrap();
    assert!(plan.units.len() > 2);
    let copy = |range| job(&repository, source, &lines).unit(&plan.run, range).unwrap();
    let copied: Vec<_> = plan.units.iter().rev().map(|unit| copy(&unit.range)).collect();
    let done = job(&repository, source, &lines).finish(begun, &copied).unwrap();
    (done, lines.sorted())
}

fn errors(report: &Report) -> Vec<String> {
    let told = report.errors.iter();
    let mut told: Vec<_> =
        told.map(|one| format!("{} {} {:?} {:?}", one.path, one.op, one.kind, one.errno)).collect();
    told.sort();
    assert_eq!(report.errors_total, told.len() as u64);
    told
}

/// Makes the next snapshot of `source` by one process and by several, each in a repository of its
/// own below `place`, and compares what is told of them.
fn assert_as_one(place: &Path, state: State) -> BackupReport {
    let (source, many_root) = (place.join("source"), place.join("many"));
    let (one, of_one) = alone(&source, &place.join("one"));
    let (many, of_many) = shared(&source, &many_root);
    assert_eq!(of_many, of_one);
    assert_eq!(errors(&many.report), errors(&one.report));
    assert_eq!(many.report.entries, one.report.entries);
    assert_eq!(many.report.bytes, one.report.bytes);
    assert_eq!(many.report.outcome, one.report.outcome);
    let [one_snapshot, snapshot] = [&one, &many].map(|done| done.snapshot.as_ref().unwrap());
    assert_eq!((snapshot.state, one_snapshot.state), (state, state));
    assert_eq!(snapshot.entries, one_snapshot.entries);
    let verified = repository(&many_root).verify(&snapshot.id).run().unwrap();
    assert!(verified.is_good(), "{:?}", verified.differences);
    if state == State::Complete {
        assert_same(&source, &at(&many_root, &snapshot.id));
    }
    many
}

/// Names of one file all over it, and what no permission stops yet.
fn tree() -> Tree {
    tree! {
        "a" => dir(tree! {
            "deep" => many(),
            "first" => file("linked"),
            "locked" => dir(tree! { "f" => file("f") }),
        }),
        "m" => dir(tree! { "pipe" => fifo(), "second" => hardlink("a/first"), "wide" => many() }),
        "secret" => file("secret"),
        "z" => dir(tree! {
            "last" => many(),
            "third" => hardlink("a/first"),
            "to" => symlink("../a/first"),
        }),
    }
}

fn many() -> Entry {
    let name = |number: u8| vec![b'0' + number / 10, b'0' + number % 10];
    dir(Tree((0..15).map(|number| (name(number), file([number]))).collect()))
}

#[test]
fn a_shared_run_reports_what_one_process_reports() {
    as_a_user(&tree(), |place| {
        let source = place.join("source");
        // It is cut: 70 MiB of it, but for holes.
        let image = File::create(source.join("m/image")).unwrap();
        image.set_len(70 << 20).unwrap();
        image.write_all_at(&vec![7; 9 << 20], 20 << 20).unwrap();
        let first = assert_as_one(place, State::Complete);
        assert_eq!(first.report.entries.created.hardlink, 2);
        assert_eq!(first.report.bytes.copied, (9 << 20) + 58);

        // Nothing changed.
        let linked = assert_as_one(place, State::Complete);
        assert_eq!(linked.report.entries.created.file, 0);

        // Some is new, changed, another thing, or gone.
        fs::remove_dir_all(source.join("m/wide")).unwrap();
        fs::remove_file(source.join("z/last/03")).unwrap();
        fs::write(source.join("a/deep/04"), "changed").unwrap();
        fs::create_dir(source.join("z/new")).unwrap();
        fs::write(source.join("z/new/file"), "new").unwrap();
        fs::hard_link(source.join("z/new/file"), source.join("a/new-name")).unwrap();
        set_mode(&source.join("z"), 0o711);
        image.write_all_at(b"changed", 60 << 20).unwrap();
        assert_as_one(place, State::Complete);

        // Some can't be read.
        set_mode(&source.join("a/locked"), 0o000);
        set_mode(&source.join("secret"), 0o000);
        set_mode(&source.join("z/last"), 0o300);
        set_mode(&source.join("m/image"), 0o000);
        let partial = assert_as_one(place, State::Partial);
        assert_eq!(partial.report.entries.failed.total(), 4, "{:?}", partial.report.errors);
        for folder in ["a/locked", "z/last"] {
            set_mode(&source.join(folder), 0o700);
        }
    });
}
