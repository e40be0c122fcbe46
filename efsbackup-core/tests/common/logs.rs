//! Logs of attempts, compressed at their end.

use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::Read;
use std::path::Path;

/// What is in a file; in plain where it is compressed.
pub(crate) fn plain(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(&*bytes).read_to_end(&mut text).unwrap();
    text
}

/// The log `name` of an attempt that has ended.
pub(crate) fn log(dir: &Path, name: &str) -> String {
    assert!(!dir.join(name).exists(), "{name} is not compressed");
    String::from_utf8(plain(&dir.join(format!("{name}.gz")))).unwrap()
}
