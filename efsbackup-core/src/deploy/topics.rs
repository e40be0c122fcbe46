//! Notification topics, as far as alarms need them: SNS, where support for AWS is built in.

use crate::error::Result;
use std::fmt::Debug;

/// Where SnsAlarms are published.
///
/// ```
/// use efsbackup_core::Result;
/// use efsbackup_core::deploy::Topics;
///
/// #[derive(Debug)]
/// struct Print;
///
/// impl Topics for Print {
///     fn publish(&self, topic: &str, subject: &str, message: &str) -> Result<()> {
///         println!("{topic}: {subject}\n{message}");
///         Ok(())
///     }
/// }
/// # Print.publish("arn:aws:sns:eu-west-1:123456789012:backups", "ok", "done")?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
pub trait Topics: Debug + Send + Sync {
    /// Publishes a message to the topic with this ARN (`Publish`). Waits for the answer.
    ///
    /// # Errors
    /// `InvalidInput` and `NotFound` where this topic can't be published to at all, `Auth`,
    /// `Throttled`, `Remote` and `Timeout` where trying again may help.
    fn publish(&self, topic: &str, subject: &str, message: &str) -> Result<()>;
}
