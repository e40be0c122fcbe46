//! Reading manifests that no backup has written, for tests.

use super::manifest::DIGEST_LEN;
use super::manifest_file::{BlockHead, MAGIC, check};
use super::manifest_reader::ManifestReader;
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
    // More than its entries can need.
    let digests = vec![0; block.len() * DIGEST_LEN];
    let head = BlockHead {
        entries: block.len() as u32,
        compressed: compressed.len() as u32,
        digests: block.len() as u32,
    };
    let checked = check(&compressed, &digests);
    let parts = [MAGIC.as_slice(), &[3], &head.to_bytes(), &checked, &compressed, &digests];
    read_manifest(parts.concat().as_slice())
}
