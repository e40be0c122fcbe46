//! Names and paths as the bytes they are.
//!
//! Linux names are any bytes but `/` and NUL. They are kept as bytes everywhere and
//! made readable only here, for people.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A name or path, as bytes. Its `Display` is readable and loses nothing: bytes that
/// are not UTF-8, control characters and backslashes are shown as `\xff`, `\n`, `\\`.
///
/// ```
/// use efsbackup_core::bytepath::BytePath;
///
/// let path = BytePath::from(&b"projects"[..]).join(b"caf\xe9.txt");
/// assert_eq!(path.to_utf8(), None);
/// assert_eq!(path.to_string(), r"projects/caf\xe9.txt");
/// assert_eq!(BytePath::from_display(&path.to_string()), Some(path));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BytePath(Vec<u8>);

impl BytePath {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same bytes as a [`Path`].
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The text, if the bytes are UTF-8.
    pub fn to_utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text where the bytes are UTF-8, else the escaped form that `Display` gives.
    pub fn to_text(&self) -> String {
        self.to_utf8().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// The bytes that `Display` showed as `text`; `None` where it can't have shown that.
    pub fn from_display(text: &str) -> Option<BytePath> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, escape)) = rest.split_once('\\') {
            bytes.extend_from_slice(before.as_bytes());
            let mut after = escape.chars();
            match after.next()? {
                '\\' => bytes.push(b'\\'),
                'n' => bytes.push(b'\n'),
                'r' => bytes.push(b'\r'),
                't' => bytes.push(b'\t'),
                'x' => {
                    bytes.push(u8::from_str_radix(escape.get(1..3)?, 16).ok()?);
                    after = escape.get(3..)?.chars();
                }
                'u' => {
                    let (digits, end) = escape.get(2..)?.split_once('}')?;
                    let shown = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                    bytes.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
                    after = end.chars();
                }
                _ => return None,
            }
            rest = after.as_str();
        }
        bytes.extend_from_slice(rest.as_bytes());
        Some(BytePath(bytes))
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with `name` appended after a `/` (none after an empty path).
    pub fn join(&self, name: &[u8]) -> BytePath {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        bytes.extend_from_slice(&self.0);
        if !bytes.is_empty() && !bytes.ends_with(b"/") && !name.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        BytePath(bytes)
    }
}

impl fmt::Display for BytePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    c if c.is_control() => write!(f, "\\u{{{:x}}}", c as u32)?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for BytePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl From<&[u8]> for BytePath {
    fn from(bytes: &[u8]) -> Self {
        BytePath(bytes.to_vec())
    }
}

impl From<Vec<u8>> for BytePath {
    fn from(bytes: Vec<u8>) -> Self {
        BytePath(bytes)
    }
}

impl From<&Path> for BytePath {
    fn from(path: &Path) -> Self {
        BytePath(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<PathBuf> for BytePath {
    fn from(path: PathBuf) -> Self {
        BytePath(path.into_os_string().into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_escapes_what_a_terminal_would_not_show() {
        let path = BytePath::from(&b"a\\b\n\xff\x1b[0m\xc3\xa9"[..]);
        assert_eq!(path.to_string(), "a\\\\b\\n\\xff\\u{1b}[0m\u{e9}");
    }

    #[test]
    fn what_was_displayed_is_read_back() {
        for bytes in [&b"a\\b\n\r\t\xff\x1b[0m\xc3\xa9 x"[..], b"", b"\\x41", b"\xc2\x85"] {
            let path = BytePath::from(bytes);
            assert_eq!(BytePath::from_display(&path.to_string()), Some(path));
        }
        for wrong in ["\\", "\\q", "\\x4", "\\u{110000}", "\\u41", "\\xg0"] {
            assert_eq!(BytePath::from_display(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn join_puts_one_slash_between() {
        let empty = BytePath::default();
        assert_eq!(empty.join(b"a").as_bytes(), b"a");
        assert_eq!(empty.join(b"a").join(b"b").as_bytes(), b"a/b");
        assert_eq!(BytePath::from(&b"/"[..]).join(b"b").as_bytes(), b"/b");
    }
}
