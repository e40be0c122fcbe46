//! A definition that was read, with what else its form held.

#[cfg(any(feature = "cfn", feature = "terraform"))]
use super::about::About;
#[cfg(feature = "cfn")]
use super::cloudformation::Template;
#[cfg(feature = "terraform")]
use super::terraform::Module;
use super::{Format, cli, write};
use crate::Result;
use crate::pipeline::Definition;

/// A definition that was read, and what else its form held.
///
/// ```
/// use efsbackup_core::formats::{self, Format};
///
/// let document = formats::read(br#"{"objects": [{"id": "Default", "scheduleType": "cron"}]}"#)?;
/// assert_eq!(document.format, Format::Cli);
/// let again = formats::read(document.write(Format::Api)?.as_bytes())?;
/// assert_eq!(again.definition, document.definition);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
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
    #[cfg(feature = "terraform")]
    Module(Box<Module>),
}

/// A definition alone, as a service gives it.
impl From<Definition> for Document {
    fn from(definition: Definition) -> Self {
        Document::new(definition, Format::Api, Source::Alone)
    }
}

impl Document {
    pub(super) fn new(definition: Definition, format: Format, source: Source) -> Self {
        Document { definition, format, tolerated: Vec::new(), source }
    }

    /// The name of the pipeline in its file: a template's logical id, the name of a
    /// definition's resource in Terraform. The forms of a definition alone have none.
    pub fn pipeline(&self) -> Option<&str> {
        match &self.source {
            Source::Alone => None,
            #[cfg(feature = "cfn")]
            Source::Template(template) => Some(template.logical_id()),
            #[cfg(feature = "terraform")]
            Source::Module(module) => Some(module.resource()),
        }
    }

    /// Whether `format` takes all that was read, other pipelines of the same file included.
    pub fn carries_all(&self, format: Format) -> bool {
        #[cfg(not(any(feature = "cfn", feature = "terraform")))]
        let _ = format;
        match &self.source {
            Source::Alone => false,
            #[cfg(feature = "cfn")]
            Source::Template(_) => format.is_cloudformation(),
            #[cfg(feature = "terraform")]
            Source::Module(_) => format == self.format,
        }
    }

    /// Writes the definition in `format`. A CloudFormation template that was read is kept
    /// whole in a CloudFormation template that is written, and a file of Terraform in one of
    /// the same syntax; between the two go the pipeline's name, description and tags too.
    /// What comes from an AWS CLI file has the order in which the AWS CLI
    /// [sends](cli::sent) it.
    ///
    /// # Errors
    /// `CannotRepresent` where `format` cannot carry what the definition says.
    pub fn write(&self, format: Format) -> Result<String> {
        match (&self.source, format) {
            #[cfg(feature = "cfn")]
            (Source::Template(template), _) if format.is_cloudformation() => {
                let mut template = template.clone();
                template.definition.clone_from(&self.definition);
                if format == Format::CloudFormationYaml {
                    template.write_yaml()
                } else {
                    template.write_json()
                }
            }
            #[cfg(feature = "terraform")]
            (Source::Module(module), _) if format.is_terraform() => {
                let mut module = module.clone();
                module.definition.clone_from(&self.definition);
                if format == Format::Terraform { module.write_hcl() } else { module.write_json() }
            }
            #[cfg(all(feature = "cfn", feature = "terraform"))]
            (Source::Template(_), Format::Terraform) => self.module().write_hcl(),
            #[cfg(all(feature = "cfn", feature = "terraform"))]
            (Source::Template(_), Format::TerraformJson) => self.module().write_json(),
            #[cfg(all(feature = "cfn", feature = "terraform"))]
            (Source::Module(_), Format::CloudFormationYaml) => self.template().write_yaml(),
            #[cfg(all(feature = "cfn", feature = "terraform"))]
            (Source::Module(_), Format::CloudFormationJson) => self.template().write_json(),
            _ if self.format == Format::Cli && format != Format::Cli => {
                write(&cli::sent(self.definition.clone()), format)
            }
            _ => write(&self.definition, format),
        }
    }

    #[cfg(all(feature = "cfn", feature = "terraform"))]
    fn module(&self) -> Module {
        Module::new(self.definition.clone()).with_about(self.about())
    }

    #[cfg(all(feature = "cfn", feature = "terraform"))]
    fn template(&self) -> Template {
        Template::new(self.definition.clone()).with_about(&self.about())
    }

    #[cfg(any(feature = "cfn", feature = "terraform"))]
    fn about(&self) -> About {
        match &self.source {
            Source::Alone => About::default(),
            #[cfg(feature = "cfn")]
            Source::Template(template) => template.about(),
            #[cfg(feature = "terraform")]
            Source::Module(module) => module.about().clone(),
        }
    }

    /// What was read but `format` leaves behind, each by its place in the file: other
    /// resources, and what it says of the pipeline that `format` has no place for.
    pub fn left_behind(&self, format: Format) -> Vec<String> {
        #[cfg(not(any(feature = "cfn", feature = "terraform")))]
        let _ = format;
        match &self.source {
            Source::Alone => Vec::new(),
            #[cfg(feature = "cfn")]
            Source::Template(_) if format.is_cloudformation() => Vec::new(),
            #[cfg(feature = "cfn")]
            Source::Template(template) => {
                let mut left = template.besides_pipeline();
                left.extend(self.about_left_behind(format));
                left
            }
            #[cfg(feature = "terraform")]
            Source::Module(_) if format == self.format => Vec::new(),
            #[cfg(feature = "terraform")]
            Source::Module(module) => {
                let mut left = module.besides_pipeline();
                if !format.is_terraform() {
                    left.extend(self.about_left_behind(format));
                }
                left
            }
        }
    }

    #[cfg(any(feature = "cfn", feature = "terraform"))]
    fn about_left_behind(&self, format: Format) -> Vec<String> {
        let About { name, description, tags, own } = self.about();
        let mut left = own;
        if !(format.is_cloudformation() || format.is_terraform()) {
            let parts = [("name", name.is_some()), ("description", description.is_some())];
            let parts = parts.into_iter().chain([("tags", !tags.is_empty())]);
            let said = parts.filter(|(_, said)| *said);
            left.extend(said.map(|(part, _)| format!("the pipeline's {part}")));
        }
        left
    }
}
