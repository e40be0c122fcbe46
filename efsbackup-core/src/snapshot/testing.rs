//! Manifests and journals that no backup has written, for tests.

use super::files::Dir;
use super::journal::{JournalWriter, whole_files};
use super::manifest::DIGEST_LEN;
use super::manifest_file::{BlockHead, Coverage, MAGIC, ManifestWriter, check};
use super::manifest_reader::ManifestReader;
use super::record_tree::TreeRecord;
use crate::bytepath::BytePath;
use crate::error::Result;
use crate::mirror::{Action, EntryEvent, EntryType, FileKind, Listener, Settled};
use lz4_flex::block::compress;
use std::io::Read;
use std::path::Path;

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

/// Writes the manifest of a tree of `entries` files that is nowhere, in any order, as a backup
/// would that read their contents; in the directory `place`, under the name `name`. With `base`,
/// as one would that linked every other file from the snapshot of that manifest.
///
/// # Errors
/// Those of its files.
pub fn write_manifest(place: &Path, name: &str, base: Option<&str>, entries: u64) -> Result<()> {
    let place = Dir::open(place)?;
    let record = TreeRecord::new(&place, None);
    for number in 0..entries {
        let number = shuffled(number, entries);
        let linked = base.is_some() && number.is_multiple_of(2);
        record.settled(&Settled {
            path: &path(number),
            kind: FileKind::File,
            mode: 0o644,
            uid: 1000,
            gid: 1000,
            mtime: (1_700_000_000 + number as i64, number as u32 % 1_000_000_000),
            size: number,
            device: 0,
            target: &[],
            group: None,
            xattrs: &[],
            digest: (!linked).then(|| *blake3::hash(&number.to_le_bytes()).as_bytes()),
            changed: false,
            stale: false,
        });
    }
    let base = match base {
        Some(base) => place.file(base)?.map(ManifestReader::open).transpose()?,
        None => None,
    };
    let coverage = Coverage { xattrs: true, acls: true };
    record.finish()?.write(ManifestWriter::new(place.create(name)?, coverage)?, base)?;
    Ok(())
}

/// Writes the journal of a run that has finished `files` files, in the directory `place`, and
/// gives how many of `some` of them, and of as many others, the next run takes for whole.
///
/// # Errors
/// Those of its files.
pub fn write_and_read_journal(place: &Path, files: u64, some: u64) -> Result<(u64, u64)> {
    let place = Dir::open(place)?;
    let writer = JournalWriter::new(place.create("journal")?, None)?;
    for number in 0..files {
        writer.entry(&EntryEvent {
            path: &path(number),
            entry_type: EntryType::File,
            action: Action::Created,
            itemize: "",
            inode: Some(number),
        });
    }
    drop(writer);
    let is_whole = whole_files(place.file("journal")?, &place)?;
    let whole = |inode: u64| {
        let numbers = (0..some).map(|number| shuffled(number, files));
        numbers.filter(|number| is_whole(&path(*number), number + inode)).count() as u64
    };
    Ok((whole(0), whole(1)))
}

fn path(number: u64) -> BytePath {
    format!("directory-{}/file-{number:010}", number / 1000).into_bytes().into()
}

/// The numbers below `count` in another order.
fn shuffled(number: u64, count: u64) -> u64 {
    // A prime that divides no round number.
    number * 7_919 % count
}
