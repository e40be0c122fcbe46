//! A pipeline as a CloudFormation template: `AWS::DataPipeline::Pipeline`.

mod keep;
mod objects;

use super::about::About;
use super::template_json::to_json;
use super::tree::At;
use super::{json as read, yaml};
use crate::pipeline::{Definition, Intrinsic, Node};
use crate::{Error, ErrorKind, Result};
use std::sync::Arc;

const TYPE: &str = "AWS::DataPipeline::Pipeline";
const OBJECTS: &str = "PipelineObjects";
const PARAMETERS: &str = "ParameterObjects";
const VALUES: &str = "ParameterValues";

/// A template, and one pipeline in it.
///
/// All else that the template holds (other resources and pipelines, the pipeline's name, tags
/// and activation, outputs, …) is kept as it is and in its order. So are the comments and the
/// layout of YAML that was read, but for those in lists of the pipeline that were changed.
/// Two templates are equal where they say the same, however they are laid out.
///
/// ```
/// use efsbackup_core::formats::cloudformation::Template;
/// use efsbackup_core::pipeline::{Defaults, Definition};
///
/// let definition = Definition::default().with(Defaults::new().schedule_type("ondemand"));
/// let template = Template::new(definition).name("nightly");
/// assert!(template.write_yaml()?.contains("Type: AWS::DataPipeline::Pipeline"));
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    /// What the pipeline's objects, parameters and values say.
    pub definition: Definition,
    /// The template, in which the pipeline's own three lists are empty.
    document: Node,
    logical_id: String,
    /// The YAML that it was read from, and the definition that stands there.
    source: Option<(Arc<str>, Definition)>,
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition
            && self.logical_id == other.logical_id
            && self.document == other.document
    }
}

impl Template {
    /// A template of nothing but an active pipeline with this definition, which takes the
    /// stack's name.
    pub fn new(definition: Definition) -> Self {
        let text = |text: &str| Node::Text(text.to_owned());
        let map = |entries: Vec<(&str, Node)>| {
            Node::Map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
        };
        let stack_name = Node::Intrinsic(Box::new(Intrinsic {
            function: "Ref".to_owned(),
            short: true,
            argument: text("AWS::StackName"),
        }));
        let properties =
            map(vec![("Name", stack_name), ("Activate", Node::Plain("true".to_owned()))]);
        let pipeline = map(vec![("Type", text(TYPE)), ("Properties", properties)]);
        let document = map(vec![
            ("AWSTemplateFormatVersion", text("2010-09-09")),
            ("Resources", map(vec![("Pipeline", pipeline)])),
        ]);
        Template { definition, document, logical_id: "Pipeline".to_owned(), source: None }
    }

    /// The pipeline's resource, to stand in another template.
    #[cfg(feature = "stack")]
    pub(crate) fn resource(&self) -> Result<Node> {
        let document = self.to_node()?;
        let resources = child(&document, "Resources");
        let pipeline = resources.and_then(|resources| child(resources, &self.logical_id));
        pipeline.cloned().ok_or_else(|| no_pipeline(&document))
    }

    /// Gives the pipeline this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.source = None;
        if let Some(properties) = self.properties_mut() {
            set(properties, "Name", Node::Text(name.to_owned()));
        }
        self
    }

    /// The name of the pipeline among the template's resources.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// Reads the pipeline called `logical_id` from a template's tree.
    pub(super) fn from_node(document: Node, logical_id: &str) -> Result<Template> {
        let definition = {
            let resources = resources(&document)?;
            let resource = resources.into_iter().find(|(name, _)| *name == logical_id);
            let (_, resource) = resource.ok_or_else(|| no_pipeline(&document))?;
            objects::definition(&resource)?
        };
        let logical_id = logical_id.to_owned();
        let mut template = Template { definition, document, logical_id, source: None };
        if let Some(properties) = template.properties_mut() {
            for (key, node) in properties {
                if [OBJECTS, PARAMETERS, VALUES].contains(&key.as_str()) {
                    *node = Node::List(Vec::new());
                }
            }
        }
        Ok(template)
    }

    /// Forgets the layout and the comments of the YAML that it was read from: it is written
    /// in this library's own layout.
    #[must_use]
    pub fn without_layout(mut self) -> Self {
        self.source = None;
        self
    }

    /// Keeps the text that it was read from.
    pub(super) fn with_source(mut self, text: &Arc<str>) -> Self {
        self.source = Some((Arc::clone(text), self.definition.clone()));
        self
    }

    fn properties_mut(&mut self) -> Option<&mut Vec<(String, Node)>> {
        let resources = entry(entries(&mut self.document)?, "Resources")?;
        let pipeline = entry(entries(resources)?, &self.logical_id)?;
        entries(entry(entries(pipeline)?, "Properties")?)
    }

    /// The whole template as a tree.
    fn to_node(&self) -> Result<Node> {
        objects::check(&self.definition)?;
        let mut whole = self.clone();
        let definition = std::mem::take(&mut whole.definition);
        if let Some(properties) = whole.properties_mut() {
            for (key, list) in [
                (PARAMETERS, objects::parameters(&definition)?),
                (VALUES, objects::values(&definition)?),
                (OBJECTS, objects::objects(&definition)),
            ] {
                if !list.is_empty() {
                    set(properties, key, Node::List(list));
                }
            }
        } else if definition != Definition::default() {
            return Err(Error::new(ErrorKind::CannotRepresent, "write").with_message(format!(
                "Resources.{}: it has no Properties to put the definition into",
                self.logical_id
            )));
        }
        Ok(whole.document)
    }

    #[cfg(all(feature = "cfn", feature = "terraform"))]
    pub(super) fn with_about(mut self, about: &About) -> Self {
        let text = |text: &str| Node::Text(text.to_owned());
        let About { name, description, tags, .. } = about;
        self.source = None;
        if let Some(properties) = self.properties_mut() {
            if let Some(name) = name {
                set(properties, "Name", text(name));
            }
            if let Some(description) = description {
                set(properties, "Description", text(description));
            }
            if !tags.is_empty() {
                let tag = |(key, value): &(String, String)| {
                    let entries = [("Key", text(key)), ("Value", text(value))];
                    Node::Map(entries.map(|(name, node)| (name.to_owned(), node)).into())
                };
                set(properties, "PipelineTags", Node::List(tags.iter().map(tag).collect()));
            }
        }
        self
    }

    /// What the template says of the pipeline besides its definition.
    pub(super) fn about(&self) -> About {
        let mut about = About::default();
        let Some(Node::Map(pipeline)) = self.pipeline() else { return about };
        for (key, node) in pipeline {
            match node {
                _ if key == "Type" => {}
                Node::Map(properties) if key == "Properties" => {
                    properties.iter().for_each(|(key, node)| self.property(key, node, &mut about));
                }
                _ => about.own.push(format!("Resources.{}.{key}", self.logical_id)),
            }
        }
        about
    }

    fn property(&self, key: &str, node: &Node, about: &mut About) {
        let path = |key: &str| format!("Resources.{}.Properties.{key}", self.logical_id);
        match (key, node) {
            (OBJECTS | PARAMETERS | VALUES, _) => {}
            // What every template of ours says says nothing.
            ("Name", node) if is_stack_name(node) => {}
            ("Activate", Node::Text(word) | Node::Plain(word)) if is_true(word) => {}
            ("Name", node) => about.name = about.literal(node, || path(key)),
            ("Description", node) => about.description = about.literal(node, || path(key)),
            ("PipelineTags", Node::List(tags)) => {
                for (index, tag) in tags.iter().enumerate() {
                    let at = At::root(tag, "tag");
                    let path = || path(&format!("PipelineTags[{index}]"));
                    match (at.get("Key"), at.get("Value")) {
                        (Some(key), Some(value)) => {
                            let key = about.literal(key.node, path);
                            let value = about.literal(value.node, path);
                            about.tags.extend(key.zip(value));
                        }
                        _ => about.own.push(path()),
                    }
                }
            }
            _ => about.own.push(path(key)),
        }
    }

    fn pipeline(&self) -> Option<&Node> {
        child(child(&self.document, "Resources")?, &self.logical_id)
    }

    /// What the template holds besides the pipeline, each as a path in it: what a form
    /// that carries a definition alone leaves behind.
    pub fn besides_pipeline(&self) -> Vec<String> {
        let mut besides = Vec::new();
        let Node::Map(sections) = &self.document else { return besides };
        for (section, node) in sections {
            match node {
                _ if section == "AWSTemplateFormatVersion" => {}
                Node::Map(resources) if section == "Resources" => {
                    let others = resources.iter().filter(|(id, _)| *id != self.logical_id);
                    besides.extend(others.map(|(id, _)| format!("Resources.{id}")));
                }
                _ => besides.push(section.clone()),
            }
        }
        besides
    }

    /// Writes it as JSON, indented by two spaces, with functions in their long form.
    ///
    /// # Errors
    /// As [`write_yaml`](Self::write_yaml).
    pub fn write_json(&self) -> Result<String> {
        Ok(to_json(&self.to_node()?))
    }

    /// Writes it as YAML.
    ///
    /// # Errors
    /// `CannotRepresent` where a parameter's attribute or value is a reference, and where a
    /// value is a Terraform expression.
    pub fn write_yaml(&self) -> Result<String> {
        let whole = self.to_node()?;
        Ok(self.kept_yaml().unwrap_or_else(|| yaml::write(&whole)))
    }

    /// The text that it was read from with what has changed in its place, if that can be.
    fn kept_yaml(&self) -> Option<String> {
        let (text, read) = self.source.as_ref()?;
        if *read == self.definition {
            return Some(text.to_string());
        }
        let (now, before) = (&self.definition, read);
        let mut changed = Vec::new();
        if now.objects != before.objects {
            changed.push((OBJECTS, Node::List(objects::objects(now))));
        }
        if now.parameters != before.parameters {
            changed.push((PARAMETERS, Node::List(objects::parameters(now).ok()?)));
        }
        if now.values != before.values {
            changed.push((VALUES, Node::List(objects::values(now).ok()?)));
        }
        let new = keep::replaced(text, &self.logical_id, &changed)?;
        let again = Template::from_node(yaml::parse(&new).ok()?, &self.logical_id).ok()?;
        let same = again.definition == self.definition && again.document == self.document;
        same.then_some(new)
    }
}

/// The logical ids of a template's pipelines, in order: at least one.
pub(super) fn pipelines(document: &Node) -> Result<Vec<String>> {
    let is_pipeline =
        |at: &At<'_>| at.get("Type").is_some_and(|kind| *kind.node == Node::Text(TYPE.to_owned()));
    let pipelines = resources(document)?.into_iter().filter(|(_, resource)| is_pipeline(resource));
    let names: Vec<String> = pipelines.map(|(name, _)| name.to_owned()).collect();
    if names.is_empty() { Err(no_pipeline(document)) } else { Ok(names) }
}

fn resources(document: &Node) -> Result<Vec<(&str, At<'_>)>> {
    let root = At::root(document, "template");
    let resources = root.get("Resources");
    let resources = resources.ok_or_else(|| root.error("the key Resources is missing"))?;
    At::root(resources.node, "Resources").map()
}

fn no_pipeline(document: &Node) -> Error {
    At::root(document, "template").error(format!("no resource is of the type {TYPE}"))
}

/// The template's one pipeline.
fn only_pipeline(document: Node) -> Result<Template> {
    let names = pipelines(&document)?;
    match names.as_slice() {
        [name] => Template::from_node(document, name),
        names => Err(At::root(&document, "template")
            .error(format!("several resources are of the type {TYPE} ({})", names.join(", ")))),
    }
}

/// Reads a template of one pipeline written in YAML. [`Reader`](super::Reader) reads one of
/// several.
///
/// # Errors
/// `InvalidDefinition` with line and column where the text is not YAML, or with the path
/// to what is wrong: no pipeline or several, or a function where only its result tells
/// what the pipeline is, such as `!If` in place of an object.
pub fn read_yaml(text: &str) -> Result<Template> {
    Ok(only_pipeline(yaml::parse(text)?)?.with_source(&text.into()))
}

/// Reads a template of one pipeline written in JSON.
///
/// # Errors
/// As [`read_yaml`].
pub fn read_json(text: &str) -> Result<Template> {
    only_pipeline(read::parse(text)?)
}

/// Writes a template of nothing but this pipeline, as [`Template::new`] makes it.
///
/// # Errors
/// `CannotRepresent` where a parameter's attribute or value is a reference.
pub fn write_yaml(definition: &Definition) -> Result<String> {
    Template::new(definition.clone()).write_yaml()
}

/// Writes the same template as JSON.
///
/// # Errors
/// As [`write_yaml`].
pub fn write_json(definition: &Definition) -> Result<String> {
    Template::new(definition.clone()).write_json()
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Node::Map(entries) = node else { return None };
    entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
}

fn is_stack_name(node: &Node) -> bool {
    let stack = Node::Text("AWS::StackName".to_owned());
    match node {
        Node::Intrinsic(function) => function.function == "Ref" && function.argument == stack,
        Node::Map(_) => child(node, "Ref") == Some(&stack),
        _ => false,
    }
}

fn is_true(word: &str) -> bool {
    ["true", "yes", "on"].contains(&word.to_ascii_lowercase().as_str())
}

fn entries(node: &mut Node) -> Option<&mut Vec<(String, Node)>> {
    if let Node::Map(entries) = node { Some(entries) } else { None }
}

fn entry<'a>(entries: &'a mut [(String, Node)], key: &str) -> Option<&'a mut Node> {
    entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
}

/// Replaces an entry, or appends it.
fn set(entries: &mut Vec<(String, Node)>, key: &str, value: Node) {
    match entry(entries, key) {
        Some(node) => *node = value,
        None => entries.push((key.to_owned(), value)),
    }
}
