//! Where data is: on this machine or in object storage.

use crate::deploy::S3Uri;
use crate::pipeline::Object;
use std::path::{Path, PathBuf};

/// A file, or what plays its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Folder(PathBuf),
    /// One object.
    Object(S3Uri),
    /// All objects whose keys begin so.
    Prefix(S3Uri),
}

impl Place {
    /// Where the data of a data node is; a sentence, where it does not say.
    pub(super) fn of_node(node: &Object) -> Result<Place, String> {
        match (node.first_text("filePath"), node.first_text("directoryPath")) {
            (Some(uri), _) => read(uri, Place::File, Place::Object),
            (None, Some(uri)) => read(uri, Place::Folder, |uri| Place::Prefix(uri.as_folder())),
            (None, None) => Err(format!("{} has neither filePath nor directoryPath", node.id)),
        }
    }
}

fn read(
    uri: &str,
    local: impl FnOnce(PathBuf) -> Place,
    stored: impl FnOnce(S3Uri) -> Place,
) -> Result<Place, String> {
    match local_path(uri) {
        Some(path) => Ok(local(path.to_owned())),
        None => uri
            .parse()
            .map(stored)
            .map_err(|_| format!("'{uri}' is neither s3://BUCKET/KEY nor file:///path nor /path")),
    }
}

/// The path that `file:///path` or `/path` names.
pub(super) fn local_path(uri: &str) -> Option<&Path> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    path.starts_with('/').then(|| Path::new(path))
}
