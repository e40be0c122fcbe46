//! Mounting NFS, which file system a path is on, and proof that it is the expected one.
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
//!
//! A file system can be mounted for as long as it is needed. No helper program takes part
//! (but for encryption in transit), and a silent server is waited for no longer than said:
//!
//! ```no_run
//! use efsbackup_core::cancel::CancelToken;
//! use efsbackup_core::mount::{self, MountOptions};
//!
//! let mut options = MountOptions::default();
//! options.region = Some("eu-west-1".into());
//! options.read_only = true;
//! let target = "fs-0123456789abcdef0".parse()?;
//! let mounted = mount::mount(&target, "/mnt/source", &options, &CancelToken::new())?;
//! println!("{} is there until `mounted` goes", mounted.mount().source);
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod attach;
mod efs;
mod guard;
mod helper;
mod identity;
mod marker;
mod mountinfo;
mod nfs;
mod options;
mod resolve;
mod rpc;
mod sys;
mod target;
mod unmount;

pub use guard::MountGuard;
pub use identity::{Proof, Prover, prove};
pub use marker::{MARKER_NAME, mark};
pub use mountinfo::{Mount, MountTable};
pub use nfs::{find, mount};
pub use options::MountOptions;
pub use rpc::RpcCounts;
pub use target::Target;
pub use unmount::{UnmountOptions, unmount};
