//! A pipeline as Terraform resources: `aws_datapipeline_pipeline` and
//! `aws_datapipeline_pipeline_definition` of the AWS provider.

mod carry;
mod change;
mod file;
mod hcl;
mod nesting;
mod objects;
mod resource;
mod text;
mod write;

use super::about::About;
use super::json;
use super::template_json::to_json;
use super::tree::At;
use crate::pipeline::{Definition, Node};
use crate::{Error, ErrorKind, Result};
use change::{entry, only, replaced, templates};
pub(super) use file::File;
use file::{DEFINITION, PIPELINE, Resource};
use objects::{BLOCKS, map};
use resource::{arguments, new_resources, pipeline_of, read_about, unknown_arguments};
use std::ops::Range;

/// A file of Terraform, and one pipeline in it.
///
/// Written in the syntax in which it was read, all else that the file holds stays as it is,
/// comments too; only a definition that was changed is written anew, in its place. In the
/// other syntax the file's other resources are left out: Terraform takes both in one module.
///
/// ```
/// use efsbackup_core::formats::terraform::{self, Module};
/// use efsbackup_core::pipeline::{Defaults, Definition};
///
/// let definition = Definition::default().with(Defaults::new().schedule_type("ondemand"));
/// let text = Module::new(definition.clone()).name("nightly").write_hcl()?;
/// assert_eq!(terraform::read_hcl(&text)?.definition, definition);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// What the resource says of objects, parameters and values.
    pub definition: Definition,
    about: About,
    name: String,
    /// Everything else in the file.
    besides: Vec<String>,
    /// What was read of the two resources but the definition; the pipeline's may stand
    /// elsewhere.
    read: Option<Vec<Arguments>>,
    source: Source,
}

/// A block at the top of a file. A list of maps in it is blocks of that name.
#[cfg(feature = "stack")]
pub(crate) fn block(header: &str, body: &Node) -> String {
    let mut out = String::new();
    write::push_block(header, body, 0, &mut out);
    out
}

/// Text as it stands between quotes.
#[cfg(feature = "stack")]
pub(crate) fn escaped(text: &str) -> String {
    text::escaped(text)
}

/// A resource: type, name, arguments.
type Arguments = (&'static str, String, Vec<(String, Node)>);

/// What a module was read from.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// Nothing: it is new.
    New,
    /// Native syntax: the text, where the definition's blocks stand in it, and what they say.
    Hcl { text: String, blocks: Vec<Range<usize>>, end: usize, read: Definition },
    /// JSON syntax.
    Json { tree: Node, read: Definition },
}

impl Module {
    /// A module of nothing but a pipeline, called `pipeline`, with this definition.
    pub fn new(definition: Definition) -> Self {
        let about = About { name: Some("pipeline".to_owned()), ..About::default() };
        let name = "pipeline".to_owned();
        Module { definition, about, name, besides: Vec::new(), read: None, source: Source::New }
    }

    /// Gives the pipeline this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.about.name = Some(name.to_owned());
        self
    }

    #[cfg(all(feature = "cfn", feature = "terraform"))]
    pub(super) fn with_about(mut self, about: About) -> Self {
        let name = about.name.clone().or(self.about.name);
        self.about = About { name, ..about };
        self
    }

    /// The name of the definition's resource.
    pub fn resource(&self) -> &str {
        &self.name
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    /// What the file holds besides the pipeline, each by its address.
    pub fn besides_pipeline(&self) -> Vec<String> {
        self.besides.clone()
    }

    /// The names of the definitions' resources, in order: at least one.
    pub(super) fn names(file: &File) -> Result<Vec<String>> {
        let definitions = file.resources.iter().filter(|resource| resource.kind == DEFINITION);
        let names: Vec<String> = definitions.map(|resource| resource.name.clone()).collect();
        if names.is_empty() {
            return Err(Error::new(ErrorKind::InvalidDefinition, "read definition")
                .with_message(format!("no resource is of the type {DEFINITION}")));
        }
        Ok(names)
    }

    /// Reads the pipeline whose definition is called `name`.
    fn from_file(
        file: &File,
        name: &str,
        source: impl FnOnce(&Resource, Definition) -> Source,
    ) -> Result<Module> {
        let address = format!("{DEFINITION}.{name}");
        let resource = file.get(DEFINITION, name).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "read definition").with_message(address.clone())
        })?;
        let at = At::root(&resource.body, &address);
        let definition = objects::definition(&at)?;
        let pipeline = at.get("pipeline_id").and_then(|id| pipeline_of(id.node));
        let pipeline = pipeline.and_then(|name| file.get(PIPELINE, &name));
        let named = [Some(resource), pipeline].into_iter().flatten();
        if let Some(wrong) = named.into_iter().find(|resource| !is_name(&resource.name)) {
            return Err(At::root(&wrong.body, &wrong.kind).error(format!(
                "'{}' is no name of a resource; use letters, digits, _ and -",
                wrong.name
            )));
        }
        let mut besides = file.others.clone();
        let is_other = |other: &&Resource| {
            !std::ptr::eq(*other, resource)
                && !pipeline.is_some_and(|own| std::ptr::eq(*other, own))
        };
        let others = file.resources.iter().filter(is_other);
        besides.extend(others.map(|other| format!("{}.{}", other.kind, other.name)));
        let known = [&["pipeline_id", "//"][..], &BLOCKS].concat();
        besides.extend(unknown_arguments(resource, &known));
        let mut about = About::default();
        let mut read = Vec::new();
        if let Some(pipeline) = pipeline {
            let known = ["name", "description", "tags", "//"];
            besides.extend(unknown_arguments(pipeline, &known));
            read_about(pipeline, &mut about);
            read.push((PIPELINE, pipeline.name.clone(), arguments(pipeline, &known[..3])));
        }
        read.push((DEFINITION, name.to_owned(), arguments(resource, &["pipeline_id"])));
        let source = source(resource, definition.clone());
        let name = name.to_owned();
        Ok(Module { definition, about, name, besides, read: Some(read), source })
    }

    /// Reads the pipeline called `name` from native syntax.
    pub(super) fn from_hcl(text: &str, file: &File, name: &str) -> Result<Module> {
        Module::from_file(file, name, |resource, read| {
            let ours = resource.blocks.iter().filter(|(block, _)| BLOCKS.contains(&block.as_str()));
            let blocks = ours.map(|(_, span)| span.clone()).collect();
            // The closing brace is the last byte of the resource.
            let end = resource.span.end.saturating_sub(1);
            Source::Hcl { text: text.to_owned(), blocks, end, read }
        })
    }

    /// Reads the pipeline called `name` from JSON syntax.
    pub(super) fn from_json(tree: &Node, file: &File, name: &str) -> Result<Module> {
        Module::from_file(file, name, |_, read| Source::Json { tree: tree.clone(), read })
    }

    /// Writes it in native syntax, formatted as `terraform fmt` formats it.
    ///
    /// # Errors
    /// `CannotRepresent` where the order of repeated fields would be lost, where a value is
    /// empty or not in Unicode's normal form C, and where it is a CloudFormation function;
    /// `Unsupported` where a changed definition cannot be put into the file's own text.
    pub fn write_hcl(&self) -> Result<String> {
        let Source::Hcl { text, blocks, end, read } = &self.source else {
            carry::check(&self.definition)?;
            let mut out = String::new();
            let resources = self.resources();
            for (index, (kind, name, body)) in resources.iter().enumerate() {
                if index > 0 {
                    out.push('\n');
                }
                write::push_block(&format!("resource \"{kind}\" \"{name}\""), body, 0, &mut out);
            }
            return Ok(out);
        };
        if *read == self.definition {
            return Ok(text.clone());
        }
        carry::check(&self.definition)?;
        let mut new = String::new();
        write::body(&self.blocks(), 2, true, &mut new);
        let new = replaced(text, blocks, *end, &new);
        let again = hcl::parse(&new).and_then(|file| Module::from_hcl(&new, &file, &self.name));
        match again {
            Ok(again) if again.definition == self.definition => Ok(new),
            _ => Err(Error::new(ErrorKind::Unsupported, "write").with_message(format!(
                "{DEFINITION}.{}: its blocks cannot be told from the text around them; give each \
                 its own lines",
                self.name
            ))),
        }
    }

    /// Writes it in JSON syntax, indented by two spaces.
    ///
    /// # Errors
    /// As [`write_hcl`](Self::write_hcl).
    pub fn write_json(&self) -> Result<String> {
        let tree = match &self.source {
            Source::Json { tree, read } if *read == self.definition => tree.clone(),
            Source::Json { tree, .. } => {
                carry::check(&self.definition)?;
                let mut tree = tree.clone();
                let body = entry(&mut tree, "resource")
                    .and_then(|kinds| entry(kinds, DEFINITION))
                    .and_then(|names| entry(names, &self.name));
                let Some(Node::Map(body)) = body.map(only) else {
                    return Err(Error::new(ErrorKind::Unsupported, "write").with_message(format!(
                        "{DEFINITION}.{}: it stands in a list; write it as an object to change it",
                        self.name
                    )));
                };
                body.retain(|(key, _)| !BLOCKS.contains(&key.as_str()));
                body.extend(self.blocks().into_iter().map(|(key, node)| (key, templates(&node))));
                tree
            }
            Source::New | Source::Hcl { .. } => {
                carry::check(&self.definition)?;
                let resources = self.resources().into_iter().map(|(kind, name, body)| {
                    (kind.to_owned(), Node::Map(vec![(name, templates(&body))]))
                });
                map([("resource", Node::Map(resources.collect()))])
            }
        };
        Ok(to_json(&tree))
    }

    /// The resources to be written: type, name and body.
    fn resources(&self) -> Vec<(&'static str, String, Node)> {
        let read = self.read.clone();
        let resources = read.unwrap_or_else(|| new_resources(&self.name, &self.about));
        let body = |(kind, name, mut arguments): Arguments| {
            if kind == DEFINITION {
                arguments.extend(self.blocks());
            }
            (kind, name, Node::Map(arguments))
        };
        resources.into_iter().map(body).collect()
    }

    /// The definition as blocks, without names that have none.
    fn blocks(&self) -> Vec<(String, Node)> {
        let arguments = objects::arguments(&self.definition).into_iter();
        let present = arguments.filter(|(_, blocks)| !blocks.is_empty());
        present.map(|(name, blocks)| (name.to_owned(), Node::List(blocks))).collect()
    }
}

/// Reads a file of native syntax with one pipeline. [`Reader`](super::Reader) reads one of
/// several.
///
/// # Errors
/// `InvalidDefinition` with line and column where the text is not HCL, or with the path to
/// what is wrong: no definition or several, or an expression where only its result tells
/// what the pipeline is, such as an object's id.
pub fn read_hcl(text: &str) -> Result<Module> {
    let file = hcl::parse(text)?;
    Module::from_hcl(text, &file, &only_name(&file)?)
}

/// Reads a file of JSON syntax with one pipeline.
///
/// # Errors
/// As [`read_hcl`].
pub fn read_json(text: &str) -> Result<Module> {
    let tree = json::parse(text)?;
    let file = File::from_json(&tree)?;
    Module::from_json(&tree, &file, &only_name(&file)?)
}

/// Writes a module of nothing but this pipeline, in native syntax.
///
/// # Errors
/// As [`Module::write_hcl`].
pub fn write_hcl(definition: &Definition) -> Result<String> {
    Module::new(definition.clone()).write_hcl()
}

/// Writes the same module in JSON syntax.
///
/// # Errors
/// As [`Module::write_hcl`].
pub fn write_json(definition: &Definition) -> Result<String> {
    Module::new(definition.clone()).write_json()
}

pub(super) fn parse_hcl(text: &str) -> Result<File> {
    hcl::parse(text)
}

/// Whether Terraform takes it for the name of a resource.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn only_name(file: &File) -> Result<String> {
    let mut names = Module::names(file)?;
    if names.len() > 1 {
        return Err(Error::new(ErrorKind::InvalidDefinition, "read definition").with_message(
            format!("several resources are of the type {DEFINITION} ({})", names.join(", ")),
        ));
    }
    Ok(names.remove(0))
}
