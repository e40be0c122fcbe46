//! Verifying a snapshot against its manifest.

use super::bad::BadList;
use super::compare::{self, Groups};
use super::look::look;
use super::manifest::ManifestEntry;
use super::manifest_reader::ManifestReader;
use super::record_tree::Wanted;
use super::repair::Repair;
use super::store::Store;
use super::verify::{Difference, DifferenceKind, Verification};
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::mirror::FileKind;
use crate::progress::Observer;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A snapshot and what was kept of it.
pub(super) struct Subject<'a> {
    pub(super) store: &'a Store,
    pub(super) id: &'a str,
    /// The hash that the record names, in hexadecimal digits.
    pub(super) recorded: Option<String>,
    /// What else of it is damaged, in words.
    pub(super) damaged: Vec<String>,
    /// The share of the files whose content is read, in percent.
    pub(super) sample: Option<f64>,
    /// The tree from which damaged entries are made anew.
    pub(super) repair: Option<&'a Path>,
}

impl Subject<'_> {
    /// Looks at everything in the snapshot and compares it with the manifest. The damaged
    /// files found are noted for later backups.
    pub(super) fn verify(
        &self,
        mut manifest: ManifestReader<BufReader<File>>,
        cancel: &CancelToken,
        observer: Option<&mut dyn Observer>,
    ) -> Result<Verification> {
        let path = self.store.dir.path.join(self.id);
        let wanted = self.sample.map(sampler);
        let coverage = manifest.coverage();
        let (mut now, report) = look(self.store, &path, coverage, wanted, cancel, observer)?;
        let mut found = Found { keeps_broken: self.repair.is_some(), ..Found::default() };
        for what in &self.damaged {
            found.add(BytePath::default(), DifferenceKind::Corrupted, what);
        }
        let mut groups = Groups::new(&self.store.records);
        let compared = compare::side_by_side(&mut manifest, &mut now, |want, have| {
            // Of what was taken from an older snapshot nobody knows which names were one file.
            if let (Some(want), Some(have)) = (&want, &have)
                && want.kind != FileKind::Dir
                && !want.stale
            {
                groups.push(want, have)?;
            }
            found.compare(want, have);
            Ok(())
        });
        match compared {
            Ok(()) => {}
            // What is damaged has no errno.
            Err(error) if error.errno().is_none() => found.of_manifest(&error),
            Err(error) => return Err(error),
        }
        groups.finish(|path| found.add(path, DifferenceKind::Metadata, "hard links differ"))?;
        let hash = manifest.hash().map(|hash| data_encoding::HEXLOWER.encode(&hash));
        if hash.is_some() && self.recorded.is_some() && hash != self.recorded {
            found.add(
                BytePath::default(),
                DifferenceKind::Corrupted,
                "the manifest is not the one that was recorded",
            );
        }
        let unrecorded = self.note(&found).err();
        let mut unrepaired = None;
        if let Some(source) = self.repair
            && !found.broken.is_empty()
        {
            let repair = Repair { store: self.store, id: self.id, source, coverage, cancel };
            let broken = std::mem::take(&mut found.broken);
            unrepaired = repair.run(&broken, |path| found.repaired(path)).err();
        }
        found.first.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Verification {
            report,
            differences: found.first,
            differences_total: found.total,
            repaired: found.repaired,
            unrepaired,
            contents_compared: true,
            files_read: found.read,
            files_without_digest: found.unknown,
            unrecorded,
        })
    }

    /// Notes the damaged files. What an earlier look found stays on the list while it was
    /// not read again.
    fn note(&self, found: &Found) -> Result<()> {
        let earlier = BadList::read(self.store, self.id)?;
        let mut list = BTreeMap::new();
        if self.sample.is_some() {
            list.extend(earlier.0.clone());
        }
        let root = self.store.dir.path.join(self.id);
        for path in &found.bad {
            let inode = std::fs::symlink_metadata(root.join(path.as_path()));
            list.insert(path.clone(), inode.map(|meta| meta.ino()).unwrap_or_default());
        }
        match list == earlier.0 {
            true => Ok(()),
            false => BadList(list).write(self.store, self.id),
        }
    }
}

/// Chooses `percent` of all paths, others in each run.
fn sampler(percent: f64) -> Wanted {
    let state = RandomState::new();
    let limit = (percent / 100.0 * u64::MAX as f64) as u64;
    Box::new(move |path| state.hash_one(path) <= limit)
}

/// What was found so far.
#[derive(Default)]
struct Found {
    first: Vec<Difference>,
    total: u64,
    read: u64,
    unknown: u64,
    repaired: u64,
    bad: Vec<BytePath>,
    /// How the entries should be that are not, if anybody asked.
    broken: Vec<ManifestEntry>,
    keeps_broken: bool,
    closed: HashSet<BytePath>,
}

impl Found {
    fn compare(&mut self, want: Option<ManifestEntry>, have: Option<ManifestEntry>) {
        match (want, have) {
            (Some(want), Some(have)) => self.both(want, &have),
            (Some(want), None) if self.is_closed(&want.path) => {}
            (Some(want), None) => {
                self.breaks(&want);
                self.add(want.path, DifferenceKind::Missing, "missing");
            }
            (None, Some(have)) => self.add(have.path, DifferenceKind::Extra, "not in the manifest"),
            (None, None) => {}
        }
    }

    fn both(&mut self, want: ManifestEntry, have: &ManifestEntry) {
        if have.unreadable {
            self.breaks(&want);
            if have.kind == FileKind::Dir {
                self.closed.insert(want.path.clone());
            } else {
                self.bad.push(want.path.clone());
            }
            return self.add(want.path, DifferenceKind::Corrupted, "can't be read");
        }
        if want.kind == FileKind::File {
            self.unknown += u64::from(want.digest.is_none());
            self.read += u64::from(want.digest.is_some() && have.digest.is_some());
        }
        let content = compare::content(&want, have);
        if !content.is_empty() {
            self.breaks(&want);
            if want.kind == FileKind::File {
                self.bad.push(want.path.clone());
            }
            return self.add(want.path, DifferenceKind::Corrupted, &words(&content));
        }
        let metadata = compare::metadata(&want, have);
        if !metadata.is_empty() {
            self.breaks(&want);
            self.add(want.path, DifferenceKind::Metadata, &words(&metadata));
        }
    }

    /// Whether the path is in a directory that can't be read.
    fn is_closed(&self, path: &BytePath) -> bool {
        !self.closed.is_empty()
            && path.as_path().ancestors().skip(1).any(|above| self.closed.contains(&above.into()))
    }

    fn of_manifest(&mut self, error: &Error) {
        let what = format!("the manifest: {}", error.message());
        self.add(BytePath::default(), DifferenceKind::Corrupted, &what);
    }

    fn breaks(&mut self, want: &ManifestEntry) {
        if self.keeps_broken {
            self.broken.push(want.clone());
        }
    }

    fn repaired(&mut self, path: &BytePath) {
        self.repaired += 1;
        for difference in self.first.iter_mut().filter(|found| found.path == *path) {
            difference.repaired = true;
        }
    }

    fn add(&mut self, path: BytePath, kind: DifferenceKind, what: &str) {
        self.total += 1;
        if self.first.len() < Verification::MAX_DIFFERENCES {
            self.first.push(Difference { path, kind, what: what.to_owned(), repaired: false });
        }
    }
}

fn words(what: &[&str]) -> String {
    match what {
        [one] => format!("{one} differs"),
        several => format!("{} differ", several.join(", ")),
    }
}
