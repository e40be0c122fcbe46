//! What a backup can be told.

use super::retention::Retention;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Options;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Everything a backup can be told. Made by [`BackupOptions::default`].
///
/// ```
/// use efsbackup_core::snapshot::BackupOptions;
///
/// let mut options = BackupOptions::default();
/// options.set_timezone("Asia/Tokyo")?;
/// options.expect_id = Some("fs-0123456789abcdef0".to_owned());
/// options.retention.last = 24;
/// assert!(options.set_timezone("Mars/Olympus").is_err());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackupOptions {
    /// Where snapshots' names take the time of day from.
    pub timezone: TimeZone,
    /// The file system that the source must be proved to be on.
    pub expect_id: Option<String>,
    /// The file system that the repository must be proved to be on.
    pub expect_destination_id: Option<String>,
    /// Refuse to make a repository where there is none: a backup file system that failed
    /// to mount looks like a first run.
    pub require_existing: bool,
    /// Publish nothing when the source has shrunk by more than this share of the entries
    /// of the last complete snapshot, in percent.
    pub max_shrink: u8,
    /// Go on although the clock is behind the last snapshot.
    pub accept_clock: bool,
    /// Which snapshots are kept after a new complete one; all, unless set.
    pub retention: Retention,
    /// For how long the repository stays taken after a last sign of life, at least a second.
    pub lease: Duration,
    /// The run that this backup is a part of: up to 64 letters, digits and any of `._-`.
    /// Backups that give the same one share the repository, also between machines; each makes
    /// a snapshot of its own, and what is superfluous is removed only when no other is at work.
    pub run_id: Option<String>,
    /// How the source is copied. `max_links` is found from the destination where it is not
    /// set. `delete`, `link_sources`, `fresh` and `stale_from_link_source` are the backup's
    /// own affair.
    pub mirror: Options,
}

impl Default for BackupOptions {
    fn default() -> Self {
        BackupOptions {
            timezone: TimeZone::UTC,
            expect_id: None,
            expect_destination_id: None,
            require_existing: false,
            max_shrink: 50,
            accept_clock: false,
            retention: Retention::default(),
            lease: Duration::from_secs(60),
            run_id: None,
            mirror: Options::default(),
        }
    }
}

fn is_run_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(allowed)
}

impl BackupOptions {
    /// Sets the timezone by its name, such as `Asia/Tokyo`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the machine does not know it.
    pub fn set_timezone(&mut self, name: &str) -> Result<()> {
        // The machine's time zones, hundreds of files, need not be listed for the usual one.
        let known = if name == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(name) };
        self.timezone = known.map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "timezone")
                .with_message(format!("{name:?} is not known here; name it as Area/City, or UTC"))
                .with_source(error)
        })?;
        Ok(())
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong =
            |message: &str| Error::new(ErrorKind::InvalidInput, "options").with_message(message);
        if self.max_shrink > 100 {
            return Err(wrong("max_shrink is a share in percent, 0 to 100"));
        }
        if self.lease < Duration::from_secs(1) {
            return Err(wrong("the lease is at least a second long"));
        }
        if self.run_id.as_deref().is_some_and(|id| !is_run_id(id)) {
            return Err(wrong("a run's id is 1 to 64 letters, digits and any of ._-"));
        }
        let mirror = &self.mirror;
        if mirror.delete || mirror.fresh || !mirror.link_sources.is_empty() {
            return Err(wrong("a backup chooses delete, fresh and link_sources itself"));
        }
        if mirror.in_place {
            return Err(wrong("a file of a snapshot is never rewritten in place"));
        }
        Ok(())
    }
}
