//! Object storage in a folder: `s3://bucket/key` is the file `bucket/key` below it.

use efsbackup_core::ErrorKind;
use efsbackup_core::cancel::CancelToken;
use efsbackup_core::deploy::{ObjectStore, S3Uri};
use efsbackup_core::error::{Error, Result};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct FolderStore(pub(crate) PathBuf);

impl FolderStore {
    pub(crate) fn put(&self, uri: &str, text: &str) {
        let path = self.path(&uri.parse().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn get(&self, uri: &str) -> Vec<u8> {
        fs::read(self.path(&uri.parse().unwrap())).expect(uri)
    }

    fn path(&self, uri: &S3Uri) -> PathBuf {
        // A key is no path: `a/../b` is a key like any other.
        self.0.join(&uri.bucket).join(uri.key.replace("..", "%2E%2E"))
    }
}

fn failed(error: std::io::Error, uri: &S3Uri) -> Error {
    Error::from_io("test store", error).with_message(uri.to_string())
}

fn look(cancel: &CancelToken) -> Result<()> {
    if cancel.is_cancelled() { Err(Error::new(ErrorKind::Cancelled, "test store")) } else { Ok(()) }
}

fn walk(dir: &Path, base: &Path, keys: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, base, keys);
        } else {
            let key = path.strip_prefix(base).unwrap().to_str().unwrap();
            keys.push(key.replace("%2E%2E", ".."));
        }
    }
}

impl ObjectStore for FolderStore {
    fn exists(&self, uri: &S3Uri, cancel: &CancelToken) -> Result<bool> {
        look(cancel)?;
        Ok(self.path(uri).is_file())
    }

    fn list(
        &self,
        prefix: &S3Uri,
        cancel: &CancelToken,
        each: &mut dyn FnMut(S3Uri, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        look(cancel)?;
        let base = self.0.join(&prefix.bucket);
        let mut keys = Vec::new();
        walk(&base, &base, &mut keys);
        keys.sort();
        for key in keys.into_iter().filter(|key| key.starts_with(&prefix.key)) {
            let uri = S3Uri { bucket: prefix.bucket.clone(), key };
            let size = fs::metadata(self.path(&uri)).map_err(|error| failed(error, &uri))?.len();
            if each(uri, size).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn fetch(&self, uri: &S3Uri, to: &Path, cancel: &CancelToken) -> Result<()> {
        look(cancel)?;
        fs::copy(self.path(uri), to).map(drop).map_err(|error| failed(error, uri))
    }

    fn store(&self, from: &Path, uri: &S3Uri, cancel: &CancelToken) -> Result<()> {
        look(cancel)?;
        let path = self.path(uri);
        fs::create_dir_all(path.parent().unwrap()).map_err(|error| failed(error, uri))?;
        fs::copy(from, path).map(drop).map_err(|error| failed(error, uri))
    }
}
