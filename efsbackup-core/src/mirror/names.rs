//! Many names in little memory: a directory may hold millions.

use hashbrown::HashTable;
use rustix::fs::FileType;
use rustix::io::{Errno, Result};
use std::ffi::CStr;
use std::hash::{BuildHasher, RandomState};

/// Names with their types, one after the other in one piece of memory.
#[derive(Default)]
pub(super) struct NameList {
    /// For each: a byte for its type, the name, a zero.
    bytes: Vec<u8>,
    count: usize,
}

impl NameList {
    /// Adds a name.
    ///
    /// # Errors
    /// EOVERFLOW beyond 4 GiB of names.
    pub(super) fn push(&mut self, name: &CStr, file_type: FileType) -> Result<()> {
        u32::try_from(self.bytes.len()).map_err(|_| Errno::OVERFLOW)?;
        self.bytes.push((file_type.as_raw_mode() >> 12) as u8);
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        self.count += 1;
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All names in the order they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&CStr, FileType)> {
        self.places().map(|at| self.get(at))
    }

    fn places(&self) -> impl Iterator<Item = u32> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let at = u32::try_from(next).ok().filter(|_| next < self.bytes.len())?;
            next += 1 + self.name(at).to_bytes_with_nul().len();
            Some(at)
        })
    }

    fn get(&self, at: u32) -> (&CStr, FileType) {
        let mode = u32::from(self.bytes[at as usize]) << 12;
        (self.name(at), FileType::from_raw_mode(mode))
    }

    fn name(&self, at: u32) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes[at as usize + 1..]).unwrap_or_default()
    }
}

/// Names from which those that are met are taken out.
#[derive(Default)]
pub(super) struct NameSet {
    list: NameList,
    /// Where the names that are left begin in `list`.
    table: HashTable<u32>,
    state: RandomState,
}

impl NameSet {
    pub(super) fn new(list: NameList) -> Self {
        let state = RandomState::new();
        let mut table = HashTable::with_capacity(list.len());
        let hash = |at: &u32| state.hash_one(list.name(*at));
        for at in list.places() {
            table.insert_unique(hash(&at), at, hash);
        }
        NameSet { list, table, state }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn contains(&self, name: &CStr) -> bool {
        self.table.find(self.state.hash_one(name), |at| self.list.name(*at) == name).is_some()
    }

    /// Takes a name out; gives its type if it was there.
    pub(super) fn remove(&mut self, name: &CStr) -> Option<FileType> {
        let hash = self.state.hash_one(name);
        match self.table.find_entry(hash, |at| self.list.name(*at) == name) {
            Ok(found) => {
                let (at, _) = found.remove();
                Some(self.list.get(at).1)
            }
            Err(_) => None,
        }
    }

    /// What is left, sorted by name.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&CStr, FileType)> {
        let mut left: Vec<u32> = self.table.iter().copied().collect();
        left.sort_unstable_by_key(|at| self.list.name(*at));
        left.into_iter().map(|at| self.list.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [FileType; 4] =
        [FileType::Directory, FileType::RegularFile, FileType::Socket, FileType::Unknown];

    fn list() -> NameList {
        let mut list = NameList::default();
        for (name, file_type) in [c"b", c"", c"aa", c"\xff"].into_iter().zip(TYPES) {
            list.push(name, file_type).unwrap();
        }
        list
    }

    #[test]
    fn a_list_gives_back_names_and_types_in_order() {
        let list = list();
        let back: Vec<_> = list.iter().collect();
        let expected: Vec<_> = [c"b", c"", c"aa", c"\xff"].into_iter().zip(TYPES).collect();
        assert_eq!(back, expected);
        assert_eq!((list.len(), list.is_empty()), (4, false));
    }

    #[test]
    fn a_set_loses_what_is_met_and_sorts_the_rest() {
        let mut set = NameSet::new(list());
        assert!(set.contains(c"aa") && !set.contains(c"a"));
        assert_eq!(set.remove(c"aa"), Some(FileType::Socket));
        assert_eq!([c"aa", c"nobody"].map(|name| set.remove(name)), [None; 2]);
        let left: Vec<_> = set.sorted().map(|(name, _)| name).collect();
        assert_eq!(left, [c"", c"b", c"\xff"]);
        for name in [c"", c"b", c"\xff"] {
            assert!(set.remove(name).is_some());
        }
        assert!(set.is_empty());
    }
}
