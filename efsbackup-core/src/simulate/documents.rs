//! What came of a simulation as JSON: the same in the command's `--json`, in C and in Python.

use super::SimulationReport;
use crate::expression::Value;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

impl Serialize for SimulationReport {
    /// Writes `from`, `until`, `state`, `instances`, `attempts`, `messages` and `resources`;
    /// times in UTC as definitions write them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        document(self).serialize(serializer)
    }
}

fn shown(time: Timestamp) -> String {
    Value::from(time).to_string()
}

fn document(report: &SimulationReport) -> Json {
    let time = |time: Option<Timestamp>| time.map(shown);
    let instances = report.instances.iter().map(|run| {
        json!({
            "id": run.id, "component": run.component, "activity": run.is_activity,
            "status": run.status, "scheduledStart": shown(run.scheduled_start),
            "scheduledEnd": shown(run.scheduled_end), "start": time(run.actual_start),
            "end": time(run.actual_end), "attempts": run.attempts, "error": run.error,
        })
    });
    let attempts = report.attempts.iter().map(|attempt| {
        json!({
            "id": attempt.id, "instance": attempt.instance, "number": attempt.number,
            "status": attempt.status, "start": time(attempt.start), "end": time(attempt.end),
            "error": attempt.error,
        })
    });
    let messages = report.notifications.iter().map(|told| {
        json!({
            "time": shown(told.time), "event": told.event, "node": told.node,
            "action": told.action, "topicArn": told.topic_arn, "subject": told.subject,
            "message": told.message, "problem": told.problem,
        })
    });
    let resources = report.resources.iter().map(|used| {
        json!({
            "component": used.component, "started": used.started,
            "hours": used.time.as_secs_f64() / 3600.0,
        })
    });
    json!({
        "from": shown(report.from), "until": shown(report.until), "state": report.state,
        "instances": instances.collect::<Json>(), "attempts": attempts.collect::<Json>(),
        "messages": messages.collect::<Json>(), "resources": resources.collect::<Json>(),
    })
}
