//! What a mirror does when it must not, cannot, or is told to stop: guards, errors, cancel.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::random::Random;
use common::{Scratch, Tree, assert_same, dir, file, probe, read};
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::mirror::{Jobs, MaxDelete, Mirror, Options, Outcome};
use efsbackup_core::progress::Progress;
use efsbackup_core::{ErrorKind, Result};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

fn deleting() -> Options {
    let mut options = Options::default();
    options.delete = true;
    options
}

/// A directory of `count` files named 0, 1, ….
fn files(count: usize, content: &[u8]) -> Tree {
    Tree((0..count).map(|n| (n.to_string().into_bytes(), file(content))).collect())
}

#[test]
fn a_missing_source_is_an_error_and_makes_nothing() {
    let scratch = Scratch::new();
    let destination = scratch.path("destination");
    let error = Mirror::new(scratch.path("none"), &destination).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("none"), "{error}");
    assert!(!destination.exists());
}

#[test]
fn a_missing_parent_of_the_destination_is_an_error() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "f" => file("x") });
    let error = Mirror::new(&source, scratch.path("none/destination")).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn an_empty_source_deletes_nothing_unless_allowed() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! {});
    let destination = scratch.build("destination", &tree! { "precious" => file("x") });
    let before = read(&destination);
    let error = Mirror::new(&source, &destination).options(deleting()).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SafetyStop);
    assert!(before == read(&destination));

    let mut options = deleting();
    options.allow_empty = true;
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete);
    assert_same(&source, &destination);
}

#[test]
fn above_max_delete_everything_is_copied_and_nothing_deleted() {
    for (max_delete, present, withheld) in [
        (MaxDelete::Count(2), 3, true),
        (MaxDelete::Count(3), 3, false),
        (MaxDelete::Percent(50), 200, true),
        // A share counts only once there are over 100 entries.
        (MaxDelete::Percent(50), 90, false),
    ] {
        let scratch = Scratch::new();
        let source = scratch.build("source", &tree! { "new" => file("x") });
        let destination = scratch.build("destination", &files(present, b"old"));
        let mut options = deleting();
        options.max_delete = max_delete;
        let report = Mirror::new(&source, &destination).options(options).run().unwrap();
        assert_eq!(fs::read(destination.join("new")).unwrap(), b"x");
        let left = fs::read_dir(&destination).unwrap().count();
        if withheld {
            assert_eq!((report.outcome, report.exit_status()), (Outcome::Withheld, 25));
            assert_eq!((report.entries.deleted.total(), left), (0, present + 1));
        } else {
            assert_eq!((report.outcome, report.exit_status()), (Outcome::Complete, 0));
            assert_eq!((report.entries.deleted.total(), left), (present as u64, 1));
        }
    }
}

#[test]
fn a_dry_run_tells_all_and_changes_nothing() {
    for seed in 200..208 {
        let scratch = Scratch::new();
        let mut random = Random::new(seed, &scratch.path(""));
        let tree = random.tree(8, 3);
        let source = scratch.build("source", &tree);
        let destination = scratch.build("destination", &tree);
        random.edit(&source, 20);
        random.edit(&destination, 20);
        let before = read(&destination);
        let mut options = deleting();
        options.allow_empty = true;
        options.max_delete = MaxDelete::Percent(100);
        options.dry_run = true;
        // Which name of several is met first is chance with more threads, and counts.
        options.jobs = Jobs::Count(1);
        let dry = Mirror::new(&source, &destination).options(options.clone()).run().unwrap();
        assert!(before == read(&destination), "seed {seed}: a dry run changed the destination");
        options.dry_run = false;
        let wet = Mirror::new(&source, &destination).options(options).run().unwrap();
        assert_eq!(dry.entries, wet.entries, "seed {seed}");
    }
}

#[test]
fn a_dry_run_into_a_missing_destination_makes_nothing() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &files(3, b"x"));
    let destination = scratch.path("destination");
    let report = Mirror::new(&source, &destination).dry_run(true).run().unwrap();
    assert_eq!(report.entries.created.file, 3);
    assert!(!destination.exists());
}

/// Runs `work` on a thread whose user is `nobody`; only that thread and those it starts.
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set_thread_groups(&[]).unwrap();
            set_thread_gid(Gid::from_raw(65_534)).unwrap();
            set_thread_uid(Uid::from_raw(65_534)).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// A directory that any user can reach, with these two trees owned by `nobody`.
fn reachable(source: &Tree, destination: &Tree) -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    fs::set_permissions(base.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    common::build::build(&base.path().join("source"), source);
    common::build::build(&base.path().join("destination"), destination);
    for name in ["source", "destination"] {
        std::os::unix::fs::chown(base.path().join(name), Some(65_534), Some(65_534)).unwrap();
    }
    base
}

#[test]
fn below_an_unreadable_directory_nothing_is_deleted() {
    if !probe::root() {
        return;
    }
    let base = reachable(
        &tree! { "closed" => dir(tree! { "a" => file("a") }).mode(0o700), "open" => file("new") },
        &tree! {
            "closed" => dir(tree! { "a" => file("a"), "only here" => file("b") }).owner(65_534, 65_534),
            "extra" => file("x"),
        },
    );
    let (source, destination) = (base.path().join("source"), base.path().join("destination"));
    let report =
        as_nobody(|| Mirror::new(&source, &destination).options(deleting()).run().unwrap());
    assert_eq!(report.exit_status(), 23, "{:?}", report.errors);
    assert!(report.errors.iter().any(
        |error| error.kind == ErrorKind::PermissionDenied && error.path.as_bytes() == b"closed"
    ));
    assert!(destination.join("closed/only here").exists(), "deleted what could not be judged");
    assert!(destination.join("closed/a").exists());
    // Elsewhere deletion goes on.
    assert!(!destination.join("extra").exists());
    assert_eq!(fs::read(destination.join("open")).unwrap(), b"new");
}

#[test]
fn an_unreadable_file_fails_alone_and_keeps_its_old_copy() {
    if !probe::root() {
        return;
    }
    let base = reachable(
        &tree! { "closed" => file("secret").mode(0o600), "open" => file("new").owner(65_534, 65_534) },
        &tree! { "closed" => file("old").owner(65_534, 65_534) },
    );
    let (source, destination) = (base.path().join("source"), base.path().join("destination"));
    let report =
        as_nobody(|| Mirror::new(&source, &destination).options(deleting()).run().unwrap());
    assert_eq!(report.exit_status(), 23);
    assert_eq!(report.entries.failed.file, 1);
    assert_eq!(report.errors_total, 1, "{:?}", report.errors);
    assert_eq!(fs::read(destination.join("closed")).unwrap(), b"old");
    assert_eq!(fs::read(destination.join("open")).unwrap(), b"new");
}

#[test]
fn a_full_destination_is_told_and_leaves_no_torn_file() {
    if !probe::root() {
        return;
    }
    let scratch = Scratch::new();
    let content = [7; 300_000];
    let source = scratch.build("source", &files(10, &content));
    let Some(mount) = probe::Mount::tmpfs(&scratch.path("full"), 1 << 20) else { return };
    let destination = mount.path().join("destination");
    let report = Mirror::new(&source, &destination).options(deleting()).run().unwrap();
    // Every further file would meet the same, so the run ends there.
    assert_eq!((report.outcome, report.exit_status()), (Outcome::Failed, 1));
    assert_eq!(report.errors[0].kind, ErrorKind::NoSpace);
    assert!(!report.errors[0].path.is_empty());
    for entry in fs::read_dir(&destination).unwrap() {
        let entry = entry.unwrap();
        assert!(source.join(entry.file_name()).exists(), "left behind: {:?}", entry.file_name());
        assert!(fs::read(entry.path()).unwrap() == content, "torn: {:?}", entry.file_name());
    }
}

/// A run that ended because it was told to; what it says must be so.
fn cancelled(result: Result<efsbackup_core::mirror::Report>) {
    match result {
        Ok(report) => assert_eq!((report.outcome, report.exit_status()), (Outcome::Cancelled, 130)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
    }
}

#[test]
fn a_cancelled_token_stops_before_anything_is_deleted() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &files(3, b"x"));
    let destination = scratch.build("destination", &tree! { "extra" => file("x") });
    let token = CancelToken::new();
    token.cancel();
    cancelled(Mirror::new(&source, &destination).options(deleting()).cancel(&token).run());
    assert!(destination.join("extra").exists());
}

#[test]
fn a_cancelled_run_continued_ends_equal() {
    let scratch = Scratch::new();
    // Enough that the first sign of progress comes before the end.
    let tree = Tree(
        (0..40).map(|n| (format!("d{n}").into_bytes(), dir(files(100, &[1; 5000])))).collect(),
    );
    let source = scratch.build("source", &tree);
    let destination = scratch.path("destination");
    let mut seen = 0;
    let mut stop = |progress: &Progress| {
        seen = progress.entries;
        if progress.entries > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = Mirror::new(&source, &destination).options(deleting()).progress(&mut stop).run();
    if read(&destination).len() < read(&source).len() {
        cancelled(result);
    }
    assert!(seen > 0);
    let report = Mirror::new(&source, &destination).options(deleting()).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete);
    assert_same(&source, &destination);
}

#[test]
fn stopped_by_time_nothing_is_deleted_and_the_next_run_continues() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &files(50, &[1; 5000]));
    let destination = scratch.build("destination", &tree! { "extra" => file("x") });
    let mut options = deleting();
    options.stop_after = Some(Duration::ZERO);
    let report = Mirror::new(&source, &destination).options(options).run().unwrap();
    assert_eq!((report.outcome, report.exit_status()), (Outcome::Unfinished, 26));
    assert!(destination.join("extra").exists());
    Mirror::new(&source, &destination).options(deleting()).run().unwrap().into_result().unwrap();
    assert_same(&source, &destination);
}

#[test]
fn progress_only_grows_and_its_end_is_the_report() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &files(200, b"12345"));
    let mut all: Vec<Progress> = Vec::new();
    let mut keep = |progress: &Progress| {
        all.push(progress.clone());
        ControlFlow::Continue(())
    };
    let report =
        Mirror::new(&source, scratch.path("destination")).progress(&mut keep).run().unwrap();
    for pair in all.windows(2) {
        assert!(pair[0].entries <= pair[1].entries && pair[0].bytes <= pair[1].bytes);
        assert!(pair[0].bytes_written <= pair[1].bytes_written);
    }
    let last = all.last().expect("told at least once");
    assert_eq!(last.entries, report.entries.scanned.total());
    assert_eq!((last.bytes, last.bytes_written), (report.bytes.scanned, report.bytes.copied));
}

#[test]
fn a_mirror_of_what_cannot_be_written_to_fails_and_says_where() {
    if !probe::root() {
        return;
    }
    let base = reachable(&tree! { "a" => file("x").owner(65_534, 65_534) }, &tree! {});
    let (source, destination) = (base.path().join("source"), base.path().join("destination"));
    std::os::unix::fs::chown(&destination, Some(0), Some(0)).unwrap();
    let result = as_nobody(|| Mirror::new(&source, &destination).run());
    match result {
        Ok(report) => assert_eq!(report.exit_status(), 23),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
    }
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 0);
}

/// The path the tests use must not matter: relative ones and ones through links work.
#[test]
fn roots_may_be_symbolic_links() {
    let scratch = Scratch::new();
    let source = scratch.build("source", &tree! { "a" => file("x") });
    let destination = scratch.build("destination", &tree! {});
    let link = |name: &str, target: &Path| {
        std::os::unix::fs::symlink(target, scratch.path(name)).unwrap();
        scratch.path(name)
    };
    let (from, to) = (link("from", &source), link("to", &destination));
    Mirror::new(from, to).run().unwrap().into_result().unwrap();
    assert_same(&source, &destination);
}
