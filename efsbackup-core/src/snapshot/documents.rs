//! What operations found, as JSON: the same for the command, C and Python.

use super::adopt::Adopted;
use super::diff::Change;
use super::folder_time::TimeFrom;
use super::history::Version;
use super::snapshot::Snapshot;
use super::verify::{Difference, Verification};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Report;
use serde::{Serialize, Serializer};

/// What an operation found as JSON, in one line.
///
/// # Errors
/// Never, as far as is known; [`ErrorKind::Internal`].
pub fn to_json(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document)
        .map_err(|error| Error::new(ErrorKind::Internal, "write JSON").with_source(error))
}

/// A path: text, and its bytes where they are not UTF-8.
#[derive(Serialize)]
struct WrittenPath {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_b64: Option<String>,
}

impl From<&BytePath> for WrittenPath {
    fn from(path: &BytePath) -> Self {
        let base64 = || data_encoding::BASE64.encode(path.as_bytes());
        WrittenPath { path: path.to_text(), path_b64: path.to_utf8().is_none().then(base64) }
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            path: WrittenPath,
            kind: &'static str,
            what: &'a str,
            repaired: bool,
        }
        let Difference { path, kind, what, repaired } = self;
        Written { path: path.into(), kind: kind.name(), what, repaired: *repaired }
            .serialize(serializer)
    }
}

impl Serialize for Verification {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            good: bool,
            contents_compared: bool,
            files_read: u64,
            files_without_digest: u64,
            differences: &'a [Difference],
            differences_total: u64,
            repaired: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            unrepaired: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            unrecorded: Option<String>,
            report: &'a Report,
        }
        Written {
            good: self.is_good(),
            contents_compared: self.contents_compared,
            files_read: self.files_read,
            files_without_digest: self.files_without_digest,
            differences: &self.differences,
            differences_total: self.differences_total,
            repaired: self.repaired,
            unrepaired: self.unrepaired.as_ref().map(ToString::to_string),
            unrecorded: self.unrecorded.as_ref().map(ToString::to_string),
            report: &self.report,
        }
        .serialize(serializer)
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            path: WrittenPath,
            change: &'static str,
            what: &'a [&'static str],
        }
        let change = match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        Written { path: (&self.path).into(), change, what: &self.what }.serialize(serializer)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            snapshot: &'a str,
            known: bool,
            there: bool,
            what: &'a [&'static str],
            #[serde(skip_serializing_if = "Option::is_none")]
            size: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            digest: Option<String>,
        }
        let entry = self.entry.as_ref();
        let digest = entry.and_then(|entry| entry.digest);
        Written {
            snapshot: &self.snapshot.id,
            known: self.known,
            there: entry.is_some(),
            what: &self.what,
            size: entry.map(|entry| entry.size),
            digest: digest.map(|digest| data_encoding::HEXLOWER.encode(&digest)),
        }
        .serialize(serializer)
    }
}

impl TimeFrom {
    /// The stable name, `name` or `modified`.
    pub fn name(self) -> &'static str {
        match self {
            TimeFrom::Name => "name",
            TimeFrom::Modified => "modified",
        }
    }
}

impl Serialize for Adopted {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            folder: String,
            id: &'a str,
            time: String,
            time_from: &'static str,
            snapshot: Option<&'a Snapshot>,
        }
        Written {
            folder: BytePath::from(self.folder.as_path()).to_text(),
            id: &self.id,
            time: self.time.to_string(),
            time_from: self.time_from.name(),
            snapshot: self.snapshot.as_ref(),
        }
        .serialize(serializer)
    }
}
