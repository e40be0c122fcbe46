//! What a Terraform file, in either syntax, holds of pipelines.

use super::super::tree::At;
use super::hcl;
use crate::Result;
use crate::pipeline::Node;
use std::ops::Range;

/// The resource that names a pipeline.
pub(super) const PIPELINE: &str = "aws_datapipeline_pipeline";
/// The resource with a pipeline's definition.
pub(super) const DEFINITION: &str = "aws_datapipeline_pipeline_definition";

/// The resources of interest, and the addresses of everything else.
#[derive(Default)]
pub(in crate::formats) struct File {
    pub(super) resources: Vec<Resource>,
    pub(super) others: Vec<String>,
}

/// A resource of one of the two types.
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) name: String,
    /// Its arguments; blocks of one name are a list of maps.
    pub(super) body: Node,
    /// Where its blocks stand in native syntax: name and bytes.
    pub(super) blocks: Vec<(String, Range<usize>)>,
    /// Where it stands itself.
    pub(super) span: Range<usize>,
}

pub(super) fn of_interest(kind: &str) -> bool {
    kind == PIPELINE || kind == DEFINITION
}

impl File {
    /// The resource of this type and name.
    pub(super) fn get(&self, kind: &str, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.kind == kind && resource.name == name)
    }

    /// Reads a file of Terraform's JSON syntax.
    pub(in crate::formats) fn from_json(tree: &Node) -> Result<File> {
        let mut file = File::default();
        for (section, node) in At::root(tree, "file").map()? {
            if section != "resource" {
                match node.node {
                    Node::Map(names) => {
                        let named = names.iter().map(|(name, _)| format!("{section}.{name}"));
                        file.others.extend(named);
                    }
                    _ if section == "//" => {}
                    _ => file.others.push(section.to_owned()),
                }
                continue;
            }
            for kinds in each(At::root(node.node, "resource")) {
                for (kind, names) in kinds.map()? {
                    for names in each(names) {
                        for (name, body) in names.map()? {
                            if !of_interest(kind) {
                                file.others.push(format!("{kind}.{name}"));
                                continue;
                            }
                            // A list of one body is the body.
                            let body = each(body).into_iter().next();
                            let body =
                                body.map_or(Ok(Node::Map(Vec::new())), |b| evaluated(b.node))?;
                            file.resources.push(Resource {
                                kind: kind.to_owned(),
                                name: name.to_owned(),
                                body,
                                blocks: Vec::new(),
                                span: 0..0,
                            });
                        }
                    }
                }
            }
        }
        Ok(file)
    }
}

/// JSON syntax takes a list of maps wherever it takes a map.
fn each(at: At<'_>) -> Vec<At<'_>> {
    at.list().unwrap_or_else(|_| vec![at])
}

/// The same tree with its strings read as the templates that they are.
fn evaluated(node: &Node) -> Result<Node> {
    Ok(match node {
        Node::Text(template) => hcl::from_json_string(template)?,
        Node::List(items) => Node::List(items.iter().map(evaluated).collect::<Result<_>>()?),
        Node::Map(entries) => {
            let entry = |(key, value): &(String, Node)| Ok((key.clone(), evaluated(value)?));
            Node::Map(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        Node::Plain(_) | Node::Intrinsic(_) => node.clone(),
    })
}
