//! A file's content: copied with its holes, or compared.

use super::ahead::{Ahead, begin_writing};
use super::calls;
use super::settled::ContentHasher;
use rustix::fd::OwnedFd;
use rustix::fs::SeekFrom;
use rustix::io::{Errno, Result};

/// Below this many bytes reading and writing is quicker than setting up a kernel copy.
const SMALL: u64 = 128 << 10;
/// How much is asked of the kernel at once: cancelling waits no longer than for this.
const STEP: usize = 8 << 20;
/// Runs of zeros at least this long become holes where the file system can't tell its own.
const HOLE: usize = 64 << 10;
/// How much is read at once from a file server, and the most that a buffer has, twice this for
/// comparing.
const BUFFER: usize = 1 << 20;
/// How much is read at once from local storage: what stays in a processor's own cache until it
/// is hashed and written.
const CACHED: usize = 1 << 18;

/// How content is gone through.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    /// Hears how many bytes of a piece were read and written, and says whether to go on.
    pub(super) done: &'a dyn Fn(u64, u64) -> bool,
    /// The most bytes of a piece.
    pub(super) most: usize,
    /// Where a file is on a file server: how much of it to ask for at once.
    pub(super) ahead: Option<u64>,
    /// Whether the kernel may be asked to copy. Between file servers it reads and writes in
    /// turn.
    pub(super) in_kernel: bool,
}

impl Steps<'_> {
    /// What reads ahead in a file of which `size` bytes will be read.
    fn ahead<'f>(&self, file: &'f OwnedFd, size: u64) -> Option<Ahead<'f>> {
        self.ahead.and_then(|piece| Ahead::of(file, size, piece, self.most))
    }

    /// How much to read at once.
    fn piece(&self) -> usize {
        let piece = if self.ahead.is_some() { BUFFER } else { CACHED };
        piece.min(self.most)
    }

    fn go_on(&self, read: u64, written: u64) -> std::result::Result<(), Fault> {
        if (self.done)(read, written) { Ok(()) } else { Err(Fault::Stopped) }
    }
}

/// A copy that went wrong, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Read(Errno),
    Write(Errno),
    Truncate(Errno),
    Stopped,
}

/// Copies the first `size` bytes of `source` to the empty file `destination`; fewer if
/// the source ends before. Returns how many bytes were there to copy. With a `hasher` the
/// content goes through memory, and the hasher gets all of it.
pub(super) fn copy(
    source: &OwnedFd,
    destination: &OwnedFd,
    size: u64,
    may_have_holes: bool,
    buffer: &mut Vec<u8>,
    steps: Steps<'_>,
    hasher: Option<&mut dyn ContentHasher>,
) -> std::result::Result<u64, Fault> {
    let in_kernel = steps.in_kernel && size > SMALL && hasher.is_none();
    let hash = hasher.map(|hasher| Hash { hasher, at: 0, size: (!may_have_holes).then_some(size) });
    let ahead = steps.ahead(source, size);
    let mut copy =
        Copy { source, destination, buffer, steps, ahead, in_kernel, zeros: false, hash };
    if !may_have_holes {
        return copy.range(0, size);
    }
    let end = copy.segments(0, size, true)?;
    if let Some(hash) = &mut copy.hash {
        hash.zeros_to(end, steps)?;
    }
    calls::ftruncate(destination, end).map_err(Fault::Truncate)?;
    Ok(end)
}

/// Copies a piece of `source` into the same place of `destination`, through memory, and gives
/// the hasher all of it. `holes` is the size of the whole file, where that may have holes.
/// Returns where the source ended, or the piece.
#[cfg(feature = "snapshot")]
pub(super) fn copy_piece(
    source: &OwnedFd,
    destination: &OwnedFd,
    piece: std::ops::Range<u64>,
    holes: Option<u64>,
    buffer: &mut Vec<u8>,
    steps: Steps<'_>,
    hasher: &mut dyn ContentHasher,
) -> std::result::Result<u64, Fault> {
    let ahead = steps.ahead(source, piece.end - piece.start);
    let hash = Some(Hash { hasher, at: piece.start, size: None });
    let mut copy =
        Copy { source, destination, buffer, steps, ahead, in_kernel: false, zeros: false, hash };
    let end = match holes {
        None => copy.range(piece.start, piece.end)?,
        // As when all of the file is copied: storage says otherwise, yet it can't tell.
        Some(whole) if calls::seek(source, SeekFrom::Hole(0)) == Ok(whole) => {
            copy.without_holes(piece.start, piece.end)?
        }
        Some(_) => copy.segments(piece.start, piece.end, false)?,
    };
    if let Some(hash) = &mut copy.hash {
        hash.zeros_to(end, steps)?;
    }
    Ok(end)
}

struct Copy<'a> {
    source: &'a OwnedFd,
    destination: &'a OwnedFd,
    buffer: &'a mut Vec<u8>,
    steps: Steps<'a>,
    ahead: Option<Ahead<'a>>,
    /// Whether the kernel may copy; false once it has refused.
    in_kernel: bool,
    /// Whether zeros are left out.
    zeros: bool,
    hash: Option<Hash<'a>>,
}

/// A hasher that is given the zeros of holes too.
struct Hash<'a> {
    hasher: &'a mut dyn ContentHasher,
    /// How many bytes it was given.
    at: u64,
    /// The file's size, where no hole can be in it.
    size: Option<u64>,
}

impl Hash<'_> {
    fn zeros_to(&mut self, end: u64, steps: Steps<'_>) -> std::result::Result<(), Fault> {
        while self.at < end {
            let length = zeros(self.hasher, (end - self.at).min(STEP as u64));
            self.at += length;
            steps.go_on(0, 0)?;
        }
        Ok(())
    }

    fn data(&mut self, data: &[u8]) {
        if self.size == Some(data.len() as u64) {
            self.hasher.update_whole(data);
        } else {
            self.hasher.update(data);
        }
        self.at += data.len() as u64;
    }
}

/// Gives the hasher `length` zeros.
pub(super) fn zeros(hasher: &mut dyn ContentHasher, length: u64) -> u64 {
    const ZEROS: &[u8] = &[0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
        hasher.update(&ZEROS[..some]);
        left -= some as u64;
    }
    length
}

/// Gives the hasher the whole content of `file`.
pub(super) fn hash(
    file: &OwnedFd,
    buffer: &mut Vec<u8>,
    steps: Steps<'_>,
    hasher: &mut dyn ContentHasher,
) -> std::result::Result<(), Fault> {
    let most = steps.piece();
    if buffer.len() < most {
        buffer.resize(most, 0);
    }
    let mut ahead = steps.ahead(file, u64::MAX);
    let mut offset = 0;
    loop {
        want(&mut ahead, offset);
        let read = fill(file, &mut buffer[..most], offset).map_err(Fault::Read)?;
        if offset == 0 && read < most {
            hasher.update_whole(&buffer[..read]);
        } else {
            hasher.update(&buffer[..read]);
        }
        steps.go_on(read as u64, 0)?;
        if read < most {
            return Ok(());
        }
        offset += read as u64;
    }
}

impl Copy<'_> {
    /// Copies from `offset` to `size` only what the file system says is data. `whole`: that is
    /// all of the file.
    fn segments(
        &mut self,
        mut offset: u64,
        size: u64,
        whole: bool,
    ) -> std::result::Result<u64, Fault> {
        while offset < size {
            let data = match calls::seek(self.source, SeekFrom::Data(offset)) {
                Ok(data) => data.min(size),
                // No data from here on. The end may have come closer meanwhile.
                Err(Errno::NXIO) => return Ok(self.length()?.min(size)),
                Err(Errno::INVAL | Errno::OPNOTSUPP) => return self.without_holes(offset, size),
                Err(errno) => return Err(Fault::Read(errno)),
            };
            let hole = match calls::seek(self.source, SeekFrom::Hole(data)) {
                Ok(hole) => hole.min(size),
                Err(Errno::NXIO) => return Ok(self.length()?.min(size)),
                Err(errno) => return Err(Fault::Read(errno)),
            };
            if whole && (data, hole) == (0, size) {
                // One piece, yet storage says otherwise: the file system can't tell (NFSv4.1).
                return self.without_holes(0, size);
            }
            let end = self.range(data, hole)?;
            if end < hole {
                return Ok(end);
            }
            offset = hole;
        }
        Ok(size)
    }

    fn without_holes(&mut self, from: u64, to: u64) -> std::result::Result<u64, Fault> {
        (self.zeros, self.in_kernel) = (true, false);
        self.range(from, to)
    }

    fn length(&self) -> std::result::Result<u64, Fault> {
        calls::seek(self.source, SeekFrom::End(0)).map_err(Fault::Read)
    }

    /// Copies the bytes from `from` to `to`; returns where the source ended.
    fn range(&mut self, from: u64, to: u64) -> std::result::Result<u64, Fault> {
        let mut offset = from;
        while offset < to {
            let copied = if self.in_kernel {
                self.kernel_step(offset, to)?
            } else {
                self.buffer_step(offset, to)?
            };
            if copied == 0 && !self.in_kernel {
                break;
            }
            offset += copied;
            self.steps.go_on(copied, copied)?;
        }
        Ok(offset)
    }

    /// One copy_file_range(2). It has many ways to refuse, and a zero from it does not
    /// prove the end of the file; both lead to reading and writing from where it got to.
    fn kernel_step(&mut self, offset: u64, to: u64) -> std::result::Result<u64, Fault> {
        let most = STEP.min(self.steps.most);
        let length = most.min(usize::try_from(to - offset).unwrap_or(most));
        match calls::copy_file_range(self.source, self.destination, offset, length) {
            Ok(copied) if copied > 0 => return Ok(copied as u64),
            Err(Errno::INTR) => return Ok(0),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => return Err(Fault::Write(errno)),
            // Whatever else it was, read(2) and write(2) will say on which side.
            Ok(_) | Err(_) => self.in_kernel = false,
        }
        self.buffer_step(offset, to)
    }

    fn buffer_step(&mut self, offset: u64, to: u64) -> std::result::Result<u64, Fault> {
        let most = self.steps.piece();
        let length = most.min(usize::try_from(to - offset).unwrap_or(most));
        // No larger than needed: clearing a large buffer costs more than a small file.
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        if let Some(ahead) = &mut self.ahead {
            ahead.want(offset, to);
        }
        let filled = fill(self.source, &mut self.buffer[..length], offset).map_err(Fault::Read)?;
        let data = &self.buffer[..filled];
        if let Some(hash) = &mut self.hash {
            hash.zeros_to(offset, self.steps)?;
            hash.data(data);
        }
        if self.zeros {
            write_but_zeros(self.destination, data, offset)
        } else {
            write_all(self.destination, data, offset)
        }
        .map_err(Fault::Write)?;
        if self.ahead.is_some() {
            begin_writing(self.destination, offset, filled as u64);
        }
        Ok(filled as u64)
    }
}

/// Reads ahead in a file of unknown size: further only once its beginning proved to be long.
fn want(ahead: &mut Option<Ahead<'_>>, offset: u64) {
    if let Some(ahead) = ahead {
        ahead.want(offset, if offset == 0 { BUFFER as u64 } else { u64::MAX });
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(fd: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match calls::pread(fd, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

fn write_all(fd: &OwnedFd, mut data: &[u8], mut offset: u64) -> Result<()> {
    while !data.is_empty() {
        match calls::pwrite(fd, data, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                data = &data[written..];
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes all blocks of [`HOLE`] bytes but those that are zeros.
fn write_but_zeros(fd: &OwnedFd, data: &[u8], offset: u64) -> Result<()> {
    for (index, block) in data.chunks(HOLE).enumerate() {
        if block.len() < HOLE || block.iter().any(|byte| *byte != 0) {
            write_all(fd, block, offset + (index * HOLE) as u64)?;
        }
    }
    Ok(())
}

/// Makes the first `size` bytes of the second file those of the first by writing the blocks
/// that differ; fewer if the source ends before. Returns how many bytes were there. `hasher`
/// is as for [`copy`].
pub(super) fn rewrite(
    (source, destination): (&OwnedFd, &OwnedFd),
    size: u64,
    buffer: &mut Vec<u8>,
    steps: Steps<'_>,
    mut hasher: Option<&mut dyn ContentHasher>,
) -> std::result::Result<u64, Fault> {
    buffer.resize(2 * BUFFER, 0);
    let (new, old) = buffer.split_at_mut(BUFFER);
    let (mut ahead, mut old_ahead) = (steps.ahead(source, size), steps.ahead(destination, size));
    let mut offset = 0;
    while offset < size {
        for ahead in [&mut ahead, &mut old_ahead].into_iter().flatten() {
            ahead.want(offset, size);
        }
        let most = steps.piece();
        let length = most.min(usize::try_from(size - offset).unwrap_or(most));
        let read = fill(source, &mut new[..length], offset).map_err(Fault::Read)?;
        if read == 0 {
            break;
        }
        let had = fill(destination, &mut old[..read], offset).map_err(Fault::Write)?;
        // Behind its end the file will be a hole.
        old[had..read].fill(0);
        if let Some(hasher) = &mut hasher {
            hasher.update(&new[..read]);
        }
        let mut written = 0;
        for (at, block) in (0..).step_by(HOLE).zip(new[..read].chunks(HOLE)) {
            if *block != old[at..at + block.len()] {
                write_all(destination, block, offset + at as u64).map_err(Fault::Write)?;
                written += block.len() as u64;
            }
        }
        offset += read as u64;
        steps.go_on(read as u64, written)?;
    }
    Ok(offset)
}

/// Whether the two files hold the same bytes.
pub(super) fn equal(
    left: &OwnedFd,
    right: &OwnedFd,
    buffer: &mut Vec<u8>,
    steps: Steps<'_>,
) -> std::result::Result<bool, Fault> {
    buffer.resize(2 * BUFFER, 0);
    let (first, second) = buffer.split_at_mut(BUFFER);
    let most = steps.piece();
    let (mut ahead, mut other_ahead) = (steps.ahead(left, u64::MAX), steps.ahead(right, u64::MAX));
    let mut offset = 0;
    loop {
        want(&mut ahead, offset);
        want(&mut other_ahead, offset);
        let read = fill(left, &mut first[..most], offset).map_err(Fault::Read)?;
        let other = fill(right, &mut second[..most], offset).map_err(Fault::Write)?;
        steps.go_on(read as u64, 0)?;
        if first[..read] != second[..other] {
            return Ok(false);
        }
        if read < most {
            return Ok(true);
        }
        offset += read as u64;
    }
}
