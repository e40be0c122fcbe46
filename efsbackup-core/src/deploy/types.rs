//! What goes into and comes out of the operations on pipelines.

use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Field, ParameterValue};
use jiff::Timestamp;
use std::str::FromStr;

/// A new pipeline. The same `name` and `unique_id` again give the same pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreatePipeline {
    /// A label, 1 to 1024 characters. Need not be unique.
    pub name: String,
    /// With the name, makes creation idempotent; 1 to 1024 characters.
    pub unique_id: String,
    /// Text for people.
    pub description: String,
    /// At most 10.
    pub tags: Vec<Tag>,
}

/// A tag of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// 1 to 128 characters, unique in the pipeline.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// How a pipeline is to be activated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activate {
    /// Values for parameters. Each id given here replaces that id's stored values.
    pub values: Vec<ParameterValue>,
    /// Where to resume the schedule; intervals before it are skipped.
    pub start: Option<Timestamp>,
}

/// Which of a pipeline's stored definitions is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefinitionVersion {
    /// The last one put.
    #[default]
    Latest,
    /// The last one activated.
    Active,
}

/// One page of a longer answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What this page holds; a page may be empty and yet not the last.
    pub items: Vec<T>,
    /// Given with the next request, leads to the next page. `None` on the last.
    pub marker: Option<String>,
}

/// A pipeline in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineIdName {
    /// `df-` and capital letters and digits.
    pub id: String,
    /// The pipeline's label.
    pub name: String,
}

/// What the service knows of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineDescription {
    /// `df-` and capital letters and digits.
    pub id: String,
    /// The pipeline's label.
    pub name: String,
    /// Text for people.
    pub description: String,
    /// `@pipelineState`, `@creationTime`, `uniqueId` and more.
    pub fields: Vec<Field>,
    /// The pipeline's tags.
    pub tags: Vec<Tag>,
}

impl PipelineDescription {
    /// The first text value of the field `key`, such as `@pipelineState`.
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().filter(|field| field.key == key).find_map(|field| field.value.as_text())
    }
}

/// A person's command to components or instances (`SetStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCommand {
    /// `PAUSE`, for components.
    Pause,
    /// `RESUME`, for components.
    Resume,
    /// `TRY_CANCEL`, for instances.
    TryCancel,
    /// `RERUN`, for instances.
    Rerun,
    /// `MARK_FINISHED`, for instances.
    MarkFinished,
}

/// The command's verbs: `pause`, `resume`, `cancel`, `rerun` and `mark-finished`.
impl FromStr for StatusCommand {
    type Err = Error;

    fn from_str(text: &str) -> Result<StatusCommand> {
        Ok(match text {
            "pause" => StatusCommand::Pause,
            "resume" => StatusCommand::Resume,
            "cancel" => StatusCommand::TryCancel,
            "rerun" => StatusCommand::Rerun,
            "mark-finished" => StatusCommand::MarkFinished,
            _ => {
                return Err(Error::new(ErrorKind::InvalidInput, "command")
                    .with_message("give 'pause', 'resume', 'cancel', 'rerun' or 'mark-finished'"));
            }
        })
    }
}

impl StatusCommand {
    /// The word the API uses.
    pub fn name(self) -> &'static str {
        match self {
            StatusCommand::Pause => "PAUSE",
            StatusCommand::Resume => "RESUME",
            StatusCommand::TryCancel => "TRY_CANCEL",
            StatusCommand::Rerun => "RERUN",
            StatusCommand::MarkFinished => "MARK_FINISHED",
        }
    }
}
