//! Cutting a tree into ranges of equal cost.

use super::cost::Cost;
use super::plan::Unit;
use crate::bytepath::BytePath;
use crate::snapshot::Range;

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
        if self.open.entries > 0 && is_full {
            // A large entry may have used up the shares of several.
            while self.ends < self.so_far + cost / 2.0 {
                self.ends += self.share;
            }
            let next = Unit::starting_at(path.clone());
            let mut done = std::mem::replace(&mut self.open, next);
            done.range.to = Some(path.clone());
            self.units.push(done);
        }
        self.so_far += cost;
        self.open.entries += 1;
        self.open.bytes += size;
        self.open.seconds += cost;
    }

    /// The units: together the whole tree.
    pub(super) fn finish(mut self) -> Vec<Unit> {
        self.units.push(self.open);
        self.units
    }
}

impl Unit {
    fn starting_at(from: BytePath) -> Unit {
        Unit { range: Range { from, to: None }, entries: 0, bytes: 0, seconds: 0.0 }
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
