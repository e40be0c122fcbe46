//! What resolving says, as JSON: the same in the command's `--json`, in C and in Python.

use super::{Given, MASK, Origin, Resolved, Source, Unresolved};
use crate::pipeline::is_secret;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

impl Serialize for Unresolved {
    /// Writes `object`, `field` and `name`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut unresolved = serializer.serialize_struct("Unresolved", 3)?;
        unresolved.serialize_field("object", &self.object)?;
        unresolved.serialize_field("field", &self.field)?;
        unresolved.serialize_field("name", &self.name)?;
        unresolved.end()
    }
}

impl Resolved {
    /// Its `parameters` (each with `id`, `values`, and `origin`: `argument`, `file`,
    /// `environment` or `given` for a value from outside, `definition`, `default`, or `null`
    /// without a value) and what is `unresolved`. Secrets are covered. `given` is what the
    /// values were taken from, if they were.
    pub fn to_json(&self, given: &Given) -> Value {
        let parameter = |id| {
            let found = self.parameters.get(id);
            let values = found.map(|(values, _)| values).unwrap_or_default().iter();
            let shown = |value| if is_secret(id) { MASK } else { value };
            let origin = found.map(|(_, origin)| match origin {
                Origin::Given => given.source(id).map_or("given", Source::name),
                Origin::Definition => "definition",
                Origin::Default => "default",
            });
            let values: Vec<&str> = values.map(|value| shown(value.as_str())).collect();
            json!({ "id": id, "values": values, "origin": origin })
        };
        let parameters: Vec<Value> = self.parameters.ids().map(parameter).collect();
        json!({ "parameters": parameters, "unresolved": self.unresolved })
    }
}
