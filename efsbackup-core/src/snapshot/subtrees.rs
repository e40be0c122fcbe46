//! The digest of a file that is hashed in pieces: BLAKE3 hashes a tree of blocks, so what several
//! processes hash of it gives the digest that one gives.

use crate::mirror::{ContentHasher, Digest};
use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// How many blocks a file has at most.
const MOST: u64 = 4096;
/// The least that a block holds, in bytes.
const LEAST: u64 = 1 << 20;

/// How large the blocks of a file of `size` bytes are: a power of two, as the tree wants it.
pub(crate) fn block_size(size: u64) -> u64 {
    size.div_ceil(MOST).next_power_of_two().max(LEAST)
}

/// Hashes the blocks of a piece of a file, which begins where a block does, and ends where one
/// does or the file.
pub(super) struct Blocks {
    size: u64,
    at: u64,
    hasher: Hasher,
    done: Vec<Digest>,
}

impl Blocks {
    /// For the piece from `from` on, in blocks of `size` bytes.
    pub(super) fn new(size: u64, from: u64) -> Blocks {
        Blocks { size, at: from, hasher: hasher_at(from), done: Vec::new() }
    }

    /// What is known of each block.
    pub(super) fn values(mut self) -> Vec<Digest> {
        if !self.at.is_multiple_of(self.size) {
            self.done.push(self.hasher.finalize_non_root());
        }
        self.done
    }
}

fn hasher_at(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

impl ContentHasher for Blocks {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.size - self.at % self.size;
            let length = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(length);
            self.hasher.update(now);
            self.at += length as u64;
            if self.at.is_multiple_of(self.size) {
                self.done.push(self.hasher.finalize_non_root());
                self.hasher = hasher_at(self.at);
            }
            bytes = later;
        }
    }

    fn finish(self: Box<Self>) -> Digest {
        merge(&self.values())
    }
}

/// The digest of a file of these blocks, at least two.
pub(super) fn merge(blocks: &[Digest]) -> Digest {
    let (left, right) = blocks.split_at(left_of(blocks));
    *merge_subtrees_root(&inner(left), &inner(right), Mode::Hash).as_bytes()
}

fn inner(blocks: &[Digest]) -> Digest {
    match blocks {
        [] => Digest::default(),
        [one] => *one,
        _ => {
            let (left, right) = blocks.split_at(left_of(blocks));
            merge_subtrees_non_root(&inner(left), &inner(right), Mode::Hash)
        }
    }
}

/// How many blocks are left of the top: the largest power of two that leaves some.
fn left_of(blocks: &[Digest]) -> usize {
    blocks.len().div_ceil(2).next_power_of_two().min(blocks.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let block = 1 << 14;
        let content: Vec<u8> = (0..300_001_u32).map(|at| (at % 251) as u8).collect();
        for size in [block + 1, 2 * block, 3 * block, 5 * block - 7, 8 * block, 300_001] {
            let mut values = Vec::new();
            for (number, piece) in content[..size].chunks(2 * block).enumerate() {
                let mut blocks = Blocks::new(block as u64, (2 * block * number) as u64);
                piece.chunks(10_007).for_each(|some| blocks.update(some));
                values.extend(blocks.values());
            }
            assert_eq!(merge(&values), *blake3::hash(&content[..size]).as_bytes(), "{size}");
        }
    }

    #[test]
    fn blocks_are_few_and_powers_of_two() {
        for size in [0, 1, 32 << 20, (4096 << 20) + 1, 1 << 40, 3 << 50] {
            let block = block_size(size);
            assert!(block.is_power_of_two() && size.div_ceil(block) <= MOST, "{size}");
        }
        assert_eq!(block_size(4096 << 20), LEAST);
    }
}
