//! Which file of the source stands for which inode that already was at the destination or in
//! a link source.
//!
//! Two different files of the source may have been one at the time of an earlier run. The
//! inode can stay with only one of them.
//!
//! A run may take millions of inodes from a link source, nearly all of them asked for once.
//! So only the last claims are kept: linking changes an inode's ctime, which tells of those
//! that were forgotten. Where nothing tells, they go to disk when they become many.

use super::disk_map::DiskMap;
use super::handle::FileId;
use super::meta::{Meta, Sync};
use super::options::Options;
use super::tree::Dir;
use super::unnamed::{number, put_number};
use rustix::fs::Mode;
use std::collections::HashMap;
use std::io::Result;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// In how many tables the claims are, so that threads seldom wait for each other.
const TABLES: usize = 8;

/// A time of an inode: seconds since 1970, and nanoseconds.
type Time = (i64, u32);

/// The claims of one run.
pub(super) struct Claims {
    /// How many claims to link sources make one turn of a table; its last two turns are kept.
    limit: usize,
    /// Where claims go that are too many to be kept in memory.
    folder: PathBuf,
    tables: [Mutex<Table>; TABLES],
    /// How many turns have ended, of all tables.
    turns: AtomicU64,
    /// What was linked by this run has this ctime or a later one, by the clock of the file
    /// system. `None` where that is not known.
    begin: Option<Time>,
    /// Whether a link was seen to change the ctime so.
    links_show: OnceLock<bool>,
}

#[derive(Default)]
struct Table {
    /// Inodes at the destination.
    kept: HashMap<FileId, FileId>,
    /// Inodes of link sources: those of this turn and of the one before.
    linked: [HashMap<FileId, FileId>; 2],
    /// Inodes of either that became too many.
    on_disk: Option<DiskMap>,
}

/// The answer to who wants an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Granted,
    /// It stands for another file, or may do so.
    Taken,
    /// What was known of the inode is too old.
    LookAgain,
}

impl Claims {
    /// The claims of a run that begins now. The root of the destination tells the time. About
    /// `limit` claims of a kind are kept in memory, the others in unnamed files in `folder`.
    pub(super) fn new(options: &Options, root: &Dir, limit: usize, folder: PathBuf) -> Claims {
        let asked = !options.dry_run && !options.link_sources.is_empty();
        Self::since(limit, folder, if asked { time(root) } else { None })
    }

    fn since(limit: usize, folder: PathBuf, begin: Option<Time>) -> Claims {
        Claims {
            limit: limit / TABLES / 2,
            folder,
            tables: std::array::from_fn(|_| Mutex::default()),
            turns: AtomicU64::new(0),
            begin,
            links_show: OnceLock::new(),
        }
    }

    /// Whether the destination's inode `have` may stay as the source's `source`: true for the
    /// first that asks, and again for that one.
    pub(super) fn keep(&self, have: &Meta, source: &Meta) -> Result<bool> {
        if have.nlink < 2 {
            return Ok(true);
        }
        let mut table = self.table(have.id);
        if let Some(answer) = self.known(&table, have, source)? {
            return Ok(answer == Answer::Granted);
        }
        if table.kept.len() >= self.limit {
            let kept = std::mem::take(&mut table.kept);
            self.store(&mut table, kept)?;
        }
        table.kept.insert(have.id, source.id);
        Ok(true)
    }

    /// To be called before an inode of a link source is looked at.
    pub(super) fn turn(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    /// Whether the link source's inode `have`, as it was in the turn `looked`, may stand for
    /// the source's `source`.
    pub(super) fn link(&self, have: &Meta, source: &Meta, looked: u64) -> Result<Answer> {
        if have.nlink < 2 {
            return Ok(Answer::Granted);
        }
        let mut table = self.table(have.id);
        if let Some(answer) = self.known(&table, have, source)? {
            return Ok(answer);
        }
        // A claim that was made since then may be forgotten already.
        if self.turn() >= looked + 2 {
            return Ok(Answer::LookAgain);
        }
        table.linked[0].insert(have.id, source.id);
        if table.linked[0].len() >= self.limit {
            if self.links_show.get() == Some(&true) {
                table.linked.swap(0, 1);
                table.linked[0].clear();
                self.turns.fetch_add(1, Ordering::AcqRel);
            } else {
                let linked = std::mem::take(&mut table.linked[0]);
                self.store(&mut table, linked)?;
            }
        }
        Ok(Answer::Granted)
    }

    fn store(&self, table: &mut Table, claims: HashMap<FileId, FileId>) -> Result<()> {
        let on_disk = match &mut table.on_disk {
            Some(on_disk) => on_disk,
            none => none.insert(DiskMap::new(&self.folder)?),
        };
        let mut bytes = Vec::new();
        for (inode, source) in claims {
            bytes.clear();
            put_number(&mut bytes, source.dev);
            put_number(&mut bytes, source.ino);
            on_disk.insert(inode, &bytes)?;
        }
        Ok(())
    }

    /// To be called when a name was linked; `linked` looks at it.
    pub(super) fn linked(&self, linked: impl FnOnce() -> Option<Meta>) {
        let Some(begin) = self.begin else { return };
        self.links_show.get_or_init(|| linked().is_some_and(|linked| linked.ctime >= begin));
    }

    /// What is known of an inode; `None` if it is free.
    fn known(&self, table: &Table, have: &Meta, source: &Meta) -> Result<Option<Answer>> {
        Ok(match table.holder(have.id)? {
            Some(holder) if holder == source.id => Some(Answer::Granted),
            Some(_) => Some(Answer::Taken),
            // Nothing was forgotten before the second turn ended.
            None if self.turn() < 2 => None,
            None => self.begin.filter(|begin| have.ctime >= *begin).map(|_| Answer::Taken),
        })
    }

    fn table(&self, inode: FileId) -> MutexGuard<'_, Table> {
        let table = &self.tables[inode.ino as usize % TABLES];
        table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// For which file of the source an inode stands.
    fn holder(&self, inode: FileId) -> Result<Option<FileId>> {
        let mut in_memory = self.linked.iter().chain([&self.kept]);
        if let Some(holder) = in_memory.find_map(|table| table.get(&inode)) {
            return Ok(Some(*holder));
        }
        let stored = self.on_disk.as_ref().map_or(Ok(None), |on_disk| on_disk.get(inode))?;
        stored
            .map(|bytes| {
                let mut from = bytes.as_slice();
                Ok(FileId { dev: number(&mut from)?, ino: number(&mut from)? })
            })
            .transpose()
    }
}

/// The time at the destination. A root that was there before is given its own mode again,
/// which dates it.
fn time(root: &Dir) -> Option<Time> {
    let fd = root.destination.as_ref()?.fd().ok()?;
    if let Some(before) = &root.before {
        super::calls::fchmod(&*fd, Mode::from_raw_mode(before.mode)).ok()?;
    }
    Meta::of(&*fd, Sync::Force).ok().map(|meta| meta.ctime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FileType;

    fn inode(ino: u64, ctime: i64) -> Meta {
        Meta {
            file_type: FileType::RegularFile,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 1,
            stored: 1,
            mtime: (1, 0),
            ctime: (ctime, 0),
            nlink: 2,
            id: FileId { dev: 1, ino },
            rdev: 0,
        }
    }

    fn since(limit: usize, begin: Option<Time>) -> Claims {
        Claims::since(limit, std::env::temp_dir(), begin)
    }

    fn link(claims: &Claims, have: &Meta, source: &Meta, looked: u64) -> Answer {
        claims.link(have, source, looked).unwrap()
    }

    fn keep(claims: &Claims, have: &Meta, source: &Meta) -> bool {
        claims.keep(have, source).unwrap()
    }

    fn in_memory(claims: &Claims) -> usize {
        let tables = claims.tables.iter().map(|table| table.lock().unwrap());
        tables
            .flat_map(|table| [table.linked[0].len(), table.linked[1].len(), table.kept.len()])
            .sum()
    }

    #[test]
    fn an_inode_stands_for_one_file_however_many_claims_come_between() {
        for (dated, shown) in [(true, true), (true, false), (false, false)] {
            let claims = since(160, dated.then_some((100, 0)));
            let ask = |number: u64, source: u64, ctime: i64| {
                link(&claims, &inode(number, ctime), &inode(1_000_000 + source, 0), claims.turn())
            };
            for number in 0..1_000 {
                assert_eq!(ask(number, number, 50), Answer::Granted);
                claims.linked(|| Some(inode(number, if shown { 100 } else { 50 })));
                assert_eq!(ask(number, number, 100), Answer::Granted, "again the same");
                for earlier in [number, number / 2, 0].into_iter().filter(|_| number > 0) {
                    assert_eq!(ask(earlier, number + 5_000, 100), Answer::Taken);
                }
            }
            assert!(in_memory(&claims) <= 160, "{}", in_memory(&claims));
            assert_eq!(claims.table(inode(0, 0).id).on_disk.is_none(), shown);
        }
    }

    #[test]
    fn an_inode_with_one_name_needs_no_claim() {
        let claims = since(160, None);
        let single = Meta { nlink: 1, ..inode(1, 0) };
        assert_eq!(link(&claims, &single, &inode(2, 0), 0), Answer::Granted);
        assert!(keep(&claims, &single, &inode(3, 0)));
        assert_eq!(in_memory(&claims), 0);
    }

    #[test]
    fn what_was_looked_at_too_long_ago_is_looked_at_again() {
        let claims = since(32, Some((100, 0)));
        claims.linked(|| Some(inode(0, 100)));
        let looked = claims.turn();
        for number in 0..4 {
            assert_eq!(
                link(&claims, &inode(8 * number, 50), &inode(10, 0), looked),
                Answer::Granted
            );
        }
        assert_eq!(link(&claims, &inode(0, 50), &inode(11, 0), looked), Answer::LookAgain);
        assert_eq!(link(&claims, &inode(0, 100), &inode(11, 0), claims.turn()), Answer::Taken);
    }

    #[test]
    fn what_stays_at_the_destination_is_not_taken_from_a_link_source_too() {
        let claims = since(32, Some((100, 0)));
        claims.linked(|| Some(inode(0, 100)));
        assert!(keep(&claims, &inode(1, 50), &inode(10, 0)));
        for number in 20..30 {
            let turn = claims.turn();
            assert_eq!(link(&claims, &inode(number, 50), &inode(40, 0), turn), Answer::Granted);
        }
        assert_eq!(link(&claims, &inode(1, 50), &inode(11, 0), claims.turn()), Answer::Taken);
        assert!(!keep(&claims, &inode(20, 100), &inode(12, 0)), "linked and forgotten");
        assert!(keep(&claims, &inode(1, 50), &inode(10, 0)));
    }

    #[test]
    fn many_inodes_that_stay_are_known_from_disk() {
        let claims = since(160, None);
        for number in 0..100 {
            assert!(keep(&claims, &inode(number, 0), &inode(1_000 + number, 0)));
        }
        assert!(in_memory(&claims) <= 80);
        for number in 0..100 {
            assert!(keep(&claims, &inode(number, 0), &inode(1_000 + number, 0)));
            assert!(!keep(&claims, &inode(number, 0), &inode(2_000 + number, 0)));
        }
    }

    #[test]
    fn a_folder_that_takes_no_files_is_an_error() {
        let claims = Claims::since(16, PathBuf::from("/nonexistent"), None);
        assert!(keep(&claims, &inode(1, 0), &inode(2, 0)));
        assert!(claims.keep(&inode(9, 0), &inode(4, 0)).is_err());
    }
}
