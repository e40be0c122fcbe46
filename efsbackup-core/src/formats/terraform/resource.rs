//! The two resources of a pipeline, but for the definition: what is read of them and what
//! they are where there were none.

use super::super::about::About;
use super::Arguments;
use super::file::{DEFINITION, PIPELINE, Resource};
use super::objects::text as text_node;
use crate::pipeline::{Intrinsic, Node};

/// The two resources of a pipeline that was in no Terraform yet.
pub(super) fn new_resources(name: &str, about: &About) -> Vec<Arguments> {
    let About { name: called, description, tags, .. } = about;
    let called = called.as_deref().unwrap_or("pipeline");
    let mut pipeline = vec![("name".to_owned(), text_node(called))];
    if let Some(description) = description {
        pipeline.push(("description".to_owned(), text_node(description)));
    }
    if !tags.is_empty() {
        let tags = tags.iter().map(|(key, value)| (key.clone(), text_node(value)));
        pipeline.push(("tags".to_owned(), Node::Map(tags.collect())));
    }
    let id = Intrinsic::terraform(format!("{PIPELINE}.{name}.id"));
    let id = ("pipeline_id".to_owned(), Node::Intrinsic(Box::new(id)));
    vec![(PIPELINE, name.to_owned(), pipeline), (DEFINITION, name.to_owned(), vec![id])]
}

/// The name of the pipeline's resource in an expression such as
/// `aws_datapipeline_pipeline.nightly.id`.
pub(super) fn pipeline_of(id: &Node) -> Option<String> {
    let Node::Intrinsic(intrinsic) = id else { return None };
    let rest = intrinsic.as_terraform()?.strip_prefix(PIPELINE)?.strip_prefix('.')?;
    rest.split(['.', '[']).next().map(str::to_owned)
}

/// The arguments of these names.
pub(super) fn arguments(resource: &Resource, names: &[&str]) -> Vec<(String, Node)> {
    let Node::Map(entries) = &resource.body else { return Vec::new() };
    let wanted = entries.iter().filter(|(key, _)| names.contains(&key.as_str()));
    wanted.map(|(key, node)| (key.clone(), map_of(node).clone())).collect()
}

/// Terraform 0.11 took a block for a map, which is a list of one map.
fn map_of(node: &Node) -> &Node {
    match node {
        Node::List(items) if items.len() == 1 => items.first().unwrap_or(node),
        node => node,
    }
}

pub(super) fn unknown_arguments(resource: &Resource, known: &[&str]) -> Vec<String> {
    let Node::Map(entries) = &resource.body else { return Vec::new() };
    let unknown = entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    unknown.map(|(key, _)| format!("{}.{}.{key}", resource.kind, resource.name)).collect()
}

pub(super) fn read_about(pipeline: &Resource, about: &mut About) {
    let Node::Map(entries) = &pipeline.body else { return };
    let path = |key: &str| format!("{PIPELINE}.{}.{key}", pipeline.name);
    for (key, node) in entries {
        match key.as_str() {
            "name" => about.name = about.literal(node, || path(key)),
            "description" => about.description = about.literal(node, || path(key)),
            "tags" => {
                let node = map_of(node);
                let Node::Map(tags) = node else {
                    about.own.push(path(key));
                    continue;
                };
                for (tag, value) in tags {
                    if let Some(value) = about.literal(value, || path(&format!("tags.{tag}"))) {
                        about.tags.push((tag.clone(), value));
                    }
                }
            }
            _ => {}
        }
    }
}
