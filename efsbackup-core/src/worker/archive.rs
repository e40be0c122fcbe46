//! What becomes of an attempt's logs at its end: compressed, and sent where the definition wants
//! them.

use super::staging::reach;
use crate::cancel::CancelToken;
use crate::deploy::{ObjectStore, S3Uri};
use crate::error::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where copies of an attempt's logs go.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    /// The S3 folder for the attempt's logs, as they are kept here.
    pub(super) folder: Option<S3Uri>,
    /// Where each stream goes by itself, as it is.
    pub(super) streams: Vec<(&'static str, S3Uri)>,
}

impl Outlets {
    /// Compresses the logs `names` in `dir`, and sends them where they go too. Gives what went
    /// wrong.
    pub(super) fn put_away(
        &self,
        dir: &Path,
        names: &[&str],
        store: Option<&dyn ObjectStore>,
        cancel: &CancelToken,
    ) -> Vec<Error> {
        let mut problems = Vec::new();
        for name in names {
            let path = dir.join(name);
            for (_, uri) in self.streams.iter().filter(|(stream, _)| stream == name) {
                let sent = reach(store, uri).and_then(|store| store.store(&path, uri, cancel));
                problems.extend(sent.err());
            }
            let sent = compress(&path).and_then(|compressed| match &self.folder {
                Some(folder) => {
                    let uri = folder.join(&format!("{name}.gz"));
                    reach(store, &uri)?.store(&compressed, &uri, cancel)
                }
                None => Ok(()),
            });
            problems.extend(sent.err());
        }
        problems
    }
}

/// Puts a log in its `.gz`, behind what an earlier check of the same attempt has left there, and
/// removes it; gives the path of that.
fn compress(path: &Path) -> Result<PathBuf> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (whole, part) = (beside(".gz"), beside(".gz.part"));
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut out = options.create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        match File::open(&whole) {
            Ok(mut earlier) => io::copy(&mut earlier, &mut out).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut encoder = GzEncoder::new(out, Compression::default());
        io::copy(&mut File::open(path)?, &mut encoder)?;
        encoder.finish()?;
        fs::rename(&part, &whole)?;
        fs::remove_file(path)
    };
    match write() {
        Ok(()) => Ok(whole),
        Err(error) => {
            // The log itself is still there.
            let _ = fs::remove_file(&part);
            Err(Error::from_io("compress log", error).with_path(path))
        }
    }
}
