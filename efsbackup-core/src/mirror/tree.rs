//! The directories under way: both sides of each, and when its contents are done.

use super::handle::Handle;
use super::meta::Meta;
use super::reach::Reach;
use crate::bytepath::BytePath;
use rustix::fs::FileType;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// A directory of the source and its counterparts.
pub(super) struct Dir {
    /// The directory above; it is not done before this one.
    pub(super) parent: Option<Arc<Dir>>,
    pub(super) source: Arc<Handle>,
    /// `None` in a dry run where the directory would be made.
    pub(super) destination: Option<Arc<Handle>>,
    /// The same directory in each link source, where there is one.
    pub(super) links: Vec<Option<Arc<Handle>>>,
    /// The source's metadata.
    pub(super) meta: Meta,
    /// The destination's metadata as it was found; `None` where this run made it.
    pub(super) before: Option<Meta>,
    pub(super) role: Role,
    /// What the source calls its single entry, where the destination has another name for it.
    pub(super) alias: Option<CString>,
    /// Work that must end before the directory's own metadata is set.
    pub(super) pending: AtomicUsize,
    /// Whether names were made or removed in the destination, which changes its times.
    pub(super) touched: AtomicBool,
    /// Whether files made in the destination get an ACL from it.
    pub(super) hands_down_acl: OnceLock<bool>,
    /// What others may do in the destination.
    pub(super) reach: Reach,
}

/// Why a directory is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To make the destination equal.
    Mirror,
    /// The real source can't be read: what a link source has is taken where the
    /// destination has nothing yet.
    Stale,
    /// Stands beside the directory it has as parent, to take what is missing there from a
    /// link source.
    Relay,
    /// A single entry of it is copied; the directory itself takes no part.
    Around,
    /// Its metadata is done; it is opened again to remove what is extraneous.
    Late,
}

impl Role {
    /// Whether a link source stands in for the source.
    pub(super) fn is_stale(self) -> bool {
        matches!(self, Role::Stale | Role::Relay)
    }
}

impl Dir {
    /// A relay beside `dir` that takes what `handle`, the same directory in a link source,
    /// has. One piece of work of `dir` is to end the relay.
    pub(super) fn relay(dir: &Arc<Dir>, handle: &Arc<Handle>) -> Dir {
        dir.expect_more();
        Dir {
            parent: Some(Arc::clone(dir)),
            source: Arc::clone(handle),
            destination: dir.destination.clone(),
            links: vec![Some(Arc::clone(handle))],
            meta: dir.meta,
            before: dir.before,
            role: Role::Relay,
            alias: None,
            pending: AtomicUsize::new(1),
            touched: AtomicBool::new(false),
            hands_down_acl: OnceLock::new(),
            reach: Reach::default(),
        }
    }

    /// What the source calls the entry `name`.
    pub(super) fn in_source<'n>(&'n self, name: &'n CStr) -> &'n CStr {
        self.alias.as_deref().unwrap_or(name)
    }

    /// The path of the entry `name` in this directory, below the source's root.
    pub(super) fn path_of(&self, name: &CStr) -> BytePath {
        self.source.path_of(self.in_source(name).to_bytes())
    }

    /// Adds work that must end before this directory is done.
    pub(super) fn expect_more(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a piece of work; true if it was the last.
    pub(super) fn end_one(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Notes that names were made or removed in the destination.
    pub(super) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }
}

/// An entry met in a listing of the source.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: CString,
    /// Its type, as far as the listing tells.
    pub(super) file_type: FileType,
    /// Whether the destination has the name.
    pub(super) at_destination: bool,
}

impl Found {
    /// A name the destination lacks, met before.
    pub(super) fn unseen(name: CString) -> Found {
        Found { name, file_type: FileType::Unknown, at_destination: false }
    }
}
