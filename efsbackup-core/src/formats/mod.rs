//! The same definition in the forms that others use: read, write, and find out which.

#[cfg(any(feature = "cfn", feature = "terraform"))]
mod about;
pub mod api;
pub mod cli;
#[cfg(feature = "cfn")]
pub mod cloudformation;
mod document;
mod fold;
mod json;
mod lenient;
mod reader;
#[cfg(any(feature = "cfn", feature = "terraform"))]
mod template_json;
#[cfg(feature = "terraform")]
pub mod terraform;
mod tree;
mod write;
#[cfg(feature = "cfn")]
pub(crate) mod yaml;

pub use document::Document;
pub use fold::fold_arguments;
pub use reader::Reader;

use crate::pipeline::Definition;
use crate::{Error, ErrorKind, Result};
use std::path::Path;
use std::str::FromStr;

/// A form of a definition.
///
/// ```
/// use efsbackup_core::formats::Format;
///
/// let format: Format = "terraform-json".parse()?;
/// assert!(format.is_terraform() && !format.is_cloudformation());
/// assert_eq!(format.name(), "terraform-json");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
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
    /// Terraform's native syntax, HCL.
    Terraform,
    /// Terraform's JSON syntax.
    TerraformJson,
}

impl Format {
    /// Every form, in the order in which they are listed to people.
    pub const ALL: [Format; 6] = [
        Format::Cli,
        Format::Api,
        Format::CloudFormationYaml,
        Format::CloudFormationJson,
        Format::Terraform,
        Format::TerraformJson,
    ];

    /// Its name on the command line, such as `cfn-yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Cli => "cli",
            Format::Api => "api",
            Format::CloudFormationYaml => "cfn-yaml",
            Format::CloudFormationJson => "cfn-json",
            Format::Terraform => "terraform",
            Format::TerraformJson => "terraform-json",
        }
    }

    /// Whether it is a CloudFormation template.
    pub fn is_cloudformation(self) -> bool {
        matches!(self, Format::CloudFormationYaml | Format::CloudFormationJson)
    }

    /// Whether it is Terraform's.
    pub fn is_terraform(self) -> bool {
        matches!(self, Format::Terraform | Format::TerraformJson)
    }
}

impl FromStr for Format {
    type Err = Error;

    /// The form of this [name](Format::name).
    fn from_str(name: &str) -> Result<Format> {
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let names = Format::ALL.map(Format::name).join(", ");
            Error::new(ErrorKind::InvalidInput, "definition")
                .with_message(format!("{name:?} is none: the forms are {names}"))
        })
    }
}

/// Writes a definition in `format`.
///
/// # Errors
/// `CannotRepresent` where `format` cannot carry what the definition says; `Unsupported`
/// for a template without the feature `cfn`, and for Terraform without the feature
/// `terraform`.
pub fn write(definition: &Definition, format: Format) -> Result<String> {
    match format {
        Format::Cli => cli::write(definition),
        Format::Api => api::write(definition),
        #[cfg(feature = "cfn")]
        Format::CloudFormationYaml => cloudformation::write_yaml(definition),
        #[cfg(feature = "cfn")]
        Format::CloudFormationJson => cloudformation::write_json(definition),
        #[cfg(feature = "terraform")]
        Format::Terraform => terraform::write_hcl(definition),
        #[cfg(feature = "terraform")]
        Format::TerraformJson => terraform::write_json(definition),
        #[cfg(not(all(feature = "cfn", feature = "terraform")))]
        format => Err(without(format)),
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

#[cfg(not(all(feature = "cfn", feature = "terraform")))]
fn without(format: Format) -> Error {
    let feature = if format.is_terraform() { "terraform" } else { "cfn" };
    Error::new(ErrorKind::Unsupported, "definition").with_message(format!(
        "this build does not know the form {}; build it with the feature {feature}",
        format.name()
    ))
}
