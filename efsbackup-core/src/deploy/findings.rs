//! What is wrong with a definition, as services tell it: object by object.

use crate::pipeline::{Code, Finding, Validation};

/// What the service found wrong with a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Whether the definition can't be activated.
    pub errored: bool,
    /// What stands in the way of activation.
    pub errors: Vec<ObjectFindings>,
    /// What deserves a look, but never blocks.
    pub warnings: Vec<ObjectFindings>,
}

/// The findings of one object.
///
/// ```
/// use efsbackup_core::deploy::Findings;
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").command("true").runs_on("Box"));
/// let findings = Findings::from(&definition.validate());
/// let lines: Vec<String> = findings.errors.iter().flat_map(|object| object.lines()).collect();
/// assert!(lines.contains(&"E301 Run.runsOn: there is no object Box".to_owned()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectFindings {
    /// The object's id; empty where the whole definition is meant.
    pub id: String,
    /// One line each.
    pub messages: Vec<String>,
}

impl From<&Validation> for Findings {
    /// Messages begin with the finding's code and field: `E301 schedule: there is no …`.
    fn from(validation: &Validation) -> Findings {
        Findings {
            errored: !validation.is_valid(),
            errors: by_object(validation.errors()),
            warnings: by_object(validation.warnings()),
        }
    }
}

fn by_object<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<ObjectFindings> {
    let mut objects: Vec<ObjectFindings> = Vec::new();
    for finding in findings {
        let id = finding.object.clone().unwrap_or_default();
        let message = match &finding.field {
            Some(field) => format!("{} {field}: {}", finding.code, finding.text),
            None => format!("{}: {}", finding.code, finding.text),
        };
        match objects.iter_mut().find(|object| object.id == id) {
            Some(object) => object.messages.push(message),
            None => objects.push(ObjectFindings { id, messages: vec![message] }),
        }
    }
    objects
}

impl ObjectFindings {
    /// One line for each finding: `E301 Run.schedule: …`, as validation has it, where the
    /// message begins with one of its codes; else `Run: …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let place = if self.id.is_empty() { "definition" } else { &self.id };
        self.messages.iter().map(move |message| {
            let coded = message.split_once(": ").and_then(|(head, text)| {
                let (code, field) = head.split_at_checked(4)?;
                let is_known = Code::ALL.iter().any(|known| known.as_str() == code);
                is_known.then_some((code, field.trim_start(), text))
            });
            match coded {
                Some((code, "", text)) => format!("{code} {place}: {text}"),
                Some((code, field, text)) => format!("{code} {place}.{field}: {text}"),
                None => format!("{place}: {message}"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Definition, Object};

    #[test]
    fn lines_are_those_of_validation() {
        let run =
            Object::new("Run").text("type", "ShellCommandActivty").text("maximumRetries", "x");
        let definition = Definition::default().with(run).with(Object::new("Idle"));
        let validation = definition.validate();
        let found = Findings::from(&validation);
        assert!(found.errored);
        for (objects, wanted) in [
            (&found.errors, validation.errors().map(Finding::to_string).collect::<Vec<_>>()),
            (&found.warnings, validation.warnings().map(Finding::to_string).collect()),
        ] {
            let mut lines: Vec<String> = objects.iter().flat_map(ObjectFindings::lines).collect();
            let mut wanted = wanted;
            lines.sort();
            wanted.sort();
            assert_eq!(lines, wanted);
            assert!(!lines.is_empty());
        }
    }

    #[test]
    fn messages_without_a_code_keep_their_words() {
        let of = |id: &str, message: &str| {
            let object = ObjectFindings { id: id.into(), messages: vec![message.into()] };
            object.lines().collect::<Vec<_>>()
        };
        assert_eq!(of("Run", "Missing: this"), ["Run: Missing: this"]);
        assert_eq!(of("", "é€: x"), ["definition: é€: x"]);
        assert_eq!(of("Run", "E999 a: b"), ["Run: E999 a: b"]);
    }
}
