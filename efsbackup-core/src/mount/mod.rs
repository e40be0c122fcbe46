//! Which file system a path is on, and proof that it is the expected one.
//!
//! A mount that failed leaves an ordinary empty directory in its place. What is copied
//! from there, or to there, is not the backup anyone meant; so a backup can demand proof
//! first:
//!
//! ```no_run
//! use efsbackup_core::mount;
//!
//! mount::mark("/mnt/source", "fs-0123456789abcdef0")?;
//! let proof = mount::prove("/mnt/source/projects", "fs-0123456789abcdef0")?;
//! println!("{proof}");
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod efs;
mod identity;
mod marker;
mod mountinfo;

pub use identity::{Proof, Prover, prove};
pub use marker::{MARKER_NAME, mark};
pub use mountinfo::{Mount, MountTable};
