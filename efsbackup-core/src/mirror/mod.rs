//! Make one tree equal to another, as fast as the storage allows.
//!
//! The result is what `rsync -aHAX --numeric-ids --delete` gives: owners, modes, times to
//! the nanosecond, hard links across the whole tree, holes, extended attributes, ACLs,
//! symbolic links, fifos, sockets and devices.
//!
//! ```no_run
//! use efsbackup_core::mirror::{Jobs, Mirror};
//!
//! let report = Mirror::new("/mnt/source", "/mnt/destination")
//!     .delete(true)
//!     .jobs(Jobs::Auto)
//!     .run()?;
//! report.into_result()?;
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod ahead;
mod apart;
mod attributes;
mod byte_set;
mod calls;
mod claims;
mod content;
mod disk_map;
mod entry;
mod event;
mod failure;
mod file;
mod filter;
mod follow;
mod handle;
mod home;
mod in_place;
mod itemize;
mod limit;
mod link_source;
mod links;
mod log;
mod meta;
mod names;
mod options;
mod pattern;
#[cfg(feature = "snapshot")]
pub(crate) mod piece;
mod ping;
mod place;
mod pool;
mod prepared;
mod reach;
mod report;
#[cfg(feature = "json")]
mod report_json;
mod roots;
mod run;
mod server_copy;
pub(crate) mod setters;
mod settled;
mod sieve;
mod silence;
mod single;
mod spool;
mod staged;
mod state;
mod sweep;
mod sys;
mod tally;
#[cfg(feature = "testing")]
pub mod testing;
mod tree;
mod tuning;
mod unnamed;
mod walk;
mod wildcard;
mod xattr;

#[cfg(feature = "snapshot")]
pub(crate) use apart::Pair;
#[cfg(feature = "snapshot")]
pub(crate) use calls::step;
pub use event::{Action, EntryEvent, EntryType, Listener};
#[cfg(feature = "cli")]
pub(crate) use filter::Kind;
pub use filter::{Filter, Part};
pub use options::{
    Fsync, IsBad, IsWhole, Jobs, LinkSource, MaxDelete, Mirror, Options, Share, Trust,
};
pub use prepared::{FileVersion, Prepared};
pub use report::{Bytes, Counts, Entries, EntryError, Outcome, Report};
pub use settled::{ContentHasher, Digest, FileKind, Settled};
