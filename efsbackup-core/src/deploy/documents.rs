//! Plans and standings as JSON: the same in the command's `--json`, in C and in Python.

use super::{Findings, ObjectFindings, Plan, Standing};
use serde_json::{Value, json};

impl Plan {
    /// Its `pipeline`, `state`, `changes`, `steps` in words, `reasons`, `losses`, `errors` and
    /// `warnings` (each `object` and `messages`), `unseen_secrets` and `refusal`. Secrets are
    /// covered. Once it is `applied`, `pipeline` is the id that came of it.
    pub fn to_json(&self, applied: Option<&str>) -> Value {
        let Findings { errors, warnings, .. } = &self.findings;
        let steps: Vec<String> = self.steps.iter().map(|step| step.describe()).collect();
        json!({
            "pipeline": applied.or(self.pipeline.as_deref()),
            "state": self.state,
            "applied": applied.is_some(),
            "changes": self.changes,
            "description": self.description,
            "steps": steps,
            "reasons": self.reasons,
            "losses": self.losses,
            "errors": found(errors),
            "warnings": found(warnings),
            "unseen_secrets": self.unseen,
            "refusal": self.refusal,
        })
    }
}

fn found(list: &[ObjectFindings]) -> Vec<Value> {
    let of = |found: &ObjectFindings| {
        let lines: Vec<String> = found.lines().collect();
        json!({"object": found.id, "messages": found.messages, "lines": lines})
    };
    list.iter().map(of).collect()
}

impl Standing {
    /// Its `pipeline` (which is `id`), `state`, `statuses` with their counts, and how many
    /// have `failed`.
    pub fn to_json(&self, id: &str) -> Value {
        json!({
            "pipeline": id,
            "state": self.state,
            "statuses": self.statuses,
            "failed": self.failed(),
        })
    }
}
