//! Keeping a file server busy with a large file that is read and written in order: many pieces
//! of it are under way at a time, however far it is to the server.
//!
//! Since Linux 5.4 the NFS client by itself reads no more than 128 KiB ahead, one round trip
//! after the other, and begins to write when much waits to be written.

use super::calls;
use rustix::fd::OwnedFd;
use rustix::fs;
use std::path::Path;

/// How much of a file is asked for before it is wanted: 16 calls of the largest size.
const WINDOW: u64 = 16 << 20;
/// What a call to a file server carries at most, as AWS recommends for EFS.
const LARGEST: u64 = 1 << 20;
/// How far the kernel reads ahead unless told otherwise.
const USUAL: u64 = 128 << 10;

/// How many bytes of a file on this device to ask for at once: no more of them are sent for
/// than twice what the kernel reads ahead there.
pub(super) fn piece(device: u64) -> u64 {
    let name = format!("{}:{}", fs::major(device), fs::minor(device));
    let path = Path::new("/sys/class/bdi").join(name).join("read_ahead_kb");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let kib: u64 = text.trim().parse().unwrap_or(USUAL >> 10);
    kib.saturating_mul(2 << 10).clamp(USUAL, LARGEST)
}

/// Asks for the content of a file ahead of the one who reads it.
pub(super) struct Ahead<'a> {
    file: &'a OwnedFd,
    piece: u64,
    window: u64,
    asked: u64,
}

impl<'a> Ahead<'a> {
    /// For a file of which `size` bytes will be read, at most `most` at a time.
    pub(super) fn of(file: &'a OwnedFd, size: u64, piece: u64, most: usize) -> Option<Ahead<'a>> {
        if size <= USUAL {
            return None;
        }
        let window = WINDOW.min(most as u64);
        // Doubles what the kernel reads ahead. Where neither can be had, reading is slower and
        // nothing else.
        let _ = calls::read_in_order(file);
        Some(Ahead { file, piece, window, asked: 0 })
    }

    /// The bytes from `offset` on are wanted now, and those up to `end` later.
    pub(super) fn want(&mut self, offset: u64, end: u64) {
        self.asked = self.asked.max(offset);
        while self.asked < end.min(offset.saturating_add(self.window)) {
            let _ = calls::read_ahead(self.file, self.asked, self.piece);
            self.asked += self.piece;
        }
    }
}

/// Has the bytes from `offset` on begin their way to the server. What goes wrong there is told
/// when the file is synced or closed.
pub(super) fn begin_writing(file: &OwnedFd, offset: u64, length: u64) {
    let _ = calls::sync_file_range(file, offset, length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_asked_for_and_moves_on_with_the_reader() {
        let file: OwnedFd = tempfile::tempfile().unwrap().into();
        assert!(Ahead::of(&file, USUAL, LARGEST, usize::MAX).is_none());
        let mut ahead = Ahead::of(&file, 100 << 20, LARGEST, usize::MAX).unwrap();
        ahead.want(0, 100 << 20);
        assert_eq!(ahead.asked, WINDOW);
        ahead.want(1 << 20, 100 << 20);
        assert_eq!(ahead.asked, WINDOW + LARGEST);
        // Behind a hole, and up to the end.
        ahead.want(90 << 20, 100 << 20);
        assert_eq!(ahead.asked, 100 << 20);
        // Held to a rate, no more than a piece of that.
        let mut ahead = Ahead::of(&file, 100 << 20, USUAL, 64 << 10).unwrap();
        ahead.want(0, 100 << 20);
        assert_eq!(ahead.asked, USUAL);
    }

    #[test]
    fn pieces_are_neither_tiny_nor_more_than_a_call_carries() {
        let device = std::os::unix::fs::MetadataExt::dev(&std::fs::metadata("/").unwrap());
        for device in [device, 0] {
            assert!((USUAL..=LARGEST).contains(&piece(device)));
        }
    }
}
