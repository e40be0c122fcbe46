//! Dated, immutable, hard-linked snapshots.
//!
//! A snapshot is a plain folder, a complete copy to look at, named by its time. Files that
//! are wholly equal in two snapshots are one file with two names. What looks complete is
//! complete: a run collects its tree in a hidden folder and renames it at the very end.
//!
//! ```no_run
//! use efsbackup_core::snapshot::Repository;
//!
//! let repository = Repository::new("/mnt/backup", "fs-0123456789abcdef0")?;
//! let backup = repository.backup("/mnt/source").run()?.into_result()?;
//! for snapshot in repository.snapshots()? {
//!     println!("{} {} new bytes", snapshot.id, snapshot.new_bytes);
//! }
//! if let Some(snapshot) = backup.snapshot {
//!     repository.restore(&snapshot.id, "/mnt/restored").run()?;
//! }
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod adopt;
mod assemble;
mod backup;
mod bad;
mod calls;
mod chosen;
mod compare;
mod diff;
mod documents;
mod files;
mod folder_time;
mod gate;
mod guard;
mod history;
mod journal;
mod lease;
mod left;
mod lock;
mod log;
mod look;
mod manifest;
mod manifest_file;
mod manifest_reader;
mod name;
mod options;
mod piece;
mod plan;
mod process;
mod prune;
mod publish;
mod range;
mod record;
mod record_tree;
mod remove;
mod repair;
mod repeated;
mod repository;
mod restore;
mod restored;
mod resume;
mod retention;
mod room;
mod run_watch;
mod shared;
#[expect(clippy::module_inception, reason = "the piece is named after its main type")]
mod snapshot;
mod sorter;
mod store;
mod subtrees;
#[cfg(feature = "shard")]
mod survey;
#[cfg(feature = "testing")]
pub mod testing;
mod tidy;
mod tree_lane;
mod tree_sorter;
mod undo;
mod verify;
mod verify_manifest;

pub use adopt::{Adopt, Adopted};
pub use backup::{Backup, BackupReport};
pub use diff::{Change, Diff};
pub use documents::to_json;
pub use folder_time::TimeFrom;
pub use history::Version;
pub use manifest::ManifestEntry;
pub use options::BackupOptions;
pub use piece::{CopiedPiece, Piece};
pub use prune::{Prune, PruneReport};
pub use range::Range;
pub use repository::{LATEST, Repository};
pub use restore::{Restore, RestoreReport};
pub use retention::{Decision, Retention};
pub use shared::{Begun, CopiedUnit, SharedRun};
pub use snapshot::{Snapshot, State};
#[cfg(feature = "shard")]
pub(crate) use subtrees::block_size;
#[cfg(feature = "shard")]
pub(crate) use survey::Surveyed;
pub use verify::{Difference, DifferenceKind, Verification, Verify};
