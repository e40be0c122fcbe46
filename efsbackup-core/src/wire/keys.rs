//! The keys that requests are signed with.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Shorter secrets could be found by trying.
const SHORTEST_SECRET: usize = 20;

/// An access key. Its `Debug` form does not show the secret.
///
/// ```
/// use efsbackup_core::wire::Key;
///
/// let key = Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// assert_eq!(key.id(), "AKIDEXAMPLE");
/// assert!(!format!("{key:?}").contains("wJalr"));
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    /// A key of an id (letters and digits) and its secret.
    ///
    /// # Errors
    /// `InvalidInput` for an id of other characters and a secret under 20 characters.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Key> {
        let (id, secret) = (id.into(), secret.into());
        let wrong =
            |text: &str| Err(Error::new(ErrorKind::InvalidInput, "read keys").with_message(text));
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return wrong("an access key id has letters and digits only");
        }
        if secret.chars().count() < SHORTEST_SECRET {
            return wrong("a secret access key needs 20 characters or more");
        }
        Ok(Key { id, secret })
    }

    /// The access key id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys that a service accepts; the first is the one that a client signs with.
///
/// ```
/// use efsbackup_core::wire::Keys;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// Keys::create_file("keys".as_ref())?; // one new key, for its owner's eyes only
/// assert!(!Keys::from_file("keys".as_ref())?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Keys {
        Keys(keys.into_iter().collect())
    }

    /// The key in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    ///
    /// # Errors
    /// `Auth` where one is not set, and as [`Key::new`].
    pub fn from_environment() -> Result<Keys> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| {
                Error::new(ErrorKind::Auth, "read keys")
                    .with_message(format!("{name} is not set; set it, or name a file of keys"))
            })
        };
        Ok(Keys(vec![Key::new(
            variable("AWS_ACCESS_KEY_ID")?,
            variable("AWS_SECRET_ACCESS_KEY")?,
        )?]))
    }

    /// The keys in a file of the form of `~/.aws/credentials`: sections in brackets, each
    /// with `aws_access_key_id` and `aws_secret_access_key`. The same file serves the AWS
    /// CLI as `AWS_SHARED_CREDENTIALS_FILE`.
    ///
    /// # Errors
    /// `PermissionDenied` where others than its owner may read it or it is another
    /// user's, `InvalidInput` for other contents, and where it can't be read.
    pub fn from_file(path: &Path) -> Result<Keys> {
        let failed = |error| Error::from_io("read keys", error).with_path(path);
        let mut file = File::open(path).map_err(failed)?;
        // Asked of the open file, so that no other one can take its place.
        let metadata = file.metadata().map_err(failed)?;
        let user = rustix::process::geteuid().as_raw();
        if metadata.mode() & 0o077 != 0 || ![0, user].contains(&metadata.uid()) {
            return Err(Error::new(ErrorKind::PermissionDenied, "read keys")
                .with_message("the file of keys must be yours and closed to others; chmod 600 it")
                .with_path(path));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        parse(&text).map_err(|error| error.with_path(path))
    }

    /// Makes a file with one new random key, mode 0600, for [`Keys::from_file`].
    ///
    /// # Errors
    /// `AlreadyExists` where there is a file, and where it can't be written.
    pub fn create_file(path: &Path) -> Result<()> {
        let failed = |error| Error::from_io("make keys", error).with_path(path);
        let mut bytes = [0_u8; 40];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .map_err(failed)?;
        let (id, secret) = bytes.split_at(10);
        let text = format!(
            "[default]\naws_access_key_id = EFSB{}\naws_secret_access_key = {}\n",
            data_encoding::BASE32_NOPAD.encode(id),
            data_encoding::BASE64.encode(secret)
        );
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    pub(crate) fn first(&self) -> Result<&Key> {
        self.0
            .first()
            .ok_or_else(|| Error::new(ErrorKind::Auth, "read keys").with_message("there is no key"))
    }
}

fn parse(text: &str) -> Result<Keys> {
    let mut keys = Vec::new();
    let (mut id, mut secret) = (None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            (id, secret) = (None, None);
        } else if let Some((name, value)) = line.split_once('=') {
            match name.trim() {
                "aws_access_key_id" => id = Some(value.trim()),
                "aws_secret_access_key" => secret = Some(value.trim()),
                _ => {}
            }
        }
        if let (Some(known_id), Some(known_secret)) = (id, secret) {
            keys.push(Key::new(known_id, known_secret)?);
            (id, secret) = (None, None);
        }
    }
    match keys.is_empty() {
        true => Err(Error::new(ErrorKind::InvalidInput, "read keys")
            .with_message("no aws_access_key_id with its aws_secret_access_key is in this file")),
        false => Ok(Keys(keys)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        Keys::create_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let key = Keys::from_file(&path).unwrap().first().unwrap().clone();
        assert!(!format!("{key:?}").contains(&key.secret));
        assert_eq!(Keys::create_file(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Keys::from_file(&path).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn several_sections_are_several_keys() {
        let secret = "s".repeat(20);
        let text = format!(
            "# mine\n[a]\naws_access_key_id=A1\naws_secret_access_key = {secret}\n\n[b]\n\
             aws_secret_access_key={secret}\nregion = x\naws_access_key_id = B2\n[c]\naws_access_key_id = C3\n"
        );
        let ids: Vec<_> = parse(&text).unwrap().0.iter().map(|key| key.id.clone()).collect();
        assert_eq!(ids, ["A1", "B2"]);
        assert!(parse("[a]\naws_access_key_id = A\naws_secret_access_key = short\n").is_err());
        assert!(parse("").is_err());
    }
}
