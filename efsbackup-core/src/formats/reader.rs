//! Reading a definition in whatever form it is.

#[cfg(feature = "cfn")]
use super::cloudformation;
use super::document::Source;
#[cfg(feature = "terraform")]
use super::terraform::{self, Module};
use super::{Document, Format, api, cli, json, lenient};
use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;

/// How to read a definition: strictly or not, and which pipeline of several.
///
/// ```
/// use efsbackup_core::formats::Reader;
///
/// let text = b"{\"objects\": [ /* none yet */ ]}";
/// assert!(Reader::new().read(text).is_err());
/// let document = Reader::new().lenient(true).read(text)?;
/// assert_eq!(document.tolerated, ["line 1, column 15: a comment"]);
/// # Ok::<(), efsbackup_core::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Reader {
    lenient: bool,
    pipeline: Option<String>,
}

impl Reader {
    /// Reads strictly, and expects one pipeline.
    pub fn new() -> Self {
        Reader::default()
    }

    /// Whether JSON may hold comments, trailing commas, and raw line breaks and tabs in
    /// strings. [`Document::tolerated`] tells what there was of it.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// Takes the pipeline with this name, where the form has several: a template's logical
    /// id, or the name of a definition's resource in Terraform.
    pub fn pipeline(mut self, name: impl Into<String>) -> Self {
        self.pipeline = Some(name.into());
        self
    }

    /// Reads the definition in a file.
    ///
    /// # Errors
    /// That of opening or reading the file, or as [`read`](Self::read), with the file's name.
    pub fn read_path(&self, path: &Path) -> Result<Document> {
        let named = |error: Error| error.with_path(path);
        let bytes = std::fs::read(path).map_err(|error| named(Error::from_io("read", error)))?;
        self.read(&bytes).map_err(named)
    }

    /// Reads a definition. A byte order mark is skipped.
    ///
    /// # Errors
    /// `InvalidDefinition` with line and column where the text is in none of the forms, or
    /// with the path to what is wrong, or where there are several pipelines and none is
    /// chosen; `NotFound` where there is none with the name chosen; `Unsupported` for a form
    /// that this build has no feature for.
    pub fn read(&self, bytes: &[u8]) -> Result<Document> {
        let mut documents = self.read_all(bytes)?;
        match documents.len() {
            1 => Ok(documents.remove(0)),
            count => Err(unknown(&format!(
                "it holds {count} pipelines ({}); choose one with --pipeline",
                documents.iter().filter_map(Document::pipeline).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// Reads every pipeline that the text holds, or the one chosen: at least one.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for several pipelines.
    pub fn read_all(&self, bytes: &[u8]) -> Result<Vec<Document>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.iter().take(error.valid_up_to());
            let line = 1 + before.filter(|&&byte| byte == b'\n').count();
            unknown(&format!("line {line}: the text is not UTF-8"))
        })?;
        let beginning = beginning(text);
        if is_block(beginning) {
            return self.hcl(text);
        }
        if !beginning.starts_with('{') {
            return self.yaml(text);
        }
        let (tree, tolerated) =
            if self.lenient { lenient::parse(text)? } else { (json::parse(text)?, Vec::new()) };
        let mut documents = self.json(tree)?;
        for document in &mut documents {
            document.tolerated.clone_from(&tolerated);
        }
        Ok(documents)
    }

    fn json(&self, tree: Node) -> Result<Vec<Document>> {
        let Node::Map(entries) = &tree else { return Err(unknown("an object is needed")) };
        let has = |name: &str| entries.iter().any(|(key, _)| key == name);
        if has("objects") {
            self.alone(Document::new(cli::from_node(&tree)?, Format::Cli, Source::Alone))
        } else if has("pipelineObjects") {
            self.alone(Document::new(api::from_node(&tree)?, Format::Api, Source::Alone))
        } else if has("Resources") {
            self.template(tree, Format::CloudFormationJson, None)
        } else if has("resource") {
            self.module(&tree)
        } else {
            let only = if has("values") {
                "; it holds values alone, which are given beside a definition with --values-file"
            } else if has("parameters") {
                "; it holds parameters alone"
            } else if has("id") && has("type") {
                "; it is a single object: put it into {\"objects\": […]}"
            } else {
                ""
            };
            Err(unknown(&format!(
                "none of the keys objects (AWS CLI), pipelineObjects (API), Resources \
                 (CloudFormation) and resource (Terraform) is there{only}"
            )))
        }
    }

    /// A form that holds one pipeline without a name.
    fn alone(&self, document: Document) -> Result<Vec<Document>> {
        match &self.pipeline {
            Some(name) => Err(no_such_pipeline(name, &[])),
            None => Ok(vec![document]),
        }
    }

    #[cfg(feature = "cfn")]
    fn yaml(&self, text: &str) -> Result<Vec<Document>> {
        let source = Some(text.into());
        self.template(super::yaml::parse(text)?, Format::CloudFormationYaml, source)
    }

    #[cfg(feature = "cfn")]
    fn template(
        &self,
        tree: Node,
        format: Format,
        source: Option<Arc<str>>,
    ) -> Result<Vec<Document>> {
        let names = cloudformation::pipelines(&tree)?;
        let template = |name: &String| {
            let mut template = cloudformation::Template::from_node(tree.clone(), name)?;
            if let Some(text) = &source {
                template = template.with_source(text);
            }
            let definition = template.definition.clone();
            Ok(Document::new(definition, format, Source::Template(Box::new(template))))
        };
        self.chosen(&names)?.into_iter().map(template).collect()
    }

    #[cfg(feature = "terraform")]
    fn hcl(&self, text: &str) -> Result<Vec<Document>> {
        let file = terraform::parse_hcl(text)?;
        self.modules(&file, Format::Terraform, |name| Module::from_hcl(text, &file, name))
    }

    #[cfg(feature = "terraform")]
    fn module(&self, tree: &Node) -> Result<Vec<Document>> {
        let file = terraform::File::from_json(tree)?;
        self.modules(&file, Format::TerraformJson, |name| Module::from_json(tree, &file, name))
    }

    #[cfg(feature = "terraform")]
    fn modules(
        &self,
        file: &terraform::File,
        format: Format,
        read: impl Fn(&str) -> Result<Module>,
    ) -> Result<Vec<Document>> {
        let document = |name: &String| {
            let module = read(name)?;
            let definition = module.definition.clone();
            Ok(Document::new(definition, format, Source::Module(Box::new(module))))
        };
        self.chosen(&Module::names(file)?)?.into_iter().map(document).collect()
    }

    #[cfg(not(feature = "terraform"))]
    fn hcl(&self, _text: &str) -> Result<Vec<Document>> {
        Err(super::without(Format::Terraform))
    }

    #[cfg(not(feature = "terraform"))]
    fn module(&self, _tree: &Node) -> Result<Vec<Document>> {
        Err(super::without(Format::TerraformJson))
    }

    #[cfg(any(feature = "cfn", feature = "terraform"))]
    fn chosen<'a>(&self, names: &'a [String]) -> Result<Vec<&'a String>> {
        let Some(wanted) = &self.pipeline else { return Ok(names.iter().collect()) };
        match names.iter().find(|name| *name == wanted) {
            Some(name) => Ok(vec![name]),
            None => Err(no_such_pipeline(wanted, names)),
        }
    }

    #[cfg(not(feature = "cfn"))]
    fn yaml(&self, _text: &str) -> Result<Vec<Document>> {
        Err(super::without(Format::CloudFormationYaml))
    }

    #[cfg(not(feature = "cfn"))]
    fn template(
        &self,
        _tree: Node,
        format: Format,
        _source: Option<Arc<str>>,
    ) -> Result<Vec<Document>> {
        Err(super::without(format))
    }
}

/// The text after the blanks and comments that it begins with, in any of the forms.
fn beginning(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let end = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 2)
        } else {
            return rest;
        };
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default().trim_start();
    }
}

/// Whether HCL's header of a block stands on the first line: `resource "type" "name" {`. A
/// template in YAML begins with a key and a colon.
fn is_block(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let Some((header, _)) = line.split_once('{') else { return false };
    let mut words = header.split_whitespace();
    let identifier = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    words.next().is_some_and(identifier)
        && words.all(|word| identifier(word.trim_matches('"')) && word.contains('"'))
}

fn unknown(text: &str) -> Error {
    Error::new(ErrorKind::InvalidDefinition, "read definition").with_message(text)
}

fn no_such_pipeline(name: &str, names: &[String]) -> Error {
    let there = match names {
        [] => "this form holds one definition without a name".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Error::new(ErrorKind::NotFound, "read definition")
        .with_message(format!("no pipeline is called {name}; {there}"))
}
