//! A definition that was read, with what else its form held.

#[cfg(feature = "cfn")]
use super::cloudformation::Template;
use super::{Format, cli, write};
use crate::Result;
use crate::pipeline::Definition;

/// A definition that was read, and what else its form held.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The definition.
    pub definition: Definition,
    /// The form it was in.
    pub format: Format,
    /// What lenient reading put up with, each with its place.
    pub tolerated: Vec<String>,
    pub(super) source: Source,
}

/// What a form holds besides the definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// The form holds a definition alone.
    Alone,
    #[cfg(feature = "cfn")]
    Template(Box<Template>),
}

impl Document {
    pub(super) fn new(definition: Definition, format: Format, source: Source) -> Self {
        Document { definition, format, tolerated: Vec::new(), source }
    }

    /// The name of the pipeline in its file: a template's logical id. The forms of a
    /// definition alone have none.
    pub fn pipeline(&self) -> Option<&str> {
        match &self.source {
            Source::Alone => None,
            #[cfg(feature = "cfn")]
            Source::Template(template) => Some(template.logical_id()),
        }
    }

    /// Whether `format` takes all that was read, other pipelines of the same file included.
    pub fn carries_all(&self, format: Format) -> bool {
        match &self.source {
            Source::Alone => false,
            #[cfg(feature = "cfn")]
            Source::Template(_) => format.is_cloudformation(),
        }
    }

    /// Writes the definition in `format`. A CloudFormation template that was read is kept
    /// whole in a CloudFormation template that is written. What comes from an AWS CLI file
    /// has the order in which the AWS CLI [sends](cli::sent) it.
    ///
    /// # Errors
    /// `CannotRepresent` where `format` cannot carry what the definition says.
    pub fn write(&self, format: Format) -> Result<String> {
        #[cfg(feature = "cfn")]
        if let Source::Template(template) = &self.source {
            let mut template = template.clone();
            template.definition.clone_from(&self.definition);
            match format {
                Format::CloudFormationYaml => return template.write_yaml(),
                Format::CloudFormationJson => return template.write_json(),
                _ => {}
            }
        }
        if self.format == Format::Cli && format != Format::Cli {
            return write(&cli::sent(self.definition.clone()), format);
        }
        write(&self.definition, format)
    }

    /// What was read but `format` leaves behind, such as a template's other resources.
    pub fn left_behind(&self, format: Format) -> Vec<String> {
        match &self.source {
            #[cfg(feature = "cfn")]
            Source::Template(template) if !format.is_cloudformation() => {
                template.besides_pipeline()
            }
            _ => Vec::new(),
        }
    }
}
