//! Files without a name, and how numbers and bytes stand in them.

use std::fs::{File, OpenOptions};
use std::io::{Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file in `folder` that no name leads to and that ends with its descriptor.
pub(super) fn unnamed_file(folder: &Path) -> Result<File> {
    let flags = rustix::fs::OFlags::TMPFILE.bits();
    OpenOptions::new().read(true).write(true).mode(0o600).custom_flags(flags as i32).open(folder)
}

/// Adds bytes, and how many they are.
pub(super) fn put(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_number(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

/// Adds a number.
pub(super) fn put_number(buffer: &mut Vec<u8>, number: u64) {
    buffer.extend_from_slice(&number.to_le_bytes());
}

/// Reads a number.
pub(super) fn number(reader: &mut dyn Read) -> Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Reads `length` bytes.
pub(super) fn get(reader: &mut dyn Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}
