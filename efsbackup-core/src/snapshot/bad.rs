//! Files of snapshots that were found to be damaged: later snapshots never share them.

use super::snapshot::State;
use super::store::{Store, bad_name};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::IsBad;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The damaged files of one snapshot, `.efsbackup/snapshots/ID.bad`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BadList(pub(super) BTreeMap<BytePath, u64>);

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    files: Vec<Written>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    /// For people.
    path: String,
    /// The path's bytes.
    path_b64: String,
    inode: u64,
}

impl BadList {
    /// The list of the snapshot `id`; empty when there is none.
    pub(super) fn read(store: &Store, id: &str) -> Result<BadList> {
        let Some(text) = store.records.read(&bad_name(id))? else { return Ok(BadList::default()) };
        let damaged = |message: String| {
            Error::new(ErrorKind::Io, "read list of damaged files")
                .with_message(format!("{message}; remove it, and verify the snapshot again"))
                .with_path(store.records.path.join(bad_name(id)))
        };
        let document: Document =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let mut list = BadList::default();
        for file in document.files {
            let path = data_encoding::BASE64
                .decode(file.path_b64.as_bytes())
                .map_err(|error| damaged(error.to_string()))?;
            list.0.insert(BytePath::from(path), file.inode);
        }
        Ok(list)
    }

    /// Writes the list of the snapshot `id`, in place of an earlier one; an empty list is
    /// removed.
    pub(super) fn write(&self, store: &Store, id: &str) -> Result<()> {
        if self.0.is_empty() {
            return store.records.remove(&bad_name(id)).map(drop);
        }
        let file = |(path, inode): (&BytePath, &u64)| Written {
            path: path.to_text(),
            path_b64: data_encoding::BASE64.encode(path.as_bytes()),
            inode: *inode,
        };
        let document = Document { version: 1, files: self.0.iter().map(file).collect() };
        let text = serde_json::to_vec_pretty(&document)
            .map_err(|error| Error::new(ErrorKind::Internal, "write list").with_source(error))?;
        let tag = std::process::id().to_string();
        store.records.write_over(&bad_name(id), &tag, &text)
    }
}

/// All damaged files that are known.
#[derive(Default)]
pub(super) struct BadFiles {
    inodes: Arc<HashSet<u64>>,
    paths: HashMap<String, HashSet<BytePath>>,
}

impl BadFiles {
    pub(super) fn read(store: &Store) -> Result<BadFiles> {
        let mut inodes = HashSet::new();
        let mut paths: HashMap<String, HashSet<BytePath>> = HashMap::new();
        for snapshot in store.snapshots()? {
            if snapshot.state == State::Unknown {
                continue;
            }
            for (path, inode) in BadList::read(store, &snapshot.id)?.0 {
                inodes.insert(inode);
                paths.entry(snapshot.id.clone()).or_default().insert(path);
            }
        }
        Ok(BadFiles { inodes: Arc::new(inodes), paths })
    }

    /// Which files of the snapshot `id` are damaged; `None` if nothing is known of any.
    pub(super) fn of_snapshot(&self, id: &str) -> Option<IsBad> {
        let inodes = Arc::clone(&self.inodes);
        let paths = self.paths.get(id).cloned().unwrap_or_default();
        (!inodes.is_empty()).then(|| -> IsBad {
            // By path too: the numbers change when a repository is copied elsewhere.
            Arc::new(move |path, inode| inodes.contains(&inode) || paths.contains(path))
        })
    }

    /// Which files of any other tree in the repository are damaged.
    pub(super) fn of_others(&self) -> Option<IsBad> {
        self.of_snapshot("")
    }
}
