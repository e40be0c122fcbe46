//! Object storage, as far as workers need it: S3, where support for AWS is built in.

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

/// A bucket and what follows it in `s3://bucket/key`.
///
/// ```
/// use efsbackup_core::deploy::S3Uri;
///
/// let logs: S3Uri = "s3://logs/nightly".parse()?;
/// assert_eq!(logs.join("run.log.gz").to_string(), "s3://logs/nightly/run.log.gz");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct S3Uri {
    /// The bucket's name, never empty.
    pub bucket: String,
    /// The key, or the beginning of several keys; may be empty. Any characters, as they are.
    pub key: String,
}

impl S3Uri {
    /// The URI of `name` below this one, taken as a folder.
    #[must_use]
    pub fn join(&self, name: &str) -> S3Uri {
        let folder = self.as_folder();
        S3Uri { key: folder.key + name, bucket: folder.bucket }
    }

    /// This URI with a `/` at the end of its key, so that it is the prefix of what is in a
    /// folder and of nothing beside it.
    #[must_use]
    pub fn as_folder(&self) -> S3Uri {
        let slash = if self.key.is_empty() || self.key.ends_with('/') { "" } else { "/" };
        S3Uri { bucket: self.bucket.clone(), key: format!("{}{slash}", self.key) }
    }
}

impl FromStr for S3Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<S3Uri> {
        let rest = text.strip_prefix("s3://").unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "read S3 URI")
                .with_message(format!("'{text}' is not s3://BUCKET/KEY")));
        }
        Ok(S3Uri { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Where workers check for objects, fetch them, and put their logs and outputs.
///
/// A file to fetch into is made by the calling thread, which may have another user's rights than
/// the rest of the process.
/// Its calls block, and may take long; each returns soon after `cancel` is set, then with
/// [`ErrorKind::Cancelled`]. Errors beside that: `PermissionDenied`, `NotFound` for a bucket
/// or key that is not there, `Throttled`, `Remote` and `Timeout` where asking again may help.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::deploy::{ObjectStore, S3Uri};
/// use efsbackup_core::{Error, ErrorKind, Result};
/// use std::ops::ControlFlow;
/// use std::path::{Path, PathBuf};
///
/// /// Objects as files of this machine: `s3://bucket/key` is `ROOT/bucket/key`.
/// #[derive(Debug)]
/// struct Folder(PathBuf);
///
/// impl ObjectStore for Folder {
///     fn exists(&self, uri: &S3Uri, _: &CancelToken) -> Result<bool> {
///         Ok(self.0.join(&uri.bucket).join(&uri.key).exists())
///     }
///
///     fn fetch(&self, uri: &S3Uri, to: &Path, _: &CancelToken) -> Result<()> {
///         let copied = std::fs::copy(self.0.join(&uri.bucket).join(&uri.key), to);
///         copied.map(drop).map_err(|error| Error::from_io("fetch", error))
///     }
///
///     fn store(&self, from: &Path, uri: &S3Uri, _: &CancelToken) -> Result<()> {
///         let copied = std::fs::copy(from, self.0.join(&uri.bucket).join(&uri.key));
///         copied.map(drop).map_err(|error| Error::from_io("store", error))
///     }
///
///     fn list(
///         &self,
///         _: &S3Uri,
///         _: &CancelToken,
///         _: &mut dyn FnMut(S3Uri, u64) -> ControlFlow<()>,
///     ) -> Result<()> {
///         Err(Error::new(ErrorKind::Unsupported, "list"))
///     }
/// }
/// ```
pub trait ObjectStore: fmt::Debug + Send + Sync {
    /// Whether there is an object with exactly this key (`HeadObject`).
    ///
    /// # Errors
    /// As above; that the key is missing is no error, that the bucket is, is one.
    fn exists(&self, uri: &S3Uri, cancel: &CancelToken) -> Result<bool>;

    /// Gives `each` the objects whose keys begin with `prefix`'s, in the order of their keys,
    /// with their sizes in bytes, until it breaks (`ListObjectsV2`). That there are none is no
    /// error.
    ///
    /// # Errors
    /// As above.
    fn list(
        &self,
        prefix: &S3Uri,
        cancel: &CancelToken,
        each: &mut dyn FnMut(S3Uri, u64) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Writes an object's bytes to the file `to`, which is made anew (`GetObject`).
    ///
    /// # Errors
    /// As above; what was written then is not complete.
    fn fetch(&self, uri: &S3Uri, to: &Path, cancel: &CancelToken) -> Result<()>;

    /// Makes or replaces an object with the bytes of the file `from` (`PutObject`, in parts
    /// where the file is large). The object is there whole or not at all.
    ///
    /// # Errors
    /// As above.
    fn store(&self, from: &Path, uri: &S3Uri, cancel: &CancelToken) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_bucket_and_any_key() {
        let uri: S3Uri = "s3://bucket/a//b c".parse().unwrap();
        assert_eq!((&*uri.bucket, &*uri.key), ("bucket", "a//b c"));
        assert_eq!(uri.to_string(), "s3://bucket/a//b c");
        assert_eq!(uri.join("x").to_string(), "s3://bucket/a//b c/x");
        let bare: S3Uri = "s3://bucket".parse().unwrap();
        assert_eq!(bare.join("x").to_string(), "s3://bucket/x");
        assert_eq!(bare.as_folder().key, "");
        for wrong in ["bucket/key", "s3:///key", "http://bucket/key", ""] {
            assert!(wrong.parse::<S3Uri>().is_err(), "{wrong}");
        }
    }
}
