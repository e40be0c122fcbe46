//! Alarms on their way out.

use super::Engine;
use super::database::{failed, from_column};
use super::rows::collect;
use crate::error::{Error, Result};
use jiff::Timestamp;
use rusqlite::named_params;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The text of an SnsAlarm that has fired.
///
/// ```
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::engine::Engine;
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("notifications.jsonl");
/// let engine = Engine::in_memory(Arc::new(SystemClock))?;
/// engine.tick()?;
/// engine.deliver(&mut |notification| {
///     println!("{}: {}", notification.subject, notification.message);
///     notification.append_to(&file)
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Rises with each notification of a store.
    pub id: i64,
    /// The pipeline's id.
    pub pipeline: String,
    /// The field that named the alarm: `onSuccess`, `onFail` or `onLateAction`.
    pub event: String,
    /// The instance that fired it.
    pub node: String,
    /// The SnsAlarm's id.
    pub action: String,
    /// Its topic; empty where a parameter in it has no value.
    pub topic_arn: String,
    /// Its subject, expressions evaluated.
    pub subject: String,
    /// Its message, expressions evaluated.
    pub message: String,
    /// What could not be evaluated, and so stands in the texts as it is written.
    pub problem: Option<String>,
    /// When it fired.
    pub time: Timestamp,
}

impl Notification {
    /// One line of JSON, without a line's end.
    pub fn to_json(&self) -> String {
        json!({
            "time": self.time.to_string(),
            "pipeline": self.pipeline,
            "event": self.event,
            "node": self.node,
            "action": self.action,
            "topicArn": self.topic_arn,
            "subject": self.subject,
            "message": self.message,
            "problem": self.problem,
        })
        .to_string()
    }

    /// Appends the notification to a file of JSON lines, durably.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn append_to(&self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            file.write_all(format!("{}\n", self.to_json()).as_bytes())?;
            file.sync_data()
        };
        write().map_err(|error| Error::from_io("write notification", error).with_path(path))
    }
}

/// Where notifications go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// There is one place, and they go to it.
    All,
    /// Of two places that each get every notification, the one that is always at hand.
    File,
    /// The other one, which may be out of reach for a while.
    Beyond,
}

impl Engine {
    /// Gives the notifications not delivered yet to `deliver`, in the order they fired.
    /// One is delivered when `deliver` succeeds; a crash before that is noted makes it
    /// come again.
    ///
    /// # Errors
    /// Those of `deliver`; that notification and later ones stay.
    pub fn deliver(&self, deliver: &mut dyn FnMut(&Notification) -> Result<()>) -> Result<()> {
        self.deliver_to(Outlet::All, deliver)
    }

    /// As [`deliver`](Self::deliver), where there may be two places to deliver to. Each is
    /// given each notification, but for those that fired while there was
    /// [one place](Outlet::All) only.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    pub fn deliver_to(
        &self,
        outlet: Outlet,
        deliver: &mut dyn FnMut(&Notification) -> Result<()>,
    ) -> Result<()> {
        let (waiting, delivered) = match outlet {
            Outlet::All => ("delivered", "delivered = ?2, sent = coalesce(sent, ?2)"),
            Outlet::File => ("delivered", "delivered = ?2"),
            Outlet::Beyond => ("sent", "sent = ?2"),
        };
        let query = format!("UPDATE notification SET {delivered} WHERE id = ?1");
        for notification in self.waiting(waiting)? {
            deliver(&notification)?;
            self.transact(|db, now| {
                db.execute(&query, (notification.id, now)).map(drop).map_err(failed)
            })?;
        }
        Ok(())
    }

    fn waiting(&self, column: &str) -> Result<Vec<Notification>> {
        self.read(|db| {
            let query = format!("SELECT * FROM notification WHERE {column} IS NULL ORDER BY id");
            collect(db, &query, named_params! {}, |row| {
                Ok(Notification {
                    id: row.get("id")?,
                    pipeline: row.get("pipeline")?,
                    event: row.get("event")?,
                    node: row.get("node")?,
                    action: row.get("action")?,
                    topic_arn: row.get("topic")?,
                    subject: row.get("subject")?,
                    message: row.get("message")?,
                    problem: row.get("problem")?,
                    time: from_column(row.get("created")?),
                })
            })
        })
    }
}
