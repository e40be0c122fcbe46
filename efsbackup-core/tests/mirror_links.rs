//! Files with several names that are too many to be kept in memory: what went to disk is as
//! good as what did not.

#![cfg(all(feature = "mirror", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::random::Random;
use common::{Scratch, differences, read};
use efsbackup_core::mirror::testing::{Faults, Forgetful};
use efsbackup_core::mirror::{
    ContentHasher, Digest, EntryEvent, Jobs, LinkSource, Listener, Mirror, Options, Outcome,
    Report, Settled, Trust,
};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much is kept in memory holds for the whole process.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const DIRECTORIES: usize = 12;

/// Every file has three names in as many directories; every fourth one more outside the tree.
fn build(scratch: &Scratch) {
    let (source, outside) = (scratch.path("source"), scratch.path("outside"));
    fs::create_dir(&source).unwrap();
    fs::create_dir(&outside).unwrap();
    let dir = |number: usize| source.join(format!("d{}", number % DIRECTORIES));
    for number in 0..DIRECTORIES {
        fs::create_dir(dir(number)).unwrap();
    }
    for number in 0..10 * DIRECTORIES {
        let name = format!("f{number}");
        let first = dir(number).join(&name);
        fs::write(&first, &name).unwrap();
        for further in [5, 7] {
            fs::hard_link(&first, dir(number + further).join(&name)).unwrap();
        }
        if number % 4 == 0 {
            fs::hard_link(&first, outside.join(&name)).unwrap();
        }
    }
}

fn mirror(source: &Path, destination: &Path, jobs: usize, last: Option<&Path>) -> Report {
    let mut options = Options::default();
    options.delete = true;
    options.jobs = Jobs::Count(jobs);
    options.link_sources =
        last.map(|last| LinkSource::new(last, Trust::Metadata)).into_iter().collect();
    let report = Mirror::new(source, destination).options(options).run().unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
    report
}

#[test]
fn groups_that_went_to_disk_are_linked_as_others() {
    let _turn = turn();
    let _forgetful = Forgetful::keeping(0);
    for jobs in [1, 8] {
        let scratch = Scratch::new();
        build(&scratch);
        let [source, copy, next] = ["source", "copy", "next"].map(|name| scratch.path(name));
        let report = mirror(&source, &copy, jobs, None);
        assert_eq!(differences(&source, &copy), "");
        assert_eq!(report.entries.created.file, 10 * DIRECTORIES as u64);
        let again = mirror(&source, &copy, jobs, None);
        assert_eq!(again.entries.unchanged.total(), again.entries.scanned.total());
        let linked = mirror(&source, &next, jobs, Some(&copy));
        assert_eq!(differences(&source, &next), "");
        assert_eq!(linked.bytes.copied, 0);
    }
}

#[test]
fn random_trees_are_exact_whatever_is_kept_in_memory() {
    let _turn = turn();
    for seed in 0..12 {
        let _forgetful = Forgetful::keeping([0, 64, 200][seed as usize % 3]);
        let scratch = Scratch::new();
        let mut random = Random::new(seed, scratch.path("").as_path());
        let source = scratch.build("source", &random.tree(8, 4));
        let (copy, next) = (scratch.path("copy"), scratch.path("next"));
        for _ in 0..3 {
            mirror(&source, &copy, 4, None);
            assert_eq!(differences(&source, &copy), "", "seed {seed}");
            random.edit(&source, 12);
        }
        let before = read(&copy);
        mirror(&source, &next, 4, Some(&copy));
        assert_eq!(differences(&source, &next), "", "seed {seed}");
        assert!(before == read(&copy), "seed {seed}: the link source changed");
    }
}

/// Two files of the source that were one at the time of the last run.
#[test]
fn inodes_that_stay_are_told_apart_from_disk_too() {
    let _turn = turn();
    let _forgetful = Forgetful::keeping(0);
    let scratch = Scratch::new();
    build(&scratch);
    let (source, copy) = (scratch.path("source"), scratch.path("copy"));
    mirror(&source, &copy, 4, None);
    for number in 0..10 * DIRECTORIES {
        let name = format!("f{number}");
        let path = source.join(format!("d{}", number % DIRECTORIES)).join(&name);
        let mtime = fs::metadata(&path).unwrap().modified().unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &name).unwrap();
        fs::File::open(&path).unwrap().set_modified(mtime).unwrap();
    }
    mirror(&source, &copy, 4, None);
    assert_eq!(differences(&source, &copy), "");
}

/// The link source's inode is full at the `full`-th link; the directories before are done.
#[test]
fn a_group_that_moves_to_a_new_inode_leaves_directories_as_they_were() {
    let _turn = turn();
    for (keeping, full) in [(0, 1), (0, 8), (1 << 20, 1), (1 << 20, 8)] {
        let _forgetful = Forgetful::keeping(keeping);
        let scratch = Scratch::new();
        let source = scratch.path("source");
        for number in 0..DIRECTORIES {
            let dir = source.join(format!("d{number:02}/below"));
            fs::create_dir_all(&dir).unwrap();
            match number {
                0 => fs::write(dir.join("name"), "group").unwrap(),
                _ => fs::hard_link(source.join("d00/below/name"), dir.join("name")).unwrap(),
            }
        }
        let (copy, next) = (scratch.path("copy"), scratch.path("next"));
        mirror(&source, &copy, 1, None);
        let faults = Faults::of("linkat", full, 1, Errno::MLINK.raw_os_error());
        mirror(&source, &next, 1, Some(&copy));
        assert_eq!(faults.failed(), ["linkat"]);
        drop(faults);
        assert_eq!(differences(&source, &next), "", "{keeping} kept, full at {full}");
    }
}

/// Counts bytes: enough to tell the contents of these tests apart.
struct Length(u64);

impl ContentHasher for Length {
    fn update(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }

    fn finish(self: Box<Self>) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.0.to_le_bytes());
        digest
    }
}

/// By path: the group's number, and all else that is told.
#[derive(Default)]
struct Record(Mutex<BTreeMap<String, (Option<u64>, String)>>);

impl Listener for Record {
    fn entry(&self, _: &EntryEvent<'_>) {}

    fn keeps_record(&self) -> bool {
        true
    }

    fn hasher(&self, _: &efsbackup_core::bytepath::BytePath) -> Option<Box<dyn ContentHasher>> {
        Some(Box::new(Length(0)))
    }

    fn settled(&self, entry: &Settled<'_>) {
        let mut bare = entry.clone();
        bare.group = None;
        let told = format!("{bare:?}");
        let mut record = self.0.lock().unwrap();
        assert!(record.insert(entry.path.to_string(), (entry.group, told)).is_none());
    }
}

impl Record {
    /// The same with each group's number replaced by the first path that has it.
    fn by_path(self) -> BTreeMap<String, (Option<String>, String)> {
        let mut first = HashMap::new();
        let record = self.0.into_inner().unwrap().into_iter();
        record
            .map(|(path, (group, told))| {
                let group = group.map(|group| first.entry(group).or_insert(path.clone()).clone());
                (path, (group, told))
            })
            .collect()
    }
}

#[test]
fn a_record_tells_of_groups_from_disk_as_of_others() {
    let _turn = turn();
    let scratch = Scratch::new();
    build(&scratch);
    for (number, entry) in walk(&scratch.path("source")).iter().enumerate() {
        rustix::fs::setxattr(entry, "user.n", &[number as u8], rustix::fs::XattrFlags::empty())
            .unwrap();
    }
    let record = |keeping, to: &str| {
        let _forgetful = Forgetful::keeping(keeping);
        let record = Record::default();
        let to = scratch.path(to);
        let report = Mirror::new(scratch.path("source"), &to).listener(&record).run().unwrap();
        assert_eq!(report.outcome, Outcome::Complete, "{:?}", report.errors);
        assert_eq!(fs::metadata(to.join("d0/f0")).unwrap().nlink(), 3);
        record.by_path()
    };
    let told = record(0, "from disk");
    assert!(told.values().filter(|(group, _)| group.is_some()).count() == 30 * DIRECTORIES);
    assert_eq!(told, record(1 << 20, "from memory"));
}

/// All regular files below a directory.
fn walk(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}
