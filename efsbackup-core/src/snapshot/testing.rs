//! Reading manifests that no backup has written, for tests.

use super::manifest_file::{CHECK_LEN, MAGIC, ManifestReader};
use crate::error::Result;
use lz4_flex::block::compress;
use std::io::Read;

/// Reads `file` as a manifest, and gives the number of its entries.
///
/// # Errors
/// Where it is no whole manifest.
pub fn read_manifest(file: impl Read) -> Result<u64> {
    let mut reader = ManifestReader::new(file)?;
    let mut entries = 0;
    while reader.next()?.is_some() {
        entries += 1;
    }
    Ok(entries)
}

/// Reads `block` as the entries of a manifest's first block, its checksum taken as right.
///
/// # Errors
/// Always: where it holds something else than entries, or for the end that is missing.
pub fn read_manifest_block(block: &[u8]) -> Result<u64> {
    let compressed = compress(block);
    let lengths = [block.len() as u32, compressed.len() as u32].map(u32::to_le_bytes).concat();
    let check = blake3::hash(&compressed);
    let check = check.as_bytes().get(..CHECK_LEN).unwrap_or_default();
    read_manifest(
        [MAGIC.as_slice(), &[3], lengths.as_slice(), check, &compressed].concat().as_slice(),
    )
}
