//! The same definition in the forms that others use: read, write, and find out which.

pub mod api;
pub mod cli;
#[cfg(feature = "cfn")]
pub mod cloudformation;
mod document;
mod json;
mod lenient;
mod reader;
mod tree;
mod write;
#[cfg(feature = "cfn")]
mod yaml;

pub use document::Document;
pub use reader::Reader;

use crate::Result;
use crate::pipeline::Definition;
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

    /// Whether it is a CloudFormation template.
    pub fn is_cloudformation(self) -> bool {
        matches!(self, Format::CloudFormationYaml | Format::CloudFormationJson)
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

/// Reads the definition in a file, in whatever form it is, strictly.
///
/// # Errors
/// As [`Reader::read_path`].
pub fn read_path(path: &Path) -> Result<Document> {
    Reader::new().read_path(path)
}

/// Reads a definition in whatever form it is, strictly. A byte order mark is skipped.
///
/// # Errors
/// As [`Reader::read`].
pub fn read(bytes: &[u8]) -> Result<Document> {
    Reader::new().read(bytes)
}

#[cfg(not(feature = "cfn"))]
fn without_cfn() -> crate::Error {
    crate::Error::new(crate::ErrorKind::Unsupported, "definition").with_message(
        "this build knows JSON definitions only; for CloudFormation build it with the feature cfn",
    )
}
