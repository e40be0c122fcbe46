//! A pipeline as it is wanted.

use super::{CreatePipeline, Tag};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, FieldValue};
use jiff::Timestamp;

/// A pipeline as it is to be, for [`plan`](super::plan) and [`apply`](super::apply).
///
/// ```
/// use efsbackup_core::deploy::Wanted;
/// use efsbackup_core::pipeline::Definition;
///
/// let mut wanted = Wanted::new("nightly", Definition::default());
/// wanted.activate = true;
/// wanted.description = Some("every file system, every night".to_owned());
/// assert_eq!(wanted.unique_id(), "nightly");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The pipeline's name, 1 to 1024 characters. With `unique_id` it tells which pipeline
    /// is meant.
    pub name: String,
    /// The `uniqueId` of its creation, by default the name. Nothing else goes into it: new
    /// credentials or contents never make another pipeline.
    pub unique_id: Option<String>,
    /// The definition with its values.
    pub definition: Definition,
    /// The description; `None` leaves the one that is there. To change it is to make a new
    /// pipeline.
    pub description: Option<String>,
    /// All its tags, at most 10; `None` leaves those that are there.
    pub tags: Option<Vec<Tag>>,
    /// Whether it is to be active, with this definition. Otherwise it stays as it is.
    pub activate: bool,
    /// Where the schedule is to resume, if it is activated.
    pub start: Option<Timestamp>,
    /// Whether what runs is cancelled where the pipeline must be deactivated for the change,
    /// rather than waited for.
    pub cancel_running: bool,
    /// Whether the pipeline may be deleted and made anew, its history lost, where nothing
    /// else does it.
    pub recreate: bool,
}

impl Wanted {
    /// A pipeline of this name, with this definition.
    pub fn new(name: impl Into<String>, definition: Definition) -> Wanted {
        Wanted { name: name.into(), definition, ..Wanted::default() }
    }

    /// The unique id that counts.
    pub fn unique_id(&self) -> &str {
        self.unique_id.as_deref().unwrap_or(&self.name)
    }

    pub(super) fn request(&self) -> CreatePipeline {
        CreatePipeline {
            name: self.name.clone(),
            unique_id: self.unique_id().to_owned(),
            description: self.description.clone().unwrap_or_default(),
            tags: self.tags.clone().unwrap_or_default(),
        }
    }

    /// What must be known before anything is made.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |kind, text: String| Err(Error::new(kind, "plan").with_message(text));
        for (what, text) in [("name", self.name.as_str()), ("unique id", self.unique_id())] {
            if !(1..=1024).contains(&text.chars().count()) {
                return wrong(
                    ErrorKind::InvalidInput,
                    format!("a pipeline's {what} has 1 to 1024 characters"),
                );
            }
        }
        if self.tags.as_ref().is_some_and(|tags| tags.len() > 10) {
            return wrong(ErrorKind::InvalidInput, "a pipeline has at most 10 tags".to_owned());
        }
        let fields = self.definition.objects.iter().flat_map(|object| {
            object.fields.iter().map(move |field| (object.id.as_str(), &field.value))
        });
        let parameters = self.definition.parameters.iter().flat_map(|parameter| {
            parameter.attributes.iter().map(move |(_, value)| (parameter.id.as_str(), value))
        });
        let values = self.definition.values.iter();
        let values = values.map(|value| (value.id.as_str(), &value.value));
        let is_function =
            |(_, value): &(&str, &FieldValue)| matches!(value, FieldValue::Intrinsic(_));
        match fields.chain(parameters).chain(values).find(is_function) {
            Some((id, _)) => wrong(
                ErrorKind::CannotRepresent,
                format!(
                    "{id} has a function of a template, which has no value before a stack is made"
                ),
            ),
            None => Ok(()),
        }
    }
}
