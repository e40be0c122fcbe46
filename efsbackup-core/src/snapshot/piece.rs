//! Large files that several units copy together, each a piece of the content.
//!
//! All pieces go into one new file, in a folder of its own. Only one try of each piece may write
//! there at a time: a process that was given up and wakes later then writes what it alone was to
//! write, or into a file that nothing is published of. The next try takes the piece over when
//! the process before it is known to have ended. Where that can't be known, as from another
//! machine, or the source changed meanwhile, the end of the run copies the file as any other that
//! is missing: so what is reported is what one process reports.

use super::calls;
use super::files::Dir;
use super::lease::{Found, Holder, try_lock};
use super::name;
use super::range::{read, write};
use super::shared::SharedRun;
use super::store::Store;
use super::subtrees::{Blocks, block_size, merge};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Digest, FileVersion, Options, Prepared, piece};
use data_encoding::HEXLOWER;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Some of the bytes of a large file. As JSON it has these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Piece {
    /// The file, below the root.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub path: BytePath,
    /// How the file was when it was planned.
    pub version: FileVersion,
    /// The first byte.
    pub from: u64,
    /// The first byte after it.
    pub to: u64,
}

impl Piece {
    #[cfg(feature = "shard")]
    pub(crate) fn new(path: BytePath, version: FileVersion, from: u64, to: u64) -> Piece {
        Piece { path, version, from, to }
    }
}

/// A piece that was copied, or that could not be. As JSON it has these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopiedPiece {
    /// What it is of the source.
    pub piece: Piece,
    /// Whose folder it is in.
    pub token: String,
    /// What the digest of the file is made of, in hexadecimal digits: 32 bytes for each block.
    /// `None` where the piece is not to be used.
    pub blocks: Option<String>,
    /// How many bytes were written.
    pub written: u64,
}

/// What the file with the content is called in its folder.
const CONTENT: &str = "content";

/// Copies the piece `piece` of the tree `source`, for `holder`, until `stop` says so.
pub(super) fn copy(
    store: &Store,
    source: &Path,
    (run, holder): (&SharedRun, &Holder),
    piece: &Piece,
    options: &Options,
    stop: &dyn Fn() -> bool,
) -> Result<CopiedPiece> {
    let token = token(run, &piece.path);
    let mut copied = CopiedPiece { piece: piece.clone(), token, blocks: None, written: 0 };
    let Some(from) = open_below(source, &piece.path) else { return Ok(copied) };
    let folder = store.dir.make_dir(&name::incomplete(run.time, &copied.token))?;
    let (claim, mut claimed) = match claim(&folder, piece, holder)? {
        Claim::Ours(name, file) => (name, file),
        Claim::Copied(before) => return Ok(before),
        Claim::Lost => return Ok(copied),
    };
    let to = content(&folder)?;
    let mut blocks = Blocks::new(block_size(piece.version.size), piece.from);
    let range = piece.from..piece.to;
    let done = piece::copy((&from, piece.version), &to, range, options, stop, &mut blocks);
    if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled) {
        // Nothing is written for it any more.
        folder.remove(&claim)?;
    }
    if let Some(written) = done.map_err(|error| error.with_path(folder.path.join(CONTENT)))? {
        copied.blocks = Some(HEXLOWER.encode(blocks.values().as_flattened()));
        copied.written = written;
    }
    say(&mut claimed, &copied).map_err(|error| error.with_path(folder.path.join(&claim)))?;
    Ok(copied)
}

/// Whose a piece is to write.
enum Claim {
    /// This try's; the file is to say what came of it.
    Ours(String, File),
    /// An earlier try's, which said this.
    Copied(CopiedPiece),
    /// An earlier try's that may still be at work.
    Lost,
}

/// Takes the piece for `holder`, if no other try has it or its process is known to have ended.
/// Each try has a file of its own, locked as long as it works.
fn claim(folder: &Dir, piece: &Piece, holder: &Holder) -> Result<Claim> {
    let mut number = 0_u32;
    loop {
        let name = format!("piece-{}-{number}", piece.from);
        match folder.create(&name) {
            Ok(mut file) => {
                try_lock(&file)?;
                say(&mut file, holder).map_err(|error| error.with_path(folder.path.join(&name)))?;
                return Ok(Claim::Ours(name, file));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        // Given up just now, where there is none.
        let Some(found) = Found::read(folder, &name)? else { continue };
        if let Some(copied) = found.second_line() {
            return Ok(Claim::Copied(copied));
        }
        if !found.holder_has_ended() {
            return Ok(Claim::Lost);
        }
        number += 1;
    }
}

/// Adds a line of JSON.
fn say(file: &mut File, what: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(what)
        .map_err(|error| Error::new(ErrorKind::Internal, "write piece").with_source(error))?;
    line.push(b'\n');
    file.write_all(&line).map_err(|error| Error::from_io("write", error))
}

/// Opens the file for the content, which is made by whoever comes first.
fn content(folder: &Dir) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    calls::openat(folder, CONTENT, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| folder.failed("create", CONTENT, errno))
}

/// In whose folder the pieces of a file are. It looks like the token of a process.
fn token(run: &SharedRun, path: &BytePath) -> String {
    let hash = blake3::hash(&[run.token.as_bytes(), b"/", path.as_bytes()].concat());
    HEXLOWER.encode(&hash.as_bytes()[..8])
}

/// Opens the file `path` of the tree `root`, through no symbolic link.
fn open_below(root: &Path, path: &BytePath) -> Option<OwnedFd> {
    let mut dir = Dir::open(root).ok()?.fd;
    let mut names = path.as_bytes().split(|byte| *byte == b'/').peekable();
    let safe = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    while let Some(name) = names.next() {
        let kind = match names.peek() {
            Some(_) => OFlags::DIRECTORY,
            None => OFlags::NONBLOCK | OFlags::NOCTTY,
        };
        dir = calls::openat(&dir, name, safe | kind, Mode::empty()).ok()?;
    }
    Some(dir)
}

/// The files of which all pieces are there, from `pieces` in any order.
pub(super) fn prepared<'p>(
    store: &Store,
    run: &SharedRun,
    pieces: impl Iterator<Item = &'p CopiedPiece>,
) -> Vec<Prepared> {
    let mut pieces: Vec<_> = pieces.collect();
    pieces.sort_by_key(|copied| (&copied.piece.path, copied.piece.from, copied.blocks.is_none()));
    let files = pieces.chunk_by(|one, next| one.piece.path == next.piece.path);
    files.filter_map(|pieces| whole(store, run, pieces)).collect()
}

/// The file of these pieces; `None` if it is not whole.
fn whole(store: &Store, run: &SharedRun, pieces: &[&CopiedPiece]) -> Option<Prepared> {
    let Piece { path, version, .. } = &pieces.first()?.piece;
    let (mut end, mut written) = (0, 0);
    let mut blocks: Vec<Digest> = Vec::new();
    for copied in pieces {
        let CopiedPiece { piece, token: folder, .. } = copied;
        if piece.to <= end {
            // Told twice.
            continue;
        }
        if (piece.from, piece.version) != (end, *version) || *folder != token(run, path) {
            return None;
        }
        let values = HEXLOWER.decode(copied.blocks.as_ref()?.as_bytes()).ok()?;
        let (values, rest) = values.as_chunks();
        if !rest.is_empty() {
            return None;
        }
        blocks.extend_from_slice(values);
        (end, written) = (piece.to, written + copied.written);
    }
    let count = version.size.div_ceil(block_size(version.size));
    if end != version.size || blocks.len() < 2 || blocks.len() as u64 != count {
        return None;
    }
    let folder = store.dir.path.join(name::incomplete(run.time, &token(run, path)));
    Some(Prepared::new(path.clone(), *version, folder.join(CONTENT), merge(&blocks), written))
}

#[cfg(feature = "shard")]
impl super::shared::Begun {
    /// How the file `path` of `source` is now, if it may be copied in pieces: it is a file of a
    /// single name, and not what the last snapshot has, which would be linked.
    pub(crate) fn version(&self, source: &Path, path: &BytePath) -> Option<FileVersion> {
        let version = FileVersion::of(&open_below(source, path)?)?;
        let store = &self.held.store;
        let older = self.held.base.as_ref().and_then(|base| {
            let file = open_below(&store.dir.path.join(&base.id), path)?;
            rustix::fs::fstat(&file).ok()
        });
        let is_same = older.is_some_and(|older| {
            (older.st_size as u64, older.st_mtime, older.st_mtime_nsec as u32)
                == (version.size, version.mtime.0, version.mtime.1)
        });
        (!is_same).then_some(version)
    }
}
