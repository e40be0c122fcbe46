//! What came of a run as JSON: the same in the command's `--json` and in Python.

use super::RunReport;
use crate::bytepath::BytePath;
use crate::engine::{Notification, RunSummary};
use serde_json::{Value, json};

impl RunReport {
    /// Its `outcome`, `pipeline`, `instances`, `log_dir` and `notifications_file`, and as
    /// `notifications` those that were told during the run.
    pub fn to_json(&self, told: &[Notification]) -> Value {
        let instances: Vec<Value> = self.instances.iter().map(instance).collect();
        let notifications: Vec<Value> = told.iter().map(notification).collect();
        json!({
            "outcome": self.outcome.name(),
            "pipeline": self.pipeline,
            "instances": instances,
            "notifications": notifications,
            "log_dir": BytePath::from(self.log_dir.as_path()).to_text(),
            "notifications_file": BytePath::from(self.notifications.as_path()).to_text(),
        })
    }
}

fn instance(run: &RunSummary) -> Value {
    json!({
        "id": run.id,
        "component": run.component,
        "status": run.status,
        "attempts": run.attempts,
        "scheduled_start": run.scheduled_start.to_string(),
        "actual_start": run.actual_start.map(|time| time.to_string()),
        "actual_end": run.actual_end.map(|time| time.to_string()),
        "error": run.error,
    })
}

fn notification(told: &Notification) -> Value {
    json!({
        "event": told.event,
        "node": told.node,
        "action": told.action,
        "topic_arn": told.topic_arn,
        "subject": told.subject,
        "message": told.message,
    })
}
