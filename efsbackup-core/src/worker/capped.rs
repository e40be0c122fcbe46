//! A log that a script can't fill the disk with.

use std::collections::VecDeque;
use std::io::{self, Write};

/// How much of a long stream's end is kept.
const END: usize = 64 * 1024;

/// Passes on up to a limit, and after that the end of what came.
pub(super) struct Capped<W> {
    out: W,
    room: u64,
    /// How many bytes came after the limit.
    beyond: u64,
    /// The last of them.
    end: VecDeque<u8>,
}

impl<W: Write> Capped<W> {
    pub(super) fn new(out: W, limit: u64) -> Capped<W> {
        Capped { out, room: limit, beyond: 0, end: VecDeque::new() }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let (kept, more) = bytes.split_at(room.min(bytes.len()));
        self.room -= kept.len() as u64;
        self.beyond += more.len() as u64;
        self.end.extend(more.iter().skip(more.len().saturating_sub(END)));
        self.end.drain(..self.end.len().saturating_sub(END));
        self.out.write_all(kept)
    }

    /// Writes the end; between it and the beginning a line says how much is missing.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let missing = self.beyond - self.end.len() as u64;
        if missing > 0 {
            writeln!(self.out, "\n[{missing} bytes are left out here]")?;
        }
        self.out.write_all(self.end.make_contiguous())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(limit: u64, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut capped = Capped::new(&mut out, limit);
        pieces.iter().for_each(|piece| capped.write(piece).unwrap());
        capped.finish().unwrap();
        out
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(kept(5, &[b"abc", b"de"]), b"abcde");
        // Past the limit, but nothing is missing yet.
        assert_eq!(kept(5, &[b"abc", b"defg", b"h"]), b"abcdefgh");
    }

    #[test]
    fn of_what_is_longer_beginning_and_end_stay() {
        let long = vec![b'x'; 3 * END];
        let out = kept(4, &[b"begin", &long, b"end"]);
        assert!(
            out.starts_with(format!("begi\n[{} bytes are left out", 1 + 2 * END + 3).as_bytes())
        );
        assert!(out.ends_with(b"xend"));
        assert!(out.len() < END + 100);
    }
}
