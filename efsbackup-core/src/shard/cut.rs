//! Cutting a tree, and large files in it, into units of equal cost.

use super::cost::Cost;
use super::plan::Unit;
use crate::bytepath::BytePath;
use crate::mirror::FileVersion;
use crate::snapshot::{Piece, Range, block_size};

/// From how many bytes on a file may be cut.
pub(super) const LARGE: u64 = 32 << 20;

/// Cuts entries that come in the order of a walk. The cuts are where the cost so far comes
/// nearest to equal shares of all of it, so a unit misses its share by no more than the cost of
/// one entry.
pub(super) struct Cutter {
    cost: Cost,
    /// What each unit is to cost.
    share: f64,
    /// What each may cost, if it is more than one entry.
    most: Option<f64>,
    /// What all entries so far cost.
    so_far: f64,
    /// At what cost the open unit is to end.
    ends: f64,
    units: Vec<Unit>,
    open: Unit,
}

impl Cutter {
    /// Cuts what costs `total` into `count` units, or into more if one would cost over `most`.
    pub(super) fn new(cost: Cost, total: f64, count: usize, most: Option<f64>) -> Cutter {
        let open = Unit::starting_at(BytePath::default());
        let share = total / count.max(1) as f64;
        Cutter { cost, share, most, so_far: 0.0, ends: share, units: Vec::new(), open }
    }

    /// Takes the next entry.
    pub(super) fn add(&mut self, path: &BytePath, size: u64) {
        let cost = self.cost.of(size);
        let is_full = self.so_far + cost / 2.0 > self.ends
            || self.most.is_some_and(|most| self.open.seconds + cost > most);
        if !self.is_bare() && is_full {
            self.close(path, cost / 2.0);
        }
        self.count(1, size, cost);
    }

    /// Whether the next entry, a file of `size` bytes, is to be cut as the tree is: where it does
    /// not fit, and units would differ by what is worth a unit's trouble.
    pub(super) fn must_cut(&self, size: u64) -> bool {
        let cost = self.cost.of(size);
        size >= LARGE && cost > self.share / 10.0 && cost > self.room() + self.share / 20.0
    }

    /// Takes the next entry, a file that is cut.
    pub(super) fn add_in_pieces(&mut self, path: &BytePath, version: FileVersion) {
        let (size, block) = (version.size, block_size(version.size));
        let mut from: u64 = 0;
        loop {
            let room = self.room() * self.cost.bytes_per_second;
            // A bare unit takes something, or there would be no end.
            let blocks = ((room / block as f64).round() as u64).max(u64::from(self.is_bare()));
            let to = from.saturating_add(blocks.saturating_mul(block));
            // What is left of the last block is no unit.
            let to = if to.saturating_add(block / 2) >= size && blocks > 0 { size } else { to };
            if to > from {
                let entries = u64::from(to == size);
                let seconds = (to - from) as f64 / self.cost.bytes_per_second
                    + entries as f64 * self.cost.entry_seconds;
                self.count(entries, to - from, seconds);
                let piece = Piece::new(path.clone(), version, from, to);
                self.open.range.pieces.push(piece);
            }
            if to == size {
                return;
            }
            from = to;
            self.close(path, 0.5 * block as f64 / self.cost.bytes_per_second);
        }
    }

    /// How many seconds are left of the open unit's share.
    fn room(&self) -> f64 {
        let room = self.ends - self.so_far;
        self.most.map_or(room, |most| room.min(most - self.open.seconds)).max(0.0)
    }

    /// Whether the open unit has nothing yet.
    fn is_bare(&self) -> bool {
        self.open.seconds == 0.0
    }

    fn count(&mut self, entries: u64, bytes: u64, seconds: f64) {
        self.so_far += seconds;
        self.open.entries += entries;
        self.open.bytes += bytes;
        self.open.seconds += seconds;
    }

    /// Ends the open unit before `path`; the next one has at least `least` seconds to go.
    fn close(&mut self, path: &BytePath, least: f64) {
        // A large entry may have used up the shares of several.
        while self.ends < self.so_far + least {
            self.ends += self.share;
        }
        let next = Unit::starting_at(path.clone());
        let mut done = std::mem::replace(&mut self.open, next);
        done.range.to = Some(path.clone());
        self.units.push(done);
    }

    /// The units: together the whole tree.
    pub(super) fn finish(mut self) -> Vec<Unit> {
        self.units.push(self.open);
        self.units
    }
}

impl Unit {
    fn starting_at(from: BytePath) -> Unit {
        Unit {
            range: Range { from, to: None, pieces: Vec::new() },
            entries: 0,
            bytes: 0,
            seconds: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn units_are_the_whole_tree_and_miss_their_share_by_one_entry_at_most(
            sizes in proptest::collection::vec(prop_oneof![0_u64..100, 0_u64..10_000_000], 1..300),
            count in 1_usize..20,
        ) {
            let cost = Cost { entry_seconds: 0.01, bytes_per_second: 1e6 };
            let total: f64 = sizes.iter().map(|size| cost.of(*size)).sum();
            let largest = sizes.iter().map(|size| cost.of(*size)).fold(0.0, f64::max);
            let mut cutter = Cutter::new(cost, total, count, None);
            for (at, size) in sizes.iter().enumerate() {
                cutter.add(&BytePath::from(format!("{at:05}").into_bytes()), *size);
            }
            let units = cutter.finish();
            prop_assert!(units.len() <= count.max(1) || count == 1);
            prop_assert_eq!(units.iter().map(|unit| unit.entries).sum::<u64>(), sizes.len() as u64);
            prop_assert!(units[0].range.from.is_empty());
            prop_assert!(units.windows(2).all(|two| two[0].range.to.as_ref() == Some(&two[1].range.from)));
            prop_assert!(units[units.len() - 1].range.to.is_none());
            for unit in &units {
                prop_assert!(unit.seconds <= total / count as f64 + largest + 1e-6);
            }
        }
    }
}
