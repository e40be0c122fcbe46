//! Where a file with several names is at the destination, and how that is kept on disk.

use super::failure::{Outcome, Side};
use super::handle::{FileId, Handle};
use super::meta::Meta;
use super::settled::{Digest, Final, Shared};
use super::state::{Run, Scratch};
use super::tree::Dir;
use super::unnamed::{get, number, put, put_number};
use super::xattr::Xattrs;
use crate::bytepath::BytePath;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io::{ErrorKind, Read, Result};
use std::sync::Arc;

/// Where a group's file is at the destination.
#[derive(Debug)]
pub(super) struct Home {
    /// `None` in a dry run where the directory would be made.
    pub(super) spot: Option<Spot>,
    /// `None` in a dry run where it would be made.
    pub(super) inode: Option<u64>,
    /// What to tell of each name, if anybody asked.
    pub(super) shared: Option<Box<Shared>>,
    /// How many names it has been given here.
    pub(super) names: u32,
    /// All names given so far, where the file came from a link source: should its link
    /// count run out, the whole group must move to a copy.
    pub(super) members: Option<Vec<Spot>>,
}

/// A name in a directory of the destination.
#[derive(Debug)]
pub(super) struct Spot {
    dir: Place,
    pub(super) name: CString,
    /// The time that the directory has once it is done.
    mtime: (i64, u32),
}

/// A directory.
#[derive(Debug)]
enum Place {
    Handle(Arc<Handle>),
    /// By its path below the root, and what is to be found there.
    Path(Box<(BytePath, FileId)>),
}

impl Spot {
    /// The name in the destination of `dir`, if there is one.
    pub(super) fn of(dir: &Dir, name: &CStr) -> Option<Spot> {
        let handle = Arc::clone(dir.destination.as_ref()?);
        Some(Spot { dir: Place::Handle(handle), name: name.to_owned(), mtime: dir.meta.mtime })
    }

    /// The directory.
    pub(super) fn handle(&mut self, run: &Run<'_>, scratch: &mut Scratch) -> Outcome<Arc<Handle>> {
        let (path, id) = match &self.dir {
            Place::Handle(handle) => return Ok(Arc::clone(handle)),
            Place::Path(path) => (&path.0, path.1),
        };
        let handle = match &scratch.reopened {
            Some((last, handle)) if last == path => Arc::clone(handle),
            _ => {
                let root = run.roots.destination.as_ref().ok_or(Errno::STALE);
                let root = root.destination("open")?;
                let handle = root.open_path(path.as_bytes()).destination("open")?;
                handle.release_if_scarce();
                handle
            }
        };
        if handle.id() != id {
            return Err(Errno::STALE).destination("open");
        }
        scratch.reopened = Some((path.clone(), Arc::clone(&handle)));
        self.dir = Place::Handle(Arc::clone(&handle));
        Ok(handle)
    }

    /// The path below the root.
    pub(super) fn path(&self) -> BytePath {
        match &self.dir {
            Place::Handle(handle) => handle.path_of(self.name.to_bytes()),
            Place::Path(path) => path.0.join(self.name.to_bytes()),
        }
    }

    /// The time that the directory has once it is done.
    pub(super) fn mtime(&self) -> (i64, u32) {
        self.mtime
    }

    fn encode(&self, to: &mut Vec<u8>) {
        let (path, id) = match &self.dir {
            Place::Handle(handle) => (&handle.path(), handle.id()),
            Place::Path(path) => (&path.0, path.1),
        };
        put(to, path.as_bytes());
        put(to, self.name.to_bytes());
        put_numbers(to, [id.dev, id.ino]);
        put_time(to, self.mtime);
    }

    fn decode(from: &mut dyn Read) -> Result<Spot> {
        let (path, name) = (bytes(from)?, name(from)?);
        let id = FileId { dev: number(from)?, ino: number(from)? };
        let mtime = time(from)?;
        Ok(Spot { dir: Place::Path(Box::new((BytePath::from(path), id))), name, mtime })
    }
}

impl Home {
    /// Adds all of it to `to`.
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        put_option(to, self.spot.as_ref(), |to, spot| spot.encode(to));
        put_option(to, self.inode, put_number);
        put_number(to, self.names.into());
        put_option(to, self.shared.as_ref(), |to, shared| shared.encode(to));
        put_option(to, self.members.as_ref(), |to, members| {
            put_number(to, members.len() as u64);
            members.iter().for_each(|member| member.encode(to));
        });
    }

    /// Reads what `encode` wrote.
    pub(super) fn decode(from: &mut dyn Read) -> Result<Home> {
        Ok(Home {
            spot: option(from, Spot::decode)?,
            inode: option(from, number)?,
            names: small(from)?,
            shared: option(from, |from| Shared::decode(from).map(Box::new))?,
            members: option(from, |from| (0..number(from)?).map(|_| Spot::decode(from)).collect())?,
        })
    }
}

impl Shared {
    fn encode(&self, to: &mut Vec<u8>) {
        let Final { meta, xattrs, target, digest, changed } = &self.entry;
        put_numbers(to, [self.group, u64::from(*changed)]);
        put_option(to, digest.as_ref(), |to, digest| to.extend_from_slice(digest));
        put(to, target);
        put_number(to, xattrs.len() as u64);
        for (name, value) in xattrs {
            put(to, name.to_bytes());
            put(to, value);
        }
        let mode = meta.mode | meta.file_type.as_raw_mode();
        put_numbers(to, [mode.into(), meta.uid.into(), meta.gid.into(), meta.nlink.into()]);
        put_numbers(to, [meta.size, meta.stored, meta.id.dev, meta.id.ino, meta.rdev]);
        put_time(to, meta.mtime);
        put_time(to, meta.ctime);
    }

    fn decode(from: &mut dyn Read) -> Result<Shared> {
        let (group, changed) = (number(from)?, number(from)? != 0);
        let digest = option(from, |from| {
            let mut digest = [0; size_of::<Digest>()];
            from.read_exact(&mut digest).map(|()| digest)
        })?;
        let target = bytes(from)?;
        let xattrs = (0..number(from)?)
            .map(|_| Ok((name(from)?, bytes(from)?)))
            .collect::<Result<Xattrs>>()?;
        let mode = small(from)?;
        let meta = Meta {
            file_type: FileType::from_raw_mode(mode),
            mode: mode & 0o7777,
            uid: small(from)?,
            gid: small(from)?,
            nlink: small(from)?,
            size: number(from)?,
            stored: number(from)?,
            id: FileId { dev: number(from)?, ino: number(from)? },
            rdev: number(from)?,
            mtime: time(from)?,
            ctime: time(from)?,
        };
        Ok(Shared { group, entry: Final { meta, xattrs, target, digest, changed } })
    }
}

fn put_numbers<const N: usize>(to: &mut Vec<u8>, numbers: [u64; N]) {
    numbers.iter().for_each(|number| put_number(to, *number));
}

fn put_time(to: &mut Vec<u8>, (seconds, nanoseconds): (i64, u32)) {
    put_numbers(to, [seconds.cast_unsigned(), nanoseconds.into()]);
}

fn put_option<T>(to: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    put_number(to, u64::from(value.is_some()));
    if let Some(value) = value {
        put(to, value);
    }
}

fn option<T>(
    from: &mut dyn Read,
    read: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<Option<T>> {
    if number(from)? == 0 { Ok(None) } else { read(from).map(Some) }
}

fn small(from: &mut dyn Read) -> Result<u32> {
    u32::try_from(number(from)?).map_err(|_| ErrorKind::InvalidData.into())
}

fn time(from: &mut dyn Read) -> Result<(i64, u32)> {
    Ok((number(from)?.cast_signed(), small(from)?))
}

fn bytes(from: &mut dyn Read) -> Result<Vec<u8>> {
    let length = number(from)?;
    get(from, length)
}

fn name(from: &mut dyn Read) -> Result<CString> {
    CString::new(bytes(from)?).map_err(|_| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_comes_back_from_its_bytes() {
        let meta = Meta {
            file_type: FileType::RegularFile,
            mode: 0o4711,
            uid: 1,
            gid: u32::MAX,
            size: 3,
            stored: 4,
            mtime: (-5, 999_999_999),
            ctime: (i64::MAX, 0),
            nlink: 6,
            id: FileId { dev: 7, ino: u64::MAX },
            rdev: 8,
        };
        let xattrs = vec![(c"user.a".to_owned(), b"\0\xff".to_vec()), (c"b".to_owned(), vec![])];
        let entry = Final { meta, xattrs, target: vec![9], digest: Some([10; 32]), changed: true };
        let spot = |path: &str| Spot {
            dir: Place::Path(Box::new((path.as_bytes().into(), FileId { dev: 11, ino: 12 }))),
            name: c"name".to_owned(),
            mtime: (-13, 14),
        };
        let whole = Home {
            spot: Some(spot("a/b")),
            inode: Some(15),
            shared: Some(Box::new(Shared { group: 16, entry })),
            names: 17,
            members: Some(vec![spot(""), spot("c")]),
        };
        let bare = Home { spot: None, inode: None, shared: None, names: 0, members: None };
        for home in [whole, bare] {
            let mut bytes = Vec::new();
            home.encode(&mut bytes);
            let back = Home::decode(&mut bytes.as_slice()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{home:?}"));
            for end in 0..bytes.len() {
                assert!(Home::decode(&mut &bytes[..end]).is_err(), "cut at {end}");
            }
        }
    }
}
