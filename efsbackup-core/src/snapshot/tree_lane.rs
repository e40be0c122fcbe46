//! Entries in memory on their way to a sorted file: kept as bytes, sorted by an index.

use super::manifest::Recorded;
use std::ops::Range;

/// Of each item: the lengths of its name and of its fields, and how many digests it has.
const HEAD: usize = 9;

/// Entries in the order they came, those of one directory in groups.
#[derive(Default)]
pub(super) struct Lane {
    bytes: Vec<u8>,
    groups: Vec<Group>,
    items: Vec<Item>,
}

/// Entries of one directory that came one after the other.
#[derive(Clone, Copy)]
struct Group {
    dir: (u32, u32),
    /// The first of its items; they end where the next group's begin.
    first: u32,
}

/// Where an entry is, and the first bytes of its name: they decide most comparisons.
#[derive(Clone, Copy)]
struct Item {
    start: u64,
    at: u32,
}

impl Lane {
    /// How much memory the entries need.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
            + self.groups.len() * size_of::<Group>()
            + self.items.len() * size_of::<Item>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds an entry; `fields` and `digests` write theirs.
    pub(super) fn push(
        &mut self,
        dir: &[u8],
        name: &[u8],
        fields: impl FnOnce(&mut Vec<u8>),
        digests: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.groups.last().is_none_or(|group| self.dir(group) != dir) {
            let dir_at = (self.bytes.len() as u32, dir.len() as u32);
            self.groups.push(Group { dir: dir_at, first: self.items.len() as u32 });
            self.bytes.extend_from_slice(dir);
        }
        let at = self.bytes.len();
        self.items.push(Item { start: start_of(name), at: at as u32 });
        self.bytes.extend_from_slice(&[0; HEAD]);
        self.bytes.extend_from_slice(name);
        let fields_at = self.bytes.len();
        fields(&mut self.bytes);
        let digests_at = self.bytes.len();
        digests(&mut self.bytes);
        let digests_len = self.bytes.len() - digests_at;
        let head = &mut self.bytes[at..at + HEAD];
        head[..4].copy_from_slice(&(name.len() as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((digests_at - fields_at) as u32).to_le_bytes());
        head[8] = digests_len as u8;
    }

    fn dir(&self, group: &Group) -> &[u8] {
        let (at, length) = group.dir;
        &self.bytes[at as usize..(at + length) as usize]
    }

    /// The entries in order.
    pub(super) fn sort(mut self) -> SortedLane {
        let mut order: Vec<u32> = (0..self.groups.len() as u32).collect();
        order.sort_by(|a, b| {
            let dir = |group: &u32| self.dir(&self.groups[*group as usize]);
            dir(a).cmp(dir(b))
        });
        let ends = self.groups.iter().skip(1).map(|group| group.first);
        let ends: Vec<u32> = ends.chain([self.items.len() as u32]).collect();
        let mut sorted = Vec::with_capacity(self.items.len());
        let mut groups: Vec<Group> = Vec::with_capacity(order.len());
        for number in order {
            let group = self.groups[number as usize];
            if groups.last().is_none_or(|last| self.dir(last) != self.dir(&group)) {
                groups.push(Group { first: sorted.len() as u32, ..group });
            }
            let range = group.first as usize..ends[number as usize] as usize;
            sorted.extend_from_slice(&self.items[range]);
        }
        self.items = sorted;
        let bytes = &self.bytes;
        for (number, group) in groups.iter().enumerate() {
            let end = groups.get(number + 1).map_or(self.items.len(), |next| next.first as usize);
            // Of equal names the one that came last is the first.
            self.items[group.first as usize..end].sort_unstable_by(|a, b| {
                let by_name = || name_at(bytes, a.at).cmp(name_at(bytes, b.at));
                a.start.cmp(&b.start).then_with(by_name).then_with(|| b.at.cmp(&a.at))
            });
        }
        self.groups = groups;
        SortedLane { lane: self, group: 0, item: 0 }
    }
}

/// The first eight bytes of a name, so that numbers compare as names do.
fn start_of(name: &[u8]) -> u64 {
    let mut start = [0; 8];
    let length = name.len().min(8);
    start[..length].copy_from_slice(&name[..length]);
    u64::from_be_bytes(start)
}

fn name_at(bytes: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    &bytes[at + HEAD..at + HEAD + number(bytes, at)]
}

fn number(bytes: &[u8], at: usize) -> usize {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number) as usize
}

/// Where the item at `at` is in `bytes`; `None` where there is no whole one.
pub(super) fn item_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let head = bytes.get(at..at + HEAD)?;
    let end = at + HEAD + number(head, 0) + number(head, 4) + usize::from(head[8]);
    (end <= bytes.len()).then_some(at..end)
}

/// The entry that the item `item` of the directory `dir` is.
pub(super) fn entry_of<'a>(dir: &'a [u8], item: &'a [u8]) -> Recorded<'a> {
    let (head, rest) = item.split_at(HEAD);
    let (name, rest) = rest.split_at(number(head, 0));
    let (fields, digests) = rest.split_at(number(head, 4));
    Recorded { dir, name, fields, digests }
}

/// A lane in order, and how far it was read.
pub(super) struct SortedLane {
    lane: Lane,
    group: usize,
    item: usize,
}

impl SortedLane {
    /// The directory of the next entry, and the entry as an item.
    pub(super) fn item(&self) -> Option<(&[u8], &[u8])> {
        let item = self.lane.items.get(self.item)?;
        let dir = self.lane.dir(self.lane.groups.get(self.group)?);
        Some((dir, &self.lane.bytes[item_at(&self.lane.bytes, item.at as usize)?]))
    }

    pub(super) fn advance(&mut self) {
        self.item += 1;
        let next = self.lane.groups.get(self.group + 1);
        self.group += usize::from(next.is_some_and(|next| self.item >= next.first as usize));
    }
}
