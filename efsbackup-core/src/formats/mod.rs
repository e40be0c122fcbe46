//! The same definition in the forms that others use: read, write, and find out which.

pub mod api;
pub mod cli;
#[cfg(feature = "cfn")]
pub mod cloudformation;
mod json;
mod tree;
mod write;
#[cfg(feature = "cfn")]
mod yaml;

use crate::pipeline::{Definition, Node};
use crate::{Error, ErrorKind, Result};
use std::path::Path;

/// A form of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The AWS CLI's file: `objects`, `parameters`, `values`.
    Cli,
    /// The API's JSON: `pipelineObjects`, `parameterObjects`, `parameterValues`.
    Api,
    /// A CloudFormation template in YAML.
    CloudFormationYaml,
    /// A CloudFormation template in JSON.
    CloudFormationJson,
}

impl Format {
    /// Every form, in the order in which they are listed to people.
    pub const ALL: [Format; 4] =
        [Format::Cli, Format::Api, Format::CloudFormationYaml, Format::CloudFormationJson];

    /// Its name on the command line, such as `cfn-yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Cli => "cli",
            Format::Api => "api",
            Format::CloudFormationYaml => "cfn-yaml",
            Format::CloudFormationJson => "cfn-json",
        }
    }
}

/// A definition that was read, and what else its form held.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The definition.
    pub definition: Definition,
    /// The form it was in.
    pub format: Format,
    #[cfg(feature = "cfn")]
    template: Option<cloudformation::Template>,
}

impl Document {
    fn new(definition: Definition, format: Format) -> Self {
        Document {
            definition,
            format,
            #[cfg(feature = "cfn")]
            template: None,
        }
    }

    /// Writes the definition in `format`. A CloudFormation template that was read is kept
    /// whole in a CloudFormation template that is written.
    ///
    /// # Errors
    /// `CannotRepresent` where `format` cannot carry what the definition says.
    pub fn write(&self, format: Format) -> Result<String> {
        #[cfg(feature = "cfn")]
        if let Some(template) = &self.template {
            let mut template = template.clone();
            template.definition.clone_from(&self.definition);
            match format {
                Format::CloudFormationYaml => return template.write_yaml(),
                Format::CloudFormationJson => return template.write_json(),
                Format::Cli | Format::Api => {}
            }
        }
        write(&self.definition, format)
    }

    /// What was read but `format` leaves behind, such as a template's other resources.
    pub fn left_behind(&self, format: Format) -> Vec<String> {
        match format {
            #[cfg(feature = "cfn")]
            Format::Cli | Format::Api => {
                self.template.as_ref().map(|t| t.besides_pipeline()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

/// Writes a definition in `format`.
///
/// # Errors
/// `CannotRepresent` where `format` cannot carry what the definition says; `Unsupported`
/// for a template without the feature `cfn`.
pub fn write(definition: &Definition, format: Format) -> Result<String> {
    match format {
        Format::Cli => cli::write(definition),
        Format::Api => api::write(definition),
        #[cfg(feature = "cfn")]
        Format::CloudFormationYaml => cloudformation::write_yaml(definition),
        #[cfg(feature = "cfn")]
        Format::CloudFormationJson => cloudformation::write_json(definition),
        #[cfg(not(feature = "cfn"))]
        _ => Err(without_cfn()),
    }
}

/// Reads the definition in a file, in whatever form it is.
///
/// # Errors
/// That of opening or reading the file, or as [`read`], with the file's name.
pub fn read_path(path: &Path) -> Result<Document> {
    let named = |error: Error| error.with_path(path);
    let bytes = std::fs::read(path).map_err(|error| named(Error::from_io("read", error)))?;
    read(&bytes).map_err(named)
}

/// Reads a definition in whatever form it is. A byte order mark is skipped.
///
/// # Errors
/// `InvalidDefinition` with line and column where the text is neither JSON nor YAML, or
/// with the path to what is wrong; `Unsupported` for a template without the feature `cfn`.
pub fn read(bytes: &[u8]) -> Result<Document> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|&&b| b == b'\n').count();
        unknown(&format!("line {line}: the text is not UTF-8"))
    })?;
    if !text.trim_start().starts_with('{') {
        return read_yaml(text);
    }
    let tree = json::parse(text)?;
    let Node::Map(entries) = &tree else { return Err(unknown("an object is needed")) };
    let has = |name: &str| entries.iter().any(|(key, _)| key == name);
    if has("objects") {
        Ok(Document::new(cli::from_node(&tree)?, Format::Cli))
    } else if has("pipelineObjects") {
        Ok(Document::new(api::from_node(&tree)?, Format::Api))
    } else if has("Resources") {
        read_template(tree, Format::CloudFormationJson)
    } else {
        Err(unknown(
            "none of the keys objects (AWS CLI), pipelineObjects (API) and Resources \
             (CloudFormation) is there",
        ))
    }
}

fn unknown(text: &str) -> Error {
    Error::new(ErrorKind::InvalidDefinition, "read definition").with_message(text)
}

#[cfg(feature = "cfn")]
fn read_yaml(text: &str) -> Result<Document> {
    read_template(yaml::parse(text)?, Format::CloudFormationYaml)
}

#[cfg(feature = "cfn")]
fn read_template(tree: Node, format: Format) -> Result<Document> {
    let template = cloudformation::Template::from_node(tree)?;
    Ok(Document { definition: template.definition.clone(), format, template: Some(template) })
}

#[cfg(not(feature = "cfn"))]
fn read_yaml(_text: &str) -> Result<Document> {
    Err(without_cfn())
}

#[cfg(not(feature = "cfn"))]
fn read_template(_tree: Node, _format: Format) -> Result<Document> {
    Err(without_cfn())
}

#[cfg(not(feature = "cfn"))]
fn without_cfn() -> Error {
    Error::new(ErrorKind::Unsupported, "definition").with_message(
        "this build knows JSON definitions only; for CloudFormation build it with the feature cfn",
    )
}
