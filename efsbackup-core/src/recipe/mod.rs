//! One backup spec made into a whole pipeline definition.
//!
//! [`EfsBackup`] writes the well-known pipeline that backs one EFS file system up to
//! another: `Default`, a schedule, an EC2 instance, the activity, and an alarm for
//! success and one for failure. Its script mounts both file systems, proves that they are
//! the ones meant, and takes a snapshot with the chosen [`Engine`]. The same definition
//! runs on this machine when folders are given in place of the two addresses.
//!
//! ```
//! use efsbackup_core::recipe::EfsBackup;
//!
//! let definition = EfsBackup::new(
//!     "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com:/",
//!     "fs-0fedcba9876543210.efs.ap-northeast-1.amazonaws.com:/",
//! )
//! .period("1 hours")
//! .notify("arn:aws:sns:ap-northeast-1:123456789012:backups")
//! .definition()?;
//! assert_eq!(definition.objects.len(), 6);
//! # Ok::<(), efsbackup_core::Error>(())
//! ```

mod backup;
mod check;
mod danger;
mod environment;
mod location;
mod migrate;
mod nodes;
mod parameters;
mod restore;
mod script;
mod spec;

#[cfg(feature = "stack")]
pub(crate) use check::{Checked, invalid};
pub use danger::Danger;
pub use environment::Environment;
#[cfg(feature = "stack")]
pub(crate) use location::Location;
pub use migrate::{Migration, migrate};
pub use script::{Engine, RESTORE_SCRIPT};
pub use spec::{EfsBackup, Keep, Program, RestoreTo, ScheduleType};
