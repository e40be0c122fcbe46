//! Notes in bounded memory: the rest goes to an unnamed file.

use super::unnamed::{get, number, put, unnamed_file};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom, Write};

/// How many bytes are kept in memory.
const IN_MEMORY: usize = 1 << 20;

/// Names in one directory of the destination that the source lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// The directory's path below the root.
    pub(super) path: Vec<u8>,
    /// The names, and whether each is in the way of an entry to copy.
    pub(super) names: Vec<(Vec<u8>, bool)>,
}

/// Notes, first written, then read.
#[derive(Default)]
pub(super) struct Spool {
    buffer: Vec<u8>,
    file: Option<File>,
    reader: Option<Box<dyn Read + Send>>,
}

impl Spool {
    /// Whether nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.file.is_none()
    }

    /// Adds a note.
    pub(super) fn write(&mut self, note: &Note) -> Result<()> {
        put(&mut self.buffer, &note.path);
        self.buffer.extend_from_slice(&(note.names.len() as u64).to_le_bytes());
        for (name, in_the_way) in &note.names {
            self.buffer.push(u8::from(*in_the_way));
            put(&mut self.buffer, name);
        }
        if self.buffer.len() > IN_MEMORY {
            self.spill().map_err(|error| {
                Error::from_io("note", error)
                    .with_path(std::env::temp_dir())
                    .with_message("can't note what to delete in the folder for temporary files")
            })?;
        }
        Ok(())
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(unnamed_file(&std::env::temp_dir())?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// The next note, from the first on. Nothing may be written any more.
    pub(super) fn read(&mut self) -> Result<Option<Note>> {
        self.read_note().map_err(|error| Error::from_io("note", error))
    }

    fn read_note(&mut self) -> std::io::Result<Option<Note>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                let rest = Cursor::new(std::mem::take(&mut self.buffer));
                none.insert(match self.file.take() {
                    Some(mut file) => {
                        file.seek(SeekFrom::Start(0))?;
                        Box::new(BufReader::new(file).chain(rest))
                    }
                    None => Box::new(rest),
                })
            }
        };
        let mut first = [0];
        if reader.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut length = [0; 8];
        length[0] = first[0];
        reader.read_exact(&mut length[1..])?;
        let path = get(reader, u64::from_le_bytes(length))?;
        let count = number(reader)?;
        let mut names = Vec::new();
        for _ in 0..count {
            let mut in_the_way = [0];
            reader.read_exact(&mut in_the_way)?;
            let length = number(reader)?;
            names.push((get(reader, length)?, in_the_way[0] == 1));
        }
        Ok(Some(Note { path, names }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_in_order_from_memory_and_file() {
        let mut spool = Spool::default();
        assert!(spool.is_empty());
        let note = |number: usize| Note {
            path: number.to_string().into_bytes(),
            names: vec![(vec![b'x'; 1000], number.is_multiple_of(2)), (b"\xff".to_vec(), false)],
        };
        for number in 0..2_500 {
            spool.write(&note(number)).unwrap();
        }
        assert!(spool.file.is_some(), "more than {IN_MEMORY} bytes must spill");
        for number in 0..2_500 {
            assert_eq!(spool.read().unwrap(), Some(note(number)));
        }
        assert_eq!(spool.read().unwrap(), None);
    }
}
