//! Files in the repository that the source decides, written anew by `make golden`.

use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Compares `text` with the file, or with EFSB_WRITE_GOLDEN=1 (`make golden`) writes it.
pub(crate) fn is_golden(path: &Path, text: &str) -> bool {
    if std::env::var_os("EFSB_WRITE_GOLDEN").is_some() {
        std::fs::write(path, text).unwrap();
    }
    std::fs::read_to_string(path).unwrap_or_default() == text
}
